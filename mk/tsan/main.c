/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs registered tests, each in a child, and ends with the line that mk/test counts by. */
#include <errno.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mk/tsan/criterion/criterion.h"

#define TIMEOUT_S      120
#define STATUS_FAILED  101
#define STATUS_SKIPPED 102

static struct cr_test *tests;
static struct cr_suite *suites;
static int failures;

void cr_register_test(struct cr_test *test)
{
	struct cr_test **end = &tests;

	while (*end)
		end = &(*end)->next;
	*end = test;
}

void cr_register_suite(struct cr_suite *suite)
{
	suite->next = suites;
	suites = suite;
}

void cr_failed(bool fatal, const char *file, int line, const char *what, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s:%d: failed: %s", file, line, what);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	failures++;
	if (fatal)
		_exit(STATUS_FAILED);
}

void cr_skip_test(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	_exit(STATUS_SKIPPED);
}

static const struct cr_options *suite_options(const char *name)
{
	static const struct cr_options none;

	for (const struct cr_suite *s = suites; s; s = s->next)
		if (strcmp(s->name, name) == 0)
			return &s->options;
	return &none;
}

static void run_in_child(const struct cr_test *test)
{
	const struct cr_options *suite = suite_options(test->suite);
	double timeout =
		test->options.timeout > suite->timeout ? test->options.timeout : suite->timeout;

	alarm(timeout > TIMEOUT_S ? (unsigned)timeout : TIMEOUT_S);
	if (suite->init)
		suite->init();
	if (test->options.init)
		test->options.init();
	test->run();
	if (test->options.fini)
		test->options.fini();
	if (suite->fini)
		suite->fini();
	exit(failures ? STATUS_FAILED : test->options.exit_code);
}

/* Whether the child ended as the test wants it to. */
static bool as_expected(const struct cr_test *test, int status)
{
	if (WIFSIGNALED(status))
		return test->options.signal && WTERMSIG(status) == test->options.signal;
	if (WEXITSTATUS(status) == STATUS_SKIPPED)
		return true;
	return !test->options.signal && WEXITSTATUS(status) == test->options.exit_code;
}

int main(void)
{
	int tested = 0, passed = 0, crashed = 0;

	for (const struct cr_test *t = tests; t; t = t->next) {
		int status = 0;
		pid_t child;

		if (t->options.disabled || suite_options(t->suite)->disabled)
			continue;
		tested++;
		fflush(NULL);
		child = fork();
		if (child == 0)
			run_in_child(t);
		while (waitpid(child, &status, 0) < 0 && errno == EINTR)
			;
		if (as_expected(t, status)) {
			passed++;
			continue;
		}
		crashed += WIFSIGNALED(status);
		printf("[FAIL] %s::%s (status 0x%x)\n", t->suite, t->name, (unsigned)status);
	}
	printf("Synthesis: Tested: %d | Passing: %d | Failing: %d | Crashing: %d\n", tested, passed,
	       tested - passed - crashed, crashed);
	return passed == tested ? 0 : 1;
}
