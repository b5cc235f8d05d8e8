/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Scalars that both processes agree on: handles, addresses, media directions.
 *
 * dataplane/api is the contract between the dataplane and its clients. It includes nothing but
 * libc and rte_ring. Everything in it is copied by value between processes: fixed-width types,
 * no pointers, no padding that is not named.
 */
#ifndef DATAPLANE_API_TYPES_H
#define DATAPLANE_API_TYPES_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/*
 * A handle names a context or a termination. The generation changes each time the index is used
 * again, so a stale handle is an error (-ESTALE) and never somebody else's call. Generation 0 is
 * never given out: the zero handle means "none".
 */
typedef struct dp_handle {
	uint32_t index;
	uint32_t generation;
} dp_handle_t;

#define DP_HANDLE_NONE ((dp_handle_t){ 0, 0 })

/* In a TERMINATION_ADD: the context that the channel's latest CONTEXT_ADD made. No context ever has
 * this index. */
#define DP_HANDLE_ADDED ((dp_handle_t){ UINT32_MAX, UINT32_MAX })

static inline bool dp_handle_is_none(dp_handle_t h)
{
	return h.generation == 0;
}

static inline bool dp_handle_equal(dp_handle_t a, dp_handle_t b)
{
	return a.index == b.index && a.generation == b.generation;
}

/* For text (CLI, logs, JSON) and for maps: generation in the high half. */
static inline uint64_t dp_handle_to_u64(dp_handle_t h)
{
	return (uint64_t)h.generation << 32 | h.index;
}

enum dp_family {
	DP_FAMILY_NONE = 0, /* no address given */
	DP_FAMILY_IPV4 = 4,
	DP_FAMILY_IPV6 = 6,
};

/* A transport address. ip is in network order, IPv4 in its first 4 bytes; port in host order. */
struct dp_address {
	uint8_t ip[16];
	uint16_t port;
	uint8_t family; /* enum dp_family */
	uint8_t reserved;
};
static_assert(sizeof(struct dp_address) == 20, "dp_address crosses processes");

static inline bool dp_address_same_ip(const struct dp_address *a, const struct dp_address *b)
{
	return a->family == b->family &&
	       memcmp(a->ip, b->ip, a->family == DP_FAMILY_IPV6 ? 16 : 4) == 0;
}

static inline bool dp_address_same(const struct dp_address *a, const struct dp_address *b)
{
	return a->port == b->port && dp_address_same_ip(a, b);
}

/* One host can be meant: not "any", not a group, not the machine itself. */
static inline bool dp_address_is_unicast(const struct dp_address *a)
{
	static const uint8_t zero[15];

	if (a->family == DP_FAMILY_IPV4)
		return a->ip[0] != 0 && a->ip[0] != 127 && a->ip[0] < 224;
	return a->ip[0] != 0xff && !(memcmp(a->ip, zero, sizeof(zero)) == 0 && a->ip[15] <= 1);
}

/*
 * Direction of media, seen from the remote end of the termination, bits as in RFC 4566 a=:
 * RECV: the dataplane sends to the remote end; SEND: it takes media from it.
 */
enum dp_direction {
	DP_DIRECTION_INACTIVE = 0,
	DP_DIRECTION_SENDONLY = 1, /* remote sends, nothing is sent to it */
	DP_DIRECTION_RECVONLY = 2, /* remote is sent to, nothing is taken from it */
	DP_DIRECTION_SENDRECV = 3,
};

/* Which source a termination takes media from. */
enum dp_source_rule {
	DP_SOURCE_STRICT = 0, /* only the remote address of the signalling */
	DP_SOURCE_LEARN = 1,  /* the first source that proves itself (symmetric RTP, RFC 4961), then
				 only that one; opened again when signalling sets a new remote
				 address. The remote address itself takes it whenever it speaks,
				 and keeps it */
	DP_SOURCE_HOST = 2,   /* as LEARN, from any port of the IP address of the signalling alone;
				 while no remote address is known (a called phone that speaks
				 before its answer has come) exactly LEARN */
};

/*
 * Audio formats as far as the E-model tells them apart: id, name in SDP (RFC 3551), equipment
 * impairment Ie and robustness against random loss Bpl. From ITU-T G.113 appendix I: Ie of table
 * I.1, Bpl of table I.3 (G.711 with the concealment of its appendix I, G.729A with VAD, G.723.1 at
 * 6.3 kbit/s with VAD, GSM-EFR). G.722 and Opus are not listed there: as G.711 with concealment,
 * which is what the narrow-band scale of G.107 can give at most.
 */
#define DP_CODECS(X)                   \
	X(UNKNOWN, "", 0, 25.1)        \
	X(PCMU, "PCMU", 0, 25.1)       \
	X(PCMA, "PCMA", 0, 25.1)       \
	X(G722, "G722", 0, 25.1)       \
	X(G723, "G723", 15, 16.1)      \
	X(G729, "G729", 11, 19.0)      \
	X(GSM_EFR, "GSM-EFR", 5, 10.0) \
	X(OPUS, "opus", 0, 25.1)

enum dp_codec {
#define X(id, name, ie, bpl) DP_CODEC_##id,
	DP_CODECS(X)
#undef X
		DP_CODEC_COUNT
};

/* A realm is named by its index in the configuration. */
#define DP_REALM_ANY UINT8_MAX

/* How two terminations of a context hear each other (H.248.1 §7.1.5). */
enum dp_topology {
	DP_TOPOLOGY_BOTHWAY = 0,
	DP_TOPOLOGY_ONEWAY = 1, /* from the first named to the second */
	DP_TOPOLOGY_ISOLATE = 2,
};

#endif
