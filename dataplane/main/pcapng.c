/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/main/pcapng.h"

#include <string.h>

/* §4.1, §4.2, §4.3; numbers are in the byte order of who writes. */
enum { BLOCK_HEADER = 0x0a0d0d0a, BLOCK_INTERFACE = 1, BLOCK_PACKET = 6 };
enum { OPTION_END = 0, OPTION_COMMENT = 1 };
enum { HEADER_APPLICATION = 4 };
enum { INTERFACE_NAME = 2, INTERFACE_RESOLUTION = 9 };

#define BYTE_ORDER_MAGIC 0x1a2b3c4du
#define LINK_ETHERNET    1u
#define PACKET_FIXED     28u /* bytes of a packet block before the packet */
#define CAPTURED_AT      20u /* of them, where the number of bytes kept stands */
#define NANOSECONDS      9u

struct block {
	uint8_t *out;
	size_t room, size;
};

static void put(struct block *b, const void *data, size_t size)
{
	if (b->size + size <= b->room)
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

/* The comment goes before the other options: behind them an end of options may stand. */
size_t pcapng_write_packet(uint8_t *out, size_t room, const uint8_t *block, size_t size,
			   uint32_t interface, const char *comment)
{
	struct block b = { .out = out, .room = room };
	uint32_t captured;
	size_t options;

	memcpy(&captured, block + CAPTURED_AT, sizeof(captured));
	options = PACKET_FIXED + captured + padding(captured);
	put32(&b, BLOCK_PACKET);
	put32(&b, 0);
	put32(&b, interface);
	put(&b, block + 12, options - 12);
	if (comment)
		put_text(&b, OPTION_COMMENT, comment);
	put(&b, block + options, size - options - 4);
	return finish(&b);
}
