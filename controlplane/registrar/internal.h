/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROLPLANE_REGISTRAR_INTERNAL_H
#define CONTROLPLANE_REGISTRAR_INTERNAL_H

#include "controlplane/registrar/location.h"
#include "controlplane/registrar/registrar.h"
#include "controlplane/registrar/update.h"
#include "controlplane/registrar/users.h"

#define REGISTRAR_PINGS 256u /* handed over at a time */

struct registrar {
	const struct config *config;
	struct users *users;
	struct location *location;
	struct store *store;      /* NULL: nothing is kept */
	struct event_bus *events; /* or NULL */
	uint64_t (*now)(void);
	struct gruu *gruu;
	void (*ping)(void *arg, const struct sip_path *paths, unsigned count);
	void *ping_arg;
	struct sip_path pings[REGISTRAR_PINGS]; /* gathered by registrar_tick() */
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
/* Is it a phone behind a NAT whose hole we keep open? */
bool registrar_wants_ping(const struct contact *contact);
void registrar_tell(struct registrar *registrar, const char *aor,
		    const struct update_result *result);

#endif
