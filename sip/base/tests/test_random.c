/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sip/base/random.h"

Test(random, tokens_have_their_length_and_alphabet)
{
	char text[40];

	for (size_t n = 0; n < sizeof(text) - 1; n++) {
		memset(text, '!', sizeof(text));
		random_token(text, n);
		cr_assert_eq(strlen(text), n);
		cr_assert_eq(strspn(text, "0123456789abcdefghijklmnopqrstuvwxyz"), n);
		cr_assert(text[n + 1] == '!' || n + 1 == sizeof(text));
	}
}

Test(random, numbers_do_not_come_twice)
{
	static uint64_t seen[1000];

	for (unsigned i = 0; i < 1000; i++) {
		seen[i] = random_u64();
		for (unsigned k = 0; k < i; k++)
			cr_assert_neq(seen[i], seen[k]);
	}
}

Test(random, every_bit_is_used)
{
	unsigned char bytes[1024];
	unsigned char all = 0xff, any = 0;

	random_bytes(bytes, sizeof(bytes));
	for (unsigned i = 0; i < sizeof(bytes); i++) {
		all &= bytes[i];
		any |= bytes[i];
	}
	cr_expect_eq(all, 0);
	cr_expect_eq(any, 0xff);
}

Test(random, a_child_draws_its_own)
{
	int ends[2];
	uint64_t mine, its = 0;
	pid_t child;

	random_u64(); /* the buffer is filled */
	cr_assert_eq(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		its = random_u64();
		_exit(write(ends[1], &its, sizeof(its)) == sizeof(its) ? 0 : 1);
	}
	mine = random_u64();
	cr_assert_eq(read(ends[0], &its, sizeof(its)), (ssize_t)sizeof(its));
	waitpid(child, NULL, 0);
	cr_expect_neq(mine, its);
}
