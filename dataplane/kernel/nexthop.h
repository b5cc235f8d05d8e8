/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Next hops: where a packet goes on the link. Learnt from the kernel (routes and neighbours of
 * the TAP interfaces, over netlink), published to the workers.
 *
 * A next hop lives as long as the dataplane (there are few), so flows may point to it without
 * reference counts. Its link-layer address changes in place: `state` says whether it may be used.
 */
#ifndef DATAPLANE_KERNEL_NEXTHOP_H
#define DATAPLANE_KERNEL_NEXTHOP_H

#include <stdatomic.h>

#include "dataplane/api/types.h"

enum nexthop_state {
	NEXTHOP_UNREACHABLE, /* no route, or the neighbour does not answer */
	NEXTHOP_PROBING,     /* the kernel was asked to resolve it */
	NEXTHOP_REACHABLE,
};

struct nexthop {
	/* Writer: manager. Readers: workers. The Ethernet header without type, as one 16-byte store
	 * would have it: destination, source. Bytes change only while state is not REACHABLE. */
	uint8_t ether[12];
	uint16_t port; /* DPDK port id of the way out */
	_Atomic uint8_t state;
	uint8_t reserved;
	struct dp_address gateway; /* the neighbour itself */
	int ifindex;               /* TAP of that port */
	/* Set by a worker that met an unresolved hop, taken back by the manager, which then asks. */
	_Atomic uint32_t wanted;
} __attribute__((aligned(64)));

#endif
