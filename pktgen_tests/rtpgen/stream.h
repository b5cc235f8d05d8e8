/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The streams: what is sent and what has to come back, each in an array of its own, so that a
 * thread that sends and one that receives never write to one cache line.
 */
#ifndef PKTGEN_TESTS_RTPGEN_STREAM_H
#define PKTGEN_TESTS_RTPGEN_STREAM_H

#include "pktgen_tests/rtpgen/checker.h"
#include "pktgen_tests/rtpgen/packet.h"

#define STREAMS_MAX    200000u
#define STREAM_HOPS    64u /* different addresses that packets are sent to */
#define STREAM_PHONES  1024u
#define DIRECTIONS_MAX 2u

/* A stream as it arrives. 32 bytes. */
struct stream_receiver {
	uint32_t source, destination;           /* IPv4 as on the wire; IPv6: in stream_arrival */
	uint16_t source_port, destination_port; /* as on the wire */
	uint32_t ssrc;
	struct checker checker;
};
_Static_assert(sizeof(struct stream_receiver) == 32, "two in a cache line");

struct stream_end {
	struct dp_address phone; /* sends from here, and gets what the other phone sends */
	struct dp_address local; /* where it sends to, and what sends to it */
};

/* A neighbour: the template is complete once its MAC is known. */
struct stream_hop {
	struct packet_template template;
	struct dp_address address;
	uint32_t stream; /* one that goes there: whose phone asks for the MAC */
	bool known;      /* written by who receives, read by who waits for it */
};

struct streams {
	uint32_t count;
	uint8_t directions; /* 2: even streams are a→b, odd ones b→a; 1: all the same */
	bool ipv4, ipv6;    /* what there is among them */
	struct packet_format format;
	struct packet_sender *sender;
	struct packet_addresses *departure; /* IPv6 only, else NULL */
	struct stream_receiver *receiver;
	struct packet_addresses *arrival; /* IPv6 only, else NULL */
	struct checker_counts *received;  /* rare verdicts on arrival */
	struct checker *wire;             /* check of what was sent; NULL without impairments */
	struct checker_counts *wire_counts;
	uint32_t *order; /* permutation, NULL: as they are numbered */
	struct stream_hop hop[STREAM_HOPS];
	unsigned hops;
	/* phones that are on none of the ranges given, to answer for */
	struct dp_address phone[STREAM_PHONES];
	unsigned phones;
};

/* Memory of so many streams. After EAL, for its hugepages. 0 or -ENOMEM. */
int streams_create(struct streams *s, uint32_t count, bool impaired, bool random_order);
void streams_destroy(struct streams *s);

/*
 * Stream `index` goes from `from.phone` to `from.local`, and arrives at to.phone from to.local.
 * mac: ours. -ENOSPC: more neighbours than STREAM_HOPS.
 */
int streams_set(struct streams *s, uint32_t index, const struct stream_end *from,
		const struct stream_end *to, const uint8_t mac[6]);

/* A phone of its own, on none of the ranges. -ENOSPC: more than STREAM_PHONES. */
int streams_add_phone(struct streams *s, const struct dp_address *address);

/* The neighbour answers at this MAC. */
void streams_set_mac(struct stream_hop *hop, const uint8_t mac[6]);

#define STREAMS_AHEAD_MS 40u

/*
 * A run begins: nothing was received of what is sent from now on. While nothing moves.
 *
 * clock: of the time stamps, in samples since the first start. They go on with it over the pause
 * between two runs, or a receiver would take all that follows for late. Those of a run are ahead of
 * it by STREAMS_AHEAD_MS, in which the streams' first packets are sent: play-out is aligned to
 * them, and not to a packet of the run before.
 */
void streams_start_run(struct streams *s, uint32_t clock);

enum stream_verdict {
	STREAM_TAKEN,
	STREAM_ALTERED,     /* not bit by bit what was sent */
	STREAM_MISDIRECTED, /* whole, but at another address or port, or from another */
};

/* A marked packet of a stream that there is (view.stream < count) has come. Who receives. */
enum stream_verdict streams_take(struct streams *s, const struct packet_view *view);

/* Different packets that were put on the wire, and those that came, of one stream in this run. */
uint32_t streams_sent(const struct streams *s, uint32_t index);
uint32_t streams_received(const struct streams *s, uint32_t index);

#endif
