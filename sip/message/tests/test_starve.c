/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages with each allocation refused, and that a warm thread needs none for them. */
#include <stdlib.h>

#include "sip/base/tests/starve.h"
#include "sip/message/multipart.h"
#include "sip/message/tests/support.h"

#define LINES                                                                     \
	"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\n" \
	"To: <sip:b@h>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\n"

/* Larger than what is kept for the next one, and with more headers than most have: it is
 * allocated twice. */
static void large_scenario(void)
{
	static char text[400000];
	static struct sip_limits limits;
	struct sip_parse_error error;
	struct sip_msg *msg = NULL;
	size_t n = (size_t)snprintf(text, sizeof(text), "INVITE sip:b@h SIP/2.0\r\n" LINES);
	int rc;

	limits = sip_limits_default;
	limits.message = sizeof(text);
	for (unsigned i = 0; i < 100; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "X-%u: y\r\n", i);
	memcpy(text + n, "\r\n", 2);
	memset(text + n + 2, 'a', sizeof(text) - n - 2);
	rc = sip_msg_parse(text, sizeof(text), &limits, &msg, &error);
	cr_assert(rc == 0 || rc == -ENOMEM, "%d %s", rc, error.what);
	cr_assert_eq(msg != NULL, rc == 0);
	sip_msg_unref(msg);
	rc = sip_msg_index(text, sizeof(text), &limits, &msg, &error);
	cr_assert(rc == 0 || rc == -ENOMEM, "%d %s", rc, error.what);
	cr_assert_eq(msg != NULL, rc == 0);
	sip_msg_unref(msg);
}

Test(starve, a_message_is_parsed_or_not)
{
	starve(large_scenario, 10);
}

/* Parsed, looked at in all ways, and answered. */
static void usual_scenario(void)
{
	static const char text[] =
		"INVITE sip:b@h SIP/2.0\r\n" LINES "Contact: <sip:a@192.0.2.1>\r\n"
		"Supported: 100rel, timer\r\nSession-Expires: 1800;refresher=uac\r\n"
		"Reason: SIP ;cause=200\r\nPrivacy: id\r\nRefer-To: <sip:c@h?Replaces=x>\r\n"
		"Content-Type: multipart/mixed;boundary=b\r\n\r\n"
		"--b\r\n\r\none\r\n--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b--\r\n";
	char buffer[2048], header[64];
	struct sip_session_expires expires;
	struct sip_parse_error error;
	struct sip_addr addr;
	struct sip_build b;
	struct slice response;
	struct sip_part part;
	struct sip_msg *msg;

	for (unsigned i = 0; i < 100; i++) {
		cr_assert_eq(sip_msg_parse(text, sizeof(text) - 1, NULL, &msg, &error), 0);
		cr_assert_eq(sip_msg_contact(msg, &addr), 0);
		cr_assert_eq(sip_msg_session_expires(msg, &expires), 0);
		cr_assert_eq(sip_msg_privacy(msg), SIP_PRIVACY_ID);
		cr_assert(sip_msg_has_token(msg, SIP_H_SUPPORTED, SLICE("timer")));
		cr_assert_eq(sip_msg_refer_to(msg, &addr), 0);
		cr_assert_eq(sip_uri_header_get(&addr.uri, "Replaces", header, sizeof(header)), 0);
		cr_assert_eq(sip_body_find(msg, SLICE("application/sdp"), &part), 0);
		cr_assert_null(sip_msg_malformed(msg));
		sip_build_init(&b, buffer, sizeof(buffer));
		sip_build_response(&b, msg, 180, "Ringing", SLICE("tag"), true, "192.0.2.2", 5060);
		cr_assert_eq(sip_build_finish(&b, SLICE_NONE, SLICE_NONE, &response), 0);
		sip_msg_unref(msg);
	}
}

Test(starve, a_warm_thread_allocates_nothing_for_messages)
{
	cr_expect_eq(starve_count(usual_scenario), 0);
}
