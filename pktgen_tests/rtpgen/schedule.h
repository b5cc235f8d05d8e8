/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets that are to leave later than their turn: held back until so many later packets of their
 * stream are gone, or delayed in a calendar of 0.1 ms slots. Nothing is allocated after creation.
 */
#ifndef PKTGEN_TESTS_RTPGEN_SCHEDULE_H
#define PKTGEN_TESTS_RTPGEN_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#define SCHEDULE_SLOT_US 100u
#define SCHEDULE_SLOTS   16384u /* 1.6 s, more than the longest delay */
#define SCHEDULE_ITEMS   (1u << 20)

struct schedule_packet {
	uint64_t sequence;
	uint32_t stream;
	bool twice; /* is to be sent two times */
};

struct schedule;

struct schedule *schedule_create(uint32_t streams);
void schedule_destroy(struct schedule *s);

/* Both are false if there is no room: the packet is sent at once then. */
bool schedule_hold(struct schedule *s, const struct schedule_packet *p, uint64_t until);
bool schedule_delay(struct schedule *s, const struct schedule_packet *p, uint64_t now_us,
		    uint32_t delay_us);

/* One of the stream that is to follow `sequence`; UINT64_MAX: any that is held. */
bool schedule_next_held(struct schedule *s, uint32_t stream, uint64_t sequence,
			struct schedule_packet *p);
/* One whose time has come. */
bool schedule_next_due(struct schedule *s, uint64_t now_us, struct schedule_packet *p);

/* In the calendar. */
uint32_t schedule_delayed(const struct schedule *s);

#endif
