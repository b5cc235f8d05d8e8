/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of sources: rates, bans, what is unfinished, and what is forgotten. */
#include <criterion/criterion.h>

#include "sip/guard/sources.h"

static struct sip_address ip(const char *text)
{
	struct sip_address address;

	cr_assert_eq(sip_address_parse(slice_of(text), 5060, &address), 0, "%s", text);
	return address;
}

static struct sip_address numbered(uint32_t number)
{
	struct sip_address address = { .family = AF_INET, .port = 5060 };

	for (unsigned i = 0; i < 4; i++)
		address.ip[i] = (uint8_t)(number >> (24 - 8 * i));
	return address;
}

static struct guard_sources *table(uint32_t count)
{
	const struct guard_sources_config config = { .count = count };
	struct guard_sources *sources;

	cr_assert_eq(guard_sources_create(&config, &sources), 0);
	return sources;
}

Test(sources, a_source_is_an_ipv4_address_or_a_64)
{
	struct guard_sources *s = table(64);
	const struct {
		const char *one, *other;
		bool same;
	} rows[] = {
		{ "198.18.0.1", "198.18.0.1", true },
		{ "198.18.0.1", "198.18.0.2", false },
		{ "2001:db8::1", "2001:db8::2", true },
		{ "2001:db8::1", "2001:db8:0:1::1", false },
		{ "::1", "198.18.0.1", false },
		{ "::ffff:198.18.0.9", "198.18.0.9", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct sip_address one = ip(rows[i].one), other = ip(rows[i].other);
		const struct guard_source *entry = guard_sources_claim(s, &one, 1000);

		cr_assert_not_null(entry);
		cr_assert_eq(guard_sources_claim(s, &other, 1000) == entry, rows[i].same, "%s %s",
			     rows[i].one, rows[i].other);
	}
	guard_sources_destroy(s);
}

Test(sources, a_rate_allows_a_second_at_once_and_then_its_pace)
{
	_Atomic uint64_t faults = 0;
	guard_rate due = 0;
	unsigned passed = 0;

	for (int i = 0; i < 50; i++)
		passed += guard_take(&due, 10, 5000);
	cr_assert_eq(passed, 10);
	cr_assert_not(guard_take(&due, 10, 5099));
	cr_assert(guard_take(&due, 10, 5100));
	cr_assert_not(guard_take(&due, 10, 5100));
	cr_assert(guard_take(&due, 0, 5100), "no limit");
	cr_assert(guard_take_of(&faults, 3, 60, 900000));
}

Test(sources, a_rate_goes_on_where_its_clock_begins_anew)
{
	const uint64_t wrap_ms = (UINT64_C(1) << 32) / 1000;
	guard_rate due = (uint32_t)((wrap_ms - 10) * 1000);
	unsigned passed = 0;

	for (uint64_t ms = wrap_ms - 10; ms < wrap_ms + 990; ms++)
		passed += guard_take(&due, 10, ms);
	cr_assert_eq(passed, 19, "%u", passed);
}

Test(sources, a_ban_ends_by_itself_and_the_next_one_is_twice_as_long)
{
	struct guard_sources *s = table(64);
	const struct sip_address address = ip("198.18.0.1");
	struct guard_source *entry = guard_sources_claim(s, &address, 0);

	cr_assert_eq(guard_source_ban(entry, GUARD_PASSWORDS, 60, 200, 1000), 60);
	cr_assert_eq(guard_source_ban(entry, GUARD_PASSWORDS, 60, 200, 1000), 0,
		     "is banned already");
	cr_assert(guard_source_is_banned(entry, 60999));
	cr_assert_not(guard_source_is_banned(entry, 61000));
	cr_assert_eq(guard_source_ban(entry, GUARD_PASSWORDS, 60, 200, 61000), 120);
	cr_assert(guard_source_unban(entry, 62000));
	cr_assert_not(guard_source_unban(entry, 62000));
	cr_assert_eq(guard_source_ban(entry, GUARD_SCANNER, 60, 200, 62000), 200, "at most");
	guard_sources_destroy(s);
}

static void count_ban(void *arg, const struct sip_address *address, const struct guard_ban *ban)
{
	const struct sip_address expected = ip("198.18.0.1");

	*(unsigned *)arg += sip_address_same_host(address, &expected) && ban->why == GUARD_SCANNER;
}

Test(sources, a_flood_of_forged_addresses_forgets_no_ban)
{
	struct guard_sources *s = table(64);
	const struct sip_address banned = ip("198.18.0.1");
	const struct sip_address good = ip("198.18.0.2");
	unsigned bans = 0;

	atomic_store(&guard_sources_claim(s, &good, 0)->good_s, 1);
	guard_source_ban(guard_sources_claim(s, &banned, 0), GUARD_SCANNER, 3600, 3600, 0);
	for (uint32_t i = 0; i < 100000; i++) {
		const struct sip_address forged = numbered(0x0a000000 + i);

		guard_sources_claim(s, &forged, 1000 + i);
	}
	cr_assert(guard_source_is_banned(guard_sources_find(s, &banned), 200000));
	guard_sources_each_ban(s, 200000, count_ban, &bans);
	cr_assert_eq(bans, 1);
	/* nor who has proven a password, while that counts */
	cr_assert_not_null(guard_sources_find(s, &good));
	for (uint32_t i = 0; i < 1000; i++) {
		const struct sip_address forged = numbered(0x0b000000 + i);

		guard_sources_claim(s, &forged, 5000000);
	}
	cr_assert_null(guard_sources_find(s, &good));
	guard_sources_destroy(s);
}

Test(sources, where_all_are_banned_there_is_room_for_no_other)
{
	struct guard_sources *s = table(GUARD_WAYS);
	const struct sip_address another = ip("198.18.0.9");

	for (uint32_t i = 0; i < GUARD_WAYS; i++) {
		const struct sip_address address = numbered(0x0a000000 + i);

		guard_source_ban(guard_sources_claim(s, &address, 0), GUARD_SCANNER, 60, 60, 0);
	}
	cr_assert_null(guard_sources_claim(s, &another, 0));
	cr_assert_not_null(guard_sources_claim(s, &another, 60000));
	guard_sources_destroy(s);
}
