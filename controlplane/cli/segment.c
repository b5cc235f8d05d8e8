/* SPDX-License-Identifier: BSD-3-Clause */
/* Rows from the dataplane's statistics area, read as an observer. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/cli/cli.h"
#include "dataplane/client/client.h"
#include "dataplane/client/quality.h"

#define OPEN_TIMEOUT_MS 2000

static_assert(sizeof(((struct segment_cycles *)0)->busy) / sizeof(uint64_t) == DP_WORKERS_MAX,
	      "one for each worker");

enum command_status segment_open(const char *run_dir, struct dp_client **client, char *why,
				 size_t why_size)
{
	char path[4096], text[256];
	int error;

	snprintf(path, sizeof(path), "%s/" DP_SOCKET_NAME, run_dir);
	error = dp_client_open(path, "tandemctl", 0, OPEN_TIMEOUT_MS, client, text, sizeof(text));
	if (!error)
		return STATUS_OK;
	if (error == -ENOENT || error == -ECONNREFUSED) {
		snprintf(why, why_size,
			 "tandem-dataplane is not running (no socket at %s): start it with "
			 "\"systemctl start tandem-dataplane\" or \"tandem-dataplane --config "
			 "FILE\"",
			 path);
		return STATUS_NOT_RUNNING;
	}
	snprintf(why, why_size, "%s", text);
	return STATUS_FAILED;
}

/* --- values --- */

static uint64_t read64(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static json_t *number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *ratio(uint64_t of, uint64_t by)
{
	return by ? json_real((double)of / (double)by) : json_null();
}

/* Text of fixed size, perhaps without a terminator. */
static json_t *text_of(const char *text, size_t size)
{
	json_t *value = json_stringn(text, strnlen(text, size));

	return value ? value : json_string("?");
}

static json_t *handle(dp_handle_t h)
{
	char text[24];

	if (dp_handle_is_none(h))
		return json_null();
	snprintf(text, sizeof(text), "%" PRIu32 ".%" PRIu32, h.index, h.generation);
	return json_string(text);
}

static json_t *call_id(uint64_t label)
{
	char text[17];

	snprintf(text, sizeof(text), "%016" PRIx64, label);
	return json_string(text);
}

/* The IP alone, without brackets. */
static json_t *ip_of(const struct dp_address *address)
{
	char text[DP_ADDRESS_TEXT], *ip = text, *end;

	if (address->family == DP_FAMILY_NONE)
		return json_null();
	dp_address_format(address, text);
	end = strrchr(text, ':');
	if (end)
		*end = '\0';
	if (ip[0] == '[' && (end = strchr(ip, ']'))) {
		*end = '\0';
		ip++;
	}
	return json_string(ip);
}

static json_t *port_of(const struct dp_address *address)
{
	return address->family == DP_FAMILY_NONE ? json_null() : number(address->port);
}

/* --- contexts, terminations --- */

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

static json_t *codec_name(uint8_t payload_type)
{
	char text[8];

	switch (payload_type) {
	case 0:
		return json_string("PCMU");
	case 8:
		return json_string("PCMA");
	case 255:
		return json_null();
	default:
		snprintf(text, sizeof(text), "pt %u", payload_type);
		return json_string(text);
	}
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

static json_t *known_number(bool known, double value)
{
	return known ? json_real(value) : json_null();
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
	more = json_pack("{s:I,s:f,s:I,s:I,s:I,s:f,s:I,s:f,s:f,s:f,s:f,s:o,s:o,s:o,s:s,s:o}",
			 "lost", (json_int_t)q.lost, "loss_percent", q.loss_percent, "late",
			 (json_int_t)q.late, "reordered", (json_int_t)q.reordered, "duplicate",
			 (json_int_t)q.duplicate, "jitter_ms", q.jitter_ms, "longest_gap_ms",
			 (json_int_t)q.longest_gap_ms, "burst_ms", q.burst_ms, "burst_density",
			 q.burst_density, "gap_ms", q.gap_ms, "gap_density", q.gap_density,
			 "r_factor", known_number(heard, q.r), "mos", known_number(heard, q.mos),
			 "interval_mos", known_number(t->interval_mos, t->interval_mos / 100.0),
			 "quality", dp_quality_alarms(t->alarms, alarms), "rtt_ms",
			 known_number(c->rtt_us, c->rtt_us / 1000.0));
	json_object_update(row, more);
	json_decref(more);
}

static json_t *termination_row(const struct dp_stats_header *stats, uint32_t index,
			       const struct dp_termination_record *t,
			       const struct dp_termination_counters *c,
			       const struct forwarded *forwarded)
{
	dp_handle_t h = { index, t->generation };
	json_t *row = json_pack("{s:o,s:o,s:o,s:s,s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:s,s:o}", "handle",
				handle(h), "context", handle(t->context), "call", call_id(t->label),
				"side", t->side ? "callee" : "caller", "state", state_of(t, c),
				"local_address", ip_of(&t->local), "local_port", port_of(&t->local),
				"remote_address", ip_of(&t->remote), "remote_port",
				port_of(&t->remote), "latched_address", ip_of(&c->source),
				"latched_port", port_of(&c->source), "direction",
				direction_name(t->direction), "codec", codec_name(t->payload_type));
	json_t *counters = json_pack(
		"{s:I,s:I,s:I,s:o,s:I,s:I,s:I,s:I,s:o}", "rx_packets", (json_int_t)c->packets,
		"rx_bytes", (json_int_t)c->bytes, "tx_packets",
		(json_int_t)(forwarded->packets - dp_counters_forwarded(c)), "tx_bytes",
		tx_bytes(forwarded, c), "rtcp_rx_packets", (json_int_t)c->rtcp_packets,
		"rtcp_tx_reports", (json_int_t)c->own_reports, "dropped", (json_int_t)c->dropped,
		"foreign", (json_int_t)c->foreign, "last_packet_ms", last_packet(stats, c));

	json_object_update(row, counters);
	json_decref(counters);
	add_quality(row, t, c, forwarded->rtt_us);
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

/* --- ports, workers, nodes, drops --- */

json_t *segment_ports(const struct dp_stats_header *stats)
{
	const struct dp_port_stats *p;
	json_t *rows = json_array();

	for (unsigned i = 0; (p = dp_stats_port(stats, i)); i++) {
		char mac[18];

		snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", p->mac[0], p->mac[1],
			 p->mac[2], p->mac[3], p->mac[4], p->mac[5]);
		json_array_append_new(
			rows, json_pack("{s:o,s:o,s:o,s:s,s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}",
					"name", text_of(p->name, sizeof(p->name)), "device",
					text_of(p->device, sizeof(p->device)), "driver",
					text_of(p->driver, sizeof(p->driver)), "mac", mac, "link",
					p->link_up ? "up" : "down", "rx_packets",
					number(read64(&p->rx_packets)), "rx_bytes",
					number(read64(&p->rx_bytes)), "tx_packets",
					number(read64(&p->tx_packets)), "tx_bytes",
					number(read64(&p->tx_bytes)), "rx_missed",
					number(read64(&p->rx_missed)), "tx_dropped",
					number(read64(&p->tx_errors)), "tap",
					p->tap[0] ? text_of(p->tap, sizeof(p->tap)) : json_null(),
					"punted", number(read64(&p->punted)), "injected",
					number(read64(&p->injected))));
	}
	return rows;
}

void segment_cycles_read(const struct dp_stats_header *stats, struct segment_cycles *cycles)
{
	const struct dp_worker_stats *w;

	memset(cycles, 0, sizeof(*cycles));
	for (unsigned i = 0; i < DP_WORKERS_MAX && (w = dp_stats_worker(stats, i)); i++) {
		cycles->busy[i] = read64(&w->busy_cycles);
		cycles->idle[i] = read64(&w->idle_cycles);
	}
}

static const char *worker_state(uint32_t state)
{
	switch (state) {
	case DP_WORKER_RUNNING:
		return "running";
	case DP_WORKER_ASLEEP:
		return "asleep";
	case DP_WORKER_HUNG:
		return "hung";
	default:
		return "stopped";
	}
}

static void count_flows(const struct dp_stats_header *stats, uint32_t flows[DP_WORKERS_MAX])
{
	struct dp_termination_record t;

	for (uint32_t i = 0; i < stats->terminations_max; i++) {
		if (dp_stats_termination(stats, i, &t) && t.worker < DP_WORKERS_MAX)
			flows[t.worker]++;
	}
}

json_t *segment_workers(const struct dp_stats_header *stats, const struct segment_cycles *before)
{
	const struct dp_worker_stats *w;
	json_t *rows = json_array();
	struct segment_cycles now;
	uint32_t flows[DP_WORKERS_MAX] = { 0 };

	segment_cycles_read(stats, &now);
	count_flows(stats, flows);
	for (unsigned i = 0; i < DP_WORKERS_MAX && (w = dp_stats_worker(stats, i)); i++) {
		uint64_t idle = now.idle[i] - before->idle[i];
		uint64_t all = idle + now.busy[i] - before->busy[i];
		uint64_t packets = read64(&w->packets), walks = read64(&w->walks);
		uint64_t empty = read64(&w->empty_walks);

		json_array_append_new(
			rows,
			json_pack("{s:i,s:o,s:s,s:o,s:o,s:o,s:o,s:o,s:o}", "id", (int)i, "core",
				  number(w->lcore), "state",
				  worker_state(__atomic_load_n(&w->state, __ATOMIC_RELAXED)),
				  "packets", number(packets), "walks", number(walks), "bursts",
				  number(walks > empty ? walks - empty : 0), "flows",
				  number(flows[i]), "idle_percent", ratio(100 * idle, all),
				  "cycles_per_packet", ratio(now.busy[i], packets)));
	}
	return rows;
}

json_t *segment_nodes(const struct dp_stats_header *stats)
{
	json_t *rows = json_array();

	for (unsigned worker = 0; dp_stats_worker(stats, worker); worker++) {
		const struct dp_node_stats *n;

		for (unsigned i = 0; (n = dp_stats_node(stats, worker, i)); i++) {
			uint64_t calls = read64(&n->calls), packets = read64(&n->packets);

			if (n->name[0] == '\0')
				continue;
			json_array_append_new(
				rows,
				json_pack("{s:i,s:o,s:o,s:o,s:o,s:o}", "worker", (int)worker,
					  "node", text_of(n->name, sizeof(n->name)), "calls",
					  number(calls), "packets", number(packets),
					  "packets_per_call", ratio(packets, calls),
					  "cycles_per_packet", ratio(read64(&n->cycles), packets)));
		}
	}
	return rows;
}

static uint64_t drops_of(const struct dp_stats_header *stats, unsigned reason)
{
	const struct dp_worker_stats *w;
	uint64_t sum = 0;

	for (unsigned i = 0; (w = dp_stats_worker(stats, i)); i++)
		sum += read64(&w->drops[reason]);
	return sum;
}

json_t *segment_drops(const struct dp_stats_header *stats)
{
	static const struct {
		const char *name, *meaning;
	} reasons[DP_DROP_REASONS] = {
#define X(id, name, meaning) [DP_DROP_##id] = { name, meaning },
		DP_DROPS(X)
#undef X
	};
	json_t *rows = json_array();

	for (unsigned i = 0; i < DP_DROP_REASONS; i++)
		json_array_append_new(rows, json_pack("{s:s,s:o,s:s}", "reason", reasons[i].name,
						      "packets", number(drops_of(stats, i)),
						      "meaning", reasons[i].meaning));
	return rows;
}

json_t *segment_media_ports(const struct dp_stats_header *stats)
{
	const struct dp_pool_stats *p;
	json_t *rows = json_array();

	for (unsigned i = 0; (p = dp_stats_pool(stats, i)); i++)
		json_array_append_new(
			rows, json_pack("{s:o,s:o,s:o,s:o,s:o}", "address", ip_of(&p->address),
					"first", port_of(&p->address), "last", number(p->port_last),
					"total", number(p->total), "used", number(p->used)));
	return rows;
}

json_t *segment_version(const struct dp_stats_header *stats)
{
	return json_pack("{s:s,s:o,s:o,s:o,s:o,s:o,s:o}", "state", "up", "version",
			 text_of(stats->version, sizeof(stats->version)), "pid", number(stats->pid),
			 "uptime_s", number(read64(&stats->clock_ms) / 1000), "layout",
			 number(stats->layout_version), "contexts", number(stats->contexts),
			 "terminations", number(stats->terminations));
}

void segment_totals_read(const struct dp_stats_header *stats, struct segment_totals *totals)
{
	const struct dp_port_stats *p;

	*totals = (struct segment_totals){ 0 };
	for (unsigned i = 0; (p = dp_stats_port(stats, i)); i++) {
		totals->rx_packets += read64(&p->rx_packets);
		totals->tx_packets += read64(&p->tx_packets);
	}
	for (unsigned reason = 0; reason < DP_DROP_REASONS; reason++)
		totals->dropped += drops_of(stats, reason);
}
