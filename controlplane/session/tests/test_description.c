/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "controlplane/session/description.h"

static int parse(const char *media, struct description *d)
{
	char text[1024];
	struct sdp sdp;
	unsigned line;

	snprintf(text, sizeof(text),
		 "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n%s",
		 media);
	return description_parse(slice_of(text), &sdp, d, &line);
}

Test(description, only_codecs_that_we_relay_are_kept_with_their_payload_types)
{
	struct description d;

	cr_assert_eq(parse("m=audio 4000 RTP/AVP 9 8 0 96\r\na=rtpmap:9 G722/8000\r\n"
			   "a=rtpmap:96 telephone-event/8000\r\na=sendonly\r\n",
			   &d),
		     0);
	cr_assert_eq(d.codec_count, 3);
	cr_assert_eq(d.codecs[0].codec, CODEC_PCMA);
	cr_assert_eq(d.codecs[0].payload_type, 8);
	cr_assert_eq(d.codecs[1].codec, CODEC_PCMU);
	cr_assert_eq(d.codecs[2].codec, CODEC_TELEPHONE_EVENT);
	cr_assert_eq(d.codecs[2].payload_type, 96);
	cr_assert_eq(d.direction, SDP_SENDONLY);
	cr_assert_eq(d.rtp.port, 4000);
}

Test(description, nothing_in_common_is_told_from_no_sdp)
{
	struct description d;

	cr_assert_eq(parse("m=audio 4000 RTP/AVP 9\r\n", &d), -ENOTSUP);
	cr_assert_eq(parse("m=audio 4000 RTP/AVP 101\r\na=rtpmap:101 telephone-event/8000\r\n", &d),
		     -ENOTSUP, "digits alone are no audio");
	cr_assert_eq(parse("m=video 4000 RTP/AVP 96\r\n", &d), -ENOTSUP);
	cr_assert_eq(parse("m=audio 0 RTP/AVP 0\r\n", &d), -ENOTSUP);
	{
		struct sdp sdp;
		unsigned line;

		cr_assert_eq(description_parse(SLICE("hello"), &sdp, &d, &line), -EBADMSG);
	}
}

Test(description, an_address_of_zeros_is_an_old_hold)
{
	struct description d;

	cr_assert_eq(parse("m=audio 4000 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n", &d), 0);
	cr_assert_eq(d.rtp.family, DP_FAMILY_NONE);
	cr_assert_eq(d.direction, SDP_SENDONLY);
}

Test(description, an_answer_settles_on_one_codec_and_keeps_events)
{
	struct description d;

	cr_assert_eq(
		parse("m=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n", &d),
		0);
	description_settle(&d);
	cr_assert_eq(d.codec_count, 2);
	cr_assert_eq(d.codecs[0].codec, CODEC_PCMU);
	cr_assert_eq(d.codecs[1].payload_type, 101);
}

Test(description, what_is_written_has_our_address_and_nothing_of_theirs)
{
	struct description d;
	struct dp_address local = { .ip = { 198, 18, 0, 20 }, .port = 16384, .family = 4 };
	struct sdp_audio audio;
	char text[1024] = { 0 };

	cr_assert_eq(parse("m=audio 4000 RTP/AVP 8 97\r\na=rtpmap:97 telephone-event/8000\r\n", &d),
		     0);
	description_to_audio(&d, &local, &audio);
	cr_assert_gt(sdp_write(text, sizeof(text), NULL, 0, &audio, 5, 6), 0);
	cr_assert_not_null(strstr(text, "198.18.0.20"));
	cr_assert_null(strstr(text, "10.0.0.1"));
	cr_assert_not_null(strstr(text, "m=audio 16384 RTP/AVP 8 97"));
}

Test(description, directions_turn_around)
{
	cr_assert_eq(description_reverse(SDP_SENDONLY), SDP_RECVONLY);
	cr_assert_eq(description_reverse(SDP_RECVONLY), SDP_SENDONLY);
	cr_assert_eq(description_reverse(SDP_SENDRECV), SDP_SENDRECV);
	cr_assert_eq(description_reverse(SDP_INACTIVE), SDP_INACTIVE);
}
