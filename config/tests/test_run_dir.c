/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "config/run_dir.h"

Test(run_dir, one_has_it_and_leaves_nothing, .timeout = 30)
{
	char base[] = "/tmp/tandem-test-XXXXXX", path[64], file[96];
	int lock;

	cr_assert(mkdtemp(base) != NULL);
	snprintf(path, sizeof(path), "%s/deep/run", base);
	lock = run_dir_take(path, "dataplane");
	cr_assert(lock >= 0);
	cr_expect(eq(int, run_dir_take(path, "dataplane"), -EWOULDBLOCK));
	run_dir_release(path, "dataplane", lock);
	snprintf(file, sizeof(file), "%s/dataplane.lock", path);
	cr_expect(eq(int, access(file, F_OK), -1));
	lock = run_dir_take(path, "dataplane"); /* free again */
	cr_assert(lock >= 0);
	run_dir_release(path, "dataplane", lock);
	rmdir(path);
	snprintf(path, sizeof(path), "%s/deep", base);
	rmdir(path);
	cr_expect(eq(int, rmdir(base), 0));
}
