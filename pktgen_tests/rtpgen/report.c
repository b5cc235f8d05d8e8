/* SPDX-License-Identifier: BSD-3-Clause */
#include "pktgen_tests/rtpgen/report.h"

static const struct {
	const char *name;
	double percent;
} percentiles[] = {
	{ "p50", 50 },
	{ "p90", 90 },
	{ "p99", 99 },
	{ "p999", 99.9 },
};
#define PERCENTILES (sizeof(percentiles) / sizeof(percentiles[0]))

static double microseconds(const struct run_result *r, uint64_t ticks)
{
	return (double)ticks * 1e6 / (double)r->tsc_hz;
}

static void table_row(FILE *out, const struct run_result *r, const struct run_direction *d)
{
	const struct histogram *h = &d->latency;

	fprintf(out, "%-16s %12lu %12lu %9lu %9lu %9lu", d->name, d->sent, d->received, d->lost,
		d->duplicate, d->reordered);
	fprintf(out, " %9.1f %9.1f %9.1f %9.1f\n", microseconds(r, histogram_percentile(h, 50)),
		microseconds(r, histogram_percentile(h, 99)),
		microseconds(r, histogram_percentile(h, 99.9)), microseconds(r, h->max));
}

static void table_search(FILE *out, const struct search_result *s)
{
	fprintf(out, "\nlossless: %.0f packets/s (%u trials)\n", s->lossless_pps, s->trials);
	for (unsigned i = 0; i < s->points; i++) {
		const struct run_result *r = &s->point[i].result;
		const struct histogram *h = &r->total.latency;

		fprintf(out, "  at %2u %%: p50 %.1f µs, p99 %.1f µs, p99.9 %.1f µs\n",
			s->point[i].percent, microseconds(r, histogram_percentile(h, 50)),
			microseconds(r, histogram_percentile(h, 99)),
			microseconds(r, histogram_percentile(h, 99.9)));
	}
}

void report_table(FILE *out, const struct run_result *r, const struct search_result *search)
{
	fprintf(out, "\n%u streams, %.2f s, sent %.0f/s, received %.0f/s%s\n\n", r->streams,
		r->duration_s, r->tx_pps, r->rx_pps, r->interrupted ? " (interrupted)" : "");
	fprintf(out, "%-14s %12s %12s %9s %9s %9s %9s %9s %9s %9s\n", "", "sent", "received",
		"lost", "duplicate", "reordered", "p50 µs", "p99 µs", "p99.9 µs", "max µs");
	for (unsigned i = 0; i < r->directions; i++)
		table_row(out, r, &r->direction[i]);
	if (r->directions > 1)
		table_row(out, r, &r->total);
	if (r->unexpected > 0)
		fprintf(out, "unexpected: %lu unknown, %lu misdirected, %lu altered\n", r->unknown,
			r->misdirected, r->altered);
	if (r->tx_full > 0)
		fprintf(out, "transmit ring full: %lu packets had to wait\n", r->tx_full);
	if (r->given_up > 0)
		fprintf(out, "%lu packets were never taken by the port\n", r->given_up);
	if (r->impaired.lost + r->impaired.duplicated + r->impaired.held + r->impaired.delayed > 0)
		fprintf(out,
			"impairments: %lu lost, %lu duplicated, %lu held back, %lu delayed; "
			"%lu left out of order\n",
			r->impaired.lost, r->impaired.duplicated, r->impaired.held,
			r->impaired.delayed, r->impaired.reordered);
	if (r->compared)
		fprintf(out,
			"dataplane: %lu packets, %lu lost, %lu duplicate, %lu reordered, %lu late, "
			"%lu dropped: %s\n",
			r->dataplane.packets, r->dataplane.lost, r->dataplane.duplicate,
			r->dataplane.reordered, r->dataplane.late, r->dataplane.dropped,
			r->dataplane.agree ? "agrees" : "DISAGREES");
	if (search)
		table_search(out, search);
}

static void json_latency(FILE *out, const struct run_result *r, const struct histogram *h)
{
	fprintf(out, "{\"count\": %lu, \"min\": %.3f", h->total, microseconds(r, h->min));
	for (size_t i = 0; i < PERCENTILES; i++)
		fprintf(out, ", \"%s\": %.3f", percentiles[i].name,
			microseconds(r, histogram_percentile(h, percentiles[i].percent)));
	fprintf(out, ", \"max\": %.3f}", microseconds(r, h->max));
}

static void json_counts(FILE *out, const struct run_direction *d)
{
	fprintf(out,
		"\"sent\": %lu, \"received\": %lu, \"lost\": %lu, \"duplicate\": %lu, "
		"\"reordered\": %lu, \"late\": %lu",
		d->sent, d->received, d->lost, d->duplicate, d->reordered, d->late);
}

static void json_dataplane(FILE *out, const struct program_counts *c)
{
	fprintf(out,
		",\n  \"dataplane\": {\"packets\": %lu, \"lost\": %lu, \"duplicate\": %lu, "
		"\"reordered\": %lu, \"late\": %lu, \"dropped\": %lu, \"disagree\": %lu, "
		"\"lost_way_back\": %lu, \"late_compared\": %s, \"agree\": %s}",
		c->packets, c->lost, c->duplicate, c->reordered, c->late, c->dropped, c->disagree,
		c->lost_way_back, c->late_compared ? "true" : "false", c->agree ? "true" : "false");
}

static void json_search(FILE *out, const struct search_result *s)
{
	fprintf(out, ",\n  \"lossless_pps\": %.1f,\n  \"trials\": [", s->lossless_pps);
	for (unsigned i = 0; i < s->trials; i++)
		fprintf(out,
			"%s{\"rate_pps\": %.1f, \"tx_pps\": %.1f, \"sent\": %lu, \"lost\": %lu, "
			"\"tries\": %u, \"passed\": %s}",
			i ? ", " : "", s->trial[i].rate_pps, s->trial[i].tx_pps, s->trial[i].sent,
			s->trial[i].lost, s->trial[i].tries, s->trial[i].passed ? "true" : "false");
	fprintf(out, "]");
	if (s->points == 0)
		return;
	fprintf(out, ",\n  \"latency_at\": [");
	for (unsigned i = 0; i < s->points; i++) {
		const struct run_result *r = &s->point[i].result;

		fprintf(out,
			"%s{\"percent\": %u, \"rate_pps\": %.1f, \"lost\": %lu, \"latency_us\": ",
			i ? ", " : "", s->point[i].percent, r->offered_pps, r->total.lost);
		json_latency(out, r, &r->total.latency);
		fprintf(out, "}");
	}
	fprintf(out, "]");
}

void report_json(FILE *out, const struct run_result *r, const struct search_result *search)
{
	fprintf(out,
		"{\n  \"streams\": %u, \"duration_s\": %.6f, \"offered_pps\": %.1f, "
		"\"tx_pps\": %.1f, \"rx_pps\": %.1f,\n  ",
		r->streams, r->duration_s, r->offered_pps, r->tx_pps, r->rx_pps);
	json_counts(out, &r->total);
	fprintf(out,
		",\n  \"unexpected\": %lu, \"unexpected_by\": {\"unknown\": %lu, "
		"\"misdirected\": %lu, \"altered\": %lu}, \"rtcp\": %lu,\n  \"tx_full\": %lu, "
		"\"given_up\": %lu, \"no_buffer\": %lu, \"warm_up\": %lu, \"interrupted\": %s",
		r->unexpected, r->unknown, r->misdirected, r->altered, r->rtcp, r->tx_full,
		r->given_up, r->no_buffer, r->warm_up, r->interrupted ? "true" : "false");
	fprintf(out,
		",\n  \"impaired\": {\"lost\": %lu, \"duplicated\": %lu, \"reordered\": %lu, "
		"\"held\": %lu, \"delayed\": %lu}",
		r->impaired.lost, r->impaired.duplicated, r->impaired.reordered, r->impaired.held,
		r->impaired.delayed);
	fprintf(out, ",\n  \"directions\": [");
	for (unsigned i = 0; i < r->directions; i++) {
		fprintf(out, "%s\n    {\"name\": \"%s\", ", i ? "," : "", r->direction[i].name);
		json_counts(out, &r->direction[i]);
		fprintf(out, ", \"latency_us\": ");
		json_latency(out, r, &r->direction[i].latency);
		fprintf(out, "}");
	}
	fprintf(out, "],\n  \"latency_us\": ");
	json_latency(out, r, &r->total.latency);
	if (r->compared)
		json_dataplane(out, &r->dataplane);
	if (search)
		json_search(out, search);
	fprintf(out, "\n}\n");
}
