/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table of next hops (nexthop.h): from a remote address to the neighbour that its packets go
 * to, kept alive with the kernel's help. Manager thread only.
 *
 *   remote address ──cache──▶ next hop ◀──hash── (TAP, gateway)
 *        │ first time                 ▲
 *        └─ RTM_GETROUTE ─────────────┘ neighbour news change state and link-layer address
 *
 * The kernel does not see the packets that workers send, so by itself it lets neighbours go stale
 * and forgets them. The table asks it to confirm those that are stale, a few at a time.
 */
#ifndef DATAPLANE_KERNEL_NEXTHOP_TABLE_H
#define DATAPLANE_KERNEL_NEXTHOP_TABLE_H

#include "dataplane/kernel/nexthop.h"

struct netlink;
struct netlink_link;
struct nexthop_table;

/* A TAP and the port behind. Of VLAN interfaces on it the table hears by nexthop_link_news(). */
struct nexthop_port {
	int ifindex;
	uint16_t port;
	uint8_t mac[6];
	uint8_t tags_size; /* as in struct nexthop */
	uint8_t tags[8];
	uint16_t mtu;
	uint8_t checksums;
};

#define NEXTHOP_PORTS_MAX 64u

#define NEXTHOPS_MAX 65536u

/* ports is copied. netlink may be NULL until nexthop_table_use(). */
int nexthop_table_create(const struct nexthop_port *ports, unsigned count,
			 struct nexthop_table **table);
/* A table that is NULL is none: nothing happens. */
void nexthop_table_destroy(struct nexthop_table *table);
void nexthop_table_use(struct nexthop_table *table, struct netlink *netlink);

/* The way to remote, out of an interface (0: any). Never fails: a next hop that is UNREACHABLE
 * stands for no route. arg: the table. */
const struct nexthop *nexthop_resolve(void *arg, const struct dp_address *remote, int ifindex);

/* The neighbour on an interface. */
const struct nexthop *nexthop_find(struct nexthop_table *table, int ifindex,
				   const struct dp_address *gateway);

/* From netlink. arg: the table. */
void nexthop_neighbour_news(void *arg, int ifindex, const struct dp_address *address,
			    uint16_t state, const uint8_t mac[6]);
/* Of a TAP or a VLAN interface on one: its MTU and, for a new one, its tags. True if it is one of
 * these, and not any other: what was resolved before may lead elsewhere now. */
bool nexthop_link_news(struct nexthop_table *table, const struct netlink_link *link);
/* Routes changed: what was resolved before is forgotten. */
void nexthop_forget_routes(struct nexthop_table *table);

/* Each few milliseconds: asks for those that workers want, and has the stale ones confirmed. */
void nexthop_table_tick(struct nexthop_table *table, uint64_t now_ms);

unsigned nexthop_count(const struct nexthop_table *table);

#endif
