/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RTCP and RTP of any content. What is valid by the checks is read and counted, in memory that
 * ends where the packet ends. The first octet says whether it is one RTCP packet or RTP packets in
 * a row, cut at the lengths that stand before them.
 */
#include <stdlib.h>
#include <string.h>

#include "dataplane/flow/flow.h"
#include "dataplane/nodes/rtcp.h"
#include "dataplane/nodes/rtp.h"
#include "sip/base/tests/fuzz.h"

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void read_rtcp(const uint8_t *data, size_t size)
{
	struct dp_termination_counters c = { .own_sr_ntp = 1, .own_sr_us = 1 };
	struct dp_termination_counters peer = { .packets = 1, .sr_ntp = 2 };
	const struct dp_termination_counters before = peer;

	if (!rtcp_is_valid(data, size))
		return;
	rtcp_read(&c, &peer, data, size, 12345);
	rtcp_read(&c, NULL, data, size, 12345);
	must(memcmp(&peer, &before, sizeof(peer)) == 0);
	must(c.rtt_us <= 60000000);
	must(c.packets == 0 && c.ssrc == 0 && c.own_sr_ntp == 1);
}

static void count_rtp(const uint8_t *data, size_t size)
{
	struct dp_termination_counters c = { 0 };
	struct rtp_clock clock = { .scale = flow_clock_scale(8000), .telephone_event = 101 };
	uint32_t taken = 0;

	while (size > 0) {
		size_t length = data[0] < size - 1 ? data[0] : size - 1;
		uint8_t *packet = malloc(length ? length : 1);

		must(packet != NULL);
		memcpy(packet, data + 1, length);
		if (rtp_kind(packet, length) == RTP_KIND_RTP && rtp_is_valid(packet, length)) {
			rtp_count(&c, packet, length, &clock);
			taken++;
		}
		free(packet);
		clock.now += 160;
		data += length + 1;
		size -= length + 1;
	}
	/* each packet is one of the kinds in counters.h */
	must(c.packets == taken);
	must(taken == 0 || (c.window & 1));
	must(c.duplicate + c.other_ssrc <= taken);
	must(dp_counters_expected(&c) - dp_counters_lost(&c) + c.duplicate + c.other_ssrc <= taken);
	must(dp_counters_expected(&c) - dp_counters_lost(&c) + c.duplicate + c.other_ssrc +
		     c.late >=
	     taken);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	if (data[0] & 1)
		read_rtcp(data + 1, size - 1);
	else
		count_rtp(data + 1, size - 1);
	return 0;
}
