/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/guard/load.h"

#include <math.h>

/*
 * Most of what a call costs comes after it was let in: its answer, its ACK, its end, each behind the
 * wait of then. A controller that is quick sheds for them once more, and then too little: with KI 2
 * calls of a second swing between all and nothing and a quarter of them is lost. KP acts at once,
 * KI within seconds; where the loop has time again, KI_IDLE lets all in soon.
 */
#define KP           0.3
#define KI           0.3
#define KI_IDLE      2.0
#define ERROR_MAX    2.0 /* either way: it goes up as fast as down */
#define LEAST_US     100.0
#define X_BEGIN_MAX  2.3 /* ten times too much */
#define SHARE        1000000.0
#define BAND         1.0  /* of pressure that a class takes before the next one gives way */
#define STEEP        4.0  /* the classes below calls go faster: all but 2 % within their band */
#define PRESSURE_MAX 3.5  /* of calls, beyond the bands: 3 % are let in */
#define IDLE         0.85 /* busy share below which nothing is overloaded */
#define SMOOTH       0.2
#define FORGET       0.99 /* of present, each period: gone after seconds */

void sip_load_init(struct sip_load *load, uint32_t target_ms, uint64_t now_us)
{
	*load = (struct sip_load){ .target_us = target_ms * 1000, .period_us = now_us };
	for (unsigned i = 0; i < SIP_CLASSES; i++)
		atomic_store_explicit(&load->shares[i], (uint32_t)SHARE, memory_order_relaxed);
}

void sip_load_wait(struct sip_load *load, uint64_t wait_us)
{
	load->waits_us += wait_us;
	load->waits++;
}

static double let_in(double pressure)
{
	return pressure <= 0 ? 1 : exp(-pressure);
}

static void set_shares(struct sip_load *load, double pressure)
{
	for (int class = SIP_CLASS_OTHER; class >= SIP_CLASS_CALL; class --) {
		const double share = let_in(class == SIP_CLASS_CALL ? pressure : STEEP * pressure);

		atomic_store_explicit(&load->shares[class], (uint32_t)(share * SHARE),
				      memory_order_relaxed);
		if (class > SIP_CLASS_CALL && load->present[class] > 0.01)
			pressure -= BAND;
	}
}

static double pressure_max(const struct sip_load *load)
{
	double max = PRESSURE_MAX;

	for (unsigned class = SIP_CLASS_REGISTER; class < SIP_CLASSES; class ++)
		max += load->present[class] > 0.01 ? BAND : 0;
	return max;
}

static bool engage(struct sip_load *load, uint64_t wait_us, uint64_t now_us)
{
	if (wait_us <= load->target_us) {
		load->above_us = 0;
		return false;
	}
	if (load->above_us == 0) {
		load->above_us = now_us;
		load->above_wait_us = wait_us;
	}
	if (now_us - load->above_us < LOAD_ENGAGE_MS * 1000)
		return false;
	/* A wait that grows by two seconds a second: three times too much comes. */
	load->x = wait_us > load->above_wait_us
			  ? fmin(log(1 + (double)(wait_us - load->above_wait_us) /
						 (double)(now_us - load->above_us)),
				 X_BEGIN_MAX)
			  : 0;
	load->engaged = true;
	load->engagements++;
	load->calm_us = 0;
	return true;
}

static bool disengage(struct sip_load *load, uint64_t wait_us, uint64_t now_us)
{
	if (load->x > 0 || wait_us > load->target_us / 2) {
		load->calm_us = 0;
		return false;
	}
	if (load->calm_us == 0)
		load->calm_us = now_us;
	if (now_us - load->calm_us < LOAD_CALM_MS * 1000)
		return false;
	load->engaged = false;
	load->above_us = 0;
	return true;
}

static void control(struct sip_load *load, double wait_us, double busy, double seconds)
{
	double e = log(fmax(wait_us, LEAST_US) / load->target_us);

	e = fmax(-ERROR_MAX, fmin(e, ERROR_MAX));
	/* A wait in a loop that has time is none that shedding would shorten. */
	if (busy < IDLE && e > -0.5)
		e = -0.5;
	load->x += (busy < IDLE ? KI_IDLE : KI) * e * seconds;
	if (load->x < 0)
		load->x = 0;
	if (load->x > pressure_max(load))
		load->x = pressure_max(load);
	set_shares(load, load->x + KP * e);
}

static void count_arrivals(struct sip_load *load)
{
	for (unsigned i = 0; i < SIP_CLASSES; i++) {
		load->present[i] = load->present[i] * FORGET + (load->arrived[i] > 0 ? 0.1 : 0);
		load->arrived[i] = 0;
	}
}

bool sip_load_turn(struct sip_load *load, uint64_t busy_us, uint64_t now_us)
{
	const uint64_t length_us = now_us - load->period_us;
	bool changed = false;
	uint64_t wait_us;
	double busy;

	load->busy_us += busy_us;
	if (length_us < LOAD_PERIOD_MS * 1000)
		return false;
	wait_us = load->waits > 0 ? load->waits_us / load->waits : 0;
	busy = (double)load->busy_us / (double)length_us;
	load->wait_us += SMOOTH * ((double)wait_us - load->wait_us);
	load->busy += SMOOTH * (busy - load->busy);
	count_arrivals(load);
	if (!load->engaged)
		changed = engage(load, wait_us, now_us);
	if (load->engaged) {
		control(load, (double)wait_us, busy, (double)length_us / 1e6);
		if (!changed && disengage(load, wait_us, now_us)) {
			set_shares(load, 0);
			changed = true;
		}
	}
	load->period_us = now_us;
	load->busy_us = 0;
	load->waits_us = load->waits = 0;
	return changed;
}

double sip_load_share(const struct sip_load *load, enum sip_class class)
{
	if (class < SIP_CLASS_CALL || class >= SIP_CLASSES)
		return 1;
	return atomic_load_explicit(&load->shares[class], memory_order_relaxed) / SHARE;
}

bool sip_load_admit(struct sip_load *load, enum sip_class class, double share)
{
	load->arrived[class]++;
	if (share >= 1)
		return true;
	load->credit[class] += share;
	if (load->credit[class] < 1)
		return false;
	load->credit[class] -= 1;
	return true;
}
