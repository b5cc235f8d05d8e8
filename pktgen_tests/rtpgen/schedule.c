/* SPDX-License-Identifier: BSD-3-Clause */
#include "pktgen_tests/rtpgen/schedule.h"

#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX

struct item {
	struct schedule_packet packet;
	uint64_t until; /* sequence, or slot */
	uint32_t next;
};

struct schedule {
	uint64_t slot; /* the next that is looked at */
	uint32_t delayed;
	uint32_t free;
	uint32_t calendar[SCHEDULE_SLOTS];
	uint32_t *held; /* first item of each stream */
	struct item item[SCHEDULE_ITEMS];
};

struct schedule *schedule_create(uint32_t streams)
{
	struct schedule *s = malloc(sizeof(*s));

	if (!s)
		return NULL;
	s->held = malloc(streams * sizeof(*s->held));
	if (!s->held) {
		free(s);
		return NULL;
	}
	memset(s->held, 0xff, streams * sizeof(*s->held));
	memset(s->calendar, 0xff, sizeof(s->calendar));
	s->slot = 0;
	s->delayed = 0;
	for (uint32_t i = 0; i < SCHEDULE_ITEMS; i++)
		s->item[i].next = i + 1 < SCHEDULE_ITEMS ? i + 1 : NONE;
	s->free = 0;
	return s;
}

void schedule_destroy(struct schedule *s)
{
	if (!s)
		return;
	free(s->held);
	free(s);
}

static bool put(struct schedule *s, uint32_t *list, const struct schedule_packet *p, uint64_t until)
{
	uint32_t i = s->free;

	if (i == NONE)
		return false;
	s->free = s->item[i].next;
	s->item[i] = (struct item){ .packet = *p, .until = until, .next = *list };
	*list = i;
	return true;
}

static void take(struct schedule *s, uint32_t *link, struct schedule_packet *p)
{
	uint32_t i = *link;

	*p = s->item[i].packet;
	*link = s->item[i].next;
	s->item[i].next = s->free;
	s->free = i;
}

bool schedule_hold(struct schedule *s, const struct schedule_packet *p, uint64_t until)
{
	return put(s, &s->held[p->stream], p, until);
}

bool schedule_delay(struct schedule *s, const struct schedule_packet *p, uint64_t now_us,
		    uint32_t delay_us)
{
	uint64_t slot = (now_us + delay_us) / SCHEDULE_SLOT_US;

	/* An empty calendar need not be read from where it was left. */
	if (s->delayed == 0)
		s->slot = now_us / SCHEDULE_SLOT_US;
	if (slot < s->slot || slot - s->slot >= SCHEDULE_SLOTS)
		return false;
	if (!put(s, &s->calendar[slot % SCHEDULE_SLOTS], p, slot))
		return false;
	s->delayed++;
	return true;
}

bool schedule_next_held(struct schedule *s, uint32_t stream, uint64_t sequence,
			struct schedule_packet *p)
{
	for (uint32_t *link = &s->held[stream]; *link != NONE; link = &s->item[*link].next) {
		if (s->item[*link].until > sequence)
			continue;
		take(s, link, p);
		return true;
	}
	return false;
}

bool schedule_next_due(struct schedule *s, uint64_t now_us, struct schedule_packet *p)
{
	uint64_t now = now_us / SCHEDULE_SLOT_US;

	for (; s->delayed > 0 && s->slot < now; s->slot++) {
		uint32_t *list = &s->calendar[s->slot % SCHEDULE_SLOTS];

		if (*list == NONE)
			continue;
		take(s, list, p);
		s->delayed--;
		return true;
	}
	return false;
}

uint32_t schedule_delayed(const struct schedule *s)
{
	return s->delayed;
}
