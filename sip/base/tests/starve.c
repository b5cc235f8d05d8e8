/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/base/tests/starve.h"

#include <criterion/criterion.h>
#include <stddef.h>
#include <stdint.h>

static _Thread_local struct {
	unsigned armed; /* nesting of starve_release() below 1 holds it */
	uint64_t seen, fail_at;
	int64_t live;
} starving;

static bool counts(void)
{
	return starving.armed == 1;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static const bool is_there;
#else
static const bool is_there = true;

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *p);

static bool is_refused(void)
{
	return counts() && ++starving.seen == starving.fail_at;
}

static void *given(void *p)
{
	if (counts() && p != NULL)
		starving.live++;
	return p;
}

void *malloc(size_t size)
{
	return is_refused() ? NULL : given(__libc_malloc(size));
}

void *calloc(size_t count, size_t size)
{
	return is_refused() ? NULL : given(__libc_calloc(count, size));
}

void *realloc(void *p, size_t size)
{
	if (p == NULL)
		return malloc(size);
	return is_refused() ? NULL : __libc_realloc(p, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return is_refused() ? NULL : given(__libc_memalign(alignment, size));
}

void free(void *p)
{
	if (counts() && p != NULL)
		starving.live--;
	__libc_free(p);
}
#endif

bool starve_works(void)
{
	return is_there;
}

void starve_hold(void)
{
	if (starving.armed > 0)
		starving.armed++;
}

void starve_release(void)
{
	if (starving.armed > 0)
		starving.armed--;
}

void starve_begin(unsigned n)
{
	starving.seen = 0;
	starving.fail_at = is_there ? n : UINT64_MAX;
	starving.armed = 1;
}

unsigned starve_end(void)
{
	starving.armed = 0;
	return (unsigned)starving.seen;
}

static int64_t run(void (*scenario)(void), unsigned n)
{
	starving.seen = 0;
	starving.live = 0;
	starving.fail_at = is_there ? n : UINT64_MAX;
	starving.armed = 1;
	scenario();
	starving.armed = 0;
	return starving.live;
}

unsigned starve_count(void (*scenario)(void))
{
	scenario();
	scenario();
	run(scenario, 0);
	return (unsigned)starving.seen;
}

unsigned starve(void (*scenario)(void), unsigned runs_max)
{
	/* What a thread keeps for itself once and for all is there after these; but each refusal
	 * may lead to something new of it, so a second run decides. */
	scenario();
	scenario();
	for (unsigned n = 1; n <= runs_max; n++) {
		if (run(scenario, n) != 0)
			cr_assert_eq(run(scenario, n), 0, "allocation %u refused: %d are left", n,
				     (int)starving.live);
		if (starving.seen < n)
			return n;
	}
	cr_assert_fail("it has more than %u allocations", runs_max);
	return 0;
}
