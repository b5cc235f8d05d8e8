/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How loaded a shard is, and what share of each class of requests it takes on.
 *
 * Measured is what hurts: how long messages wait in the socket, and what share of the time the
 * loop works. A burst passes and a standing queue stays (RFC 8289 §4.2), so only a wait that lasts
 * counts.
 * A proportional-integral controller turns the wait into a pressure, the logarithm of the share
 * that is let in, so that it behaves the same at twice and at twenty times the load:
 *
 *   e = ln(wait / target)                   x += KI e dt         pressure = x + KP e
 *
 * It holds the wait at the target, so the shard works all the time and completes what it can.
 * Hysteresis: shedding begins when the wait has been above the target for LOAD_ENGAGE_MS, and is
 * over when x has come down to 0 and the wait has stayed below half of it for LOAD_CALM_MS.
 *
 * Classes give way in order: a class is shed by what of the pressure is left after those below it
 * have given all, where there are any. Emergency calls and requests in dialogs are never shed.
 *
 * One thread writes; sip_load_share() may be asked by any.
 */
#ifndef SIP_GUARD_LOAD_H
#define SIP_GUARD_LOAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* The higher, the sooner shed. */
enum sip_class {
	SIP_CLASS_EMERGENCY,
	SIP_CLASS_DIALOG, /* in dialogs, and what ends something: ACK, BYE, CANCEL, PRACK */
	SIP_CLASS_CALL,
	SIP_CLASS_REGISTER,
	SIP_CLASS_OTHER, /* subscriptions and what else is outside dialogs */
	SIP_CLASSES
};

#define LOAD_PERIOD_MS 20u
#define LOAD_ENGAGE_MS 100u
#define LOAD_CALM_MS   1000u

struct sip_load {
	uint32_t target_us; /* of the wait */
	bool engaged;
	uint64_t period_us;                   /* when this period began */
	uint64_t busy_us;                     /* in this period */
	uint64_t waits_us, waits;             /* in this period: their sum, and how many messages */
	uint64_t above_us, calm_us;           /* since when it is above the target, or calm */
	uint64_t above_wait_us;               /* the wait when that began */
	double x;                             /* the integral */
	double wait_us, busy;                 /* of the last period, smoothed */
	uint64_t arrived[SIP_CLASSES];        /* in this period */
	double present[SIP_CLASSES];          /* of late */
	double credit[SIP_CLASSES];           /* what is let in of a share, evenly */
	_Atomic uint32_t shares[SIP_CLASSES]; /* let in, millionths */
	uint64_t engagements;
};

void sip_load_init(struct sip_load *load, uint32_t target_ms, uint64_t now_us);
/* A message came that had waited so long. */
void sip_load_wait(struct sip_load *load, uint64_t wait_us);
/* A turn of the loop is over that worked for so long. true: shedding has begun or ended. */
bool sip_load_turn(struct sip_load *load, uint64_t busy_us, uint64_t now_us);

/* Is this one let in, of which a share of all is? Spread evenly, not by chance. */
bool sip_load_admit(struct sip_load *load, enum sip_class class, double share);
/* Share of a class that is let in now, 0 to 1. */
double sip_load_share(const struct sip_load *load, enum sip_class class);

#endif
