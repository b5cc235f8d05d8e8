/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The store keeps what must survive a restart: registrations, calls in progress, CDRs.
 *
 * Writes are asynchronous: they are queued, and a thread of the store carries them out in order,
 * those of 20 ms in one transaction (SQLite in WAL mode behind this interface; others later). So
 * kill -9 can take what was written in the last 20 ms and nothing older; an orderly end takes
 * nothing. A queue that is full blocks nobody: the write is refused with -EAGAIN, counted and
 * logged. Reads are for start-up and the CLI: synchronous, on a connection of their own. Any
 * thread.
 */
#ifndef CONTROLPLANE_STORE_STORE_H
#define CONTROLPLANE_STORE_STORE_H

#include <stddef.h>
#include <stdint.h>

struct store;

/* Opens or creates DIR/tandem.db, with its schema brought up to date. why: text on error. */
int store_open(const char *dir, struct store **store, char *why, size_t why_size);
/* Writes what is queued, then closes. */
void store_close(struct store *store);
/* Waits until all that was queued before is on disk. For tests and shutdown. */
void store_flush(struct store *store);

struct store_contact {
	const char *aor;     /* "alice@tandem.lab" */
	const char *uri;     /* Contact URI: key together with aor */
	const char *text;    /* the registrar's own record of it, one line */
	uint64_t expires_ms; /* wall clock */
};
int store_contact_put(struct store *store, const struct store_contact *contact);
int store_contact_delete(struct store *store, const char *aor, const char *uri);
int store_contacts_load(struct store *store, void (*row)(void *arg, const struct store_contact *c),
			void *arg);

/* A call in progress. text: the engine's own record of it. */
struct store_call {
	uint64_t id;
	const char *text;
};
int store_call_put(struct store *store, const struct store_call *call);
/* Those of a shard (shard_of_call() in controlplane/main/shard.h). Shards may read at the same
 * time. */
int store_calls_load(struct store *store, unsigned shard, unsigned shards,
		     void (*row)(void *arg, const struct store_call *call), void *arg);

/*
 * What came from a side of a call: name of the column (with the side behind it), meaning.
 */
#define CDR_MEDIA(X)                                                        \
	X(packets)        /* RTP that was taken */                          \
	X(lost)           /* expected, and never came */                    \
	X(expected)       /* RFC 3550 A.3 */                                \
	X(late)           /* after a common play-out */                     \
	X(mos)            /* conversational, hundredths; 0: nothing came */ \
	X(r_factor)       /* tenths */                                      \
	X(jitter_us)      /* at the end */                                  \
	X(longest_gap_ms) /* between two packets */                         \
	X(burst_density)  /* share lost in bursts, of 10000 */              \
	X(rtt_us)         /* between us and this side; 0: not known */      \
	X(alarms)         /* thresholds of quality crossed, in all */

struct cdr_media {
#define X(name) uint64_t name;
	CDR_MEDIA(X)
#undef X
};

/* Call detail record: one row per call that was ever routed. Times: wall clock, ms; 0: never. */
struct cdr {
	uint64_t call;
	const char *from, *to; /* addresses of record, as the caller gave them */
	const char *caller_address, *callee_address; /* ip:port of the signalling; "" if none */
	const char *trunk_in, *trunk_out;            /* names or "" */
	uint64_t started_ms, ringing_ms, answered_ms, ended_ms;
	unsigned cause;       /* SIP status: 200 for a call that was answered and ended normally */
	const char *reason;   /* "normal", "busy", "cancelled", "media-timeout"… */
	const char *ended_by; /* caller | callee | system */
	const char *codec;
	struct cdr_media caller, callee;
};
/* Ends a call: its row in progress goes and the CDR comes, in one transaction. A second CDR for
 * the same call id replaces nothing (the first stands). */
int store_cdr_put(struct store *store, const struct cdr *cdr);
/* The latest first, at most limit, beginning after `offset` of them. */
int store_cdrs_load(struct store *store, unsigned offset, unsigned limit,
		    void (*row)(void *arg, const struct cdr *cdr), void *arg);

struct store_stats {
	/* writes: those among them that a later one overtook in the same transaction, too */
	uint64_t writes, transactions, refused, errors;
	uint32_t queued;
};
void store_stats(struct store *store, struct store_stats *stats);

#endif
