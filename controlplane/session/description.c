/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/session/description.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* --- lists of codecs --- */

/* Formats that accompany an audio codec: events have their own payload type in the dataplane. */
static uint8_t kind_of(struct slice encoding)
{
	static const char *const accessories[] = { "CN",     "red",     "tone",      "rtx",
						   "ulpfec", "flexfec", "parityfec", "telemetry" };

	if (slice_equal_nocase(encoding, SLICE("telephone-event")))
		return CODEC_EVENT;
	for (size_t i = 0; i < sizeof(accessories) / sizeof(accessories[0]); i++) {
		if (slice_equal_nocase(encoding, slice_of(accessories[i])))
			return CODEC_ACCESSORY;
	}
	return CODEC_AUDIO;
}

/* A payload type without a name could be anything. */
static bool is_kept(const struct sdp_format *format)
{
	return format->encoding.n > 0 && format->encoding.n < CODEC_NAME_MAX &&
	       format->fmtp.n < CODEC_FMTP_MAX;
}

static const char *put_text(char **at, struct slice s)
{
	char *text = *at;

	if (s.n > 0)
		memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	*at = text + s.n + 1;
	return text;
}

static struct codec_list *list_create(const struct sdp_format *formats, unsigned count)
{
	struct codec_list *list;
	unsigned named = 0;
	size_t text = 0;
	char *at;

	for (unsigned i = 0; i < count; i++) {
		if (!is_kept(&formats[i]))
			continue;
		named++;
		text += formats[i].encoding.n + formats[i].fmtp.n + 2;
	}
	list = malloc(sizeof(*list) + named * sizeof(list->codecs[0]) + text);
	if (!list)
		return NULL;
	*list = (struct codec_list){ .refs = 1 };
	at = (char *)&list->codecs[named];
	for (unsigned i = 0; i < count; i++) {
		struct codec *codec = &list->codecs[list->count];

		if (!is_kept(&formats[i]))
			continue;
		*codec = (struct codec){ .payload_type = formats[i].payload_type,
					 .channels = formats[i].channels,
					 .kind = kind_of(formats[i].encoding),
					 .clock_rate = formats[i].clock_rate };
		codec->encoding = put_text(&at, formats[i].encoding);
		codec->fmtp = put_text(&at, formats[i].fmtp);
		codec->dp_codec = dp_codec_named(codec->encoding);
		list->count++;
	}
	return list;
}

static bool lists_same(const struct codec_list *a, const struct codec_list *b)
{
	if (a == b)
		return true;
	if (!a || !b || a->count != b->count)
		return false;
	for (unsigned i = 0; i < a->count; i++) {
		const struct codec *x = &a->codecs[i], *y = &b->codecs[i];

		if (x->payload_type != y->payload_type || x->channels != y->channels ||
		    x->clock_rate != y->clock_rate || strcasecmp(x->encoding, y->encoding) != 0 ||
		    strcmp(x->fmtp, y->fmtp) != 0)
			return false;
	}
	return true;
}

/* --- descriptions --- */

void description_set(struct description *to, const struct description *from)
{
	struct codec_list *before = to->codecs;

	if (from->codecs)
		from->codecs->refs++;
	*to = *from;
	if (before && --before->refs == 0)
		free(before);
}

void description_clear(struct description *d)
{
	static const struct description nothing;

	description_set(d, &nothing);
}

bool description_same(const struct description *a, const struct description *b)
{
	return a->direction == b->direction && a->protocol == b->protocol && a->ptime == b->ptime &&
	       a->max_ptime == b->max_ptime && lists_same(a->codecs, b->codecs);
}

int description_set_formats(struct description *d, const struct sdp_format *formats, unsigned count)
{
	struct description made = *d;

	made.codecs = list_create(formats, count);
	if (!made.codecs)
		return -ENOMEM;
	description_set(d, &made);
	made.codecs->refs--; /* that of the list's making is now d's */
	return description_audio(d) ? 0 : -ENOTSUP;
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
	struct sdp_format formats[SDP_FORMATS_MAX];
	const struct sdp_media *media;
	struct sdp_error why;
	int line, error;

	*d = (struct description){ 0 };
	if (sdp_parse(text, sdp, &why))
		return -EBADMSG;
	line = sdp_find_audio(sdp);
	if (line < 0)
		return -ENOTSUP;
	media = &sdp->media[line];
	*audio_line = (unsigned)line;

	address_from(&media->rtp, &d->rtp);
	address_from(&media->rtcp, &d->rtcp);
	d->protocol = media->protocol;
	d->direction = media->direction;
	if (!d->rtp.family)
		d->direction &= (uint8_t)~SDP_RECVONLY;
	d->ptime = media->ptime;
	d->max_ptime = media->max_ptime;
	error = description_set_formats(d, formats, sdp_formats(media, formats));
	if (error)
		description_clear(d);
	return error;
}

int description_default(struct description *d)
{
	static const struct sdp_format formats[] = {
		{ 8, 1, 8000, { "PCMA", 4 }, { NULL, 0 } },
		{ 0, 1, 8000, { "PCMU", 4 }, { NULL, 0 } },
		{ 101, 1, 8000, { "telephone-event", 15 }, { "0-15", 4 } },
	};

	*d = (struct description){ .direction = SDP_SENDRECV, .protocol = SDP_RTP_AVP };
	return description_set_formats(d, formats, sizeof(formats) / sizeof(formats[0]));
}

static const struct codec *first_of(const struct description *d, enum codec_kind kind)
{
	for (unsigned i = 0; d->codecs && i < d->codecs->count; i++) {
		if (d->codecs->codecs[i].kind == kind)
			return &d->codecs->codecs[i];
	}
	return NULL;
}

const struct codec *description_audio(const struct description *d)
{
	return first_of(d, CODEC_AUDIO);
}

const struct codec *description_event(const struct description *d)
{
	return first_of(d, CODEC_EVENT);
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
		if (strcasecmp(dp_codec_names[i], name) == 0)
			return i;
	}
	return DP_CODEC_UNKNOWN;
}

struct description description_without_address(const struct description *d)
{
	struct description copy = *d;

	copy.rtp = copy.rtcp = (struct dp_address){ 0 };
	return copy;
}

static bool has_codec(const struct description *d, const struct codec *wanted)
{
	for (unsigned i = 0; d->codecs && i < d->codecs->count; i++) {
		const struct codec *c = &d->codecs->codecs[i];

		if (c->clock_rate == wanted->clock_rate && c->channels == wanted->channels &&
		    strcasecmp(c->encoding, wanted->encoding) == 0)
			return true;
	}
	return false;
}

bool description_overlap(const struct description *a, const struct description *b)
{
	for (unsigned i = 0; a->codecs && i < a->codecs->count; i++) {
		if (a->codecs->codecs[i].kind == CODEC_AUDIO && has_codec(b, &a->codecs->codecs[i]))
			return true;
	}
	return false;
}

void description_to_audio(const struct description *d, const struct dp_address *local,
			  struct sdp_format formats[SDP_FORMATS_MAX], struct sdp_audio *audio)
{
	unsigned count = d->codecs ? d->codecs->count : 0;

	*audio = (struct sdp_audio){ .direction = (enum sdp_direction)d->direction,
				     .protocol = d->protocol,
				     .formats = formats,
				     .format_count = count,
				     .ptime = d->ptime,
				     .max_ptime = d->max_ptime };
	audio->rtp.family = local->family;
	audio->rtp.port = local->port;
	memcpy(audio->rtp.ip, local->ip, sizeof(audio->rtp.ip));
	for (unsigned i = 0; i < count; i++) {
		const struct codec *codec = &d->codecs->codecs[i];

		formats[i] = (struct sdp_format){ .payload_type = codec->payload_type,
						  .channels = codec->channels,
						  .clock_rate = codec->clock_rate,
						  .encoding = slice_of(codec->encoding),
						  .fmtp = slice_of(codec->fmtp) };
	}
}
