/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "dataplane/client/client.h"
#include "dataplane/kernel/netlink.h"

Test(prefix, lengths_are_read_and_default_to_a_host)
{
	struct dp_address a;
	unsigned length;

	cr_assert(eq(int, netlink_prefix_parse("198.18.0.10/24", &a, &length), 0));
	cr_expect(eq(u32, length, 24));
	cr_expect(eq(int, a.family, DP_FAMILY_IPV4));
	cr_assert(eq(int, netlink_prefix_parse("198.18.0.10", &a, &length), 0));
	cr_expect(eq(u32, length, 32));
	cr_assert(eq(int, netlink_prefix_parse("2001:2::10/48", &a, &length), 0));
	cr_expect(eq(u32, length, 48));
	cr_assert(eq(int, netlink_prefix_parse("2001:2::10", &a, &length), 0));
	cr_expect(eq(u32, length, 128));
}

Test(prefix, what_is_wrong_is_refused)
{
	const char *const bad[] = { "",
				    "198.18.0.10/33",
				    "2001:2::/129",
				    "198.18.0.10/",
				    "198.18.0/24",
				    "198.18.0.10/x",
				    "/24",
				    "1.2.3.4/-1",
				    "1.2.3.4/2 4" };
	struct dp_address a;
	unsigned length;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect(eq(int, netlink_prefix_parse(bad[i], &a, &length), -EINVAL), "%s",
			  bad[i]);
}

Test(prefix, holds_what_shares_its_first_bits)
{
	const struct {
		const char *prefix, *address;
		bool holds;
	} table[] = {
		{ "198.18.0.10/24", "198.18.0.255", true },
		{ "198.18.0.10/24", "198.18.1.0", false },
		{ "198.18.0.0/15", "198.19.255.255", true },
		{ "198.18.0.0/15", "198.20.0.0", false },
		{ "198.18.0.1/32", "198.18.0.1", true },
		{ "198.18.0.1/32", "198.18.0.0", false },
		{ "0.0.0.0/0", "8.8.8.8", true },
		{ "0.0.0.0/0", "::1", false },
		{ "2001:2::10/48", "2001:2:0:ffff::1", true },
		{ "2001:2::10/48", "2001:2:1::1", false },
		{ "2001:2::10/128", "2001:2::10", true },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct dp_address prefix, address;
		unsigned length;

		cr_assert(eq(int, netlink_prefix_parse(table[i].prefix, &prefix, &length), 0));
		cr_assert(eq(int, dp_address_parse(table[i].address, 0, &address), 0));
		cr_expect(netlink_prefix_holds(&prefix, length, &address) == table[i].holds,
			  "%s in %s", table[i].address, table[i].prefix);
	}
}
