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

int engine_create(struct shard *shard, struct engine **engine);
/* All calls are gone (drained or abandoned) when this is called. */
void engine_destroy(struct engine *engine);

/* Rebuilds the calls on record that belong to this shard. Before the first SIP message. */
void engine_restore(struct engine *engine);

/* For sip_ua_user: an INVITE or REGISTER that has no credentials and needs some is challenged here,
 * and leaves nothing behind (RFC 3261 §8.2.7): whoever sends it may not be where it says. */
bool engine_admit(struct engine *engine, struct sip_msg *request, const struct sip_path *from);
/* For sip_ua_user: a new INVITE; a request outside dialogs (REGISTER, OPTIONS, …). */
void engine_on_invite(struct engine *engine, struct sip_invite *invite, struct sip_msg *request,
		      const struct sip_path *from);
void engine_on_request(struct engine *engine, struct sip_transaction *server,
		       struct sip_msg *request, const struct sip_path *from);

/* Ends a call as an operator: BYE or CANCEL to both sides. -ENOENT. */
int engine_hangup(struct engine *engine, uint64_t call_id);
/* Ends all calls (drain); done when engine_call_count() is 0. */
void engine_hangup_all(struct engine *engine);
unsigned engine_call_count(const struct engine *engine);

/* For the CLI: append one object per row; the fields stand in docs/cli.md. */
void engine_show_calls(struct engine *engine, json_t *array);
void engine_show_sessions(struct engine *engine, json_t *array);
/* Adds this shard's calls to the trunk objects in array (made by the first shard). */
void engine_show_trunks(struct engine *engine, json_t *array);

#endif
