/* SPDX-License-Identifier: BSD-3-Clause */
/* Rows from the dataplane's statistics area about calls: contexts, terminations, quality, leaks. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/cli/cli.h"
#include "controlplane/cli/values.h"
#include "dataplane/client/quality.h"

#define XR_UNAVAILABLE 127 /* RFC 3611 §4.7.5 */

json_t *segment_contexts(const struct dp_stats_header *stats)
{
	json_t *rows = json_array();
	struct dp_context_record c;

	for (uint32_t i = 0; i < stats->contexts_max; i++) {
		dp_handle_t h;

		if (!dp_stats_context(stats, i, &c))
			continue;
		h = (dp_handle_t){ i, c.generation };
		json_array_append_new(
			rows,
			json_pack("{s:o,s:o,s:o,s:o}", "handle", handle(h), "call",
				  call_id(c.label), "terminations", number(c.terminations), "owner",
				  c.owner == UINT32_MAX ? json_null() : number(c.owner)));
	}
	return rows;
}

static json_t *codec_name(const struct dp_termination_record *t)
{
	static const char *const names[DP_CODEC_COUNT] = {
#define X(id, name, ie, bpl) [DP_CODEC_##id] = name,
		DP_CODECS(X)
#undef X
	};
	char text[8];

	if (t->codec != DP_CODEC_UNKNOWN && t->codec < DP_CODEC_COUNT)
		return json_string(names[t->codec]);
	if (t->payload_type == 255)
		return json_null();
	snprintf(text, sizeof(text), "pt %u", t->payload_type);
	return json_string(text);
}

static const char *latch_name(uint8_t latch)
{
	switch (latch) {
	case DP_LATCH_PROVING:
		return "proving";
	case DP_LATCH_LOCKED:
		return "locked";
	default:
		return "open";
	}
}

static const char *rule_name(uint8_t rule)
{
	static const char *const names[] = {
		[DP_SOURCE_STRICT] = "strict",
		[DP_SOURCE_LEARN] = "learn",
		[DP_SOURCE_HOST] = "host",
	};

	return rule < sizeof(names) / sizeof(names[0]) ? names[rule] : "?";
}

static const char *direction_name(uint8_t direction)
{
	static const char *const names[] = {
		[DP_DIRECTION_INACTIVE] = "inactive",
		[DP_DIRECTION_SENDONLY] = "sendonly",
		[DP_DIRECTION_RECVONLY] = "recvonly",
		[DP_DIRECTION_SENDRECV] = "sendrecv",
	};

	return direction < sizeof(names) / sizeof(names[0]) ? names[direction] : "?";
}

static const char *state_of(const struct dp_termination_record *t,
			    const struct dp_termination_counters *c)
{
	if (t->direction != DP_DIRECTION_SENDRECV)
		return "held";
	return c->packets ? "active" : "waiting";
}

static json_t *last_packet(const struct dp_stats_header *stats,
			   const struct dp_termination_counters *c)
{
	uint32_t ago = (uint32_t)read64(&stats->clock_ms) - c->last_packet_ms;

	if (c->packets == 0)
		return json_null();
	/* The clock is written after the packet's time stamp was taken from it, or before. */
	return number(ago > INT32_MAX ? 0 : ago);
}

/* What the terminations of a context received and forwarded, in all. */
struct forwarded {
	uint64_t packets, bytes;
	uint32_t incomplete; /* terminations that did not forward each packet */
	uint64_t rtt_us;     /* of all ends */
};

static bool is_incomplete(const struct dp_termination_counters *c)
{
	return c->not_forwarded != 0;
}

/* Forwarded bytes are not counted: they are known where each packet was forwarded. */
static json_t *tx_bytes(const struct forwarded *all, const struct dp_termination_counters *own)
{
	if (all->incomplete > (is_incomplete(own) ? 1u : 0u))
		return json_null();
	return number(all->bytes - own->bytes);
}

static void add_quality(json_t *row, const struct dp_termination_record *t,
			const struct dp_termination_counters *c, uint64_t rtt_us)
{
	const bool heard = c->packets > 0;
	struct dp_quality_snapshot now;
	struct dp_quality q;
	char alarms[DP_ALARMS_TEXT];
	json_t *more;

	dp_quality_snapshot(c, &now);
	dp_quality_judge(t, &now, NULL, rtt_us, &q);
	more = json_pack("{s:I,s:f,s:I,s:f,s:I,s:I,s:f,s:I,s:f,s:f,s:f,s:f,s:o,s:o,s:o,s:s,s:o}",
			 "lost", (json_int_t)q.lost, "loss_percent", q.loss_percent, "late",
			 (json_int_t)q.late, "late_percent", q.late_percent, "reordered",
			 (json_int_t)q.reordered, "duplicate", (json_int_t)q.duplicate, "jitter_ms",
			 q.jitter_ms, "longest_gap_ms", (json_int_t)q.longest_gap_ms, "burst_ms",
			 q.burst_ms, "burst_density", q.burst_density, "gap_ms", q.gap_ms,
			 "gap_density", q.gap_density, "r_factor", known_number(heard, q.r), "mos",
			 known_number(heard, q.mos), "interval_mos",
			 known_number(t->interval_mos, t->interval_mos / 100.0), "quality",
			 dp_quality_alarms(t->alarms, alarms), "rtt_ms",
			 known_number(c->rtt_us, c->rtt_us / 1000.0));
	json_object_update(row, more);
	json_decref(more);
}

/* Of 256, as RTCP has it. */
static json_t *share(bool known, uint8_t of_256)
{
	return known_number(known, of_256 * 100 / 256.0);
}

/* What the remote end says of what it receives: RFC 3550 §6.4.1, RFC 3611 §4.7. */
static void add_reports(json_t *row, const struct dp_termination_record *t,
			const struct dp_termination_counters *c)
{
	const bool rr = c->rr_reports > 0, xr = c->xr_reports > 0;
	const double jitter_ms = t->clock_rate ? c->reported_jitter * 1000.0 / t->clock_rate : 0;
	json_t *more = json_pack(
		"{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "rr_reports",
		number(c->rr_reports), "reported_lost",
		rr ? json_integer(c->reported_lost) : json_null(), "reported_loss_percent",
		share(rr, c->reported_fraction), "reported_jitter_ms", known_number(rr, jitter_ms),
		"xr_reports", number(c->xr_reports), "xr_r_factor",
		known_number(xr && c->xr_r_factor != XR_UNAVAILABLE, c->xr_r_factor), "xr_mos_lq",
		known_number(xr && c->xr_mos_lq != XR_UNAVAILABLE, c->xr_mos_lq / 10.0),
		"xr_mos_cq",
		known_number(xr && c->xr_mos_cq != XR_UNAVAILABLE, c->xr_mos_cq / 10.0),
		"xr_loss_percent", share(xr, c->xr_loss_rate), "xr_discard_percent",
		share(xr, c->xr_discard_rate), "xr_burst_density", share(xr, c->xr_burst_density),
		"xr_gap_density", share(xr, c->xr_gap_density));

	json_object_update(row, more);
	json_decref(more);
}

static json_t *ssrc_of(const struct dp_termination_counters *c)
{
	char text[9];

	if (!c->packets)
		return json_null();
	snprintf(text, sizeof(text), "%08" PRIx32, c->ssrc);
	return json_string(text);
}

static json_t *termination_row(const struct dp_stats_header *stats, uint32_t index,
			       const struct dp_termination_record *t,
			       const struct dp_termination_counters *c,
			       const struct forwarded *forwarded)
{
	dp_handle_t h = { index, t->generation };
	json_t *row =
		json_pack("{s:o,s:o,s:o,s:s,s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:s,s:o}", "handle",
			  handle(h), "context", handle(t->context), "call", call_id(t->label),
			  "side", t->side ? "callee" : "caller", "state", state_of(t, c),
			  "local_address", ip_of(&t->local), "local_port", port_of(&t->local),
			  "remote_address", ip_of(&t->remote), "remote_port", port_of(&t->remote),
			  "latched_address", ip_of(&c->source), "latched_port", port_of(&c->source),
			  "direction", direction_name(t->direction), "codec", codec_name(t));
	json_t *counters = json_pack(
		"{s:I,s:I,s:I,s:o,s:I,s:I,s:I,s:I,s:o,s:I,s:s,s:s,s:o,s:I,s:i}", "rx_packets",
		(json_int_t)c->packets, "rx_bytes", (json_int_t)c->bytes, "tx_packets",
		(json_int_t)(forwarded->packets - dp_counters_forwarded(c)), "tx_bytes",
		tx_bytes(forwarded, c), "rtcp_rx_packets", (json_int_t)c->rtcp_packets,
		"rtcp_tx_reports", (json_int_t)c->own_reports, "dropped", (json_int_t)c->dropped,
		"foreign", (json_int_t)c->foreign, "last_packet_ms", last_packet(stats, c),
		"rate_limited", (json_int_t)c->rate_limited, "source_rule",
		rule_name(t->source_rule), "latch", latch_name(c->latch), "ssrc", ssrc_of(c),
		"ssrc_changes", (json_int_t)c->ssrc_changes, "realm", (int)t->realm);

	json_object_update(row, counters);
	json_decref(counters);
	add_quality(row, t, c, forwarded->rtt_us);
	add_reports(row, t, c);
	return row;
}

struct known {
	uint32_t index;
	struct dp_termination_record record;
	struct dp_termination_counters counters;
};

static size_t read_terminations(const struct dp_stats_header *stats, struct known *known,
				struct forwarded *forwarded)
{
	size_t n = 0;

	for (uint32_t i = 0; i < stats->terminations_max; i++) {
		const struct dp_termination_counters *counters = dp_stats_counters(stats, i);
		struct known *k = &known[n];

		if (!counters || !dp_stats_termination(stats, i, &k->record))
			continue;
		k->index = i;
		k->counters = *counters;
		n++;
		if (k->record.context.index >= stats->contexts_max)
			continue;
		forwarded[k->record.context.index].packets += dp_counters_forwarded(&k->counters);
		forwarded[k->record.context.index].bytes += k->counters.bytes;
		forwarded[k->record.context.index].incomplete += is_incomplete(&k->counters);
		forwarded[k->record.context.index].rtt_us += k->counters.rtt_us;
	}
	return n;
}

/* What is sent to a termination is what the others of its context received and forwarded. */
json_t *segment_terminations(const struct dp_stats_header *stats, uint64_t call)
{
	json_t *rows = json_array();
	struct known *known = calloc((size_t)stats->terminations_max + 1, sizeof(*known));
	struct forwarded *forwarded = calloc((size_t)stats->contexts_max + 1, sizeof(*forwarded));
	size_t n = known && forwarded ? read_terminations(stats, known, forwarded) : 0;

	for (size_t i = 0; i < n; i++) {
		const struct known *k = &known[i];
		uint32_t context = k->record.context.index;

		if (context >= stats->contexts_max || (call && k->record.label != call))
			continue;
		json_array_append_new(rows, termination_row(stats, k->index, &k->record,
							    &k->counters, &forwarded[context]));
	}
	free(known);
	free(forwarded);
	return rows;
}

/* The same rows, and of them what stands in the table of fields. */
json_t *segment_quality(const struct dp_stats_header *stats, uint64_t call)
{
	json_t *rows = json_array(), *all = segment_terminations(stats, call), *row;
	size_t i;

	json_array_foreach(all, i, row)
	{
		json_t *some = json_object();

		for (const struct field *f = cli_fields(COMMAND_SHOW_QUALITY); f->name; f++)
			json_object_set(some, f->name, json_object_get(row, f->name));
		json_array_append_new(rows, some);
	}
	json_decref(all);
	return rows;
}

/* --- leaks --- */

/* When the last packet came to any termination of each context: clock_ms + 1; 0: none came. */
static uint32_t *last_packets(const struct dp_stats_header *stats)
{
	uint32_t *last = calloc((size_t)stats->contexts_max + 1, sizeof(*last));
	struct dp_termination_record t;

	for (uint32_t i = 0; last && i < stats->terminations_max; i++) {
		const struct dp_termination_counters *c = dp_stats_counters(stats, i);

		if (!c || !dp_stats_termination(stats, i, &t) || !c->packets ||
		    t.context.index >= stats->contexts_max)
			continue;
		if (c->last_packet_ms + 1 > last[t.context.index])
			last[t.context.index] = c->last_packet_ms + 1;
	}
	return last;
}

json_t *segment_leaks(const struct dp_stats_header *stats)
{
	uint64_t now = read64(&stats->clock_ms);
	uint32_t *last = last_packets(stats);
	json_t *rows = json_array();
	struct dp_context_record c;

	for (uint32_t i = 0; last && i < stats->contexts_max; i++) {
		uint32_t ago;

		if (!dp_stats_context(stats, i, &c) || c.owner != DP_NOBODY)
			continue;
		ago = (uint32_t)now + 1 - last[i];
		json_array_append_new(
			rows,
			json_pack("{s:o,s:o,s:o,s:o,s:o}", "handle",
				  handle((dp_handle_t){ i, c.generation }), "call",
				  call_id(c.label), "unclaimed_s",
				  number(now > c.unclaimed_ms ? (now - c.unclaimed_ms) / 1000 : 0),
				  "terminations", number(c.terminations), "last_packet_ms",
				  last[i] ? number(ago > INT32_MAX ? 0 : ago) : json_null()));
	}
	free(last);
	return rows;
}
