/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A bridge joins the sessions of a call so that they hear each other. It is one context on the
 * dataplane; each of its seats is a termination. A seat is reserved before anybody sits on it: the
 * callee is dialed with the address of the callee's seat, all forks with the same one, and who
 * answers first takes it.
 *
 * All in the shard's thread.
 */
#ifndef CONTROLPLANE_SESSION_BRIDGE_H
#define CONTROLPLANE_SESSION_BRIDGE_H

#include "controlplane/session/media.h"
#include "controlplane/session/session.h"

struct bridge;

struct bridge_user {
	/* Every seat that was asked for has its address (0), or one of them never will (-errno). */
	void (*ready)(void *arg, int status);
	/* A seat is gone and could not be made again after a restart of the dataplane. */
	void (*lost)(void *arg, int status);
	/* A spare seat has its address (0), or never will (-errno). */
	void (*spare)(void *arg, int status);
};

struct seat {
	struct bridge *bridge;
	struct seat *next;
	struct session *session; /* who sits on it; NULL: reserved */
	struct media_termination *termination;
	uint8_t side;  /* 0 caller, 1 callee */
	uint8_t realm; /* index, or DP_REALM_ANY */
	bool spare;    /* made beside those that the bridge began with */
};

struct bridge {
	struct shard *shard;
	uint64_t call;
	struct media_context *context;
	const struct bridge_user *user;
	void *arg;
	struct seat *seats;
	unsigned waiting;  /* seats without an address */
	unsigned sessions; /* seats that are taken */
	bool restored;     /* seats are taken again, not anew */
	bool announced;    /* BRIDGE_CREATED was published */
	bool done;         /* ready was called */
};

/* restore: for a call on record, dataplane or not. Else -ENOTCONN, -EAGAIN, -ENOMEM. */
int bridge_create(struct shard *shard, uint64_t call, bool restore, const struct bridge_user *user,
		  void *arg, struct bridge **bridge);
/* Everybody leaves, the context is removed. */
void bridge_destroy(struct bridge *bridge, const char *reason);

/* Lets go of it and leaves what is on the dataplane to a later life of ours. The media binding is
 * destroyed next. */
void bridge_forget(struct bridge *bridge);

/* family: enum dp_family; realm: index or DP_REALM_ANY. The answer is bridge_user.ready, when all
 * seats have theirs. */
int bridge_reserve(struct bridge *bridge, uint8_t side, uint8_t realm, uint8_t family,
		   struct seat **seat);
/* One more, to take the place of another: whoever sits there hears and is heard when that was given
 * up. The answer is bridge_user.spare. */
int bridge_reserve_spare(struct bridge *bridge, uint8_t side, uint8_t realm, uint8_t family,
			 struct seat **seat);
/* It is no more, nor is whatever it has on the dataplane. */
void bridge_give_up(struct seat *seat, const char *reason);
/* For a call on record. What the configuration says of terminations, it says of this one too. */
int bridge_reserve_restored(struct bridge *bridge, const struct media_termination_config *config,
			    struct seat **seat);

/* A session takes a seat, and leaves it. The bus is told; not of a bridge of a call on record, whose
 * seats were taken in an earlier life. */
void bridge_add(struct seat *seat, struct session *session);
void bridge_remove(struct seat *seat, const char *reason);

/* Programs what the sessions agreed on: addresses, formats, directions. media_timeout_ms holds
 * while media is to flow both ways. */
void bridge_update(struct bridge *bridge, uint32_t media_timeout_ms);
/* Who sits there is told apart anew from another that sent to the same address. */
void bridge_relearn(struct seat *seat);
/* Is anybody in it not sendrecv? */
bool bridge_is_held(const struct bridge *bridge);

/* The handle as text, "index.generation", "-" while the dataplane does not have it. */
#define HANDLE_TEXT 24
const char *handle_text(dp_handle_t handle, char text[HANDLE_TEXT]);

#endif
