/* SPDX-License-Identifier: BSD-3-Clause */
/* Rows from the dataplane's statistics area, read as an observer: all but those about calls. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/cli/cli.h"
#include "controlplane/cli/values.h"
#include "dataplane/client/operator.h"

#define OPEN_TIMEOUT_MS 2000

static_assert(sizeof(((struct segment_cycles *)0)->busy) / sizeof(uint64_t) == DP_WORKERS_MAX,
	      "one for each worker");

static enum command_status open_as(bool operator_role, const char *run_dir,
				   struct dp_client **client, char *why, size_t why_size)
{
	char path[4096], text[256];
	int error;

	snprintf(path, sizeof(path), "%s/" DP_SOCKET_NAME, run_dir);
	error = operator_role ? dp_operator_open(path, "tandemctl", OPEN_TIMEOUT_MS, client, text,
						 sizeof(text))
			      : dp_client_open(path, "tandemctl", 0, OPEN_TIMEOUT_MS, client, text,
					       sizeof(text));
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

enum command_status segment_open(const char *run_dir, struct dp_client **client, char *why,
				 size_t why_size)
{
	return open_as(false, run_dir, client, why, why_size);
}

enum command_status segment_open_operator(const char *run_dir, struct dp_client **client, char *why,
					  size_t why_size)
{
	return open_as(true, run_dir, client, why, why_size);
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

static json_t *worker_row(unsigned id, const struct dp_worker_stats *w, uint64_t busy,
			  uint64_t idle, uint64_t busy_now)
{
	uint64_t packets = read64(&w->packets), walks = read64(&w->walks);
	uint64_t empty = read64(&w->empty_walks);

	return json_pack(
		"{s:i,s:o,s:o,s:o,s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "id", (int)id,
		"core", number(w->lcore), "cpu", number(w->cpu), "socket", number(w->socket),
		"state", worker_state(__atomic_load_n(&w->state, __ATOMIC_RELAXED)), "packets",
		number(packets), "walks", number(walks), "bursts",
		number(walks > empty ? walks - empty : 0), "flows",
		number(__atomic_load_n(&w->flows, __ATOMIC_RELAXED)), "given",
		number(read64(&w->given)), "taken", number(read64(&w->taken)), "hangs",
		number(__atomic_load_n(&w->hangs, __ATOMIC_RELAXED)), "observe_lost",
		number(read64(&w->observe_lost)), "latch_lost", number(read64(&w->latch_lost)),
		"idle_percent", ratio(100 * idle, idle + busy), "cycles_per_packet",
		ratio(busy_now, packets));
}

json_t *segment_workers(const struct dp_stats_header *stats, const struct segment_cycles *before)
{
	const struct dp_worker_stats *w;
	json_t *rows = json_array();
	struct segment_cycles now;

	segment_cycles_read(stats, &now);
	for (unsigned i = 0; i < DP_WORKERS_MAX && (w = dp_stats_worker(stats, i)); i++)
		json_array_append_new(rows, worker_row(i, w, now.busy[i] - before->busy[i],
						       now.idle[i] - before->idle[i], now.busy[i]));
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

static json_t *realm_name(const struct dp_stats_header *stats, unsigned realm)
{
	const struct dp_realm_stats *r = dp_stats_realm(stats, realm);

	return r ? text_of(r->name, sizeof(r->name)) : json_null();
}

json_t *segment_media_ports(const struct dp_stats_header *stats)
{
	const struct dp_pool_stats *p;
	json_t *rows = json_array();

	for (unsigned i = 0; (p = dp_stats_pool(stats, i)); i++)
		json_array_append_new(
			rows, json_pack("{s:o,s:o,s:o,s:o,s:o,s:o}", "address", ip_of(&p->address),
					"realm", realm_name(stats, p->realm), "first",
					port_of(&p->address), "last", number(p->port_last), "total",
					number(p->total), "used", number(p->used)));
	return rows;
}

json_t *segment_realms(const struct dp_stats_header *stats)
{
	const struct dp_realm_stats *r;
	json_t *rows = json_array();

	for (unsigned i = 0; (r = dp_stats_realm(stats, i)); i++) {
		const struct dp_port_stats *port = dp_stats_port(stats, r->port);
		uint64_t addresses = 0, total = 0, used = 0;
		const struct dp_pool_stats *p;

		for (unsigned k = 0; (p = dp_stats_pool(stats, k)); k++) {
			if (p->realm != i)
				continue;
			addresses++;
			total += p->total;
			used += p->used;
		}
		json_array_append_new(
			rows,
			json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "name",
				  text_of(r->name, sizeof(r->name)), "port",
				  port ? text_of(port->name, sizeof(port->name)) : json_null(),
				  "vlan", r->vlan ? number(r->vlan) : json_null(), "outer_vlan",
				  r->outer_vlan ? number(r->outer_vlan) : json_null(), "dscp",
				  number(r->dscp), "interface",
				  text_of(r->interface, sizeof(r->interface)), "addresses",
				  number(addresses), "media_ports", number(total),
				  "media_ports_used", number(used), "terminations",
				  number(__atomic_load_n(&r->terminations, __ATOMIC_RELAXED))));
	}
	return rows;
}

void segment_add_load(const struct dp_stats_header *stats, json_t *load)
{
	json_object_set_new(load, "contexts",
			    number(__atomic_load_n(&stats->contexts, __ATOMIC_RELAXED)));
	json_object_set_new(load, "unclaimed",
			    number(__atomic_load_n(&stats->unclaimed, __ATOMIC_RELAXED)));
	json_object_set_new(load, "reclaimed", number(read64(&stats->reclaimed)));
	json_object_set_new(load, "flow_memory", number(read64(&stats->flow_memory)));
	json_object_set_new(load, "table_memory", number(read64(&stats->table_memory)));
	json_object_set_new(load, "commands", number(read64(&stats->commands)));
	json_object_set_new(load, "commands_refused", number(read64(&stats->commands_refused)));
	json_object_set_new(load, "dataplane_events_lost", number(read64(&stats->events_lost)));
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
