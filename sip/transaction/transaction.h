/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Transactions: RFC 3261 §17 with the corrections of RFC 6026 (Accepted states).
 *
 * The four machines are transition tables (transaction/table_*.c): state × event → actions, next
 * state. The layer does not know sockets or the clock: it sends through a callback and its timers
 * live on a wheel, so tests run it over an in-process network with a fake clock.
 * One layer per shard, one thread.
 *
 * Life: the layer owns a transaction until its last timer; a TU that keeps a pointer is told by
 * `terminated` and drops it there.
 *
 * Memory: a transaction is in use until its final response. What is kept of it then, for up to
 * 64*T1, is the hash of its key and the last message that may have to go out again; at most
 * `remembered_max` are kept so, the oldest is forgotten first. All of it comes from pools, so a
 * layer that has seen its load does not allocate.
 */
#ifndef SIP_TRANSACTION_TRANSACTION_H
#define SIP_TRANSACTION_TRANSACTION_H

#include "sip/base/timer.h"
#include "sip/message/build.h"
#include "sip/message/typed.h"
#include "sip/resolve/resolve.h"
#include "sip/transport/transport.h"

struct sip_transactions; /* the layer */
struct sip_transaction;  /* client or server */

/* RFC 3261 table 4, ms. */
struct sip_timers {
	uint32_t t1, t2, t4;
};
extern const struct sip_timers sip_timers_default; /* 500, 4000, 5000 */

enum sip_failure {
	SIP_FAILURE_TIMEOUT,   /* timer B, F or H */
	SIP_FAILURE_TRANSPORT, /* could not be sent */
};

/* What the layer asks of its user. All called in the layer's thread. */
struct sip_tu {
	/* Before a request gets a transaction: an ACK or CANCEL does not come here, nor one that
	 * is known. false: it is refused, answered with sip_transactions_reply() or not at all, and
	 * nothing is kept of it (RFC 3261 §8.2.7). NULL: all get one. */
	bool (*admit)(void *arg, struct sip_msg *request, const struct sip_path *from);
	/* A request that starts a server transaction (not a retransmission, not an ACK to a
	 * non-2xx, which the layer absorbs). CANCEL comes here with the transaction it cancels in
	 * `cancelled` (NULL: none; answer 481). The layer has answered nothing yet: respond with
	 * sip_transaction_respond(). 100 Trying is sent by the layer after 200 ms for INVITE. */
	void (*request)(void *arg, struct sip_transaction *server, struct sip_msg *request,
			const struct sip_path *from, struct sip_transaction *cancelled);
	/* An ACK that belongs to no INVITE server transaction in Completed: the one for a 2xx. */
	void (*ack)(void *arg, struct sip_msg *ack, const struct sip_path *from);
	/* A response that matches no client transaction: 2xx retransmissions and late forks. */
	void (*stray_response)(void *arg, struct sip_msg *response, const struct sip_path *from);
	/* A 2xx to an INVITE that went to another target meanwhile: acknowledge it and end it. */
	void (*late_success)(void *arg, struct sip_msg *response, const struct sip_path *path);
	void *arg;
};

/* Callbacks of one transaction's user. arg is the one given at start or set with
 * sip_transaction_set_user(). Any may be NULL. A client's `failed` is followed by `terminated`; so
 * is that of a server, but for an INVITE whose response could not be sent: RFC 6026 §7.1 keeps it. */
struct sip_transaction_user {
	void (*response)(void *arg, struct sip_transaction *client, struct sip_msg *response);
	void (*failed)(void *arg, struct sip_transaction *t, enum sip_failure why);
	void (*terminated)(void *arg, struct sip_transaction *t);
};

struct sip_transactions_stats {
	uint64_t requests_in[SIP_METHOD_COUNT], requests_out[SIP_METHOD_COUNT];
	uint64_t responses_in[7], responses_out[7]; /* by class, 1..6 */
	uint64_t retransmissions_in, retransmissions_out;
	uint64_t parse_errors, strays, timeouts;
	uint32_t clients, servers;                       /* alive */
	uint32_t clients_unfinished, servers_unfinished; /* of them, without a final response */
	uint64_t refused_limit;                          /* transactions_max */
	uint64_t refused_source;                         /* source_max */
	uint64_t refused_stateless;                      /* by `admit` */
	uint64_t forgotten;                              /* before their time: remembered_max */
	uint64_t failed_over; /* requests that went to a further target */
};

struct sip_transactions_config {
	struct timer_wheel *wheel;
	struct sip_timers timers;
	struct sip_tu tu;
	int (*send)(void *arg, const struct sip_path *to, const char *data, size_t size);
	void *send_arg;
	/* host:port for our Via on the path's listener */
	const char *(*via_host)(void *arg, const struct sip_path *path);
	const struct sip_limits *limits; /* NULL: sip_limits_default */
	/* Unfinished ones. Above it new requests get 503 by the layer itself and INVITEs are not
	 * started; what ends calls (BYE, CANCEL) has an eighth more. */
	uint32_t transactions_max;
	uint32_t source_max; /* unfinished ones of one address; above: 503. 0: no limit */
	/* Asked of one that has source_max: true: it may have more. NULL: none may. */
	bool (*source_spared)(void *arg, const struct sip_address *source);
	void *source_arg;
	/* Overload control (RFC 7339) as a client: our Via says that we can be told a load, and this
	 * is asked before a request goes to a target; false: -EBUSY, or the next target. arg is
	 * send_arg. NULL: neither. */
	bool (*may_start)(void *arg, const struct sip_path *to, struct slice request);
	/* Told of each response to a request of ours: where that went, whoever sent the response.
	 * arg is send_arg. NULL: nobody. */
	void (*heard)(void *arg, const struct sip_path *to, const struct sip_msg *response);
	uint32_t remembered_max;       /* finished ones; 0: 262144 */
	struct sip_resolver *resolver; /* NULL: names are not found. Outlives the layer */
	/* A path by one of the listeners (bits), as sip_transport_path(); arg is send_arg. NULL:
	 * requests go to ready paths alone. */
	int (*path)(void *arg, enum sip_transport_kind kind, uint64_t listeners,
		    const struct sip_address *remote, struct sip_path *path);
	/* For sip_path.name: the domain that a target of TLS has to prove to be (RFC 5922 §4). */
	uint32_t (*tls_name)(void *arg, struct slice domain);
	/* A target that sends nothing for so long is left for the next one; 0: after 64*T1. */
	uint32_t attempt_ms;
	/* Larger requests go by TCP where there is a choice (RFC 3261 §18.1.1: 1300); 0: none do. */
	uint32_t datagram_max;
	bool alias; /* requests over TLS say that others may come back that way (RFC 5923) */
	const char *server_name; /* Server header of the layer's own responses, or NULL */
	char token[16];          /* begins each branch we mint: holds node and shard */
};

int sip_transactions_create(const struct sip_transactions_config *config,
			    struct sip_transactions **layer);
void sip_transactions_destroy(struct sip_transactions *layer);
void sip_transactions_stats(const struct sip_transactions *layer,
			    struct sip_transactions_stats *stats);

/* Unfinished server transactions of requests that came from this address, whatever its port. */
uint32_t sip_transactions_of_source(const struct sip_transactions *layer,
				    const struct sip_address *source);

/* Feed: one datagram from `from`. Parses, answers what is broken (4xx, 505), matches, dispatches. */
void sip_transactions_receive(struct sip_transactions *layer, const char *data, size_t size,
			      const struct sip_path *from);
/* The same for a message that is parsed already (handed over by another shard). */
void sip_transactions_receive_msg(struct sip_transactions *layer, struct sip_msg *msg,
				  const struct sip_path *from);

/*
 * Starts a client transaction. `message` is complete but for Via, which the layer puts in: the
 * caller built it without one; beyond its first line it is taken as it stands. Copied. An ACK for a 2xx is no transaction: sip_transactions_send().
 * -EINVAL, -ENOMEM, -EBUSY (transactions_max), or the error of send. Nothing is called then.
 */
int sip_transaction_start(struct sip_transactions *layer, const struct sip_path *to,
			  struct slice message, const struct sip_transaction_user *user, void *arg,
			  struct sip_transaction **client);
/*
 * The same to where a URI leads (RFC 3263): to its targets one after the other, until one answers
 * with anything but 503. Each attempt is a transaction of its own with its own branch; to the user
 * they are this one. What it hears of targets before the last one is nothing; CANCEL goes where the
 * request went last. While the name servers are asked the transaction waits, and can be cancelled.
 */
struct sip_destination {
	struct slice uri;     /* of the next hop; empty: path is it */
	struct sip_path path; /* where it goes without an address for uri; family 0: nowhere */
	uint64_t listeners;   /* that may be used for targets of uri */
	/* Header lines that depend on the way, Contact above all; NULL: none. Called for each
	 * attempt; while the user is who it was at the start. */
	void (*lines)(void *arg, const struct sip_path *path, struct sip_build *lines);
	void *lines_arg;
};
/* As sip_transaction_start(), and -ENOENT, -EPROTONOSUPPORT, -EAGAIN, -EBUSY of sip_resolve().
 * Later they are SIP_FAILURE_TRANSPORT. */
int sip_transaction_start_to(struct sip_transactions *layer, const struct sip_destination *to,
			     struct slice message, const struct sip_transaction_user *user,
			     void *arg, struct sip_transaction **client);
/* Sends a CANCEL for an INVITE client transaction (RFC 3261 §9.1): at once if a provisional
 * response was received, else when it comes. Its outcome is the INVITE's final response, or
 * SIP_FAILURE_TIMEOUT when there is none 64*T1 later. -EINVAL: it has a final response. */
int sip_transaction_cancel(struct sip_transaction *client, struct slice extra_headers);
/* What was sent, until the callback of its final response returns: the request line, and the rest
 * without our Via. false: it is gone. */
bool sip_transaction_sent(const struct sip_transaction *client, struct slice *first,
			  struct slice *rest);
/* A number that its user keeps with it; 0 at first. */
uint16_t sip_transaction_mark(const struct sip_transaction *t);
void sip_transaction_set_mark(struct sip_transaction *t, uint16_t mark);
/* Forget the user: no more callbacks. The machine goes on by itself. */
void sip_transaction_detach(struct sip_transaction *t);

/*
 * A connection is gone, or a peer over UDP refuses (ICMP): requests that went there and have no
 * response fail with SIP_FAILURE_TRANSPORT. An INVITE that rings goes on: its answer may come over
 * another connection. path: with the flow that failed, or none for all of its remote address.
 */
void sip_transactions_flow_failed(struct sip_transactions *layer, const struct sip_path *path);

/* Answers a request without a transaction (RFC 3261 §8.2.7): nothing is kept, and the same request
 * gets the same To tag again. Not for an INVITE that may get another answer later. extra: header
 * lines, NULL: none. */
void sip_transactions_reply(struct sip_transactions *layer, const struct sip_msg *request,
			    const struct sip_path *from, unsigned status, const char *reason,
			    const char *extra);

/* Sends one message outside any transaction with a Via of ours: an ACK for a 2xx. */
int sip_transactions_send(struct sip_transactions *layer, const struct sip_path *to,
			  struct slice message);
/* The same to the first target of a URI, once the name servers have answered. */
int sip_transactions_send_to(struct sip_transactions *layer, const struct sip_destination *to,
			     struct slice message);

/* Server side. `response` is complete (built with sip_build_response). Copied for
 * retransmission. -EINVAL if the state allows none (e.g. a second final response). */
int sip_transaction_respond(struct sip_transaction *server, struct slice response);
/* The last response to an INVITE again: TUs repeat a 2xx until its ACK (RFC 3261 §13.3.1.4) and a
 * provisional one each minute (§13.3.1.1). -EINVAL: none was sent, or one that failed. */
int sip_transaction_repeat(struct sip_transaction *server);
/* Replaces the user of a transaction of either side. */
void sip_transaction_set_user(struct sip_transaction *t, const struct sip_transaction_user *user,
			      void *arg);
/* arg, if `user` is the transaction's; else NULL. */
void *sip_transaction_user_arg(const struct sip_transaction *t,
			       const struct sip_transaction_user *user);
/* Short way: a response without body made from the request. extra: header lines, NULL: none.
 * reason NULL: the usual one. to_tag empty: the layer's own, the same each time. */
int sip_transaction_reply(struct sip_transaction *server, unsigned status, const char *reason,
			  struct slice to_tag, const char *extra);

/*
 * Server transactions can stand on a list of their TU's until their final response is given, so
 * that a dialog that ends can answer what it still owes. The layer takes them off; list NULL does.
 */
struct sip_pending {
	struct sip_transaction *first;
};
void sip_transaction_track(struct sip_transaction *server, struct sip_pending *list);

/* Another server transaction goes on that has the request's From tag, Call-ID and CSeq: the same
 * request came by two ways (RFC 3261 §8.2.2.2). One that was refused does not count. */
bool sip_transaction_is_merged(const struct sip_transaction *server);
/* One that came over a connection that is lost: its sender has sent the request again over another
 * one, as a transaction of its own. It has no final response. NULL: there is none. */
struct sip_transaction *sip_transaction_replaced(const struct sip_transaction *server);

/* Server only. NULL some time after the final response: whoever looks at it later than in the
 * function that gave the response takes a reference. */
struct sip_msg *sip_transaction_request(const struct sip_transaction *t);
/* Where the request came from, or went to. */
const struct sip_path *sip_transaction_path(const struct sip_transaction *t);
const char *sip_transaction_state(const struct sip_transaction *t); /* "Proceeding"… */

#endif
