/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/base/format.h"

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "sip/base/decimal.h"

struct out {
	char *dst;
	size_t size, used; /* used: what there would be with room for all of it */
};

static void put(struct out *out, const char *text, size_t n)
{
	if (out->used < out->size) {
		size_t room = out->size - out->used;

		memcpy(out->dst + out->used, text, n < room ? n : room);
	}
	out->used += n;
}

static void put_number(struct out *out, uint64_t number)
{
	char digits[DECIMAL_MAX];

	put(out, digits, decimal_write(digits, number));
}

static void put_signed(struct out *out, int number)
{
	if (number < 0)
		put(out, "-", 1);
	put_number(out, number < 0 ? 0 - (uint64_t)number : (uint64_t)number);
}

/* "%016lx" */
static void put_id(struct out *out, uint64_t id)
{
	static const char digits[] = "0123456789abcdef";
	char text[16];

	for (unsigned i = 0; i < sizeof(text); i++)
		text[i] = digits[id >> (60 - 4 * i) & 15];
	put(out, text, sizeof(text));
}

static size_t length_up_to(const char *text, int most)
{
	const char *end = most > 0 ? memchr(text, '\0', (size_t)most) : text;

	return end ? (size_t)(end - text) : (size_t)most;
}

/* "*", or up to four digits; returns what follows them. */
static const char *precision(const char *p, va_list *args, int *most)
{
	const char *first = p;

	if (*p == '*') {
		*most = va_arg(*args, int);
		return p + 1;
	}
	for (*most = 0; *p >= '0' && *p <= '9' && p < first + 4; p++)
		*most = *most * 10 + (*p - '0');
	return p;
}

/* One conversion, p behind its '%'. Returns what follows it; NULL: not one of ours. */
static const char *convert(struct out *out, const char *p, va_list *args)
{
	const char *text;
	int most;

	switch (*p) {
	case 's':
		text = va_arg(*args, const char *);
		if (!text)
			return NULL;
		put(out, text, strlen(text));
		return p + 1;
	case 'u':
		put_number(out, va_arg(*args, unsigned));
		return p + 1;
	case 'd':
		put_signed(out, va_arg(*args, int));
		return p + 1;
	case '%':
		put(out, "%", 1);
		return p + 1;
	case 'l':
		if (p[1] != 'u')
			return NULL;
		put_number(out, va_arg(*args, unsigned long));
		return p + 2;
	case '0':
		if (strncmp(p, "016lx", 5) != 0)
			return NULL;
		put_id(out, va_arg(*args, unsigned long));
		return p + 5;
	case '.':
		p = precision(p + 1, args, &most);
		if (!p || *p != 's')
			return NULL;
		text = va_arg(*args, const char *);
		if (!text)
			return NULL;
		put(out, text, most < 0 ? strlen(text) : length_up_to(text, most));
		return p + 1;
	default:
		return NULL;
	}
}

int format_text(char *dst, size_t size, const char *format, va_list all)
{
	struct out out = { .dst = dst, .size = size };
	const char *p = format;
	va_list args;

	va_copy(args, all);
	while (p && *p) {
		size_t plain = (size_t)(strchrnul(p, '%') - p);

		put(&out, p, plain);
		p += plain;
		if (*p)
			p = convert(&out, p + 1, &args);
	}
	va_end(args);
	if (!p || out.used > INT_MAX)
		return vsnprintf(dst, size, format, all);
	if (size > 0)
		dst[out.used < size ? out.used : size - 1] = '\0';
	return (int)out.used;
}

int format_print(char *dst, size_t size, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = format_text(dst, size, format, args);
	va_end(args);
	return n;
}
