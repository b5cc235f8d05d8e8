/* SPDX-License-Identifier: BSD-3-Clause */
#include "pktgen_tests/rtpgen/histogram.h"

#include <string.h>

void histogram_clear(struct histogram *h)
{
	memset(h, 0, sizeof(*h));
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
	if (from->total == 0)
		return;
	if (into->total == 0 || from->min < into->min)
		into->min = from->min;
	if (from->max > into->max)
		into->max = from->max;
	into->total += from->total;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		into->count[i] += from->count[i];
}

static uint64_t highest_of(unsigned bucket)
{
	unsigned shift;

	if (bucket < 2 * HISTOGRAM_PARTS)
		return bucket;
	shift = bucket / HISTOGRAM_PARTS - 1;
	return ((uint64_t)(bucket - shift * HISTOGRAM_PARTS + 1) << shift) - 1;
}

uint64_t histogram_percentile(const struct histogram *h, double percent)
{
	double wanted = (double)h->total * percent / 100;
	uint64_t seen = 0;

	if (h->total == 0)
		return 0;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		uint64_t value = highest_of(i);

		seen += h->count[i];
		if (h->count[i] == 0 || (double)seen < wanted)
			continue;
		return value < h->min ? h->min : value > h->max ? h->max : value;
	}
	return h->max;
}
