/* SPDX-License-Identifier: BSD-3-Clause */
#include "pktgen_tests/rtpgen/impair.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JITTER_MAX_MS 1000.0

/* The finaliser of splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

struct impair_decision impair_decide(const struct impair_plan *plan, uint32_t stream,
				     uint64_t sequence)
{
	struct impair_decision d = { .fate = IMPAIR_SEND };
	uint64_t r1, r2;

	if (!plan->active || sequence < IMPAIR_OPENING)
		return d;
	r1 = mix(plan->seed ^ mix((uint64_t)stream << 40 ^ sequence));
	r2 = mix(r1);
	if ((uint32_t)r1 < plan->loss) {
		d.fate = IMPAIR_LOSE;
		return d;
	}
	d.twice = r1 >> 32 < plan->duplicate;
	if ((uint32_t)r2 < plan->reorder) {
		d.fate = IMPAIR_HOLD_BACK;
		d.hold = 1 + (unsigned)((r2 >> 32) % IMPAIR_HOLD);
	} else if (plan->jitter_us > 0) {
		d.fate = IMPAIR_DELAY;
		d.delay_us = 1 + (uint32_t)((r2 >> 32) * plan->jitter_us >> 32);
	}
	return d;
}

static bool set_share(uint64_t *share, double value, const char *unit)
{
	double of_one = strcmp(unit, "%") == 0 ? value / 100 : value;

	if ((*unit && strcmp(unit, "%") != 0) || !(of_one >= 0 && of_one <= 1))
		return false;
	*share = (uint64_t)llround(of_one * 4294967296.0);
	return true;
}

static bool set_jitter(uint32_t *us, double value, const char *unit)
{
	if (strcmp(unit, "ms") != 0 || !(value >= 0 && value <= JITTER_MAX_MS))
		return false;
	*us = (uint32_t)lround(value * 1000);
	return true;
}

static bool set_one(struct impair_plan *plan, const char *name, const char *text)
{
	char *unit;
	double value;

	if (strcmp(name, "seed") == 0) {
		errno = 0;
		plan->seed = strtoull(text, &unit, 0);
		return unit != text && *unit == '\0' && errno == 0;
	}
	value = strtod(text, &unit);
	if (unit == text)
		return false;
	if (strcmp(name, "loss") == 0)
		return set_share(&plan->loss, value, unit);
	if (strcmp(name, "duplicate") == 0)
		return set_share(&plan->duplicate, value, unit);
	if (strcmp(name, "reorder") == 0)
		return set_share(&plan->reorder, value, unit);
	return strcmp(name, "jitter") == 0 && set_jitter(&plan->jitter_us, value, unit);
}

int impair_parse(const char *text, struct impair_plan *plan, char *why, size_t why_size)
{
	char copy[256], *rest = copy, *part;

	*plan = (struct impair_plan){ .seed = 1 };
	if (strlen(text) >= sizeof(copy)) {
		snprintf(why, why_size, "impairments: too long");
		return -EINVAL;
	}
	strcpy(copy, text);
	while ((part = strsep(&rest, ",")) != NULL) {
		char *value = strchr(part, '=');

		if (value)
			*value++ = '\0';
		if (!value || !set_one(plan, part, value)) {
			snprintf(why, why_size,
				 "impairment %s=%s: loss, duplicate, reorder (per cent, \"1%%\"), "
				 "jitter (\"10ms\", up to 1 s) or seed (a number)",
				 part, value ? value : "");
			return -EINVAL;
		}
	}
	plan->active = plan->loss || plan->duplicate || plan->reorder || plan->jitter_us;
	return 0;
}
