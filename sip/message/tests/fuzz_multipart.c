/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A Content-Type in the first line, and a body behind it. What must hold: the walk ends within the
 * limits, and its parts lie within the body, one behind the other.
 */
#include <errno.h>
#include <stdio.h>

#include "sip/base/tests/fuzz.h"
#include "sip/message/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[70000];
	struct slice body = { (const char *)data, size }, type = slice_split(&body, '\n');
	struct sip_parse_error error;
	struct sip_body_walk walk;
	struct sip_part part;
	struct sip_msg *msg;
	const char *last;
	unsigned parts = 0;
	int n, rc;

	if (type.n > 1000 || body.n > 60000)
		return 0;
	n = snprintf(
		text, sizeof(text),
		"MESSAGE sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: <sip:a>\r\nTo: <sip:b>\r\n"
		"Call-ID: 1\r\nCSeq: 1 MESSAGE\r\nContent-Type: %.*s\r\n\r\n",
		SLICE_FMT(type));
	if (body.n > 0)
		memcpy(text + n, body.p, body.n);
	rc = sip_msg_parse(text, (size_t)n + body.n, NULL, &msg, &error);
	if (rc == 0) {
		last = msg->body.p;
		for (rc = sip_body_first(msg, &walk, &part); rc == 0;
		     rc = sip_body_next(&walk, &part)) {
			MUST(++parts <= sip_limits.parts);
			MUST(part.body.n == 0 || part.body.p >= last);
			MUST(part.body.n == 0 ||
			     part.body.p + part.body.n <= msg->body.p + msg->body.n);
			if (part.body.n > 0)
				last = part.body.p + part.body.n;
		}
		MUST(rc == -ENOENT || rc == -EBADMSG || rc == -E2BIG);
	}
	sip_msg_unref(msg);
	return 0;
}
