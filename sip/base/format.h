/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vsnprintf() for what messages are made of: texts, pieces of text, numbers without a width, ids of
 * sixteen hexadecimal digits. It is
 * several times as fast; whatever else a format asks for is left to vsnprintf() itself.
 */
#ifndef SIP_BASE_FORMAT_H
#define SIP_BASE_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

/* As vsnprintf(): writes at most size bytes with the terminator, returns how many there would be. */
int format_text(char *dst, size_t size, const char *format, va_list args)
	__attribute__((format(printf, 3, 0)));

/* As snprintf(). */
int format_print(char *dst, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
