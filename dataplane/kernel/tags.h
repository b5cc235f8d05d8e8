/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * VLAN tags of frames between workers and TAPs. Two are understood: one of 802.1Q, and one of
 * 802.1ad (or a second of 802.1Q) around it.
 */
#ifndef DATAPLANE_KERNEL_TAGS_H
#define DATAPLANE_KERNEL_TAGS_H

#include <stdbool.h>
#include <stdint.h>

struct rte_mbuf;

struct tags {
	uint16_t vlan, outer_vlan; /* 0: none */
	uint8_t size;              /* bytes of them in the frame */
};

/*
 * Puts back what the driver took off (RTE_MBUF_F_RX_VLAN_STRIPPED). Which kind of tag that was it
 * does not say: around a tag of 802.1Q it was 802.1ad. False: there is no room.
 */
bool tags_restore(struct rte_mbuf *m);
/* Those in the frame. */
void tags_read(const struct rte_mbuf *m, struct tags *tags);
/* Takes `size` bytes of tags off. */
void tags_remove(struct rte_mbuf *m, uint8_t size);
/* Puts tags on a frame that has none of them. False: there is no room. */
bool tags_insert(struct rte_mbuf *m, uint16_t vlan, uint16_t outer_vlan);

#endif
