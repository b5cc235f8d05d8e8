/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the threads share: the port, the streams, and what is to be done now.
 *
 *   main                                  worker(s)
 *     sets `run`, phase = RUN     ──────▶   receives always; sends while phase is RUN
 *     reads counters, shows them            … duration is over: sends what is held back
 *     phase = STOP (Ctrl-C)       ──────▶   the same at once
 *     waits for IDLE              ◀──────   phase = IDLE
 *
 * While the phase is IDLE and nothing is under way the streams are main's to read and to set.
 */
#ifndef PKTGEN_TESTS_RTPGEN_GENERATOR_H
#define PKTGEN_TESTS_RTPGEN_GENERATOR_H

#include <rte_mbuf.h>
#include <rte_ring.h>

#include "pktgen_tests/rtpgen/histogram.h"
#include "pktgen_tests/rtpgen/impair.h"
#include "pktgen_tests/rtpgen/neighbour.h"
#include "pktgen_tests/rtpgen/schedule.h"
#include "pktgen_tests/rtpgen/stream.h"

#define BURST 64u

enum phase { PHASE_IDLE, PHASE_RUN, PHASE_STOP, PHASE_QUIT };

/* Writer: who sends. */
struct sent_counters {
	uint64_t packets; /* put on the wire */
	uint64_t
		direction[DIRECTIONS_MAX]; /* of them; those that wait for room are in it already */
	uint64_t tx_full;  /* packets that found the peer's ring full; they were sent later */
	uint64_t given_up; /* packets that found no room until the end */
	uint64_t no_buffer;
	struct {
		uint64_t lost, duplicated, held, delayed;
	} impaired;
	uint64_t began_tsc, ended_tsc; /* first and last packet */
	uint64_t lag;                  /* ticks that a packet was built behind its time, at most */
};

/* Writer: who receives. */
struct received_counters {
	uint64_t packets;                   /* of the streams, as they were sent */
	uint64_t direction[DIRECTIONS_MAX]; /* of them */
	uint64_t unknown;                   /* UDP without our mark, or of no stream */
	uint64_t misdirected;               /* at another address or port, or from another */
	uint64_t altered;                   /* not bit by bit what was sent */
	uint64_t rtcp;
	uint64_t last_tsc; /* of the last packet of a stream */
};

/* What the sender is to do in a run. */
struct run_order {
	double packets_per_tick; /* 0: as fast as the port takes them */
	uint64_t duration_ticks;
};

struct generator {
	uint16_t port;
	bool polling; /* never sleep */
	uint64_t tsc_hz;
	uint64_t epoch_tsc; /* the clock of all time stamps is 0 */
	struct rte_mempool *tx_pool, *rx_pool;
	struct rte_ring
		*extra; /* frames besides the streams: many producers, the sender consumes */
	struct streams streams;
	struct neighbour neighbour;
	struct impair_plan plan;
	struct schedule *schedule; /* with impairments */

	int phase; /* enum phase, atomic */
	struct run_order run;
	uint64_t probes; /* packets of streams sent before the first run. Writer: main */
	struct sent_counters sent __attribute__((aligned(64)));
	struct received_counters received __attribute__((aligned(64)));
	struct histogram latency[DIRECTIONS_MAX]; /* ticks; writer: who receives */
};

static inline int generator_phase(const struct generator *g)
{
	return __atomic_load_n(&g->phase, __ATOMIC_ACQUIRE);
}

static inline void generator_set_phase(struct generator *g, enum phase phase)
{
	__atomic_store_n(&g->phase, (int)phase, __ATOMIC_RELEASE);
}

/* A counter of another thread. */
static inline uint64_t counter_read(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/* A frame besides the streams, by any thread. False: no room or no buffer. */
bool generator_send_extra(struct generator *g, const uint8_t *frame, size_t size);
/* Packet of a stream, out of a run: while the phase is IDLE. */
bool generator_send_probe(struct generator *g, uint32_t stream);

/* --- send.c: one thread ----------------------------------------------------- */
struct sending;
struct sending *sending_create(struct generator *g);
void sending_destroy(struct sending *s);
/* One round; true if there was something to do. */
bool sending_round(struct sending *s);

/* --- receive.c: one thread ----------------------------------------------------- */
/* Takes what has come, but no more than RECEIVE_BURSTS; true if there was something. */
#define RECEIVE_BURSTS 32u
bool receiving_round(struct generator *g);

/* --- worker.c ------------------------------------------------------------------ */
/* Functions of lcores; argument: struct generator. They return at PHASE_QUIT. */
int worker_both(void *generator);
int worker_send(void *generator);
int worker_receive(void *generator);

#endif
