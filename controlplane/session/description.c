/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/session/description.h"

#include <errno.h>
#include <string.h>

const struct sdp_codec description_codecs[CODECS] = {
#define X(id, name, rate, type, parameters)                                                    \
	[CODEC_##id] = {                                                                       \
		.encoding = name, .clock_rate = rate, .payload_type = type, .fmtp = parameters \
	},
	DESCRIPTION_CODECS(X)
#undef X
};

static enum description_codec codec_of(const struct sdp_format *format)
{
	for (unsigned i = 0; i < CODECS; i++) {
		if (format->clock_rate == description_codecs[i].clock_rate &&
		    format->channels <= 1 &&
		    slice_equal_nocase(format->encoding, slice_of(description_codecs[i].encoding)))
			return i;
	}
	return CODECS;
}

static void address_from(const struct sdp_address *from, struct dp_address *to)
{
	static const uint8_t unspecified[16];

	*to = (struct dp_address){ 0 };
	if ((from->family != 4 && from->family != 6) || from->port == 0)
		return;
	/* RFC 3264 §8.4: an address of zeros is the old way to say "hold". */
	if (memcmp(from->ip, unspecified, from->family == 4 ? 4 : 16) == 0)
		return;
	to->family = from->family;
	to->port = from->port;
	memcpy(to->ip, from->ip, from->family == 4 ? 4 : 16);
}

int description_parse(struct slice text, struct sdp *sdp, struct description *d,
		      unsigned *audio_line)
{
	struct sdp_error error;
	const struct sdp_media *media;
	int line;

	*d = (struct description){ 0 };
	if (sdp_parse(text, sdp, &error))
		return -EBADMSG;
	line = sdp_find_audio(sdp);
	if (line < 0)
		return -ENOTSUP;
	media = &sdp->media[line];
	*audio_line = (unsigned)line;

	address_from(&media->rtp, &d->rtp);
	address_from(&media->rtcp, &d->rtcp);
	d->direction = (uint8_t)media->direction;
	if (!d->rtp.family)
		d->direction &= (uint8_t)~SDP_RECVONLY;
	d->ptime = media->ptime;
	for (unsigned i = 0; i < media->format_count; i++) {
		enum description_codec codec = codec_of(&media->formats[i]);

		if (codec == CODECS || d->codec_count == DESCRIPTION_CODECS_MAX)
			continue;
		d->codecs[d->codec_count].codec = (uint8_t)codec;
		d->codecs[d->codec_count++].payload_type = media->formats[i].payload_type;
	}
	return description_audio(d, NULL) == CODECS ? -ENOTSUP : 0;
}

void description_default(struct description *d)
{
	*d = (struct description){ .direction = SDP_SENDRECV, .codec_count = CODECS };
	for (unsigned i = 0; i < CODECS; i++) {
		d->codecs[i].codec = (uint8_t)i;
		d->codecs[i].payload_type = description_codecs[i].payload_type;
	}
}

enum description_codec description_audio(const struct description *d, uint8_t *payload_type)
{
	for (unsigned i = 0; i < d->codec_count; i++) {
		if (d->codecs[i].codec == CODEC_TELEPHONE_EVENT)
			continue;
		if (payload_type)
			*payload_type = d->codecs[i].payload_type;
		return d->codecs[i].codec;
	}
	return CODECS;
}

static const char *const dp_codec_names[DP_CODEC_COUNT] = {
#define X(id, name, ie, bpl) [DP_CODEC_##id] = name,
	DP_CODECS(X)
#undef X
};

const char *dp_codec_name(uint8_t codec)
{
	return codec < DP_CODEC_COUNT ? dp_codec_names[codec] : "";
}

uint8_t dp_codec_named(const char *name)
{
	for (uint8_t i = 0; name && i < DP_CODEC_COUNT; i++) {
		if (strcmp(dp_codec_names[i], name) == 0)
			return i;
	}
	return DP_CODEC_UNKNOWN;
}

uint8_t description_dp_codec(const struct description *d)
{
	enum description_codec codec = description_audio(d, NULL);

	return codec == CODECS ? DP_CODEC_UNKNOWN
			       : dp_codec_named(description_codecs[codec].encoding);
}

void description_settle(struct description *d)
{
	bool audio = false, events = false;
	uint8_t n = 0;

	for (unsigned i = 0; i < d->codec_count; i++) {
		bool *seen = d->codecs[i].codec == CODEC_TELEPHONE_EVENT ? &events : &audio;

		if (*seen)
			continue;
		*seen = true;
		d->codecs[n++] = d->codecs[i];
	}
	for (unsigned i = n; i < d->codec_count; i++)
		memset(&d->codecs[i], 0, sizeof(d->codecs[i]));
	d->codec_count = n;
}

struct description description_without_address(const struct description *d)
{
	struct description copy = *d;

	copy.rtp = copy.rtcp = (struct dp_address){ 0 };
	return copy;
}

bool description_overlap(const struct description *a, const struct description *b)
{
	for (unsigned i = 0; i < a->codec_count; i++) {
		if (a->codecs[i].codec == CODEC_TELEPHONE_EVENT)
			continue;
		for (unsigned k = 0; k < b->codec_count; k++) {
			if (a->codecs[i].codec == b->codecs[k].codec)
				return true;
		}
	}
	return false;
}

void description_to_audio(const struct description *d, const struct dp_address *local,
			  struct sdp_audio *audio)
{
	*audio = (struct sdp_audio){ .direction = (enum sdp_direction)d->direction,
				     .codec_count = d->codec_count,
				     .ptime = d->ptime };
	audio->rtp.family = local->family;
	audio->rtp.port = local->port;
	memcpy(audio->rtp.ip, local->ip, sizeof(audio->rtp.ip));
	for (unsigned i = 0; i < d->codec_count; i++) {
		audio->codecs[i].codec = description_codecs[d->codecs[i].codec];
		audio->codecs[i].payload_type = d->codecs[i].payload_type;
	}
}
