/* SPDX-License-Identifier: BSD-3-Clause */
/* The messages of RFC 4475 whose verdict is about bodies: §3.3.6 and §3.3.15. */
#include <criterion/criterion.h>

#include "controlplane/engine/tests/world.h"

TestSuite(call_torture, .init = world_start, .fini = world_stop);

static void offer(const char *headers, const char *body, const char *begins)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "INVITE sip:bob@tandem.lab SIP/2.0\r\n"
		 "Via: SIP/2.0/UDP 198.18.0.104:5060;branch=z9hG4bKtorture\r\n"
		 "From: <sip:a@b>;tag=1\r\nTo: <sip:bob@tandem.lab>\r\nCall-ID: torture\r\n"
		 "CSeq: 1 INVITE\r\nContact: <sip:a@198.18.0.104>\r\nMax-Forwards: 70\r\n"
		 "%sContent-Length: %zu\r\n\r\n%s",
		 headers, strlen(body), body);
	network_send_text(world->phones[CARRIER].node, world->tandem, text);
	world_run(20);
	cr_expect_eq(network_count(world->net, world->tandem, begins), 1, "%s", begins);
	network_send_text(
		world->phones[CARRIER].node, world->tandem,
		"ACK sip:bob@tandem.lab SIP/2.0\r\n"
		"Via: SIP/2.0/UDP 198.18.0.104:5060;branch=z9hG4bKtorture\r\n"
		"From: <sip:a@b>;tag=1\r\nTo: <sip:bob@tandem.lab>\r\nCall-ID: torture\r\n"
		"CSeq: 1 ACK\r\n\r\n");
	world_run(20);
	world_expect_nothing_left();
}

Test(call_torture, a_body_of_an_unknown_type_is_415)
{
	offer("Content-Type: application/unknownformat\r\n", "<audio/>\r\n", "SIP/2.0 415");
}

Test(call_torture, a_caller_that_takes_no_session_description_is_406)
{
	offer("Content-Type: application/sdp\r\nAccept: text/nobodyKnowsThis\r\n",
	      phone_sdp(CARRIER, 4000, "0", "sendrecv"), "SIP/2.0 406");
}
