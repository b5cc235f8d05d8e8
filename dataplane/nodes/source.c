/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/nodes/source.h"

#include <rte_byteorder.h>

#include "dataplane/nodes/rtp.h"

static const struct dp_address nowhere;

static struct dp_address address_of(const struct passage *p)
{
	struct dp_address a = { .port = rte_be_to_cpu_16(p->udp->src_port),
				.family = p->v6 ? DP_FAMILY_IPV6 : DP_FAMILY_IPV4 };

	memcpy(a.ip, source_ip(p), p->v6 ? 16 : 4);
	return a;
}

bool passage_notice(const struct passage *p, enum flow_notice_kind kind, bool rtcp)
{
	struct flow_notice notice = {
		.termination = p->flow->termination,
		.generation = p->flow->generation,
		.kind = (uint8_t)kind,
		.rtcp = rtcp,
		.latch_epoch = p->flow->latch_epoch,
		.source = address_of(p),
	};

	if (rte_ring_mp_enqueue_elem(p->context->config.notices, &notice, sizeof(notice)) == 0)
		return true;
	p->context->config.stats->latch_lost++;
	return false;
}

static void set_source(struct dp_termination_counters *c, const struct dp_address *source,
		       enum dp_latch latch)
{
	c->source = *source;
	c->source_key = source_key(source->family == DP_FAMILY_IPV6, source->ip);
	c->source_port = rte_cpu_to_be_16(source->port);
	c->latch = (uint8_t)latch;
}

/* The signalling has spoken: strict takes what it said, learn begins anew. */
static void restart(struct dp_termination_counters *c, const struct flow *flow)
{
	bool learn = flow->flags & FLOW_LEARN;

	c->awaited &= (uint8_t) ~(DP_AWAITED_RTP | DP_AWAITED_RTCP);
	c->latch_epoch = flow->latch_epoch;
	set_source(c, learn ? &nowhere : &flow->expected, learn ? DP_LATCH_OPEN : DP_LATCH_LOCKED);
	c->source_rtcp = learn ? nowhere : flow->expected_rtcp;
}

/* If the manager cannot be told, the latch stays as it is: the next packet tries again. */
static void lock(struct passage *p, const struct dp_address *source)
{
	struct dp_termination_counters *c = p->counters;

	if (!passage_notice(p, FLOW_NOTICE_LATCHED, false))
		return;
	set_source(c, source, DP_LATCH_LOCKED);
	c->candidate_ssrc = c->ssrc; /* it has done its service; rtp_count() looks for others */
	if ((c->awaited & DP_AWAITED_RTCP) || !dp_address_same_ip(&c->source_rtcp, source))
		c->source_rtcp = nowhere;
	c->awaited &= (uint8_t)~DP_AWAITED_RTCP;
}

static bool is_candidate(const struct dp_termination_counters *c, const struct dp_address *source,
			 uint32_t ssrc)
{
	return c->latch == DP_LATCH_PROVING && c->candidate_ssrc == ssrc &&
	       dp_address_same(&c->source, source);
}

static void propose(struct dp_termination_counters *c, const struct dp_address *source,
		    uint32_t ssrc)
{
	set_source(c, source, DP_LATCH_PROVING);
	c->candidate_ssrc = ssrc;
	c->awaited &= (uint8_t)~DP_AWAITED_RTP;
}

static bool is_pair(const struct dp_address *source, const uint8_t *ip, rte_be16_t port)
{
	return memcmp(source->ip, ip, source->family == DP_FAMILY_IPV6 ? 16 : 4) == 0 &&
	       (source->port | 1) == (rte_be_to_cpu_16(port) | 1);
}

/* A group, or either side of the call: what is sent there goes to many, or in a circle. */
static bool is_nobody(const struct passage *p, const struct dp_address *source)
{
	const uint8_t *to = p->ip + (p->v6 ? offsetof(struct rte_ipv6_hdr, dst_addr)
					   : offsetof(struct rte_ipv4_hdr, dst_addr));

	if (!dp_address_is_unicast(source))
		return true;
	return address_find(&p->context->addresses, source->family, source->ip) &&
	       (is_pair(source, to, p->udp->dst_port) ||
		is_pair(source, p->flow->source, p->flow->source_port));
}

static bool is_open(const struct passage *p)
{
	return (p->flow->flags & FLOW_LEARN) && p->counters->latch != DP_LATCH_LOCKED;
}

static void begin(struct passage *p)
{
	if (p->counters->latch_epoch != p->flow->latch_epoch)
		restart(p->counters, p->flow);
}

/* From exactly the address that signalling gave: it need not prove itself, and takes the place of
 * whatever source was learnt before it spoke. */
static bool is_signalled(const struct passage *p, const struct dp_address *source)
{
	return (p->flow->flags & FLOW_LEARN) && dp_address_same(&p->flow->expected, source);
}

/* Of another host than the one that is to be learnt from. */
static bool is_outsider(const struct passage *p, const struct dp_address *source)
{
	return (p->flow->flags & FLOW_HOST) && p->flow->expected.family != DP_FAMILY_NONE &&
	       !dp_address_same_ip(&p->flow->expected, source);
}

enum source_verdict source_judge_rtp(struct passage *p)
{
	struct dp_termination_counters *c = p->counters;
	const struct dp_address source = address_of(p);
	uint32_t ssrc = rtp_get32(p->payload + 8);
	uint16_t sequence = rtp_get16(p->payload + 2), next = (uint16_t)(sequence + 1);

	begin(p);
	if (source_is_locked(p))
		return SOURCE_OURS;
	if ((!is_signalled(p, &source) && !is_open(p)) || is_outsider(p, &source) ||
	    is_nobody(p, &source))
		return SOURCE_FOREIGN;
	if (is_signalled(p, &source) ||
	    (is_candidate(c, &source, ssrc) && (c->awaited & DP_AWAITED_RTP) &&
	     c->candidate_sequence == sequence)) {
		c->candidate_sequence = next;
		lock(p, &source);
		return SOURCE_OURS;
	}
	propose(c, &source, ssrc);
	c->candidate_sequence = next;
	c->awaited |= DP_AWAITED_RTP;
	return SOURCE_UNPROVEN;
}

/*
 * Before there was any RTP (a listener sends only RTCP) RTCP has to come from the host of the
 * signalling. Before its answer has arrived a called phone may speak already: then nobody knows
 * its host, and it has to prove itself.
 */
static const struct dp_address *known_host(const struct passage *p)
{
	return p->counters->latch == DP_LATCH_LOCKED ? &p->counters->source : &p->flow->expected;
}

static const struct dp_address *known_rtcp(const struct dp_termination_counters *c)
{
	return c->awaited & DP_AWAITED_RTCP ? &nowhere : &c->source_rtcp;
}

/* The second packet of this source and SSRC; else it is the first one. */
static bool rtcp_proves_itself(struct dp_termination_counters *c, const struct dp_address *source,
			       uint32_t ssrc)
{
	if ((c->awaited & DP_AWAITED_RTCP) && c->candidate_ssrc == ssrc &&
	    dp_address_same(&c->source_rtcp, source))
		return true;
	c->source_rtcp = *source;
	c->candidate_ssrc = ssrc;
	c->awaited |= DP_AWAITED_RTCP;
	return false;
}

static enum source_verdict judge_own_port(struct passage *p, const struct dp_address *source,
					  uint32_t ssrc)
{
	struct dp_termination_counters *c = p->counters;
	const struct dp_address *host = known_host(p), *known = known_rtcp(c);

	if (dp_address_same(known, source))
		return SOURCE_OURS;
	if (!(p->flow->flags & FLOW_LEARN) || known->family != DP_FAMILY_NONE ||
	    (host->family != DP_FAMILY_NONE && !dp_address_same_ip(host, source)) ||
	    is_nobody(p, source))
		return SOURCE_FOREIGN;
	if (host->family == DP_FAMILY_NONE && !rtcp_proves_itself(c, source, ssrc))
		return SOURCE_UNPROVEN;
	if (passage_notice(p, FLOW_NOTICE_LATCHED, true)) {
		c->source_rtcp = *source;
		c->awaited &= (uint8_t)~DP_AWAITED_RTCP;
	}
	return SOURCE_OURS;
}

enum source_verdict source_judge_rtcp(struct passage *p)
{
	struct dp_termination_counters *c = p->counters;
	const struct dp_address source = address_of(p);
	uint32_t ssrc = rtp_get32(p->payload + 4);

	begin(p);
	if (!(p->flow->flags & FLOW_RTCP_MUX))
		return judge_own_port(p, &source, ssrc);
	if (source_is_locked(p))
		return SOURCE_OURS;
	if ((!is_signalled(p, &source) && !is_open(p)) || is_nobody(p, &source))
		return SOURCE_FOREIGN;
	if (p->flow->expected.family != DP_FAMILY_NONE &&
	    !dp_address_same_ip(&p->flow->expected, &source))
		return SOURCE_FOREIGN;
	if (p->flow->expected.family != DP_FAMILY_NONE || is_candidate(c, &source, ssrc)) {
		lock(p, &source);
		return SOURCE_OURS;
	}
	propose(c, &source, ssrc);
	return SOURCE_UNPROVEN;
}

static enum source_verdict look_at_own_port(const struct passage *p, bool is_new,
					    const struct dp_address *source)
{
	const struct dp_termination_counters *c = p->counters;
	const struct flow *f = p->flow;
	const struct dp_address *host = is_new ? &f->expected : known_host(p);
	const struct dp_address *known = is_new ? &nowhere : known_rtcp(c);

	if (!(f->flags & FLOW_LEARN))
		known = &f->expected_rtcp;
	if (known->family != DP_FAMILY_NONE || !(f->flags & FLOW_LEARN))
		return dp_address_same(known, source) ? SOURCE_OURS : SOURCE_FOREIGN;
	if (host->family != DP_FAMILY_NONE && !dp_address_same_ip(host, source))
		return SOURCE_FOREIGN;
	return SOURCE_UNPROVEN;
}

enum source_verdict source_look(const struct passage *p)
{
	const struct dp_termination_counters *c = p->counters;
	const struct flow *f = p->flow;
	const struct dp_address source = address_of(p);
	bool is_new = c->latch_epoch != f->latch_epoch; /* restart() is due */

	if ((p->udp->dst_port & RTE_BE16(1)) && !(f->flags & FLOW_RTCP_MUX))
		return look_at_own_port(p, is_new, &source);
	if (dp_address_same(&f->expected, &source))
		return SOURCE_OURS;
	if ((f->flags & FLOW_LEARN) && (is_new || is_open(p)))
		return is_outsider(p, &source) ? SOURCE_FOREIGN : SOURCE_UNPROVEN;
	return !is_new && dp_address_same(&c->source, &source) ? SOURCE_OURS : SOURCE_FOREIGN;
}
