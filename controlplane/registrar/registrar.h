/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The registrar (RFC 3261 §10): which contacts an address of record has.
 *
 * One for all shards. Look-ups are read under RCU (liburcu, memb) and copied out; writers are
 * few and take a lock. What changes goes to the store; at start the store's rows come back.
 */
#ifndef CONTROLPLANE_REGISTRAR_REGISTRAR_H
#define CONTROLPLANE_REGISTRAR_REGISTRAR_H

#include <jansson.h>

#include "config/config.h"
#include "sip/auth/digest.h"
#include "sip/guard/guard.h"
#include "sip/transaction/transaction.h"

struct registrar;
struct store;
struct event_bus;

#define REGISTRAR_URI_MAX 512
#define REGISTRAR_AOR_MAX 256

struct registrar_contact {
	char uri[REGISTRAR_URI_MAX]; /* as the phone gave it */
	char route[1024];            /* value of Route for requests to it: the Path; or "" */
	struct sip_path path;        /* where requests go: sip_contact_path() */
	bool natted;                 /* that is not where the URI says */
	float q;                     /* 0..1, default 1 */
	uint64_t expires_ms;         /* wall clock */
	char user_agent[128];
	char call_id[128];
	uint32_t cseq;
	char instance[128]; /* of +sip.instance; "": none */
	uint32_t reg_id;    /* of RFC 5626; 0: it is no flow */
};

/* One of the flows of a phone (RFC 5626), as it was registered. */
struct registrar_flow {
	const char *instance; /* NULL: it is none */
	const char *call_id;
	uint32_t reg_id, cseq;
};

/* A keep-alive to a phone behind a NAT, by sip.nat_keepalive. */
enum registrar_keepalive { REGISTRAR_CRLF, REGISTRAR_STUN, REGISTRAR_OPTIONS };
struct registrar_ping {
	enum registrar_keepalive how;
	struct sip_path path;
	char id[12]; /* of STUN */
	char aor[REGISTRAR_AOR_MAX];
	char uri[REGISTRAR_URI_MAX]; /* of OPTIONS */
};

/* events may be NULL (tests). now: wall clock in ms, a parameter for tests. */
int registrar_create(const struct config *config, struct store *store, struct event_bus *events,
		     uint64_t (*now)(void), struct registrar **registrar);
void registrar_destroy(struct registrar *registrar);
/* Before the first REGISTER: what is told of passwords that were wrong, or right. Any shard. */
void registrar_set_note(struct registrar *registrar,
			void (*note)(void *arg, const struct sip_address *source,
				     enum sip_note note, struct slice user),
			void *arg);

/* Likewise: what is told when an AOR has other contacts than before. Any shard, or the main thread. */
void registrar_set_changed(struct registrar *registrar, void (*changed)(void *arg, const char *aor),
			   void *arg);

/* Handles a REGISTER from authentication to 200. Any shard; digest is the shard's. */
void registrar_handle(struct registrar *registrar, struct digest_server *digest,
		      struct sip_transaction *server, struct sip_msg *request,
		      const struct sip_path *from);

/* "alice@tandem.lab": lower-cased host, unescaped user. -ENOENT if the domain is not ours. */
int registrar_aor(const struct registrar *registrar, const struct sip_uri *uri,
		  char aor[REGISTRAR_AOR_MAX]);
/* The same of a Request-URI, which may be a GRUU (RFC 5627): what comes out then means one phone of
 * the user, to registrar_user_exists() and registrar_lookup(). -ENOENT: none of ours, or made up. */
int registrar_target(const struct registrar *registrar, const struct sip_uri *uri,
		     char aor[REGISTRAR_AOR_MAX]);
/* Is there such a user, registered or not? */
bool registrar_user_exists(const struct registrar *registrar, const char *aor);
/* The credentials of that name in that realm were right (SIP_NOTE_GOOD), or not. Any shard. */
void registrar_note(const struct registrar *registrar, const char *name, struct slice realm,
		    enum sip_note note, enum digest_algorithm algorithm);
/* For digest_check(). The realm of a user is the domain of its AOR. */
void registrar_users(struct registrar *registrar, struct digest_users *users);

/* Copies the live contacts of an AOR, highest q first. Returns how many (0..max). */
unsigned registrar_lookup(struct registrar *registrar, const char *aor,
			  struct registrar_contact *contacts, unsigned max);
/*
 * Flows (RFC 5626). A connection is gone: contacts that are bound to it are as well. A request could
 * not go through to a flow, because its edge said so (430): it is not there any more. Any shard.
 */
void registrar_flow_failed(struct registrar *registrar, struct sip_flow flow);
void registrar_contact_lost(struct registrar *registrar, const char *aor,
			    const struct registrar_flow *flow);
/* Another flow of the same phone, if one is left that is not among the tried (bits
 * 1 << reg_id % 32). */
bool registrar_next_flow(struct registrar *registrar, const char *aor, const char *instance,
			 uint32_t tried, struct registrar_contact *contact);
/* Drops what has expired, and has phones behind NATs pinged; called about once a second by one
 * thread. */
void registrar_tick(struct registrar *registrar);
/* send: sends them (copied). Called in registrar_tick(). */
void registrar_set_ping(struct registrar *registrar,
			void (*send)(void *arg, const struct registrar_ping *pings, unsigned count),
			void *arg);
/* One that wants an answer was sent; and what answered. Who has answered before and is silent for
 * sip.nat_keepalive_missed of them is not called until it is heard of again. Any shard. */
void registrar_pinged(struct registrar *registrar, const struct registrar_ping *ping);
void registrar_answered(struct registrar *registrar, const char *aor, const struct sip_path *path);
void registrar_answered_stun(struct registrar *registrar, const char id[12],
			     const struct sip_path *from);
/*
 * Users while calls go on, for operators; the main thread. text: "alice" of the first domain, or
 * "alice@tandem.lab"; aor: what it stands for. -EINVAL: no name that a user may have, or a password of
 * 0 or more than 128 characters; -ENOENT: no such domain, or user; -EEXIST; -EPERM: the configuration
 * has this user; -ENOSPC; errors of the file, and nothing has changed.
 */
int registrar_add_user(struct registrar *registrar, const char *text, const char *password,
		       char aor[REGISTRAR_AOR_MAX]);
/* Another password. Who is registered stays so until that expires. */
int registrar_rotate_user(struct registrar *registrar, const char *text, const char *password,
			  char aor[REGISTRAR_AOR_MAX]);
/* With its contacts. Calls go on. */
int registrar_remove_user(struct registrar *registrar, const char *text,
			  char aor[REGISTRAR_AOR_MAX]);
/* Reads the file of users again; on error all is as before, and the log says why. */
int registrar_reload_users(struct registrar *registrar);
/* Appends one object per user. */
void registrar_show_users(struct registrar *registrar, json_t *array);

/* Appends one object per contact. */
void registrar_show(struct registrar *registrar, json_t *array);
size_t registrar_count(const struct registrar *registrar);

#endif
