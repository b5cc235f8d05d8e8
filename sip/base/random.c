/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/base/random.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* getrandom(2) gives up to 256 bytes without being interrupted. */
#define POOL 256

static _Thread_local struct {
	unsigned char bytes[POOL];
	size_t left;
} pool;

/* A child must not hand out the bytes that its parent holds too. */
static void forget(void)
{
	pool.left = 0;
}

__attribute__((constructor)) static void forget_after_fork(void)
{
	pthread_atfork(NULL, NULL, forget);
}

static void fill(unsigned char *to, size_t size)
{
	while (size > 0) {
		ssize_t got = getrandom(to, size, 0);

		if (got < 0 && errno == EINTR)
			continue;
		/* Without random numbers nothing that we mint is safe. */
		if (got <= 0)
			abort();
		to += got;
		size -= (size_t)got;
	}
}

void random_bytes(void *buffer, size_t size)
{
	unsigned char *to = buffer;

	if (size > POOL / 2) {
		fill(to, size);
		return;
	}
	if (pool.left < size) {
		fill(pool.bytes, POOL);
		pool.left = POOL;
	}
	pool.left -= size;
	memcpy(to, pool.bytes + pool.left, size);
	/* What was given is a secret of its receiver from now on. */
	explicit_bzero(pool.bytes + pool.left, size);
}

uint64_t random_u64(void)
{
	uint64_t value;

	random_bytes(&value, sizeof(value));
	return value;
}

void random_token(char *dst, size_t chars)
{
	static const char symbols[32] = "0123456789abcdefghjkmnpqrstvwxyz";

	while (chars > 0) {
		uint64_t bits = random_u64();

		for (unsigned i = 0; i < 12 && chars > 0; i++, chars--) {
			*dst++ = symbols[bits & 31];
			bits >>= 5;
		}
	}
	*dst = '\0';
}
