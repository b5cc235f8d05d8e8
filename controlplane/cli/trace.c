/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets on their way through the dataplane's nodes: a block for each, or a line of JSON. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/cli/cli.h"
#include "dataplane/client/operator.h"

#define PACKETS_DEFAULT 10u
#define STATIONS        20u
#define ANSWER_MS       5000
#define LOOK_MS         200 /* so often Ctrl-C is looked for */

struct traced {
	unsigned count;
	struct dp_trace_record stations[STATIONS];
};

struct trace_view {
	struct cli *cli;
	const struct dp_stats_header *stats;
	uint32_t packets;
	struct traced *traced; /* by number, from 0 */
};

/* --- what the frame says --- */

static unsigned get16(const uint8_t *p)
{
	return (unsigned)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

struct decoded {
	unsigned vlan;    /* 0: none */
	uint8_t family;   /* enum dp_family */
	uint8_t protocol; /* of IP */
	bool ports;       /* UDP, and no later fragment */
	struct dp_address source, destination;
	const uint8_t *rtp; /* NULL: does not look like it */
	bool rtcp;
};

static size_t decode_ip(const uint8_t *p, size_t size, struct decoded *d)
{
	bool v6 = d->family == DP_FAMILY_IPV6;
	size_t header = v6 ? 40 : size > 0 ? (p[0] & 15u) * 4 : 0, length = v6 ? 16 : 4;
	size_t at = v6 ? 8 : 12;

	if (size < (v6 ? 40u : 20u) || header < (v6 ? 40u : 20u))
		return 0;
	d->protocol = p[v6 ? 6 : 9];
	d->source.family = d->destination.family = d->family;
	memcpy(d->source.ip, p + at, length);
	memcpy(d->destination.ip, p + at + length, length);
	d->ports = d->protocol == IPPROTO_UDP && (v6 || (get16(p + 6) & 0x1fff) == 0);
	return header;
}

static void decode_udp(const uint8_t *p, size_t size, struct decoded *d)
{
	if (size < 8) {
		d->ports = false;
		return;
	}
	d->source.port = (uint16_t)get16(p);
	d->destination.port = (uint16_t)get16(p + 2);
	if (size < 20 || p[8] >> 6 != 2)
		return;
	d->rtp = p + 8;
	d->rtcp = p[9] >= 192 && p[9] <= 223; /* RFC 5761 §4 */
}

static void decode(const struct dp_trace_record *r, struct decoded *d)
{
	const uint8_t *p = r->head;
	size_t left = r->head_size <= sizeof(r->head) ? r->head_size : 0, n;
	unsigned type;

	memset(d, 0, sizeof(*d));
	if (left < 14)
		return;
	type = get16(p + 12);
	p += 14;
	left -= 14;
	while ((type == 0x8100 || type == 0x88a8) && left >= 4) {
		d->vlan = get16(p) & 0xfff;
		type = get16(p + 2);
		p += 4;
		left -= 4;
	}
	if (type == 0x0800)
		d->family = DP_FAMILY_IPV4;
	else if (type == 0x86dd)
		d->family = DP_FAMILY_IPV6;
	else
		return;
	n = decode_ip(p, left, d);
	if (n == 0)
		d->family = DP_FAMILY_NONE;
	else if (d->ports && n <= left)
		decode_udp(p + n, left - n, d);
}

/* --- for people --- */

static const char *drop_name(uint8_t reason, const char **meaning)
{
	static const char *const names[DP_DROP_REASONS][2] = {
#define X(id, name, text) [DP_DROP_##id] = { name, text },
		DP_DROPS(X)
#undef X
	};

	*meaning = reason < DP_DROP_REASONS ? names[reason][1] : "";
	return reason < DP_DROP_REASONS ? names[reason][0] : "?";
}

static const char *port_name(const struct trace_view *v, uint16_t index)
{
	const struct dp_port_stats *port =
		index == DP_PORT_ANY ? NULL : dp_stats_port(v->stats, index);

	return port ? port->name : "-";
}

static void print_headers(FILE *out, const struct dp_trace_record *r)
{
	char source[DP_ADDRESS_TEXT], destination[DP_ADDRESS_TEXT];
	struct decoded d;

	decode(r, &d);
	if (d.vlan)
		fprintf(out, " vlan %u", d.vlan);
	if (d.family == DP_FAMILY_NONE) {
		fputs(" not IP", out);
		return;
	}
	fprintf(out, " %s > %s", dp_address_format(&d.source, source),
		dp_address_format(&d.destination, destination));
	if (!d.ports)
		fprintf(out, " protocol %u", d.protocol);
	else if (d.rtp && d.rtcp)
		fprintf(out, " RTCP type %u ssrc %08x", d.rtp[1], get32(d.rtp + 4));
	else if (d.rtp)
		fprintf(out, " RTP type %d seq %u ts %u ssrc %08x", d.rtp[1] & 0x7f,
			get16(d.rtp + 2), get32(d.rtp + 4), get32(d.rtp + 8));
	else
		fputs(" UDP", out);
}

static int64_t nanoseconds(const struct trace_view *v, uint64_t from, uint64_t to)
{
	double hz = v->stats->tsc_hz ? (double)v->stats->tsc_hz : 1e9;

	return (int64_t)((double)(int64_t)(to - from) * 1e9 / hz);
}

static void print_block(const struct trace_view *v, uint32_t number, const struct traced *t)
{
	FILE *out = v->cli->out;

	fprintf(out, "packet %u\n", number);
	for (unsigned i = 0; i < t->count; i++) {
		const struct dp_trace_record *r = &t->stations[i];
		const char *meaning, *reason = drop_name(r->drop, &meaning);

		fprintf(out, "  %8lld ns  worker %u  %-6.16s %-8s %4u bytes",
			(long long)nanoseconds(v, t->stations[0].tsc, r->tsc), r->worker, r->node,
			port_name(v, r->port), r->size);
		print_headers(out, r);
		if (r->termination != UINT32_MAX)
			fprintf(out, " termination %u", r->termination);
		fputc('\n', out);
		if (strcmp(r->node, "drop") == 0)
			fprintf(out, "               %s: %s\n", reason, meaning);
	}
	fflush(out);
}

/* --- for scripts --- */

static json_t *station_object(const struct trace_view *v, const struct traced *t,
			      const struct dp_trace_record *r)
{
	char source[DP_ADDRESS_TEXT], destination[DP_ADDRESS_TEXT];
	const char *meaning;
	struct decoded d;
	json_t *o = json_pack(
		"{s:s, s:i, s:I, s:i, s:s?}", "node", r->node, "worker", (int)r->worker, "ns",
		(json_int_t)nanoseconds(v, t->stations[0].tsc, r->tsc), "size", (int)r->size,
		"port", r->port == DP_PORT_ANY ? NULL : port_name(v, r->port));

	decode(r, &d);
	if (d.family != DP_FAMILY_NONE) {
		json_object_set_new(o, "source", json_string(dp_address_format(&d.source, source)));
		json_object_set_new(o, "destination",
				    json_string(dp_address_format(&d.destination, destination)));
	}
	if (d.rtp && d.rtcp)
		json_object_set_new(o, "rtcp",
				    json_pack("{s:i, s:I}", "type", (int)d.rtp[1], "ssrc",
					      (json_int_t)get32(d.rtp + 4)));
	else if (d.rtp)
		json_object_set_new(o, "rtp",
				    json_pack("{s:i, s:i, s:I, s:I}", "type",
					      (int)(d.rtp[1] & 0x7f), "sequence",
					      (int)get16(d.rtp + 2), "timestamp",
					      (json_int_t)get32(d.rtp + 4), "ssrc",
					      (json_int_t)get32(d.rtp + 8)));
	if (r->termination != UINT32_MAX)
		json_object_set_new(o, "termination", json_integer(r->termination));
	if (strcmp(r->node, "drop") == 0)
		json_object_set_new(o, "drop", json_string(drop_name(r->drop, &meaning)));
	return o;
}

static void print_json(const struct trace_view *v, uint32_t number, const struct traced *t)
{
	json_t *stations = json_array(), *object;

	for (unsigned i = 0; i < t->count; i++)
		json_array_append_new(stations, station_object(v, t, &t->stations[i]));
	object = json_pack("{s:I, s:o}", "packet", (json_int_t)number, "stations", stations);
	json_dumpf(object, v->cli->out, JSON_COMPACT);
	fputc('\n', v->cli->out);
	fflush(v->cli->out);
	json_decref(object);
}

/* --- */

static int by_time(const void *a, const void *b)
{
	const struct dp_trace_record *one = a, *other = b;

	return one->tsc < other->tsc ? -1 : one->tsc > other->tsc;
}

static void print_packet(struct trace_view *v, uint32_t number)
{
	struct traced *t = &v->traced[number - 1];

	if (t->count == 0)
		return;
	qsort(t->stations, t->count, sizeof(t->stations[0]), by_time);
	if (v->cli->json)
		print_json(v, number, t);
	else
		print_block(v, number, t);
	t->count = 0;
}

/* A packet that changed the worker may be heard of in another order, so it is waited for until the
 * end; others are shown as soon as they have left. */
static void take(struct trace_view *v, const struct dp_trace_record *record)
{
	struct traced *t;

	if (record->packet == 0 || record->packet > v->packets)
		return;
	t = &v->traced[record->packet - 1];
	if (t->count == STATIONS)
		return;
	t->stations[t->count] = *record;
	t->stations[t->count].node[sizeof(record->node) - 1] = '\0';
	t->count++;
	if (record->left && strcmp(t->stations[0].node, "rx") == 0)
		print_packet(v, record->packet);
}

static enum command_status follow(struct trace_view *v, struct dp_client *client)
{
	struct dp_trace_record record = { 0 };
	int error = 0;

	while (!cli_interrupted && !ferror(v->cli->out)) {
		error = dp_operator_trace(client, LOOK_MS, &record);
		if (error == -ETIMEDOUT || error == -EINTR)
			continue;
		if (error || record.last)
			break;
		take(v, &record);
	}
	for (uint32_t i = 1; i <= v->packets; i++)
		print_packet(v, i);
	if (error == -ECONNRESET)
		return cli_fail(v->cli, STATUS_NOT_RUNNING, "tandem-dataplane has ended");
	return STATUS_OK;
}

enum command_status trace_run(struct cli *cli, const struct arguments *arguments)
{
	struct dp_operation operation = { .verb = DP_OPERATION_TRACE };
	struct trace_view view = { .cli = cli };
	struct dp_operation_reply reply;
	struct dp_client *client;
	enum command_status status;
	int error;

	view.packets = arguments->packets ? arguments->packets : PACKETS_DEFAULT;
	if (view.packets > DP_TRACE_PACKETS_MAX)
		return cli_fail(cli, STATUS_USAGE, "a trace has 1 to %u packets, not %u",
				DP_TRACE_PACKETS_MAX, view.packets);
	cli_interrupted = 0;
	status = operator_open(cli, &client);
	if (status != STATUS_OK)
		return status;
	view.stats = dp_client_stats(client);
	view.traced = calloc(view.packets, sizeof(*view.traced));
	operation.trace.packets = view.packets;
	status = view.traced ? operator_filter(cli, view.stats, arguments, &operation.trace.filter)
			     : cli_fail(cli, STATUS_FAILED, "no memory");
	if (status == STATUS_OK) {
		error = dp_operator_ask(client, &operation, -1, ANSWER_MS, &reply);
		status = error ? operator_refused(cli, arguments, error) : follow(&view, client);
	}
	free(view.traced);
	dp_client_close(client);
	return status;
}
