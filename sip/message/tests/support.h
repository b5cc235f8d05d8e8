/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of messages share. */
#ifndef SIP_MESSAGE_TESTS_SUPPORT_H
#define SIP_MESSAGE_TESTS_SUPPORT_H

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "sip/message/build.h"
#include "sip/message/typed.h"

#define VIA      "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKtest\r\n"
#define FROM     "From: <sip:alice@example.com>;tag=88sja8x\r\n"
#define TO       "To: <sip:bob@example.com>\r\n"
#define CALL_ID  "Call-ID: 3848276298220188511@192.0.2.1\r\n"
#define CSEQ     "CSeq: 1 INVITE\r\n"
#define REQUIRED VIA FROM TO CALL_ID CSEQ
#define INVITE   "INVITE sip:bob@example.com SIP/2.0\r\n"

#define cr_expect_slice(s, text) \
	cr_expect(slice_equal((s), slice_of(text)), "\"%.*s\" is not \"%s\"", SLICE_FMT(s), (text))

/* Parses a message that is right. */
static inline struct sip_msg *parse(const char *text)
{
	struct sip_parse_error error;
	struct sip_msg *msg = NULL;
	int rc = sip_msg_parse(text, strlen(text), NULL, &msg, &error);

	cr_assert_eq(rc, 0, "%s at %u in: %s", error.what, error.offset, text);
	return msg;
}

#endif
