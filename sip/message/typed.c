/* SPDX-License-Identifier: BSD-3-Clause */
/* Values of single headers. */
#include <errno.h>

#include "sip/message/chars.h"
#include "sip/message/internal.h"

int sip_cseq_parse(struct slice value, struct sip_cseq *cseq)
{
	struct slice digits = take_while(&value, CHAR_TOKEN);

	/* RFC 3261 §8.1.1.5: below 2^31 */
	if (slice_to_u32(digits, INT32_MAX, &cseq->number) != 0 || value.n == 0 ||
	    !char_is_space(value.p[0]))
		return -EBADMSG;
	skip_space(&value);
	cseq->method = value;
	return all_are(value, CHAR_TOKEN) ? 0 : -EBADMSG;
}

int sip_msg_cseq(const struct sip_msg *msg, struct sip_cseq *cseq)
{
	if (msg->cseq.method.p != NULL) {
		*cseq = msg->cseq;
		return 0;
	}
	return sip_cseq_parse(sip_msg_value(msg, SIP_H_CSEQ), cseq);
}

int sip_msg_from(const struct sip_msg *msg, struct sip_addr *from)
{
	if (msg->from.uri.text.p != NULL) {
		*from = msg->from;
		return 0;
	}
	return sip_addr_parse(sip_msg_value(msg, SIP_H_FROM), from);
}

int sip_msg_to(const struct sip_msg *msg, struct sip_addr *to)
{
	if (msg->to.uri.text.p != NULL) {
		*to = msg->to;
		return 0;
	}
	return sip_addr_parse(sip_msg_value(msg, SIP_H_TO), to);
}

int sip_msg_contact(const struct sip_msg *msg, struct sip_addr *contact)
{
	struct slice value = sip_msg_value(msg, SIP_H_CONTACT);

	return sip_addr_next(&value, contact);
}

int sip_msg_number(const struct sip_msg *msg, enum sip_header_id id, uint32_t *value)
{
	struct slice text = sip_msg_value(msg, id), digits;

	if (text.p == NULL)
		return -ENOENT;
	digits = take_while(&text, CHAR_TOKEN);
	if (slice_to_u32(digits, UINT32_MAX, value) != 0)
		return -EBADMSG;
	/* Parameters and comments may follow: Session-Expires, Retry-After. */
	skip_space(&text);
	return text.n == 0 || text.p[0] == ';' || text.p[0] == '(' ? 0 : -EBADMSG;
}

bool sip_msg_has_token(const struct sip_msg *msg, enum sip_header_id id, struct slice token)
{
	struct sip_cursor cursor = { 0 };
	struct slice element;

	while (sip_msg_each(msg, id, &cursor, &element)) {
		if (slice_equal_nocase(slice_trim(slice_split(&element, ';')), token))
			return true;
	}
	return false;
}

bool sip_content_type_is(const struct sip_msg *msg, struct slice type)
{
	struct slice value = sip_msg_value(msg, SIP_H_CONTENT_TYPE);
	struct slice subtype = slice_split(&value, ';');
	struct slice main_type = slice_split(&subtype, '/');
	struct slice wanted = slice_split(&type, '/');

	return subtype.p != NULL && slice_equal_nocase(slice_trim(main_type), wanted) &&
	       slice_equal_nocase(slice_trim(subtype), type);
}
