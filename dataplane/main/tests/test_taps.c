/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "dataplane/main/taps.h"

static void expect_name(const char *tap, uint16_t vlan, uint16_t outer, const char *expected)
{
	char name[16];

	taps_name(tap, vlan, outer, name);
	cr_expect(eq(str, name, (char *)(uintptr_t)expected));
}

Test(taps, names_tell_the_tags_and_fit)
{
	expect_name("tandem0", 0, 0, "tandem0");
	expect_name("tandem0", 100, 0, "tandem0.100");
	expect_name("tandem0", 200, 300, "tandem0.300.200");
	/* the end of the TAP's name is what tells it from others */
	expect_name("tandem0", 4094, 4093, "ndem0.4093.4094");
	expect_name("fifteen-letters", 4094, 0, "en-letters.4094");
	expect_name("fifteen-letters", 0, 0, "fifteen-letters");
}
