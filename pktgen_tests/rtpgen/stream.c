/* SPDX-License-Identifier: BSD-3-Clause */
#include "pktgen_tests/rtpgen/stream.h"

#include <errno.h>
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_malloc.h>

#include "pktgen_tests/rtpgen/address.h"
#include "sip/base/random.h"

static void *array(uint32_t count, size_t size)
{
	return rte_zmalloc("rtpgen", count * size, RTE_CACHE_LINE_SIZE);
}

/* Fisher and Yates. Each run another order: what is measured must not depend on one. */
static void shuffle(uint32_t *order, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		order[i] = i;
	for (uint32_t i = count - 1; i > 0; i--) {
		uint32_t j = (uint32_t)(random_u64() % (i + 1)), kept = order[i];

		order[i] = order[j];
		order[j] = kept;
	}
}

int streams_create(struct streams *s, uint32_t count, bool impaired, bool random_order)
{
	s->count = count;
	s->sender = array(count, sizeof(*s->sender));
	s->receiver = array(count, sizeof(*s->receiver));
	s->received = array(count, sizeof(*s->received));
	s->departure = array(count, sizeof(*s->departure));
	s->arrival = array(count, sizeof(*s->arrival));
	if (impaired) {
		s->wire = array(count, sizeof(*s->wire));
		s->wire_counts = array(count, sizeof(*s->wire_counts));
	}
	if (random_order)
		s->order = array(count, sizeof(*s->order));
	if (!s->sender || !s->receiver || !s->received || !s->departure || !s->arrival ||
	    (impaired && (!s->wire || !s->wire_counts)) || (random_order && !s->order))
		return -ENOMEM;
	if (random_order)
		shuffle(s->order, count);
	return 0;
}

void streams_destroy(struct streams *s)
{
	rte_free(s->sender);
	rte_free(s->receiver);
	rte_free(s->received);
	rte_free(s->departure);
	rte_free(s->arrival);
	rte_free(s->wire);
	rte_free(s->wire_counts);
	rte_free(s->order);
}

static bool same_ip(const struct dp_address *a, const struct dp_address *b)
{
	return a->family == b->family && memcmp(a->ip, b->ip, address_size(a->family)) == 0;
}

static int find_hop(struct streams *s, const struct dp_address *address, uint32_t stream,
		    const uint8_t mac[6])
{
	static const uint8_t unknown[6];
	struct stream_hop *hop;

	for (unsigned i = 0; i < s->hops; i++) {
		if (same_ip(&s->hop[i].address, address))
			return (int)i;
	}
	if (s->hops == STREAM_HOPS)
		return -ENOSPC;
	hop = &s->hop[s->hops];
	hop->address = *address;
	hop->stream = stream;
	hop->known = false;
	packet_template_init(&hop->template, &s->format, address->family, mac, unknown);
	return (int)s->hops++;
}

int streams_add_phone(struct streams *s, const struct dp_address *address)
{
	for (unsigned i = s->phones; i-- > 0;) {
		if (same_ip(&s->phone[i], address))
			return 0;
	}
	if (s->phones == STREAM_PHONES)
		return -ENOSPC;
	s->phone[s->phones++] = *address;
	return 0;
}

static uint32_t ipv4_of(const struct dp_address *a)
{
	uint32_t ip;

	memcpy(&ip, a->ip, sizeof(ip));
	return ip;
}

int streams_set(struct streams *s, uint32_t index, const struct stream_end *from,
		const struct stream_end *to, const uint8_t mac[6])
{
	struct packet_sender *tx = &s->sender[index];
	struct stream_receiver *rx = &s->receiver[index];
	int hop = find_hop(s, &from->local, index, mac);

	if (hop < 0)
		return hop;
	*tx = (struct packet_sender){
		.source_port = rte_cpu_to_be_16(from->phone.port),
		.destination_port = rte_cpu_to_be_16(from->local.port),
		.hop = (uint8_t)hop,
		.direction = (uint8_t)(s->directions > 1 ? index & 1 : 0),
		.ssrc = (uint32_t)random_u64(),
	};
	*rx = (struct stream_receiver){
		.source_port = rte_cpu_to_be_16(to->local.port),
		.destination_port = rte_cpu_to_be_16(to->phone.port),
		.ssrc = tx->ssrc,
	};
	if (from->local.family == DP_FAMILY_IPV4) {
		s->ipv4 = true;
		tx->source = ipv4_of(&from->phone);
		tx->destination = ipv4_of(&from->local);
		tx->checksum = packet_checksum(&s->hop[hop].template, tx->source, tx->destination);
	} else {
		s->ipv6 = true;
		memcpy(s->departure[index].source, from->phone.ip, 16);
		memcpy(s->departure[index].destination, from->local.ip, 16);
	}
	if (to->phone.family == DP_FAMILY_IPV4) {
		rx->source = ipv4_of(&to->local);
		rx->destination = ipv4_of(&to->phone);
	} else {
		memcpy(s->arrival[index].source, to->local.ip, 16);
		memcpy(s->arrival[index].destination, to->phone.ip, 16);
	}
	return 0;
}

void streams_set_mac(struct stream_hop *hop, const uint8_t mac[6])
{
	memcpy(hop->template.header, mac, 6);
	__atomic_store_n(&hop->known, true, __ATOMIC_RELEASE);
}

/* Streams that have sent more, to warm up, are further ahead. */
static uint32_t time_of_next(const struct streams *s, uint32_t clock)
{
	uint64_t least = UINT64_MAX;

	for (uint32_t i = 0; i < s->count; i++)
		least = s->sender[i].next < least ? s->sender[i].next : least;
	return clock + STREAMS_AHEAD_MS * PACKET_CLOCK_HZ / 1000 -
	       s->format.samples * (uint32_t)least;
}

void streams_start_run(struct streams *s, uint32_t clock)
{
	if (clock > 0)
		s->format.time = time_of_next(s, clock);
	for (uint32_t i = 0; i < s->count; i++) {
		uint32_t next = (uint32_t)s->sender[i].next;

		s->sender[i].first = next;
		checker_start(&s->receiver[i].checker, next);
		s->received[i] = (struct checker_counts){ 0 };
		if (!s->wire)
			continue;
		checker_start(&s->wire[i], next);
		s->wire_counts[i] = (struct checker_counts){ 0 };
	}
}

static bool is_where_it_belongs(const struct streams *s, const struct packet_view *v)
{
	const struct stream_receiver *r = &s->receiver[v->stream];

	if (r->source_port != v->source_port || r->destination_port != v->destination_port)
		return false;
	if (v->family == DP_FAMILY_IPV4)
		return memcmp(&r->source, v->source, 4) == 0 &&
		       memcmp(&r->destination, v->destination, 4) == 0;
	return memcmp(s->arrival[v->stream].source, v->source, 16) == 0 &&
	       memcmp(s->arrival[v->stream].destination, v->destination, 16) == 0;
}

enum stream_verdict streams_take(struct streams *s, const struct packet_view *v)
{
	struct stream_receiver *r = &s->receiver[v->stream];
	enum checker_verdict verdict;

	if (unlikely(!packet_is_intact(v, &s->format, r->ssrc)))
		return STREAM_ALTERED;
	if (unlikely(!is_where_it_belongs(s, v)))
		return STREAM_MISDIRECTED;
	verdict = checker_take(&r->checker, (uint32_t)v->sequence);
	if (unlikely(verdict != CHECKER_AHEAD))
		checker_count(&s->received[v->stream], verdict);
	return STREAM_TAKEN;
}

uint32_t streams_sent(const struct streams *s, uint32_t index)
{
	if (s->wire)
		return s->wire[index].received + s->wire_counts[index].late;
	return (uint32_t)s->sender[index].next - s->sender[index].first;
}

uint32_t streams_received(const struct streams *s, uint32_t index)
{
	return s->receiver[index].checker.received + s->received[index].late;
}
