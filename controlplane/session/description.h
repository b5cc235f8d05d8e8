/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A description is what one side said about its audio, without its text: where it listens, which
 * way, which formats under which payload types. It is all that crosses from one leg of a call to
 * the other, so nothing else of a party's SDP can leak to the other party.
 *
 * The relay carries any format, so formats cross as they were written: name, rate, channels and
 * parameters. They lie in a list that nobody changes and that is shared by all descriptions made
 * of it. A description that is kept (in a session, in a call) holds a reference: it is written with
 * description_set() and given back with description_clear(). One that is handed around is a copy
 * that borrows.
 */
#ifndef CONTROLPLANE_SESSION_DESCRIPTION_H
#define CONTROLPLANE_SESSION_DESCRIPTION_H

#include "dataplane/api/types.h"
#include "sip/sdp/sdp.h"

/* Bytes with the terminator; a format with more is left out. */
#define CODEC_NAME_MAX 128
#define CODEC_FMTP_MAX 1024

enum codec_kind {
	CODEC_AUDIO,
	CODEC_EVENT,     /* telephone-event (RFC 4733) */
	CODEC_ACCESSORY, /* comfort noise, redundancy, tones: no conversation by itself */
};

struct codec {
	uint8_t payload_type;
	uint8_t channels;
	uint8_t kind;     /* enum codec_kind */
	uint8_t dp_codec; /* enum dp_codec, for the dataplane's estimate of quality */
	uint32_t clock_rate;
	const char *encoding; /* "PCMA" */
	const char *fmtp;     /* "" without */
};

struct codec_list {
	uint32_t refs;
	uint32_t count;
	struct codec codecs[]; /* in the order of who wrote them; their texts follow */
};

struct description {
	struct dp_address rtp;     /* family NONE: it is on hold in the old way (0.0.0.0) */
	struct dp_address rtcp;    /* family NONE: next port */
	uint8_t direction;         /* enum sdp_direction, 0.0.0.0 taken into account */
	uint8_t protocol;          /* enum sdp_protocol */
	uint16_t ptime, max_ptime; /* ms, 0: not given */
	struct codec_list *codecs; /* NULL: none */
};

/*
 * From the text of a body, into a description that is then kept. -EBADMSG: no SDP, or broken;
 * -ENOTSUP: no audio line that we can relay, or no named format in it; -ENOMEM. audio_line: its
 * index, for the answer.
 */
int description_parse(struct slice text, struct sdp *sdp, struct description *description,
		      unsigned *audio_line);
/* Formats into a kept description, those without a name left out. -ENOTSUP: no audio among them. */
int description_set_formats(struct description *description, const struct sdp_format *formats,
			    unsigned count);
/* What we would offer by ourselves (delayed offers to several at once), to be kept. -ENOMEM */
int description_default(struct description *description);
/* Keeps a copy; what was there is given back. from may be what is kept already. */
void description_set(struct description *to, const struct description *from);
void description_clear(struct description *description);
/* All but the addresses. */
bool description_same(const struct description *a, const struct description *b);

/* The first audio codec, the first telephone-event; NULL if there is none. */
const struct codec *description_audio(const struct description *description);
const struct codec *description_event(const struct description *description);
/* enum dp_codec by its name in SDP, and back; UNKNOWN is "". */
uint8_t dp_codec_named(const char *name);
const char *dp_codec_name(uint8_t codec);
/* The same without where its author listens: what may go to the other leg. */
struct description description_without_address(const struct description *description);
/* Is there an audio codec in both? */
bool description_overlap(const struct description *a, const struct description *b);
/* Ready to be written as ours, with our address; formats: room for them. */
void description_to_audio(const struct description *description, const struct dp_address *local,
			  struct sdp_format formats[SDP_FORMATS_MAX], struct sdp_audio *audio);

/* sendonly <-> recvonly */
static inline uint8_t description_reverse(uint8_t direction)
{
	return (uint8_t)((direction & 1u) << 1 | (direction & 2u) >> 1);
}

#endif
