/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a trunk asks of us: credentials for its challenges, and to be registered there.
 *
 * Each shard answers challenges for its own calls. The first one registers at the trunks that want
 * it (trunks[].register_s), refreshes in time, and tries again where it is refused:
 *
 *   waiting ──▶ registering ──2xx──▶ registered ──half of its time──▶ registering …
 *                    └──refusal, silence──▶ refused ──a while──▶ registering …
 *   registering, registered ──the process ends──▶ leaving ──answer, or 2 s──▶ unregistered
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

/* At the end (RFC 3261 §10.2.2): has our Contacts removed where there are any. */
void trunks_leave(struct trunks *trunks);
/* How many of them have not said that they have done so, and are still waited for. */
unsigned trunks_leaving(const struct trunks *trunks);

/* A path for a request to the trunk's `uri`. Which listener it will be is not known before the name
 * is: the family and the realm are those of the first that there is. -ENETUNREACH. */
int trunk_guess_path(const struct shard *shard, uint64_t listeners, struct sip_path *path);

#endif
