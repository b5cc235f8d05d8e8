/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/trace/describe.h"

#include <stdio.h>

#include "sip/message/typed.h"

#define FORMATS_MAX 3u

/* For terminals: no control characters, nothing beyond ASCII. */
static void print_safe(char *text, size_t size, struct slice s)
{
	size_t n = 0;

	for (; n < s.n && n + 1 < size; n++)
		text[n] = s.p[n] > ' ' && s.p[n] < 0x7f ? s.p[n] : s.p[n] == ' ' ? ' ' : '?';
	text[n] = '\0';
}

static void append(char *text, size_t size, struct slice s)
{
	const size_t used = strlen(text);

	if (used > 0 && used + 1 < size) {
		text[used] = ' ';
		text[used + 1] = '\0';
	}
	print_safe(text + strlen(text), size - strlen(text), s);
}

/* "a=rtpmap:0 PCMU/8000": its name. */
static void append_format(char *text, size_t size, struct slice line)
{
	slice_split(&line, ' ');
	append(text, size, slice_split(&line, '/'));
}

static bool is_direction(struct slice line)
{
	return slice_equal(line, SLICE("a=sendonly")) || slice_equal(line, SLICE("a=recvonly")) ||
	       slice_equal(line, SLICE("a=inactive"));
}

/* The first media line: kind and port, names of formats, the direction unless it is both ways. */
static void describe_sdp(struct slice body, char text[DESCRIBE_TEXT])
{
	unsigned media = 0, formats = 0;
	struct slice direction = SLICE_NONE;

	while (body.n > 0) {
		struct slice line = slice_trim(slice_split(&body, '\n'));

		if (is_direction(line) && media <= 1)
			direction = line;
		if (slice_starts_nocase(line, SLICE("m=")) && media++ == 0) {
			struct slice rest = { line.p + 2, line.n - 2 };

			append(text, DESCRIBE_TEXT, slice_split(&rest, ' '));
			append(text, DESCRIBE_TEXT, slice_split(&rest, ' '));
		}
		if (media == 1 && slice_starts_nocase(line, SLICE("a=rtpmap:")) &&
		    formats++ < FORMATS_MAX)
			append_format(text, DESCRIBE_TEXT, line);
	}
	if (formats > FORMATS_MAX)
		append(text, DESCRIBE_TEXT, SLICE("..."));
	if (direction.n > 2)
		append(text, DESCRIBE_TEXT, (struct slice){ direction.p + 2, direction.n - 2 });
}

void describe_message(const struct sip_msg *msg, struct description_of_message *d)
{
	const bool sdp = msg->body.n > 0 && sip_content_type_is(msg, SLICE("application/sdp"));
	char status[8];

	*d = (struct description_of_message){ .label = "" };
	if (msg->is_request) {
		append(d->label, DESCRIBE_TEXT, msg->method_text);
	} else {
		snprintf(status, sizeof(status), "%u", msg->status % 1000u);
		append(d->label, DESCRIBE_TEXT, slice_of(status));
		append(d->label, DESCRIBE_TEXT, msg->reason);
		if (msg->method != SIP_INVITE) {
			append(d->label, DESCRIBE_TEXT, SLICE("("));
			print_safe(d->label + strlen(d->label), DESCRIBE_TEXT - strlen(d->label),
				   msg->method_text);
			print_safe(d->label + strlen(d->label), DESCRIBE_TEXT - strlen(d->label),
				   SLICE(")"));
		}
	}
	if (!sdp)
		return;
	append(d->label, DESCRIBE_TEXT, SLICE("SDP"));
	describe_sdp(msg->body, d->sdp);
}

void describe_user(struct slice value, char *text, size_t size)
{
	struct sip_addr address;

	if (sip_addr_parse(value, &address) != 0)
		print_safe(text, size, SLICE("?"));
	else
		print_safe(text, size,
			   address.uri.user.n > 0 ? address.uri.user : address.uri.host);
}
