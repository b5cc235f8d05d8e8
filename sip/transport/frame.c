/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/transport/frame.h"

static const char ping[4] = "\r\n\r\n";

static enum frame_result take_crlfs(struct frame *frame, struct slice data, size_t *take)
{
	size_t n = 0;

	while (n < data.n && (data.p[n] == '\r' || data.p[n] == '\n')) {
		const char c = data.p[n++];

		/* A CR that comes again begins anew; a lone LF is nothing. */
		frame->crlf = c == ping[frame->crlf] ? frame->crlf + 1 : c == '\r';
		if (frame->crlf == sizeof(ping)) {
			frame->crlf = 0;
			*take = n;
			return FRAME_PING;
		}
	}
	*take = n;
	return FRAME_CRLF;
}

/* A request begins with a token, a response with "SIP/": no control character, no blank, nothing
 * of 8 bits. A TLS client that calls on a TCP port is found out here. */
static bool can_begin(char c)
{
	return c > ' ' && c < 0x7f;
}

/* Offset behind the empty line, 0: there is none yet. */
static size_t find_end(struct frame *frame, struct slice data)
{
	size_t at = frame->scanned;

	for (;;) {
		const char *lf = at < data.n ? memchr(data.p + at, '\n', data.n - at) : NULL;
		size_t next;

		if (lf == NULL) {
			frame->scanned = (uint32_t)data.n;
			return 0;
		}
		next = (size_t)(lf - data.p) + 1;
		if (next < data.n && data.p[next] == '\r')
			next++;
		if (next >= data.n) { /* the next byte decides: from this line's end again */
			frame->scanned = (uint32_t)(lf - data.p);
			return 0;
		}
		if (data.p[next] == '\n')
			return next + 1;
		at = next;
	}
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Takes a line with its continuation lines (RFC 3261 §7.3.1) off *rest. */
static struct slice take_line(struct slice *rest)
{
	struct slice line = { rest->p, 0 };

	do {
		const char *lf = memchr(rest->p + line.n, '\n', rest->n - line.n);

		line.n = lf == NULL ? rest->n : (size_t)(lf - rest->p) + 1;
	} while (line.n < rest->n && is_blank(rest->p[line.n]));
	rest->p += line.n;
	rest->n -= line.n;
	return line;
}

static bool is_space(char c)
{
	return is_blank(c) || c == '\r' || c == '\n';
}

static struct slice trim(struct slice s)
{
	while (s.n > 0 && is_space(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

/* The value of a Content-Length line; .p NULL: it is another. */
static struct slice length_value(struct slice line)
{
	struct slice name = line;
	const char *colon;

	if (line.n == 0 || (line.p[0] | 0x20) < 'c' || (line.p[0] | 0x20) > 'l')
		return SLICE_NONE;
	colon = memchr(line.p, ':', line.n);
	if (colon == NULL)
		return SLICE_NONE;
	name.n = (size_t)(colon - line.p);
	name = trim(name);
	if (!slice_equal_nocase(name, SLICE("content-length")) &&
	    !slice_equal_nocase(name, SLICE("l")))
		return SLICE_NONE;
	return trim((struct slice){ colon + 1, line.n - (size_t)(colon - line.p) - 1 });
}

/* Two that differ leave open where the message ends. */
static enum frame_result read_length(struct slice head, uint32_t *length)
{
	bool found = false;

	take_line(&head);
	while (head.n > 0) {
		const struct slice value = length_value(take_line(&head));
		uint32_t number;

		if (value.p == NULL)
			continue;
		if (slice_to_u32(value, UINT32_MAX, &number) != 0 || (found && number != *length))
			return FRAME_BAD_LENGTH;
		*length = number;
		found = true;
	}
	return found ? FRAME_MESSAGE : FRAME_NO_LENGTH;
}

static enum frame_result measure(struct frame *frame, struct slice data, size_t message_max,
				 size_t *take)
{
	const size_t head = find_end(frame, data);
	enum frame_result result;
	uint32_t length = 0;

	if (head == 0)
		return data.n < message_max ? FRAME_MORE : FRAME_TOO_LARGE;
	result = head > message_max ? FRAME_TOO_LARGE
				    : read_length((struct slice){ data.p, head }, &length);
	if (result == FRAME_MESSAGE && length > message_max - head)
		result = FRAME_TOO_LARGE;
	if (result == FRAME_MESSAGE)
		frame->need = (uint32_t)(head + length);
	else if (head <= message_max)
		*take = head;
	return result;
}

enum frame_result frame_next(struct frame *frame, struct slice data, size_t message_max,
			     size_t *take)
{
	enum frame_result result = FRAME_MESSAGE;

	*take = 0;
	if (data.n == 0)
		return FRAME_MORE;
	if (frame->need == 0 && frame->scanned == 0) {
		if (data.p[0] == '\r' || data.p[0] == '\n')
			return take_crlfs(frame, data, take);
		if (!can_begin(data.p[0]))
			return FRAME_GARBAGE;
		frame->crlf = 0;
	}
	if (frame->need == 0)
		result = measure(frame, data, message_max, take);
	if (result != FRAME_MESSAGE)
		return result;
	if (data.n < frame->need)
		return FRAME_MORE;
	*take = frame->need;
	frame->need = 0;
	frame->scanned = 0;
	return FRAME_MESSAGE;
}
