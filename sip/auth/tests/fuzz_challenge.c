/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Header lines of a 401 from any server, answered as a client. What must hold: the answer is
 * complete lines of credentials, in a request that parses as it did without them; nothing of the
 * challenge begins a header of its own.
 */
#include <stdio.h>

#include "sip/auth/client.h"
#include "sip/base/tests/fuzz.h"

#define LINES                                                                              \
	"Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\n" \
	"Call-ID: x\r\nCSeq: 1 INVITE\r\n"

static struct sip_msg *respond(const char *status, const uint8_t *data, size_t size)
{
	static char text[8192];
	int n = snprintf(text, sizeof(text), "SIP/2.0 %s\r\n" LINES "%.*s\r\n\r\n", status,
			 (int)size, (const char *)data);
	struct sip_parse_error error;
	struct sip_msg *msg = NULL;

	if (n >= (int)sizeof(text) || sip_msg_parse(text, (size_t)n, NULL, &msg, &error) == 0)
		return msg;
	sip_msg_unref(msg);
	return NULL;
}

static void send_again(struct sip_credentials *credentials)
{
	static const char head[] = "INVITE sip:b@h SIP/2.0\r\n" LINES;
	const struct sip_authorized_request request = { SLICE("INVITE"), SLICE("sip:b@h"),
							SLICE("body") };
	static char text[16384];
	size_t used = sizeof(head) - 1;
	struct sip_parse_error error;
	struct sip_msg *msg;
	int n;

	memcpy(text, head, used);
	n = sip_credentials_lines(credentials, &request, text + used, sizeof(text) - used - 2);
	if (n < 0)
		return;
	used += (size_t)n;
	memcpy(text + used, "\r\n", 2);
	MUST(sip_msg_parse(text, used + 2, NULL, &msg, &error) == 0);
	for (unsigned i = 6; i <= msg->header_count; i++)
		MUST(msg->headers[i].id == SIP_H_AUTHORIZATION ||
		     msg->headers[i].id == SIP_H_PROXY_AUTHORIZATION);
	sip_msg_unref(msg);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct sip_account accounts[] = { { "known", "user", "secret" },
						       { NULL, "an \"other\"", "secret" } };
	struct sip_challenge_try attempt = { 0 };
	struct sip_credentials *credentials;
	struct sip_msg *msg;

	if (size > 4000)
		return 0;
	MUST(sip_credentials_create(accounts, 2, &credentials) == 0);
	for (unsigned i = 0; i < 3; i++) {
		msg = respond(i == 2 ? "200 OK" : "401 Unauthorized", data, size);
		if (msg == NULL)
			break;
		if (i == 2)
			sip_credentials_note(credentials, msg);
		else
			sip_credentials_take(credentials, msg, NULL, &attempt);
		sip_msg_unref(msg);
		send_again(credentials);
	}
	sip_credentials_destroy(credentials);
	return 0;
}
