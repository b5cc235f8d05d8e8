/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The guard in front of the parser: who may be heard, and what is taken on under load.
 *
 *   datagram ─▶ banned? ─▶ faster than its rate? ─▶ a scanner? ─▶ stale? ─▶ room for its class? ─▶
 *               drop       drop                     drop          drop      503, or drop
 *
 * Anybody can write any address into a datagram. So a ban needs a source that is proven: a
 * connection has shaken hands; who has answered a challenge has heard it, for the nonces that go out
 * by UDP are good from one address alone (sip/auth/digest.h). What a datagram shows by itself costs
 * that datagram and no other. And a source that is banned, or used up its rate (somebody may do that
 * in its name), is still heard in the calls that it has: their tags are not to be guessed. Nor are
 * nonces: who uses one that went to it is heard in spite of its rate, as often as it may connect.
 *
 * struct sip_guard   one for all shards: the sources, the lists of the configuration. No locks.
 * struct sip_gate    one a shard: its load, its counters. One thread, but for sip_gate_share().
 *
 * Nothing here allocates after its creation, and what is refused has cost one pass over its lines.
 *
 * Peers (trunks, and what the configuration trusts) are never banned and have no limits of their
 * own, but are shed by load like anybody. Who has proven a password lately (SIP_NOTE_GOOD) is not
 * looked at for scanners.
 *
 * Times are parameters, of a monotonic clock.
 */
#ifndef SIP_GUARD_GUARD_H
#define SIP_GUARD_GUARD_H

#include "sip/guard/glance.h"
#include "sip/guard/load.h"
#include "sip/guard/sources.h"
#include "sip/message/typed.h"

#define SIP_GUARD_LIST_MAX 64u

/* id, name, severity-free meaning */
#define SIP_GUARD_COUNTERS(X)                                                                \
	X(BANNED, "banned", "messages and connections of banned sources, dropped")           \
	X(SCANNER, "scanner", "messages of scanner tools, dropped")                          \
	X(RATE, "rate", "messages above the rate of their source, dropped")                  \
	X(IN_CALLS, "in_calls", "of those banned or too fast: let in, as they are of calls") \
	X(PROVEN, "proven", "of those too fast: let in, as they answer a challenge of ours") \
	X(REQUEST_RATE, "request_rate", "requests above the rate of their source, dropped")  \
	X(CONNECTION_RATE, "connection_rate", "connections above it, closed")                \
	X(KEEPALIVE_RATE, "keepalive_rate", "STUN requests above it, not answered")          \
	X(TRANSACTIONS, "transactions", "requests of sources with too many unfinished, 503") \
	X(STALE, "stale", "requests that had waited too long, dropped")                      \
	X(SHED_CALL, "shed_call", "new calls not taken on")                                  \
	X(SHED_REGISTER, "shed_register", "registrations not taken on")                      \
	X(SHED_OTHER, "shed_other", "subscriptions and the like not taken on")               \
	X(SHED_SILENT, "shed_silent", "of these, those that were not answered")              \
	X(EMERGENCY, "emergency", "emergency calls let in")                                  \
	X(WRONG_PASSWORD, "wrong_password", "wrong passwords and unknown users")             \
	X(BANS, "bans", "sources banned")                                                    \
	X(OVERLOADS, "overloads", "times that shedding began")                               \
	X(OC_SENT, "oc_sent", "responses that told the peer our load (RFC 7339)")            \
	X(OC_HELD, "oc_held", "requests not sent because their target told its load")

enum sip_guard_counter {
#define X(id, name, meaning) SIP_GUARD_##id,
	SIP_GUARD_COUNTERS(X)
#undef X
		SIP_GUARD_COUNTER_COUNT
};

enum sip_guard_action {
	SIP_GUARD_TELL_SCANNER,
	SIP_GUARD_TELL_FLOOD,     /* why: the counter's name */
	SIP_GUARD_TELL_PASSWORDS, /* so many that it is banned */
	SIP_GUARD_TELL_BAN,
	SIP_GUARD_TELL_UNBAN,
	SIP_GUARD_TELL_OVERLOAD, /* shedding begins; no source */
	SIP_GUARD_TELL_CALM,     /* and ends */
};

struct sip_guard_report {
	enum sip_guard_action action;
	struct sip_address source;
	struct slice what; /* the tool, the user, the limit, the reason */
	uint32_t seconds;  /* of a ban */
	uint32_t wait_ms;  /* of messages, for OVERLOAD and CALM */
	uint32_t busy_percent;
};

struct sip_guard_list {
	const char *const *items;
	unsigned count;
};

/* Nothing is copied but trusted addresses: lists must outlive the guard. 0: no limit. */
struct sip_guard_config {
	uint32_t sources;
	uint32_t messages_per_s, requests_per_s; /* of a source; requests: outside dialogs */
	uint32_t connections_per_s, keepalives_per_s;
	uint32_t ban_after, ban_window_s; /* wrong passwords */
	uint32_t ban_s, ban_max_s;
	uint32_t wait_target_ms, stale_ms;
	struct sip_guard_list scanners;  /* texts in User-Agent or From, in any case */
	struct sip_guard_list emergency; /* urn:service:sos, or user parts */
	struct sip_guard_list trusted;   /* addresses, or prefixes "198.18.0.0/24" */
	struct sip_guard_list peers;     /* addresses */
	/* Any shard's thread; not more than once in SIP_GUARD_TELL_S seconds a source. */
	void (*tell)(void *arg, const struct sip_guard_report *report);
	void *arg;
};
#define SIP_GUARD_TELL_S 10u

struct sip_guard;
struct sip_gate;

/* -EINVAL: a trusted address is none. */
int sip_guard_create(const struct sip_guard_config *config, struct sip_guard **guard);
void sip_guard_destroy(struct sip_guard *guard);
int sip_gate_create(struct sip_guard *guard, uint64_t now_us, struct sip_gate **gate);
void sip_gate_destroy(struct sip_gate *gate);

/* --- for each message --- */

enum sip_verdict {
	SIP_PASS,
	SIP_DROP,
	SIP_REFUSE,     /* answer with what sip_gate_refusal() makes, or not at all */
	SIP_CALLS_ONLY, /* pass it if it belongs to a dialog that is there, and sip_gate_in_call() */
	SIP_PROVEN_ONLY, /* pass it if it answers a challenge that went there, and
			  * sip_gate_proven() says so */
};

struct sip_arrival {
	const struct sip_address *source;
	const char *data;
	size_t size;
	uint64_t wait_us; /* since it came to this host; 0: not known */
	bool reliable;    /* a stream: nobody sends it again, and its source is proven */
	/* Of the shard that it goes to, whose load counts; NULL: this one. */
	const struct sip_gate *owner;
};
/* May it connect? Not while it is banned, and not too often. */
bool sip_gate_connection(struct sip_gate *gate, const struct sip_address *source, uint64_t now_ms);
/* Is a keep-alive of it answered, that may be forged? Not more than so many to one address. */
bool sip_gate_keepalive(struct sip_gate *gate, const struct sip_address *source, uint64_t now_ms);
enum sip_verdict sip_gate_receive(struct sip_gate *gate, const struct sip_arrival *arrival,
				  uint64_t now_ms, struct sip_glance *glance);
/* It was let in for its dialog: in the gate of the shard that has this. */
void sip_gate_in_call(struct sip_gate *gate);
/* It has a nonce that went to this source. false: it has sent too much of that as well. */
bool sip_gate_proven(struct sip_gate *gate, const struct sip_address *source, uint64_t now_ms);
/* 503 with Retry-After for what was refused, without state (RFC 3261 §8.2.7). 0: it cannot be
 * answered. to: the source, with the port that the answer goes to. */
size_t sip_gate_refusal(struct sip_gate *gate, const struct sip_arrival *arrival,
			const struct sip_glance *glance, uint64_t now_ms, char *buffer, size_t size,
			struct sip_address *to);
/* Seconds for Retry-After: longer the less of the class is let in, spread by a half. */
unsigned sip_gate_retry_after(const struct sip_gate *gate, enum sip_class class);
enum sip_class sip_gate_class(const struct sip_gate *gate, const struct sip_glance *glance);

/* A message that came to another shard has waited here, too. */
void sip_gate_waited(struct sip_gate *gate, uint64_t wait_us);
/* The loop has worked for busy_us until now; call it before and after it works. */
void sip_gate_turn(struct sip_gate *gate, uint64_t busy_us, uint64_t now_us);

/* A source has as many unfinished transactions, or connections, as it may. true: it is a peer, and
 * may have more. */
bool sip_gate_spares(struct sip_gate *gate, const struct sip_address *source,
		     enum sip_guard_counter what, uint64_t now_ms);

/* --- RFC 7339: telling the load, and being told --- */

#define SIP_OC_TEXT 80
/* What a response to a request with this topmost Via adds to it: "" if its sender did not ask. */
const char *sip_gate_oc(struct sip_gate *gate, const struct sip_via *via, uint64_t now_ms,
			char text[SIP_OC_TEXT]);
/* A peer has answered a request of ours; via: the topmost of the response. Of one that answers
 * nothing nobody may ask this: its sender may be anybody. */
void sip_gate_oc_received(struct sip_gate *gate, const struct sip_address *peer,
			  const struct sip_via *via, uint64_t now_ms);
/* A response of ours with our load in its topmost Via, if that asks for it: its size in the buffer.
 * 0: send it as it is. */
size_t sip_gate_oc_response(struct sip_gate *gate, struct slice response, uint64_t now_ms,
			    char *buffer, size_t size);
/* Has it told a load that is not over? */
bool sip_gate_has_oc(const struct sip_gate *gate, const struct sip_address *peer, uint64_t now_ms);
/* May a new request go to the peer? Those in dialogs and emergency calls always may. */
bool sip_gate_may_send(struct sip_gate *gate, const struct sip_address *peer, enum sip_class class,
		       uint64_t now_ms);

/* --- what others have noticed --- */

enum sip_note { SIP_NOTE_WRONG_PASSWORD, SIP_NOTE_UNKNOWN_USER, SIP_NOTE_GOOD };
/* user: of the credentials. Any thread. guard NULL: does nothing. */
void sip_guard_note(struct sip_guard *guard, const struct sip_address *source, enum sip_note note,
		    struct slice user, uint64_t now_ms);

/* It is an address of a peer, for so long: a trunk's name has led there. Any thread. */
void sip_guard_spare(struct sip_guard *guard, const struct sip_address *source, uint32_t seconds,
		     uint64_t now_ms);

/* --- for operators; any thread --- */

/* Is it a peer's address, or one that the configuration trusts? */
bool sip_guard_trusts(const struct sip_guard *guard, const struct sip_address *address);
/* seconds 0: as configured. -EPERM: it is trusted. -ENOSPC: no room. */
int sip_guard_ban(struct sip_guard *guard, const struct sip_address *source, uint32_t seconds,
		  uint64_t now_ms);
/* -ENOENT: it is not banned. */
int sip_guard_unban(struct sip_guard *guard, const struct sip_address *source, uint64_t now_ms);
void sip_guard_bans(const struct sip_guard *guard, uint64_t now_ms,
		    void (*fn)(void *arg, const struct sip_address *source,
			       const struct guard_ban *ban),
		    void *arg);

/* Tells of the bans that are over; once a second or so. */
void sip_guard_expire(struct sip_guard *guard, uint64_t now_ms);

/* Those that are of the guard as a whole are 0 in a gate, and the other way round. */
void sip_guard_stats(const struct sip_guard *guard, uint64_t counters[SIP_GUARD_COUNTER_COUNT]);
struct sip_gate_stats {
	uint64_t counters[SIP_GUARD_COUNTER_COUNT];
	double wait_us, busy; /* smoothed */
	double share[SIP_CLASSES];
	bool engaged;
};
/* In the gate's thread. */
void sip_gate_stats(const struct sip_gate *gate, struct sip_gate_stats *stats);
const char *sip_guard_counter_name(enum sip_guard_counter counter);

#endif
