/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include <criterion/criterion.h>

#include "pktgen_tests/rtpgen/address.h"
#include "pktgen_tests/rtpgen/stream.h"

/* One call of an IPv4 phone and an IPv6 phone: stream 0 is a to b, stream 1 b to a. */
static struct packet_sender sender[2];
static struct stream_receiver receiver[2];
static struct checker_counts counts[2];
static struct packet_addresses departure[2], arrival[2];
static struct streams streams = {
	.count = 2,
	.directions = 2,
	.sender = sender,
	.receiver = receiver,
	.received = counts,
	.departure = departure,
	.arrival = arrival,
};
static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };
static struct stream_end a, b;
static uint8_t frame[2048];
static struct packet_view view;

static void set_up(void)
{
	cr_assert_eq(address_parse("198.18.0.130:4000", &a.phone), 0);
	cr_assert_eq(address_parse("198.18.0.20:16384", &a.local), 0);
	cr_assert_eq(address_parse("[2001:2::1001]:4002", &b.phone), 0);
	cr_assert_eq(address_parse("[2001:2::20]:16386", &b.local), 0);
	packet_format_init(&streams.format, 160, 0);
	cr_assert_eq(streams_set(&streams, 0, &a, &b, mac), 0);
	cr_assert_eq(streams_set(&streams, 1, &b, &a, mac), 0);
	streams_start_run(&streams, 0);
}

TestSuite(stream, .init = set_up);

/* What a relay makes of packet `sequence` of a stream: it leaves `from`, for `to`. */
static void relayed(uint32_t stream, uint64_t sequence, const struct dp_address *from,
		    const struct dp_address *to)
{
	struct packet_sender s = sender[stream];
	struct packet_addresses out[2];
	struct packet_template t;
	uint16_t size;

	packet_template_init(&t, &streams.format, to->family, mac, mac);
	memcpy(&s.source, from->ip, 4);
	memcpy(&s.destination, to->ip, 4);
	memcpy(out[stream].source, from->ip, 16);
	memcpy(out[stream].destination, to->ip, 16);
	s.source_port = __builtin_bswap16(from->port);
	s.destination_port = __builtin_bswap16(to->port);
	if (to->family == DP_FAMILY_IPV4)
		s.checksum = packet_checksum(&t, s.source, s.destination);
	packet_fill(&streams.format, frame + t.header_size + PACKET_RTP_SIZE);
	size = packet_build(frame, &t, &streams.format, &s, out, stream, sequence, 1);
	cr_assert_eq(packet_look(frame, size, &view), PACKET_MARKED);
}

Test(stream, what_comes_where_it_belongs_is_taken)
{
	relayed(0, 0, &b.local, &b.phone);
	cr_assert_eq(streams_take(&streams, &view), STREAM_TAKEN);
	relayed(1, 0, &a.local, &a.phone);
	cr_assert_eq(streams_take(&streams, &view), STREAM_TAKEN);
	cr_assert_eq(streams_received(&streams, 0), 1);
	cr_assert_eq(streams_received(&streams, 1), 1);
}

static void is_misdirected(uint32_t stream, const struct dp_address *from,
			   const struct dp_address *to)
{
	relayed(stream, 0, from, to);
	cr_assert_eq(streams_take(&streams, &view), STREAM_MISDIRECTED);
	cr_assert_eq(streams_received(&streams, stream), 0);
}

Test(stream, another_address_or_port_is_the_wrong_one)
{
	const struct stream_end *end[2] = { &b, &a };

	for (uint32_t i = 0; i < 2; i++) {
		struct dp_address other_port = end[i]->phone, other_ip = end[i]->phone;
		struct dp_address stray_port = end[i]->local, stray_ip = end[i]->local;

		other_port.port++;
		other_ip.ip[address_size(other_ip.family) - 1]++;
		stray_port.port++;
		stray_ip.ip[address_size(stray_ip.family) - 1]++;
		is_misdirected(i, &end[i]->local, &other_port);
		is_misdirected(i, &end[i]->local, &other_ip);
		is_misdirected(i, &stray_port, &end[i]->phone);
		is_misdirected(i, &stray_ip, &end[i]->phone);
		is_misdirected(i, &end[1 - i]->local, &end[1 - i]->phone);
	}
}

Test(stream, the_payload_of_another_stream_is_no_packet_of_this)
{
	relayed(0, 0, &b.local, &b.phone);
	view.stream = 1;
	cr_assert_eq(streams_take(&streams, &view), STREAM_ALTERED);
}

Test(stream, order_is_followed_and_a_run_starts_afresh)
{
	static const uint64_t order[] = { 0, 1, 3, 2, 2, 5 };

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		relayed(0, order[i], &b.local, &b.phone);
		streams_take(&streams, &view);
	}
	sender[0].next = 6;
	cr_assert_eq(streams_sent(&streams, 0), 6);
	cr_assert_eq(streams_received(&streams, 0), 5);
	cr_assert_eq(counts[0].reordered, 1);
	cr_assert_eq(counts[0].duplicate, 1);
	streams_start_run(&streams, 8000);
	cr_assert_eq(streams_sent(&streams, 0), 0);
	relayed(0, 6, &b.local, &b.phone);
	streams_take(&streams, &view);
	cr_assert_eq(streams_received(&streams, 0), 1);
	cr_assert_eq(counts[0].reordered, 0);
}

static uint32_t time_stamp(void)
{
	const uint8_t *p = view.payload + 4;

	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Else all that follows a pause is late. */
Test(stream, time_stamps_go_on_with_the_clock_over_a_pause)
{
	uint32_t first;

	relayed(0, 0, &b.local, &b.phone);
	first = time_stamp();
	sender[0].next = 1;
	sender[1].next = 3;
	streams_start_run(&streams, 8000); /* a second later */
	relayed(0, 1, &b.local, &b.phone);
	cr_assert_eq(time_stamp() - first, 8000 + 8 * STREAMS_AHEAD_MS);
	cr_assert_eq(streams_take(&streams, &view), STREAM_TAKEN);
	relayed(0, 2, &b.local, &b.phone);
	cr_assert_eq(time_stamp() - first, 8160 + 8 * STREAMS_AHEAD_MS);
	sender[0].next = 3;
	streams_start_run(&streams, 24000);
	relayed(0, 3, &b.local, &b.phone);
	cr_assert_eq(time_stamp() - first, 24000 + 8 * STREAMS_AHEAD_MS, "nothing adds up");
}

Test(stream, neighbours_are_told_apart_by_their_address)
{
	struct stream_end other = a;

	cr_assert_eq(streams.hops, 2);
	other.local.port++;
	cr_assert_eq(streams_set(&streams, 0, &other, &b, mac), 0);
	cr_assert_eq(streams.hops, 2, "another port is no other neighbour");
	for (unsigned i = 0; i < STREAM_HOPS - 2; i++) {
		other.local.ip[3]++;
		cr_assert_eq(streams_set(&streams, 0, &other, &b, mac), 0);
	}
	other.local.ip[3]++;
	cr_assert_eq(streams_set(&streams, 0, &other, &b, mac), -ENOSPC);
}
