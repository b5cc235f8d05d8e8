/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages from anywhere: parsed, looked at in every way, answered. What must hold:
 *   - no value holds a control character but HTAB;
 *   - each response that is built of it is a message that parses, if the request was right;
 *   - lists and parameters come to an end.
 */
#include <errno.h>

#include "sip/base/tests/fuzz.h"
#include "sip/message/build.h"
#include "sip/message/multipart.h"

static void look_at_params(struct sip_params params, size_t limit)
{
	struct slice name, value;

	while (sip_param_next(&params, &name, &value))
		MUST(limit-- > 0);
}

static void look_at_uri(const struct sip_uri *uri)
{
	char text[64];
	struct sip_uri again;

	MUST(sip_uri_parse(uri->text, &again) == 0);
	MUST(sip_uri_equal(uri, &again));
	sip_uri_unescape(uri->user, text, sizeof(text));
	look_at_params(uri->params, uri->text.n + 1);
}

static void look_at_value(struct slice value)
{
	struct sip_addr addr;
	struct sip_via via;
	struct sip_uri uri;
	struct slice rest = value;
	size_t limit = value.n + 2;
	int rc;

	if (sip_uri_parse(value, &uri) == 0)
		look_at_uri(&uri);
	while ((rc = sip_addr_next(&rest, &addr)) != -ENOENT) {
		MUST(limit-- > 0);
		if (rc != 0 || addr.star)
			continue;
		look_at_uri(&addr.uri);
		look_at_params(addr.params, value.n + 1);
		sip_addr_tag(&addr);
	}
	rest = value;
	limit = value.n + 2;
	while ((rc = sip_via_next(&rest, &via)) != -ENOENT) {
		MUST(limit-- > 0);
		if (rc == 0)
			look_at_params(via.params, value.n + 1);
	}
}

/* Each accessor of headers.h; none fails on a message that is well formed. */
static void look_at_typed(const struct sip_msg *msg)
{
	const bool right = sip_msg_malformed(msg) == NULL;
	struct sip_session_expires min_se;
	struct sip_media_type type;
	struct sip_dialog_id join;
	struct sip_addr refer_to;
	struct sip_part part;
	int rc;

#define LOOK(call) \
	rc = call; \
	MUST(rc == 0 || rc == -ENOENT || (rc == -EBADMSG && !right))
#define X(name, id, kind)                          \
	{                                          \
		kind value;                        \
                                                   \
		LOOK(sip_msg_##name(msg, &value)); \
	}
	SIP_SINGLE_VALUES(X)
#undef X
	LOOK(sip_msg_join(msg, &join));
	LOOK(sip_msg_min_se(msg, &min_se));
	LOOK(sip_msg_refer_to(msg, &refer_to));
	LOOK(sip_msg_content_type(msg, &type));
#undef LOOK
	sip_msg_privacy(msg);
	sip_accepts(msg, SLICE("text/plain"));
	sip_body_find(msg, SLICE("application/sdp"), &part);
}

static void look_at(const struct sip_msg *msg)
{
	struct sip_cseq cseq;
	struct sip_addr addr;
	uint32_t number;

	for (unsigned i = 1; i <= msg->header_count; i++) {
		const struct sip_header *h = &msg->headers[i];

		MUST(h->name.p >= msg->raw.p && h->value.p + h->value.n <= msg->raw.p + msg->raw.n);
		for (size_t k = 0; k < h->value.n; k++) {
			unsigned char c = (unsigned char)h->value.p[k];

			MUST(c == '\t' || (c >= ' ' && c != 0x7f));
		}
		MUST(sip_msg_header_named(msg, h->name) != NULL);
		look_at_value(h->value);
	}
	for (unsigned id = 1; id < SIP_HEADER_IDS; id++)
		sip_msg_number(msg, (enum sip_header_id)id, &number);
	sip_msg_cseq(msg, &cseq);
	sip_msg_from(msg, &addr);
	sip_msg_to(msg, &addr);
	sip_msg_contact(msg, &addr);
	sip_msg_has_token(msg, SIP_H_SUPPORTED, SLICE("100rel"));
	sip_content_type_is(msg, SLICE("application/sdp"));
	look_at_typed(msg);
}

static void answer(const struct sip_msg *request, bool right)
{
	static char buffer[200000];
	struct sip_parse_error error;
	struct sip_msg *response;
	struct sip_build b;
	struct slice message;

	sip_build_init(&b, buffer, sizeof(buffer));
	sip_build_response(&b, request, 180, "Ringing", SLICE("tag"), true, "2001:db8::1", 5060);
	MUST(sip_build_finish(&b, SLICE_NONE, SLICE_NONE, &message) == 0);
	if (!right || message.n > sip_limits_default.header_value)
		return;
	/* A Via that had as many parameters as are allowed has more of them now. */
	if (sip_msg_parse(message.p, message.n, NULL, &response, &error) != 0)
		MUST(strcmp(error.what, "Via malformed") == 0);
	else
		MUST(slice_equal(sip_msg_value(request, SIP_H_CALL_ID),
				 sip_msg_value(response, SIP_H_CALL_ID)));
	sip_msg_unref(response);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sip_parse_error error;
	struct sip_msg *msg;
	int rc = sip_msg_parse((const char *)data, size, NULL, &msg, &error);

	MUST(rc == 0 || (rc == -EBADMSG && error.what != NULL && error.offset <= size));
	MUST((msg != NULL) == (rc == 0 || error.status != 0));
	if (msg != NULL) {
		look_at(msg);
		if (msg->is_request)
			answer(msg, rc == 0);
	}
	sip_msg_unref(msg);
	return 0;
}
