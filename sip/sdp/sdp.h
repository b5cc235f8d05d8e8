/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SDP (RFC 8866) and offer/answer (RFC 3264).
 *
 *   parse.c        lines, in one pass: session and media lines become numbers and slices
 *   lex.c          the words that lines are made of
 *   formats.c      the formats of a media line with what rtpmap and fmtp say of them
 *   attribute.c    attributes by name, of a session or a media line (attribute.h has the typed ones)
 *   negotiate.c    what offers and answers have to do with each other
 *   write.c        a description of ours as text
 *
 * Nothing is copied: slices point into the text that was parsed. What few ask for (attributes,
 * formats) stays text until it is asked for.
 */
#ifndef SIP_SDP_SDP_H
#define SIP_SDP_SDP_H

#include "sip/base/slice.h"

/* What a description may have at most; formats: what is more is passed over, all else is an error. */
#define SDP_LIMITS(X)  \
	X(TEXT, 65536) \
	X(LINES, 2048) \
	X(LINE, 8192)  \
	X(MEDIA, 16)   \
	X(FORMATS, 32) \
	X(BUNDLED, 16) \
	X(FINGERPRINT, 64)

enum sdp_limit {
#define X(id, most) SDP_##id##_MAX = (most),
	SDP_LIMITS(X)
#undef X
};

enum sdp_direction { /* bits: 1 send, 2 receive; from the view of who wrote it */
		     SDP_INACTIVE = 0,
		     SDP_SENDONLY = 1,
		     SDP_RECVONLY = 2,
		     SDP_SENDRECV = 3,
};

/* id, the text between port and formats */
#define SDP_PROTOCOLS(X)                          \
	X(RTP_AVP, "RTP/AVP")                     \
	X(RTP_AVPF, "RTP/AVPF")                   \
	X(RTP_SAVP, "RTP/SAVP")                   \
	X(RTP_SAVPF, "RTP/SAVPF")                 \
	X(UDP_TLS_RTP_SAVP, "UDP/TLS/RTP/SAVP")   \
	X(UDP_TLS_RTP_SAVPF, "UDP/TLS/RTP/SAVPF") \
	X(UDPTL, "udptl")                         \
	X(UDP, "UDP")                             \
	X(TCP, "TCP")

enum sdp_protocol {
	SDP_PROTOCOL_OTHER,
#define X(id, text) SDP_##id,
	SDP_PROTOCOLS(X)
#undef X
		SDP_PROTOCOL_COUNT
};

struct sdp_address {
	uint8_t family; /* 4, 6; 0: none or a name that is no address */
	uint8_t ip[16]; /* network order, IPv4 in the first 4 */
	uint16_t port;
};

/* A format of a media line with RTP. */
struct sdp_format {
	uint8_t payload_type;
	uint8_t channels;
	uint32_t clock_rate;
	struct slice encoding; /* "PCMU"; for static types without rtpmap filled in (RFC 3551) */
	struct slice fmtp;     /* SLICE_NONE: none */
};

struct sdp_media {
	struct slice type;          /* "audio" */
	struct slice protocol_text; /* "RTP/AVP" */
	struct slice formats;       /* of the m= line, as it stands */
	struct slice lines;         /* what follows the m= line, up to the next */
	struct slice mid;           /* RFC 5888; SLICE_NONE: none */
	struct sdp_address rtp;     /* of c= (media or session level) and m=; port 0: refused */
	struct sdp_address rtcp;    /* a=rtcp (RFC 3605); family 0: not given */
	uint8_t protocol;           /* enum sdp_protocol */
	uint8_t direction; /* enum sdp_direction, of the session if the media has none; 0.0.0.0 of
				       old holds (RFC 2543) shows as address, direction as written */
	bool rtcp_mux, bundle_only;
	uint16_t port_count;       /* "/2" of hierarchical streams, 1 without */
	uint16_t ptime, max_ptime; /* ms, 0: not given */
};

struct sdp_origin {
	struct slice username;
	uint64_t session_id, session_version;
	struct sdp_address address;
};

struct sdp {
	struct sdp_origin origin;
	struct slice name;             /* s= */
	struct sdp_address connection; /* c= of the session, without port */
	uint64_t start, stop;          /* the first t=, seconds since 1900; 0: not bounded */
	struct slice lines;            /* of the session, up to the first m= */
	uint8_t media_count;
	struct sdp_media media[SDP_MEDIA_MAX];
};

struct sdp_error {
	uint32_t line;
	const char *what;
};

/* 0 or -EBADMSG. Slices point into text. */
int sdp_parse(struct slice text, struct sdp *sdp, struct sdp_error *error);

/* Takes the next line of sdp.lines or media.lines: b=, i=, k=, a= and so on; false at the end. */
bool sdp_line_next(struct slice *lines, char *type, struct slice *value);
/* b=<type>:<kilobits, of RR, RS and TIAS bits a second>; false: it is not there. */
bool sdp_bandwidth(struct slice lines, struct slice type, uint32_t *value);
/* k=<method>[:<key>] (obsolete, RFC 8866 §5.12); false: it is not there. */
bool sdp_key(struct slice lines, struct slice *method, struct slice *key);

bool sdp_protocol_is_rtp(enum sdp_protocol protocol);
const char *sdp_protocol_text(enum sdp_protocol protocol);

/* In order of preference; a type counts once. Returns how many; 0 where there is no RTP. */
unsigned sdp_formats(const struct sdp_media *media, struct sdp_format formats[SDP_FORMATS_MAX]);
/* The same encoding, rate and channels, under whatever payload types. */
bool sdp_format_same(const struct sdp_format *a, const struct sdp_format *b);

/* sendonly <-> recvonly: how the far side of a relay writes what this side wrote. */
enum sdp_direction sdp_reverse(enum sdp_direction direction);
/* Direction of the answer to an offered one, when we are willing to do `ours` (RFC 3264 §6.1). */
enum sdp_direction sdp_answer_direction(enum sdp_direction offered, enum sdp_direction ours);

/* Index of the first audio line that can be relayed (RTP/AVP or AVPF, port not 0, an IP address,
 * a format), -1: none. */
int sdp_find_audio(const struct sdp *sdp);

/* One media line of ours with RTP, to be written. */
struct sdp_audio {
	struct sdp_address rtp; /* local */
	enum sdp_direction direction;
	enum sdp_protocol protocol;
	const struct sdp_format *formats;
	unsigned format_count;     /* 0: line refused, port 0 */
	uint16_t ptime, max_ptime; /* 0: not written */
	bool rtcp_mux;
};

/*
 * Writes an SDP with one audio line. When offer is given it is the answer to it: as many media
 * lines in the same order, all but that audio line refused with port 0 and their formats repeated
 * (RFC 3264 §6), in the protocol of the offer. -ENOSPC, or bytes written.
 */
int sdp_write(char *buffer, size_t size, const struct sdp *offer, unsigned audio_line,
	      const struct sdp_audio *audio, uint64_t session_id, uint64_t session_version);

#endif
