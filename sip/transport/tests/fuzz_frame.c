/* SPDX-License-Identifier: BSD-3-Clause */
/* A stream is cut the same whatever the pieces are that it comes in. The first byte sets their
 * size. */
#include <stdlib.h>

#include "sip/base/tests/fuzz.h"
#include "sip/transport/frame.h"

#define MESSAGE_MAX 2000u

struct found {
	size_t messages, bytes, pings;
	enum frame_result last;
};

static struct found split(struct slice stream, size_t piece)
{
	struct found found = { .last = FRAME_MORE };
	struct frame frame = { 0 };
	size_t begin = 0, end = 0, take;

	while (end < stream.n) {
		end = piece < stream.n - end ? end + piece : stream.n;
		for (;;) {
			const struct slice data = { stream.p + begin, end - begin };
			enum frame_result result = frame_next(&frame, data, MESSAGE_MAX, &take);

			if (take > data.n || take > MESSAGE_MAX + data.n)
				abort();
			if (result == FRAME_MORE)
				break;
			found.messages += result == FRAME_MESSAGE;
			found.bytes += result == FRAME_MESSAGE ? take : 0;
			found.pings += result == FRAME_PING;
			if (result >= FRAME_GARBAGE) {
				found.last = result;
				return found;
			}
			if (take == 0)
				abort();
			begin += take;
		}
		if (end - begin > MESSAGE_MAX && piece == 1)
			abort();
	}
	return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice stream = { (const char *)data + 1, size - 1 };
	struct found whole, cut;

	if (size < 2)
		return 0;
	whole = split(stream, stream.n);
	cut = split(stream, data[0] % 64 + 1u);
	if (whole.messages != cut.messages || whole.bytes != cut.bytes ||
	    whole.pings != cut.pings || whole.last != cut.last)
		abort();
	return 0;
}
