/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/main/report_packet.h"

#include <math.h>
#include <string.h>

#define RTCP_SR   200u
#define RTCP_RR   201u
#define RTCP_SDES 202u
#define RTCP_BYE  203u
#define RTCP_XR   207u

#define SDES_CNAME       1u
#define XR_VOIP_METRICS  7u
#define XR_UNAVAILABLE   127u
#define XR_JITTER_BUFFER (2u << 4) /* RX config: not adaptive; concealment not known */
#define LOST_MAX         0x7fffff  /* of a signed number of 24 bits */
#define LOST_MIN         (-0x800000)

static uint8_t *put8(uint8_t *p, uint32_t value)
{
	*p = (uint8_t)value;
	return p + 1;
}

static uint8_t *put16(uint8_t *p, uint32_t value)
{
	return put8(put8(p, value >> 8), value);
}

static uint8_t *put32(uint8_t *p, uint32_t value)
{
	return put16(put16(p, value >> 16), value);
}

/* Version 2, no padding. The length is written when the packet has ended. */
static uint8_t *put_header(uint8_t *p, uint32_t count, uint32_t type)
{
	return put16(put8(put8(p, 2u << 6 | count), type), 0);
}

static void set_length(uint8_t *begin, const uint8_t *end)
{
	put16(begin + 2, (uint32_t)(end - begin) / 4 - 1);
}

/* §6.4.1 */
static uint8_t *put_block(uint8_t *p, const struct report_packet *r)
{
	int32_t lost = r->source.lost;

	if (lost > LOST_MAX)
		lost = LOST_MAX;
	if (lost < LOST_MIN)
		lost = LOST_MIN;
	p = put32(p, r->source.ssrc);
	p = put32(p, (uint32_t)r->source.fraction_lost << 24 | ((uint32_t)lost & 0xffffff));
	p = put32(p, r->source.highest);
	p = put32(p, r->source.jitter);
	p = put32(p, r->source.lsr);
	return put32(p, r->source.dlsr);
}

static uint8_t *put_report(uint8_t *p, const struct report_packet *r)
{
	uint8_t *begin = p;

	p = put_header(p, r->hears, r->sends ? RTCP_SR : RTCP_RR);
	p = put32(p, r->ssrc);
	if (r->sends) {
		p = put32(p, (uint32_t)(r->sender.ntp >> 32));
		p = put32(p, (uint32_t)r->sender.ntp);
		p = put32(p, r->sender.rtp);
		p = put32(p, r->sender.packets);
		p = put32(p, r->sender.octets);
	}
	if (r->hears)
		p = put_block(p, r);
	set_length(begin, p);
	return p;
}

/* §6.5: the list of items ends with a zero octet and is filled up to a word. */
static uint8_t *put_cname(uint8_t *p, const struct report_packet *r)
{
	uint8_t *begin = p;

	p = put32(put_header(p, 1, RTCP_SDES), r->ssrc);
	p = put8(put8(p, SDES_CNAME), REPORT_CNAME_SIZE);
	memcpy(p, r->cname, REPORT_CNAME_SIZE);
	p = put16(p + REPORT_CNAME_SIZE, 0);
	set_length(begin, p);
	return p;
}

/* Shares are in 256ths, 255 at most. */
static uint8_t of_256(double share)
{
	return (uint8_t)fmin(share * 256, 255);
}

static uint32_t of_ms(double ms)
{
	return (uint32_t)fmin(ms, UINT16_MAX);
}

/* RFC 3611 §4.7. The play-out is the fixed one that the counters assume; levels and echo are not
 * known to who does not decode. */
static uint8_t *put_voip_metrics(uint8_t *p, const struct report_packet *r)
{
	const struct dp_quality *q = r->quality;
	uint8_t *begin = p, *block;

	p = block = put32(put_header(p, 0, RTCP_XR), r->ssrc);
	p = put16(put8(put8(p, XR_VOIP_METRICS), 0), 8);
	p = put32(p, r->source.ssrc);
	p = put8(p, of_256(q->loss_percent / 100));
	p = put8(p, of_256(q->late_percent / 100));
	p = put8(p, of_256(q->burst_density));
	p = put8(p, of_256(q->gap_density));
	p = put16(p, of_ms(q->burst_ms));
	p = put16(p, of_ms(q->gap_ms));
	p = put16(p, of_ms(r->round_trip_ms));
	p = put16(p, 0); /* end system delay: the ends' own affair */
	p = put8(put8(put8(p, XR_UNAVAILABLE), XR_UNAVAILABLE), XR_UNAVAILABLE);
	p = put8(p, DP_QUALITY_GAP_LOSSES);
	p = put8(p, (uint32_t)lround(q->r));
	p = put8(p, XR_UNAVAILABLE); /* R of another network behind */
	p = put8(p, (uint32_t)lround(q->mos_listening * 10));
	p = put8(p, (uint32_t)lround(q->mos * 10));
	p = put16(p, XR_JITTER_BUFFER << 8);
	p = put16(p, DP_PLAYOUT_MS); /* nominal, maximum, absolute maximum */
	p = put16(p, DP_PLAYOUT_MS);
	p = put16(p, DP_PLAYOUT_MS);
	set_length(begin, p);
	return p;
}

size_t report_packet_write(const struct report_packet *r, uint8_t to[REPORT_SIZE_MAX])
{
	uint8_t *p = put_cname(put_report(to, r), r);

	if (r->hears && r->quality)
		p = put_voip_metrics(p, r);
	if (r->bye) {
		uint8_t *begin = p;

		p = put32(put_header(p, 1, RTCP_BYE), r->ssrc);
		set_length(begin, p);
	}
	return (size_t)(p - to);
}
