/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <errno.h>

#include "sip/stun/stun.h"

static const char id[STUN_ID] = "abcdefghijkl";

static struct sip_address address(const char *ip, uint16_t port)
{
	struct sip_address a;

	cr_assert_eq(sip_address_parse(slice_of(ip), port, &a), 0);
	return a;
}

/* The request of RFC 5769 §2.1 is signed; this is what a phone sends, with SOFTWARE. */
static const char plain[] = "\x00\x01\x00\x08\x21\x12\xa4\x42"
			    "abcdefghijkl"
			    "\x80\x22\x00\x03\x61\x62\x63\x20";
#define PLAIN ((struct slice){ plain, sizeof(plain) - 1 })

Test(stun, requests_are_answered_with_where_they_came_from)
{
	static const char *const ips[] = { "192.0.2.1", "2001:db8:1234:5678:11:2233:4455:6677" };

	for (unsigned i = 0; i < 2; i++) {
		const struct sip_address from = address(ips[i], 32853);
		struct stun_message message;
		struct sip_address mapped;
		char answer[STUN_MAX];
		size_t n = stun_answer(PLAIN, &from, answer);

		cr_assert_eq(stun_parse((struct slice){ answer, n }, &message), 0);
		cr_expect_eq(message.class, STUN_SUCCESS);
		cr_expect_eq(message.method, 1);
		cr_expect_eq(memcmp(message.id.p, id, STUN_ID), 0);
		cr_expect(!message.fingerprint);
		cr_assert_eq(stun_mapped_address(&message, &mapped), 0);
		cr_expect(sip_address_equal(&mapped, &from), "%s", ips[i]);
	}
}

/* XOR-MAPPED-ADDRESS of RFC 5769 §2.2: 192.0.2.1 port 32853. */
Test(stun, the_address_is_masked_as_in_the_test_vector)
{
	static const char vector[] = "\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43";
	const struct sip_address from = address("192.0.2.1", 32853);
	char answer[STUN_MAX];

	cr_assert_eq(stun_answer(PLAIN, &from, answer), STUN_HEADER + sizeof(vector) - 1);
	cr_expect_eq(memcmp(answer + STUN_HEADER, vector, sizeof(vector) - 1), 0);
}

Test(stun, a_fingerprint_is_checked_and_given_back)
{
	const struct sip_address from = address("192.0.2.1", 5060);
	char request[STUN_MAX], answer[STUN_MAX];
	size_t n = stun_request(id, request), m;
	struct stun_message message;

	cr_assert_eq(stun_parse((struct slice){ request, n }, &message), 0);
	cr_expect(message.fingerprint);
	m = stun_answer((struct slice){ request, n }, &from, answer);
	cr_assert_eq(stun_parse((struct slice){ answer, m }, &message), 0);
	cr_expect(message.fingerprint);
	for (size_t i = 0; i < m; i++) {
		answer[i] ^= 1;
		cr_expect(stun_parse((struct slice){ answer, m }, &message) != 0 ||
				  !message.fingerprint,
			  "byte %zu", i);
		answer[i] ^= 1;
	}
	request[n - 1] ^= 1;
	cr_expect_eq(stun_answer((struct slice){ request, n }, &from, answer), 0);
}

Test(stun, what_must_be_understood_and_is_not_is_named)
{
	/* USE-CANDIDATE of ICE */
	static const char request[] = "\x00\x01\x00\x04\x21\x12\xa4\x42"
				      "abcdefghijkl"
				      "\x00\x25\x00\x00";
	const struct sip_address from = address("192.0.2.1", 5060);
	struct stun_message message;
	struct sip_address mapped;
	char answer[STUN_MAX];
	size_t n = stun_answer((struct slice){ request, sizeof(request) - 1 }, &from, answer);

	cr_assert_eq(stun_parse((struct slice){ answer, n }, &message), 0);
	cr_expect_eq(message.class, STUN_ERROR);
	cr_expect_neq(stun_mapped_address(&message, &mapped), 0);
	cr_expect_eq(memcmp(answer + n - 8, "\x00\x0a\x00\x02\x00\x25\x00\x00", 8), 0);
}

/* 64 KB with a fingerprint at its end would take a millisecond. */
Test(stun, what_is_larger_than_a_keepalive_is_not_read)
{
	static char big[STUN_READ_MAX + 4];
	struct stun_message message;

	for (size_t size = STUN_READ_MAX; size <= STUN_READ_MAX + 4; size += 4) {
		memcpy(big, plain, STUN_HEADER + 2);
		big[2] = (char)((size - STUN_HEADER) >> 8);
		big[3] = (char)(size - STUN_HEADER);
		big[STUN_HEADER + 2] = (char)((size - STUN_HEADER - 4) >> 8);
		big[STUN_HEADER + 3] = (char)(size - STUN_HEADER - 4);
		cr_expect_eq(stun_parse((struct slice){ big, size }, &message),
			     size == STUN_READ_MAX ? 0 : -EBADMSG, "%zu", size);
	}
}

Test(stun, all_else_gets_no_answer)
{
	static const struct {
		const char *name;
		size_t at;
		char byte;
	} changes[] = {
		{ "an indication", 1, 0x11 },       { "a response", 0, 1 },
		{ "another method", 1, 2 },         { "SIP", 0, 'O' },
		{ "another cookie", 4, 0 },         { "a length that is not its own", 3, 4 },
		{ "an attribute cut off", 23, 12 },
	};
	const struct sip_address from = address("192.0.2.1", 5060);
	char answer[STUN_MAX], changed[sizeof(plain)];

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		memcpy(changed, plain, sizeof(plain));
		changed[changes[i].at] = changes[i].byte;
		cr_expect_eq(stun_answer((struct slice){ changed, PLAIN.n }, &from, answer), 0,
			     "%s", changes[i].name);
	}
	for (size_t n = 0; n < PLAIN.n; n++)
		cr_expect_eq(stun_answer((struct slice){ plain, n }, &from, answer), 0, "%zu", n);
}
