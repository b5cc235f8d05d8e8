/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SDP from anywhere: parsed, every attribute asked for, answered; the answer parses and has as many
 * lines, and what it says of formats is what the offer said.
 */
#include <errno.h>

#include "sip/base/tests/fuzz.h"
#include "sip/sdp/attribute.h"

static struct slice text;

/* Nothing that is handed out may lie outside of the text. */
static void inside(struct slice s)
{
	MUST(s.n == 0 || (s.p >= text.p && s.p + s.n <= text.p + text.n));
}

static void ask_group(struct slice value)
{
	struct slice member;
	struct sdp_group group;

	if (sdp_group_parse(value, &group) != 0)
		return;
	inside(group.semantics);
	while (sdp_group_next(&group.members, &member))
		inside(member);
}

static void ask_crypto(struct slice value)
{
	struct sdp_crypto_key key;
	struct sdp_crypto crypto;

	if (sdp_crypto_parse(value, &crypto) != 0)
		return;
	inside(crypto.suite);
	inside(crypto.session);
	while (sdp_crypto_key_next(&crypto.keys, &key) == 0)
		inside(key.key_salt);
}

static void ask_candidate(struct slice value)
{
	struct sdp_candidate c;

	if (sdp_candidate_parse(value, &c) != 0)
		return;
	inside(c.foundation);
	inside(c.extensions);
	inside(c.host);
	MUST(c.component > 0);
}

static void ask(const struct sdp_attribute *a)
{
	struct sdp_fingerprint fingerprint = { 0 };
	struct slice one = SLICE_NONE, two = SLICE_NONE;
	struct sdp_rtpmap map;
	struct sdp_rtcp_fb fb;
	struct sdp_extmap ext;
	struct sdp_ssrc ssrc;
	enum sdp_setup setup;
	bool on;

	inside(a->name);
	inside(a->value);
	ask_group(a->value);
	ask_crypto(a->value);
	ask_candidate(a->value);
	sdp_rtpmap_parse(a->value, &map);
	sdp_rtcp_fb_parse(a->value, &fb);
	sdp_extmap_parse(a->value, &ext);
	sdp_ssrc_parse(a->value, &ssrc);
	sdp_setup_parse(a->value, &setup);
	sdp_silence_supp_parse(a->value, &on);
	sdp_fingerprint_parse(a->value, &fingerprint);
	MUST(fingerprint.size <= SDP_FINGERPRINT_MAX);
	if (sdp_fmtp_parse(a->value, &one, &two) == 0)
		sdp_fmtp_get(two, SLICE("x"), &one);
	inside(two);
	sdp_msid_parse(a->value, &one, &two);
}

static void ask_all(const struct sdp *sdp)
{
	struct slice lines = sdp->lines, a, b;
	struct sdp_attribute attribute;
	struct sdp_t38 t38;
	uint32_t kbit;

	inside(lines);
	sdp_bandwidth(lines, SLICE("AS"), &kbit);
	sdp_key(lines, &a, &b);
	while (sdp_attribute_next(&lines, &attribute))
		ask(&attribute);
	for (unsigned i = 0; i < sdp->media_count; i++) {
		lines = sdp->media[i].lines;
		inside(lines);
		while (sdp_attribute_next(&lines, &attribute))
			ask(&attribute);
		sdp_t38_parse(&sdp->media[i], &t38);
		MUST(sdp_bundle_of(sdp, i) < sdp->media_count);
	}
}

static unsigned named_formats(const struct sdp_media *media, struct sdp_format *formats)
{
	unsigned count = sdp_formats(media, formats), named = 0;

	MUST(count <= SDP_FORMATS_MAX);
	for (unsigned i = 0; i < count; i++) {
		if (formats[i].encoding.n > 0)
			formats[named++] = formats[i];
	}
	return named;
}

static void answer(const struct sdp *offer)
{
	static char buffer[400000];
	static struct sdp again;
	struct sdp_format formats[SDP_FORMATS_MAX], theirs[SDP_FORMATS_MAX];
	struct sdp_audio audio = { .rtp = { .family = 4, .port = 2 },
				   .direction = SDP_SENDRECV,
				   .formats = formats };
	struct sdp_error error;
	int line = sdp_find_audio(offer), n;

	if (line >= 0) {
		const struct sdp_media *media = &offer->media[line];

		audio.format_count = named_formats(media, formats);
		audio.direction =
			sdp_answer_direction((enum sdp_direction)media->direction, SDP_SENDRECV);
	}
	n = sdp_write(buffer, sizeof(buffer), offer, (unsigned)line, &audio, 1, 1);
	MUST(n > 0);
	/* An offer of refused lines at the limit may give an answer beyond it. */
	if (n > SDP_TEXT_MAX)
		return;
	MUST(sdp_parse((struct slice){ buffer, (size_t)n }, &again, &error) == 0);
	MUST(again.media_count == offer->media_count);
	for (int i = 0; i < again.media_count; i++)
		MUST((again.media[i].rtp.port != 0) == (i == line && audio.format_count > 0));
	if (line < 0 || audio.format_count == 0)
		return;
	MUST(sdp_formats(&again.media[line], theirs) == audio.format_count);
	for (unsigned i = 0; i < audio.format_count; i++)
		MUST(sdp_format_same(&formats[i], &theirs[i]) &&
		     slice_equal(formats[i].fmtp, theirs[i].fmtp));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sdp sdp;
	struct sdp_error error = { 0 };
	int rc;

	text = (struct slice){ (const char *)data, size };
	rc = sdp_parse(text, &sdp, &error);
	MUST(rc == 0 || (rc == -EBADMSG && error.what != NULL));
	if (rc == 0) {
		ask_all(&sdp);
		answer(&sdp);
	}
	return 0;
}
