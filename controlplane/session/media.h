/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The media binding: contexts and terminations of this shard's calls on the dataplane.
 *
 * What is asked for here is remembered as a wish. The binding compares the wish with what the
 * dataplane has and sends the commands that are missing (media_sync.c), at the end of the loop's
 * turn and with one doorbell; replies come back through the shard's event ring, nothing waits. So the same code sets up a call, carries out changes that
 * came while a command was under way, programs everything again after a dataplane restart (with
 * the same local ports and the last latched addresses), and takes over what is there after a
 * restart of ours. A full command ring is back-pressure: the wish stays on the work list.
 *
 * Without a dataplane a new context fails at once with -ENOTCONN.
 *
 * All in the shard's thread.
 */
#ifndef CONTROLPLANE_SESSION_MEDIA_H
#define CONTROLPLANE_SESSION_MEDIA_H

#include <stdbool.h>

#include "dataplane/client/client.h"
#include "dataplane/client/quality.h"

struct shard;
struct media;
struct media_context;
struct media_termination;

int media_create(struct shard *shard, struct media **media);
/* Forgets everything; the dataplane keeps what it has. */
void media_destroy(struct media *media);

/*
 * The link to the dataplane, run by the main thread, posts these to each shard. channel and stats
 * stay valid until media_detached() has returned. After media_attached() the media reads events
 * from the channel with a uv_poll of the shard's loop.
 */
void media_attached(struct media *media, struct dp_client *client,
		    struct dp_client_channel *channel, uint64_t boot_id);
void media_detached(struct media *media);
bool media_is_up(const struct media *media);

/*
 * A dataplane is about to be given to so many shards. Until each of them has put its calls back, no
 * shard makes a new context (-ENOTCONN): it could be given a port that a call of another shard
 * still wants back. Called once before the media_attached() of all, while none is attached.
 */
void media_expect(unsigned shards);

/*
 * All calls on record have said what they own: from now on (at once, if a dataplane is attached)
 * contexts of this shard that are on the dataplane are taken over when they are known here, and
 * removed when they are not.
 */
void media_adopt(struct media *media);

/* --- contexts --- */

/* label: id of the call. -ENOTCONN: no dataplane; -EAGAIN: too much is waiting already. */
int media_context_create(struct media *media, uint64_t label, struct media_context **context);
/* The same for a call on record, dataplane or not. */
int media_context_restore(struct media *media, uint64_t label, struct media_context **context);
/* With its terminations, whose users hear nothing any more. The pointers are dead after it. */
void media_context_destroy(struct media_context *context);
/* The zero handle while the dataplane does not have it. */
dp_handle_t media_context_handle(const struct media_context *context);

/* --- terminations --- */

/* All optional. In `ready` and `lost` the termination or its context may be destroyed. */
struct media_termination_user {
	/* Once: 0, and the local address is known from now on; or -errno, and it never will be. */
	void (*ready)(void *arg, int status);
	void (*latched)(void *arg, const struct dp_address *source);
	void (*timeout)(void *arg, uint32_t silent_ms);
	void (*resumed)(void *arg);
	void (*foreign)(void *arg, const struct dp_address *source, uint64_t packets);
	void (*loop)(void *arg, uint32_t ssrc);
	void (*quality)(void *arg, const struct dp_ev_quality *quality);
	/* It was ready, and could not be programmed again. */
	void (*lost)(void *arg, int status);
};

struct media_termination_config {
	uint8_t side;  /* 0 caller, 1 callee */
	uint8_t realm; /* index, or DP_REALM_ANY */
	/* family chooses IPv4 or IPv6; ip and port are filled in only for calls on record */
	struct dp_address local;
	struct dp_address latched; /* calls on record: where media came from; family NONE */
	struct dp_termination_settings settings;
};

int media_termination_create(struct media_context *context,
			     const struct media_termination_config *config,
			     const struct media_termination_user *user, void *arg,
			     struct media_termination **termination);
void media_termination_set_user(struct media_termination *termination,
				const struct media_termination_user *user, void *arg);
/* What differs from before is sent, and nothing else: an unchanged remote keeps its latch. */
void media_termination_modify(struct media_termination *termination,
			      const struct dp_termination_settings *settings);
/* Takes its source anew, though the remote has not changed: somebody else may have been heard. */
void media_termination_relearn(struct media_termination *termination);
void media_termination_destroy(struct media_termination *termination);
/* a and b are terminations of one context; enum dp_topology. -ENOMEM */
int media_topology(struct media_termination *a, struct media_termination *b, uint8_t topology);

bool media_termination_is_ready(const struct media_termination *termination);
dp_handle_t media_termination_handle(const struct media_termination *termination);
const struct dp_address *media_termination_local(const struct media_termination *termination);
/* Where the media comes from; family NONE: nothing came yet. */
const struct dp_address *media_termination_latched(const struct media_termination *termination);
const struct dp_termination_settings *media_termination_settings(
	const struct media_termination *termination);

/* Thresholds that what comes from it has crossed: bits 1 << enum dp_quality_metric. */
uint8_t media_termination_alarms(const struct media_termination *termination);

/* RTP taken from the remote end since the termination was made, restarts of the dataplane
 * included. */
struct media_counters {
	uint64_t packets;      /* the dataplane's counter wraps, this one does not */
	uint32_t ssrc, rtt_us; /* rtt_us: 0 if it is not known */
	struct dp_quality_snapshot all;
};
void media_termination_counters(struct media_termination *termination,
				struct media_counters *counters);
/* What it was worth. round_trip_us: of both ends of the call, 0: not known. */
void media_termination_judge(const struct media_termination *termination,
			     const struct media_counters *counters, uint64_t round_trip_us,
			     struct dp_quality *quality);

/* --- for the CLI and tests --- */
struct media_stats {
	uint32_t contexts, terminations; /* wished for or still to be removed */
	uint32_t in_flight;              /* commands without a reply */
	uint32_t waiting;                /* contexts with something to send */
	uint64_t commands, failures;     /* sent; answered with an error */
	uint64_t adopted, removed;       /* contexts of an earlier life taken over, cleared away */
	uint64_t programmed_again;       /* terminations after a dataplane restart */
};
void media_stats(const struct media *media, struct media_stats *stats);
/* Takes what waits in the event ring; the loop does it, tests do it by hand. */
void media_receive(struct media *media);

#endif
