/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Log-linear histogram, as HdrHistogram has it: each power of two is cut into 32 equal parts, so a
 * value is known to 3.2 %. Fixed size, no allocation; one writer.
 */
#ifndef PKTGEN_TESTS_RTPGEN_HISTOGRAM_H
#define PKTGEN_TESTS_RTPGEN_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_BITS    5u
#define HISTOGRAM_PARTS   (1u << HISTOGRAM_BITS)
#define HISTOGRAM_BUCKETS ((64u - HISTOGRAM_BITS + 1) * HISTOGRAM_PARTS)

struct histogram {
	uint64_t total;
	uint64_t min, max; /* exact; of no meaning while total is 0 */
	uint64_t count[HISTOGRAM_BUCKETS];
};

static inline unsigned histogram_bucket(uint64_t value)
{
	unsigned shift;

	if (value < HISTOGRAM_PARTS)
		return (unsigned)value;
	shift = 63u - HISTOGRAM_BITS - (unsigned)__builtin_clzll(value);
	return shift * HISTOGRAM_PARTS + (unsigned)(value >> shift);
}

static inline void histogram_add(struct histogram *h, uint64_t value)
{
	h->count[histogram_bucket(value)]++;
	if (value < h->min || h->total == 0)
		h->min = value;
	if (value > h->max)
		h->max = value;
	h->total++;
}

void histogram_clear(struct histogram *h);
void histogram_merge(struct histogram *into, const struct histogram *from);

/* The value that `percent` of all are not above: the upper end of its bucket, within min and max.
 * 0 while there is none. */
uint64_t histogram_percentile(const struct histogram *h, double percent);

#endif
