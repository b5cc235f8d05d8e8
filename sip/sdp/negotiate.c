/* SPDX-License-Identifier: BSD-3-Clause */
/* Offer and answer (RFC 3264) for one audio line. */
#include "sip/sdp/sdp.h"

static bool is_event(struct slice encoding)
{
	return slice_equal_nocase(encoding, SLICE("telephone-event"));
}

static const struct sdp_codec *find_codec(const struct sdp_format *format,
					  const struct sdp_codec *codecs, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (codecs[i].clock_rate == format->clock_rate && format->channels <= 1 &&
		    slice_equal_nocase(slice_of(codecs[i].encoding), format->encoding))
			return &codecs[i];
	}
	return NULL;
}

static bool has_codec(const struct sdp_audio *audio, const struct sdp_codec *codec)
{
	for (unsigned i = 0; i < audio->codec_count; i++) {
		if (audio->codecs[i].codec.encoding == codec->encoding &&
		    audio->codecs[i].codec.clock_rate == codec->clock_rate)
			return true;
	}
	return false;
}

unsigned sdp_negotiate(const struct sdp_media *offer, const struct sdp_codec *codecs,
		       unsigned count, struct sdp_audio *audio)
{
	unsigned common = 0;

	audio->codec_count = 0;
	for (unsigned i = 0; i < offer->format_count; i++) {
		const struct sdp_format *format = &offer->formats[i];
		const struct sdp_codec *codec = find_codec(format, codecs, count);

		/* One that is offered under two payload types counts under the first. */
		if (codec == NULL || has_codec(audio, codec))
			continue;
		audio->codecs[audio->codec_count].codec = *codec;
		audio->codecs[audio->codec_count++].payload_type = format->payload_type;
		if (!is_event(format->encoding))
			common++;
	}
	/* Digits alone make no conversation. */
	if (common == 0)
		audio->codec_count = 0;
	return common;
}

enum sdp_direction sdp_reverse(enum sdp_direction direction)
{
	unsigned bits = direction;

	return (enum sdp_direction)((bits & 1u) << 1 | (bits & 2u) >> 1);
}

enum sdp_direction sdp_answer_direction(enum sdp_direction offered, enum sdp_direction ours)
{
	return (enum sdp_direction)((unsigned)sdp_reverse(offered) & (unsigned)ours);
}

int sdp_find_audio(const struct sdp *sdp)
{
	for (unsigned i = 0; i < sdp->media_count; i++) {
		const struct sdp_media *media = &sdp->media[i];

		if (slice_equal_nocase(media->type, SLICE("audio")) &&
		    slice_equal_nocase(media->protocol, SLICE("RTP/AVP")) && media->rtp.port != 0 &&
		    media->rtp.family != 0 && media->format_count > 0)
			return (int)i;
	}
	return -1;
}
