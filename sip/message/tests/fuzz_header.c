/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lines of a name and a value, of any header. What must hold: what is told to be well formed is so
 * for the parser of that header, and all results lie within the value.
 */
#include "sip/base/tests/fuzz.h"
#include "sip/message/headers.h"

static struct slice whole;

static void must_lie_in(struct slice part)
{
	MUST(part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n));
}

static void must_end(struct sip_params params)
{
	struct slice name, value;
	size_t limit = whole.n + 1;

	must_lie_in(params.text);
	while (sip_param_next(&params, &name, &value)) {
		MUST(limit-- > 0);
		must_lie_in(name);
		must_lie_in(value);
	}
}

static void look_at_addr(struct slice value)
{
	struct sip_addr addr;

	if (sip_addr_parse(value, &addr) != 0)
		return;
	must_lie_in(addr.display);
	must_lie_in(addr.uri.text);
	must_end(addr.params);
	must_lie_in(sip_addr_tag(&addr));
}

static void look_at_via(struct slice value)
{
	struct sip_via via;

	if (sip_via_next(&value, &via) != 0)
		return;
	must_lie_in(via.host);
	must_lie_in(via.branch);
	must_lie_in(via.received);
	must_end(via.params);
}

/* Each parser looks at it, whatever header it is of. */
static void parse_as_all(struct slice value)
{
	struct sip_media_type type;
	struct sip_item item;
	struct sip_rack rack;
	struct sip_session_expires expires;
	struct sip_dialog_id id;
	struct sip_referred_by by;
	struct sip_event event;
	struct sip_subscription_state state;
	struct sip_reason reason;
	struct sip_retry_after after;
	struct sip_history history;
	struct sip_diversion diversion;
	struct sip_warning warning;
	struct sip_timestamp stamp;
	struct sip_auth auth;
	struct slice found;
	time_t date;

	look_at_addr(value);
	look_at_via(value);
	if (sip_item_parse(value, &item) == 0)
		must_end(item.params);
	if (sip_media_type_parse(value, &type) == 0) {
		must_lie_in(type.subtype);
		MUST(sip_params_q(type.params) <= 1000);
	}
	if (sip_rack_parse(value, &rack) == 0)
		must_lie_in(rack.method);
	sip_session_expires_parse(value, &expires);
	if (sip_replaces_parse(value, &id) == 0)
		MUST(id.call_id.n > 0 && id.local_tag.n > 0 && id.remote_tag.n > 0);
	sip_target_dialog_parse(value, &id);
	if (sip_referred_by_parse(value, &by) == 0)
		must_lie_in(by.cid);
	if (sip_event_parse(value, &event) == 0)
		MUST(sip_event_equal(&event, &event));
	sip_subscription_state_parse(value, &state);
	if (sip_reason_parse(value, &reason) == 0)
		must_lie_in(reason.text);
	if (sip_retry_after_parse(value, &after) == 0)
		must_lie_in(after.comment);
	if (sip_history_parse(value, &history) == 0)
		MUST(history.index.n > 0);
	if (sip_diversion_parse(value, &diversion) == 0)
		must_lie_in(diversion.reason);
	if (sip_warning_parse(value, &warning) == 0)
		must_lie_in(warning.text);
	if (sip_timestamp_parse(value, &stamp) == 0)
		must_lie_in(stamp.delay);
	if (sip_auth_parse(value, &auth) == 0 && sip_auth_get(&auth, "realm", &found))
		must_lie_in(found);
	sip_date_parse(value, &date);
}

/* What is told to be well formed is so for the parser of that header. */
static void must_parse(enum sip_header_id id, struct slice value)
{
	switch (id) {
#define X(name, header, type)                                  \
	case SIP_H_##header: {                                 \
		type parsed;                                   \
                                                               \
		MUST(sip_##name##_parse(value, &parsed) == 0); \
		break;                                         \
	}
		SIP_SINGLE_VALUES(X)
#undef X
	default:
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice lines = { (const char *)data, size };

	while (lines.n > 0) {
		struct slice value = slice_split(&lines, '\n');
		const enum sip_header_id id = sip_header_of(slice_trim(slice_split(&value, ':')));

		whole = slice_trim(value);
		if (sip_header_valid(id, whole))
			must_parse(id, whole);
		parse_as_all(whole);
	}
	return 0;
}
