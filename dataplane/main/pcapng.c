/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/main/pcapng.h"

#include <string.h>
#include <time.h>

#include <rte_cycles.h>

/* §4.1, §4.2, §4.3; numbers are in the byte order of who writes. */
enum { BLOCK_HEADER = 0x0a0d0d0a, BLOCK_INTERFACE = 1, BLOCK_PACKET = 6 };
enum { OPTION_END = 0, OPTION_COMMENT = 1 };
enum { HEADER_APPLICATION = 4 };
enum { INTERFACE_NAME = 2, INTERFACE_RESOLUTION = 9 };

#define BYTE_ORDER_MAGIC 0x1a2b3c4du
#define LINK_ETHERNET    1u
#define PACKET_FIXED     28u /* bytes of a packet block before the packet */
#define STAMP_AT         12u /* of them, where the time stamp stands, upper half first */
#define CAPTURED_AT      20u /* where the number of bytes kept stands */
#define NANOSECONDS      9u
#define LOOKS            3u /* at both clocks */
#define SECOND_NS        1000000000u

struct block {
	uint8_t *out;
	size_t room, size;
};

static void put(struct block *b, const void *data, size_t size)
{
	if (size > 0 && b->size + size <= b->room)
		memcpy(b->out + b->size, data, size);
	b->size += size;
}

static void put16(struct block *b, unsigned value)
{
	uint16_t v = (uint16_t)value;

	put(b, &v, sizeof(v));
}

static void put32(struct block *b, uint32_t value)
{
	put(b, &value, sizeof(value));
}

static size_t padding(size_t size)
{
	return -size & 3;
}

static void put_option(struct block *b, unsigned code, const void *data, size_t size)
{
	static const uint8_t zeros[4];

	put16(b, code);
	put16(b, (unsigned)size);
	put(b, data, size);
	put(b, zeros, padding(size));
}

static void put_text(struct block *b, unsigned code, const char *text)
{
	put_option(b, code, text, strnlen(text, PCAPNG_TEXT_MAX));
}

/* The length stands at both ends of a block. */
static size_t finish(struct block *b)
{
	uint32_t size = (uint32_t)b->size + 4;

	put32(b, size);
	if (b->size > b->room)
		return 0;
	memcpy(b->out + 4, &size, sizeof(size));
	return b->size;
}

size_t pcapng_write_header(uint8_t *out, size_t room, const char *application)
{
	struct block b = { .out = out, .room = room };

	put32(&b, BLOCK_HEADER);
	put32(&b, 0);
	put32(&b, BYTE_ORDER_MAGIC);
	put16(&b, 1); /* version 1.0 */
	put16(&b, 0);
	put32(&b, UINT32_MAX); /* length of the section: 64 bits, not known */
	put32(&b, UINT32_MAX);
	put_text(&b, HEADER_APPLICATION, application);
	put_option(&b, OPTION_END, NULL, 0);
	return finish(&b);
}

size_t pcapng_write_interface(uint8_t *out, size_t room, const char *name)
{
	const uint8_t resolution = NANOSECONDS;
	struct block b = { .out = out, .room = room };

	put32(&b, BLOCK_INTERFACE);
	put32(&b, 0);
	put16(&b, LINK_ETHERNET);
	put16(&b, 0);
	put32(&b, 0); /* snap length: none, packets have their own */
	put_text(&b, INTERFACE_NAME, name);
	put_option(&b, INTERFACE_RESOLUTION, &resolution, sizeof(resolution));
	put_option(&b, OPTION_END, NULL, 0);
	return finish(&b);
}

/* The two clocks at one moment. */
struct clocks {
	uint64_t tsc, ns;
};

static struct clocks look(void)
{
	struct clocks best = { 0 };
	uint64_t least = UINT64_MAX;

	/* the look that took the shortest time: in the others the thread may have been away */
	for (unsigned i = 0; i < LOOKS; i++) {
		uint64_t before = rte_rdtsc(), took;
		struct timespec t;

		clock_gettime(CLOCK_REALTIME, &t);
		took = rte_rdtsc() - before;
		if (took >= least)
			continue;
		least = took;
		best.tsc = before + took / 2;
		best.ns = (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
	}
	return best;
}

/* Looks at the clocks once a second: the time of day is steered, the TSC is not. */
static uint64_t time_of_day(uint64_t tsc)
{
	static _Thread_local struct clocks clocks;
	const uint64_t hz = rte_get_tsc_hz();

	if (clocks.ns == 0 || rte_rdtsc() - clocks.tsc > hz)
		clocks = look();
	/* most packets are older than the look, or younger by a second at most */
	return clocks.ns +
	       (uint64_t)(int64_t)((double)(int64_t)(tsc - clocks.tsc) * SECOND_NS / (double)hz);
}

static uint64_t stamp_of(const uint8_t *block)
{
	uint32_t half[2];

	memcpy(half, block + STAMP_AT, sizeof(half));
	return (uint64_t)half[0] << 32 | half[1];
}

void pcapng_set_tsc(uint8_t *block, uint64_t tsc)
{
	const uint32_t half[2] = { (uint32_t)(tsc >> 32), (uint32_t)tsc };

	memcpy(block + STAMP_AT, half, sizeof(half));
}

/* The comment goes before the other options: behind them an end of options may stand. */
size_t pcapng_write_packet(uint8_t *out, size_t room, const uint8_t *block, size_t size,
			   uint32_t interface, const char *comment)
{
	struct block b = { .out = out, .room = room };
	uint64_t ns = time_of_day(stamp_of(block));
	uint32_t captured;
	size_t options;

	memcpy(&captured, block + CAPTURED_AT, sizeof(captured));
	options = PACKET_FIXED + captured + padding(captured);
	put32(&b, BLOCK_PACKET);
	put32(&b, 0);
	put32(&b, interface);
	put32(&b, (uint32_t)(ns >> 32));
	put32(&b, (uint32_t)ns);
	put(&b, block + CAPTURED_AT, options - CAPTURED_AT);
	if (comment)
		put_text(&b, OPTION_COMMENT, comment);
	put(&b, block + options, size - options - 4);
	return finish(&b);
}
