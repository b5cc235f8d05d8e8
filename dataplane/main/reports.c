/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/main/reports.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "dataplane/main/report_packet.h"
#include "dataplane/nodes/rewrite.h"
#include "dataplane/nodes/rtp.h"

#define ROUND_MS         100u /* each termination is looked at so often */
#define REPORTS_PER_TICK 512u
#define NTP_UNIX         2208988800u           /* seconds from 1900 to 1970 */
#define TTL_SENT         (REWRITE_TTL_MAX + 1) /* the rewrite uses up one */

struct reporter {
	uint32_t ssrc;               /* our own, where no media is sent */
	uint32_t last_ssrc;          /* that the last report bore */
	uint32_t sent_ssrc;          /* of the media sent, when it was reported last */
	uint32_t sent_before;        /* packets forwarded before that SSRC */
	uint32_t sent;               /* packets forwarded, at the last report */
	uint32_t heard_ssrc;         /* that is reported about */
	int32_t lost_before;         /* before that SSRC */
	uint32_t expected, received; /* at the last report */
	bool sender;                 /* media was sent between the last report and the one before */
	bool spoke;                  /* there was a report */
	char cname[REPORT_CNAME_SIZE];
};

struct reports {
	struct reports_config config;
	uint32_t *due; /* clock_ms, low bits; 0: never */
	struct reporter *reporters;
	uint32_t scan;
	uint32_t now_ms; /* low bits, never 0 */
	uint64_t tick_ms;
	double us_per_cycle;
	uint8_t random[1024];
	size_t random_left;
};

/* SSRCs and names must not be guessed, so they come from the kernel, a page at a time. */
static void draw(struct reports *r, void *to, size_t size)
{
	if (r->random_left < size) {
		if (getrandom(r->random, sizeof(r->random), 0) != (ssize_t)sizeof(r->random))
			abort(); /* never for so few bytes: getrandom(2) */
		r->random_left = sizeof(r->random);
	}
	r->random_left -= size;
	memcpy(to, r->random + r->random_left, size);
}

static uint32_t draw32(struct reports *r)
{
	uint32_t value;

	draw(r, &value, sizeof(value));
	return value;
}

/* RFC 7022 §4.2: nothing in it tells who or where we are. */
static void draw_cname(struct reports *r, char cname[REPORT_CNAME_SIZE])
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t bits[REPORT_CNAME_SIZE];

	draw(r, bits, sizeof(bits));
	for (unsigned i = 0; i < REPORT_CNAME_SIZE; i++)
		cname[i] = digits[bits[i] & 63];
}

/* RFC 3550 §6.3.1: 0.5 to 1.5 of the interval, over e - 3/2; the first one after half of it. */
static void schedule(struct reports *r, uint32_t index, bool first)
{
	double part = 0.5 + draw32(r) / 4294967296.0;
	uint32_t due =
		r->now_ms + (uint32_t)(part * REPORT_INTERVAL_MS / (first ? 2 : 1) / 1.21828);

	r->due[index] = due ? due : 1;
}

static uint64_t ntp_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return ((uint64_t)t.tv_sec + NTP_UNIX) << 32 | ((uint64_t)t.tv_nsec << 32) / 1000000000;
}

/* The clock of the workers' now_us. */
static uint64_t now_us(const struct reports *r)
{
	return (uint64_t)((double)rte_rdtsc() * r->us_per_cycle);
}

/* An SSRC is never one of theirs (RFC 3550 §8.2). */
static void avoid_collision(struct reports *r, struct reporter *m, const struct flow_rtcp_end *end)
{
	while (m->ssrc == end->counters->ssrc || (end->sent && m->ssrc == end->sent->ssrc))
		m->ssrc = draw32(r);
}

/*
 * §6.4.1, sender info: as whom the media is sent that is sent on, what time it is in its clock,
 * and how much it was. What is sent bears the SSRC of the one that it comes from, and its counts
 * are those of that SSRC.
 */
static void tell_sender(const struct reports *r, struct reporter *m,
			const struct flow_rtcp_end *end, struct report_packet *p)
{
	const struct dp_termination_counters *c = end->sent;
	uint32_t sent = c ? dp_counters_forwarded(c) : 0;
	bool more = sent != m->sent;
	double payload;

	p->sends = sent > 0 && (more || m->sender); /* in this interval or the one before, §6.4 */
	m->sender = more;
	m->sent = sent;
	if (!p->sends)
		return;
	if (!m->spoke || c->ssrc != m->sent_ssrc) {
		uint32_t of_this = c->highest_sequence - c->base_sequence + 1;

		m->sent_ssrc = c->ssrc;
		m->sent_before = c->ssrc_changes && of_this < sent ? sent - of_this : 0;
	}
	payload = (double)c->bytes / c->packets - RTP_HEADER_SIZE;
	p->ssrc = c->ssrc;
	p->sender.ntp = ntp_now();
	p->sender.rtp = rtp_units(now_us(r), end->way->clock_scale) - c->transit;
	p->sender.packets = sent - m->sent_before;
	p->sender.octets = (uint32_t)(uint64_t)(payload * p->sender.packets);
}

/* LSR and DLSR. The worker takes the SR's name off while it writes its time. */
static void tell_last_sr(const struct reports *r, const struct dp_termination_counters *c,
			 struct report_packet *p)
{
	uint32_t ntp = __atomic_load_n(&c->sr_ntp, __ATOMIC_ACQUIRE);
	uint32_t came_us = __atomic_load_n(&c->sr_us, __ATOMIC_ACQUIRE);

	if (ntp == 0 || __atomic_load_n(&c->sr_ntp, __ATOMIC_RELAXED) != ntp)
		return;
	p->source.lsr = ntp;
	p->source.dlsr = (uint32_t)(((uint64_t)((uint32_t)now_us(r) - came_us) << 16) / 1000000);
}

/* §6.4.1 and A.3, with received as the RFC has it: duplicates and late ones too. */
static void tell_source(const struct reports *r, struct reporter *m,
			const struct flow_rtcp_end *end, struct report_packet *p)
{
	const struct dp_termination_counters *c = end->counters;
	uint32_t received = c->packets, expected = dp_counters_expected(c);
	uint32_t expected_now = expected - m->expected, received_now = received - m->received;
	int32_t lost_now = (int32_t)(expected_now - received_now);

	if (c->ssrc != m->heard_ssrc) {
		m->heard_ssrc = c->ssrc;
		m->lost_before = c->ssrc_changes ? (int32_t)(m->expected - m->received) : 0;
	}
	m->expected = expected;
	m->received = received;
	p->hears = received_now > 0;
	if (!p->hears)
		return;
	p->source.ssrc = c->ssrc;
	p->source.fraction_lost =
		lost_now > 0 && expected_now > 0
			? (uint8_t)RTE_MIN((uint64_t)lost_now * 256 / expected_now, 255u)
			: 0;
	p->source.lost = (int32_t)(expected - received) - m->lost_before;
	p->source.highest = c->highest_sequence;
	p->source.jitter = c->jitter >> 4;
	tell_last_sr(r, c, p);
}

static void tell_quality(const struct flow_rtcp_end *end, struct dp_quality *quality,
			 struct report_packet *p)
{
	struct dp_quality_snapshot now;

	if (!p->hears)
		return;
	dp_quality_snapshot(end->counters, &now);
	dp_quality_judge(end->record, &now, NULL,
			 (uint64_t)end->counters->rtt_us + (end->sent ? end->sent->rtt_us : 0),
			 quality);
	p->round_trip_ms = end->counters->rtt_us / 1000;
	p->quality = quality;
}

/* The worker looks for the time of an SR by its name, so it has none while that is written. */
static void note_sent(const struct reports *r, struct dp_termination_counters *c,
		      const struct report_packet *p)
{
	__atomic_store_n(&c->own_reports, (uint16_t)(c->own_reports + 1), __ATOMIC_RELAXED);
	if (!p->sends)
		return;
	__atomic_store_n(&c->own_sr_ntp, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&c->own_sr_us, (uint32_t)now_us(r), __ATOMIC_RELEASE);
	__atomic_store_n(&c->own_sr_ntp, (uint32_t)(p->sender.ntp >> 16), __ATOMIC_RELEASE);
}

static bool is_ready(const struct nexthop *nexthop)
{
	struct nexthop *hop = (struct nexthop *)(uintptr_t)nexthop;

	if (atomic_load_explicit(&hop->state, memory_order_acquire) == NEXTHOP_REACHABLE)
		return true;
	atomic_store_explicit(&hop->wanted, 1, memory_order_relaxed);
	return false;
}

/* Where RTCP that is relayed would go, and as it would. */
static bool send_packet(const struct reports *r, const struct flow *f, struct report_packet *report)
{
	const bool mux = f->flags & FLOW_PEER_RTCP_MUX;
	const struct way_out way = {
		.hop = f->nexthop_rtcp,
		.destination = f->destination_rtcp,
		.source_port = mux ? f->source_port
				   : rte_cpu_to_be_16(rte_be_to_cpu_16(f->source_port) + 1),
		.destination_port = f->destination_rtcp_port,
		.header_sum = flow_header_sum(f->flags & FLOW_IPV6, f->dscp, f->source,
					      f->destination_rtcp),
	};
	struct passage p = { .flow = f, .ttl = TTL_SENT, .v6 = f->flags & FLOW_IPV6 };
	struct rte_ring *ring;

	if (!way.hop || !is_ready(way.hop))
		return false;
	ring = r->config.inject[way.hop->port];
	p.m = ring ? rte_pktmbuf_alloc(r->config.pool) : NULL;
	if (!p.m)
		return false;
	p.payload = rte_pktmbuf_mtod(p.m, uint8_t *);
	p.size = (uint16_t)report_packet_write(report, rte_pktmbuf_mtod(p.m, uint8_t *));
	if (rewrite(&p, &way) && rte_ring_mp_enqueue(ring, p.m) == 0)
		return true;
	rte_pktmbuf_free(p.m);
	return false;
}

static void report(struct reports *r, uint32_t index, bool bye)
{
	struct reporter *m = &r->reporters[index];
	struct report_packet p = { .cname = m->cname, .bye = bye };
	struct flow_rtcp_end end;
	struct dp_quality quality;
	struct flow room;

	if (!flow_own_rtcp(r->config.flows, index, &room, &end))
		return;
	avoid_collision(r, m, &end);
	p.ssrc = m->ssrc;
	tell_sender(r, m, &end, &p);
	tell_source(r, m, &end, &p);
	tell_quality(&end, &quality, &p);
	if (bye && p.ssrc != m->last_ssrc) {
		p.sends = false; /* who goes is the one that was there */
		p.ssrc = m->last_ssrc;
	}
	if (!send_packet(r, end.way, &p))
		return;
	m->spoke = true;
	m->last_ssrc = p.ssrc;
	note_sent(r, end.counters, &p);
}

/* Of the flow table. */
static void turns(void *arg, uint32_t index, bool begins)
{
	struct reports *r = arg;
	struct reporter *m = &r->reporters[index];

	if (!begins) {
		if (m->spoke) /* who never spoke does not say good-bye, §6.3.7 */
			report(r, index, true);
		r->due[index] = 0;
		return;
	}
	*m = (struct reporter){ .ssrc = draw32(r) };
	draw_cname(r, m->cname);
	schedule(r, index, true);
}

int reports_create(const struct reports_config *config, struct reports **reports)
{
	struct reports *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->config = *config;
	r->now_ms = 1;
	r->us_per_cycle = 1e6 / (double)rte_get_tsc_hz();
	r->due = calloc(config->terminations_max, sizeof(*r->due));
	r->reporters = calloc(config->terminations_max, sizeof(*r->reporters));
	if (!r->due || !r->reporters) {
		reports_destroy(r);
		return -ENOMEM;
	}
	flow_on_own_rtcp(config->flows, turns, r);
	*reports = r;
	return 0;
}

void reports_destroy(struct reports *r)
{
	if (!r)
		return;
	flow_on_own_rtcp(r->config.flows, NULL, NULL);
	free(r->due);
	free(r->reporters);
	free(r);
}

void reports_tick(struct reports *r, uint64_t now_ms)
{
	const uint32_t max = r->config.terminations_max;
	uint64_t passed = RTE_MIN(now_ms - r->tick_ms, (uint64_t)ROUND_MS);
	uint32_t looks = (uint32_t)(passed * max / ROUND_MS) + 1, budget = REPORTS_PER_TICK;

	r->tick_ms = now_ms;
	r->now_ms = (uint32_t)now_ms ? (uint32_t)now_ms : 1;
	for (looks = RTE_MIN(looks, max); looks > 0 && budget > 0; looks--) {
		uint32_t index = r->scan, due = r->due[index];

		r->scan = index + 1 < max ? index + 1 : 0;
		if (due == 0 || (int32_t)(r->now_ms - due) < 0)
			continue;
		report(r, index, false);
		schedule(r, index, false);
		budget--;
	}
}
