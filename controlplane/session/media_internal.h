/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the media binding share: media.c (wishes), media_sync.c (commands and
 * replies), media_adopt.c (what is there after a restart). */
#ifndef CONTROLPLANE_SESSION_MEDIA_INTERNAL_H
#define CONTROLPLANE_SESSION_MEDIA_INTERNAL_H

#include <uv.h>

#include "controlplane/main/shard.h"
#include "controlplane/session/media.h"

#define MEDIA_WAITING_MAX 8192u /* contexts on the work list; above: -EAGAIN for new ones */
#define MEDIA_PENDING_MAX 4096u /* commands without a reply; the ring holds no more either */

/* Where a context or a termination is on the dataplane. */
enum media_state { MEDIA_NONE, MEDIA_ADDING, MEDIA_UP, MEDIA_REMOVING, MEDIA_FAILED };

struct media_link {
	struct media_link *next;
	struct media_termination *a, *b;
	uint8_t topology;
	bool dirty;
};

struct media_termination {
	struct media_context *context;
	struct media_termination *next; /* of the context */
	dp_handle_t handle;
	enum media_state state;
	bool released; /* wish: be gone */
	bool ready;    /* the user was told, local is final */
	uint8_t side, realm;
	uint8_t alarms; /* 1 << enum dp_quality_metric */
	uint32_t dirty; /* DP_SET_* that the dataplane does not have yet */
	uint32_t in_flight;
	struct dp_address local, latched;
	struct dp_termination_settings settings;
	struct media_counters before; /* counted by dataplanes that are no more */
	uint64_t packets;             /* by this one, as of the last look */
	const struct media_termination_user *user;
	void *arg;
};

struct media_context {
	struct media *media;
	struct media_context *next, **prev; /* of all */
	struct media_context *next_waiting; /* of the work list */
	struct media_context *next_label;   /* while adopting */
	bool waiting;
	bool released; /* wish: be gone */
	bool claim;    /* found after a restart: its events are not ours yet */
	enum media_state state;
	int failure;        /* MEDIA_FAILED: why */
	uint32_t in_flight; /* commands of it and its terminations without a reply */
	uint32_t holds;     /* callbacks on the stack that look at it afterwards */
	uint64_t label;
	dp_handle_t handle;
	struct media_termination *terminations;
	struct media_link *links;
};

/* A command without a reply. context NULL: clearing away what nobody owns. */
struct media_pending {
	struct media_context *context;
	struct media_termination *termination;
	uint32_t generation; /* high half of the cookie */
	uint32_t next_free;  /* index + 1 */
	uint16_t type;       /* enum dp_command_type; 0: free */
};

struct media {
	struct shard *shard;
	struct dp_client_channel *channel; /* NULL: no dataplane */
	const struct dp_stats_header *stats;
	uint64_t boot_id;
	uv_poll_t *poll;
	uv_check_t *check; /* sends at the end of the loop's turn what was wished in it */
	uv_idle_t *awake;  /* active: something was wished, so there is another turn */
	bool adopting;     /* media_adopt() was called */
	bool settling;     /* its calls are not all back on the dataplane: media_expect() */
	bool flushing;
	struct timer look;  /* makes sure of a turn while replies are awaited */
	struct timer sweep; /* looks once more for what nobody owns */
	struct timer widen; /* looks at counters before they wrap twice */
	struct media_context *contexts;
	uint32_t context_count, termination_count;
	struct media_context *waiting_first, **waiting_last;
	uint32_t waiting_count;
	struct media_context *added; /* whose CONTEXT_ADD was the latest that was sent */
	bool unrung;                 /* commands were put, and nobody was woken up */
	struct media_pending *pending;
	uint32_t pending_count, pending_free; /* index + 1 */
	struct media_termination **by_index;  /* handle index → termination */
	uint32_t by_index_size;
	dp_handle_t *orphans; /* contexts to be removed */
	uint32_t orphan_count, orphan_size;
	dp_handle_t *strays; /* terminations to be removed */
	uint32_t stray_count, stray_size;
	struct media_stats statistics;
};

/* Puts a context on the work list, and works on it at once where that is possible. */
void media_want(struct media_context *context);
void media_flush(struct media *media);
/* The loop does not sleep before its turn has ended once more. */
void media_stay_awake(struct media *media);
/* Frees what is wished gone and is gone. True if the context itself was freed. */
bool media_collect(struct media_context *context);
void media_bind(struct media *media, struct media_termination *termination, dp_handle_t handle,
		const struct dp_address *local);
void media_unbind(struct media *media, struct media_termination *termination);
/* Tells the user of a termination that it failed; the context is held by the caller. */
void media_tell_failed(struct media_termination *termination, int status);
/* Every command under way is forgotten: its reply will never come. */
void media_forget_pending(struct media *media);
/* What a dataplane with the settings b lacks of a: DP_SET_*. */
uint32_t media_differences(const struct dp_termination_settings *a,
			   const struct dp_termination_settings *b);
/* Begins to look at counters every now and then. */
void media_watch_counters(struct media *media);
/* Adds what the dataplane counted to what was counted before. */
void media_keep_counters(struct media_termination *termination);
/* Takes the replies that nobody was woken up for, and sends what they make possible. */
void media_take(struct media *media);
void media_resync(struct media *media);
/* Nothing waits or is under way any more: this shard's calls are back. */
void media_settle(struct media *media);

#endif
