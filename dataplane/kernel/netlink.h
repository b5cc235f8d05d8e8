/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rtnetlink: sets interfaces up, asks for routes, makes the kernel resolve neighbours, and hears
 * of changes. Manager thread (and start-up).
 */
#ifndef DATAPLANE_KERNEL_NETLINK_H
#define DATAPLANE_KERNEL_NETLINK_H

#include "dataplane/api/types.h"

struct netlink;

/* An interface, as the kernel tells of it. */
struct netlink_link {
	int ifindex;
	bool exists, up;
	unsigned mtu;      /* bytes of an IP packet */
	int parent;        /* that a VLAN interface lies on; 0: it is none */
	uint16_t vlan;     /* its tag */
	uint16_t protocol; /* of the tag: 0x8100 (802.1Q), 0x88a8 (802.1ad) */
};

/* What netlink_read() found. Families other than IPv4 and IPv6 are left out. */
struct netlink_handlers {
	/* state: NUD_* of <linux/neighbour.h>, 0: removed. mac: NULL if there is none. */
	void (*neighbour)(void *arg, int ifindex, const struct dp_address *address, uint16_t state,
			  const uint8_t mac[6]);
	void (*routes_changed)(void *arg);
	void (*link)(void *arg, const struct netlink_link *link);
	void *arg;
};

int netlink_open(const struct netlink_handlers *handlers, struct netlink **netlink);
void netlink_close(struct netlink *netlink);

/* Readable when the kernel has news; then call netlink_read(). */
int netlink_fd(const struct netlink *netlink);
void netlink_read(struct netlink *netlink);

int netlink_link_set(struct netlink *n, int ifindex, const uint8_t mac[6], unsigned mtu, bool up);
/* Tells handlers->link of all interfaces that there are. */
int netlink_links_read(struct netlink *n);
/* text: "198.18.0.10/24"; without a length it is a host address. 0, -EINVAL, -EEXIST, …
 * metric: of the route to its network, 0: the kernel's default */
int netlink_address_add(struct netlink *n, int ifindex, const char *text, uint32_t metric);
int netlink_address_remove(struct netlink *n, int ifindex, const char *text);

/* The way to an address; gateway is the address itself on a connected network. *ifindex: of the
 * interface to go out of, 0: any; then the one that was found. -ENETUNREACH. */
int netlink_route_get(struct netlink *n, const struct dp_address *to, int *ifindex,
		      struct dp_address *gateway);

/* Makes the kernel resolve the neighbour, or confirm it if it is stale. */
int netlink_neighbour_use(struct netlink *n, int ifindex, const struct dp_address *address);
/* What the kernel knows of it now; -ENOENT: nothing. Tells handlers->neighbour. */
int netlink_neighbour_get(struct netlink *n, int ifindex, const struct dp_address *address);

/* "198.18.0.10/24" into address (port 0) and length; -EINVAL. */
int netlink_prefix_parse(const char *text, struct dp_address *address, unsigned *length);
/* Is it within address/length? */
bool netlink_prefix_holds(const struct dp_address *prefix, unsigned length,
			  const struct dp_address *address);

#endif
