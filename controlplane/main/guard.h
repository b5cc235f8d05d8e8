/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between the sockets and the guard of SIP (sip/guard): its configuration, what it tells as events
 * and log lines, and its verdict on what comes.
 */
#ifndef CONTROLPLANE_MAIN_GUARD_H
#define CONTROLPLANE_MAIN_GUARD_H

#include "controlplane/main/runtime.h"

struct guard_options;
/* Of the process, for all shards. why: text for the log. */
int guard_create(struct runtime_shared *shared, char *why, size_t why_size);
void guard_destroy(struct runtime_shared *shared);

int guard_create_gate(struct runtime *runtime);
enum guard_answer { GUARD_NO, GUARD_YES, GUARD_CALLS_ONLY, GUARD_PROVEN_ONLY };
/* Is it let in? What is refused is answered here. owner: the shard that it goes to. */
enum guard_answer guard_lets_in(struct runtime *runtime, unsigned owner, const char *data,
				size_t size, const struct sip_path *from);
/* In the shard that it belongs to: GUARD_CALLS_ONLY: is there such a call? GUARD_PROVEN_ONLY: does it
 * answer a challenge of ours? GUARD_YES: yes. */
bool guard_is_proven(struct shard *shard, enum guard_answer answer, const char *data, size_t size,
		     const struct sip_path *from);
/* For registrar_set_note(); arg: struct runtime_shared. */
void guard_note(void *arg, const struct sip_address *source, enum sip_note note, struct slice user);
/* For struct sip_transactions_config; arg: struct runtime. */
bool guard_spares(void *arg, const struct sip_address *source);
/* For struct sip_transport_config. */
bool guard_welcomes(void *arg, const struct sip_address *source);
bool guard_answers(void *arg, const struct sip_address *source);
/* For struct sip_transactions_config, too: RFC 7339. */
bool guard_may_start(void *arg, const struct sip_path *to, struct slice request);
void guard_heard(void *arg, const struct sip_path *to, const struct sip_msg *response);
/* What is to be sent in place of a response of ours, in the buffer; size 0: it itself. */
size_t guard_tell_load(struct runtime *runtime, const char *data, size_t size, char *buffer,
		       size_t room);
/* Microseconds of CLOCK_MONOTONIC. */
uint64_t guard_now_us(void);

#endif
