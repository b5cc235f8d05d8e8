/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a trunk asks of us: credentials for its challenges, and to be registered there.
 *
 * Each shard answers challenges for its own calls. The first one registers at the trunks that want
 * it (trunks[].register_s), refreshes in time, and tries again where it is refused:
 *
 *   waiting ──▶ registering ──2xx──▶ registered ──half of its time──▶ registering …
 *      ▲             └──refusal, silence──▶ refused ──a while──▶ registering …
 */
#ifndef CONTROLPLANE_ENGINE_TRUNK_H
#define CONTROLPLANE_ENGINE_TRUNK_H

#include "controlplane/main/shard.h"

struct trunks;

int trunks_create(struct shard *shard, struct trunks **trunks);
void trunks_destroy(struct trunks *trunks);

/* NULL: it has none, or trunk is none (-1). */
struct sip_credentials *trunks_credentials(const struct trunks *trunks, int trunk);
/* The trunk's uri leads to this address: its challenges are answered there. */
void trunks_found(struct trunks *trunks, unsigned trunk, const struct sip_address *address);
/* "up" of one that we do not register at. */
const char *trunks_state(const struct trunks *trunks, unsigned trunk);

#endif
