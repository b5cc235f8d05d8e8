/* SPDX-License-Identifier: BSD-3-Clause */
/* What fuzzers share: the entry that libFuzzer calls, and an assertion that it catches. */
#ifndef SIP_BASE_TESTS_FUZZ_H
#define SIP_BASE_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define MUST(condition)           \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
