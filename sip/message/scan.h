/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Looking through text sixteen bytes at a time, with SSE2, which every x86-64 has. All read up to
 * fifteen bytes beyond what they look for: the text must be followed by SCAN_PADDING bytes of zero,
 * which end every search. Private to sip/message.
 */
#ifndef SIP_MESSAGE_SCAN_H
#define SIP_MESSAGE_SCAN_H

#include <emmintrin.h>

#define SCAN_PADDING 32

static inline __m128i scan_load(const char *p)
{
	return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/* All bits of a byte that is a control character (RFC 3261 §25.1, CTL), HTAB among them. */
static inline __m128i scan_controls(__m128i bytes)
{
	const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);

	return _mm_or_si128(low, _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f)));
}

/* The first control character at or behind p. */
static inline char *scan_control(char *p)
{
	for (;; p += 16) {
		unsigned found = (unsigned)_mm_movemask_epi8(scan_controls(scan_load(p)));

		if (found != 0)
			return p + __builtin_ctz(found);
	}
}

/* The first colon or control character at or behind p. */
static inline char *scan_colon(char *p)
{
	for (;; p += 16) {
		const __m128i bytes = scan_load(p);
		const __m128i colons = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(':'));
		unsigned found =
			(unsigned)_mm_movemask_epi8(_mm_or_si128(colons, scan_controls(bytes)));

		if (found != 0)
			return p + __builtin_ctz(found);
	}
}

#endif
