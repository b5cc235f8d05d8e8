/* SPDX-License-Identifier: BSD-3-Clause */
/* What every message must have, and must have right; parsed here, and kept in the message. */
#include <errno.h>

#include "sip/message/chars.h"
#include "sip/message/internal.h"

void msg_fail(struct checker *checker, unsigned status, const char *at, const char *what)
{
	if (checker->failed)
		return;
	checker->failed = true;
	checker->error->status = (uint16_t)status;
	checker->error->offset = (uint32_t)(at - checker->data_start);
	checker->error->what = what;
}

static void check_request_uri(struct sip_msg *msg, struct checker *checker)
{
	struct slice text = msg->request_uri;

	if (text.n > checker->limits->uri)
		msg_fail(checker, 414, text.p, "Request-URI too long");
	else if (uri_parse_within(text, checker->limits, &msg->uri) != 0)
		msg_fail(checker, 400, text.p, "Request-URI malformed");
	else if (msg->uri.scheme == SIP_SCHEME_OTHER)
		msg_fail(checker, 416, text.p, "Request-URI of an unsupported scheme");
	else if (msg->uri.headers.p != NULL)
		/* RFC 3261 §19.1.1, table 1 */
		msg_fail(checker, 400, msg->uri.headers.p, "Request-URI with header fields");
}

static void check_via(struct sip_msg *msg, struct checker *checker)
{
	struct slice value = sip_msg_value(msg, SIP_H_VIA), first;

	if (value.p == NULL) {
		msg_fail(checker, 0, msg->body.p, "Via missing");
		return;
	}
	first = sip_list_take(&value);
	if (via_parse(first, checker->limits, true, &msg->via) == 0)
		return;
	msg_fail(checker, 400, first.p, "Via malformed");
	/* An answer may still find its way. */
	if (via_parse(first, checker->limits, false, &msg->via) != 0)
		msg->via = (struct sip_via){ 0 };
}

static bool take_addr(struct slice value, const struct sip_limits *limits, struct sip_addr *addr,
		      struct slice *tag)
{
	if (addr_parse_within(value, limits, addr, tag) == 0 && !addr->star)
		return true;
	*addr = (struct sip_addr){ 0 };
	*tag = SLICE_NONE;
	return false;
}

static bool take_from(struct sip_msg *msg, struct slice value, const struct sip_limits *limits)
{
	return take_addr(value, limits, &msg->from, &msg->from_tag);
}

static bool take_to(struct sip_msg *msg, struct slice value, const struct sip_limits *limits)
{
	return take_addr(value, limits, &msg->to, &msg->to_tag);
}

static bool take_call_id(struct sip_msg *msg, struct slice value, const struct sip_limits *limits)
{
	(void)limits;
	if (!all_are(value, CHAR_VISIBLE))
		return false;
	msg->call_id = value;
	return true;
}

static bool take_cseq(struct sip_msg *msg, struct slice value, const struct sip_limits *limits)
{
	(void)limits;
	if (sip_cseq_parse(value, &msg->cseq) == 0)
		return true;
	msg->cseq = (struct sip_cseq){ 0 };
	return false;
}

/* RFC 3261 §20.22: 0 to 255 */
static bool take_max_forwards(struct sip_msg *msg, struct slice value,
			      const struct sip_limits *limits)
{
	uint32_t number;

	(void)limits;
	if (slice_to_u32(value, 255, &number) != 0)
		return false;
	msg->max_forwards = (int16_t)number;
	return true;
}

static const struct rule {
	enum sip_header_id id;
	bool required;
	bool (*take)(struct sip_msg *msg, struct slice value, const struct sip_limits *limits);
	const char *missing, *malformed, *repeated;
} rules[] = {
#define RULE(id, name, required, take)                                                   \
	{                                                                                \
		id, required, take, name " missing", name " malformed", name " repeated" \
	}
	RULE(SIP_H_FROM, "From", true, take_from),
	RULE(SIP_H_TO, "To", true, take_to),
	RULE(SIP_H_CALL_ID, "Call-ID", true, take_call_id),
	RULE(SIP_H_CSEQ, "CSeq", true, take_cseq),
	RULE(SIP_H_MAX_FORWARDS, "Max-Forwards", false, take_max_forwards),
	RULE(SIP_H_CONTENT_LENGTH, "Content-Length", false, NULL),
	RULE(SIP_H_CONTENT_TYPE, "Content-Type", false, NULL),
#undef RULE
};

static void check_rule(struct sip_msg *msg, struct checker *checker, const struct rule *rule)
{
	const struct sip_header *header = sip_msg_header(msg, rule->id);

	if (header == NULL) {
		/* RFC 4475 §3.3.1: an answer is wanted even so. */
		if (rule->required)
			msg_fail(checker, 400, msg->body.p, rule->missing);
		return;
	}
	if (rule->take != NULL && !rule->take(msg, header->value, checker->limits))
		msg_fail(checker, 400, header->value.p, rule->malformed);
	if (header->next != 0)
		msg_fail(checker, 400, sip_msg_next(msg, header)->name.p, rule->repeated);
}

static void check_method(struct sip_msg *msg, struct checker *checker)
{
	const struct slice method = msg->cseq.method;

	if (method.p == NULL)
		return;
	if (!msg->is_request) {
		msg->method_text = method;
		msg->method = (uint8_t)sip_method_of(method);
	} else if (!slice_equal(method, msg->method_text)) {
		/* RFC 4475 §3.1.2.18: for a method that nobody knows that is the better reason. */
		msg_fail(checker, msg->method == SIP_UNKNOWN_METHOD ? 501 : 400, method.p,
			 "CSeq of another method");
	}
}

void msg_check(struct sip_msg *msg, struct checker *checker)
{
	if (msg->is_request)
		check_request_uri(msg, checker);
	check_via(msg, checker);
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		check_rule(msg, checker, &rules[i]);
	check_method(msg, checker);
}

bool msg_is_answerable(const struct sip_msg *msg)
{
	return msg->is_request && msg->method != SIP_ACK && msg->via.host.p != NULL &&
	       sip_msg_value(msg, SIP_H_CSEQ).n > 0;
}
