/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The Nth allocation fails, for every N: a scenario runs again and again, each time with the next
 * allocation of this thread refused, until it asks for fewer than that. It must not crash, and
 * must give back all that it got.
 *
 *   starve(scenario, 1000);       a scenario makes all that it needs, and ends it
 *
 * A program gets this by compiling starve.c, which stands in for malloc and its like. Under
 * sanitizers, which do so themselves, nothing fails and scenarios run once.
 */
#ifndef SIP_BASE_TESTS_STARVE_H
#define SIP_BASE_TESTS_STARVE_H

#include <stdbool.h>

/* runs_max: more than the scenario has allocations; else it is a failure of the test. Returns the
 * number of runs. */
unsigned starve(void (*scenario)(void), unsigned runs_max);
/* false: a sanitizer has malloc, and nothing is refused. */
bool starve_works(void);
/* Allocations of a run once it is warm; 0 under sanitizers. */
unsigned starve_count(void (*scenario)(void));
/* The same for a part of a scenario alone, when not all of it can do without: the nth allocation from
 * here on is refused. starve_end() gives how many there were. Leaks are not looked for. */
void starve_begin(unsigned n);
unsigned starve_end(void);
/* What the test itself allocates within a scenario is not refused and not counted. Nests. */
void starve_hold(void);
void starve_release(void);

#endif
