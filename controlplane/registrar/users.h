/* SPDX-License-Identifier: BSD-3-Clause */
/* Domains, users and addresses of record: what the configuration knows. Read-only once made. */
#ifndef CONTROLPLANE_REGISTRAR_USERS_H
#define CONTROLPLANE_REGISTRAR_USERS_H

#include "controlplane/registrar/registrar.h"

struct users;

/* The configuration must outlive it. */
int users_create(const struct config *config, struct users **users);
void users_destroy(struct users *users);

/* The domain of ours that a host names: one of sip.domains, or the first of them for the address
 * of a listener, which phones without DNS use. NULL: not ours. */
const char *users_domain(const struct users *users, struct slice host);
/* See registrar_aor(). */
int users_aor(const struct users *users, const struct sip_uri *uri, char aor[REGISTRAR_AOR_MAX]);

struct user {
	const struct config_user *config;
	const char *aor;
};
const struct user *users_find(const struct users *users, const char *aor);
/*
 * Who a user name of digest credentials means: "alice@tandem.lab", or "alice" as long as only one
 * domain has an alice. All domains share one realm, so a short name that two have proves nothing.
 */
const struct user *users_identify(const struct users *users, const char *name);

#endif
