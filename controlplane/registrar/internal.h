/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROLPLANE_REGISTRAR_INTERNAL_H
#define CONTROLPLANE_REGISTRAR_INTERNAL_H

#include "controlplane/registrar/location.h"
#include "controlplane/registrar/registrar.h"
#include "controlplane/registrar/update.h"
#include "controlplane/registrar/users.h"
#include "controlplane/registrar/users_store.h"

#define REGISTRAR_PINGS 64u /* handed over at a time */

struct registrar {
	const struct config *config;
	struct users *users;
	struct users_store *users_store;
	struct location *location;
	struct store *store;      /* NULL: nothing is kept */
	struct event_bus *events; /* or NULL */
	uint64_t (*now)(void);
	struct gruu *gruu;
	void (*ping)(void *arg, const struct registrar_ping *pings, unsigned count);
	void *ping_arg;
	struct registrar_ping pings[REGISTRAR_PINGS]; /* gathered by registrar_tick() */
	unsigned ping_count;
	/* Of passwords; NULL: nobody wants to know. */
	void (*note)(void *arg, const struct sip_address *source, enum sip_note note,
		     struct slice user);
	void *note_arg;
	void (*changed)(void *arg, const char *aor);
	void *changed_arg;
};

/*
 * Makes the result what there is: table and store. With the lock of the AOR; old: what
 * location_find() gave. -ENOMEM: all is as before. What else has to be told of it, in log and
 * events, registrar_tell() does when the lock is gone.
 *
 * Not every refresh is written: the store takes a contact for alive STORE_SLACK_MS longer than it
 * is, and hears of it again when that is not enough. What is lost when the process dies without
 * an end: a contact may be taken for alive for so much longer, with an older Call-ID and CSeq.
 */
#define STORE_SLACK_MS (600u * 1000)
int registrar_commit(struct registrar *registrar, const char *aor, const struct binding *old,
		     uint64_t now_ms, struct update_result *result);
void registrar_tell(struct registrar *registrar, const char *aor,
		    const struct update_result *result);
/* As much as fits. */
void registrar_copy_text(struct slice text, char *dst, size_t size);
void registrar_copy(const struct contact *from, struct registrar_contact *to);

/* --- flows.c --- */
/* Is the contact one that a request goes to now: alive, reachable, and of the flows of its phone
 * (RFC 5626 §6) the latest of those that are not in `but` (bits 1 << reg_id % 32)? */
bool flows_is_tried(const struct registrar *registrar, const struct binding *b,
		    const struct contact *c, uint32_t but, uint64_t now_ms);

/* --- keepalive.c --- */
/* Is it a phone behind a NAT whose hole we keep open? */
bool registrar_wants_ping(const struct contact *contact);
/* Gathers the keep-alives that the AOR is due; b may be NULL. keepalive_flush() hands them over. */
void keepalive_ping(struct registrar *registrar, const struct binding *b);
void keepalive_flush(struct registrar *registrar);
/* false: it used to answer keep-alives, and has not answered the last ones. */
bool keepalive_is_answered(const struct registrar *registrar, const struct contact *c);

#endif
