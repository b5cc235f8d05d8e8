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

static struct sources *table(uint32_t count)
{
	const struct sources_config config = { .count = count };
	struct sources *sources;

	cr_assert_eq(sources_create(&config, &sources), 0);
	return sources;
}

Test(sources, a_source_is_an_ipv4_address_or_a_64)
{
	struct sources *s = table(64);
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
		const struct source *entry = sources_claim(s, &one, 1000);

		cr_assert_not_null(entry);
		cr_assert_eq(sources_claim(s, &other, 1000) == entry, rows[i].same, "%s %s",
			     rows[i].one, rows[i].other);
	}
	sources_destroy(s);
}

Test(sources, a_rate_allows_a_second_at_once_and_then_its_pace)
{
	_Atomic uint64_t due = 0;
	unsigned passed = 0;

	for (int i = 0; i < 50; i++)
		passed += source_take(&due, 10, 5000);
	cr_assert_eq(passed, 10);
	cr_assert_not(source_take(&due, 10, 5099));
	cr_assert(source_take(&due, 10, 5100));
	cr_assert_not(source_take(&due, 10, 5100));
	cr_assert(source_take(&due, 0, 5100), "no limit");
	cr_assert(source_take_of(&due, 3, 60, 900000));
}

Test(sources, a_ban_ends_by_itself_and_the_next_one_is_twice_as_long)
{
	struct sources *s = table(64);
	const struct sip_address address = ip("198.18.0.1");
	struct source *entry = sources_claim(s, &address, 0);

	cr_assert_eq(source_ban(entry, SOURCE_PASSWORDS, 60, 200, 1000), 60);
	cr_assert_eq(source_ban(entry, SOURCE_PASSWORDS, 60, 200, 1000), 0, "is banned already");
	cr_assert(source_is_banned(entry, 60999));
	cr_assert_not(source_is_banned(entry, 61000));
	cr_assert_eq(source_ban(entry, SOURCE_PASSWORDS, 60, 200, 61000), 120);
	cr_assert(source_unban(entry, 62000));
	cr_assert_not(source_unban(entry, 62000));
	cr_assert_eq(source_ban(entry, SOURCE_SCANNER, 60, 200, 62000), 200, "at most");
	sources_destroy(s);
}

static void count_ban(void *arg, const struct sip_address *address, const struct source_ban *ban)
{
	const struct sip_address expected = ip("198.18.0.1");

	*(unsigned *)arg += sip_address_same_host(address, &expected) && ban->why == SOURCE_SCANNER;
}

Test(sources, a_flood_of_forged_addresses_forgets_no_ban_and_nothing_unfinished)
{
	struct sources *s = table(64);
	const struct sip_address banned = ip("198.18.0.1"), busy = ip("198.18.0.2");
	unsigned bans = 0;

	source_ban(sources_claim(s, &banned, 0), SOURCE_SCANNER, 3600, 3600, 0);
	cr_assert(sources_begin(s, &busy, false, 1, 0));
	for (uint32_t i = 0; i < 100000; i++) {
		const struct sip_address forged = numbered(0x0a000000 + i);

		sources_claim(s, &forged, 1000 + i);
	}
	cr_assert(source_is_banned(sources_find(s, &banned), 200000));
	sources_each_ban(s, 200000, count_ban, &bans);
	cr_assert_eq(bans, 1);
	cr_assert_not(sources_begin(s, &busy, false, 1, 200000), "one is unfinished");
	sources_end(s, &busy, false);
	cr_assert(sources_begin(s, &busy, false, 1, 200000));
	sources_destroy(s);
}

Test(sources, a_full_set_gives_no_entry_and_no_limit)
{
	struct sources *s = table(SOURCE_WAYS);

	for (uint32_t i = 0; i < SOURCE_WAYS; i++) {
		const struct sip_address address = numbered(0x0a000000 + i);

		cr_assert(sources_begin(s, &address, true, 1, 0));
		cr_assert_not(sources_begin(s, &address, true, 1, 0));
	}
	const struct sip_address another = ip("198.18.0.9");

	cr_assert_null(sources_claim(s, &another, 0));
	for (int i = 0; i < 10; i++)
		cr_assert(sources_begin(s, &another, true, 1, 0));
	sources_end(s, &another, true);
	sources_destroy(s);
}
