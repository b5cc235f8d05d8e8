/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Decimal text where a call writes a hundred numbers: printf takes twenty times as long for one.
 */
#ifndef SIP_BASE_DECIMAL_H
#define SIP_BASE_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define DECIMAL_MAX 20 /* digits of UINT64_MAX */
#define IPV4_MAX    15

/* No terminator. dst has room for DECIMAL_MAX; returns how many were written. */
static inline size_t decimal_write(char *dst, uint64_t number)
{
	char digits[DECIMAL_MAX], *p = digits + sizeof(digits);
	size_t n;

	do {
		*--p = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	n = (size_t)(digits + sizeof(digits) - p);
	memcpy(dst, p, n);
	return n;
}

/* Dotted quad of four bytes in network order; no terminator; dst has room for IPV4_MAX. */
static inline size_t ipv4_write(char *dst, const uint8_t ip[4])
{
	char *p = dst;

	for (int i = 0; i < 4; i++) {
		if (i > 0)
			*p++ = '.';
		if (ip[i] >= 100)
			*p++ = (char)('0' + ip[i] / 100);
		if (ip[i] >= 10)
			*p++ = (char)('0' + ip[i] / 10 % 10);
		*p++ = (char)('0' + ip[i] % 10);
	}
	return (size_t)(p - dst);
}

/* What inet_pton() takes for one: four numbers up to 255, without zeros in front. ip: untouched
 * where it is none. */
static inline bool ipv4_read(const char *text, size_t n, uint8_t ip[4])
{
	const char *p = text, *end = text + n;
	uint8_t read[4];

	for (unsigned i = 0; i < 4; i++) {
		unsigned number = 0;
		const char *first;

		if (i > 0 && (p == end || *p++ != '.'))
			return false;
		for (first = p; p < end && (unsigned)(*p - '0') <= 9 && p < first + 3; p++)
			number = number * 10 + (unsigned)(*p - '0');
		if (p == first || number > 255 || (*first == '0' && p > first + 1))
			return false;
		read[i] = (uint8_t)number;
	}
	if (p != end)
		return false;
	memcpy(ip, read, sizeof(read));
	return true;
}

#endif
