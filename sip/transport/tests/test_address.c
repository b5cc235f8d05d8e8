/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <errno.h>

#include "sip/transport/transport.h"

Test(address, text_becomes_an_address_and_back)
{
	static const struct {
		const char *text, *canonical;
	} good[] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "2001:db8::1", "2001:db8::1" },
		{ "[2001:DB8:0:0::1]", "2001:db8::1" },
	};
	static const char *const bad[] = {
		"",     "[]",         "192.0.2", "192.0.2.1x",  "a.test",          "[::1",
		"::1]", "[192.0.2.1", " ::1",    "192.0.2.256", "2001:db8::1%eth0"
	};
	struct sockaddr_storage address;
	char text[SIP_ADDRESS_TEXT];

	for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		cr_assert_eq(sip_sockaddr_parse(slice_of(good[i].text), 5061, &address), 0);
		cr_expect_str_eq(sip_sockaddr_ip(&address, text), good[i].canonical);
		cr_expect_eq(sip_sockaddr_port(&address), 5061);
	}
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(sip_sockaddr_parse(slice_of(bad[i]), 5060, &address), -EINVAL, "%s",
			     bad[i]);
	cr_expect_eq(sip_sockaddr_parse(SLICE("1\0"), 1, &address), -EINVAL);
}

Test(address, equality_is_that_of_family_address_and_port)
{
	struct sockaddr_storage a, b;

	sip_sockaddr_parse(SLICE("192.0.2.1"), 1, &a);
	sip_sockaddr_parse(SLICE("192.0.2.1"), 1, &b);
	cr_expect(sip_sockaddr_equal(&a, &b));
	sip_sockaddr_parse(SLICE("192.0.2.1"), 2, &b);
	cr_expect_not(sip_sockaddr_equal(&a, &b));
	sip_sockaddr_parse(SLICE("192.0.2.2"), 1, &b);
	cr_expect_not(sip_sockaddr_equal(&a, &b));
	sip_sockaddr_parse(SLICE("::192.0.2.1"), 1, &b);
	cr_expect_not(sip_sockaddr_equal(&a, &b));
	sip_sockaddr_parse(SLICE("::1"), 1, &a);
	cr_expect_not(sip_sockaddr_equal(&a, &b));
	sip_sockaddr_parse(SLICE("::1"), 1, &b);
	cr_expect(sip_sockaddr_equal(&a, &b));
}
