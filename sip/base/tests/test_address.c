/* SPDX-License-Identifier: BSD-3-Clause */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "sip/base/address.h"
#include "sip/base/decimal.h"

Test(address, text_becomes_an_address_and_back)
{
	static const struct {
		const char *text, *canonical;
	} good[] = {
		{ "192.0.2.1", "192.0.2.1" },           { "0.9.10.255", "0.9.10.255" },
		{ "100.99.200.101", "100.99.200.101" }, { "2001:db8::1", "2001:db8::1" },
		{ "[2001:DB8:0:0::1]", "2001:db8::1" },
	};
	static const char *const bad[] = {
		"",     "[]",         "192.0.2", "192.0.2.1x",  "a.test",          "[::1",
		"::1]", "[192.0.2.1", " ::1",    "192.0.2.256", "2001:db8::1%eth0"
	};
	struct sip_address address;
	char text[SIP_ADDRESS_TEXT];

	for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		cr_assert_eq(sip_address_parse(slice_of(good[i].text), 5061, &address), 0);
		cr_expect_str_eq(sip_address_ip(&address, text), good[i].canonical);
		cr_expect_eq(address.port, 5061);
	}
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(sip_address_parse(slice_of(bad[i]), 5060, &address), -EINVAL, "%s",
			     bad[i]);
	cr_expect_eq(sip_address_parse(SLICE("1\0"), 1, &address), -EINVAL);
}

Test(address, numbers_are_written_in_full)
{
	static const uint64_t numbers[] = { 0, 9, 10, 5060, UINT32_MAX, UINT64_MAX };
	char text[DECIMAL_MAX + 1], expected[DECIMAL_MAX + 1];

	for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		text[decimal_write(text, numbers[i])] = '\0';
		snprintf(expected, sizeof(expected), "%" PRIu64, numbers[i]);
		cr_expect_str_eq(text, expected);
	}
}

Test(address, equality_is_that_of_family_address_and_port)
{
	struct sip_address a, b;

	sip_address_parse(SLICE("192.0.2.1"), 1, &a);
	sip_address_parse(SLICE("192.0.2.1"), 1, &b);
	cr_expect(sip_address_equal(&a, &b));
	sip_address_parse(SLICE("192.0.2.1"), 2, &b);
	cr_expect_not(sip_address_equal(&a, &b));
	sip_address_parse(SLICE("192.0.2.2"), 1, &b);
	cr_expect_not(sip_address_equal(&a, &b));
	sip_address_parse(SLICE("::192.0.2.1"), 1, &b);
	cr_expect_not(sip_address_equal(&a, &b));
	sip_address_parse(SLICE("::1"), 1, &a);
	cr_expect_not(sip_address_equal(&a, &b));
	sip_address_parse(SLICE("::1"), 1, &b);
	cr_expect(sip_address_equal(&a, &b));
}

Test(address, a_socket_address_and_back)
{
	struct sockaddr_storage system;
	struct sip_address address, back;

	sip_address_parse(SLICE("192.0.2.1"), 5060, &address);
	cr_expect_eq(sip_address_to(&address, &system), sizeof(struct sockaddr_in));
	sip_address_from((const struct sockaddr *)&system, &back);
	cr_expect(sip_address_equal(&address, &back));
	sip_address_parse(SLICE("2001:db8::1"), 5060, &address);
	cr_expect_eq(sip_address_to(&address, &system), sizeof(struct sockaddr_in6));
	sip_address_from((const struct sockaddr *)&system, &back);
	cr_expect(sip_address_equal(&address, &back));
	system.ss_family = AF_UNIX;
	sip_address_from((const struct sockaddr *)&system, &back);
	cr_expect_eq(back.family, 0);
}

Test(address, hosts_are_the_same_whatever_their_ports)
{
	struct sip_address a, b;
	char text[SIP_ADDRESS_TEXT];

	sip_address_parse(SLICE("2001:db8::1"), 1, &a);
	sip_address_parse(SLICE("2001:db8::1"), 2, &b);
	cr_expect(sip_address_same_host(&a, &b));
	cr_expect_eq(sip_address_host_hash(&a), sip_address_host_hash(&b));
	cr_expect_neq(sip_address_hash(&a), sip_address_hash(&b));
	cr_expect_str_eq(sip_address_text(&a, text), "[2001:db8::1]:1");
	sip_address_parse(SLICE("192.0.2.1"), 1, &b);
	cr_expect_not(sip_address_same_host(&a, &b));
	cr_expect_str_eq(sip_address_text(&b, text), "192.0.2.1:1");
}

Test(address, private_ones_are_known)
{
	static const char *const private[] = { "10.0.0.1",   "172.31.0.1",  "192.168.0.1",
					       "100.64.0.1", "169.254.0.1", "127.0.0.1",
					       "fd00::1",    "fe80::1",     "::1" };
	static const char *const public[] = { "172.32.0.1", "100.128.0.1", "198.18.0.1",
					      "2001:db8::1" };
	struct sip_address address;

	for (unsigned i = 0; i < sizeof(private) / sizeof(private[0]); i++) {
		sip_address_parse(slice_of(private[i]), 0, &address);
		cr_expect(sip_address_is_private(&address), "%s", private[i]);
	}
	for (unsigned i = 0; i < sizeof(public) / sizeof(public[0]); i++) {
		sip_address_parse(slice_of(public[i]), 0, &address);
		cr_expect_not(sip_address_is_private(&address), "%s", public[i]);
	}
}

Test(address, dotted_quads_are_what_inet_pton_takes_for_one)
{
	static const char *const texts[] = {
		"0.0.0.0",   "255.255.255.255", "198.18.0.10", "1.2.3",      "1.2.3.",
		"1.2.3.4.",  "1.2.3.4.5",       "256.1.1.1",   "1.2.3.1000", "01.2.3.4",
		"1.00.3.4",  "0.0.0.00",        ".1.2.3",      "1..2.3",     "1.2.3.4 ",
		" 1.2.3.4",  "1.2.3.-4",        "1.2.3.4a",    "",           "1",
		"1.2.3.4:5", "::1.2.3.4",       "1.2.3.x",     "0x1.2.3.4",
	};

	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		uint8_t ours[4] = { 9, 9, 9, 9 }, theirs[4] = { 9, 9, 9, 9 };
		const bool is_one = inet_pton(AF_INET, texts[i], theirs) == 1;

		cr_expect_eq(ipv4_read(texts[i], strlen(texts[i]), ours), is_one, "%s", texts[i]);
		if (is_one)
			cr_expect_eq(memcmp(ours, theirs, 4), 0, "%s", texts[i]);
		else
			cr_expect_eq(ours[0], 9, "%s", texts[i]);
	}
	/* What follows the text is not its. */
	cr_expect_not(ipv4_read("1.2.3.45", 6, (uint8_t[4]){ 0 }));
}
