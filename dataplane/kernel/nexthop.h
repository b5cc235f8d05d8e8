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
#include <string.h>

#include "dataplane/api/types.h"

enum nexthop_state {
	NEXTHOP_UNREACHABLE, /* no route, or the neighbour does not answer */
	NEXTHOP_PROBING,     /* the kernel was asked to resolve it */
	NEXTHOP_REACHABLE,
};

struct nexthop {
	/* Writer: manager. Readers: workers. The Ethernet header without type: destination, source.
	 * The destination may change under a worker's hands, so its word is stored and loaded as a
	 * whole; the source never does. */
	union {
		uint8_t ether[12];
		struct {
			uint64_t head; /* the destination, and two octets of the source */
			uint32_t tail;
		} ether_words;
	};
	uint16_t port; /* DPDK port id of the way out */
	_Atomic uint8_t state;
	uint8_t tags_size; /* bytes of tags: 0, 4 or 8 */
	uint8_t tags
		[8];  /* between the Ethernet addresses and the type: TPID and TCI of each VLAN */
	uint16_t mtu; /* bytes of an IP packet that may leave so */
	uint8_t checksums; /* RTE_ETH_TX_OFFLOAD_UDP_CKSUM can be had: 1 */
	uint8_t reserved;
	struct dp_address gateway; /* the neighbour itself */
	int ifindex;               /* a TAP of that port, or VLAN interface on it */
	/* Set by a worker that met an unresolved hop, taken back by the manager, which then asks. */
	_Atomic uint32_t wanted;
} __attribute__((aligned(64)));
static_assert(sizeof(struct nexthop) == 64, "one line");

static inline void nexthop_set_mac(struct nexthop *hop, const uint8_t mac[6])
{
	uint64_t head = hop->ether_words.head;

	memcpy(&head, mac, 6);
	__atomic_store_n(&hop->ether_words.head, head, __ATOMIC_RELAXED);
}

/* Writes the 12 bytes. */
static inline void nexthop_write_ether(const struct nexthop *hop, uint8_t *to)
{
	uint64_t head = __atomic_load_n(&hop->ether_words.head, __ATOMIC_RELAXED);

	memcpy(to, &head, sizeof(head));
	memcpy(to + sizeof(head), &hop->ether_words.tail, sizeof(hop->ether_words.tail));
}

#endif
