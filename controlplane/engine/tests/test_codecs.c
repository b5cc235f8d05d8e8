/* SPDX-License-Identifier: BSD-3-Clause */
/* Which media a relay carries from one leg to the other, and what it refuses. */
#include <criterion/criterion.h>

#include "controlplane/engine/tests/world.h"

TestSuite(codecs, .init = world_start, .fini = world_stop);

#define OFFER phone_sdp(CARRIER, 4000, "0 8 101", "sendrecv")

static struct phone *carrier(void)
{
	return &world->phones[CARRIER];
}

static struct phone *bob(void)
{
	return &world->phones[BOB];
}

static void expect_nothing_to_relay(const char *media)
{
	char sdp[512];

	snprintf(sdp, sizeof(sdp),
		 "v=0\r\no=- 1 1 IN IP4 198.18.0.104\r\ns=-\r\nc=IN IP4 198.18.0.104\r\n"
		 "t=0 0\r\n%s",
		 media);
	phone_call(CARRIER, "sip:bob@tandem.lab", sdp);
	world_run(50);
	cr_expect_eq(carrier()->final, 488, "%u", carrier()->final);
	cr_expect_eq(world->cdr.cause, 488);
	cr_expect_eq(network_count(world->net, world->tandem, "INVITE "), 0);
	world_expect_nothing_left();
}

Test(codecs, a_format_without_a_name_is_488)
{
	expect_nothing_to_relay("m=audio 4000 RTP/AVP 96\r\n");
}

Test(codecs, encrypted_media_is_488)
{
	expect_nothing_to_relay("m=audio 4000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 "
				"inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR\r\n");
}

Test(codecs, a_fax_alone_is_488)
{
	expect_nothing_to_relay("m=image 4000 udptl t38\r\na=T38FaxVersion:0\r\n");
}

Test(codecs, an_answer_with_nothing_of_the_offer_is_488)
{
	phone_call(CARRIER, "sip:bob@tandem.lab", OFFER);
	world_run(20);
	phone_respond(BOB, 200, phone_sdp(BOB, 5000, "9 101", "sendrecv"));
	world_run(50);
	cr_expect_eq(carrier()->final, 488);
	cr_expect(bob()->ended);
	cr_expect_eq(world->cdr.cause, 488);
	cr_expect_str_eq(world->cdr_ended_by, "callee");
	world_expect_nothing_left();
}

/* given codecs that nobody here knows, when they are offered and answered, then each side has them
 * as the other wrote them, and the dataplane its clock */
Test(codecs, any_codec_goes_through_with_its_parameters)
{
	phone_call(CARRIER, "sip:bob@tandem.lab",
		   phone_sdp(CARRIER, 4000,
			     "96 111 9 13 101\r\na=rtpmap:96 new/16000/2\r\na=fmtp:96 mode=7;x\r\n"
			     "a=rtpmap:111 opus/48000/2\r\na=ptime:30\r\na=maxptime:60",
			     "sendrecv"));
	world_run(20);
	cr_expect_not_null(strstr(bob()->sdp, "RTP/AVP 96 111 9 13 101\r\n"));
	cr_expect_not_null(strstr(bob()->sdp, "a=rtpmap:96 new/16000/2\r\na=fmtp:96 mode=7;x\r\n"));
	cr_expect_not_null(strstr(bob()->sdp, "a=rtpmap:9 G722/8000\r\n"));
	cr_expect_not_null(strstr(bob()->sdp, "a=ptime:30\r\na=maxptime:60\r\n"));
	phone_respond(BOB, 200,
		      phone_sdp(BOB, 5000,
				"98 101\r\na=rtpmap:98 opus/48000/2\r\na=fmtp:98 stereo=1",
				"sendrecv"));
	world_run(20);
	cr_assert(carrier()->answered);
	cr_expect_not_null(strstr(carrier()->sdp, "RTP/AVP 98 101\r\na=rtpmap:98 opus/48000/2\r\n"
						  "a=fmtp:98 stereo=1\r\n"));
	cr_expect_eq(world_termination(0).payload_type, 98);
	cr_expect_eq(world_termination(1).clock_rate, 48000);
	cr_expect_eq(world_termination(1).codec, DP_CODEC_OPUS);
	cr_expect_eq(world_termination(1).telephone_event, 101);
	phone_bye(BOB);
	world_run(50);
	cr_expect_str_eq(world->cdr_codec, "opus");
	world_expect_nothing_left();
}

/* RFC 3264 §6 */
Test(codecs, lines_that_are_not_relayed_are_refused_in_their_place)
{
	phone_call(CARRIER, "sip:bob@tandem.lab",
		   phone_sdp(CARRIER, 4000, "0 101",
			     "sendrecv\r\nm=video 4002 RTP/AVP 96 97\r\na=rtpmap:96 VP8/90000\r\n"
			     "m=image 4004 udptl t38\r\nm=audio 4006 RTP/SAVP 0"));
	world_run(20);
	cr_expect_null(strstr(bob()->sdp, "m=video"), "nor offered to the other side");
	phone_respond(BOB, 200, phone_sdp(BOB, 5000, "0 101", "sendrecv"));
	world_run(20);
	cr_assert(carrier()->answered);
	cr_expect_not_null(strstr(carrier()->sdp,
				  "m=video 0 RTP/AVP 96 97\r\n"
				  "m=image 0 udptl t38\r\nm=audio 0 RTP/SAVP 0\r\n"));
	phone_bye(BOB);
	world_expect_nothing_left();
}
