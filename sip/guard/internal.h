/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the guard share.
 *
 *   sources.c  the table of sources
 *   glance.c   a look at a message that is not parsed yet
 *   load.c     the controller of one shard's load
 *   trust.c    who is exempt
 *   guard.c    the guard, its lists, what operators ask
 *   gate.c     the verdict on a message
 *   refuse.c   503 without state
 *   oc.c       RFC 7339
 */
#ifndef SIP_GUARD_INTERNAL_H
#define SIP_GUARD_INTERNAL_H

#include "sip/guard/guard.h"

struct trust;
struct sip_guard {
	struct sip_guard_config config;
	struct guard_sources *sources;
	struct trust *trust;
	guard_rate told; /* so many reports a second, of all sources */
	_Atomic uint64_t wrong_passwords, bans;
	_Atomic bool has_bans; /* or had lately */
};

/* Requests that were let in are known again, so that no later copy of one is refused. */
#define GATE_ADMITTED (1u << 16)

struct sip_gate {
	struct sip_guard *guard;
	struct sip_load load;
	uint64_t counters[SIP_GUARD_COUNTER_COUNT];
	uint64_t random;
	guard_rate in_calls; /* SIP_CALLS_ONLY, of all sources */
	uint32_t admitted[GATE_ADMITTED];
};

/* --- trust.c --- */
int trust_create(const struct sip_guard_list *prefixes, const struct sip_guard_list *addresses,
		 struct trust **trust);
void trust_destroy(struct trust *trust);
bool trust_has(const struct trust *trust, const struct sip_address *address);

/* --- oc.c --- */
/* Is it one of RFC 7339: oc, oc-algo, oc-validity, oc-seq? */
bool oc_is_param(struct slice name);

/* --- gate.c --- */
/* The same for all copies of a request, and for the ACK to its refusal. */
uint64_t gate_request_hash(const struct sip_glance *glance);
uint32_t gate_random(struct sip_gate *gate);

/* --- refuse.c --- */
#define REFUSAL_TAG       "gd-" /* begins the To tag of what was refused without state */
#define REFUSAL_TAG_CHARS (sizeof(REFUSAL_TAG) - 1 + 16)

/* --- guard.c --- */
/* Tells, unless that was done of this source a short while ago. */
void guard_ban_source(struct sip_guard *guard, struct guard_source *source,
		      const struct sip_address *address, enum guard_why why, uint64_t now_ms);
void guard_tell_source(struct sip_guard *guard, struct guard_source *source,
		       enum sip_guard_action action, const struct sip_address *address,
		       struct slice what, uint64_t now_ms);
void guard_tell(struct sip_guard *guard, struct guard_source *source,
		const struct sip_guard_report *report, uint64_t now_ms);

#endif
