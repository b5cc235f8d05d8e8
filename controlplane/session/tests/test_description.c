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

Test(description, any_codec_is_kept_as_it_was_written)
{
	static const struct codec expected[] = {
		{ 111, 2, CODEC_AUDIO, 0, 48000, "opus", "useinbandfec=1" },
		{ 9, 1, CODEC_AUDIO, 0, 8000, "G722", "" },
		{ 8, 1, CODEC_AUDIO, 0, 8000, "PCMA", "" },
		{ 13, 1, CODEC_ACCESSORY, 0, 8000, "CN", "" },
		{ 96, 1, CODEC_EVENT, 0, 8000, "telephone-event", "0-16" },
	};
	struct description d;

	cr_assert_eq(parse("m=audio 4000 RTP/AVPF 111 9 8 13 96 97\r\na=rtpmap:111 opus/48000/2\r\n"
			   "a=fmtp:111 useinbandfec=1\r\na=rtpmap:96 telephone-event/8000\r\n"
			   "a=fmtp:96 0-16\r\na=sendonly\r\na=ptime:20\r\na=maxptime:60\r\n",
			   &d),
		     0);
	cr_assert_eq(d.codecs->count, 5, "what has no name is left out");
	for (unsigned i = 0; i < 5; i++) {
		const struct codec *c = &d.codecs->codecs[i], *e = &expected[i];

		cr_expect_eq(c->payload_type, e->payload_type);
		cr_expect_eq(c->channels, e->channels);
		cr_expect_eq(c->kind, e->kind, "%s", c->encoding);
		cr_expect_eq(c->clock_rate, e->clock_rate);
		cr_expect_str_eq(c->encoding, e->encoding);
		cr_expect_str_eq(c->fmtp, e->fmtp);
	}
	cr_expect_eq(d.protocol, SDP_RTP_AVPF);
	cr_expect_eq(d.direction, SDP_SENDONLY);
	cr_expect_eq(d.rtp.port, 4000);
	cr_expect_eq(d.ptime, 20);
	cr_expect_eq(d.max_ptime, 60);
	description_clear(&d);
	cr_expect_null(d.codecs);
}

Test(description, nothing_to_relay_is_told_from_no_sdp)
{
	static const char *const rows[] = {
		"m=audio 4000 RTP/AVP 101\r\na=rtpmap:101 telephone-event/8000\r\n",
		"m=audio 4000 RTP/AVP 96\r\n",
		"m=video 4000 RTP/AVP 96\r\n",
		"m=audio 0 RTP/AVP 0\r\n",
		"m=audio 4000 RTP/SAVP 0\r\n",
		"m=audio 4000 UDP/TLS/RTP/SAVPF 0\r\n",
		"m=image 4000 udptl t38\r\n",
	};
	struct description d;
	struct sdp sdp;
	unsigned line;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_expect_eq(parse(rows[i], &d), -ENOTSUP, "%s", rows[i]);
		cr_expect_null(d.codecs);
	}
	cr_expect_eq(description_parse(SLICE("hello"), &sdp, &d, &line), -EBADMSG);
}

Test(description, an_address_of_zeros_is_an_old_hold)
{
	struct description d;

	cr_assert_eq(parse("m=audio 4000 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n", &d), 0);
	cr_assert_eq(d.rtp.family, DP_FAMILY_NONE);
	cr_assert_eq(d.direction, SDP_SENDONLY, "do not send to me; what I send may come");
	description_clear(&d);
	cr_assert_eq(parse("m=audio 4000 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\na=inactive\r\n", &d), 0);
	cr_assert_eq(d.direction, SDP_INACTIVE);
	description_clear(&d);
}

Test(description, a_list_of_codecs_is_shared_and_freed_with_its_last_holder)
{
	struct description d, kept = { 0 }, other = { 0 };

	cr_assert_eq(parse("m=audio 4000 RTP/AVP 0 8\r\n", &d), 0);
	description_set(&kept, &d);
	description_set(&other, &kept);
	description_set(&other, &other);
	cr_expect_eq(d.codecs->refs, 3);
	description_clear(&d);
	description_clear(&kept);
	cr_expect_eq(other.codecs->refs, 1);
	description_clear(&other);
}

Test(description, the_same_is_the_same_whoever_wrote_it)
{
	struct description a, b;

	cr_assert_eq(parse("m=audio 4000 RTP/AVP 0 8\r\n", &a), 0);
	cr_assert_eq(parse("m=audio 5000 RTP/AVP 0 8\r\na=rtpmap:0 pcmu/8000\r\n", &b), 0);
	cr_expect(description_same(&a, &b), "where it listens is no part of it");
	description_clear(&b);
	cr_assert_eq(parse("m=audio 4000 RTP/AVP 8 0\r\n", &b), 0);
	cr_expect_not(description_same(&a, &b), "the order is");
	description_clear(&b);
	cr_assert_eq(parse("m=audio 4000 RTP/AVP 0 8\r\na=fmtp:0 x=1\r\n", &b), 0);
	cr_expect_not(description_same(&a, &b));
	description_clear(&a);
	description_clear(&b);
}

Test(description, overlap_is_one_audio_codec)
{
	struct description a, b;

	cr_assert_eq(
		parse("m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n", &a),
		0);
	cr_assert_eq(
		parse("m=audio 4000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n", &b),
		0);
	cr_expect_not(description_overlap(&a, &b), "digits alone are no conversation");
	description_clear(&b);
	cr_assert_eq(parse("m=audio 4000 RTP/AVP 8 96\r\na=rtpmap:96 PCMU/8000\r\n", &b), 0);
	cr_expect(description_overlap(&a, &b), "under whatever payload type");
	description_clear(&a);
	description_clear(&b);
}

Test(description, an_address_of_a_party_does_not_cross)
{
	struct description d, across;

	cr_assert_eq(parse("m=audio 4000 RTP/AVP 0\r\na=rtcp:4009 IN IP4 10.0.0.9\r\n", &d), 0);
	across = description_without_address(&d);
	cr_assert_eq(across.rtp.family, DP_FAMILY_NONE);
	cr_assert_eq(across.rtcp.family, DP_FAMILY_NONE);
	cr_expect_eq(across.codecs, d.codecs);
	description_clear(&d);
}

Test(description, quality_knows_codecs_by_name)
{
	struct description d;

	cr_assert_eq(parse("m=audio 4000 RTP/AVP 97\r\na=rtpmap:97 pcmu/8000\r\n", &d), 0);
	cr_expect_str_eq(dp_codec_name(description_audio(&d)->dp_codec), "PCMU");
	cr_expect_eq(description_audio(&d)->payload_type, 97);
	description_clear(&d);
	cr_assert_eq(parse("m=audio 4000 RTP/AVP 98\r\na=rtpmap:98 new/16000\r\n", &d), 0);
	cr_expect_eq(description_audio(&d)->dp_codec, DP_CODEC_UNKNOWN);
	description_clear(&d);
}

Test(description, what_is_written_has_our_address_and_nothing_of_theirs)
{
	struct dp_address local = { .ip = { 198, 18, 0, 20 }, .port = 16384, .family = 4 };
	struct sdp_format formats[SDP_FORMATS_MAX];
	struct sdp_audio audio;
	struct description d;
	char text[1024] = { 0 };

	cr_assert_eq(parse("m=audio 4000 RTP/AVP 8 97 98\r\na=rtpmap:97 telephone-event/8000\r\n"
			   "a=rtpmap:98 opus/48000/2\r\na=fmtp:98 stereo=1\r\n",
			   &d),
		     0);
	description_to_audio(&d, &local, formats, &audio);
	cr_assert_gt(sdp_write(text, sizeof(text), NULL, 0, &audio, 5, 6), 0);
	cr_expect_not_null(strstr(text, "198.18.0.20"));
	cr_expect_null(strstr(text, "10.0.0.1"));
	cr_expect_not_null(strstr(text, "m=audio 16384 RTP/AVP 8 97 98\r\n"));
	cr_expect_not_null(strstr(text, "a=rtpmap:98 opus/48000/2\r\na=fmtp:98 stereo=1\r\n"));
	description_clear(&d);
}

Test(description, directions_turn_around)
{
	cr_assert_eq(description_reverse(SDP_SENDONLY), SDP_RECVONLY);
	cr_assert_eq(description_reverse(SDP_RECVONLY), SDP_SENDONLY);
	cr_assert_eq(description_reverse(SDP_SENDRECV), SDP_SENDRECV);
	cr_assert_eq(description_reverse(SDP_INACTIVE), SDP_INACTIVE);
}
