/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sip/base/log.h"
#include "sip/base/log_writer.h"

#define THREADS 4u
#define EACH    500u /* all of them fit into one ring */

static int ends[2];
static char all[4u << 20];
static size_t used;

/* Standard error is a file that is read afterwards. */
static void to_file(void)
{
	char path[] = "/tmp/tandem-log-XXXXXX";

	ends[0] = mkstemp(path);
	cr_assert_geq(ends[0], 0);
	unlink(path);
	cr_assert_geq(dup2(ends[0], STDERR_FILENO), 0);
	log_init("x", LOG_LEVEL_DEBUG, LOG_FORMAT_TEXT);
}

static void to_pipe_that_nobody_reads(void)
{
	cr_assert_eq(pipe(ends), 0);
	cr_assert_geq(dup2(ends[1], STDERR_FILENO), 0);
	log_init("x", LOG_LEVEL_DEBUG, LOG_FORMAT_TEXT);
}

static void read_all(void)
{
	ssize_t n;

	cr_assert_eq(lseek(ends[0], 0, SEEK_SET), 0);
	while ((n = read(ends[0], all + used, sizeof(all) - 1 - used)) > 0)
		used += (size_t)n;
	all[used] = '\0';
}

static void *log_many(void *arg)
{
	for (unsigned i = 0; i < EACH; i++)
		LOG_DEBUG("test", 0, "%u %u", *(unsigned *)arg, i);
	return NULL;
}

/* given threads that log at once, when the writer is stopped, then each line is there, whole, and
 * those of a thread are in its order */
Test(log_writer, nothing_is_lost_at_the_end, .init = to_file)
{
	pthread_t threads[THREADS];
	unsigned numbers[THREADS], next[THREADS] = { 0 }, lines = 0;

	cr_assert_eq(log_writer_start(), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		numbers[i] = i;
		pthread_create(&threads[i], NULL, log_many, &numbers[i]);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	log_writer_stop();
	LOG_DEBUG("test", 0, "after it");
	read_all();
	for (char *line = strtok(all, "\n"); line; line = strtok(NULL, "\n"), lines++) {
		unsigned thread, i;

		if (lines == THREADS * EACH) {
			cr_expect_str_eq(line + 24, " debug test after it");
			continue;
		}
		cr_assert_eq(sscanf(line + 24, " debug test %u %u", &thread, &i), 2, "%s", line);
		cr_assert_eq(i, next[thread]++);
	}
	cr_expect_eq(lines, THREADS * EACH + 1);
}

/* given a pipe that is full, then who logs goes on, and what has no room is counted */
Test(log_writer, who_logs_waits_for_nobody, .init = to_pipe_that_nobody_reads, .timeout = 30)
{
	static char text[1000];
	char bytes[4096];
	ssize_t n;

	memset(text, 'x', sizeof(text) - 1);
	cr_assert_eq(log_writer_start(), 0);
	for (unsigned i = 0; i < 2000; i++)
		LOG_DEBUG("test", 0, "%s", text);
	/* Now somebody reads. */
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	while (!strstr(all, "lines lost")) {
		n = read(ends[0], bytes, sizeof(bytes));
		if (n <= 0)
			continue;
		memmove(all, all + (used > 64 ? used - 64 : 0), used > 64 ? 64 : used);
		used = used > 64 ? 64 : used;
		memcpy(all + used, bytes, (size_t)n);
		used += (size_t)n;
		all[used] = '\0';
	}
	log_writer_stop();
}

static void log_a_warning(void)
{
	LOG_WARN("test", 0, "the same");
}

/* given a place that logs without end, then so many lines a second are written and the rest counted */
Test(log_writer, a_place_in_the_code_is_limited, .init = to_file)
{
	unsigned same = 0, left_out = 0, n;

	/* until a second is over that has seen more than its share */
	do {
		for (unsigned i = 0; i < 10 * LOG_SITE_MAX; i++)
			log_a_warning();
		LOG_ERROR("test", 0, "another place");
		used = 0;
		read_all();
		lseek(ends[0], 0, SEEK_END);
	} while (!strstr(all, "were left out"));
	for (char *line = strtok(all, "\n"); line; line = strtok(NULL, "\n")) {
		same += strstr(line, " warn  test the same") != NULL;
		if (sscanf(line + 24, " warn  test %u lines like the next one were left out", &n))
			left_out += n;
	}
	cr_expect_geq(same, LOG_SITE_MAX + 1);
	cr_expect_leq(same, 3 * LOG_SITE_MAX);
	cr_expect_geq(left_out, 9 * LOG_SITE_MAX);
}
