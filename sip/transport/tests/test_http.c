/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>

#include "sip/transport/http.h"

/* RFC 6455 §1.3, with the subprotocol of RFC 7118. */
#define UPGRADE                                                                                  \
	"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n" \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
#define SIP_TOO "Sec-WebSocket-Protocol: xmpp, sip\r\nOrigin: https://phone.lab\r\n"

static unsigned status_of(const char *request, const char *origin)
{
	char answer[HTTP_ANSWER_MAX];
	const char *origins[] = { "https://other.lab", origin };

	return http_upgrade(slice_of(request), origins, origin != NULL ? 2 : 0, answer);
}

Test(http, the_key_of_the_rfc_is_accepted_as_there)
{
	char answer[HTTP_ANSWER_MAX];

	cr_expect_eq(http_upgrade(SLICE(UPGRADE SIP_TOO "\r\n"), NULL, 0, answer), 101);
	cr_expect_not_null(
		strstr(answer, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
	cr_expect_not_null(strstr(answer, "Sec-WebSocket-Protocol: sip\r\n"));
}

Test(http, what_is_no_upgrade_to_sip_is_refused)
{
	cr_expect_eq(status_of(UPGRADE "\r\n", NULL), 400, "no subprotocol");
	cr_expect_eq(status_of(UPGRADE "Sec-WebSocket-Protocol: sips\r\n\r\n", NULL), 400);
	cr_expect_eq(status_of("GET / HTTP/1.1\r\nHost: h\r\n\r\n", NULL), 426);
	cr_expect_eq(status_of("POST / HTTP/1.1\r\n\r\n", NULL), 400);
	cr_expect_eq(status_of("", NULL), 400);
}

Test(http, origins_are_checked_if_any_are_named)
{
	const char *request = UPGRADE SIP_TOO "\r\n";

	cr_expect_eq(status_of(request, NULL), 101);
	cr_expect_eq(status_of(request, "https://phone.lab"), 101);
	cr_expect_eq(status_of(request, "https://phone.lab.evil"), 403);
	cr_expect_eq(status_of(UPGRADE "Sec-WebSocket-Protocol: sip\r\n\r\n", "https://phone.lab"),
		     403, "no Origin");
}

Test(http, a_request_ends_with_an_empty_line)
{
	cr_expect_eq(http_request_size(SLICE("GET / HTTP/1.1\r\n\r\nxy")), 18);
	cr_expect_eq(http_request_size(SLICE("GET / HTTP/1.1\r\n\r")), 0);
	cr_expect_eq(http_request_size(SLICE_NONE), 0);
}
