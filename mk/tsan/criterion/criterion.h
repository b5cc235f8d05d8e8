/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * As much of Criterion as this project's tests use, for the thread sanitizer: Criterion's own
 * sandbox needs memory at addresses where that sanitizer keeps its shadow. Each test runs in a
 * child (mk/tsan/main.c). Only VARIANT=tsan sees this folder.
 */
#ifndef TSAN_CRITERION_H
#define TSAN_CRITERION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cr_options {
	void (*init)(void);
	void (*fini)(void);
	double timeout; /* seconds */
	int signal;
	int exit_code;
	bool disabled;
	const char *description;
};

struct cr_test {
	const char *suite, *name;
	void (*run)(void);
	struct cr_options options;
	struct cr_test *next;
};

struct cr_suite {
	const char *name;
	struct cr_options options;
	struct cr_suite *next;
};

void cr_register_test(struct cr_test *test);
void cr_register_suite(struct cr_suite *suite);
/* Prints the failure and counts it; a fatal one ends the test. */
__attribute__((format(printf, 5, 6))) void cr_failed(bool fatal, const char *file, int line,
						     const char *what, const char *format, ...);
void cr_skip_test(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

#define Test(suite_, name_, ...)                                                             \
	static void cr_run_##suite_##_##name_(void);                                         \
	__attribute__((constructor)) static void cr_add_##suite_##_##name_(void)             \
	{                                                                                    \
		static struct cr_test test = { .suite = #suite_,                             \
					       .name = #name_,                               \
					       .run = cr_run_##suite_##_##name_,             \
					       .options = { .exit_code = 0, __VA_ARGS__ } }; \
		cr_register_test(&test);                                                     \
	}                                                                                    \
	static void cr_run_##suite_##_##name_(void)

#define TestSuite(name_, ...)                                                                  \
	__attribute__((constructor)) static void cr_add_suite_##name_(void)                    \
	{                                                                                      \
		static struct cr_suite suite = { .name = #name_,                               \
						 .options = { .exit_code = 0, __VA_ARGS__ } }; \
		cr_register_suite(&suite);                                                     \
	}                                                                                      \
	extern int cr_suite_needs_semicolon_##name_

#define cr_check_(fatal, ok, what, ...)                                              \
	do {                                                                         \
		if (!(ok))                                                           \
			cr_failed(fatal, __FILE__, __LINE__, what, " " __VA_ARGS__); \
	} while (0)

#define cr_assert(condition, ...) cr_check_(true, condition, #condition, __VA_ARGS__)
#define cr_expect(condition, ...) cr_check_(false, condition, #condition, __VA_ARGS__)
#define cr_fail(...)              cr_check_(false, false, "fail", __VA_ARGS__)
#define cr_fatal(...)             cr_check_(true, false, "fatal", __VA_ARGS__)
#define cr_log_info(...)          (fprintf(stderr, __VA_ARGS__), fputc('\n', stderr))

#define cr_two_(f, a, op, b, ...)  cr_check_(f, (a)op(b), #a " " #op " " #b, __VA_ARGS__)
#define cr_assert_eq(a, b, ...)    cr_two_(true, a, ==, b, __VA_ARGS__)
#define cr_expect_eq(a, b, ...)    cr_two_(false, a, ==, b, __VA_ARGS__)
#define cr_assert_neq(a, b, ...)   cr_two_(true, a, !=, b, __VA_ARGS__)
#define cr_expect_neq(a, b, ...)   cr_two_(false, a, !=, b, __VA_ARGS__)
#define cr_assert_lt(a, b, ...)    cr_two_(true, a, <, b, __VA_ARGS__)
#define cr_expect_lt(a, b, ...)    cr_two_(false, a, <, b, __VA_ARGS__)
#define cr_assert_leq(a, b, ...)   cr_two_(true, a, <=, b, __VA_ARGS__)
#define cr_expect_leq(a, b, ...)   cr_two_(false, a, <=, b, __VA_ARGS__)
#define cr_assert_gt(a, b, ...)    cr_two_(true, a, >, b, __VA_ARGS__)
#define cr_expect_gt(a, b, ...)    cr_two_(false, a, >, b, __VA_ARGS__)
#define cr_assert_geq(a, b, ...)   cr_two_(true, a, >=, b, __VA_ARGS__)
#define cr_expect_geq(a, b, ...)   cr_two_(false, a, >=, b, __VA_ARGS__)
#define cr_assert_not(a, ...)      cr_check_(true, !(a), "not " #a, __VA_ARGS__)
#define cr_expect_not(a, ...)      cr_check_(false, !(a), "not " #a, __VA_ARGS__)
#define cr_assert_null(a, ...)     cr_check_(true, (a) == NULL, #a " is NULL", __VA_ARGS__)
#define cr_expect_null(a, ...)     cr_check_(false, (a) == NULL, #a " is NULL", __VA_ARGS__)
#define cr_assert_not_null(a, ...) cr_check_(true, (a) != NULL, #a " is not NULL", __VA_ARGS__)
#define cr_expect_not_null(a, ...) cr_check_(false, (a) != NULL, #a " is not NULL", __VA_ARGS__)
#define cr_assert_str_eq(a, b, ...) \
	cr_check_(true, strcmp((a), (b)) == 0, #a " is " #b, __VA_ARGS__)
#define cr_expect_str_eq(a, b, ...) \
	cr_check_(false, strcmp((a), (b)) == 0, #a " is " #b, __VA_ARGS__)
#define cr_assert_str_neq(a, b, ...) \
	cr_check_(true, strcmp((a), (b)) != 0, #a " is not " #b, __VA_ARGS__)
#define cr_expect_str_neq(a, b, ...) \
	cr_check_(false, strcmp((a), (b)) != 0, #a " is not " #b, __VA_ARGS__)
#define cr_assert_arr_eq(a, b, n, ...) \
	cr_check_(true, memcmp((a), (b), (n)) == 0, #a " is " #b, __VA_ARGS__)
#define cr_expect_arr_eq(a, b, n, ...) \
	cr_check_(false, memcmp((a), (b), (n)) == 0, #a " is " #b, __VA_ARGS__)
#define cr_assert_str_empty(a, ...)     cr_check_(true, *(a) == 0, #a " is empty", __VA_ARGS__)
#define cr_expect_str_empty(a, ...)     cr_check_(false, *(a) == 0, #a " is empty", __VA_ARGS__)
#define cr_assert_str_not_empty(a, ...) cr_check_(true, *(a) != 0, #a " is not empty", __VA_ARGS__)
#define cr_expect_str_not_empty(a, ...) cr_check_(false, *(a) != 0, #a " is not empty", __VA_ARGS__)
#define cr_assert_float_eq(a, b, e, ...) \
	cr_check_(true, (a) - (b) <= (e) && (b) - (a) <= (e), #a " is " #b, __VA_ARGS__)
#define cr_expect_float_eq(a, b, e, ...) \
	cr_check_(false, (a) - (b) <= (e) && (b) - (a) <= (e), #a " is " #b, __VA_ARGS__)
#define cr_assert_fail(...) cr_check_(true, false, "fail", __VA_ARGS__)
#define cr_expect_fail(...) cr_check_(false, false, "fail", __VA_ARGS__)

#endif
