/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Transports carry bytes of messages between sockets and the transaction layer (RFC 3261 §18).
 *
 * One transport set per shard, driven by the shard's libuv loop. All sockets are opened with
 * SO_REUSEPORT so that each shard has its own; a connection belongs to the shard whose socket took
 * it, and the others send over it through that shard. Datagrams are received and sent in batches;
 * what is sent during a turn of the loop leaves at its end, sip_transport_flush().
 * Responses go where RFC 3261 §18.2.2 and RFC 3581 say: the connection, or received/rport.
 */
#ifndef SIP_TRANSPORT_TRANSPORT_H
#define SIP_TRANSPORT_TRANSPORT_H

#include "sip/base/address.h"

enum sip_transport_kind { SIP_UDP, SIP_TCP, SIP_TLS, SIP_WS, SIP_WSS, SIP_TRANSPORT_KINDS };

/* "udp"…; the names of configuration and of the transport parameter of URIs. */
const char *sip_transport_name(enum sip_transport_kind kind);
/* Over TLS: what a sips URI wants of each hop. */
static inline bool sip_transport_is_secure(uint8_t kind)
{
	return kind == SIP_TLS || kind == SIP_WSS;
}

/* A connection. Stale handles are errors, and never somebody else's connection: a place is used
 * 2^32 times before a handle comes again. */
struct sip_flow {
	uint32_t generation;
	uint32_t index : 24; /* 0: none */
	uint32_t shard : 8;  /* whose transport holds it */
};

static inline bool sip_flow_equal(struct sip_flow a, struct sip_flow b)
{
	return a.index == b.index && a.generation == b.generation && a.shard == b.shard;
}

#define SIP_PATH_FLOW_ONLY 1u /* this connection or none: RFC 5626 §5.3 */

/* A remote party and the local socket it is reached through. Copied by value. */
struct sip_path {
	struct sip_address remote;
	struct sip_flow flow; /* streams: the connection; none: any to this address, or a new one */
	uint8_t kind;         /* enum sip_transport_kind */
	uint8_t listener;     /* index of the local listener */
	uint8_t flags;        /* SIP_PATH_… */
	uint8_t reserved;
	uint32_t name; /* TLS: of the domain that the peer has to be, sip_tls_name(); 0: address */
};

struct sip_transport;
struct sip_quota;
struct sip_aliases;
struct sip_tls;
struct timer_wheel;
typedef struct uv_loop_s uv_loop_t;

struct sip_listener_config {
	enum sip_transport_kind kind;
	struct sip_address address;
};

/* name, what is counted */
#define SIP_TRANSPORT_COUNTERS(X)                                                           \
	X(received, "messages")                                                             \
	X(received_bytes, "")                                                               \
	X(sent, "messages")                                                                 \
	X(sent_bytes, "")                                                                   \
	X(send_errors, "the system refused a datagram, or a connection was lost")           \
	X(receive_errors, "the network refused a datagram of ours, and the socket said so") \
	X(dropped_size, "empty, larger than the limit")                                     \
	X(dropped_keepalive, "CRLFs (RFC 5626 §4.4): not messages")                         \
	X(dropped_framing, "streams: no message, or its end unknown")                       \
	X(dropped_queue, "messages and pongs for a connection that takes no more")          \
	X(keepalives_answered, "CRLF and STUN")                                             \
	X(keepalives_sent, "")                                                              \
	X(connections_accepted, "")                                                         \
	X(connections_made, "by us")                                                        \
	X(connections_failed, "by us, that did not come about")                             \
	X(connections_lost, "closed by the other side or the network")                      \
	X(connections_closed, "closed by us: idle, too slow, broken framing")               \
	X(aliases, "connections that take requests back (RFC 5923)")                        \
	X(refused_aliases, "whose host nothing proved")                                     \
	X(refused_connections, "above the limit of all")                                    \
	X(refused_source, "above the limit of a source address")                            \
	X(refused_unwelcome, "of a source that may not connect")                            \
	X(refused_opening, "above the limit of those that have sent nothing yet")           \
	X(timeouts_idle, "")                                                                \
	X(timeouts_opening, "no connection, no handshake, no whole message in time")        \
	X(timeouts_sending, "what is sent is not taken")                                    \
	X(tls_handshakes, "")                                                               \
	X(tls_resumed, "of them, with the session of an earlier one")                       \
	X(tls_failed, "handshakes")                                                         \
	X(ws_refused, "HTTP that was no upgrade to SIP over WebSocket")                     \
	X(sent_elsewhere, "over a connection of another shard")

struct sip_transport_stats {
#define X(name, what) uint64_t name;
	SIP_TRANSPORT_COUNTERS(X)
#undef X
	uint32_t connections, opening; /* now; opening: have not heard a message yet */
};

struct sip_transport_limits {
	uint32_t opening_max; /* of this transport: connections that have sent no message yet */
	uint32_t opening_ms; /* for connecting, shaking hands, the first message, the rest of one */
	uint32_t idle_ms;    /* without a byte from the other side */
	uint32_t sending_ms; /* without the other side taking a byte of what waits for it */
	uint32_t queue_max;  /* bytes that wait for a connection */
};
extern const struct sip_transport_limits sip_transport_limits_default;

enum sip_transport_notice {
	SIP_NOTICE_REFUSED,  /* a connection, by a limit */
	SIP_NOTICE_TIMEOUT,  /* of a connection */
	SIP_NOTICE_FRAMING,  /* what came over it is no SIP */
	SIP_NOTICE_OVERFULL, /* it does not take what is sent */
	SIP_NOTICE_TLS,      /* no handshake, or with another than was meant */
};

struct sip_transport_config {
	uv_loop_t *loop;
	struct timer_wheel *wheel; /* streams need it */
	unsigned shard;
	const struct sip_listener_config *listeners;
	unsigned listener_count;
	size_t message_max;                        /* bytes */
	const struct sip_transport_limits *limits; /* NULL: the default ones */
	struct sip_quota *quota; /* shared with other transports, outlives them; NULL: no limit */
	struct sip_aliases *aliases; /* shared likewise; NULL: nothing goes back (RFC 5923) */
	struct sip_tls *tls;         /* shared likewise; listeners of TLS and WSS need it */
	/* Origins whose pages may open a WebSocket (RFC 6455 §10.2); none: all. */
	const char *const *ws_origins;
	unsigned ws_origin_count;
	/* All of the following are called in the loop's thread, with arg first; all but receive
	 * may be NULL. None but receive is called from within sip_transport_send(). */
	/* Each datagram or framed message. */
	void (*receive)(void *arg, const char *data, size_t size, const struct sip_path *from);
	/* May a connection of it be taken, before it costs a handshake? NULL: yes. */
	bool (*welcome)(void *arg, const struct sip_address *remote);
	/* May a STUN request of it be answered, whose source may be forged? NULL: yes. */
	bool (*keepalive)(void *arg, const struct sip_address *remote);
	/* A connection is gone, and what was sent over it may be lost. error: -errno. Called once
	 * for each name that senders have for it: its own handle and address; its alias; the address
	 * of what was sent over it last; the handle of the one that it replaced. Of a datagram that could
	 * not be sent: flow is none. shards: bits of the other shards that have sent over it. */
	void (*flow_failed)(void *arg, const struct sip_path *path, int error, uint32_t shards);
	/* Sends over a connection that another shard holds: sip_transport_send_for() there. */
	int (*send_elsewhere)(void *arg, const struct sip_path *to, const char *data, size_t size);
	/* A success response to a Binding request of ours came over UDP. id: as it was given to
	 * sip_transport_ping_stun(). Anybody may send one. */
	void (*stun_answered)(void *arg, const struct sip_path *from, const char id[12]);
	/* For events; why: text. As often as it happens. */
	void (*notice)(void *arg, enum sip_transport_notice what, const struct sip_path *path,
		       const char *why);
	void *arg;
};

/* Opens and binds all listeners. why: text that names the address that failed; handles of those
 * that had been opened are then closed, and leave when the loop runs. */
int sip_transport_create(const struct sip_transport_config *config,
			 struct sip_transport **transport, char *why, size_t why_size);
/* Closes sockets and connections, without flow_failed; what waits for being sent is tried once.
 * `closed` is called when the loop has let go of them. */
void sip_transport_close(struct sip_transport *transport, void (*closed)(void *arg), void *arg);

/*
 * Sends a message, or keeps it until the connection is there and takes it: 0. Copied. What comes to
 * nothing later is told by flow_failed. to->flow is filled in with the connection that is used.
 *
 * A connection that is gone is replaced: by another one to the same address, else by a new one, but
 * for SIP_PATH_FLOW_ONLY and WebSocket (-ENOTCONN). When a new one is lost, flow_failed is called
 * for the handle of the one it replaces too.
 * -ENETUNREACH, -ENOBUFS (too much waits), -EUSERS (too many connections), -EMSGSIZE…
 */
int sip_transport_send(struct sip_transport *transport, struct sip_path *to, const char *data,
		       size_t size);
/* The same on behalf of another shard, which flow_failed then names. */
int sip_transport_send_for(struct sip_transport *transport, unsigned shard, struct sip_path *to,
			   const char *data, size_t size);
/*
 * Connection reuse (RFC 5923). The other side of a connection that came in says, with `alias` in
 * the Via of a request, that requests to host and port (its sent-by; 0: the usual one) may come back
 * over it. Over TLS its certificate has to speak for the host, over TCP it has to be `trusted`:
 * else whoever opens a connection could have what belongs to others. From then on what goes to that
 * port of the address that it comes from takes it (over TLS: to a domain that it has proven).
 * -EACCES: not proven. -ENOTCONN: no such connection of theirs. -EOPNOTSUPP: without aliases.
 */
int sip_transport_alias(struct sip_transport *transport, struct sip_flow flow, struct slice host,
			uint16_t port, bool trusted);
/* What has been sent leaves. At the end of each turn of the loop. */
void sip_transport_flush(struct sip_transport *transport);
/* A keep-alive: CRLFCRLF, or a ping of WebSocket. Never opens a connection: -ENOTCONN. */
int sip_transport_ping(struct sip_transport *transport, const struct sip_path *to);
/* The same over UDP as a STUN Binding request (RFC 5626 §4.4.2), which wants an answer. */
int sip_transport_ping_stun(struct sip_transport *transport, const struct sip_path *to,
			    const char id[12]);
bool sip_transport_is_open(const struct sip_transport *transport, struct sip_flow flow);

/* Finds a listener of the kind and the family of remote, among those whose bit (1 << index) is set
 * in `listeners`. -ENETUNREACH: none. */
#define SIP_LISTENERS_ANY UINT64_MAX
int sip_transport_path(const struct sip_transport *transport, enum sip_transport_kind kind,
		       uint64_t listeners, const struct sip_address *remote, struct sip_path *path);
/* Local address of a listener, for Via and Contact: "198.18.0.10:5060" or "[2001:2::10]:5060". */
const char *sip_transport_host(const struct sip_transport *transport, unsigned listener);
/* The same as an address. Family 0: there is no such listener. */
struct sip_address sip_transport_local(const struct sip_transport *transport, unsigned listener);
/* In `receive`: when the message came to this host, ns of CLOCK_REALTIME; 0: not known. */
uint64_t sip_transport_arrived_ns(const struct sip_transport *transport);
void sip_transport_stats(const struct sip_transport *transport, struct sip_transport_stats *stats);

struct sip_flow_info {
	struct sip_path path;
	const char *state; /* "connecting", "handshake", "open" */
	bool inbound;
	uint64_t age_ms, idle_ms;
	uint64_t received, sent; /* messages */
	uint32_t waiting;        /* bytes */
};
/* Each connection, in no order. */
void sip_transport_each(const struct sip_transport *transport,
			void (*each)(void *arg, const struct sip_flow_info *info), void *arg);

/* Who takes requests back, over all transports that share it. Any thread. */
int sip_aliases_create(struct sip_aliases **aliases);
void sip_aliases_destroy(struct sip_aliases *aliases);

/*
 * Connections in all and of each source address (IPv6: of its /64), over all transports that share
 * it. Any thread.
 */
int sip_quota_create(uint32_t connections_max, uint32_t source_max, struct sip_quota **quota);
void sip_quota_destroy(struct sip_quota *quota);

#endif
