/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Trunks that are known by a name (trunks[].uri): where that leads is looked up again and again, so
 * that the guard spares those addresses, and challenges from there are answered, before the first
 * call goes there.
 */
#ifndef CONTROLPLANE_MAIN_PEERS_H
#define CONTROLPLANE_MAIN_PEERS_H

#include "controlplane/main/runtime.h"

struct peers;

/* Of a shard, with its resolver. Begins by itself. */
int peers_create(struct runtime *runtime);
void peers_destroy(struct runtime *runtime);

#endif
