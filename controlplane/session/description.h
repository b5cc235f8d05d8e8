/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A description is what one side said about its audio, without its text: where it listens, which
 * way, which formats under which payload types. It is all that crosses from one leg of a call to
 * the other, so nothing else of a party's SDP can leak to the other party.
 */
#ifndef CONTROLPLANE_SESSION_DESCRIPTION_H
#define CONTROLPLANE_SESSION_DESCRIPTION_H

#include "dataplane/api/types.h"
#include "sip/sdp/sdp.h"

#define DESCRIPTION_CODECS_MAX 8

/* Codecs that we relay, in our order of preference: id, name, clock rate, payload type, fmtp. */
#define DESCRIPTION_CODECS(X)          \
	X(PCMA, "PCMA", 8000, 8, NULL) \
	X(PCMU, "PCMU", 8000, 0, NULL) \
	X(TELEPHONE_EVENT, "telephone-event", 8000, 101, "0-15")

enum description_codec {
#define X(id, name, rate, payload_type, fmtp) CODEC_##id,
	DESCRIPTION_CODECS(X)
#undef X
		CODECS
};
extern const struct sdp_codec description_codecs[CODECS];

struct description {
	struct dp_address rtp;  /* family NONE: it is on hold in the old way (0.0.0.0) */
	struct dp_address rtcp; /* family NONE: next port */
	uint8_t direction;      /* enum sdp_direction, 0.0.0.0 taken into account */
	uint8_t codec_count;
	uint16_t ptime; /* ms, 0: not given */
	struct {
		uint8_t codec; /* enum description_codec */
		uint8_t payload_type;
	} codecs[DESCRIPTION_CODECS_MAX]; /* in the order of who wrote it */
};

/*
 * From the text of a body. -EBADMSG: no SDP, or broken; -ENOTSUP: no audio line that we can use,
 * or none of our codecs in it. audio_line: its index, for the answer.
 */
int description_parse(struct slice text, struct sdp *sdp, struct description *description,
		      unsigned *audio_line);
/* What we would offer by ourselves (delayed offers). */
void description_default(struct description *description);
/* The first audio codec; CODECS if there is none. */
enum description_codec description_audio(const struct description *description,
					 uint8_t *payload_type);
/* The same as the dataplane names it, for its estimate of quality; enum dp_codec. */
uint8_t description_dp_codec(const struct description *description);
/* enum dp_codec by its name in SDP, and back; UNKNOWN is "". */
uint8_t dp_codec_named(const char *name);
const char *dp_codec_name(uint8_t codec);
/* Keeps the first audio codec and telephone-event: what an answer says is one way to talk. */
void description_settle(struct description *description);
/* The same without where its author listens: what may go to the other leg. */
struct description description_without_address(const struct description *description);
/* Is there an audio codec in both? */
bool description_overlap(const struct description *a, const struct description *b);
/* Ready to be written as ours, with our address. */
void description_to_audio(const struct description *description, const struct dp_address *local,
			  struct sdp_audio *audio);

/* sendonly <-> recvonly */
static inline uint8_t description_reverse(uint8_t direction)
{
	return (uint8_t)((direction & 1u) << 1 | (direction & 2u) >> 1);
}

#endif
