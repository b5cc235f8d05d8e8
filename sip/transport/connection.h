/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connections of a transport set. Private to sip/transport.
 *
 *   flow.c        the table: by handle, by remote address
 *   alias.c       by the address that its other side says it listens on
 *   connection.c  life: accepted or made, time-outs, the end
 *   stream.c      bytes in and messages out of them, and the other way round
 *   ws.c          the same for WebSocket
 *   tcp.c         what a socket does to bytes
 *   tls_carrier.c the same through TLS
 *
 * One epoll set holds the sockets of all connections, and stands in the loop as a single handle:
 * a connection then costs no handle of the loop, and is closed at once.
 */
#ifndef SIP_TRANSPORT_CONNECTION_H
#define SIP_TRANSPORT_CONNECTION_H

#include "sip/base/hash_index.h"
#include "sip/base/timer.h"
#include "sip/transport/frame.h"
#include "sip/transport/transport.h"

struct connection;
struct quota_source;

enum connection_state {
	CONNECTION_CONNECTING,
	CONNECTION_SHAKING, /* hands: TLS, WebSocket */
	CONNECTION_OPEN,
	CONNECTION_GONE, /* off all tables; freed when nobody up the stack holds it */
};

/* What carries the bytes. All: -EAGAIN when there is nothing now, with what is waited for in
 * want_write; else -errno. */
struct connection_carrier {
	int (*shake)(struct connection *c);                             /* 0: done */
	ssize_t (*read)(struct connection *c, char *data, size_t size); /* 0: the end */
	ssize_t (*write)(struct connection *c, const char *data, size_t size);
	bool (*pending)(const struct connection *c); /* bytes that no event will tell of */
	void (*close)(struct connection *c);
};
extern const struct connection_carrier tcp_carrier, tls_carrier;

#define OUT_BUFFER_SIZE 4096u /* of the usual one, header and all */

/* What waits to be written. */
struct out_buffer {
	struct out_buffer *next;
	uint32_t start, used, size;
	char data[];
};

struct connection {
	struct hash_node node; /* by remote and kind */
	struct sip_transport *transport;
	const struct connection_carrier *carrier;
	struct connection *flush_next; /* of those with something to write */
	struct timer timer;            /* the next of its time-outs, or earlier */
	struct sip_address remote;
	/* What was sent over it last was for this address: another than its own when the other side
	 * listens elsewhere than it connects from. */
	struct sip_address known_as;
	struct sip_flow flow;
	struct sip_flow instead_of; /* index 0: of none */
	struct quota_source *source;
	struct alias *alias; /* NULL: none */
	int fd;
	uint32_t events; /* that epoll looks for */
	uint8_t kind, listener;
	uint8_t state; /* enum connection_state */
	uint8_t holds; /* up the stack, and on the list of flushing */
	bool inbound, counted;
	bool heard;      /* a message, once */
	bool want_write; /* the carrier */
	bool flushing;   /* on the list */
	bool last_words; /* closed when what waits is written */
	bool broken;     /* TLS: nothing more may be said over it */
	bool upgraded;   /* WebSocket: the HTTP before it is over */
	uint8_t pings;   /* of ours without a pong */
	uint16_t shards; /* others that have sent over it */
	uint32_t name;   /* TLS: whom we want, sip_tls_name() */

	/* A message that is incomplete; NULL: none */
	char *in;
	uint32_t in_used, in_size;
	struct frame frame;

	/* WebSocket: the fragments of a message that have come */
	char *parts;
	uint32_t parts_size;

	struct ssl_st *ssl;
	struct out_buffer *out, **out_end;
	uint32_t out_bytes;

	/* Milliseconds of the wheel. partial: since when a message is incomplete, in however many
	 * pieces it comes */
	uint64_t made_ms, heard_ms, partial_ms, stuck_ms;
	uint64_t sent_ms; /* since when something may be unacknowledged; 0: nothing is */
	uint64_t received, sent;
};

/* --- flow.c --- */
#define FLOW_INDEX_MAX 0xffffffu
struct flow_table {
	struct connection **slots; /* by index, from 1 */
	uint32_t *generations;
	uint32_t *free; /* indices, a stack */
	uint32_t size, free_count;
	struct hash_index by_remote;
};
int flow_table_init(struct flow_table *table);
void flow_table_free(struct flow_table *table);
/* Gives it a handle. -ENOMEM. */
int flow_add(struct sip_transport *transport, struct connection *c);
void flow_remove(struct sip_transport *transport, struct connection *c);
struct connection *flow_find(const struct sip_transport *transport, struct sip_flow flow);
struct connection *flow_to(const struct sip_transport *transport, uint8_t kind,
			   const struct sip_address *remote, uint32_t name);

/* --- alias.c --- */
/* The connection that takes what goes there, of any transport; false: none. */
bool alias_find(const struct sip_transport *transport, const struct sip_path *to,
		struct sip_flow *flow);
void alias_forget(struct connection *c);
/* What is sent to over it beside its own address; false: nothing is. */
bool alias_address(const struct connection *c, struct sip_address *address);

/* --- connection.c --- */
/* Takes fd. Counted, limited, in the tables. remote: of the other side. */
void connection_accept(struct sip_transport *transport, int fd, unsigned listener,
		       const struct sip_address *remote);
int connection_make(struct sip_transport *transport, const struct sip_path *to,
		    struct connection **made);
/* Closes, tells, and frees once nobody holds it. */
void connection_fail(struct connection *c, int error);
/* Nobody is told. */
void connection_drop(struct connection *c);
void connection_hold(struct connection *c);
void connection_release(struct connection *c);
/* A whole message. */
void connection_heard(struct connection *c);
/* After its state has changed: which time-out is next. */
void connection_watch(struct connection *c);
void connection_on_event(struct sip_transport *transport, uint64_t data, uint32_t events);
struct sip_path connection_path(const struct connection *c);

/* --- stream.c --- */
/* Appends to what waits. -ENOBUFS, -ENOMEM. */
int stream_queue(struct connection *c, const char *data, size_t size);
/* Both or neither: a stream with half a frame in it cannot be read any more. */
int stream_queue_frame(struct connection *c, const char *header, size_t n, const char *data,
		       size_t size);
void stream_write(struct connection *c);
void stream_read(struct connection *c);
void stream_flush_all(struct sip_transport *transport);
int stream_ping(struct connection *c);
/* Has it room for the answer to a ping? Who does not read gets no more of them. */
bool stream_takes_pong(struct connection *c);
void stream_free(struct connection *c);

/* What was read is SIP, or is wrapped in WebSocket; returns what is incomplete. */
void stream_deliver(struct connection *c, const char *data, size_t size);
/* Counts and tells; the connection is closed when what waits is written. answered: an answer may
 * come later, from another shard. */
void stream_give_up(struct connection *c, const char *why, bool answered);

/* --- ws.c --- */
struct slice ws_consume(struct connection *c, char *data, size_t size);
int ws_queue(struct connection *c, const char *data, size_t size);
int ws_ping(struct connection *c);

/* --- tls_carrier.c --- */
#define TLS_SESSIONS 64u
/* A peer's that we have connected to. */
struct tls_session {
	struct sip_address remote;
	uint32_t name;
	struct ssl_session_st *session;
};
/* The certificate of the other side if it was verified, to be freed; NULL: there is none. */
struct x509_st *tls_proof(const struct connection *c);
void tls_forget_sessions(struct sip_transport *transport);

/* --- tcp.c --- */
int tcp_listen(const struct sip_address *address, struct sip_address *local, int *fd, char *why,
	       size_t why_size);
void tcp_accept(struct sip_transport *transport, unsigned listener);
int tcp_connect(const struct sip_address *local, const struct sip_address *remote, int *fd);
/* The outcome of connecting: 0 or -errno. */
int tcp_connected(int fd);
/* Has the other side left unacknowledged for so long what was sent? owes: there is something that it
 * has not acknowledged yet. */
bool tcp_is_silent(int fd, uint64_t ms, bool *owes);
struct tcp_info;
bool tcp_info_is_silent(const struct tcp_info *info, uint64_t ms);

#endif
