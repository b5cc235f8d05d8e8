/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One channel as the dataplane holds it: a ring pair, who may use it, and what comes next.
 *
 *   free ──open──▶ opened ──SYNC──▶ synchronised ──close──▶ free
 *                    └────────── broken ring ──▶ failed ────┘
 *
 * Each open makes the rings anew, so nothing that a client left behind reaches the next one. The
 * epoch goes on over all clients of the channel: a client that is thought dead and writes all the
 * same is refused.
 */
#ifndef DATAPLANE_MAIN_CHANNEL_H
#define DATAPLANE_MAIN_CHANNEL_H

#include "dataplane/main/segment.h"
#include "dataplane/main/shared_ring.h"

enum channel_state {
	CHANNEL_FREE,
	CHANNEL_OPENED, /* a client has it, and nothing but SYNC is taken from it */
	CHANNEL_SYNCHRONISED,
	CHANNEL_FAILED, /* its client broke a ring: nothing is taken until it is closed */
};

struct channel {
	uint32_t index;
	enum channel_state state;
	struct dp_channel *shared;
	struct dp_stats_header *stats;
	struct shared_ring commands;
	struct shared_ring events;
	int command_doorbell;   /* eventfd, the client writes */
	int event_doorbell;     /* socket, we write */
	int event_doorbell_far; /* the client's end of it, until it has been handed out */
	uint32_t epoch;         /* the last one that was accepted */
	uint64_t sequence;      /* of the last command that was accepted */
	uint64_t event_sequence;
	dp_handle_t added; /* DP_HANDLE_ADDED: by the latest CONTEXT_ADD of this epoch */
	uint32_t pending;  /* events written and not yet published */
	uint32_t refused;
	bool urgent;  /* among what is pending is more than replies to quiet commands */
	bool running; /* in channel_run(), which publishes what is pending */
	bool armed;   /* shared->server.waiting is set */
};

typedef int (*channel_command_t)(void *arg, uint32_t channel, const struct dp_command *command,
				 struct dp_ev_reply *reply);

void channel_init(struct channel *c, const struct segment *segment, uint32_t index);
/* 0 or -errno. */
int channel_open(struct channel *c, const struct segment *segment);
/* The client has its doorbells: its end is closed here. */
void channel_handed_out(struct channel *c);
void channel_close(struct channel *c);

/*
 * Carries out up to budget commands, as many as there is room for replies. Returns how many, or
 * -EBADMSG: the client broke a ring; the channel has failed now.
 */
int channel_run(struct channel *c, uint32_t budget, channel_command_t command, void *arg);

/* Asks for the doorbell. True if there is something to do already. */
bool channel_arm(struct channel *c);

/*
 * 0; -ENOTCONN: nobody there; -ENOSPC: lost, and counted. Same thread as channel_run(), which
 * publishes it: a tick that has news of a thousand terminations rings once.
 */
int channel_send(struct channel *c, struct dp_event *event);

#endif
