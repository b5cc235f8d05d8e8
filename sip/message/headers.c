/* SPDX-License-Identifier: BSD-3-Clause */
/* Values that are a word with parameters, or a list of such. */
#include "sip/message/headers.h"

#include <errno.h>

#include "sip/message/chars.h"
#include "sip/message/internal.h"

/* Of what follows a word: nothing, or ";" and parameters. */
static int take_params(struct slice rest, struct sip_params *params)
{
	*params = (struct sip_params){ SLICE_NONE };
	skip_space(&rest);
	if (rest.n == 0)
		return 0;
	if (!take_char(&rest, ';'))
		return -EBADMSG;
	params->text = rest;
	return sip_params_valid(rest, sip_limits.params, NULL) ? 0 : -EBADMSG;
}

/* A parameter that is a number, if it is there: 0 with *value as it was, 1, or -EBADMSG. */
static int param_u32(struct sip_params params, const char *name, uint32_t *value)
{
	struct slice text;

	if (!sip_param_get(params, name, &text))
		return 0;
	return slice_to_u32(text, UINT32_MAX, value) == 0 ? 1 : -EBADMSG;
}

int sip_item_parse(struct slice value, struct sip_item *item)
{
	struct slice rest = slice_trim(value);

	item->name = take_while(&rest, CHAR_TOKEN);
	return item->name.n > 0 ? take_params(rest, &item->params) : -EBADMSG;
}

/* --- media types ----------------------------------------------------------------------------- */

int sip_media_type_parse(struct slice value, struct sip_media_type *type)
{
	struct slice rest = slice_trim(value);

	type->type = take_while(&rest, CHAR_TOKEN);
	skip_space(&rest);
	if (type->type.n == 0 || !take_char(&rest, '/'))
		return -EBADMSG;
	skip_space(&rest);
	type->subtype = take_while(&rest, CHAR_TOKEN);
	return type->subtype.n > 0 ? take_params(rest, &type->params) : -EBADMSG;
}

bool sip_media_type_is(const struct sip_media_type *type, struct slice name)
{
	const struct slice main_type = slice_split(&name, '/');

	return slice_equal_nocase(type->type, main_type) && slice_equal_nocase(type->subtype, name);
}

unsigned sip_params_q(struct sip_params params)
{
	struct slice text, whole;
	unsigned q, digits = 0;

	if (!sip_param_get(params, "q", &text) || text.p == NULL)
		return 1000;
	whole = slice_split(&text, '.');
	q = whole.n == 1 && whole.p[0] == '1' ? 1000 : 0;
	for (unsigned part = 100; text.n > 0 && digits < 3; digits++, part /= 10) {
		const unsigned digit = (unsigned)(unsigned char)*text.p++ - '0';

		text.n--;
		q += digit <= 9 ? digit * part : 0;
	}
	return q < 1000 ? q : 1000;
}

bool sip_accepts(const struct sip_msg *msg, struct slice type)
{
	struct sip_cursor cursor = { 0 };
	struct slice value, subtype = type, main_type = slice_split(&subtype, '/');
	unsigned best = 0, q = 0;

	if (sip_msg_header(msg, SIP_H_ACCEPT) == NULL)
		return slice_equal_nocase(type, SLICE("application/sdp"));
	while (sip_msg_each(msg, SIP_H_ACCEPT, &cursor, &value)) {
		struct sip_media_type range;
		unsigned match = 0;

		if (sip_media_type_parse(value, &range) != 0)
			continue;
		if (sip_media_type_is(&range, type))
			match = 3;
		else if (slice_equal_nocase(range.type, main_type) &&
			 slice_equal(range.subtype, SLICE("*")))
			match = 2;
		else if (slice_equal(range.type, SLICE("*")) &&
			 slice_equal(range.subtype, SLICE("*")))
			match = 1;
		if (match > best) {
			best = match;
			q = sip_params_q(range.params);
		}
	}
	return best > 0 && q > 0;
}

/* --- sessions and reliability ------------------------------------------------------------------ */

int sip_rack_parse(struct slice value, struct sip_rack *rack)
{
	struct slice rest = slice_trim(value);

	/* RFC 3262 §7.1: response-num is 1 to 2^32 - 1 */
	if (slice_to_u32(take_while(&rest, CHAR_TOKEN), UINT32_MAX, &rack->rseq) != 0)
		return -EBADMSG;
	skip_space(&rest);
	if (slice_to_u32(take_while(&rest, CHAR_TOKEN), INT32_MAX, &rack->cseq) != 0)
		return -EBADMSG;
	skip_space(&rest);
	rack->method = rest;
	return all_are(rest, CHAR_TOKEN) ? 0 : -EBADMSG;
}

int sip_session_expires_parse(struct slice value, struct sip_session_expires *expires)
{
	struct sip_item item;
	struct slice refresher;

	*expires = (struct sip_session_expires){ 0 };
	if (sip_item_parse(value, &item) != 0 ||
	    slice_to_u32(item.name, UINT32_MAX, &expires->delta) != 0)
		return -EBADMSG;
	if (sip_param_get(item.params, "refresher", &refresher)) {
		if (slice_equal_nocase(refresher, SLICE("uac")))
			expires->refresher = SIP_REFRESHER_UAC;
		else if (slice_equal_nocase(refresher, SLICE("uas")))
			expires->refresher = SIP_REFRESHER_UAS;
	}
	return 0;
}

int sip_retry_after_parse(struct slice value, struct sip_retry_after *after)
{
	struct slice rest = slice_trim(value);
	struct sip_params params;

	*after = (struct sip_retry_after){ 0 };
	if (slice_to_u32(take_while(&rest, CHAR_TOKEN), UINT32_MAX, &after->delta) != 0)
		return -EBADMSG;
	skip_space(&rest);
	if (rest.n > 0 && rest.p[0] == '(' && !take_comment(&rest, &after->comment))
		return -EBADMSG;
	if (take_params(rest, &params) != 0 || param_u32(params, "duration", &after->duration) < 0)
		return -EBADMSG;
	return 0;
}

/* --- events ------------------------------------------------------------------------------------ */

int sip_event_parse(struct slice value, struct sip_event *event)
{
	struct sip_item item;
	int rc = sip_item_parse(value, &item);

	if (rc != 0)
		return rc;
	event->package = item.name;
	event->params = item.params;
	sip_param_get(item.params, "id", &event->id);
	return 0;
}

bool sip_event_equal(const struct sip_event *a, const struct sip_event *b)
{
	/* RFC 6665 §8.2.1: by the octet */
	return slice_equal(a->package, b->package) && (a->id.p == NULL) == (b->id.p == NULL) &&
	       slice_equal(a->id, b->id);
}

int sip_subscription_state_parse(struct slice value, struct sip_subscription_state *state)
{
	static const struct {
		const char *name;
		enum sip_substate state;
	} names[] = { { "pending", SIP_SUB_PENDING },
		      { "active", SIP_SUB_ACTIVE },
		      { "terminated", SIP_SUB_TERMINATED } };
	struct sip_item item;
	int expires, retry;

	*state = (struct sip_subscription_state){ 0 };
	if (sip_item_parse(value, &item) != 0)
		return -EBADMSG;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (slice_equal_nocase(item.name, slice_of(names[i].name)))
			state->state = names[i].state;
	}
	sip_param_get(item.params, "reason", &state->reason);
	expires = param_u32(item.params, "expires", &state->expires);
	retry = param_u32(item.params, "retry-after", &state->retry_after);
	state->has_expires = expires > 0;
	state->has_retry_after = retry > 0;
	return expires < 0 || retry < 0 ? -EBADMSG : 0;
}

/* --- causes ------------------------------------------------------------------------------------ */

int sip_reason_parse(struct slice value, struct sip_reason *reason)
{
	struct sip_item item;

	*reason = (struct sip_reason){ 0 };
	if (sip_item_parse(value, &item) != 0 ||
	    param_u32(item.params, "cause", &reason->cause) < 0)
		return -EBADMSG;
	reason->protocol = item.name;
	sip_param_get(item.params, "text", &reason->text);
	return 0;
}

int sip_warning_parse(struct slice value, struct sip_warning *warning)
{
	struct slice rest = slice_trim(value), code = take_while(&rest, CHAR_TOKEN);

	*warning = (struct sip_warning){ 0 };
	if (code.n != 3 || slice_to_u32(code, 999, &warning->code) != 0 || rest.n == 0)
		return -EBADMSG;
	skip_space(&rest);
	warning->agent = (struct slice){ rest.p, 0 };
	while (rest.n > 0 && !char_is_space(rest.p[0]) && rest.p[0] != '"') {
		warning->agent.n++;
		rest.p++;
		rest.n--;
	}
	if (warning->agent.n == 0 || rest.n == 0)
		return -EBADMSG;
	skip_space(&rest);
	if (rest.n == 0 || rest.p[0] != '"' || !take_quoted(&rest, &warning->text))
		return -EBADMSG;
	skip_space(&rest);
	return rest.n == 0 ? 0 : -EBADMSG;
}

/* --- challenges and credentials ----------------------------------------------------------------- */

int sip_auth_parse(struct slice value, struct sip_auth *auth)
{
	struct slice rest = slice_trim(value), name, text;
	unsigned count = 0;
	int rc;

	auth->scheme = take_while(&rest, CHAR_TOKEN);
	if (auth->scheme.n == 0 || rest.n == 0 || !char_is_space(rest.p[0]))
		return -EBADMSG;
	skip_space(&rest);
	auth->params = rest;
	while ((rc = sip_param_take(&rest, ',', &name, &text)) > 0) {
		if (++count > sip_limits.params)
			return -EBADMSG;
	}
	return rc < 0 || count == 0 ? -EBADMSG : 0;
}

bool sip_auth_get(const struct sip_auth *auth, const char *name, struct slice *value)
{
	struct slice rest = auth->params, found;

	while (sip_param_take(&rest, ',', &found, value) > 0) {
		if (slice_equal_nocase(found, slice_of(name)))
			return true;
	}
	*value = SLICE_NONE;
	return false;
}

/* --- privacy ------------------------------------------------------------------------------------ */

unsigned sip_msg_privacy(const struct sip_msg *msg)
{
	static const struct {
		const char *text;
		unsigned bit;
	} names[] = {
#define X(name, bit, text) { text, bit },
		SIP_PRIVACY(X)
#undef X
	};
	unsigned bits = 0;

	/* RFC 3323 §4.2: semicolons are right, and commas are met with. */
	for (const struct sip_header *h = sip_msg_header(msg, SIP_H_PRIVACY); h != NULL;
	     h = sip_msg_next(msg, h)) {
		struct slice list = h->value;

		while (list.p != NULL) {
			struct slice some = slice_split(&list, ',');

			while (some.p != NULL) {
				struct slice word = slice_trim(slice_split(&some, ';'));

				for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
					if (slice_equal_nocase(word, slice_of(names[i].text)))
						bits |= names[i].bit;
				}
			}
		}
	}
	return bits;
}
