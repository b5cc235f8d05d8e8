/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the transaction layer share.
 *
 *   layer.c    the layer: what comes in, who gets it, answers without state
 *   machine.c  runs the tables: actions, timers, the end of a transaction
 *   match.c    which transaction a message belongs to (RFC 3261 §17.1.3, §17.2.3)
 *   client.c   requests of ours, CANCEL, the ACK to a non-2xx
 *   attempt.c  requests that have several targets
 *   server.c   requests of others and their responses
 *   memory.c   where transactions and texts come from, what is kept of those that are done
 *   source.c   how much each source has unfinished
 */
#ifndef SIP_TRANSACTION_INTERNAL_H
#define SIP_TRANSACTION_INTERNAL_H

#include "sip/base/hash_index.h"
#include "sip/base/pool.h"
#include "sip/transaction/machine.h"
#include "sip/transaction/transaction.h"

#define BRANCH_COOKIE "z9hG4bK"
#define TOKEN_TEXT    16 /* of the configuration, with terminator */
#define RANDOM_TEXT   16
#define TAG_TEXT      (TOKEN_TEXT + RANDOM_TEXT)
#define VIA_TEXT      256
#define BRANCH_TEXT   (sizeof(BRANCH_COOKIE) + TOKEN_TEXT + RANDOM_TEXT)

/* Beyond the largest message: Via, received and rport, headers of the layer's own. */
#define SCRATCH_SPARE 1024u

/* Requests whose transactions have their final response, until nobody up the stack looks at them. */
#define SETTLING_MAX 16u

#define LOST_FLOWS 64u

struct sip_transactions {
	struct sip_transactions_config config;
	struct sip_transactions_stats stats;
	struct hash_index clients; /* by branch and method */
	struct hash_index servers; /* by request_key_hash() */
	struct hash_index merges;  /* unfinished servers without To tag, by merge_hash() */
	struct hash_index remotes; /* unfinished clients, by path_hash() */
	struct hash_index sources;
	uint64_t tag_key;            /* of our own To tags */
	struct sip_transaction *all; /* but those in remembered */
	/* Finished and of no concern to anybody, the oldest first. */
	struct sip_transaction *remembered, **remembered_end;
	uint32_t remembered_count;
	struct sip_transaction *settling[SETTLING_MAX];
	unsigned settling_next;
	struct pool transactions, source_pool, attempt_pool;
	struct text_pool texts;
	struct sip_flow lost[LOST_FLOWS]; /* connections that are gone, the latest ones */
	unsigned lost_next;
	char *scratch; /* a message while it is built */
	size_t scratch_size;
};

/* The parts of a request that tell which transaction it belongs to. Slices of the message. */
struct request_key {
	const struct sip_via *via;
	bool cookie;    /* of RFC 3261: the branch alone is unique */
	uint8_t method; /* ACK counts as INVITE */
	uint32_t cseq;
	struct slice method_text, uri, call_id, from_tag, to_tag;
};

/* A message in a text of the layer's pool. */
struct kept {
	char *p;
	uint32_t n;
};

/* Unfinished server transactions of one address. */
struct source {
	struct hash_node node;
	struct sip_address address;
	uint32_t unfinished;
};

/* The targets of a request of ours. */
struct attempts {
	struct sip_transaction *t;
	struct timer timer; /* until the next target's turn */
	struct sip_query *query;
	struct sip_path fallback;
	uint64_t listeners;
	void (*lines)(void *arg, const struct sip_path *path, struct sip_build *lines);
	void *lines_arg;
	bool begun;
	bool may_switch; /* to TCP by size: the URI leaves it open */
	bool switched;   /* the present attempt is so */
	bool plain;      /* it has been tried for this target */
	unsigned at;     /* in targets */
	struct sip_targets targets;
};

struct sip_transaction {
	struct hash_node node;
	struct hash_node second;              /* server: in merges, client: in remotes */
	struct sip_transaction *next, **prev; /* in `all` or `remembered` */
	struct sip_transaction *pending_next, **pending_prev;
	struct sip_transactions *layer;
	const struct sip_transaction_user *user;
	void *arg;
	struct timer resend; /* A, E, G and the 200 ms before 100 */
	struct timer life;   /* all others */
	uint32_t interval;   /* of resend, ms */
	int send_error;      /* of the actions that run now */
	uint8_t kind;        /* enum machine_kind */
	uint8_t state;       /* enum transaction_state */
	uint8_t resend_event, life_event;
	uint8_t method; /* ACK counts as INVITE */
	bool cookie;    /* of a server: the branch is one of RFC 3261 */
	bool reliable;
	bool finished;
	bool is_remembered;
	bool cancel_wanted, cancel_sent;
	bool resent;             /* of a client: its connection was lost once */
	uint8_t successes;       /* INVITE client: 2xx that came */
	uint16_t reply_port;     /* server: where responses go, at the address of path */
	uint64_t to_tag_hash;    /* server: of the request */
	struct sip_path path;    /* server: source; client: destination */
	struct sip_msg *request; /* server: as it came, until it is finished */
	struct source *source;   /* server: until it is finished */
	struct kept sent;        /* client: the request, until it is finished */
	uint16_t mark;           /* its user's */
	uint32_t via, rest;      /* of it: where our Via begins, and what the user gave goes on */
	struct kept stored;      /* server: the last response; INVITE client: the ACK */
	struct kept cancel_headers;
	struct attempts *attempts; /* client: its targets, until it is finished; NULL: one path */
};

/* --- match.c --- */
void request_key_of(const struct sip_msg *msg, struct request_key *key);
uint64_t request_key_hash(const struct request_key *key);
/* method: of the transaction sought; another than the message's for CANCEL. */
struct sip_transaction *match_server(const struct sip_transactions *layer,
				     const struct sip_msg *msg, const struct request_key *key);
struct sip_transaction *match_cancelled(const struct sip_transactions *layer,
					const struct request_key *cancel);
struct sip_transaction *match_client(const struct sip_transactions *layer,
				     const struct sip_msg *response);
uint64_t client_hash(struct slice branch, uint8_t method, struct slice method_text);
uint64_t merge_hash(const struct request_key *key);

/* --- machine.c --- */
/* Raises an event; msg: what ACTION_PASS hands on. false: the state has no row for it. */
bool transaction_step(struct sip_transaction *t, enum transaction_event event, struct sip_msg *msg);
/* The same without telling the machine of what could not be sent: it is left in send_error. */
bool transaction_step_quiet(struct sip_transaction *t, enum transaction_event event,
			    struct sip_msg *msg);
/* Off the tables; the memory stays until the next tick, as callers up the stack may hold it. */
void transaction_terminate(struct sip_transaction *t);
void transaction_start_life(struct sip_transaction *t, enum transaction_event event,
			    uint64_t delay_ms);
void pending_remove(struct sip_transaction *t);

/* Tells the user, and ends it. */
void transaction_fail(struct sip_transaction *t, enum sip_failure why);
void transaction_start_timer(struct sip_transaction *t, enum transaction_action action);

/* --- memory.c --- */
struct sip_transaction *transaction_new(struct sip_transactions *layer, enum machine_kind kind,
					const struct sip_path *path);
/* Off all tables and lists and freed; nobody is told. */
void transaction_free(struct sip_transaction *t);
/* It has its final response, or is over: it counts as unfinished no more, and lets go of its
 * request once the callbacks that run now have returned. */
void transaction_finish(struct sip_transaction *t);
/* Nothing but its machine needs it any more: the layer may forget it. */
void transaction_remember(struct sip_transaction *t);
int transaction_store(struct sip_transaction *t, struct slice message);
int kept_set(struct sip_transactions *layer, struct kept *kept, struct slice text);
void kept_drop(struct sip_transactions *layer, struct kept *kept);
/* When the layer is entered from below: what was settling can go. */
void layer_settle(struct sip_transactions *layer);

/* --- source.c --- */
/* -EBUSY: the source has source_max unfinished ones. */
int source_take(struct sip_transactions *layer, const struct sip_address *address,
		struct source **source);
void source_give(struct sip_transactions *layer, struct source *source);

/* --- client.c --- */
uint64_t path_hash(const struct sip_path *path);
/* "INVITE", and whether the first line is a request's. */
bool method_of(struct slice message, struct slice *text, enum sip_method *method);
bool over_client_limit(const struct sip_transactions *layer, enum sip_method method);
/* The first line of a request, our Via, lines that depend on the way, and what is left of it. The
 * text is the caller's. */
int assemble(struct sip_transactions *layer, const struct sip_path *to, struct slice first,
	     struct slice lines, struct slice rest, const char *branch, struct kept *whole,
	     uint32_t *rest_at);
/* Its request becomes `whole`, which it owns then, and its key and path what fits. */
void client_set(struct sip_transaction *t, const struct sip_path *to, struct slice branch,
		const struct kept *whole);

/* --- attempt.c --- */
/* A response, or the end of an attempt: true: the request goes on with another target. */
bool attempts_response(struct sip_transaction *t, const struct sip_msg *response);
bool attempts_failed(struct sip_transaction *t);
/* Nothing was sent yet, and now nothing will be: the user hears of it in the next tick. */
void attempts_cancel(struct sip_transaction *t);
void attempts_detach(struct sip_transaction *t);
void attempts_end(struct sip_transaction *t);
void client_receive(struct sip_transaction *t, struct sip_msg *response);
void client_send_ack(struct sip_transaction *t, const struct sip_msg *response);
void client_send_cancel(struct sip_transaction *t);

/* --- server.c --- */
void server_receive(struct sip_transactions *layer, struct sip_msg *request,
		    const struct sip_path *from);
void server_send_100(struct sip_transaction *t);
/* Builds a response without body in the layer's scratch. */
int reply_build(struct sip_transactions *layer, const struct sip_msg *request,
		const struct sip_path *from, unsigned status, const char *reason,
		struct slice to_tag, const char *extra, struct slice *response);

/* --- layer.c --- */
int layer_send(struct sip_transactions *layer, const struct sip_path *to, struct slice message);
/* The layer's own To tag for a request, by the hash of its key: the same each time. */
void layer_tag(const struct sip_transactions *layer, uint64_t key_hash, char tag[TAG_TEXT]);
void layer_mint_branch(const struct sip_transactions *layer, char branch[BRANCH_TEXT]);
/* The Via of a request that goes to `to`. Returns its size, 0: it does not fit. */
/* Is it not to be sent there, because of the load that its target has told? */
bool client_is_held(const struct sip_transactions *layer, const struct sip_path *to,
		    struct slice request);
size_t layer_via(const struct sip_transactions *layer, const struct sip_path *to,
		 const char *branch, char *dst, size_t size);

#endif
