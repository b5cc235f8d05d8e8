/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <criterion/criterion.h>

#include "pktgen_tests/rtpgen/neighbour.h"
#include "pktgen_tests/rtpgen/packet.h"

#define SSRC   0x8badf00d
#define STREAM 1u

static const uint8_t our_mac[6] = { 2, 0, 0, 0, 0, 1 }, their_mac[6] = { 2, 0, 0, 0, 0, 2 };
static struct packet_format format;
static struct packet_template template;
static struct packet_sender sender;
static struct packet_addresses addresses[STREAM + 1];
static uint8_t frame[2048];
static struct packet_view view;

static uint16_t build(uint8_t family, uint64_t sequence)
{
	packet_format_init(&format, 160, 8);
	packet_template_init(&template, &format, family, our_mac, their_mac);
	sender = (struct packet_sender){ .source = 0x810012c6,
					 .destination = 0x140012c6,
					 .source_port = 0x1027,
					 .destination_port = 0x0040,
					 .ssrc = SSRC };
	if (family == DP_FAMILY_IPV4)
		sender.checksum = packet_checksum(&template, sender.source, sender.destination);
	memcpy(addresses[STREAM].source, (uint8_t[16]){ 0x20, 1, 0, 2, [15] = 1 }, 16);
	memcpy(addresses[STREAM].destination, (uint8_t[16]){ 0x20, 1, 0, 2, [15] = 0x20 }, 16);
	packet_fill(&format, frame + template.header_size + PACKET_RTP_SIZE);
	return packet_build(frame, &template, &format, &sender, addresses, STREAM, sequence, 777);
}

static void is_well_formed(uint8_t family, uint16_t expected_size)
{
	uint16_t size = build(family, UINT64_C(0x123456789));

	cr_assert_eq(size, expected_size);
	cr_assert_eq(packet_look(frame, size, &view), PACKET_MARKED);
	cr_assert(view.checksums_good);
	cr_assert_eq(view.family, family);
	cr_assert_eq(view.stream, STREAM);
	cr_assert_eq(view.sequence, UINT64_C(0x123456789));
	cr_assert_eq(view.tsc, 777);
	cr_assert_eq(packet_ssrc(&view), SSRC);
	cr_assert(packet_is_intact(&view, &format, SSRC));
	cr_assert_not(packet_is_intact(&view, &format, SSRC + 1));
}

Test(packet, what_is_built_over_ipv4_is_found_again)
{
	is_well_formed(DP_FAMILY_IPV4, 14 + 20 + 8 + 12 + 160);
	cr_assert_arr_eq(view.source, &sender.source, 4);
	cr_assert_eq(view.destination_port, sender.destination_port);
}

Test(packet, what_is_built_over_ipv6_is_found_again)
{
	is_well_formed(DP_FAMILY_IPV6, 14 + 40 + 8 + 12 + 160);
	cr_assert_arr_eq(view.source, addresses[STREAM].source, 16);
	cr_assert_arr_eq(view.destination, addresses[STREAM].destination, 16);
}

/* MM3: nothing of an RTP packet may change without being seen. */
static void no_bit_may_change(uint8_t family)
{
	uint16_t size = build(family, 5);
	size_t rtp = template.header_size;

	for (size_t i = rtp; i < size; i++) {
		for (int bit = 0; bit < 8; bit++) {
			frame[i] ^= (uint8_t)(1u << bit);
			cr_assert_not(packet_look(frame, size, &view) == PACKET_MARKED &&
					      packet_is_intact(&view, &format, SSRC) &&
					      view.stream == STREAM && view.sequence == 5 &&
					      view.tsc == 777,
				      "bit %d of byte %zu", bit, i - rtp);
			frame[i] ^= (uint8_t)(1u << bit);
		}
	}
	cr_assert_eq(packet_look(frame, size, &view), PACKET_MARKED);
	cr_assert(packet_is_intact(&view, &format, SSRC));
}

Test(packet, each_bit_of_ipv4_rtp_is_looked_at)
{
	no_bit_may_change(DP_FAMILY_IPV4);
}

Test(packet, each_bit_of_ipv6_rtp_is_looked_at)
{
	no_bit_may_change(DP_FAMILY_IPV6);
}

Test(packet, a_payload_of_another_length_is_not_intact)
{
	build(DP_FAMILY_IPV4, 5);
	packet_look(frame, 14 + 20 + 8 + 12 + 160, &view);
	format.payload++;
	cr_assert_not(packet_is_intact(&view, &format, SSRC));
}

Test(packet, the_first_packet_bears_the_marker_and_time_goes_on)
{
	uint32_t t0, t1;
	uint8_t *rtp = frame + 42;

	build(DP_FAMILY_IPV4, 0);
	cr_assert_eq(rtp[1], 0x80 | 8);
	t0 = (uint32_t)rtp[4] << 24 | (uint32_t)rtp[5] << 16 | (uint32_t)rtp[6] << 8 | rtp[7];
	build(DP_FAMILY_IPV4, 1);
	cr_assert_eq(rtp[1], 8);
	t1 = (uint32_t)rtp[4] << 24 | (uint32_t)rtp[5] << 16 | (uint32_t)rtp[6] << 8 | rtp[7];
	cr_assert_eq(t1 - t0, 160);
}

Test(packet, broken_headers_are_no_packets_of_ours)
{
	uint16_t size = build(DP_FAMILY_IPV4, 5);

	for (uint16_t cut = 0; cut < size; cut++)
		cr_assert_neq(packet_look(frame, cut, &view), PACKET_MARKED);
	frame[14 + 10] ^= 1; /* the header's checksum */
	cr_assert_eq(packet_look(frame, size, &view), PACKET_MARKED);
	cr_assert_not(packet_is_intact(&view, &format, SSRC));
	frame[14 + 6] = 0x20; /* a fragment */
	cr_assert_eq(packet_look(frame, size, &view), PACKET_OTHER);
}

Test(packet, rtcp_and_strangers_are_told_apart)
{
	uint16_t size = build(DP_FAMILY_IPV4, 5);

	frame[42 + 1] = 200;
	cr_assert_eq(packet_look(frame, size, &view), PACKET_RTCP);
	frame[42 + 1] = 0;
	frame[42 + 12] ^= 1;
	cr_assert_eq(packet_look(frame, size, &view), PACKET_UNKNOWN);
}

/* --- neighbours ------------------------------------------------------------------ */

static struct streams streams;
static struct neighbour neighbour = { .streams = &streams };
static uint8_t reply[NEIGHBOUR_FRAME_MAX], question[NEIGHBOUR_FRAME_MAX];

static struct dp_address address(const char *ip)
{
	struct dp_address a;

	cr_assert_eq(dp_address_parse(ip, 0, &a), 0, "%s", ip);
	return a;
}

static size_t ask(const char *from, const char *whom)
{
	struct dp_address a = address(from), b = address(whom);
	size_t size = neighbour_ask(their_mac, &a, &b, question);

	return neighbour_answer(&neighbour, question, size, reply);
}

static void given_phones(const char *range)
{
	memcpy(neighbour.mac, our_mac, 6);
	neighbour.ranges = 1;
	cr_assert_eq(address_range_parse(range, &neighbour.range[0]), 0);
}

Test(neighbour, arp_is_answered_for_phones_only)
{
	given_phones("198.18.0.128/25");
	cr_assert_eq(ask("198.18.0.10", "198.18.0.130"), 42);
	cr_assert_arr_eq(reply, their_mac, 6);
	cr_assert_arr_eq(reply + 22, our_mac, 6);
	cr_assert_arr_eq(reply + 28, ((uint8_t[]){ 198, 18, 0, 130 }), 4);
	cr_assert_eq(ask("198.18.0.10", "198.18.0.20"), 0);
	cr_assert_eq(ask("198.18.0.10", "198.18.0.255"), 0);
}

Test(neighbour, an_answer_tells_the_mac)
{
	struct stream_hop *hop = &streams.hop[0];

	given_phones("198.18.0.128/25");
	streams.hops = 1;
	hop->address = address("198.18.0.20");
	ask("198.18.0.10", "198.18.0.130");
	cr_assert_not(hop->known);
	ask("198.18.0.20", "198.18.0.130"); /* who asks says who he is */
	cr_assert(hop->known);
	cr_assert_arr_eq(hop->template.header, their_mac, 6);
}

Test(neighbour, solicitations_are_answered_and_answers_learned)
{
	struct stream_hop *hop = &streams.hop[0];

	given_phones("2001:2::1000/116");
	streams.hops = 1;
	hop->address = address("2001:2::1001");
	cr_assert_eq(ask("2001:2::20", "2001:2::1001"), 86);
	cr_assert_eq(reply[54], 136);
	cr_assert_not(hop->known);
	neighbour_answer(&neighbour, reply, 86, question);
	cr_assert(hop->known);
	cr_assert_arr_eq(hop->template.header, our_mac, 6);
	cr_assert_eq(ask("2001:2::20", "2001:2::20"), 0);
}

Test(neighbour, cut_frames_are_harmless)
{
	struct dp_address a = address("2001:2::20"), b = address("2001:2::1001");
	size_t size = neighbour_ask(their_mac, &a, &b, question);

	given_phones("2001:2::1000/116");
	for (size_t cut = 0; cut < size; cut++)
		cr_assert_eq(neighbour_answer(&neighbour, question, cut, reply), 0, "%zu", cut);
}

Test(neighbour, ping_is_answered)
{
	uint8_t ping[14 + 20 + 8 + 4] = {
		[12] = 8,  [14] = 0x45, [17] = 32, [22] = 64,  [23] = 1, [26] = 198, [27] = 18,
		[29] = 10, [30] = 198,  [31] = 18, [33] = 130, [34] = 8, [42] = 'p', [43] = 'i',
	};

	given_phones("198.18.0.128/25");
	cr_assert_eq(neighbour_answer(&neighbour, ping, sizeof(ping), reply), sizeof(ping));
	cr_assert_eq(reply[34], 0);
	cr_assert_arr_eq(reply + 26, ping + 30, 4);
	cr_assert_arr_eq(reply + 30, ping + 26, 4);
	cr_assert_arr_eq(reply + 42, ping + 42, 4);
	ping[33] = 20;
	cr_assert_eq(neighbour_answer(&neighbour, ping, sizeof(ping), reply), 0);
}
