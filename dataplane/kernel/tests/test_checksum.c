/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames with good, partial and bad checksums, as sockets and veth pairs make them. */
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "dataplane/kernel/checksum.h"

/* Built by hand, summed the slow way, so that nothing is shared with what is tested. */
struct frame {
	uint8_t bytes[256];
	size_t size;
	size_t field;     /* offset of the checksum */
	uint16_t right;   /* what it has to be */
	uint16_t partial; /* what Linux leaves when a device is to do it */
};

static uint32_t sum_of(const uint8_t *p, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static void set16(uint8_t *p, unsigned value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* payload: of UDP or TCP. The checksum field is 0. */
static struct frame build(int version, uint8_t protocol, size_t payload, bool vlan)
{
	struct frame f = { 0 };
	size_t ip = vlan ? 18 : 14, header = version == 4 ? 20 : 40;
	size_t transport = protocol == 17 ? 8 : 20, size = transport + payload;
	uint8_t *p = f.bytes + ip, *t = p + header;
	uint32_t pseudo;

	set16(f.bytes + 12, vlan ? 0x8100 : version == 4 ? 0x0800 : 0x86dd);
	if (vlan)
		set16(f.bytes + 16, version == 4 ? 0x0800 : 0x86dd);
	if (version == 4) {
		p[0] = 0x45;
		set16(p + 2, (unsigned)(header + size));
		p[8] = 64;
		p[9] = protocol;
		memcpy(p + 12, (uint8_t[]){ 198, 18, 0, 101, 198, 18, 0, 10 }, 8);
		pseudo = sum_of(p + 12, 8);
	} else {
		p[0] = 0x60;
		set16(p + 4, (unsigned)size);
		p[6] = protocol;
		p[7] = 64;
		for (int i = 8; i < 40; i++)
			p[i] = (uint8_t)(i * 7);
		pseudo = sum_of(p + 8, 32);
	}
	for (size_t i = 0; i < size; i++)
		t[i] = (uint8_t)(i * 31 + payload);
	f.field = ip + header + (protocol == 17 ? 6 : 16);
	if (protocol == 17)
		set16(t + 4, (unsigned)size);
	set16(f.bytes + f.field, 0);
	f.partial = fold(pseudo + protocol + (uint32_t)size);
	f.right = (uint16_t)~fold(f.partial + sum_of(t, size));
	if (f.right == 0 && protocol == 17)
		f.right = 0xffff;
	f.size = ip + header + size;
	return f;
}

static const struct {
	int version;
	uint8_t protocol;
	bool vlan;
} kinds[] = {
	{ 4, 17, false }, { 4, 6, false }, { 6, 17, false },
	{ 6, 6, false },  { 4, 17, true }, { 6, 17, true },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

Test(checksum, partial_ones_are_completed)
{
	for (size_t k = 0; k < KINDS; k++) {
		for (size_t payload = 0; payload < 100; payload++) { /* odd ones too */
			struct frame f =
				build(kinds[k].version, kinds[k].protocol, payload, kinds[k].vlan);

			set16(f.bytes + f.field, f.partial);
			cr_assert(eq(int, checksum_complete(f.bytes, f.size), CHECKSUM_COMPLETED),
				  "kind %zu, %zu bytes", k, payload);
			cr_assert(eq(int, get16(f.bytes + f.field), f.right), "kind %zu, %zu bytes",
				  k, payload);
			cr_assert(eq(int, checksum_complete(f.bytes, f.size), CHECKSUM_GOOD));
		}
	}
}

Test(checksum, good_and_bad_ones_are_left_alone)
{
	for (size_t k = 0; k < KINDS; k++) {
		struct frame f = build(kinds[k].version, kinds[k].protocol, 33, kinds[k].vlan);

		set16(f.bytes + f.field, f.right);
		cr_expect(eq(int, checksum_complete(f.bytes, f.size), CHECKSUM_GOOD));
		cr_expect(eq(int, get16(f.bytes + f.field), f.right));
		set16(f.bytes + f.field, f.right ^ 0x0101u);
		cr_expect(eq(int, checksum_complete(f.bytes, f.size), CHECKSUM_BAD));
		cr_expect(eq(int, get16(f.bytes + f.field), f.right ^ 0x0101));
	}
}

Test(checksum, ethernet_padding_is_not_summed)
{
	struct frame f = build(4, 17, 4, false);

	memset(f.bytes + f.size, 0xa5, 60 - f.size);
	set16(f.bytes + f.field, f.partial);
	cr_expect(eq(int, checksum_complete(f.bytes, 60), CHECKSUM_COMPLETED));
	cr_expect(eq(int, get16(f.bytes + f.field), f.right));
}

Test(checksum, udp_without_one_stays_without)
{
	struct frame f = build(4, 17, 40, false);

	cr_expect(eq(int, checksum_complete(f.bytes, f.size), CHECKSUM_NONE));
	cr_expect(eq(int, get16(f.bytes + f.field), 0));
}

Test(checksum, fragments_are_not_touched)
{
	struct frame f = build(4, 17, 40, false), before;

	set16(f.bytes + f.field, f.partial);
	set16(f.bytes + 14 + 6, 0x2000); /* more fragments */
	before = f;
	cr_expect(eq(int, checksum_complete(f.bytes, f.size), CHECKSUM_NONE));
	cr_expect(eq(int, memcmp(f.bytes, before.bytes, f.size), 0));
}

Test(checksum, whatever_is_cut_short_or_odd_is_left_alone)
{
	for (size_t k = 0; k < KINDS; k++) {
		struct frame f = build(kinds[k].version, kinds[k].protocol, 20, kinds[k].vlan);

		set16(f.bytes + f.field, f.partial);
		for (size_t size = 0; size < f.size; size++)
			cr_assert(eq(int, checksum_complete(f.bytes, size), CHECKSUM_NONE),
				  "kind %zu, %zu bytes", k, size);
	}
	/* ARP, ICMP, an IPv4 header longer than the packet */
	struct frame f = build(4, 1, 20, false);

	cr_expect(eq(int, checksum_complete(f.bytes, f.size), CHECKSUM_NONE));
	set16(f.bytes + 12, 0x0806);
	cr_expect(eq(int, checksum_complete(f.bytes, f.size), CHECKSUM_NONE));
	f = build(4, 17, 20, false);
	f.bytes[14] = 0x4f;
	cr_expect(eq(int, checksum_complete(f.bytes, f.size), CHECKSUM_NONE));
}
