/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <stdio.h>

#include "sip/transport/frame.h"

#define MESSAGE_MAX 400u

/* What a stream falls into: "M30 P4 C2 G0"; stops at what cannot be got over. */
static void split(const char *stream, size_t size, size_t piece, char *found, size_t found_size)
{
	struct frame frame = { 0 };
	size_t begin = 0, used = 0;

	found[0] = '\0';
	for (size_t end = piece < size ? piece : size;;
	     end = end + piece < size ? end + piece : size) {
		for (;;) {
			static const char letters[] = "-MCPGNBL";
			size_t take;
			enum frame_result result =
				frame_next(&frame, (struct slice){ stream + begin, end - begin },
					   MESSAGE_MAX, &take);

			if (result == FRAME_MORE) {
				cr_assert_eq(take, 0);
				break;
			}
			cr_assert_leq(take, end - begin);
			/* However the CRLFs are cut, what counts is the pings. */
			if (result != FRAME_CRLF)
				used += (size_t)snprintf(found + used, found_size - used, "%c%zu ",
							 letters[result],
							 result == FRAME_PING ? 0 : take);
			if (result >= FRAME_GARBAGE)
				return;
			begin += take;
		}
		if (end == size)
			return;
	}
}

#define HEAD "OPTIONS sip:a SIP/2.0\r\n"

static const struct {
	const char *name, *stream, *found;
} streams[] = {
	{ "a message without a body", HEAD "Content-Length: 0\r\n\r\n", "M44 " },
	{ "with a body", HEAD "Content-Length: 4\r\n\r\nbody", "M48 " },
	{ "two of them", HEAD "l:1\r\n\r\nx" HEAD "l:2\r\n\r\nyz", "M31 M32 " },
	{ "compact, any case, blanks", HEAD "L \t :  3 \r\n\r\nabc", "M39 " },
	{ "a folded value", HEAD "Content-Length:\r\n 2\r\n\r\nxx", "M48 " },
	{ "a folded line of another header", HEAD "Subject: x\r\n l: 9\r\nl: 1\r\n\r\nx", "M51 " },
	{ "the same length twice", HEAD "l: 1\r\nContent-Length: 1\r\n\r\nx", "M51 " },
	{ "lines that end in LF", "A b c\nl: 2\n\nxy", "M14 " },
	{ "a body that looks like an end", HEAD "l: 8\r\n\r\n\r\n\r\n\r\n\r\n", "M39 " },
	{ "a ping before", "\r\n\r\n" HEAD "l: 0\r\n\r\n", "P0 M31 " },
	{ "two pings and a half", "\r\n\r\n\r\n\r\n\r\n" HEAD "l: 0\r\n\r\n", "P0 P0 M31 " },
	{ "half a ping, a message, half a ping", "\r\n" HEAD "l:0\r\n\r\n\r\n", "M30 " },
	{ "line feeds are no ping", "\n\n\n\n", "" },
	{ "an incomplete message", HEAD "l: 5\r\n\r\nbody", "" },
	{ "no length", HEAD "Subject: x\r\n\r\n", "N37 " },
	{ "a length in the body", HEAD "Subject: x\r\n\r\nl: 3\r\n", "N37 " },
	{ "two lengths", HEAD "l: 1\r\nl: 2\r\n\r\n", "B37 " },
	{ "a length that is none", HEAD "l: 1a\r\n\r\n", "B32 " },
	{ "a negative length", HEAD "l: -1\r\n\r\n", "B32 " },
	{ "an empty length", HEAD "l:\r\n\r\n", "B29 " },
	{ "a length beyond all numbers", HEAD "l: 99999999999999999999\r\n\r\n", "B50 " },
	{ "a message larger than may be", HEAD "l: 370\r\n\r\n", "L33 " },
	{ "a TLS client", "\x16\x03\x01", "G0 " },
	{ "8 bits", "\xc3\xa4", "G0 " },
	{ "a blank", " x", "G0 " },
};

Test(frame, each_stream_falls_into_its_messages_however_it_is_cut)
{
	for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
		const size_t size = strlen(streams[i].stream);

		for (size_t piece = 1; piece <= size; piece++) {
			char found[128];

			split(streams[i].stream, size, piece, found, sizeof(found));
			cr_expect_str_eq(found, streams[i].found, "%s, in pieces of %zu: %s",
					 streams[i].name, piece, found);
		}
	}
}

Test(frame, headers_without_an_end_are_given_up_at_the_limit)
{
	char stream[MESSAGE_MAX + 1], found[64];

	memset(stream, 'x', sizeof(stream));
	memcpy(stream, HEAD, sizeof(HEAD) - 1);
	split(stream, MESSAGE_MAX - 1, 50, found, sizeof(found));
	cr_expect_str_eq(found, "");
	split(stream, MESSAGE_MAX, 50, found, sizeof(found));
	cr_expect_str_eq(found, "L0 ");
}

Test(frame, the_largest_message_is_taken_and_no_larger_one)
{
	char stream[MESSAGE_MAX + 2], found[64];

	memset(stream, 'x', sizeof(stream));
	memcpy(stream, HEAD "l: 367\r\n\r\n", 33);
	split(stream, sizeof(stream), 7, found, sizeof(found));
	cr_expect(strncmp(found, "M400 ", 5) == 0, "%s", found);
	memcpy(stream, HEAD "l: 368\r\n\r\n", 33);
	split(stream, sizeof(stream), 7, found, sizeof(found));
	cr_expect_str_eq(found, "L33 ");
}
