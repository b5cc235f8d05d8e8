/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A slice is a piece of somebody else's bytes: pointer and length, no ownership, no terminator.
 * What it points to must outlive it.
 */
#ifndef SIP_BASE_SLICE_H
#define SIP_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const char *p;
	size_t n;
};

#define SLICE(literal) ((struct slice){ (literal), sizeof(literal) - 1 })
#define SLICE_NONE     ((struct slice){ NULL, 0 })
/* for printf: "%.*s", SLICE_FMT(s) */
#define SLICE_FMT(s) (int)(s).n, (s).p ? (s).p : ""

static inline struct slice slice_of(const char *text)
{
	return (struct slice){ text, text ? strlen(text) : 0 };
}

static inline bool slice_equal(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* ASCII case is ignored; locale is not looked at. */
bool slice_same_nocase(const char *a, const char *b, size_t n);

static inline bool slice_equal_nocase(struct slice a, struct slice b)
{
	return a.n == b.n && slice_same_nocase(a.p, b.p, a.n);
}

static inline bool slice_starts_nocase(struct slice s, struct slice prefix)
{
	return s.n >= prefix.n && slice_same_nocase(s.p, prefix.p, prefix.n);
}

/* Without linear white space at both ends. */
struct slice slice_trim(struct slice s);

/* Decimal digits only, all of them; -EINVAL, or -ERANGE above max. */
int slice_to_u32(struct slice s, uint32_t max, uint32_t *value);

/* Copies with a terminator. -ENOSPC if it does not fit (dst is then empty). */
int slice_copy(struct slice s, char *dst, size_t size);

/* Takes what stands before the first `c` off *rest and skips `c`; all of it if there is no `c`. */
struct slice slice_split(struct slice *rest, char c);

/* FNV-1a style hash with a per-process random key; not for the wire, not for files. */
uint64_t slice_hash(struct slice s);
uint64_t slice_hash_nocase(struct slice s);

#endif
