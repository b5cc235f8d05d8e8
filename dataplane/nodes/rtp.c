/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/nodes/rtp.h"

/* RFC 3550 A.1 */
#define MAX_DROPOUT  3000u
#define MAX_MISORDER 100u

#define CLOCK_JUMP_S 4u /* later than this is a clock that was set */

bool rtcp_is_valid(const uint8_t *p, size_t size)
{
	if (size < 8 || (p[0] & 0x20)) /* the first of a compound is never padded */
		return false;
	while (size >= 4) {
		size_t length = 4u * (rtp_get16(p + 2) + 1u);

		if ((p[0] >> 6) != 2 || p[1] < 192 || p[1] > 223 || length > size)
			return false;
		p += length;
		size -= length;
	}
	return size == 0;
}

static void start_source(struct dp_termination_counters *c, uint32_t ssrc, uint16_t sequence)
{
	if (c->received)
		c->expected_before += c->highest_sequence - c->base_sequence + 1;
	c->received_before += c->received;
	c->received = 0;
	c->ssrc = ssrc;
	c->base_sequence = c->highest_sequence = sequence;
	c->transit = 0;
	c->bad_sequence = (uint16_t)(sequence + 1);
}

/* update_seq() of A.1; false: a jump that may be a restart, to be seen twice. */
static bool follow_sequence(struct dp_termination_counters *c, uint16_t sequence)
{
	uint16_t ahead = (uint16_t)(sequence - (uint16_t)c->highest_sequence);

	if (ahead < MAX_DROPOUT) {
		c->highest_sequence += ahead; /* the carry counts the cycles */
	} else if (ahead <= UINT16_MAX - MAX_MISORDER) {
		if (sequence != c->bad_sequence) {
			c->bad_sequence = (uint16_t)(sequence + 1);
			return false;
		}
		start_source(c, c->ssrc, sequence);
	}
	return true;
}

/*
 * A.8: J += (|D| - J) / 16, with J scaled by 16. Packets of one telephone event all bear the time
 * stamp of its beginning (RFC 4733 §2.5.1.2), and a clock that was set is not late: neither is
 * jitter.
 */
static void follow_transit(struct dp_termination_counters *c, const uint8_t *p,
			   const struct rtp_clock *clock)
{
	uint32_t transit = clock->now - rtp_get32(p + 4), d = transit - c->transit;

	if ((p[1] & 0x7f) == clock->telephone_event)
		return;
	if ((int32_t)d < 0)
		d = 0 - d;
	if (c->received > 0 && d <= CLOCK_JUMP_S * clock->rate)
		c->jitter += d - ((c->jitter + 8) >> 4);
	c->transit = transit;
}

void rtp_count(struct dp_termination_counters *c, const uint8_t *p, size_t size,
	       const struct rtp_clock *clock)
{
	uint16_t sequence = rtp_get16(p + 2);
	uint32_t ssrc = rtp_get32(p + 8);

	c->packets++;
	c->bytes += size;
	if (c->received == 0 || ssrc != c->ssrc)
		start_source(c, ssrc, sequence);
	else if (!follow_sequence(c, sequence))
		return;
	follow_transit(c, p, clock);
	c->received++;
}
