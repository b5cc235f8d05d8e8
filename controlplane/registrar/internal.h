/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROLPLANE_REGISTRAR_INTERNAL_H
#define CONTROLPLANE_REGISTRAR_INTERNAL_H

#include "controlplane/registrar/location.h"
#include "controlplane/registrar/registrar.h"
#include "controlplane/registrar/update.h"
#include "controlplane/registrar/users.h"

struct registrar {
	const struct config *config;
	struct users *users;
	struct location *location;
	struct store *store;      /* NULL: nothing is kept */
	struct event_bus *events; /* or NULL */
	uint64_t (*now)(void);
	/* Of passwords; NULL: nobody wants to know. */
	void (*note)(void *arg, const struct sip_address *source, enum sip_note note,
		     struct slice user);
	void *note_arg;
};

/* Makes the result what there is: table, store, events. With the location's lock. -ENOMEM: all is
 * as before. */
int registrar_commit(struct registrar *registrar, const char *aor,
		     const struct update_result *result);

#endif
