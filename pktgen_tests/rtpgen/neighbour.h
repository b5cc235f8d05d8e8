/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The simulated phones as neighbours: ARP (RFC 826), neighbour discovery (RFC 4861) and ping are
 * answered for them, and they ask for the MAC of what they send to. Pure functions of frames.
 */
#ifndef PKTGEN_TESTS_RTPGEN_NEIGHBOUR_H
#define PKTGEN_TESTS_RTPGEN_NEIGHBOUR_H

#include "pktgen_tests/rtpgen/address.h"
#include "pktgen_tests/rtpgen/stream.h"

#define NEIGHBOUR_FRAME_MAX 1518u
#define NEIGHBOUR_RANGES    2u

struct neighbour {
	uint8_t mac[6]; /* ours */
	struct address_range range[NEIGHBOUR_RANGES];
	unsigned ranges;
	struct streams *streams; /* whose hops learn their MAC, and whose phones are ours as well */
};

/* What to answer to a frame, 0: nothing. */
size_t neighbour_answer(const struct neighbour *n, const uint8_t *frame, size_t size,
			uint8_t reply[NEIGHBOUR_FRAME_MAX]);

/* A question of `phone` for the MAC of `target`. Returns the frame's size. */
size_t neighbour_ask(const uint8_t mac[6], const struct dp_address *phone,
		     const struct dp_address *target, uint8_t frame[NEIGHBOUR_FRAME_MAX]);

#endif
