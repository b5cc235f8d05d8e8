/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/nodes/rtcp.h"

#include "dataplane/nodes/rtp.h"

/* RFC 3550 §12.1, RFC 3611 §2 */
#define RTCP_SR 200u
#define RTCP_RR 201u
#define RTCP_XR 207u

#define SR_HEADER    28u /* with sender info */
#define RR_HEADER    8u
#define REPORT_BLOCK 24u

/* RFC 3611 §4.7: block length 8 words behind its first one */
#define XR_VOIP_METRICS       7u
#define XR_VOIP_METRICS_WORDS 8u

#define ROUND_TRIP_MAX_US 60000000u /* more is an echo of long ago */

bool rtcp_is_valid(const uint8_t *p, size_t size)
{
	if (size < 8 || (p[0] & 0x20)) /* the first of a compound is never padded */
		return false;
	while (size >= 4) {
		size_t length = 4u * (rtp_get16(p + 2) + 1u);

		if ((p[0] >> 6) != 2 || (p[1] & 0xe0) != 192 || length > size)
			return false;
		p += length;
		size -= length;
	}
	return size == 0;
}

/* The other side's worker may be writing both: it takes the SR's name off meanwhile. */
static bool sent_at(const uint32_t *sr_ntp, const uint32_t *sr_us, uint32_t lsr, uint32_t *us)
{
	if (__atomic_load_n(sr_ntp, __ATOMIC_ACQUIRE) != lsr)
		return false;
	*us = __atomic_load_n(sr_us, __ATOMIC_ACQUIRE);
	return __atomic_load_n(sr_ntp, __ATOMIC_RELAXED) == lsr;
}

static void read_round_trip(struct dp_termination_counters *c,
			    const struct dp_termination_counters *peer, uint32_t lsr, uint32_t dlsr,
			    uint32_t now_us)
{
	uint64_t held_us = (uint64_t)dlsr * 1000000 >> 16;
	uint32_t sent_us, us;

	if (lsr == 0 || held_us > UINT32_MAX / 2)
		return;
	if (!sent_at(&c->own_sr_ntp, &c->own_sr_us, lsr, &sent_us) &&
	    !(peer && sent_at(&peer->sr_ntp, &peer->sr_us, lsr, &sent_us)))
		return;
	us = now_us - sent_us - (uint32_t)held_us;
	if (us <= ROUND_TRIP_MAX_US) /* below 0 as well: its clock or ours was set */
		c->rtt_us = us ? us : 1;
}

/* What is said of others than the peer, as in a conference, is nobody's here. */
static bool is_about(const struct dp_termination_counters *peer, uint32_t ssrc)
{
	return !peer || !__atomic_load_n(&peer->packets, __ATOMIC_RELAXED) ||
	       __atomic_load_n(&peer->ssrc, __ATOMIC_RELAXED) == ssrc;
}

/* §6.4.1. The cumulative number of packets lost is a signed number of 24 bits. */
static void read_report_block(struct dp_termination_counters *c,
			      const struct dp_termination_counters *peer, const uint8_t *block,
			      uint32_t now_us)
{
	if (!is_about(peer, rtp_get32(block)))
		return;
	c->reported_fraction = block[4];
	c->reported_lost = (int32_t)(rtp_get32(block + 4) << 8) >> 8;
	c->reported_highest = rtp_get32(block + 8);
	c->reported_jitter = rtp_get32(block + 12);
	read_round_trip(c, peer, rtp_get32(block + 16), rtp_get32(block + 20), now_us);
}

static void read_report(struct dp_termination_counters *c,
			const struct dp_termination_counters *peer, const uint8_t *p, size_t size,
			uint32_t now_us)
{
	size_t at = p[1] == RTCP_SR ? SR_HEADER : RR_HEADER;

	if (size < at)
		return;
	if (p[1] == RTCP_SR) {
		c->sr_reports++;
		__atomic_store_n(&c->sr_ntp, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&c->sr_us, now_us, __ATOMIC_RELEASE);
		__atomic_store_n(&c->sr_ntp, rtp_get32(p + 10), __ATOMIC_RELEASE);
	} else {
		c->rr_reports++;
	}
	for (unsigned i = p[0] & 0x1f; i > 0 && size - at >= REPORT_BLOCK; i--, at += REPORT_BLOCK)
		read_report_block(c, peer, p + at, now_us);
}

static void read_voip_metrics(struct dp_termination_counters *c, const uint8_t *b)
{
	c->xr_reports++;
	c->xr_loss_rate = b[8];
	c->xr_discard_rate = b[9];
	c->xr_burst_density = b[10];
	c->xr_gap_density = b[11];
	c->xr_burst_ms = rtp_get16(b + 12);
	c->xr_gap_ms = rtp_get16(b + 14);
	c->xr_round_trip_ms = rtp_get16(b + 16);
	c->xr_end_system_ms = rtp_get16(b + 18);
	c->xr_r_factor = b[24];
	c->xr_mos_lq = b[26];
	c->xr_mos_cq = b[27];
}

/* §3: blocks of type, type-specific, length in words behind the first. */
static void read_extended(struct dp_termination_counters *c,
			  const struct dp_termination_counters *peer, const uint8_t *p, size_t size)
{
	size_t at = RR_HEADER;

	while (size >= at + 4) {
		const uint8_t *block = p + at;
		uint32_t words = rtp_get16(block + 2);

		at += 4 + 4u * words;
		if (at > size)
			return;
		if (block[0] == XR_VOIP_METRICS && words == XR_VOIP_METRICS_WORDS &&
		    is_about(peer, rtp_get32(block + 4)))
			read_voip_metrics(c, block);
	}
}

/* Padding, which only the last packet of a compound may have, is not looked for: counts and
 * lengths of blocks say what there is. */
void rtcp_read(struct dp_termination_counters *c, const struct dp_termination_counters *peer,
	       const uint8_t *p, size_t size, uint32_t now_us)
{
	while (size >= 4) {
		size_t length = 4u * (rtp_get16(p + 2) + 1u);

		if (p[1] == RTCP_SR || p[1] == RTCP_RR)
			read_report(c, peer, p, length, now_us);
		else if (p[1] == RTCP_XR)
			read_extended(c, peer, p, length);
		p += length;
		size -= length;
	}
}
