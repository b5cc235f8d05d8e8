/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the transaction layer share.
 *
 *   layer.c    the layer: what comes in, who gets it, answers without state
 *   machine.c  runs the tables: actions, timers, the end of a transaction
 *   match.c    which transaction a message belongs to (RFC 3261 §17.1.3, §17.2.3)
 *   client.c   requests of ours, CANCEL, the ACK to a non-2xx
 *   server.c   requests of others and their responses
 */
#ifndef SIP_TRANSACTION_INTERNAL_H
#define SIP_TRANSACTION_INTERNAL_H

#include "sip/base/hash_index.h"
#include "sip/transaction/lines.h"
#include "sip/transaction/machine.h"
#include "sip/transaction/transaction.h"

#define BRANCH_COOKIE "z9hG4bK"
#define TOKEN_TEXT    16 /* of the configuration, with terminator */
#define RANDOM_TEXT   16
#define TAG_TEXT      (TOKEN_TEXT + RANDOM_TEXT)
#define BRANCH_TEXT   (sizeof(BRANCH_COOKIE) + TOKEN_TEXT + RANDOM_TEXT)

/* Beyond the largest message: Via, received and rport, headers of the layer's own. */
#define SCRATCH_SPARE 1024u

struct sip_transactions {
	struct sip_transactions_config config;
	struct sip_transactions_stats stats;
	struct hash_index clients; /* by branch and method */
	struct hash_index servers; /* by key_hash() */
	struct hash_index merges;  /* servers without To tag, by merge_hash() */
	struct sip_transaction *all;
	char *scratch; /* a message while it is built */
	size_t scratch_size;
};

/* The parts of a request that tell which transaction it belongs to. Slices of the message. */
struct request_key {
	struct sip_via via;
	bool cookie;    /* of RFC 3261: the branch alone is unique */
	uint8_t method; /* ACK counts as INVITE */
	uint32_t cseq;
	struct slice method_text, uri, call_id, from_tag, to_tag;
};

struct sip_transaction {
	struct hash_node node;
	struct hash_node merge;
	struct sip_transaction *next, **prev; /* all of the layer */
	struct sip_transaction *pending_next, **pending_prev;
	struct sip_transactions *layer;
	const struct sip_transaction_user *user;
	void *arg;
	struct timer resend; /* A, E, G and the 200 ms before 100 */
	struct timer life;   /* all others */
	uint32_t interval;   /* of resend, ms */
	uint8_t kind;        /* enum machine_kind */
	uint8_t state;       /* enum transaction_state */
	uint8_t resend_event, life_event;
	bool reliable;
	bool cancel_wanted, cancel_sent;
	int send_error;          /* of the actions that run now */
	struct sip_msg *request; /* server: as it came; client: as it is sent */
	struct request_key key;
	struct sip_path path;  /* server: source; client: destination */
	struct sip_path reply; /* server: where responses go */
	char *stored;          /* server: the last response; INVITE client: the ACK */
	size_t stored_size;
	char *cancel_headers;
	size_t cancel_headers_size;
	char tag[TAG_TEXT]; /* server: To tag of the layer's own responses, once there is one */
};

/* --- match.c --- */
int request_key_of(const struct sip_msg *msg, struct request_key *key);
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
bool merge_equal(const struct request_key *a, const struct request_key *b);

/* --- machine.c --- */
/* Raises an event; msg: what ACTION_PASS hands on. false: the state has no row for it. */
bool transaction_step(struct sip_transaction *t, enum transaction_event event, struct sip_msg *msg);
/* The same without telling the machine of what could not be sent: it is left in send_error. */
bool transaction_step_quiet(struct sip_transaction *t, enum transaction_event event,
			    struct sip_msg *msg);
struct sip_transaction *transaction_new(struct sip_transactions *layer, enum machine_kind kind,
					const struct sip_path *path);
/* Off all tables and lists and freed; nobody is told. */
void transaction_free(struct sip_transaction *t);
int transaction_store(struct sip_transaction *t, struct slice message);
void transaction_start_life(struct sip_transaction *t, enum transaction_event event,
			    uint64_t delay_ms);
void pending_remove(struct sip_transaction *t);

/* --- client.c --- */
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
/* Answers without a transaction (RFC 3261 §8.2.7). */
void reply_stateless(struct sip_transactions *layer, const struct sip_msg *request,
		     const struct sip_path *from, unsigned status, const char *reason,
		     const char *extra);

/* --- layer.c --- */
int layer_send(struct sip_transactions *layer, const struct sip_path *to, struct slice message);
void layer_mint_tag(const struct sip_transactions *layer, char tag[TAG_TEXT]);
/* The message with our Via behind its first line, in the scratch. */
int layer_add_via(struct sip_transactions *layer, const struct sip_path *to, struct slice message,
		  const char *branch, struct slice *whole);
void layer_mint_branch(const struct sip_transactions *layer, char branch[BRANCH_TEXT]);

#endif
