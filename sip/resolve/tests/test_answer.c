/* SPDX-License-Identifier: BSD-3-Clause */
/* Replies as name servers send them, and what is wrong with some. */
#include <criterion/criterion.h>
#include <errno.h>

#include "sip/resolve/dns.h"
#include "sip/transport/transport.h"

struct reply {
	unsigned char bytes[1024];
	size_t size;
};

static void put(struct reply *r, const void *bytes, size_t n)
{
	memcpy(r->bytes + r->size, bytes, n);
	r->size += n;
}

static void put16(struct reply *r, unsigned value)
{
	const unsigned char bytes[] = { (unsigned char)(value >> 8), (unsigned char)value };

	put(r, bytes, 2);
}

static void put_name(struct reply *r, const char *name)
{
	while (*name != '\0') {
		const size_t n = strcspn(name, ".");
		const unsigned char length = (unsigned char)n;

		put(r, &length, 1);
		put(r, name, n);
		name += n + (name[n] == '.');
	}
	put(r, "", 1);
}

/* Header and question "a.test", for so many answers and authorities. */
static void begin(struct reply *r, unsigned rcode, unsigned answers, unsigned authorities)
{
	r->size = 0;
	put16(r, 1);
	put16(r, 0x8180 | rcode);
	put16(r, 1);
	put16(r, answers);
	put16(r, authorities);
	put16(r, 0);
	put_name(r, "a.test");
	put16(r, DNS_A);
	put16(r, 1);
}

static void record(struct reply *r, unsigned type, unsigned ttl, const void *data, size_t n)
{
	put16(r, 0xc00c); /* the name of the question */
	put16(r, type);
	put16(r, 1);
	put16(r, ttl >> 16);
	put16(r, ttl & 0xffff);
	put16(r, (unsigned)n);
	put(r, data, n);
}

static struct dns_answer answer;

static int read_as(const struct reply *r, enum dns_type type)
{
	return dns_answer_read(r->bytes, r->size, type, &answer);
}

Test(answer, addresses_with_the_shortest_ttl)
{
	struct reply r;

	begin(&r, 0, 3, 0);
	record(&r, 5, 7, "\4real\4test", 11); /* CNAME */
	record(&r, DNS_A, 300, "\300\0\2\1", 4);
	record(&r, DNS_A, 30, "\300\0\2\2", 4);
	cr_assert_eq(read_as(&r, DNS_A), 0);
	cr_expect_eq(answer.count, 2);
	cr_expect_eq(answer.ttl_s, 7, "of the alias");
	cr_expect_eq(answer.records[1].address.ip[3], 2);
	cr_expect_eq(answer.records[1].address.family, AF_INET);
	cr_assert_eq(read_as(&r, DNS_AAAA), 0);
	cr_expect_eq(answer.count, 0);
}

Test(answer, srv_and_naptr)
{
	static const unsigned char naptr[] = "\0\12\0\24\1S\7SIP+D2T\0\4_sip\4_tcp\1A\4Test";
	static const unsigned char enum_naptr[] = "\0\12\0\24\1u\7E2U+sip\4!^x!\0";
	struct reply r;

	begin(&r, 0, 1, 0);
	record(&r, DNS_SRV, 60, "\0\1\0\2\23\304\1B\4test", 14);
	cr_assert_eq(read_as(&r, DNS_SRV), 0);
	cr_assert_eq(answer.count, 1);
	cr_expect_eq(answer.records[0].priority, 1);
	cr_expect_eq(answer.records[0].weight, 2);
	cr_expect_eq(answer.records[0].port, 5060);
	cr_expect_str_eq(answer.records[0].name, "b.test");
	begin(&r, 0, 2, 0);
	record(&r, DNS_NAPTR, 60, naptr, sizeof(naptr));
	record(&r, DNS_NAPTR, 60, enum_naptr, sizeof(enum_naptr) - 1);
	cr_assert_eq(read_as(&r, DNS_NAPTR), 0);
	cr_assert_eq(answer.count, 1, "the other is not about SIP servers");
	cr_expect_eq(answer.records[0].service, SIP_TCP);
	cr_expect_eq(answer.records[0].priority, 10);
	cr_expect_eq(answer.records[0].weight, 20);
	cr_expect_str_eq(answer.records[0].name, "_sip._tcp.a.test");
}

Test(answer, none_holds_as_long_as_the_soa_says)
{
	static const unsigned char soa[] = "\1n\0\1r\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\21";
	struct reply r;

	begin(&r, 3, 0, 1);
	record(&r, 6, 900, soa, sizeof(soa) - 1);
	cr_assert_eq(read_as(&r, DNS_A), 0);
	cr_expect_eq(answer.count, 0);
	cr_expect_eq(answer.ttl_s, 17);
	begin(&r, 0, 0, 0);
	cr_assert_eq(read_as(&r, DNS_A), 0);
	cr_expect_eq(answer.ttl_s, 60);
}

Test(answer, what_is_broken_is_no_answer)
{
	struct reply r;

	begin(&r, 2, 0, 0);
	cr_expect_eq(read_as(&r, DNS_A), -EAGAIN, "SERVFAIL");
	begin(&r, 0, 1, 0);
	record(&r, DNS_A, 60, "\300\0\2", 3);
	cr_expect_eq(read_as(&r, DNS_A), -EBADMSG);
	begin(&r, 0, 1, 0);
	record(&r, DNS_SRV, 60, "\0\1\0\2\23", 5);
	cr_expect_eq(read_as(&r, DNS_SRV), -EBADMSG);
	begin(&r, 0, 1, 0);
	record(&r, DNS_NAPTR, 60, "\0\1\0\2\377S", 6);
	cr_expect_eq(read_as(&r, DNS_NAPTR), -EBADMSG, "a string beyond its end");
	begin(&r, 0, 1, 0);
	record(&r, DNS_A, 60, "\300\0\2\1", 4);
	for (size_t n = 0; n < r.size; n++)
		cr_expect_eq(dns_answer_read(r.bytes, n, DNS_A, &answer), -EBADMSG, "%zu bytes", n);
	put16(&r, 0);
	cr_expect_eq(dns_answer_read(r.bytes, 65536, DNS_A, &answer), -EBADMSG);
}

Test(answer, more_than_there_is_room_for_is_left_out)
{
	static struct reply r;

	begin(&r, 0, 60, 0);
	for (unsigned i = 0; i < 60; i++)
		record(&r, DNS_A, 60, "\300\0\2\1", 4);
	cr_assert_eq(read_as(&r, DNS_A), 0);
	cr_expect_eq(answer.count, 60);
}
