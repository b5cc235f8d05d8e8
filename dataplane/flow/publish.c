/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From terminations to flows: what the workers read is compiled here, published with one store,
 * and what it replaces is freed after a grace period. The grace period is waited for by
 * liburcu's call_rcu thread, never by the manager.
 */
#include <arpa/inet.h>
#include <errno.h>

#include "dataplane/flow/internal.h"
#include "dataplane/flow/slab.h"

#define WATCH_AT_ONCE 16384u /* contexts that are looked at: a fraction of a millisecond */

/* Grace-period thread. */
static void box_return(struct rcu_head *head)
{
	struct flow_box *box = caa_container_of(head, struct flow_box, rcu);
	struct flow_table *t = box->table;

	box->next = atomic_load_explicit(&t->returned, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(&t->returned, &box->next, box,
						      memory_order_release, memory_order_relaxed))
		;
	atomic_fetch_sub(&t->in_grace, 1);
}

void flow_reclaim(struct flow_table *t)
{
	struct flow_box *box = atomic_exchange_explicit(&t->returned, NULL, memory_order_acquire);

	while (box) {
		struct flow_box *next = box->next;

		if (box->frees != NOWHERE)
			termination_free(t, box->frees);
		slab_put(&t->slab, box);
		box = next;
	}
}

static const struct flow *_Atomic *slot_of(struct flow_table *t, const struct termination *m)
{
	return &t->lookup.slots[m->pool * FLOW_SLOTS_PER_ADDRESS + m->port / 2];
}

static void box_retire(struct flow_table *t, struct flow_box *box, uint32_t frees)
{
	box->table = t;
	box->frees = frees;
	atomic_fetch_add(&t->in_grace, 1);
	urcu_qsbr_call_rcu(&box->rcu, box_return);
}

static void publish(struct flow_table *t, struct termination *m, struct flow_box *box)
{
	struct flow_box *old = m->box;

	atomic_store_explicit(slot_of(t, m), &box->flow, memory_order_release);
	m->box = box;
	if (old)
		box_retire(t, old, NOWHERE);
}

void flow_retire(struct flow_table *t, struct termination *m)
{
	uint32_t index = (uint32_t)(m - t->terminations);

	if (!m->box) {
		termination_free(t, index);
		return;
	}
	atomic_store_explicit(slot_of(t, m), NULL, memory_order_release);
	box_retire(t, m->box, index);
	m->box = NULL;
}

/* A relay is one to one. */
const struct termination *listener_of(const struct flow_table *t, const struct context *c,
				      const struct termination *m)
{
	for (uint32_t i = 0; i < c->count; i++)
		if (i != m->position && (c->hears[i] & (1u << m->position)))
			return &t->terminations[c->member[i]];
	return NULL;
}

uint16_t flow_header_sum(bool ipv6, uint8_t dscp, const uint8_t source[16],
			 const uint8_t destination[16])
{
	const size_t size = ipv6 ? 16 : 4;
	/* version and length, TOS; flags DF; protocol UDP */
	uint32_t sum = ipv6 ? htons(17)
			    : htons((uint16_t)(0x4500 | dscp << 2)) + htons(0x4000) + htons(17);

	for (size_t i = 0; i < size; i += 2) {
		uint16_t words[2];

		memcpy(&words[0], source + i, 2);
		memcpy(&words[1], destination + i, 2);
		sum += (uint32_t)words[0] + words[1];
	}
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

void compile_way_out(struct flow_table *t, const struct termination *peer, struct flow *f)
{
	const struct port_pool *pool = &t->pools[peer->pool];
	const struct flow_realm *realm = &t->realms[pool->realm];

	f->flags |= FLOW_HAS_PEER;
	f->peer = (uint32_t)(peer - t->terminations);
	if (peer->settings.direction & DP_DIRECTION_RECVONLY)
		f->flags |= FLOW_PEER_SENDS;
	if (peer->settings.flags & DP_TERMINATION_RTCP_MUX)
		f->flags |= FLOW_PEER_RTCP_MUX;
	if (peer->settings.flags & DP_TERMINATION_RTCP_OWN)
		f->flags |= FLOW_PEER_RTCP_OWN;
	f->dscp = realm->dscp;
	f->source_port = htons(peer->port);
	memcpy(f->source, pool->address.ip, sizeof(f->source));
	if (peer->aim.family != pool->address.family)
		return; /* not known yet, or not reachable from this address */
	if (peer->aim.family == DP_FAMILY_IPV6)
		f->flags |= FLOW_IPV6;
	memcpy(f->destination, peer->aim.ip, sizeof(f->destination));
	f->destination_port = htons(peer->aim.port);
	f->header_sum = flow_header_sum(f->flags & FLOW_IPV6, f->dscp, f->source, f->destination);
	f->nexthop = t->resolve(t->resolve_arg, &peer->aim, realm->ifindex);
	if (peer->aim_rtcp.family != pool->address.family)
		return;
	memcpy(f->destination_rtcp, peer->aim_rtcp.ip, sizeof(f->destination_rtcp));
	f->destination_rtcp_port = htons(peer->aim_rtcp.port);
	f->nexthop_rtcp = memcmp(f->destination, f->destination_rtcp, sizeof(f->destination)) == 0
				  ? f->nexthop
				  : t->resolve(t->resolve_arg, &peer->aim_rtcp, realm->ifindex);
}

/* Workers compare sources as bytes. */
static struct dp_address canonical(const struct dp_address *a)
{
	struct dp_address copy = { .port = a->port, .family = a->family };

	memcpy(copy.ip, a->ip, a->family == DP_FAMILY_IPV4 ? 4 : sizeof(copy.ip));
	return copy;
}

static uint16_t observers_of(const struct flow_table *t, uint64_t label)
{
	uint16_t observers = 0;

	if (!t->watches)
		return 0;
	for (unsigned i = 0; i < FLOW_WATCHES; i++)
		if (t->watched[i] == label)
			observers |= (uint16_t)(1u << i);
	return observers;
}

static void compile(struct flow_table *t, const struct context *c, const struct termination *m,
		    struct flow *f)
{
	uint32_t index = (uint32_t)(m - t->terminations);
	const struct termination *peer = listener_of(t, c, m);

	memset(f, 0, sizeof(*f));
	f->termination = index;
	f->generation = t->records[index].generation;
	f->clock_scale = flow_clock_scale(m->settings.clock_rate);
	f->peer = FLOW_NO_PEER;
	f->armed_ms = (uint32_t)m->armed_ms;
	f->telephone_event = m->settings.telephone_event;
	f->worker = t->records[index].worker;
	f->latch_epoch = m->latch_epoch;
	f->expected = canonical(&t->records[index].remote);
	f->expected_rtcp = canonical(&t->records[index].remote_rtcp);
	if (m->settings.direction & DP_DIRECTION_SENDONLY)
		f->flags |= FLOW_TAKE;
	if (m->settings.source_rule != DP_SOURCE_STRICT)
		f->flags |= FLOW_LEARN;
	if (m->settings.source_rule == DP_SOURCE_HOST)
		f->flags |= FLOW_HOST;
	if (m->settings.flags & DP_TERMINATION_RTCP_MUX)
		f->flags |= FLOW_RTCP_MUX;
	if (m->settings.flags & DP_TERMINATION_RTCP_OWN)
		f->flags |= FLOW_RTCP_OWN;
	if (m->settings.packet_rate_max)
		f->packet_period_us = 1000000 / m->settings.packet_rate_max;
	f->observers = observers_of(t, t->records[index].label);
	if (f->observers)
		f->flags |= FLOW_OBSERVED;
	if (peer)
		compile_way_out(t, peer, f);
}

int context_publish(struct flow_table *t, struct context *c)
{
	struct flow_box *boxes[CONTEXT_TERMINATIONS_MAX] = { NULL };
	bool complete = true;

	/* All or nothing: memory first. */
	for (uint32_t i = 0; i < c->count && complete; i++) {
		const struct termination *m = &t->terminations[c->member[i]];
		struct flow_box *box = slab_get(&t->slab);

		complete = box != NULL;
		if (!complete)
			break;
		compile(t, c, m, &box->flow);
		if (m->box && memcmp(&m->box->flow, &box->flow, sizeof(box->flow)) == 0)
			slab_put(&t->slab, box);
		else
			boxes[i] = box;
	}
	for (uint32_t i = 0; i < c->count; i++) {
		if (boxes[i] && complete)
			publish(t, &t->terminations[c->member[i]], boxes[i]);
		else if (boxes[i])
			slab_put(&t->slab, boxes[i]);
	}
	if (!complete)
		return -ENOSPC;
	c->observers = observers_of(t, t->context_records[c - t->contexts].label);
	return 0;
}

/* A round that is under way goes on until it has seen all again. */
void flow_resolve_all(struct flow_table *t)
{
	t->to_resolve = t->contexts_high;
}

uint32_t flow_resolve_some(struct flow_table *t, uint32_t budget)
{
	for (; t->to_resolve > 0 && budget > 0; t->to_resolve--, budget--) {
		uint32_t i = t->resolve_next < t->contexts_high ? t->resolve_next : 0;

		if (t->context_records[i].generation && context_publish(t, &t->contexts[i]) != 0)
			break; /* memory is out; the next call tries again */
		t->resolve_next = i + 1;
	}
	return t->to_resolve;
}

/* Looks at records first: few contexts are watched, and all are gone through. */
void flow_observe_some(struct flow_table *t, uint32_t budget)
{
	for (; t->to_watch > 0 && budget > 0; t->to_watch--, budget--) {
		uint32_t i = t->watch_next < t->contexts_high ? t->watch_next : 0;
		const struct dp_context_record *record = &t->context_records[i];

		if (record->generation &&
		    observers_of(t, record->label) != t->contexts[i].observers &&
		    context_publish(t, &t->contexts[i]) != 0)
			return; /* memory is out; the next call tries again */
		t->watch_next = i + 1;
	}
}

void flow_observe(struct flow_table *t, unsigned watch, uint64_t label)
{
	t->watched[watch] = label;
	t->watches = false;
	for (unsigned i = 0; i < FLOW_WATCHES; i++)
		t->watches |= t->watched[i] != 0;
	t->to_watch = t->contexts_high;
	flow_observe_some(t, WATCH_AT_ONCE);
}
