/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of a bridge share: bridge.c (seats), bridge_events.c (what the dataplane says of
 * them). The functions are those of struct media_termination_user; arg: struct seat. */
#ifndef CONTROLPLANE_SESSION_BRIDGE_INTERNAL_H
#define CONTROLPLANE_SESSION_BRIDGE_INTERNAL_H

#include "controlplane/session/bridge.h"

void seat_latched(void *arg, const struct dp_address *source);
void seat_timeout(void *arg, uint32_t silent_ms);
void seat_resumed(void *arg);
void seat_foreign(void *arg, const struct dp_address *source, uint64_t packets);
void seat_loop(void *arg, uint32_t ssrc);
void seat_quality(void *arg, const struct dp_ev_quality *quality);

#endif
