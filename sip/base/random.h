/* SPDX-License-Identifier: BSD-3-Clause */
/* Random numbers that cannot be guessed, from getrandom(2), buffered per thread. Any thread. */
#ifndef SIP_BASE_RANDOM_H
#define SIP_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

void random_bytes(void *buffer, size_t size);
uint64_t random_u64(void);
/* `chars` characters of [0-9a-z] and a terminator: 5 bits each */
void random_token(char *dst, size_t chars);

#endif
