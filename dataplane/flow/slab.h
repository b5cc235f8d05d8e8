/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory of flows: boxes of one size cut from 2 MB chunks, on hugepages where there are some,
 * because workers reach for flows in no order at all. Chunks are given back all at once. Manager
 * thread.
 */
#ifndef DATAPLANE_FLOW_SLAB_H
#define DATAPLANE_FLOW_SLAB_H

#include "dataplane/flow/internal.h"

/* NULL: memory is out, or the limit is reached. */
/* The next `count` slab_get() will not fail. False: memory is out. */
bool slab_reserve(struct flow_slab *slab, unsigned count);
struct flow_box *slab_get(struct flow_slab *slab);
void slab_put(struct flow_slab *slab, struct flow_box *box);
/* All boxes are invalid then. */
void slab_destroy(struct flow_slab *slab);

#endif
