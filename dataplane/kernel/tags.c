/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/kernel/tags.h"

#include <string.h>

#include <rte_ether.h>
#include <rte_mbuf.h>

#define ADDRESSES (2 * RTE_ETHER_ADDR_LEN)
#define TAG       4u
#define VLAN_ID   0x0fffu

static uint16_t read16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint16_t type_at(const struct rte_mbuf *m, unsigned offset)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);

	return m->data_len >= offset + 2 ? read16(frame + offset) : 0;
}

static bool insert(struct rte_mbuf *m, uint16_t protocol, uint16_t tci)
{
	uint8_t *frame;

	if (m->data_len < RTE_ETHER_HDR_LEN || rte_mbuf_refcnt_read(m) > 1)
		return false;
	frame = (uint8_t *)rte_pktmbuf_prepend(m, TAG);
	if (!frame)
		return false;
	memmove(frame, frame + TAG, ADDRESSES);
	frame += ADDRESSES;
	frame[0] = (uint8_t)(protocol >> 8);
	frame[1] = (uint8_t)protocol;
	frame[2] = (uint8_t)(tci >> 8);
	frame[3] = (uint8_t)tci;
	return true;
}

bool tags_restore(struct rte_mbuf *m)
{
	uint64_t flags = m->ol_flags;
	bool inside = type_at(m, ADDRESSES) == RTE_ETHER_TYPE_VLAN;

	m->ol_flags &= ~(RTE_MBUF_F_RX_VLAN_STRIPPED | RTE_MBUF_F_RX_QINQ_STRIPPED);
	if (flags & RTE_MBUF_F_RX_QINQ_STRIPPED)
		return insert(m, RTE_ETHER_TYPE_VLAN, m->vlan_tci) &&
		       insert(m, RTE_ETHER_TYPE_QINQ, m->vlan_tci_outer);
	if (flags & RTE_MBUF_F_RX_VLAN_STRIPPED)
		return insert(m, inside ? RTE_ETHER_TYPE_QINQ : RTE_ETHER_TYPE_VLAN, m->vlan_tci);
	return true;
}

void tags_read(const struct rte_mbuf *m, struct tags *tags)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	uint16_t first = type_at(m, ADDRESSES), second = type_at(m, ADDRESSES + TAG);

	*tags = (struct tags){ 0 };
	if ((first == RTE_ETHER_TYPE_QINQ || first == RTE_ETHER_TYPE_VLAN) &&
	    second == RTE_ETHER_TYPE_VLAN && m->data_len >= RTE_ETHER_HDR_LEN + 2 * TAG)
		*tags = (struct tags){ .outer_vlan = read16(frame + ADDRESSES + 2) & VLAN_ID,
				       .vlan = read16(frame + ADDRESSES + TAG + 2) & VLAN_ID,
				       .size = 2 * TAG };
	else if (first == RTE_ETHER_TYPE_VLAN && m->data_len >= RTE_ETHER_HDR_LEN + TAG)
		*tags = (struct tags){ .vlan = read16(frame + ADDRESSES + 2) & VLAN_ID,
				       .size = TAG };
}

void tags_remove(struct rte_mbuf *m, uint8_t size)
{
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);

	memmove(frame + size, frame, ADDRESSES);
	rte_pktmbuf_adj(m, size);
}

bool tags_insert(struct rte_mbuf *m, uint16_t vlan, uint16_t outer_vlan)
{
	return (vlan == 0 || insert(m, RTE_ETHER_TYPE_VLAN, vlan)) &&
	       (outer_vlan == 0 || insert(m, RTE_ETHER_TYPE_QINQ, outer_vlan));
}
