/* SPDX-License-Identifier: BSD-3-Clause */
/* Keep-alives to phones behind NATs, as the registrar asks for them. */
#ifndef CONTROLPLANE_MAIN_KEEPALIVES_H
#define CONTROLPLANE_MAIN_KEEPALIVES_H

#include "controlplane/main/runtime.h"
#include "controlplane/registrar/registrar.h"

/* Sends them from one shard or another. arg: struct runtime_shared; main thread. */
void keepalives_send(void *arg, const struct registrar_ping *pings, unsigned count);
/* Forgets those of a shard that are not answered yet; its user agent is gone. */
void keepalives_drop(struct runtime *runtime);

#endif
