/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The location table: address of record → contacts.
 *
 * Readers of any thread look under RCU and never wait. What they see is whole: the contacts of an
 * AOR are one block (struct binding), which a writer replaces by another. Only what each refresh
 * moves (when a contact expires, its CSeq) is written in place, a word at a time.
 *
 *   struct place     one per AOR that has contacts: its timer, its binding
 *   struct binding   the contacts, highest q first, with their texts behind
 *   struct way       a connection that a contact is bound to, and its AOR
 *
 * Writers take the lock of the AOR: AORs are spread over stripes, each with a lock and a timer
 * wheel, so that those of different AORs seldom meet.
 */
#ifndef CONTROLPLANE_REGISTRAR_LOCATION_H
#define CONTROLPLANE_REGISTRAR_LOCATION_H

#include <urcu/urcu-memb.h>
#include <urcu/rculfhash.h>

#include "sip/base/slice.h"
#include "sip/transport/transport.h"

#define CONTACT_OUTBOUND \
	1u                /* RFC 5626: known by instance and reg-id, reached over its flow alone */
#define CONTACT_NATTED 2u /* requests go where the REGISTER came from, not where Contact says */
#define CONTACT_ALG    4u /* somebody on the way rewrote a part of its messages */
/* How its REGISTER was authenticated: enum digest_algorithm + 2; 1: not at all (a listener without
 * authentication); 0: not known. */
#define CONTACT_AUTH(flags) ((flags) >> 8 & 7u)
#define CONTACT_AUTH_OF(n)  ((uint16_t)((n) << 8))

struct contact {
	/* In a binding: NUL-terminated. route: the Path values (RFC 3327), with commas. instance: of
	 * +sip.instance, without its brackets. */
	struct slice uri, call_id, user_agent, route, instance;
	struct sip_path path;
	uint64_t expires_ms; /* wall clock; in place: contact_expires() */
	uint64_t updated_ms; /* of the latest REGISTER; in place */
	uint64_t
		stored_ms; /* until when the store takes it for alive; 0: it is not there. Writers */
	uint32_t cseq;     /* in place */
	uint32_t reg_id;   /* 0: none */
	uint32_t epoch;    /* of its temporary GRUUs (RFC 5627 §5.4); 0: none */
	uint16_t q;        /* thousandths */
	uint16_t flags;    /* CONTACT_… */
	/* In place: keep-alives in a row that it has not answered; has it ever answered one, so that
	 * silence means something? */
	uint8_t missed;
	bool answers;
};

/* Is it reached over the connection that it registered over, or not at all? What is behind a proxy
 * (Path) is the proxy's to know. */
static inline bool contact_is_bound(const struct contact *c)
{
	return c->route.n == 0 && c->path.kind != SIP_UDP &&
	       ((c->flags & CONTACT_OUTBOUND) != 0 || (c->path.flags & SIP_PATH_FLOW_ONLY) != 0 ||
		c->path.kind == SIP_WS || c->path.kind == SIP_WSS);
}

/*  [ struct binding | contacts[count], highest q first | texts of aor and contacts ] */
struct binding {
	struct rcu_head rcu;
	struct binding *retired; /* the next one that is to be freed with it */
	struct slice aor;
	unsigned count;
	struct contact contacts[];
};

struct location;

/* expected: how many AORs there will be about. */
int location_create(size_t expected, uint64_t now_ms, struct location **location);
/* No readers or writers are left. */
void location_destroy(struct location *location);

/* What is found between begin and end stays until end. Not to be nested in a writer's wait. */
void location_read_begin(void);
void location_read_end(void);
const struct binding *location_find(struct location *location, struct slice aor);
/* By slice_hash() of the AOR: some binding of that hash. */
const struct binding *location_find_hash(struct location *location, uint64_t hash);
void location_walk(struct location *location, void (*visit)(void *arg, const struct binding *b),
		   void *arg);
/* Contacts in all. */
size_t location_count(const struct location *location);

/* Of a contact in a binding. */
static inline uint64_t contact_expires(const struct contact *c)
{
	return __atomic_load_n(&c->expires_ms, __ATOMIC_RELAXED);
}
static inline uint64_t contact_updated(const struct contact *c)
{
	return __atomic_load_n(&c->updated_ms, __ATOMIC_RELAXED);
}
static inline uint32_t contact_cseq(const struct contact *c)
{
	return __atomic_load_n(&c->cseq, __ATOMIC_RELAXED);
}

/* Writers: lock, find what is there (it stays as long as the lock is held, up to the next set),
 * change it, say when to look at the AOR again, unlock. */
void location_lock(struct location *location, struct slice aor);
void location_unlock(struct location *location, struct slice aor);
/* Copies all; count 0 removes the AOR. Contacts need no order. -ENOMEM: all is as before. */
int location_set(struct location *location, struct slice aor, const struct contact *const *contacts,
		 unsigned count);
/* Moves on what is written in place; `at` is a contact that location_find() gave. */
void location_refresh(const struct contact *at, const struct contact *to);
/* The AOR is visited at that time, and not at the one that was set before. */
void location_arm(struct location *location, struct slice aor, uint64_t due_ms);

/* The AOR of a contact that is bound to this connection; there may be others. false: none. */
bool location_of_flow(struct location *location, struct sip_flow flow, char *aor, size_t size);

/* Visits the AORs whose time has come, in a read section, without their locks. One thread. */
void location_advance(struct location *location, uint64_t now_ms,
		      void (*visit)(void *arg, const char *aor), void *arg);

#endif
