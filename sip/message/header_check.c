/* SPDX-License-Identifier: BSD-3-Clause */
/* What the value of each header looks like: one table, for who must know before it uses any. */
#include "sip/message/chars.h"
#include "sip/message/headers.h"
#include "sip/message/internal.h"

/* Checks of one value; of a list, of one element. */

static bool is_addr(struct slice value)
{
	struct sip_addr addr;

	return sip_addr_parse(value, &addr) == 0 && !addr.star;
}

static bool is_contact(struct slice value)
{
	struct slice text;
	struct sip_addr addr;
	uint32_t seconds;

	if (sip_addr_parse(value, &addr) != 0)
		return false;
	return !sip_param_get(addr.params, "expires", &text) ||
	       slice_to_u32(text, UINT32_MAX, &seconds) == 0;
}

static bool is_via(struct slice value)
{
	struct sip_via via;

	return via_parse(value, &sip_limits, true, &via) == 0;
}

static bool is_token(struct slice value)
{
	return all_are(value, CHAR_TOKEN);
}

static bool is_word(struct slice value)
{
	return all_are(value, CHAR_VISIBLE);
}

static bool is_number(struct slice value)
{
	uint32_t number;

	return slice_to_u32(value, UINT32_MAX, &number) == 0;
}

/* RFC 3261 §20.22 */
static bool is_hops(struct slice value)
{
	uint32_t number;

	return slice_to_u32(value, 255, &number) == 0;
}

static bool is_item(struct slice value)
{
	struct sip_item item;

	return sip_item_parse(value, &item) == 0;
}

static bool is_media_type(struct slice value)
{
	struct sip_media_type type;

	return sip_media_type_parse(value, &type) == 0;
}

/* "<" URI ">" with parameters */
static bool is_bracketed_uri(struct slice value)
{
	return value.n > 0 && value.p[0] == '<' && is_addr(value);
}

#define PARSES(name, type)                                      \
	static bool is_##name(struct slice value)               \
	{                                                       \
		type parsed;                                    \
                                                                \
		return sip_##name##_parse(value, &parsed) == 0; \
	}
PARSES(rack, struct sip_rack)
PARSES(session_expires, struct sip_session_expires)
PARSES(replaces, struct sip_dialog_id)
PARSES(target_dialog, struct sip_dialog_id)
PARSES(event, struct sip_event)
PARSES(subscription_state, struct sip_subscription_state)
PARSES(reason, struct sip_reason)
PARSES(retry_after, struct sip_retry_after)
PARSES(date, time_t)
PARSES(history, struct sip_history)
PARSES(diversion, struct sip_diversion)
PARSES(warning, struct sip_warning)
PARSES(timestamp, struct sip_timestamp)
PARSES(auth, struct sip_auth)
PARSES(cseq, struct sip_cseq)

/* Authentication-Info has parameters and no scheme. */
static bool is_auth_params(struct slice value)
{
	struct slice name, text;
	unsigned count = 0;
	int rc;

	while ((rc = sip_param_take(&value, ',', &name, &text)) > 0) {
		if (++count > sip_limits.params)
			return false;
	}
	return rc == 0 && count > 0;
}

enum shape {
	TEXT,   /* anything */
	ONE,    /* one value, and the header at most once */
	FIELDS, /* one value a field, any number of fields */
	LIST,   /* values with commas between them, one at least */
	EMPTY,  /* the same, or none */
};

static const struct check {
	uint8_t shape;
	bool (*valid)(struct slice value);
} checks[SIP_HEADER_IDS] = {
	[SIP_H_ACCEPT] = { EMPTY, is_media_type },
	[SIP_H_ACCEPT_ENCODING] = { EMPTY, is_item },
	[SIP_H_ACCEPT_LANGUAGE] = { EMPTY, is_item },
	[SIP_H_ACCEPT_RESOURCE_PRIORITY] = { EMPTY, is_token },
	[SIP_H_ALERT_INFO] = { LIST, is_bracketed_uri },
	[SIP_H_ALLOW] = { EMPTY, is_token },
	[SIP_H_ALLOW_EVENTS] = { LIST, is_token },
	[SIP_H_AUTHENTICATION_INFO] = { FIELDS, is_auth_params },
	[SIP_H_AUTHORIZATION] = { FIELDS, is_auth },
	[SIP_H_CALL_ID] = { ONE, is_word },
	[SIP_H_CALL_INFO] = { LIST, is_bracketed_uri },
	[SIP_H_CONTACT] = { LIST, is_contact },
	[SIP_H_CONTENT_DISPOSITION] = { ONE, is_item },
	[SIP_H_CONTENT_ENCODING] = { LIST, is_token },
	[SIP_H_CONTENT_LANGUAGE] = { LIST, is_token },
	[SIP_H_CONTENT_LENGTH] = { ONE, is_number },
	[SIP_H_CONTENT_TYPE] = { ONE, is_media_type },
	[SIP_H_CSEQ] = { ONE, is_cseq },
	[SIP_H_DATE] = { ONE, is_date },
	[SIP_H_DIVERSION] = { LIST, is_diversion },
	[SIP_H_ERROR_INFO] = { LIST, is_bracketed_uri },
	[SIP_H_EVENT] = { ONE, is_event },
	[SIP_H_EXPIRES] = { ONE, is_number },
	[SIP_H_FLOW_TIMER] = { ONE, is_number },
	[SIP_H_FROM] = { ONE, is_addr },
	[SIP_H_HISTORY_INFO] = { LIST, is_history },
	[SIP_H_INFO_PACKAGE] = { ONE, is_item },
	[SIP_H_IN_REPLY_TO] = { LIST, is_word },
	[SIP_H_JOIN] = { ONE, is_replaces },
	[SIP_H_MAX_BREADTH] = { ONE, is_number },
	[SIP_H_MAX_FORWARDS] = { ONE, is_hops },
	[SIP_H_MIN_EXPIRES] = { ONE, is_number },
	[SIP_H_MIN_SE] = { ONE, is_session_expires },
	[SIP_H_P_ASSERTED_IDENTITY] = { LIST, is_addr },
	[SIP_H_P_ASSOCIATED_URI] = { EMPTY, is_addr },
	[SIP_H_P_CALLED_PARTY_ID] = { ONE, is_addr },
	[SIP_H_P_PREFERRED_IDENTITY] = { LIST, is_addr },
	[SIP_H_PATH] = { LIST, is_bracketed_uri },
	[SIP_H_PRIORITY] = { ONE, is_token },
	[SIP_H_PROXY_AUTHENTICATE] = { FIELDS, is_auth },
	[SIP_H_PROXY_AUTHORIZATION] = { FIELDS, is_auth },
	[SIP_H_PROXY_REQUIRE] = { LIST, is_token },
	[SIP_H_RACK] = { ONE, is_rack },
	[SIP_H_REASON] = { LIST, is_reason },
	[SIP_H_RECORD_ROUTE] = { LIST, is_addr },
	[SIP_H_RECV_INFO] = { EMPTY, is_item },
	[SIP_H_REFER_TO] = { ONE, is_addr },
	[SIP_H_REFERRED_BY] = { ONE, is_addr },
	[SIP_H_REPLACES] = { ONE, is_replaces },
	[SIP_H_REPLY_TO] = { ONE, is_addr },
	[SIP_H_REQUIRE] = { LIST, is_token },
	[SIP_H_RESOURCE_PRIORITY] = { LIST, is_token },
	[SIP_H_RETRY_AFTER] = { ONE, is_retry_after },
	[SIP_H_ROUTE] = { LIST, is_addr },
	[SIP_H_RSEQ] = { ONE, is_number },
	[SIP_H_SERVICE_ROUTE] = { LIST, is_bracketed_uri },
	[SIP_H_SESSION_EXPIRES] = { ONE, is_session_expires },
	[SIP_H_SIP_ETAG] = { ONE, is_token },
	[SIP_H_SIP_IF_MATCH] = { ONE, is_token },
	[SIP_H_SUBSCRIPTION_STATE] = { ONE, is_subscription_state },
	[SIP_H_SUPPORTED] = { EMPTY, is_token },
	[SIP_H_TARGET_DIALOG] = { ONE, is_target_dialog },
	[SIP_H_TIMESTAMP] = { ONE, is_timestamp },
	[SIP_H_TO] = { ONE, is_addr },
	[SIP_H_UNSUPPORTED] = { LIST, is_token },
	[SIP_H_VIA] = { LIST, is_via },
	[SIP_H_WARNING] = { LIST, is_warning },
	[SIP_H_WWW_AUTHENTICATE] = { FIELDS, is_auth },
};

bool sip_header_valid(enum sip_header_id id, struct slice value)
{
	const struct check *check = &checks[id];
	unsigned count = 0;

	if (check->shape == TEXT)
		return true;
	if (check->shape == ONE || check->shape == FIELDS)
		return check->valid(value);
	while (value.p != NULL) {
		const struct slice element = slice_trim(sip_list_take(&value));

		if (element.n == 0)
			continue;
		if (!check->valid(element))
			return false;
		count++;
	}
	return count > 0 || check->shape == EMPTY;
}

const struct sip_header *sip_msg_malformed(const struct sip_msg *msg)
{
	for (unsigned i = 1; i <= msg->header_count; i++) {
		const struct sip_header *header = &msg->headers[i];
		const enum sip_header_id id = (enum sip_header_id)header->id;

		if (!sip_header_valid(id, header->value) ||
		    (checks[id].shape == ONE && msg->first[id] != i))
			return header;
	}
	return NULL;
}
