/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Domains, users and addresses of record.
 *
 * Users are found under RCU by any thread (location_read_begin()); what is found stays until the
 * read section ends. Those who add and remove take turns by themselves.
 */
#ifndef CONTROLPLANE_REGISTRAR_USERS_H
#define CONTROLPLANE_REGISTRAR_USERS_H

#include <urcu/rculfhash.h>
#include <urcu/urcu-memb.h>

#include "controlplane/registrar/registrar.h"

struct users;

/* With those of the configuration, which must outlive it. */
int users_create(const struct config *config, struct users **users);
void users_destroy(struct users *users);

/* The domain of ours that a host names: one of sip.domains, or the first of them for the address
 * of a listener, which phones without DNS use. NULL: not ours. */
const char *users_domain(const struct users *users, struct slice host);
/* See registrar_aor(). */
int users_aor(const struct users *users, const struct sip_uri *uri, char aor[REGISTRAR_AOR_MAX]);

/* A name as it comes hashed (RFC 7616 §3.4.4). */
struct user_hash {
	struct cds_lfht_node node; /* in users->hashed */
	struct user *user;
	unsigned char hash[DIGEST_BYTES_MAX];
};

struct user {
	struct cds_lfht_node node; /* in users->table */
	struct rcu_head rcu;
	const char *aor, *password;
	/* digest_ha1() of the name without its domain, made when first asked for. */
	_Atomic(unsigned char *) ha1[DIGEST_ALGORITHMS];
	struct user_hash *hashes; /* one per algorithm if sip.user_hash, else NULL */
	char text[];              /* aor */
};
const struct user *users_find(const struct users *users, const char *aor);

/* The user that a name of digest credentials means in the realm of a domain: "alice", or
 * "alice@tandem.lab". NULL: none. */
const struct user *users_identify(const struct users *users, const char *name, struct slice realm);
/* See struct digest_users. Begin and end their own read sections. arg: struct users. */
bool users_ha1(void *arg, const char *name, struct slice realm, enum digest_algorithm algorithm,
	       unsigned char ha1[DIGEST_BYTES_MAX]);
bool users_unhash(void *arg, const char *hash, struct slice realm, enum digest_algorithm algorithm,
		  char name[DIGEST_USER_MAX]);

#endif
