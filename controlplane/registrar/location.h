/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The location table: address of record → contacts.
 *
 * Readers of any thread look under RCU and never wait. What they see is whole: the contacts of an
 * AOR are one immutable block (struct binding), which a writer replaces by another. Writers take
 * the table's lock.
 */
#ifndef CONTROLPLANE_REGISTRAR_LOCATION_H
#define CONTROLPLANE_REGISTRAR_LOCATION_H

#include <urcu/urcu-memb.h>
#include <urcu/rculfhash.h>

#include "sip/base/slice.h"
#include "sip/transport/transport.h"

struct contact {
	struct slice uri, call_id, user_agent; /* in a binding: NUL-terminated */
	struct sip_path path;
	uint64_t expires_ms; /* wall clock */
	uint32_t cseq;
	float q;
};

/*  [ struct binding | contacts[count], highest q first | texts of aor and contacts ] */
struct binding {
	struct cds_lfht_node node;
	struct rcu_head rcu;
	struct slice aor;
	uint64_t soonest_ms; /* when the first contact expires */
	unsigned count;
	struct contact contacts[];
};

struct location;

/* expected: how many AORs there will be about. */
int location_create(size_t expected, struct location **location);
/* No readers or writers are left. */
void location_destroy(struct location *location);

/* What is found between begin and end stays until end. Not to be nested in a writer's wait. */
void location_read_begin(void);
void location_read_end(void);
const struct binding *location_find(struct location *location, struct slice aor);
void location_walk(struct location *location, void (*visit)(void *arg, const struct binding *b),
		   void *arg);
/* Contacts in all. */
size_t location_count(const struct location *location);

/* Writers: lock, find what is there (it stays as long as the lock is held, up to the next set),
 * set what shall be there, unlock. */
void location_lock(struct location *location);
void location_unlock(struct location *location);
/* Copies all; count 0 removes the AOR. Contacts need no order. -ENOMEM: all is as before. */
int location_set(struct location *location, struct slice aor, const struct contact *contacts,
		 unsigned count);

#endif
