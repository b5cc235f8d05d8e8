/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/monitor/filter.h"

#include "sip/message/typed.h"

static bool is_party(const char *wanted, struct slice value)
{
	struct slice rest = slice_of(wanted), user = slice_split(&rest, '@');
	struct sip_addr address;

	if (wanted[0] == '\0')
		return true;
	if (sip_addr_parse(value, &address) != 0)
		return false;
	return slice_equal(address.uri.user, user) &&
	       (rest.n == 0 || slice_equal_nocase(address.uri.host, rest));
}

static bool chooses_calls(const struct trace_filter *f)
{
	return f->from[0] != '\0' || f->to[0] != '\0' || f->source.family != 0;
}

static bool fits(const struct trace_filter *f, const struct trace_record *r,
		 const struct sip_msg *msg)
{
	if (f->source.family != 0 && !sip_address_same_host(&f->source, &r->remote))
		return false;
	if (msg == NULL)
		return f->from[0] == '\0' && f->to[0] == '\0';
	return is_party(f->from, sip_msg_value(msg, SIP_H_FROM)) &&
	       is_party(f->to, sip_msg_value(msg, SIP_H_TO));
}

/* What belongs to no call is followed by its Call-ID. */
static uint64_t key_of(const struct trace_record *r, const struct sip_msg *msg)
{
	if (r->call != 0 || msg == NULL)
		return r->call;
	return slice_hash(sip_msg_value(msg, SIP_H_CALL_ID)) | 1;
}

bool trace_follow_wants(struct trace_follow *follow, const struct trace_record *r,
			const struct sip_msg *msg)
{
	const struct trace_filter *f = &follow->filter;

	if (f->call != 0 && r->call != f->call)
		return false;
	if (chooses_calls(f)) {
		const uint64_t key = key_of(r, msg);
		uint64_t *slot = &follow->followed[key % FILTER_FOLLOWS];

		if (fits(f, r, msg))
			*slot = key;
		else if (key == 0 || *slot != key)
			return false;
	}
	return f->method[0] == '\0' ||
	       (msg != NULL && slice_equal_nocase(msg->method_text, slice_of(f->method)));
}
