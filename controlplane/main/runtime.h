/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What makes a struct shard run: its thread, its loop, its sockets.
 *
 * Life, with the thread that does it:
 *   main   runtime_create()   loop, wheel, mailbox, digest, ua, media, engine
 *   main   runtime_start()    the thread begins
 *   shard  calls on record come back, before the first message is read
 *   shard  listeners are opened, again and again while the addresses are not there yet
 *   main   runtime_close_sip()  no more messages
 *   main   runtime_stop()       the thread ends
 *   main   runtime_destroy()
 */
#ifndef CONTROLPLANE_MAIN_RUNTIME_H
#define CONTROLPLANE_MAIN_RUNTIME_H

#include <uv.h>

#include "controlplane/main/shard.h"
#include "controlplane/monitor/tap.h"

#define RUNTIME_HANDED_OVER_MAX 8192u /* messages of other shards that may wait for this one */

#define RUNTIME_NOTICES_MAX 20u /* events a second about connections, of a shard */

#define RUNTIME_WHY 256

enum runtime_state {
	RUNTIME_RESTORING, /* calls on record */
	RUNTIME_WAITING,   /* for the addresses of the listeners */
	RUNTIME_LISTENING,
	RUNTIME_FAILED, /* the listeners cannot be opened */
	RUNTIME_CLOSED, /* SIP is closed */
};

/* What a shard shares with the others and with the main thread. */
struct runtime_shared {
	const struct config *config;
	struct registrar *registrar;
	struct store *store;
	struct event_bus *events;
	struct mailbox *main; /* of the main thread */
	struct sip_listener_config *listeners;
	unsigned listener_count;
	struct sip_quota *connections;
	struct sip_aliases *aliases;
	struct sip_bad_targets *bad_targets; /* peers that were found dead or busy */
	struct sip_tls *tls;                 /* NULL: no listener needs it */
	struct digest_options digest;
	struct sip_guard *guard;
	struct guard_options *guard_options; /* main/guard.c */
	struct runtime *shards[SHARDS_MAX];
	struct shard *all[SHARDS_MAX]; /* the same */
	unsigned pinged; /* which one was last asked to send keep-alives; main thread */
	unsigned count;
	/* In the main thread, when the state of a shard has changed. */
	void (*changed)(void *owner);
};

struct runtime {
	struct shard shard;
	struct tap tap;
	struct runtime_shared *shared;
	struct sip_limits limits;
	char accept[1024]; /* types of bodies beside SDP */
	uv_loop_t loop;
	uv_thread_t thread;
	bool started, stopping;
	_Atomic int state; /* enum runtime_state */
	/* Each written once, before the state says so. */
	char waits_for[RUNTIME_WHY], failure[RUNTIME_WHY];
	struct peers *peers; /* main/peers.c */
	uint64_t retry_ms;   /* when to try the listeners again; 0: not waiting */
	/* Of its own thread */
	struct keepalive *keepalives; /* keepalives.c */
	uint64_t notices_second;
	unsigned notices;
	/* Written by any shard, read by the CLI. */
	_Atomic uint32_t handed_over_waiting;
	_Atomic uint64_t handed_over; /* messages that came on another shard's socket */
	_Atomic uint64_t shed;        /* of them, those for which the queue had no room */
};

/* why: text for the log. */
int runtime_create(struct runtime_shared *shared, unsigned index, struct runtime **runtime,
		   char *why, size_t why_size);
int runtime_start(struct runtime *runtime);
/* Asks; the state becomes RUNTIME_CLOSED. */
void runtime_close_sip(struct runtime *runtime);
/* Waits until the thread has ended; engine and media are gone then. */
void runtime_stop(struct runtime *runtime);
void runtime_destroy(struct runtime *runtime);
enum runtime_state runtime_get_state(const struct runtime *runtime);

/* Milliseconds of CLOCK_MONOTONIC: the clock of the wheels. */
uint64_t runtime_now_ms(void);

/* The listeners of the configuration. -EINVAL: why names the one that is wrong. */
int runtime_listeners(const struct config *config, struct sip_listener_config **listeners,
		      unsigned *count, char *why, size_t why_size);

#endif
