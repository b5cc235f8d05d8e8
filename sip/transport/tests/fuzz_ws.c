/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames give the same messages whatever the pieces are that they come in, and HTTP one of its
 * answers. The first byte sets the size of the pieces. */
#include <stdio.h>
#include <stdlib.h>

#include "sip/base/tests/fuzz.h"
#include "sip/transport/http.h"
#include "sip/transport/internal.h"

#define MESSAGE_MAX 2000u

struct found {
	size_t messages, bytes;
	bool ended;
};

static void receive(void *arg, const char *data, size_t size, const struct sip_path *from)
{
	struct found *found = arg;

	(void)from;
	if (size == 0 || size > MESSAGE_MAX)
		abort();
	found->messages++;
	for (size_t i = 0; i < size; i++)
		found->bytes = found->bytes * 31 + (unsigned char)data[i];
}

static struct found split(const char *stream, size_t size, size_t piece)
{
	struct found found = { 0 };
	struct sip_transport transport = {
		.config = { .receive = receive, .arg = &found },
		.limits = sip_transport_limits_default,
		.message_max = MESSAGE_MAX,
	};
	/* On the list of flushing, so that nothing is written. */
	struct connection c = {
		.transport = &transport,
		.kind = SIP_WS,
		.state = CONNECTION_OPEN,
		.inbound = true,
		.heard = true,
		.upgraded = true,
		.flushing = true,
	};
	char *copy = malloc(size);
	size_t begin = 0, end = 0;

	memcpy(copy, stream, size);
	c.out_end = &c.out;
	while (end < size && !c.last_words) {
		struct slice rest;

		end = piece < size - end ? end + piece : size;
		rest = ws_consume(&c, copy + begin, end - begin);
		if (rest.n > end - begin)
			abort();
		begin = end - rest.n;
	}
	found.ended = c.last_words;
	stream_free(&c);
	while (transport.out_free != NULL) {
		struct out_buffer *next = transport.out_free->next;

		free(transport.out_free);
		transport.out_free = next;
	}
	free(copy);
	return found;
}

static void try_http(struct slice text)
{
	char answer[HTTP_ANSWER_MAX];
	const char *const origins[] = { "https://a" };
	unsigned status = http_upgrade(text, origins, text.n & 1, answer);

	if (http_request_size(text) > text.n || strlen(answer) >= sizeof(answer) ||
	    (status != 101 && status != 400 && status != 403 && status != 426))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct found whole, cut;

	if (size < 2)
		return 0;
	try_http((struct slice){ (const char *)data, size });
	whole = split((const char *)data + 1, size - 1, size);
	cut = split((const char *)data + 1, size - 1, data[0] % 64 + 1u);
	if (whole.messages != cut.messages || whole.bytes != cut.bytes || whole.ended != cut.ended)
		abort();
	return 0;
}
