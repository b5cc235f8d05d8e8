/* SPDX-License-Identifier: BSD-3-Clause */
/* Lines and attributes that later work asks for, each with values of the field and broken ones. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "sip/sdp/attribute.h"

#define cr_expect_slice(s, text) \
	cr_expect(slice_equal((s), slice_of(text)), "\"%.*s\" is not \"%s\"", SLICE_FMT(s), (text))

#define SESSION "v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"

static struct sdp sdp;

static void parse(const char *text)
{
	struct sdp_error error;

	memset(&sdp, 0xa5, sizeof(sdp));
	cr_assert_eq(sdp_parse(slice_of(text), &sdp, &error), 0, "line %u: %s", error.line,
		     error.what);
}

/* given the offer of a browser, when it is asked part by part, then each has its value */
Test(attribute, of_a_browser)
{
	struct sdp_fingerprint fingerprint;
	struct sdp_attribute a;
	struct slice value, lines;
	enum sdp_setup setup;
	unsigned unknown = 0;

	parse(SESSION
	      "a=group:BUNDLE 0 1\r\na=msid-semantic: WMS stream\r\na=ice-options:trickle\r\n"
	      "a=fingerprint:sha-256 01:FF:0a\r\n"
	      "m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n"
	      "a=ice-ufrag:4ZcD\r\na=ice-pwd:2/1muCWoOi3uLifh0NuRHlVv\r\na=setup:actpass\r\n"
	      "a=mid:0\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\na=x-google:1\r\n"
	      "a=end-of-candidates\r\n"
	      "m=video 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=bundle-only\r\n");
	cr_assert_eq(sdp.media_count, 2);
	cr_expect_eq(sdp.media[0].protocol, SDP_UDP_TLS_RTP_SAVPF);
	cr_expect_slice(sdp.media[1].mid, "1");
	cr_expect(sdp.media[1].bundle_only);
	cr_expect_not(sdp.media[0].bundle_only);
	cr_expect(sdp_media_attribute(&sdp, &sdp.media[0], SDP_A_FINGERPRINT, &value),
		  "said by the session for all");
	cr_assert_eq(sdp_fingerprint_parse(value, &fingerprint), 0);
	cr_expect_slice(fingerprint.hash, "sha-256");
	cr_assert_eq(fingerprint.size, 3);
	cr_expect_arr_eq(fingerprint.bytes, ((uint8_t[]){ 0x01, 0xff, 0x0a }), 3);
	cr_expect(sdp_media_attribute(&sdp, &sdp.media[0], SDP_A_ICE_UFRAG, &value));
	cr_expect(sdp_is_ice_ufrag(value));
	cr_expect(sdp_attribute_find(sdp.media[0].lines, SDP_A_ICE_PWD, &value));
	cr_expect(sdp_is_ice_pwd(value));
	cr_expect_not(sdp_is_ice_pwd(SLICE("short")));
	cr_expect(sdp_attribute_find(sdp.media[0].lines, SDP_A_SETUP, &value));
	cr_assert_eq(sdp_setup_parse(value, &setup), 0);
	cr_expect_eq(setup, SDP_SETUP_ACTPASS);
	cr_expect(sdp_attribute_find(sdp.media[0].lines, SDP_A_END_OF_CANDIDATES, &value));
	cr_expect_null(value.p, "a flag");
	cr_expect_not(sdp_attribute_find(sdp.media[1].lines, SDP_A_SETUP, &value),
		      "what one line says is not the next's");
	for (lines = sdp.media[0].lines; sdp_attribute_next(&lines, &a);) {
		if (a.id != SDP_A_OTHER)
			continue;
		unknown++;
		cr_expect_slice(a.name, "x-google");
		cr_expect_slice(a.value, "1");
	}
	cr_expect_eq(unknown, 1, "unknown attributes are kept");
}

Test(attribute, session_lines)
{
	struct slice method, key;
	uint32_t kbit;

	parse(SESSION "b=AS:64\r\nb=TIAS:64000\r\nr=7d 1h 0 25h\r\nz=0 0\r\nk=prompt\r\n"
		      "i=about\r\nu=http://example.com\r\ne=a@b\r\np=+1\r\n"
		      "m=audio 4 RTP/AVP 0\r\ni=left\r\nb=AS:32\r\nk=clear:secret\r\n");
	cr_expect_slice(sdp.name, "-");
	cr_expect(sdp_bandwidth(sdp.lines, SLICE("AS"), &kbit));
	cr_expect_eq(kbit, 64);
	cr_expect(sdp_bandwidth(sdp.media[0].lines, SLICE("AS"), &kbit));
	cr_expect_eq(kbit, 32);
	cr_expect_not(sdp_bandwidth(sdp.media[0].lines, SLICE("TIAS"), &kbit));
	cr_expect(sdp_key(sdp.lines, &method, &key));
	cr_expect_slice(method, "prompt");
	cr_expect_null(key.p);
	cr_expect(sdp_key(sdp.media[0].lines, &method, &key));
	cr_expect_slice(key, "secret");
}

Test(attribute, bundle)
{
	parse(SESSION "a=group:LS a b\r\na=group:BUNDLE a b\r\n"
		      "m=audio 1 RTP/AVP 0\r\nm=audio 2 RTP/AVP 0\r\na=mid:b\r\n"
		      "m=audio 0 RTP/AVP 0\r\na=mid:a\r\nm=audio 3 RTP/AVP 0\r\na=mid:c\r\n");
	cr_expect_eq(sdp_bundle_of(&sdp, 0), 0, "without mid");
	cr_expect_eq(sdp_bundle_of(&sdp, 1), 1, "a is refused");
	cr_expect_eq(sdp_bundle_of(&sdp, 2), 1);
	cr_expect_eq(sdp_bundle_of(&sdp, 3), 3, "in no group");
}

Test(attribute, candidate)
{
	struct sdp_candidate c;

	cr_assert_eq(sdp_candidate_parse(
			     SLICE("2 1 udp 1694498815 192.0.2.3 45664 typ srflx raddr 10.0.1.1 "
				   "rport 8998 generation 0 network-cost 50"),
			     &c),
		     0);
	cr_expect_slice(c.foundation, "2");
	cr_expect_eq(c.component, 1);
	cr_expect_eq(c.priority, 1694498815);
	cr_expect_eq(c.address.family, 4);
	cr_expect_eq(c.address.port, 45664);
	cr_expect_eq(c.type, SDP_CANDIDATE_SRFLX);
	cr_expect_eq(c.related.family, 4);
	cr_expect_eq(c.related.port, 8998);
	cr_expect_slice(c.extensions, "generation 0 network-cost 50");
	cr_assert_eq(
		sdp_candidate_parse(SLICE("a 2 TCP 1 2001:db8::1 9 typ host tcptype active"), &c),
		0);
	cr_expect_eq(c.address.family, 6);
	cr_expect_slice(c.extensions, "tcptype active");
	cr_assert_eq(sdp_candidate_parse(SLICE("a 1 UDP 1 f0a1-22.local 9 typ host"), &c), 0);
	cr_expect_eq(c.address.family, 0);
	cr_expect_slice(c.host, "f0a1-22.local");
	cr_assert_eq(sdp_candidate_parse(SLICE("a 1 UDP 1 192.0.2.1 9 typ new"), &c), 0);
	cr_expect_eq(c.type, SDP_CANDIDATE_OTHER);
}

Test(attribute, crypto)
{
	struct sdp_crypto_key key;
	struct sdp_crypto c;

	cr_assert_eq(sdp_crypto_parse(SLICE("1 AES_CM_128_HMAC_SHA1_80 "
					    "inline:PS1uQCVe|2^20|1:32;inline:AbC/+0= KDR=1 "
					    "UNENCRYPTED_SRTCP"),
				      &c),
		     0);
	cr_expect_eq(c.tag, 1);
	cr_expect_slice(c.suite, "AES_CM_128_HMAC_SHA1_80");
	cr_expect_slice(c.session, "KDR=1 UNENCRYPTED_SRTCP");
	cr_assert_eq(sdp_crypto_key_next(&c.keys, &key), 0);
	cr_expect_slice(key.key_salt, "PS1uQCVe");
	cr_expect_eq(key.lifetime, 1u << 20);
	cr_expect_eq(key.mki, 1);
	cr_expect_eq(key.mki_size, 32);
	cr_assert_eq(sdp_crypto_key_next(&c.keys, &key), 0);
	cr_expect_eq(key.mki_size, 0);
	cr_expect_eq(sdp_crypto_key_next(&c.keys, &key), -ENOENT);
}

Test(attribute, the_small_ones)
{
	struct slice stream, track, member;
	struct sdp_group group;
	struct sdp_rtcp_fb fb;
	struct sdp_extmap map;
	struct sdp_ssrc ssrc;
	bool on;

	cr_assert_eq(sdp_rtcp_fb_parse(SLICE("* nack pli"), &fb), 0);
	cr_expect_eq(fb.payload_type, -1);
	cr_expect_slice(fb.type, "nack");
	cr_expect_slice(fb.parameters, "pli");
	cr_assert_eq(sdp_rtcp_fb_parse(SLICE("96 transport-cc"), &fb), 0);
	cr_expect_eq(fb.payload_type, 96);
	cr_assert_eq(
		sdp_extmap_parse(SLICE("4/sendonly urn:ietf:params:rtp-hdrext:sdes:mid x"), &map),
		0);
	cr_expect_eq(map.id, 4);
	cr_expect_eq(map.direction, SDP_SENDONLY);
	cr_expect_slice(map.uri, "urn:ietf:params:rtp-hdrext:sdes:mid");
	cr_expect_slice(map.attributes, "x");
	cr_assert_eq(sdp_ssrc_parse(SLICE("4294967295 cname:a b"), &ssrc), 0);
	cr_expect_eq(ssrc.ssrc, 4294967295u);
	cr_expect_slice(ssrc.attribute, "cname");
	cr_expect_slice(ssrc.value, "a b");
	cr_assert_eq(sdp_group_parse(SLICE("FID 1 2"), &group), 0);
	cr_expect_slice(group.semantics, "FID");
	cr_expect(sdp_group_next(&group.members, &member));
	cr_expect(sdp_group_next(&group.members, &member));
	cr_expect_slice(member, "2");
	cr_expect_not(sdp_group_next(&group.members, &member));
	cr_assert_eq(sdp_msid_parse(SLICE("stream track"), &stream, &track), 0);
	cr_expect_slice(track, "track");
	cr_assert_eq(sdp_silence_supp_parse(SLICE("off - - - -"), &on), 0);
	cr_expect_not(on);
	cr_expect(
		sdp_fmtp_get(SLICE("minptime=10; useinbandfec=1"), SLICE("useinbandfec"), &member));
	cr_expect_slice(member, "1");
	cr_expect_not(sdp_fmtp_get(SLICE("minptime=10"), SLICE("stereo"), &member));
}

Test(attribute, t38)
{
	struct sdp_t38 t38;

	parse(SESSION "m=image 4000 udptl t38\r\na=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\n"
		      "a=T38FaxRateManagement:transferredTCF\r\na=T38FaxMaxBuffer:262\r\n"
		      "a=T38FaxMaxDatagram:90\r\na=T38FaxUdpEC:t38UDPRedundancy\r\n"
		      "a=T38FaxFillBitRemoval\r\na=T38FaxTranscodingMMR:0\r\n"
		      "m=audio 4 RTP/AVP 0\r\nm=image 4 udptl t38\r\na=T38MaxBitRate:fast\r\n");
	cr_assert_eq(sdp_t38_parse(&sdp.media[0], &t38), 0);
	cr_expect_eq(t38.max_bit_rate, 14400);
	cr_expect_eq(t38.rate, SDP_T38_TRANSFERRED_TCF);
	cr_expect_eq(t38.max_buffer, 262);
	cr_expect_eq(t38.max_datagram, 90);
	cr_expect_eq(t38.ec, SDP_T38_EC_REDUNDANCY);
	cr_expect(t38.fill_bit_removal);
	cr_expect_not(t38.transcoding_mmr);
	cr_expect_eq(sdp_t38_parse(&sdp.media[1], &t38), -EBADMSG);
	cr_expect_eq(sdp_t38_parse(&sdp.media[2], &t38), -EBADMSG);
}

Test(attribute, broken_values_are_refused)
{
	static const char *const candidates[] = {
		"",
		"1",
		"1 0 udp 1 192.0.2.1 9 typ host",
		"1 1 udp 1 192.0.2.1 65536 typ host",
		"1 1 udp x 192.0.2.1 9 typ host",
		"1 1 udp 1 :::: 9 typ host",
		"1 1 udp 1 192.0.2.1 9 host",
		"1 1 udp 1 192.0.2.1 9 typ srflx raddr ::: rport 1",
		"1 1 udp 1 192.0.2.1 9 typ srflx raddr 10.0.0.1 rport x",
	};
	static const char *const cryptos[] = { "", "x AES inline:a", "1 AES", "1" };
	static const char *const keys[] = { "inline:",      "clear:a",       "inline:a|x",
					    "inline:a|1:0", "inline:a|2^99", "inline:$" };
	static const char *const fingerprints[] = { "", "sha-1", "sha-1 0", "sha-1 0g",
						    "sha-1 00:" };
	struct sdp_fingerprint fingerprint;
	struct sdp_candidate candidate;
	struct sdp_crypto_key key;
	struct sdp_crypto crypto;
	struct sdp_rtcp_fb fb;
	struct sdp_extmap map;
	struct sdp_ssrc ssrc;
	enum sdp_setup setup;

	for (size_t i = 0; i < sizeof(candidates) / sizeof(candidates[0]); i++)
		cr_expect_eq(sdp_candidate_parse(slice_of(candidates[i]), &candidate), -EBADMSG,
			     "%s", candidates[i]);
	for (size_t i = 0; i < sizeof(cryptos) / sizeof(cryptos[0]); i++)
		cr_expect_eq(sdp_crypto_parse(slice_of(cryptos[i]), &crypto), -EBADMSG, "%s",
			     cryptos[i]);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct slice rest = slice_of(keys[i]);

		cr_expect_eq(sdp_crypto_key_next(&rest, &key), -EBADMSG, "%s", keys[i]);
	}
	for (size_t i = 0; i < sizeof(fingerprints) / sizeof(fingerprints[0]); i++)
		cr_expect_eq(sdp_fingerprint_parse(slice_of(fingerprints[i]), &fingerprint),
			     -EBADMSG, "%s", fingerprints[i]);
	cr_expect_eq(sdp_rtcp_fb_parse(SLICE("128 nack"), &fb), -EBADMSG);
	cr_expect_eq(sdp_extmap_parse(SLICE("0 urn:x"), &map), -EBADMSG);
	cr_expect_eq(sdp_extmap_parse(SLICE("1/both urn:x"), &map), -EBADMSG);
	cr_expect_eq(sdp_extmap_parse(SLICE("1"), &map), -EBADMSG);
	cr_expect_eq(sdp_ssrc_parse(SLICE("1"), &ssrc), -EBADMSG);
	cr_expect_eq(sdp_setup_parse(SLICE("maybe"), &setup), -EBADMSG);
}
