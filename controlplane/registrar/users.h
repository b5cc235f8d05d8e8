/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Domains, users and addresses of record.
 *
 * Users are those of the configuration, whose passwords stand there, and those that operators add
 * (users_store.h), of whom nothing but hashes is known. They are found under RCU by any thread
 * (location_read_begin()); what is found stays until the read section ends. One thread changes them.
 */
#ifndef CONTROLPLANE_REGISTRAR_USERS_H
#define CONTROLPLANE_REGISTRAR_USERS_H

#include <urcu/rculfhash.h>
#include <urcu/urcu-memb.h>

#include "controlplane/registrar/registrar.h"

struct users;

/* digest_ha1() of a password: under the name alone, and under the name with its domain, as some
 * phones send it. */
enum user_spelling { USER_NAME, USER_ADDRESS, USER_SPELLINGS };
struct user_keys {
	unsigned char ha1[USER_SPELLINGS][DIGEST_ALGORITHMS][DIGEST_BYTES_MAX];
};

/* With those of the configuration, which must outlive it. */
int users_create(const struct config *config, struct users **users);
void users_destroy(struct users *users);

/* The domain of ours that a host names: one of sip.domains, or the first of them for the address
 * of a listener, which phones without DNS use. NULL: not ours. */
const char *users_domain(const struct users *users, struct slice host);
/* See registrar_aor(). */
int users_aor(const struct users *users, const struct sip_uri *uri, char aor[REGISTRAR_AOR_MAX]);

/* How the user has authenticated, since the process began. Written by any thread. */
struct user_state {
	_Atomic uint64_t right_s, wrong_s; /* UNIX time of the last one; 0: never */
	_Atomic uint32_t rights, wrongs;
	_Atomic uint32_t algorithm; /* enum digest_algorithm of the last that was right */
};

/* A name as it comes hashed (RFC 7616 §3.4.4). */
struct user_hash {
	struct cds_lfht_node node; /* in users->hashed */
	struct user *user;
	unsigned char hash[DIGEST_BYTES_MAX];
};

struct user {
	struct cds_lfht_node node; /* in users->table */
	struct rcu_head rcu;
	const char *aor;
	const char *password;         /* of the configuration; NULL: keys */
	const struct user_keys *keys; /* of one that was added; NULL: password */
	/* digest_ha1() of password and the name without its domain, made when first asked for. */
	_Atomic(unsigned char *) ha1[DIGEST_ALGORITHMS];
	struct user_state state;
	struct user_hash *hashes; /* one per algorithm if sip.user_hash, else NULL */
	char text[];              /* aor */
};
const struct user *users_find(const struct users *users, const char *aor);
/* Each user, in a read section. */
void users_each(const struct users *users, void (*visit)(void *arg, const struct user *user),
		void *arg);
/* The credentials of that name in that realm were right, or not. Begins its own read section. */
void users_note(const struct users *users, const char *name, struct slice realm, bool right,
		enum digest_algorithm algorithm, uint64_t now_s);

/* --- for users_store.c; the one thread that changes them --- */
/* A user with keys takes the place of the one with keys of that AOR, or is added. -EEXIST: the
 * configuration has that one. -ENOMEM */
int users_put(struct users *users, const char *aor, const struct user_keys *keys);
/* -ENOENT; -EEXIST: the configuration has that one. */
int users_drop(struct users *users, const char *aor);

/* The user that a name of digest credentials means in the realm of a domain: "alice", or
 * "alice@tandem.lab". NULL: none. */
const struct user *users_identify(const struct users *users, const char *name, struct slice realm);
/* See struct digest_users. Begin and end their own read sections. arg: struct users. */
bool users_ha1(void *arg, const char *name, struct slice realm, enum digest_algorithm algorithm,
	       unsigned char ha1[DIGEST_BYTES_MAX]);
bool users_unhash(void *arg, const char *hash, struct slice realm, enum digest_algorithm algorithm,
		  char name[DIGEST_USER_MAX]);

#endif
