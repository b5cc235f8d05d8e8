/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/message/build.h"

#include <emmintrin.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "sip/message/internal.h"
#include "sip/message/pool.h"
#include "sip/message/scan.h"

void sip_build_init(struct sip_build *b, char *buffer, size_t size)
{
	b->buffer = buffer;
	b->size = size;
	b->used = b->start = b->line = b->via = b->body = 0;
	b->overflow = b->is_request = b->unindexed = false;
	b->count = 0;
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

/* Nothing that stands in a message can end its line. */
static void clean(char *text, size_t n)
{
	for (; n >= 16; text += 16, n -= 16) {
		if (_mm_movemask_epi8(scan_controls(scan_load(text))) != 0)
			clean_bytes(text, 16);
	}
	clean_bytes(text, n);
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
	if (b->size - b->used < SIP_BUILD_VIA_ROOM) {
		b->overflow = true;
		return;
	}
	b->used += SIP_BUILD_VIA_ROOM;
	b->start = b->used;
	b->is_request = true;
	sip_build_text(b, method);
	append(b, " ", 1);
	sip_build_text(b, uri);
	append_slice(b, SLICE(" SIP/2.0\r\n"));
	b->line = b->used - b->start;
}

void sip_build_status_line(struct sip_build *b, unsigned status, const char *reason)
{
	append_slice(b, SLICE("SIP/2.0 "));
	sip_build_u32(b, status);
	append(b, " ", 1);
	sip_build_str(b, reason);
	end_line(b);
	b->line = b->used - b->start;
}

/* --- headers ------------------------------------------------------------------------------- */

static void begin_named(struct sip_build *b, enum sip_header_id id, struct slice name)
{
	if (b->count < SIP_BUILD_INDEXED) {
		b->index[b->count].id = (uint16_t)id;
		b->index[b->count].name = (uint32_t)b->used;
		b->index[b->count].name_size = (uint16_t)name.n;
		b->index[b->count].value = (uint32_t)(b->used + name.n + 2);
	}
	append_slice(b, name);
	append(b, ": ", 2);
}

void sip_build_begin(struct sip_build *b, enum sip_header_id id)
{
	begin_named(b, id, header_name_of(id));
}

void sip_build_end(struct sip_build *b)
{
	if (b->count < SIP_BUILD_INDEXED)
		b->index[b->count++].end = (uint32_t)b->used;
	else
		b->unindexed = true;
	end_line(b);
}

__attribute__((format(printf, 2, 0))) static void append_format(struct sip_build *b,
								const char *format, va_list args)
{
	size_t room = b->size - b->used;
	int n;

	if (b->overflow)
		return;
	n = vsnprintf(b->buffer + b->used, room, format, args);
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

/* One of the lines that came ready-made. false: it is folded, or none. */
static bool index_line(struct sip_build *b, struct slice line)
{
	struct slice value = line, name = slice_split(&value, ':');

	if (b->count == SIP_BUILD_INDEXED || value.p == NULL || line.p[0] == ' ' ||
	    line.p[0] == '\t')
		return false;
	name = slice_trim(name);
	value = slice_trim(value);
	b->index[b->count].id = (uint16_t)sip_header_of(name);
	b->index[b->count].name = (uint32_t)(name.p - b->buffer);
	b->index[b->count].name_size = (uint16_t)name.n;
	b->index[b->count].value = (uint32_t)(value.p - b->buffer);
	b->index[b->count].end = (uint32_t)(value.p + value.n - b->buffer);
	b->count++;
	return true;
}

void sip_build_lines(struct sip_build *b, struct slice lines)
{
	struct slice rest = { b->buffer + b->used, lines.n };

	append_slice(b, lines);
	if (b->overflow)
		return;
	while (rest.n > 0) {
		if (!index_line(b, slice_split(&rest, '\n')))
			b->unindexed = true;
	}
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
	begin_named(b, header->id,
		    header->id == SIP_H_OTHER ? header->name : header_name_of(header->id));
	sip_build_text(b, header->value);
	sip_build_end(b);
}

/* --- all of it ------------------------------------------------------------------------------ */

static struct slice whole(const struct sip_build *b)
{
	return (struct slice){ b->buffer + b->start, b->used - b->start };
}

int sip_build_finish(struct sip_build *b, struct slice content_type, struct slice body,
		     struct slice *message)
{
	if (content_type.n > 0)
		sip_build_header_slice(b, SIP_H_CONTENT_TYPE, content_type);
	sip_build_header_u32(b, SIP_H_CONTENT_LENGTH, (uint32_t)body.n);
	end_line(b);
	b->body = b->used;
	append_slice(b, body);
	*message = b->overflow ? SLICE_NONE : whole(b);
	return b->overflow ? -ENOSPC : 0;
}

int sip_build_set_via(struct sip_build *b, struct slice value, struct slice *message)
{
	const size_t size = value.n + SLICE("Via: \r\n").n;
	char *line = b->buffer + b->start, *p;

	*message = SLICE_NONE;
	if (b->overflow || !b->is_request || size > b->start + b->via)
		return -ENOSPC;
	b->start = b->start + b->via - size;
	b->via = size;
	memmove(b->buffer + b->start, line, b->line);
	p = b->buffer + b->start + b->line;
	memcpy(p, "Via: ", 5);
	memcpy(p + 5, value.p, value.n);
	clean(p + 5, value.n);
	memcpy(p + 5 + value.n, "\r\n", 2);
	*message = whole(b);
	return 0;
}

/* The headers of the builder's index, as those of the message. */
static void take_index(const struct sip_build *b, struct sip_msg *msg)
{
	const char *base = msg->raw.p - b->start; /* where the buffer would be */
	const char *via = msg->raw.p + b->line;

	if (b->via > 0)
		msg_add_header(msg, SIP_H_VIA, (struct slice){ via, 3 },
			       (struct slice){ via + 5, b->via - 7 });
	for (unsigned i = 0; i < b->count; i++) {
		const size_t name = b->index[i].name, value = b->index[i].value;

		msg_add_header(msg, (enum sip_header_id)b->index[i].id,
			       (struct slice){ base + name, b->index[i].name_size },
			       (struct slice){ base + value, b->index[i].end - value });
	}
}

static void take_request_line(const struct sip_build *b, struct sip_msg *msg)
{
	struct slice rest = { msg->raw.p, b->line };

	msg->is_request = true;
	msg->method_text = slice_split(&rest, ' ');
	msg->method = (uint8_t)sip_method_of(msg->method_text);
	msg->request_uri = (struct slice){ rest.p, rest.n - SLICE(" SIP/2.0\r\n").n };
}

static int parse_whole(const struct sip_build *b, const struct sip_limits *limits,
		       struct sip_msg **msg)
{
	struct sip_parse_error error;
	int rc = sip_msg_parse(whole(b).p, whole(b).n, limits, msg, &error);

	if (rc == 0)
		return 0;
	if (*msg != NULL)
		sip_msg_unref(*msg);
	*msg = NULL;
	return rc == -ENOMEM ? rc : -EINVAL;
}

int sip_build_take(const struct sip_build *b, const struct sip_limits *limits, struct sip_msg **msg)
{
	const size_t size = b->used - b->start;
	struct sip_parse_error error;
	struct checker checker = { .limits = limits != NULL ? limits : &sip_limits,
				   .error = &error };
	unsigned room = b->count + 2;
	struct sip_msg *m;

	*msg = NULL;
	if (b->overflow || !b->is_request || b->body == 0)
		return -EINVAL;
	if (b->unindexed)
		return parse_whole(b, limits, msg);
	m = msg_create(whole(b).p, size, &room);
	if (m == NULL)
		return -ENOMEM;
	m->raw = (struct slice){ (char *)(m + 1), size };
	m->body = (struct slice){ m->raw.p + (b->body - b->start), b->used - b->body };
	take_request_line(b, m);
	take_index(b, m);
	checker.data_start = m->raw.p;
	msg_check(m, &checker);
	if (checker.failed) {
		sip_msg_unref(m);
		return -EINVAL;
	}
	*msg = m;
	return 0;
}
