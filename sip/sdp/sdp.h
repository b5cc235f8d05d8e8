/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SDP (RFC 8866) and offer/answer (RFC 3264), for audio. Parsed into a fixed structure of slices
 * and numbers; unknown lines are kept out of the way. Limits: SDP_MEDIA_MAX media lines,
 * SDP_FORMATS_MAX formats each, 64 KiB.
 */
#ifndef SIP_SDP_SDP_H
#define SIP_SDP_SDP_H

#include "sip/base/slice.h"

#define SDP_MEDIA_MAX   16
#define SDP_FORMATS_MAX 32

enum sdp_direction { /* bits: 1 send, 2 receive; from the view of who wrote it */
		     SDP_INACTIVE = 0,
		     SDP_SENDONLY = 1,
		     SDP_RECVONLY = 2,
		     SDP_SENDRECV = 3,
};

struct sdp_format {
	uint8_t payload_type;
	struct slice encoding; /* "PCMU"; for static types without rtpmap filled in (RFC 3551) */
	uint32_t clock_rate;
	uint8_t channels;
	struct slice fmtp; /* SLICE_NONE: none */
};

struct sdp_address {
	uint8_t family; /* 4, 6; 0: none or a name that is no address */
	uint8_t ip[16]; /* network order, IPv4 in the first 4 */
	uint16_t port;
};

struct sdp_media {
	struct slice type;            /* "audio" */
	struct slice protocol;        /* "RTP/AVP" */
	struct sdp_address rtp;       /* of c= (media or session level) and m=; port 0: refused */
	struct sdp_address rtcp;      /* a=rtcp (RFC 3605); family 0: not given */
	enum sdp_direction direction; /* a=, of the session if the media has none; 0.0.0.0 of old
					 holds (RFC 2543) shows as address, direction as written */
	bool rtcp_mux;
	uint16_t ptime; /* ms, 0: not given */
	uint8_t format_count;
	struct sdp_format formats[SDP_FORMATS_MAX]; /* in order of preference */
	struct slice formats_text;                  /* of the m= line, as it stands */
};

struct sdp {
	uint64_t session_id;
	uint64_t session_version;
	uint8_t media_count;
	struct sdp_media media[SDP_MEDIA_MAX];
};

struct sdp_error {
	uint32_t line;
	const char *what;
};

/* 0 or -EBADMSG. Slices point into text. */
int sdp_parse(struct slice text, struct sdp *sdp, struct sdp_error *error);

/*
 * What we would offer or accept. Formats by name and rate; payload types of an offer of ours are
 * taken from here, those of an answer from the offer (RFC 3264 §6.1).
 */
struct sdp_codec {
	const char *encoding; /* "PCMU" */
	uint32_t clock_rate;
	uint8_t payload_type;
	const char *fmtp; /* "0-16" for telephone-event, or NULL */
};

/* One audio line of ours, to be written. */
struct sdp_audio {
	struct sdp_address rtp; /* local */
	enum sdp_direction direction;
	uint8_t codec_count; /* 0: line refused, port 0 */
	struct {
		struct sdp_codec codec;
		uint8_t payload_type; /* in this SDP */
	} codecs[SDP_FORMATS_MAX];
	uint16_t ptime; /* 0: not written */
	bool rtcp_mux;
};

/*
 * Chooses from an offer's media line what of `codecs` it has, in the offer's order, into
 * audio->codecs with the offer's payload types. Returns the number of audio codecs in common,
 * telephone-event not counted; 0: nothing in common.
 */
unsigned sdp_negotiate(const struct sdp_media *offer, const struct sdp_codec *codecs,
		       unsigned count, struct sdp_audio *audio);
/* Direction of the answer to an offered one, when we are willing to do `ours` (RFC 3264 §6.1). */
enum sdp_direction sdp_answer_direction(enum sdp_direction offered, enum sdp_direction ours);
/* sendonly <-> recvonly: how the far side of a relay writes what this side wrote. */
enum sdp_direction sdp_reverse(enum sdp_direction direction);

/*
 * Writes an SDP with one audio line. When offer is given it is the answer to it: as many media
 * lines in the same order, all but the first acceptable audio line refused with port 0 and their
 * formats repeated. -ENOSPC, or bytes written.
 */
int sdp_write(char *buffer, size_t size, const struct sdp *offer, unsigned audio_line,
	      const struct sdp_audio *audio, uint64_t session_id, uint64_t session_version);

/* Index of the first usable audio line (RTP/AVP, port not 0, an IP address), -1: none. */
int sdp_find_audio(const struct sdp *sdp);

#endif
