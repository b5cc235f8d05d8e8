/* SPDX-License-Identifier: BSD-3-Clause */
/* What the programs of the benchmarks share: their clock, their end, the options of a measurement. */
#ifndef PKTGEN_TESTS_BENCH_PROGRAM_H
#define PKTGEN_TESTS_BENCH_PROGRAM_H

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

__attribute__((noreturn, format(printf, 1, 2))) static inline void die(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	exit(EXIT_FAILURE);
}

/* Of CLOCK_MONOTONIC. */
static inline uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline uint64_t now_ms(void)
{
	return now_ns() / 1000000;
}

static inline double now_s(void)
{
	return (double)now_ns() / 1e9;
}

/* [-r ROUNDS] [-l CORE]: how often, and on which core. */
static inline unsigned take_rounds(int argc, char **argv, unsigned most)
{
	unsigned rounds = 50;
	cpu_set_t core;
	int option;

	while ((option = getopt(argc, argv, "r:l:")) != -1) {
		if (option == 'r') {
			rounds = (unsigned)strtoul(optarg, NULL, 10);
		} else if (option == 'l') {
			CPU_ZERO(&core);
			CPU_SET(atoi(optarg), &core);
			if (sched_setaffinity(0, sizeof(core), &core) != 0)
				die("core %s cannot be had", optarg);
		} else {
			exit(EXIT_FAILURE);
		}
	}
	if (rounds == 0 || rounds > most)
		die("-r must be 1 to %u", most);
	return rounds;
}

#endif
