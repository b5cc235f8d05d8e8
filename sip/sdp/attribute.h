/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Attributes (a= lines) by name, and what is in those that have a grammar of their own. Lookups
 * take the lines of a media line or of the session (struct sdp_media, struct sdp). The parsers
 * take the value behind the colon; they return 0 or -EBADMSG and give slices of it.
 */
#ifndef SIP_SDP_ATTRIBUTE_H
#define SIP_SDP_ATTRIBUTE_H

#include "sip/sdp/sdp.h"

/* id, name */
#define SDP_ATTRIBUTES(X)                           \
	X(BUNDLE_ONLY, "bundle-only")               \
	X(CANDIDATE, "candidate")                   \
	X(CRYPTO, "crypto")                         \
	X(END_OF_CANDIDATES, "end-of-candidates")   \
	X(EXTMAP, "extmap")                         \
	X(EXTMAP_ALLOW_MIXED, "extmap-allow-mixed") \
	X(FINGERPRINT, "fingerprint")               \
	X(FMTP, "fmtp")                             \
	X(GROUP, "group")                           \
	X(ICE_LITE, "ice-lite")                     \
	X(ICE_MISMATCH, "ice-mismatch")             \
	X(ICE_OPTIONS, "ice-options")               \
	X(ICE_PWD, "ice-pwd")                       \
	X(ICE_UFRAG, "ice-ufrag")                   \
	X(INACTIVE, "inactive")                     \
	X(LABEL, "label")                           \
	X(MAXPTIME, "maxptime")                     \
	X(MID, "mid")                               \
	X(MSID, "msid")                             \
	X(MSID_SEMANTIC, "msid-semantic")           \
	X(PTIME, "ptime")                           \
	X(RECVONLY, "recvonly")                     \
	X(REMOTE_CANDIDATES, "remote-candidates")   \
	X(RTCP, "rtcp")                             \
	X(RTCP_FB, "rtcp-fb")                       \
	X(RTCP_MUX, "rtcp-mux")                     \
	X(RTCP_MUX_ONLY, "rtcp-mux-only")           \
	X(RTCP_RSIZE, "rtcp-rsize")                 \
	X(RTPMAP, "rtpmap")                         \
	X(SENDONLY, "sendonly")                     \
	X(SENDRECV, "sendrecv")                     \
	X(SETUP, "setup")                           \
	X(SILENCE_SUPP, "silenceSupp")              \
	X(SSRC, "ssrc")                             \
	X(SSRC_GROUP, "ssrc-group")                 \
	X(TLS_ID, "tls-id")

enum sdp_attribute_id {
	SDP_A_OTHER,
#define X(id, name) SDP_A_##id,
	SDP_ATTRIBUTES(X)
#undef X
		SDP_ATTRIBUTE_COUNT
};

struct sdp_attribute {
	enum sdp_attribute_id id; /* SDP_A_OTHER: by its name alone */
	struct slice name;
	struct slice value; /* behind the colon; SLICE_NONE: a flag */
};

/* What stands behind "a=". */
struct sdp_attribute sdp_attribute_of(struct slice text);
/* Takes the next one; false at the end. */
bool sdp_attribute_next(struct slice *lines, struct sdp_attribute *a);
/* The first of an id. */
bool sdp_attribute_find(struct slice lines, enum sdp_attribute_id id, struct slice *value);
/* The same of a media line, else of its session: for those that a session may say for all. */
bool sdp_media_attribute(const struct sdp *sdp, const struct sdp_media *media,
			 enum sdp_attribute_id id, struct slice *value);

/* --- formats: attribute.c --- */

/* <payload type> <encoding name>/<clock rate>[/<channels>] */
struct sdp_rtpmap {
	uint8_t payload_type;
	uint8_t channels;
	uint32_t clock_rate;
	struct slice encoding;
};
int sdp_rtpmap_parse(struct slice value, struct sdp_rtpmap *map);
/* <format> <parameters> */
int sdp_fmtp_parse(struct slice value, struct slice *format, struct slice *parameters);
/* "name=value" among parameters separated by semicolons; false: it is not there. */
bool sdp_fmtp_get(struct slice parameters, struct slice name, struct slice *value);

/* <payload type or "*"> <type> [<parameters>] (RFC 4585 §4.2) */
struct sdp_rtcp_fb {
	int payload_type; /* -1: all */
	struct slice type, parameters;
};
int sdp_rtcp_fb_parse(struct slice value, struct sdp_rtcp_fb *fb);

/* <number>["/"<direction>] <URI> [<attributes>] (RFC 8285 §5) */
struct sdp_extmap {
	uint16_t id;       /* 1 to 14, 1 to 255 with two-byte headers, 4096 to 4351 to be chosen */
	uint8_t direction; /* enum sdp_direction; SDP_SENDRECV if none is given */
	struct slice uri, attributes;
};
int sdp_extmap_parse(struct slice value, struct sdp_extmap *map);

/* silenceSupp (RFC 3108 §5.6.2.5): is suppression of silence wanted? */
int sdp_silence_supp_parse(struct slice value, bool *on);

/* --- sources and groups: attribute_group.c --- */

/* <ssrc> <attribute>[:<value>] (RFC 5576 §4.1) */
struct sdp_ssrc {
	uint32_t ssrc;
	struct slice attribute, value;
};
int sdp_ssrc_parse(struct slice value, struct sdp_ssrc *ssrc);
/* ssrc-group (RFC 5576 §4.2) and group (RFC 5888): <semantics> <member>... */
struct sdp_group {
	struct slice semantics; /* "BUNDLE", "FID" */
	struct slice members;   /* for sdp_group_next() */
};
int sdp_group_parse(struct slice value, struct sdp_group *group);
bool sdp_group_next(struct slice *members, struct slice *member);
/* <stream> [<track>] (RFC 8830) */
int sdp_msid_parse(struct slice value, struct slice *stream, struct slice *track);
/* Index of the media line whose transport this one shares (RFC 9143): the first of its BUNDLE group
 * that is not refused; its own if it is in none. */
unsigned sdp_bundle_of(const struct sdp *sdp, unsigned media);

/* --- keys: attribute_security.c --- */

/* <tag> <suite> <key-params> [<session-params>] (RFC 4568 §9.1) */
struct sdp_crypto {
	uint32_t tag;
	struct slice suite;   /* "AES_CM_128_HMAC_SHA1_80" */
	struct slice keys;    /* for sdp_crypto_key_next() */
	struct slice session; /* SLICE_NONE: none */
};
int sdp_crypto_parse(struct slice value, struct sdp_crypto *crypto);
/* inline:<key||salt>["|"<lifetime>]["|"<MKI>:<length>] (RFC 4568 §6.1) */
struct sdp_crypto_key {
	struct slice key_salt; /* base64 */
	uint64_t lifetime;     /* packets; 0: not given */
	uint64_t mki;
	uint8_t mki_size; /* bytes, 0: no MKI */
};
/* Takes the next key: 0, -ENOENT at the end, -EBADMSG. */
int sdp_crypto_key_next(struct slice *keys, struct sdp_crypto_key *key);

/* <hash function> <bytes in hexadecimal with colons> (RFC 8122 §5) */
struct sdp_fingerprint {
	struct slice hash; /* "sha-256" */
	uint8_t size;
	uint8_t bytes[SDP_FINGERPRINT_MAX];
};
int sdp_fingerprint_parse(struct slice value, struct sdp_fingerprint *fingerprint);

/* RFC 4145 §4 */
enum sdp_setup { SDP_SETUP_ACTIVE, SDP_SETUP_PASSIVE, SDP_SETUP_ACTPASS, SDP_SETUP_HOLDCONN };
int sdp_setup_parse(struct slice value, enum sdp_setup *setup);

/* --- ICE: attribute_ice.c (RFC 8839 §5.1) --- */

enum sdp_candidate_type {
	SDP_CANDIDATE_HOST,
	SDP_CANDIDATE_SRFLX,
	SDP_CANDIDATE_PRFLX,
	SDP_CANDIDATE_RELAY,
	SDP_CANDIDATE_OTHER, /* to be passed over */
};
struct sdp_candidate {
	struct slice foundation;
	uint16_t component;     /* 1 to 256 */
	struct slice transport; /* "UDP" */
	uint32_t priority;
	struct sdp_address address; /* family 0: a name */
	struct slice host;          /* the address as text */
	enum sdp_candidate_type type;
	struct sdp_address related; /* raddr and rport; family 0: not given */
	struct slice extensions;    /* what follows: tcptype, generation, … */
};
int sdp_candidate_parse(struct slice value, struct sdp_candidate *candidate);
/* RFC 8839 §5.4: length and characters of ice-ufrag and ice-pwd. */
bool sdp_is_ice_ufrag(struct slice value);
bool sdp_is_ice_pwd(struct slice value);

/* --- T.38 (ITU-T T.38 annex D): t38.c --- */

enum sdp_t38_rate { SDP_T38_RATE_NONE, SDP_T38_LOCAL_TCF, SDP_T38_TRANSFERRED_TCF };
enum sdp_t38_ec { SDP_T38_EC_NONE, SDP_T38_EC_FEC, SDP_T38_EC_REDUNDANCY };
struct sdp_t38 {
	uint8_t version;
	uint32_t max_bit_rate; /* bits a second, 0: not given */
	uint32_t max_buffer, max_datagram;
	bool fill_bit_removal, transcoding_mmr, transcoding_jbig;
	enum sdp_t38_rate rate;
	enum sdp_t38_ec ec;
};
/* Of an m=image line with udptl. */
int sdp_t38_parse(const struct sdp_media *media, struct sdp_t38 *t38);

#endif
