/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The call engine of a shard: takes INVITEs, decides where they go, and keeps each call from its
 * first message to its CDR. It decides; session/ carries out.
 *
 * All in the shard's thread.
 */
#ifndef CONTROLPLANE_ENGINE_ENGINE_H
#define CONTROLPLANE_ENGINE_ENGINE_H

#include <jansson.h>

#include "sip/dialog/dialog.h"

struct shard;
struct engine;

/* name, what is counted */
#define ENGINE_COUNTERS(X)                                                              \
	X(denied, "calls that a rule forbids")                                          \
	X(redirected, "3xx of users that were followed")                                \
	X(headers_removed, "headers of users and peers that are not believed")          \
	X(bodies_refused, "INFO and MESSAGE: type or size of the body is not let over") \
	X(bodies_masked, "with an address of one side in it, which was overwritten")    \
	X(rewritten, "INVITEs in which a gateway on the way had rewritten a part")

struct engine_stats {
#define X(name, what) uint64_t name;
	ENGINE_COUNTERS(X)
#undef X
};

int engine_create(struct shard *shard, struct engine **engine);
/* All calls are gone (drained or abandoned) when this is called. */
void engine_destroy(struct engine *engine);

/* Rebuilds the calls on record that belong to this shard. Before the first SIP message. */
void engine_restore(struct engine *engine);

/* For sip_ua_user: an INVITE or REGISTER that needs credentials and has none, or some for another
 * nonce, is challenged here, and leaves nothing behind (RFC 3261 §8.2.7): whoever sends it may not be
 * where it says. */
bool engine_admit(struct engine *engine, struct sip_msg *request, const struct sip_path *from);
/* Does it carry credentials for a nonce that went where it comes from? The password is not looked
 * at. */
bool engine_is_proven(struct engine *engine, const struct sip_msg *request,
		      const struct sip_path *from);
/* For sip_ua_user: a new INVITE; a request outside dialogs (REGISTER, OPTIONS, …). */
void engine_on_invite(struct engine *engine, struct sip_invite *invite, struct sip_msg *request,
		      const struct sip_path *from);
void engine_on_request(struct engine *engine, struct sip_transaction *server,
		       struct sip_msg *request, const struct sip_path *from);
/* One in a dialog that is no matter of a call's two sides: REFER, SUBSCRIBE. */
bool engine_on_inside(struct engine *engine, struct sip_dialog *dialog,
		      struct sip_transaction *server, struct sip_msg *request,
		      const struct sip_path *from);
/* What the user agent must know of to serve these: bits of methods, of options, of options that are
 * not told (struct sip_ua_config). */
#define ENGINE_METHODS                                                               \
	(1u << SIP_REGISTER | 1u << SIP_INFO | 1u << SIP_MESSAGE | 1u << SIP_REFER | \
	 1u << SIP_SUBSCRIBE | 1u << SIP_NOTIFY)
#define ENGINE_UNSAID (1u << SIP_OPTION_JOIN)
#define ENGINE_OPTIONS                                                \
	(1u << SIP_OPTION_REPLACES | 1u << SIP_OPTION_TARGET_DIALOG | \
	 1u << SIP_OPTION_NO_REFER_SUB | ENGINE_UNSAID)

/* The uri of a trunk leads to this address. */
void engine_found_peer(struct engine *engine, unsigned trunk, const struct sip_address *address);

/* Whether anybody, in any shard, is to be told of registrations (the package "reg"); any thread. */
bool engine_watches_registrations(void);
/* The contacts of an AOR are others than before. */
void engine_registration_changed(struct engine *engine, const char *aor);

/* Ends a call as an operator: BYE or CANCEL to both sides. -ENOENT. */
int engine_hangup(struct engine *engine, uint64_t call_id);
/* Calls somebody for a party of an answered call, the caller or the callee, and joins them when that
 * has answered; the other side is let go. target: a number, a user or a URI. -ENOENT: no such call,
 * -EBUSY: it is not one that can be transferred now, -EINVAL: target is too long. */
int engine_transfer(struct engine *engine, uint64_t call_id, bool callee, const char *target);
/* Ends all calls (drain); done when engine_call_count() is 0. */
void engine_hangup_all(struct engine *engine);
unsigned engine_call_count(const struct engine *engine);
const struct engine_stats *engine_get_stats(const struct engine *engine);
/* Ends our registrations at trunks; how many have not confirmed that and are still waited for. */
void engine_leave_trunks(struct engine *engine);
unsigned engine_leaving(const struct engine *engine);

/* For the CLI: append one object per row; the fields stand in docs/cli.md. */
void engine_show_calls(struct engine *engine, json_t *array);
void engine_show_sessions(struct engine *engine, json_t *array);
/* Adds this shard's calls to the trunk objects in array (made by the first shard). */
void engine_show_trunks(struct engine *engine, json_t *array);

#endif
