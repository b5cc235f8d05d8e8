/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/base/slice.h"

#include <errno.h>

#include "sip/base/random.h"

static inline unsigned char lower(unsigned char c)
{
	return (unsigned)c - 'A' < 26u ? c | 0x20 : c;
}

/* The letters A to Z among the eight bytes of a word become small, all at once. */
static inline uint64_t lower8(uint64_t word)
{
	const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
	uint64_t low7 = word & ~high;
	uint64_t from_a = low7 + ones * (0x80 - 'A');
	uint64_t beyond_z = low7 + ones * (0x80 - 'Z' - 1);
	uint64_t letters = (from_a ^ beyond_z) & high & ~word;

	return word | letters >> 2;
}

static inline uint64_t load8(const char *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return word;
}

/* The last 0 to 7 bytes, as a little-endian number. */
static inline uint64_t load_tail(const char *p, size_t n)
{
	uint64_t word = 0;

	for (size_t i = 0; i < n; i++)
		word |= (uint64_t)(unsigned char)p[i] << (8 * i);
	return word;
}

/* Four to seven bytes as one word: the first and the last four, which may overlap. */
static inline uint64_t load_short(const char *p, size_t n)
{
	uint32_t first, last;

	memcpy(&first, p, sizeof(first));
	memcpy(&last, p + n - 4, sizeof(last));
	return first | (uint64_t)last << 32;
}

static inline bool same_word(uint64_t a, uint64_t b)
{
	return a == b || lower8(a) == lower8(b);
}

bool slice_same_nocase(const char *a, const char *b, size_t n)
{
	if (n < 4) {
		for (size_t i = 0; i < n; i++) {
			if (lower((unsigned char)a[i]) != lower((unsigned char)b[i]))
				return false;
		}
		return true;
	}
	if (n < 8)
		return same_word(load_short(a, n), load_short(b, n));
	for (size_t i = 0; i < n - 8; i += 8) {
		if (!same_word(load8(a + i), load8(b + i)))
			return false;
	}
	return same_word(load8(a + n - 8), load8(b + n - 8));
}

static inline bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct slice slice_trim(struct slice s)
{
	while (s.n > 0 && is_space(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

int slice_to_u32(struct slice s, uint32_t max, uint32_t *value)
{
	uint64_t result = 0;
	bool large = false;

	if (s.n == 0)
		return -EINVAL;
	for (size_t i = 0; i < s.n; i++) {
		unsigned digit = (unsigned)(unsigned char)s.p[i] - '0';

		if (digit > 9)
			return -EINVAL;
		result = result * 10 + digit;
		if (result > max) {
			result = max;
			large = true;
		}
	}
	if (large)
		return -ERANGE;
	*value = (uint32_t)result;
	return 0;
}

int slice_copy(struct slice s, char *dst, size_t size)
{
	if (size == 0)
		return -ENOSPC;
	if (s.n >= size) {
		dst[0] = '\0';
		return -ENOSPC;
	}
	if (s.n > 0)
		memcpy(dst, s.p, s.n);
	dst[s.n] = '\0';
	return 0;
}

struct slice slice_split(struct slice *rest, char c)
{
	const char *at = rest->n > 0 ? memchr(rest->p, c, rest->n) : NULL;
	struct slice piece = *rest;

	if (at == NULL) {
		*rest = SLICE_NONE;
		return piece;
	}
	piece.n = (size_t)(at - rest->p);
	rest->p += piece.n + 1;
	rest->n -= piece.n + 1;
	return piece;
}

/*
 * SipHash with one round a word and three at the end (Aumasson and Bernstein, "SipHash: a fast
 * short-input PRF"): what comes from the network is a key of our tables, and somebody who could
 * aim at one chain would turn each look-up into a walk.
 */
static uint64_t hash_key[2];

__attribute__((constructor)) static void make_hash_key(void)
{
	random_bytes(hash_key, sizeof(hash_key));
}

struct hash_state {
	uint64_t a, b, c, d;
};

static inline uint64_t rotate(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static inline void hash_round(struct hash_state *s)
{
	s->a += s->b;
	s->c += s->d;
	s->b = rotate(s->b, 13) ^ s->a;
	s->d = rotate(s->d, 16) ^ s->c;
	s->a = rotate(s->a, 32) + s->d;
	s->c += s->b;
	s->d = rotate(s->d, 21) ^ s->a;
	s->b = rotate(s->b, 17) ^ s->c;
	s->c = rotate(s->c, 32);
}

static inline void hash_word(struct hash_state *s, uint64_t word)
{
	s->d ^= word;
	hash_round(s);
	s->a ^= word;
}

static inline uint64_t hash_of(struct slice slice, bool nocase)
{
	struct hash_state s = {
		.a = hash_key[0] ^ 0x736f6d6570736575u,
		.b = hash_key[1] ^ 0x646f72616e646f6du,
		.c = hash_key[0] ^ 0x6c7967656e657261u,
		.d = hash_key[1] ^ 0x7465646279746573u,
	};
	const char *p = slice.p;
	size_t n = slice.n;
	uint64_t word;

	for (; n >= 8; p += 8, n -= 8) {
		word = load8(p);
		hash_word(&s, nocase ? lower8(word) : word);
	}
	word = load_tail(p, n);
	hash_word(&s, (nocase ? lower8(word) : word) | (uint64_t)slice.n << 56);
	s.c ^= 0xff;
	hash_round(&s);
	hash_round(&s);
	hash_round(&s);
	return s.a ^ s.b ^ s.c ^ s.d;
}

uint64_t slice_hash(struct slice s)
{
	return hash_of(s, false);
}

uint64_t slice_hash_nocase(struct slice s)
{
	return hash_of(s, true);
}
