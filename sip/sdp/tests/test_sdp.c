/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "sip/sdp/sdp.h"

#define cr_expect_slice(s, text) \
	cr_expect(slice_equal((s), slice_of(text)), "\"%.*s\" is not \"%s\"", SLICE_FMT(s), (text))

#define HEAD   "v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\n"
#define C4     "c=IN IP4 192.0.2.1\r\n"
#define TIMING "t=0 0\r\n"
#define AUDIO  "m=audio 10000 RTP/AVP 0 8 101\r\n"

static struct sdp sdp;
static struct sdp_format formats[SDP_FORMATS_MAX];
static char buffer[4096];

static void parse(const char *text)
{
	struct sdp_error error;
	int rc;

	/* nothing may be left as it was */
	memset(&sdp, 0xa5, sizeof(sdp));
	rc = sdp_parse(slice_of(text), &sdp, &error);
	cr_assert_eq(rc, 0, "line %u: %s", error.line, error.what);
}

Test(sdp, of_a_phone)
{
	parse("v=0\r\no=alice 2890844526 2890844527 IN IP4 host.example.com\r\ns= \r\n"
	      "c=IN IP4 198.18.0.101\r\nb=AS:64\r\nt=0 0\r\na=tool:x\r\n"
	      "m=audio 49170 RTP/AVP 0 8 97 101\r\n"
	      "a=rtpmap:8 PCMA/8000/1\r\na=rtpmap:97 opus/48000/2\r\na=rtpmap:99 none/8000\r\n"
	      "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
	      "a=rtcp:49999\r\na=rtcp-mux\r\na=ptime:20\r\na=sendonly\r\na=unknown:x y\r\n");
	const struct sdp_media *m = &sdp.media[0];

	cr_expect_slice(sdp.origin.username, "alice");
	cr_expect_eq(sdp.origin.session_id, 2890844526);
	cr_expect_eq(sdp.origin.session_version, 2890844527);
	cr_expect_eq(sdp.origin.address.family, 0, "a name");
	cr_assert_eq(sdp.media_count, 1);
	cr_expect_slice(m->type, "audio");
	cr_expect_eq(m->protocol, SDP_RTP_AVP);
	cr_expect_slice(m->protocol_text, "RTP/AVP");
	cr_expect_slice(m->formats, "0 8 97 101");
	cr_expect_eq(m->rtp.family, 4);
	cr_expect_arr_eq(m->rtp.ip, ((uint8_t[]){ 198, 18, 0, 101 }), 4);
	cr_expect_eq(m->rtp.port, 49170);
	cr_expect_eq(m->rtcp.family, 4, "the address of c=");
	cr_expect_arr_eq(m->rtcp.ip, m->rtp.ip, 16);
	cr_expect_eq(m->rtcp.port, 49999);
	cr_expect(m->rtcp_mux);
	cr_expect_eq(m->ptime, 20);
	cr_expect_eq(m->direction, SDP_SENDONLY);
	cr_assert_eq(sdp_formats(m, formats), 4);
	cr_expect_slice(formats[0].encoding, "PCMU");
	cr_expect_eq(formats[0].clock_rate, 8000);
	cr_expect_eq(formats[0].channels, 1);
	cr_expect_null(formats[0].fmtp.p);
	cr_expect_slice(formats[1].encoding, "PCMA");
	cr_expect_slice(formats[2].encoding, "opus");
	cr_expect_eq(formats[2].clock_rate, 48000);
	cr_expect_eq(formats[2].channels, 2);
	cr_expect_eq(formats[3].payload_type, 101);
	cr_expect_slice(formats[3].fmtp, "0-15");
	cr_expect_eq(sdp_find_audio(&sdp), 0);
}

Test(sdp, the_session_speaks_for_its_media)
{
	parse(HEAD C4 TIMING
	      "a=recvonly\r\n" AUDIO "m=audio 10002 RTP/AVP 0\r\n"
	      "c=IN IP6 2001:db8::7\r\na=rtcp:10009 IN IP4 192.0.2.9\r\na=inactive\r\n" AUDIO);
	cr_assert_eq(sdp.media_count, 3);
	cr_expect_eq(sdp.media[0].direction, SDP_RECVONLY);
	cr_expect_eq(sdp.media[0].rtp.ip[3], 1);
	cr_expect_eq(sdp.media[0].rtcp.family, 0);
	cr_expect_eq(sdp.media[1].direction, SDP_INACTIVE);
	cr_expect_eq(sdp.media[1].rtp.family, 6);
	cr_expect_eq(sdp.media[1].rtp.ip[15], 7);
	cr_expect_eq(sdp.media[1].rtcp.family, 4);
	cr_expect_eq(sdp.media[1].rtcp.ip[3], 9);
	cr_expect_eq(sdp.media[2].direction, SDP_RECVONLY, "what one line says is not the next's");
	cr_expect_eq(sdp.media[2].rtp.family, 4);
	cr_expect_eq(sdp.media[2].ptime, 0);
}

Test(sdp, what_one_media_line_says_ends_with_it)
{
	parse(HEAD C4 TIMING AUDIO "a=rtcp:10009\r\na=rtcp-mux\r\na=ptime:30\r\n" AUDIO);
	cr_expect_eq(sdp.media[0].rtcp.port, 10009);
	cr_expect_eq(sdp.media[1].rtcp.family, 0);
	cr_expect_eq(sdp.media[1].rtcp.port, 0);
	cr_expect_eq(sdp.media[1].ptime, 0);
	cr_expect_not(sdp.media[1].rtcp_mux);
}

Test(sdp, old_hold_and_names)
{
	parse(HEAD "c=IN IP4 0.0.0.0\r\n" TIMING AUDIO "a=sendrecv\r\n");
	cr_expect_eq(sdp.media[0].rtp.family, 4);
	cr_expect_arr_eq(sdp.media[0].rtp.ip, ((uint8_t[4]){ 0 }), 4);
	cr_expect_eq(sdp.media[0].direction, SDP_SENDRECV);
	cr_expect_eq(sdp_find_audio(&sdp), 0);

	parse(HEAD "c=IN IP4 phone.example.com\r\n" TIMING AUDIO);
	cr_expect_eq(sdp.media[0].rtp.family, 0);
	cr_expect_eq(sdp_find_audio(&sdp), -1);

	parse(HEAD TIMING AUDIO);
	cr_expect_eq(sdp.media[0].rtp.family, 0);
}

Test(sdp, static_types_have_their_names)
{
	parse(HEAD C4 TIMING "m=audio 1 RTP/AVP 3 9 10 13 18 19 96\r\n");
	cr_assert_eq(sdp_formats(&sdp.media[0], formats), 7);
	cr_expect_slice(formats[0].encoding, "GSM");
	cr_expect_slice(formats[1].encoding, "G722");
	cr_expect_eq(formats[1].clock_rate, 8000);
	cr_expect_eq(formats[2].channels, 2);
	cr_expect_slice(formats[3].encoding, "CN");
	cr_expect_slice(formats[4].encoding, "G729");
	cr_expect_eq(formats[5].encoding.n, 0);
	cr_expect_eq(formats[6].encoding.n, 0);
	cr_expect_eq(formats[6].payload_type, 96);
}

Test(sdp, lines_may_end_in_a_line_feed_alone_and_the_last_not_at_all)
{
	parse("v=0\no=- 1 2 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\nm=audio 10000 RTP/AVP 0");
	cr_expect_eq(sdp.media_count, 1);
	parse(HEAD C4 TIMING AUDIO "\r\n\r\n");
	cr_expect_eq(sdp.media_count, 1);
}

Test(sdp, other_media_do_not_disturb)
{
	parse(HEAD C4 TIMING
	      "m=image 4000 udptl t38\r\na=fmtp:t38 x\r\na=T38FaxVersion:0\r\n"
	      "m=video 4002 RTP/SAVPF 96 97\r\na=rtpmap:96 VP8/90000\r\na=fmtp:96 a=b;c\r\n"
	      "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"
	      "m=audio 0 RTP/AVP 0\r\nm=audio 4004/2 RTP/AVP 0 0 8\r\n");
	cr_assert_eq(sdp.media_count, 5);
	cr_expect_eq(sdp_formats(&sdp.media[0], formats), 0);
	cr_expect_eq(sdp.media[0].protocol, SDP_UDPTL);
	cr_expect_slice(sdp.media[0].formats, "t38");
	cr_expect_eq(sdp.media[1].protocol, SDP_RTP_SAVPF);
	sdp_formats(&sdp.media[1], formats);
	cr_expect_slice(formats[0].fmtp, "a=b;c");
	cr_expect_eq(sdp.media[2].protocol, SDP_PROTOCOL_OTHER);
	cr_expect_eq(sdp.media[3].rtp.port, 0);
	cr_expect_eq(sdp.media[4].rtp.port, 4004);
	cr_expect_eq(sdp.media[4].port_count, 2);
	cr_expect_eq(sdp_formats(&sdp.media[4], formats), 2, "a type counts once");
	cr_expect_eq(sdp_find_audio(&sdp), 4);
}

Test(sdp, more_formats_than_fit_are_passed_over)
{
	size_t n = (size_t)snprintf(buffer, sizeof(buffer), HEAD C4 TIMING "m=video 1 RTP/AVP");

	for (unsigned i = 0; i < 50; i++)
		n += (size_t)snprintf(buffer + n, sizeof(buffer) - n, " %u", 70 + i);
	parse(buffer);
	cr_expect_eq(sdp_formats(&sdp.media[0], formats), SDP_FORMATS_MAX);
}

Test(sdp, errors_tell_the_line)
{
	static const struct {
		const char *text;
		unsigned line;
	} rows[] = {
		{ "", 0 },
		{ "\r\n", 0 },
		{ "hello", 1 },
		{ "o=- 1 2 IN IP4 192.0.2.1\r\n", 1 },
		{ "v=1\r\n" C4, 1 },
		{ "v=0\r\nv=0\r\n", 2 },
		{ "v=0\r\ns=-\r\n" C4 TIMING AUDIO, 5 }, /* no o= */
		{ "v=0\r\no=- 1 IN IP4 192.0.2.1\r\n", 2 },
		{ "v=0\r\no=- x 2 IN IP4 192.0.2.1\r\n", 2 },
		{ "v=0\r\no=- 99999999999999999999 2 IN IP4 192.0.2.1\r\n", 2 },
		{ HEAD "o=- 1 2 IN IP4 192.0.2.1\r\n", 4 },
		{ HEAD "c=IN IP4\r\n", 4 },
		{ HEAD "c=IN IP4 192.0.2.1 x\r\n", 4 },
		{ HEAD "c=IN IP6 :::\r\n", 4 },
		{ HEAD C4 "\r\n" TIMING, 5 },
		{ HEAD C4 "m=audio\r\n", 5 },
		{ HEAD C4 "m=audio x RTP/AVP 0\r\n", 5 },
		{ HEAD C4 "m=audio 65536 RTP/AVP 0\r\n", 5 },
		{ HEAD C4 "m=audio -1 RTP/AVP 0\r\n", 5 },
		{ HEAD C4 "m=audio 1 RTP/AVP\r\n", 5 },
		{ HEAD C4 "m=audio 1 RTP/AVP 128\r\n", 5 },
		{ HEAD C4 "m=audio 1 RTP/AVP PCMU\r\n", 5 },
		{ HEAD C4 "m=audio 1 RTP//AVP 0\r\n", 5 },
		{ HEAD C4 "m=au(dio 1 RTP/AVP 0\r\n", 5 },
		{ HEAD C4 AUDIO "a=rtpmap:0\r\n", 6 },
		{ HEAD C4 AUDIO "a=rtpmap:0 PCMU\r\n", 6 },
		{ HEAD C4 AUDIO "a=rtpmap:0 PCMU/0\r\n", 6 },
		{ HEAD C4 AUDIO "a=rtpmap:0 PCMU/8000/0\r\n", 6 },
		{ HEAD C4 AUDIO "a=rtpmap:x PCMU/8000\r\n", 6 },
		{ HEAD C4 AUDIO "a=ptime:soon\r\n", 6 },
		{ HEAD C4 AUDIO "a=rtcp:70000\r\n", 6 },
		{ HEAD C4 AUDIO "a=\r\n", 6 },
		{ HEAD C4 AUDIO "a=maxptime:x\r\n", 6 },
		{ HEAD C4 AUDIO "a=mid:a b\r\n", 6 },
		{ HEAD "b=AS\r\n", 4 },
		{ HEAD "b=AS:many\r\n", 4 },
		{ HEAD "t=0\r\n", 4 },
		{ HEAD "t=0 x\r\n", 4 },
		{ HEAD "k=\r\n", 4 },
		{ HEAD C4 AUDIO "a=:x\r\n", 6 },
		{ HEAD C4 AUDIO "a=se\rndrecv\r\n", 6 },
		{ HEAD C4 AUDIO "x\r\n", 6 },
		{ HEAD C4 AUDIO "=x\r\n", 6 },
		{ HEAD C4 AUDIO AUDIO AUDIO AUDIO AUDIO AUDIO AUDIO AUDIO AUDIO AUDIO AUDIO AUDIO
			  AUDIO AUDIO AUDIO AUDIO AUDIO,
		  21 },
	};
	struct sdp_error error;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		error = (struct sdp_error){ 0 };
		cr_expect_eq(sdp_parse(slice_of(rows[i].text), &sdp, &error), -EBADMSG, "%s",
			     rows[i].text);
		cr_expect_eq(error.line, rows[i].line, "%u: %s", error.line, rows[i].text);
		cr_expect_not_null(error.what);
		cr_expect_eq(sdp.media_count, 0);
	}
	static const char nul[] = HEAD C4 "a=x\0y\r\n";
	cr_expect_eq(sdp_parse((struct slice){ nul, sizeof(nul) - 1 }, &sdp, &error), -EBADMSG);
}

Test(negotiate, a_format_is_known_by_name_rate_and_channels)
{
	static const char *const others[] = { "PCMU/16000", "PCMU/8000/2", "PCMA/8000" };

	parse(HEAD C4 TIMING "m=audio 1 RTP/AVP 0 97\r\na=rtpmap:97 pcmu/8000\r\n");
	sdp_formats(&sdp.media[0], formats);
	cr_expect(sdp_format_same(&formats[0], &formats[1]));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		snprintf(buffer, sizeof(buffer),
			 HEAD C4 TIMING "m=audio 1 RTP/AVP 0 97\r\na=rtpmap:97 %s\r\n", others[i]);
		parse(buffer);
		sdp_formats(&sdp.media[0], formats);
		cr_expect_not(sdp_format_same(&formats[0], &formats[1]), "%s", others[i]);
	}
	cr_expect_not(sdp_format_same(&(struct sdp_format){ 0 }, &(struct sdp_format){ 0 }),
		      "what has no name is nothing in common");
}

Test(negotiate, what_can_be_relayed)
{
	static const struct {
		const char *line;
		int found;
	} rows[] = {
		{ "m=audio 1 RTP/AVP 0\r\n", 0 },    { "m=audio 1 RTP/AVPF 0\r\n", 0 },
		{ "m=AUDIO 1 rtp/avp 0\r\n", 0 },    { "m=audio 1 RTP/SAVP 0\r\n", -1 },
		{ "m=audio 1 RTP/SAVPF 0\r\n", -1 }, { "m=audio 1 UDP/TLS/RTP/SAVPF 0\r\n", -1 },
		{ "m=video 1 RTP/AVP 34\r\n", -1 },  { "m=audio 0 RTP/AVP 0\r\n", -1 },
		{ "m=image 1 udptl t38\r\n", -1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(buffer, sizeof(buffer), HEAD C4 TIMING "%s", rows[i].line);
		parse(buffer);
		cr_expect_eq(sdp_find_audio(&sdp), rows[i].found, "%s", rows[i].line);
	}
}

/* RFC 3264 §6.1: rows what is offered, columns what we are willing to do. */
Test(negotiate, directions)
{
	static const enum sdp_direction answer[4][4] = {
		[SDP_INACTIVE] = { SDP_INACTIVE, SDP_INACTIVE, SDP_INACTIVE, SDP_INACTIVE },
		[SDP_SENDONLY] = { SDP_INACTIVE, SDP_INACTIVE, SDP_RECVONLY, SDP_RECVONLY },
		[SDP_RECVONLY] = { SDP_INACTIVE, SDP_SENDONLY, SDP_INACTIVE, SDP_SENDONLY },
		[SDP_SENDRECV] = { SDP_INACTIVE, SDP_SENDONLY, SDP_RECVONLY, SDP_SENDRECV },
	};

	for (int offered = 0; offered < 4; offered++) {
		for (int mine = 0; mine < 4; mine++)
			cr_expect_eq(sdp_answer_direction((enum sdp_direction)offered,
							  (enum sdp_direction)mine),
				     answer[offered][mine]);
	}
	cr_expect_eq(sdp_reverse(SDP_SENDONLY), SDP_RECVONLY);
	cr_expect_eq(sdp_reverse(SDP_RECVONLY), SDP_SENDONLY);
	cr_expect_eq(sdp_reverse(SDP_SENDRECV), SDP_SENDRECV);
	cr_expect_eq(sdp_reverse(SDP_INACTIVE), SDP_INACTIVE);
}

static const struct sdp_format ours[] = {
	{ 8, 1, 8000, { "PCMA", 4 }, { NULL, 0 } },
	{ 110, 1, 8000, { "telephone-event", 15 }, { "0-15", 4 } },
};

static struct sdp_audio our_audio(void)
{
	return (struct sdp_audio){
		.rtp = { .family = 4, .ip = { 198, 18, 0, 20 }, .port = 16384 },
		.direction = SDP_SENDRECV,
		.protocol = SDP_RTP_AVP,
		.ptime = 20,
		.formats = ours,
		.format_count = 2,
	};
}

Test(write, offer)
{
	struct sdp_audio audio = our_audio();
	int n = sdp_write(buffer, sizeof(buffer), NULL, 0, &audio, 5, 6);

	cr_expect_slice(
		((struct slice){ buffer, (size_t)n }),
		"v=0\r\no=- 5 6 IN IP4 198.18.0.20\r\ns=-\r\nc=IN IP4 198.18.0.20\r\nt=0 0\r\n"
		"m=audio 16384 RTP/AVP 8 110\r\n"
		"a=rtpmap:8 PCMA/8000\r\na=rtpmap:110 telephone-event/8000\r\na=fmtp:110 0-15\r\n"
		"a=ptime:20\r\na=sendrecv\r\n");
	audio.rtp.family = 6;
	memset(audio.rtp.ip, 0, 16);
	audio.rtp.ip[15] = 1;
	audio.rtcp_mux = true;
	audio.ptime = 0;
	n = sdp_write(buffer, sizeof(buffer), NULL, 0, &audio, 5, 6);
	cr_expect_not_null(memmem(buffer, (size_t)n, "\r\nc=IN IP6 ::1\r\n", 16));
	cr_expect_not_null(memmem(buffer, (size_t)n, "a=rtcp-mux\r\n", 12));
	cr_expect_null(memmem(buffer, (size_t)n, "ptime", 5));
}

Test(write, answer_refuses_the_rest_in_order)
{
	struct sdp_audio audio = our_audio();
	int n;

	parse(HEAD C4 TIMING "m=video 4 RTP/AVP 96 97\r\n" AUDIO "m=audio 6 RTP/SAVP 0\r\n"
			     "m=image 0 udptl t38\r\n");
	n = sdp_write(buffer, sizeof(buffer), &sdp, 1, &audio, 5, 6);
	cr_expect_slice(
		((struct slice){ buffer, (size_t)n }),
		"v=0\r\no=- 5 6 IN IP4 198.18.0.20\r\ns=-\r\nc=IN IP4 198.18.0.20\r\nt=0 0\r\n"
		"m=video 0 RTP/AVP 96 97\r\n"
		"m=audio 16384 RTP/AVP 8 110\r\n"
		"a=rtpmap:8 PCMA/8000\r\na=rtpmap:110 telephone-event/8000\r\na=fmtp:110 0-15\r\n"
		"a=ptime:20\r\na=sendrecv\r\n"
		"m=audio 0 RTP/SAVP 0\r\nm=image 0 udptl t38\r\n");
	audio.format_count = 0;
	n = sdp_write(buffer, sizeof(buffer), &sdp, 1, &audio, 5, 6);
	cr_expect_not_null(memmem(buffer, (size_t)n, "m=audio 0 RTP/AVP 0 8 101\r\n", 27));
}

Test(write, what_does_not_fit)
{
	struct sdp_audio audio = our_audio();
	int needed = sdp_write(buffer, sizeof(buffer), NULL, 0, &audio, 5, 6);

	for (int size = 0; size <= needed; size++) {
		memset(buffer, '#', sizeof(buffer));
		cr_expect_eq(sdp_write(buffer, (size_t)size, NULL, 0, &audio, 5, 6), -ENOSPC);
		cr_expect_eq(buffer[size], '#');
	}
	cr_expect_eq(sdp_write(buffer, (size_t)needed + 1, NULL, 0, &audio, 5, 6), needed);
}

Test(write, can_be_read_again)
{
	struct sdp_audio audio = our_audio();
	int n;

	audio.direction = SDP_RECVONLY;
	n = sdp_write(buffer, sizeof(buffer) - 1, NULL, 0, &audio, UINT64_MAX, 6);
	cr_assert_gt(n, 0);
	parse(buffer);
	cr_expect_eq(sdp.origin.session_id, UINT64_MAX);
	cr_expect_eq(sdp.media[0].direction, SDP_RECVONLY);
	cr_assert_eq(sdp_formats(&sdp.media[0], formats), 2);
	for (unsigned i = 0; i < 2; i++) {
		cr_expect_eq(formats[i].payload_type, ours[i].payload_type);
		cr_expect(sdp_format_same(&formats[i], &ours[i]));
		cr_expect(slice_equal(formats[i].fmtp, ours[i].fmtp));
	}
	cr_expect_arr_eq(&sdp.media[0].rtp, &audio.rtp, sizeof(audio.rtp));
}
