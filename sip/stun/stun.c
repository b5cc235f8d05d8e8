/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/stun/stun.h"

#include <errno.h>

#define COOKIE          0x2112a442u
#define BINDING         1u
#define FINGERPRINT_XOR 0x5354554eu
#define UNKNOWN_MAX     8u

enum attribute {
	ATTRIBUTE_ERROR_CODE = 0x0009,
	ATTRIBUTE_UNKNOWN_ATTRIBUTES = 0x000a,
	ATTRIBUTE_XOR_MAPPED_ADDRESS = 0x0020,
	ATTRIBUTE_FINGERPRINT = 0x8028,
};

static uint16_t get16(const char *p)
{
	return (uint16_t)((unsigned char)p[0] << 8 | (unsigned char)p[1]);
}

static uint32_t get32(const char *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void put16(char *p, uint16_t value)
{
	p[0] = (char)(value >> 8);
	p[1] = (char)value;
}

static void put32(char *p, uint32_t value)
{
	put16(p, (uint16_t)(value >> 16));
	put16(p + 2, (uint16_t)value);
}

/* Of ISO 3309, as in RFC 8489 §14.7. Keep-alives are short and few: bit by bit does. */
static uint32_t crc32(const char *data, size_t size)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < size; i++) {
		crc ^= (unsigned char)data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

bool stun_is(struct slice datagram)
{
	return datagram.n >= STUN_HEADER && (unsigned char)datagram.p[0] < 0x40 &&
	       get32(datagram.p + 4) == COOKIE;
}

/* Takes one off *rest; false: there is no more, or it is cut off (*rest is not empty then). */
static bool next_attribute(struct slice *rest, uint16_t *type, struct slice *value)
{
	size_t size, padded;

	if (rest->n < 4)
		return false;
	size = get16(rest->p + 2);
	padded = (size + 3) & ~(size_t)3;
	if (padded > rest->n - 4)
		return false;
	*type = get16(rest->p);
	*value = (struct slice){ rest->p + 4, size };
	rest->p += 4 + padded;
	rest->n -= 4 + padded;
	return true;
}

/* It covers all that stands before it, and nothing follows it. */
static bool fingerprint_is_right(struct slice datagram, struct slice value)
{
	const size_t before = (size_t)(value.p - 4 - datagram.p);

	return value.n == 4 && before + 8 == datagram.n &&
	       get32(value.p) == (crc32(datagram.p, before) ^ FINGERPRINT_XOR);
}

int stun_parse(struct slice datagram, struct stun_message *message)
{
	struct slice rest, value;
	uint16_t type;

	if (!stun_is(datagram) || datagram.n > STUN_READ_MAX ||
	    get16(datagram.p + 2) != datagram.n - STUN_HEADER)
		return -EBADMSG;
	/* RFC 8489 §5: the class stands in two bits among those of the method. */
	type = get16(datagram.p);
	*message = (struct stun_message){
		.class = (enum stun_class)((type >> 7 & 2) | (type >> 4 & 1)),
		.method = (uint16_t)((type & 0xf) | (type >> 1 & 0x70) | (type >> 2 & 0xf80)),
		.id = { datagram.p + 8, STUN_ID },
		.attributes = { datagram.p + STUN_HEADER, datagram.n - STUN_HEADER },
	};
	rest = message->attributes;
	while (next_attribute(&rest, &type, &value)) {
		if (type != ATTRIBUTE_FINGERPRINT)
			continue;
		if (!fingerprint_is_right(datagram, value))
			return -EBADMSG;
		message->fingerprint = true;
	}
	return rest.n == 0 ? 0 : -EBADMSG;
}

/* --- building --- */

struct builder {
	char *p;
	size_t used;
};

static void begin(struct builder *b, uint16_t type, const char *id)
{
	put16(b->p, type);
	put16(b->p + 2, 0);
	put32(b->p + 4, COOKIE);
	memcpy(b->p + 8, id, STUN_ID);
	b->used = STUN_HEADER;
}

/* Room for a value of that size, zero. */
static char *add(struct builder *b, enum attribute type, size_t size)
{
	char *value = b->p + b->used + 4;
	const size_t padded = (size + 3) & ~(size_t)3;

	put16(value - 4, (uint16_t)type);
	put16(value - 2, (uint16_t)size);
	memset(value, 0, padded);
	b->used += 4 + padded;
	put16(b->p + 2, (uint16_t)(b->used - STUN_HEADER));
	return value;
}

static void add_fingerprint(struct builder *b)
{
	const size_t before = b->used;
	char *value = add(b, ATTRIBUTE_FINGERPRINT, 4);

	put32(value, crc32(b->p, before) ^ FINGERPRINT_XOR);
}

/* The cookie, and for IPv6 the transaction's id behind it (RFC 8489 §14.2). */
static void mask(char *ip, size_t size, const char *header)
{
	for (size_t i = 0; i < size; i++)
		ip[i] ^= header[4 + i];
}

static void add_mapped_address(struct builder *b, const struct sip_address *from)
{
	const size_t size = from->family == AF_INET6 ? 16 : 4;
	char *value = add(b, ATTRIBUTE_XOR_MAPPED_ADDRESS, 4 + size);

	value[1] = from->family == AF_INET6 ? 2 : 1;
	put16(value + 2, from->port ^ (COOKIE >> 16));
	memcpy(value + 4, from->ip, size);
	mask(value + 4, size, b->p);
}

/* RFC 8489 §6.3.1: 420, and which ones. */
static void add_unknown(struct builder *b, const uint16_t *unknown, unsigned count)
{
	static const char reason[] = "Unknown Attribute";
	char *value = add(b, ATTRIBUTE_ERROR_CODE, 4 + sizeof(reason) - 1);

	value[2] = 4;
	value[3] = 20;
	memcpy(value + 4, reason, sizeof(reason) - 1);
	value = add(b, ATTRIBUTE_UNKNOWN_ATTRIBUTES, 2 * count);
	for (unsigned i = 0; i < count; i++)
		put16(value + 2 * i, unknown[i]);
}

/* Those below 0x8000 have to be understood; of a Binding request without credentials, none is. */
static unsigned find_unknown(const struct stun_message *message, uint16_t unknown[UNKNOWN_MAX])
{
	struct slice rest = message->attributes, value;
	unsigned count = 0;
	uint16_t type;

	while (count < UNKNOWN_MAX && next_attribute(&rest, &type, &value))
		if (type < 0x8000)
			unknown[count++] = type;
	return count;
}

static uint16_t type_of(enum stun_class class)
{
	return (uint16_t)(BINDING | (class & 2) << 7 | (class & 1) << 4);
}

size_t stun_answer(struct slice datagram, const struct sip_address *from, char answer[STUN_MAX])
{
	struct builder b = { answer, 0 };
	uint16_t unknown[UNKNOWN_MAX];
	struct stun_message message;
	unsigned count;

	if (stun_parse(datagram, &message) != 0 || message.class != STUN_REQUEST ||
	    message.method != BINDING)
		return 0;
	count = find_unknown(&message, unknown);
	begin(&b, type_of(count > 0 ? STUN_ERROR : STUN_SUCCESS), message.id.p);
	if (count > 0)
		add_unknown(&b, unknown, count);
	else
		add_mapped_address(&b, from);
	if (message.fingerprint)
		add_fingerprint(&b);
	return b.used;
}

size_t stun_request(const char id[STUN_ID], char request[STUN_MAX])
{
	struct builder b = { request, 0 };

	begin(&b, type_of(STUN_REQUEST), id);
	add_fingerprint(&b);
	return b.used;
}

int stun_mapped_address(const struct stun_message *message, struct sip_address *address)
{
	struct slice rest = message->attributes, value = SLICE_NONE;
	uint16_t type = 0;
	size_t size;

	while (next_attribute(&rest, &type, &value) && type != ATTRIBUTE_XOR_MAPPED_ADDRESS)
		;
	if (type != ATTRIBUTE_XOR_MAPPED_ADDRESS)
		return -ENOENT;
	size = value.n == 20 ? 16 : 4;
	if (value.n != 4 + size || value.p[1] != (size == 16 ? 2 : 1))
		return -EBADMSG;
	memset(address, 0, sizeof(*address));
	address->family = size == 16 ? AF_INET6 : AF_INET;
	address->port = get16(value.p + 2) ^ (COOKIE >> 16);
	memcpy(address->ip, value.p + 4, size);
	mask((char *)address->ip, size, message->id.p - 8);
	return 0;
}
