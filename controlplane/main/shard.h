/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A shard: a thread with a libuv loop that owns its calls from first INVITE to CDR.
 *
 * What a call needs hangs on its shard and is touched by this thread alone: no locks in call
 * logic. Shards talk by posting functions to each other. A SIP message goes to the shard that its
 * Call-ID names: ours (minted by us) carry the shard, foreign ones are hashed. Call ids carry it
 * in their highest byte, so contexts of the dataplane find their shard by label.
 */
#ifndef CONTROLPLANE_MAIN_SHARD_H
#define CONTROLPLANE_MAIN_SHARD_H

#include <stdatomic.h>
#include <stdint.h>

#include "config/config.h"
#include "sip/auth/digest.h"
#include "sip/base/timer.h"
#include "sip/dialog/dialog.h"
#include "sip/guard/guard.h"
#include "sip/transport/transport.h"

struct engine;    /* controlplane/engine: calls, routing, policy */
struct media;     /* controlplane/session: terminations and contexts on the dataplane */
struct registrar; /* controlplane/registrar: shared by all shards, thread-safe */
struct store;     /* controlplane/store: shared by all shards, thread-safe */
struct event_bus; /* controlplane/events: shared by all shards, thread-safe */
struct tap;       /* controlplane/monitor: of this shard's messages */
struct mailbox;   /* controlplane/main: what was posted to the shard */

#define SHARDS_MAX 16u

struct shard {
	unsigned index, count;
	const struct config *config;
	uv_loop_t *loop;
	struct timer_wheel *wheel; /* driven by the loop; milliseconds of CLOCK_MONOTONIC */
	struct sip_transport *transport;
	struct sip_dns *dns;           /* name servers */
	struct sip_resolver *resolver; /* what they said */
	struct sip_ua *ua;
	struct digest_server *digest;
	struct sip_guard *guard; /* shared by all shards, thread-safe */
	struct sip_gate *gate;   /* of it, this shard's */
	struct media *media;
	struct engine *engine;
	struct registrar *registrar;
	struct store *store;
	struct event_bus *events;
	struct tap *tap;
	struct mailbox *mailbox;
	struct shard *const *all; /* of the process, by index; NULL: it is alone */
	_Atomic bool draining;    /* shutting down, or `tandemctl drain`: no new calls (503) */
};

/* Runs fn(shard, arg) in the shard's thread, soon, in order per sender. Any thread. Never fails
 * but for memory (-ENOMEM). */
int shard_post(struct shard *shard, void (*fn)(struct shard *shard, void *arg), void *arg);

/*
 * Dialogs that live in another shard than their tags and Call-ID say: a leg that was transferred.
 * From now on what has this Call-ID goes there, on whatever socket it comes; until it is set again,
 * or taken back. -ENOSPC: there are too many. Any thread.
 */
int shard_take_dialog(struct slice call_id, unsigned shard);
void shard_leave_dialog(struct slice call_id);
/* The shard that a tag or Call-ID of ours names, -1: it is none of ours. */
int shard_of_token(struct slice text);
/* Where a dialog is, by its Call-ID and our tag; -1: they are not ours. */
int shard_of_dialog(struct slice call_id, struct slice local_tag);

/* Wall clock for records: milliseconds since 1970. */
uint64_t shard_wall_ms(void);

/*
 * Call ids: shard in the highest byte, then 42 bits of wall clock in milliseconds, then 14 bits that
 * begin at random in each millisecond; never 0, and each id of a shard is higher than the one
 * before: the store's tables grow at one end, where random ids would touch a page each. Hex, 16
 * digits, for people.
 */
uint64_t shard_new_call_id(const struct shard *shard);
static inline unsigned shard_of_call(uint64_t call_id, unsigned shards)
{
	return (unsigned)(call_id >> 56) % shards;
}

#endif
