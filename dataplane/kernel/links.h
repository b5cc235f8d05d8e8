/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * VLAN interfaces that an operator stacked on TAPs with `ip link`: which TAP a packet comes to that
 * goes out of one, and with which tags.
 *
 *   inner ─▶ 802.1Q 200 ─▶ service ─▶ 802.1ad 300 ─▶ tandem0: a port's TAP
 *
 * Manager thread only.
 */
#ifndef DATAPLANE_KERNEL_LINKS_H
#define DATAPLANE_KERNEL_LINKS_H

#include "dataplane/kernel/netlink.h"

#define LINKS_MAX      8192u
#define LINK_TAGS_SIZE 8u /* two tags */

struct links {
	struct netlink_link *list; /* VLAN interfaces alone */
	unsigned count, room;
};

void links_destroy(struct links *links);

/* News of netlink. False: it is no VLAN interface, and was none; or there are LINKS_MAX already. */
bool links_take(struct links *links, const struct netlink_link *news);

/*
 * The interface that is no VLAN below ifindex, itself if it is none; the tags as they lie in a
 * frame, outermost first. 0: more tags than go into a frame of ours. *mtu: set if it is a VLAN.
 */
int links_base(const struct links *links, int ifindex, uint8_t tags[LINK_TAGS_SIZE],
	       uint8_t *tags_size, uint16_t *mtu);

#endif
