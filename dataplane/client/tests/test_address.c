/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "dataplane/client/client.h"

Test(address, text_of_both_families)
{
	struct dp_address a;
	char text[DP_ADDRESS_TEXT];

	cr_assert(eq(int, dp_address_parse("198.18.0.20", 16384, &a), 0));
	cr_expect(eq(str, (char *)dp_address_format(&a, text), "198.18.0.20:16384"));
	cr_assert(eq(int, dp_address_parse("2001:2::20", 16384, &a), 0));
	cr_expect(eq(str, (char *)dp_address_format(&a, text), "[2001:2::20]:16384"));
	a = (struct dp_address){ 0 };
	cr_expect(eq(str, (char *)dp_address_format(&a, text), "-"));
}

Test(address, what_is_no_address_is_refused)
{
	const char *const bad[] = { "", "198.18.0", "198.18.0.256", "::g", "host", "1.2.3.4 " };
	struct dp_address a = { .port = 5 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect(eq(int, dp_address_parse(bad[i], 1, &a), -EINVAL), "%s", bad[i]);
	cr_expect(eq(int, a.port, 5)); /* and left alone */
}

Test(address, equal_looks_at_what_the_family_has)
{
	struct dp_address a, b;

	dp_address_parse("192.0.2.1", 4000, &a);
	b = a;
	b.ip[9] = 1; /* not part of an IPv4 address */
	cr_expect(dp_address_equal(&a, &b));
	b.port = 4001;
	cr_expect(not(dp_address_equal(&a, &b)));
	dp_address_parse("2001:db8::1", 4000, &a);
	b = a;
	b.ip[9] = 1;
	cr_expect(not(dp_address_equal(&a, &b)));
	a.family = b.family = DP_FAMILY_NONE;
	cr_expect(dp_address_equal(&a, &b));
}

Test(address, each_command_has_a_name_and_a_size)
{
	for (int type = 1; type < DP_COMMAND_TYPES; type++)
		cr_expect(dp_command_size((enum dp_command_type)type) > 0, "%d", type);
	cr_expect(eq(sz, dp_command_size(DP_COMMAND_TERMINATION_ADD),
		     sizeof(struct dp_cmd_termination_add)));
	cr_expect(eq(sz, dp_command_size(DP_COMMAND_NONE), 0));
	cr_expect(eq(sz, dp_command_size(DP_COMMAND_TYPES), 0));
	cr_expect(eq(str, (char *)dp_command_name(DP_COMMAND_SYNC), "SYNC"));
	cr_expect(eq(str, (char *)dp_command_name(99), "UNKNOWN"));
}
