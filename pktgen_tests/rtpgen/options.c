/* SPDX-License-Identifier: BSD-3-Clause */
#include "pktgen_tests/rtpgen/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pktgen_tests/rtpgen/stream.h"

#define DEFAULT_ADDRESSES "198.18.0.128/25"
#define RATE_MAX          1e9

/*
 * Name, argument (NULL: none), what it is. From this table come getopt's, the help, and the
 * numbers that parse() knows the options by.
 */
#define OPTIONS(X)                                                                               \
	X(PORT, "port", "DEV", "DPDK device (\"net_memif0,role=client,…\", PCI) or interface")   \
	X(CORES, "cores", "MAIN,WORKER[,WORKER]",                                                \
	  "pin, and poll without rest; of two workers one sends")                                \
	X(HUGEPAGES, "hugepages", "yes|no", "default yes")                                       \
	X(MEMORY, "memory", "MB", "default 192")                                                 \
	X(FILE_PREFIX, "file-prefix", "P", "of DPDK, default rtpgen")                            \
	X(ADDRESS, "address", "CIDR",                                                            \
	  "of the simulated phones, default " DEFAULT_ADDRESSES "; twice: of side a, of side b") \
	X(GATEWAY_MAC, "gateway-mac", "MAC", "to send to; else asked for by ARP or ND")          \
	X(STREAMS, "streams", "N", "RTP streams, one direction each; default 2")                 \
	X(DATAPLANE, "dataplane", "RUN_DIR",                                                     \
	  "program calls there, compare its counters at the end")                                \
	X(REALM_A, "realm-a", "I", "realm of side a, by its index; default any")                 \
	X(REALM_B, "realm-b", "I", "realm of side b")                                            \
	X(SOURCE_RULE, "source-rule", "strict|learn", "of the terminations, default strict")     \
	X(TARGET, "target", "IP:PORT-PORT", "send to these ports in turn; all comes back")       \
	X(CALLS, "calls", "FILE",                                                                \
	  "calls that are up, one a line: A_LOCAL A_REMOTE B_LOCAL B_REMOTE, each IP:PORT")      \
	X(PTIME, "ptime", "MS", "a packet of each stream in so many ms, default 20")             \
	X(RATE, "rate", "PPS|max", "packets a second of all streams, instead of --ptime")        \
	X(DURATION, "duration", "S", "default 10")                                               \
	X(PAYLOAD, "payload", "BYTES", "of an RTP packet, 24 to 1400, default 160")              \
	X(PT, "pt", "TYPE", "RTP payload type, default 0")                                       \
	X(RANDOM_ORDER, "random-order", NULL, "streams take turns in random order")              \
	X(IMPAIR, "impair", "LIST", "loss=1%,duplicate=0.5%,reorder=1%,jitter=10ms,seed=42")     \
	X(SEARCH, "search", NULL, "find the highest rate without loss (RFC 2544 §26.1)")         \
	X(TRIAL, "trial", "S", "of the search, default 2")                                       \
	X(RESOLUTION, "resolution", "PERCENT", "of the search, default 1")                       \
	X(MAX_RATE, "max-rate", "PPS", "to begin the search with; else what the port takes")     \
	X(LOSS_TOLERANCE, "loss-tolerance", "PERCENT", "that a trial may lose, default 0")       \
	X(RETRIES, "retries", "N",                                                               \
	  "a trial that fails is tried so often again, for shared machines; default 0")          \
	X(LATENCY_POINTS, "latency-points", NULL, "latency at 10, 50, 90 % of what was found")   \
	X(JSON, "json", "FILE|-", "the result as JSON")                                          \
	X(QUIET, "quiet", NULL, "no progress, no table")                                         \
	X(HELP, "help", NULL, "this")

enum option_id {
	OPTION_BASE = 255, /* getopt's own answers are characters */
#define X(id, name, argument, text) OPTION_##id,
	OPTIONS(X)
#undef X
};

static const struct option long_options[] = {
#define X(id, name, argument, text) \
	{ name, (argument) ? required_argument : no_argument, NULL, OPTION_##id },
	OPTIONS(X)
#undef X
		{ 0 },
};

static const struct {
	const char *name, *argument, *text;
} described[] = {
#define X(id, name, argument, text) { name, argument, text },
	OPTIONS(X)
#undef X
};

const char *options_help(void)
{
	static char text[8192];
	size_t n;

	n = (size_t)snprintf(
		text, sizeof(text),
		"usage: rtpgen --port DEV --streams N (--dataplane RUN_DIR | --target IP:PORT-PORT | "
		"--calls FILE) [OPTION…]\n\n"
		"Sends RTP streams, takes them back, and tells what happened to them on the way.\n\n");
	for (size_t i = 0; i < sizeof(described) / sizeof(described[0]); i++) {
		char left[64];

		snprintf(left, sizeof(left), "--%s %s", described[i].name,
			 described[i].argument ? described[i].argument : "");
		n += (size_t)snprintf(text + n, sizeof(text) - n, "  %-30s %s\n", left,
				      described[i].text);
	}
	snprintf(text + n, sizeof(text) - n,
		 "\nStatus 0: done; 1: failed, or the dataplane counted differently; 2: usage.\n");
	return text;
}

/* What the option would have taken, for who reads the refusal; "": it is not said. */
static char wanted[96];

static bool number(const char *text, double low, double high, double *out)
{
	char *end;
	double value = strtod(text, &end);

	snprintf(wanted, sizeof(wanted), "a number from %.10g to %.10g", low, high);
	if (end == text || *end || !(value >= low && value <= high))
		return false;
	*out = value;
	return true;
}

static bool whole(const char *text, double low, double high, unsigned *out)
{
	double value;

	if (!number(text, low, high, &value) || value != (double)(unsigned)value) {
		snprintf(wanted, sizeof(wanted), "a whole number from %.10g to %.10g", low, high);
		return false;
	}
	*out = (unsigned)value;
	return true;
}

static bool parse_cores(const char *text, struct options *o)
{
	char *end;

	for (o->cores = 0; o->cores < OPTIONS_CORES_MAX; text = end + 1) {
		unsigned long core = strtoul(text, &end, 10);

		if (end == text || core > 1023)
			return false;
		o->core[o->cores++] = (unsigned)core;
		if (*end == '\0')
			return o->cores >= 2;
		if (*end != ',')
			return false;
	}
	return false;
}

static bool parse_mac(const char *text, uint8_t mac[6])
{
	int length = 0;

	return sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &mac[0], &mac[1], &mac[2],
		      &mac[3], &mac[4], &mac[5], &length) == 6 &&
	       text[length] == '\0';
}

/* "198.18.0.20:16384-32767" */
static bool parse_target(const char *text, struct options *o)
{
	const char *dash = strrchr(text, '-');
	char first[96];
	unsigned last;

	if (!dash || (size_t)(dash - text) >= sizeof(first))
		return false;
	memcpy(first, text, (size_t)(dash - text));
	first[dash - text] = '\0';
	if (address_parse(first, &o->target) != 0 || !whole(dash + 1, 1, UINT16_MAX, &last) ||
	    last < o->target.port)
		return false;
	o->target_port_last = (uint16_t)last;
	return true;
}

static bool choose(const char *text, const char *no, const char *yes, bool *out)
{
	snprintf(wanted, sizeof(wanted), "%s or %s", no, yes);
	*out = strcmp(text, yes) == 0;
	return *out || strcmp(text, no) == 0;
}

static bool set_source(struct options *o, enum options_source source)
{
	if (o->source != SOURCE_NONE) {
		snprintf(wanted, sizeof(wanted), "only one of --dataplane, --target, --calls");
		return false;
	}
	o->source = source;
	return true;
}

static bool parse_network(struct options *o, int option, const char *value)
{
	unsigned realm;
	bool learn;

	switch (option) {
	case OPTION_ADDRESS:
		return o->addresses < NEIGHBOUR_RANGES &&
		       address_range_parse(value, &o->address[o->addresses++]) == 0;
	case OPTION_GATEWAY_MAC:
		o->gateway_known = true;
		return parse_mac(value, o->gateway_mac);
	case OPTION_DATAPLANE:
		o->run_dir = value;
		return set_source(o, SOURCE_DATAPLANE);
	case OPTION_TARGET:
		return set_source(o, SOURCE_TARGET) && parse_target(value, o);
	case OPTION_CALLS:
		o->calls_file = value;
		return set_source(o, SOURCE_CALLS);
	case OPTION_REALM_A:
	case OPTION_REALM_B:
		if (!whole(value, 0, DP_REALMS_MAX - 1, &realm))
			return false;
		*(option == OPTION_REALM_A ? &o->realm_a : &o->realm_b) = (uint8_t)realm;
		return true;
	case OPTION_SOURCE_RULE:
		if (!choose(value, "strict", "learn", &learn))
			return false;
		o->source_rule = learn ? DP_SOURCE_LEARN : DP_SOURCE_STRICT;
		return true;
	default:
		return false;
	}
}

static bool parse_machine(struct options *o, int option, const char *value)
{
	switch (option) {
	case OPTION_PORT:
		o->port = value;
		return true;
	case OPTION_CORES:
		return parse_cores(value, o);
	case OPTION_HUGEPAGES:
		return choose(value, "no", "yes", &o->hugepages);
	case OPTION_MEMORY:
		return whole(value, 32, 1 << 20, &o->memory_mb);
	case OPTION_FILE_PREFIX:
		o->file_prefix = value;
		return true;
	case OPTION_JSON:
		o->json = value;
		return true;
	case OPTION_QUIET:
		o->quiet = true;
		return true;
	default:
		return parse_network(o, option, value);
	}
}

static bool parse_search(struct options *o, int option, const char *value)
{
	switch (option) {
	case OPTION_SEARCH:
		o->search = true;
		return true;
	case OPTION_TRIAL:
		return number(value, 0.05, 3600, &o->trial_s);
	case OPTION_RESOLUTION:
		return number(value, 0.01, 50, &o->resolution_percent);
	case OPTION_MAX_RATE:
		return number(value, 100, RATE_MAX, &o->max_rate);
	case OPTION_LOSS_TOLERANCE:
		return number(value, 0, 100, &o->loss_tolerance_percent);
	case OPTION_RETRIES:
		return whole(value, 0, 100, &o->retries);
	case OPTION_LATENCY_POINTS:
		o->latency_points = true;
		return true;
	default:
		return parse_machine(o, option, value);
	}
}

static bool parse_one(struct options *o, int option, const char *value, char *why, size_t why_size)
{
	switch (option) {
	case OPTION_STREAMS:
		return whole(value, 1, STREAMS_MAX, &o->streams);
	case OPTION_PTIME:
		return number(value, 0.1, 10000, &o->ptime_ms);
	case OPTION_RATE:
		o->rate_max = strcmp(value, "max") == 0;
		return o->rate_max || number(value, 0.1, RATE_MAX, &o->rate);
	case OPTION_DURATION:
		return number(value, 0.01, 1e6, &o->duration_s);
	case OPTION_PAYLOAD:
		return whole(value, PACKET_PAYLOAD_MIN, PACKET_PAYLOAD_MAX, &o->payload);
	case OPTION_PT:
		/* With the marker 64..95 would look like RTCP (RFC 5761 §4). */
		if (whole(value, 0, 127, &o->payload_type) &&
		    (o->payload_type < 64 || o->payload_type > 95))
			return true;
		snprintf(wanted, sizeof(wanted), "0 to 63 or 96 to 127");
		return false;
	case OPTION_RANDOM_ORDER:
		o->random_order = true;
		return true;
	case OPTION_IMPAIR:
		return impair_parse(value, &o->plan, why, why_size) == 0;
	default:
		return parse_search(o, option, value);
	}
}

static const char *check(struct options *o)
{
	if (!o->port)
		return "--port is missing";
	if (o->source == SOURCE_NONE)
		return "one of --dataplane, --target, --calls is missing";
	if (o->streams % 2 && o->source != SOURCE_TARGET)
		return "--streams: a call has two";
	if (o->search && o->plan.active)
		return "--search and --impair do not go together";
	if (o->search && (o->rate || o->rate_max))
		return "--search and --rate do not go together: see --max-rate";
	if (o->latency_points && !o->search)
		return "--latency-points needs --search";
	if (o->addresses == 0) {
		address_range_parse(DEFAULT_ADDRESSES, &o->address[0]);
		o->addresses = 1;
	}
	if (o->addresses == 1)
		o->address[1] = o->address[0];
	return NULL;
}

enum options_result options_parse(int argc, char **argv, struct options *o, char *why,
				  size_t why_size)
{
	const char *wrong;
	int option;

	*o = (struct options){
		.hugepages = true,
		.memory_mb = 192,
		.file_prefix = "rtpgen",
		.streams = 2,
		.realm_a = DP_REALM_ANY,
		.realm_b = DP_REALM_ANY,
		.ptime_ms = 20,
		.duration_s = 10,
		.payload = 160,
		.trial_s = 2,
		.resolution_percent = 1,
	};
	why[0] = '\0';
	opterr = 0;
	optind = 0;
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (option == OPTION_HELP)
			return OPTIONS_HELP;
		if (option <= OPTION_BASE) {
			snprintf(why, why_size, "%s: unknown, or its argument is missing",
				 argv[optind - 1]);
			return OPTIONS_WRONG;
		}
		wanted[0] = '\0';
		if (parse_one(o, option, optarg, why, why_size))
			continue;
		if (!why[0])
			snprintf(why, why_size, "--%s wants %s, not %s",
				 described[option - OPTION_PORT].name,
				 wanted[0] ? wanted : described[option - OPTION_PORT].argument,
				 optarg ? optarg : "");
		return OPTIONS_WRONG;
	}
	wrong = optind < argc ? "words without an option" : check(o);
	if (!wrong)
		return OPTIONS_RUN;
	snprintf(why, why_size, "%s", wrong);
	return OPTIONS_WRONG;
}
