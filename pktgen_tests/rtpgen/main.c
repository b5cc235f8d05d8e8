/* SPDX-License-Identifier: BSD-3-Clause */
/* rtpgen: sends RTP streams through a relay, takes them back, and tells what happened. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include "pktgen_tests/rtpgen/calls.h"
#include "pktgen_tests/rtpgen/port.h"
#include "pktgen_tests/rtpgen/report.h"
#include "pktgen_tests/rtpgen/run.h"
#include "pktgen_tests/rtpgen/search.h"

#define LINK_S 10u

enum { STATUS_DONE, STATUS_FAILED, STATUS_USAGE };

static struct generator generator;
static struct options options;
static struct program *program;
static struct run_result result;
static struct search_result search;

static void interrupt(int number)
{
	(void)number;
	__atomic_store_n(&run_interrupted, true, __ATOMIC_RELAXED);
}

static int program_calls(struct generator *g, const struct options *o)
{
	uint32_t calls = g->streams.count / 2;
	uint64_t began;
	double seconds;
	int error = program_open(o->run_dir, &program);

	if (error)
		return error;
	began = rte_rdtsc();
	error = program_add_calls(program, o, &g->streams, g->neighbour.mac);
	seconds = (double)(rte_rdtsc() - began) / (double)g->tsc_hz;
	/* a context and two terminations each */
	if (!error && !o->quiet)
		fprintf(stderr, "%u calls set up in %.2f s, %.0f commands/s\n", calls, seconds,
			3 * calls / seconds);
	return error;
}

static int make_streams(struct generator *g, const struct options *o)
{
	uint32_t count = o->source == SOURCE_CALLS ? calls_count(o->calls_file) : o->streams;
	int error;

	if (count == 0)
		return -EINVAL;
	g->streams.directions = o->source == SOURCE_TARGET ? 1 : 2;
	error = streams_create(&g->streams, count, o->plan.active, o->random_order);
	if (error) {
		fprintf(stderr, "rtpgen: %u streams do not fit into %u MB (--memory)\n", count,
			o->memory_mb);
		return error;
	}
	switch (o->source) {
	case SOURCE_DATAPLANE:
		return program_calls(g, o);
	case SOURCE_TARGET:
		return target_make_streams(o, &g->streams, g->neighbour.mac);
	default:
		return calls_make_streams(o->calls_file, &g->streams, g->neighbour.mac);
	}
}

static void use_gateway(struct generator *g, const struct options *o)
{
	for (unsigned i = 0; i < g->streams.hops && o->gateway_known; i++)
		streams_set_mac(&g->streams.hop[i], o->gateway_mac);
}

static void start_workers(struct generator *g, const struct options *o)
{
	if (o->cores > 2) {
		rte_eal_remote_launch(worker_send, g, 1);
		rte_eal_remote_launch(worker_receive, g, 2);
	} else {
		rte_eal_remote_launch(worker_both, g, 1);
	}
}

static double rate_of(const struct options *o, const struct streams *s)
{
	if (o->rate_max)
		return 0;
	return o->rate > 0 ? o->rate : s->count * 1000.0 / o->ptime_ms;
}

/* A reflector is there at once; a relay resolves its neighbours first, and learns sources. */
static int go(struct generator *g, const struct options *o)
{
	bool learn = o->source == SOURCE_CALLS || o->source_rule == DP_SOURCE_LEARN;
	int error = run_resolve(g);

	if (!error)
		error = run_warm_up(g, learn);
	if (error)
		return error;
	if (o->search)
		return search_run(g, o, program, &search, &result);
	return run_once(g, rate_of(o, &g->streams), o->duration_s, o->quiet, program, true,
			&result);
}

static int write_json(const struct options *o)
{
	FILE *out = strcmp(o->json, "-") == 0 ? stdout : fopen(o->json, "w");

	if (!out) {
		fprintf(stderr, "rtpgen: %s: %s\n", o->json, strerror(errno));
		return -errno;
	}
	report_json(out, &result, o->search ? &search : NULL);
	return out == stdout ? fflush(out) : fclose(out);
}

/* The table goes where the JSON does not. */
static int report(const struct options *o)
{
	bool json_on_stdout = o->json && strcmp(o->json, "-") == 0;

	if (!o->quiet)
		report_table(json_on_stdout ? stderr : stdout, &result, o->search ? &search : NULL);
	if (o->json && write_json(o) != 0)
		return -EIO;
	return result.compared && !result.dataplane.agree ? -EBADMSG : 0;
}

static int with_port(struct generator *g, const struct options *o)
{
	int error = port_wait_link(g, LINK_S, &run_interrupted);

	if (error)
		return error;
	error = make_streams(g, o);
	if (!error) {
		use_gateway(g, o);
		start_workers(g, o);
		error = go(g, o);
		generator_set_phase(g, PHASE_QUIT);
		rte_eal_mp_wait_lcore();
	}
	if (program) {
		int left = program_remove_calls(program);

		error = error ? error : left;
	}
	program_close(program);
	return error ? error : report(o);
}

int main(int argc, char **argv)
{
	struct generator *g = &generator;
	struct sigaction action = { .sa_handler = interrupt };
	char why[256];
	int error;

	switch (options_parse(argc, argv, &options, why, sizeof(why))) {
	case OPTIONS_HELP:
		fputs(options_help(), stdout);
		return STATUS_DONE;
	case OPTIONS_WRONG:
		fprintf(stderr, "rtpgen: %s\nrtpgen --help tells more\n", why);
		return STATUS_USAGE;
	case OPTIONS_RUN:
		break;
	}
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (port_start_eal(&options) != 0)
		return STATUS_FAILED;
	g->tsc_hz = rte_get_tsc_hz();
	g->polling = options.cores > 0;
	g->plan = options.plan;
	g->neighbour.streams = &g->streams;
	g->neighbour.ranges = options.addresses;
	memcpy(g->neighbour.range, options.address, sizeof(options.address));
	packet_format_init(&g->streams.format, options.payload, options.payload_type);
	if (options.plan.active)
		g->schedule = schedule_create(STREAMS_MAX);
	error = options.plan.active && !g->schedule ? -ENOMEM : port_open(g, &options);
	if (!error) {
		error = with_port(g, &options);
		port_close(g);
	}
	streams_destroy(&g->streams);
	schedule_destroy(g->schedule);
	rte_eal_cleanup();
	return error ? STATUS_FAILED : STATUS_DONE;
}
