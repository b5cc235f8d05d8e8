/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/message/build.h"

#include <emmintrin.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "sip/base/format.h"
#include "sip/message/internal.h"
#include "sip/message/scan.h"

void sip_build_init(struct sip_build *b, char *buffer, size_t size)
{
	*b = (struct sip_build){ .buffer = buffer, .size = size };
}

static void append(struct sip_build *b, const char *text, size_t n)
{
	if (b->overflow || n > b->size - b->used) {
		b->overflow = true;
		return;
	}
	if (n > 0)
		memcpy(b->buffer + b->used, text, n);
	b->used += n;
}

static void append_slice(struct sip_build *b, struct slice text)
{
	append(b, text.p, text.n);
}

static void clean_bytes(char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			text[i] = ' ';
	}
}

static void clean_block(char *text)
{
	if (_mm_movemask_epi8(scan_controls(scan_load(text))) != 0)
		clean_bytes(text, 16);
}

/* Nothing that stands in a message can end its line. */
static void clean(char *text, size_t n)
{
	char *end = text + n;

	if (n < 16) {
		clean_bytes(text, n);
		return;
	}
	for (; n > 16; text += 16, n -= 16)
		clean_block(text);
	/* The last sixteen, of which some were seen before. */
	clean_block(end - 16);
}

void sip_build_text(struct sip_build *b, struct slice text)
{
	size_t from = b->used;

	append_slice(b, text);
	clean(b->buffer + from, b->used - from);
}

void sip_build_str(struct sip_build *b, const char *text)
{
	sip_build_text(b, slice_of(text));
}

void sip_build_u32(struct sip_build *b, uint32_t number)
{
	char digits[10], *p = digits + sizeof(digits);

	do {
		*--p = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	append(b, p, (size_t)(digits + sizeof(digits) - p));
}

static void end_line(struct sip_build *b)
{
	append(b, "\r\n", 2);
}

/* --- the first line ------------------------------------------------------------------------ */

void sip_build_request_line(struct sip_build *b, struct slice method, struct slice uri)
{
	sip_build_text(b, method);
	append(b, " ", 1);
	sip_build_text(b, uri);
	append_slice(b, SLICE(" SIP/2.0\r\n"));
	b->line = b->used;
}

void sip_build_status_line(struct sip_build *b, unsigned status, const char *reason)
{
	append_slice(b, SLICE("SIP/2.0 "));
	sip_build_u32(b, status);
	append(b, " ", 1);
	sip_build_str(b, reason);
	end_line(b);
	b->line = b->used;
}

/* --- headers ------------------------------------------------------------------------------- */

static void begin_named(struct sip_build *b, struct slice name)
{
	append_slice(b, name);
	append(b, ": ", 2);
}

void sip_build_begin(struct sip_build *b, enum sip_header_id id)
{
	begin_named(b, header_name_of(id));
}

void sip_build_end(struct sip_build *b)
{
	end_line(b);
}

__attribute__((format(printf, 2, 0))) static void append_format(struct sip_build *b,
								const char *format, va_list args)
{
	size_t room = b->size - b->used;
	int n;

	if (b->overflow)
		return;
	n = format_text(b->buffer + b->used, room, format, args);
	if (n < 0 || (size_t)n >= room) {
		b->overflow = true;
		return;
	}
	clean(b->buffer + b->used, (size_t)n);
	b->used += (size_t)n;
}

void sip_build_header(struct sip_build *b, enum sip_header_id id, const char *format, ...)
{
	va_list args;

	sip_build_begin(b, id);
	va_start(args, format);
	append_format(b, format, args);
	va_end(args);
	sip_build_end(b);
}

void sip_build_header_slice(struct sip_build *b, enum sip_header_id id, struct slice value)
{
	sip_build_begin(b, id);
	sip_build_text(b, value);
	sip_build_end(b);
}

void sip_build_header_u32(struct sip_build *b, enum sip_header_id id, uint32_t number)
{
	sip_build_begin(b, id);
	sip_build_u32(b, number);
	sip_build_end(b);
}

void sip_build_cseq(struct sip_build *b, uint32_t number, struct slice method)
{
	sip_build_begin(b, SIP_H_CSEQ);
	sip_build_u32(b, number);
	append(b, " ", 1);
	sip_build_text(b, method);
	sip_build_end(b);
}

void sip_build_lines(struct sip_build *b, struct slice lines)
{
	append_slice(b, lines);
}

void sip_build_copy(struct sip_build *b, const struct sip_msg *from, enum sip_header_id id)
{
	for (const struct sip_header *h = sip_msg_header(from, id); h != NULL;
	     h = sip_msg_next(from, h))
		build_copy_one(b, h);
}

void build_copy_one(struct sip_build *b, const struct sip_header *header)
{
	/* Headers that are not in the table keep the name they came with. */
	begin_named(b, header->id == SIP_H_OTHER ? header->name : header_name_of(header->id));
	sip_build_text(b, header->value);
	sip_build_end(b);
}

/* --- all of it ------------------------------------------------------------------------------ */

int sip_build_finish(struct sip_build *b, struct slice content_type, struct slice body,
		     struct slice *message)
{
	if (content_type.n > 0)
		sip_build_header_slice(b, SIP_H_CONTENT_TYPE, content_type);
	sip_build_header_u32(b, SIP_H_CONTENT_LENGTH, (uint32_t)body.n);
	end_line(b);
	append_slice(b, body);
	*message = b->overflow ? SLICE_NONE : (struct slice){ b->buffer, b->used };
	return b->overflow ? -ENOSPC : 0;
}
