/* SPDX-License-Identifier: BSD-3-Clause */
/* What becomes of contacts: look-up, expiry, store, events, show; readers beside writers. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <urcu/urcu-memb.h>

#include "controlplane/registrar/location.h"
#include "controlplane/registrar/record.h"
#include "controlplane/registrar/tests/world.h"

TestSuite(location, .init = world_open, .fini = world_close);

#define PHONE "Contact: <sip:alice@10.1.1.1:5060>;q=0.5\r\n"

Test(location, remembers_where_the_phone_is_reached)
{
	struct registrar_contact contact;

	world.source = "203.0.113.9"; /* behind a NAT */
	send_register("alice", "some-call-id", 7, PHONE);
	cr_assert_eq(registrar_lookup(world.registrar, "alice@tandem.lab", &contact, 1), 1);
	cr_expect_str_eq(contact.uri, "sip:alice@10.1.1.1:5060");
	char ip[SIP_ADDRESS_TEXT];
	cr_expect_str_eq(sip_address_ip(&contact.path.remote, ip), "203.0.113.9");
	cr_expect_eq(contact.path.remote.port, 40000);
	cr_expect_str_eq(contact.call_id, "some-call-id");
	cr_expect_eq(contact.cseq, 7);
	cr_expect_eq(contact.expires_ms, world_now_ms + 1800000);
}

Test(location, gives_no_more_than_there_is_room_for_the_best_first)
{
	struct registrar_contact contacts[2];

	send_register("alice", "c", 1,
		      "Contact: <sip:1@h>;q=0.1, <sip:2@h>;q=0.9, <sip:3@h>;q=0.5\r\n");
	cr_assert_eq(registrar_lookup(world.registrar, "alice@tandem.lab", contacts, 2), 2);
	cr_expect_str_eq(contacts[0].uri, "sip:2@h");
	cr_expect_str_eq(contacts[1].uri, "sip:3@h");
	cr_expect_eq(registrar_lookup(world.registrar, "bob@tandem.lab", contacts, 2), 0);
}

Test(location, a_contact_vanishes_on_time_and_an_event_tells)
{
	send_register("alice", "c", 1, "Contact: <sip:1@h>;expires=60, <sip:2@h>;expires=120\r\n");
	cr_expect_str_eq(world.events, "added alice@tandem.lab sip:1@h\n"
				       "added alice@tandem.lab sip:2@h\n");
	world.events[0] = 0;

	world_now_ms += 59999;
	registrar_tick(world.registrar);
	cr_expect_eq(registrar_count(world.registrar), 2);
	world_now_ms += 1;
	cr_expect_str_eq(contacts_of("alice@tandem.lab"), "sip:2@h 60 1\n", "before it is swept");
	registrar_tick(world.registrar);
	cr_expect_eq(registrar_count(world.registrar), 1);
	cr_expect_str_eq(world.events, "removed alice@tandem.lab sip:1@h expired\n");

	world_now_ms += 60000;
	registrar_tick(world.registrar);
	cr_expect_eq(registrar_count(world.registrar), 0);
	cr_expect_eq(send_register("alice", "c", 2, ""), 200);
	cr_expect_not(answer_has("Contact:"));
}

Test(location, a_refresh_is_no_event_and_a_removal_is_one)
{
	send_register("alice", "c", 1, PHONE);
	world.events[0] = 0;
	send_register("alice", "c", 2, PHONE);
	cr_expect_str_eq(world.events, "");
	send_register("alice", "c", 3, "Contact: <sip:alice@10.1.1.1:5060>;expires=0\r\n");
	cr_expect_str_eq(world.events,
			 "removed alice@tandem.lab sip:alice@10.1.1.1:5060 unregistered\n");
}

Test(location, an_expired_contact_does_not_hold_back_a_new_one)
{
	send_register("alice", "c", 9, PHONE);
	world_now_ms += 1800000;
	/* not swept yet; the old CSeq is none any more */
	cr_expect_eq(send_register("alice", "c", 1, PHONE), 200);
	cr_expect_str_eq(contacts_of("alice@tandem.lab"), "sip:alice@10.1.1.1:5060 1800 0.5\n");
	cr_expect_eq(registrar_count(world.registrar), 1);
}

Test(location, contacts_survive_a_restart_with_all_that_belongs_to_them)
{
	struct registrar_contact before[3], after[3];

	world.source = "2001:2::101";
	send_register("alice", "strange%call=id", 7, PHONE);
	send_register("bob", "b", 1, "Contact: <sip:1@h>, <sip:2@h>;expires=60, <sip:3@h>\r\n");
	send_register("bob", "b", 2, "Contact: <sip:3@h>;expires=0\r\n");
	memset(before, 0, sizeof(before));
	memset(after, 0, sizeof(after));
	cr_assert_eq(registrar_lookup(world.registrar, "alice@tandem.lab", before, 3), 1);
	world_now_ms += 60000;
	world_restart();
	cr_assert_eq(registrar_lookup(world.registrar, "alice@tandem.lab", after, 3), 1);
	cr_expect_str_eq(after->uri, before->uri);
	cr_expect_str_eq(after->call_id, before->call_id);
	cr_expect_str_eq(after->user_agent, before->user_agent);
	cr_expect_eq(after->cseq, 7);
	cr_expect_eq(after->expires_ms, before->expires_ms);
	cr_expect_float_eq(after->q, 0.5f, 0.001f);
	cr_expect(sip_address_equal(&after->path.remote, &before->path.remote));
	cr_expect_eq(after->path.listener, 1);
	cr_expect_str_eq(contacts_of("bob@tandem.lab"), "sip:1@h 1740 1\n");
	cr_expect_eq(registrar_count(world.registrar), 2, "the one that expired meanwhile is gone");
	/* the order of requests is still known */
	cr_expect_eq(send_register("alice", "strange%call=id", 7, PHONE), 500);
}

Test(location, another_spelling_of_a_contact_is_one_row_in_the_store)
{
	send_register("alice", "c", 1, "Contact: <sip:a@PHONE>\r\n");
	send_register("alice", "c", 2, "Contact: <sip:a@phone>\r\n");
	world_restart();
	cr_expect_str_eq(contacts_of("alice@tandem.lab"), "sip:a@phone 1800 1\n");
}

Test(location, who_is_no_user_any_more_is_not_taken_back)
{
	send_register("alice", "c", 1, PHONE);
	send_register("bob", "c", 1, "Contact: <sip:bob@h>\r\n");
	world.config.users++; /* alice is the first */
	world.config.users_count--;
	world_restart();
	cr_expect_eq(registrar_count(world.registrar), 1);
	world.config.users--;
	world.config.users_count++;
	world_restart();
	cr_expect_str_eq(contacts_of("alice@tandem.lab"), "", "forgotten by the store as well");
}

Test(location, records_are_read_tolerantly)
{
	static const struct {
		const char *text;
		int error;
	} cases[] = {
		{ "1 remote=198.18.0.1/5060", 0 },
		{ "1 remote=198.18.0.1/5060 local=udp/203.0.113.1/5060 future=yes q=7 cseq=x", 0 },
		{ "1 remote=198.18.0.1/5060 call_id=%", 0 },
		{ "1 remote=198.18.0.1/5060 local=tls/198.18.0.10/5061", -EINVAL },
		{ "1 remote=198.18.0.1", -EINVAL },
		{ "1 remote=somewhere/5060", -EINVAL },
		{ "1", -EINVAL },
		{ "2 remote=198.18.0.1/5060", -EINVAL },
		{ "", -EINVAL },
	};
	struct record_texts texts;
	struct contact contact;
	struct sip_uri uri;

	cr_assert_eq(sip_uri_parse(SLICE("sip:a@198.18.0.1"), &uri), 0);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		cr_expect_eq(record_read(cases[i].text, &uri, &world.config.sip, &contact, &texts),
			     cases[i].error, "%s", cases[i].text);
		if (cases[i].error == 0)
			cr_expect_eq(contact.q, 1000);
	}
}

Test(location, show_tells_what_an_operator_wants_to_know)
{
	json_t *rows = json_array(), *row;

	send_register("alice", "c", 1, PHONE);
	world_now_ms += 1500;
	registrar_show(world.registrar, rows);
	cr_assert_eq(json_array_size(rows), 1);
	row = json_array_get(rows, 0);
	cr_expect_str_eq(json_string_value(json_object_get(row, "aor")), "alice@tandem.lab");
	cr_expect_str_eq(json_string_value(json_object_get(row, "contact")),
			 "sip:alice@10.1.1.1:5060");
	cr_expect_str_eq(json_string_value(json_object_get(row, "source")), "198.18.0.101:40000");
	cr_expect_eq(json_integer_value(json_object_get(row, "expires_s")), 1799);
	cr_expect_float_eq(json_real_value(json_object_get(row, "q")), 0.5, 0.001);
	/* the phone sends Latin-1 */
	cr_expect_str_eq(json_string_value(json_object_get(row, "user_agent")), "phone ? 1.0");
	cr_expect_str_eq(json_string_value(json_object_get(row, "call_id")), "c");
	cr_expect_eq(json_integer_value(json_object_get(row, "cseq")), 1);
	json_decref(rows);
}

Test(location, passwords_are_of_the_realm_and_its_users)
{
	static const struct {
		const char *name, *realm, *password;
	} cases[] = {
		{ "alice", "tandem.lab", "alice-secret" },
		{ "alice", "tandem.lab", "alice-secret" }, /* kept from the first time */
		{ "alice@tandem.lab", "tandem.lab", "alice-secret" },
		{ "twin", "tandem.lab", "one-secret" },
		{ "twin", "other.lab", "two-secret" },
		{ "alice", "other.lab", NULL },
		{ "alice@tandem.lab", "other.lab", NULL },
		{ "nobody", "tandem.lab", NULL },
		{ "", "tandem.lab", NULL },
	};
	struct digest_users users;

	registrar_users(world.registrar, &users);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		unsigned char ha1[DIGEST_BYTES_MAX], expected[DIGEST_BYTES_MAX];
		struct slice realm = slice_of(cases[i].realm);
		bool known = users.find(users.arg, cases[i].name, realm, DIGEST_SHA256, ha1);

		cr_expect_eq(known, cases[i].password != NULL, "%s", cases[i].name);
		if (!known)
			continue;
		digest_ha1(DIGEST_SHA256, slice_of(cases[i].name), realm,
			   slice_of(cases[i].password), expected);
		cr_expect_arr_eq(ha1, expected, DIGEST_BYTES_MAX, "%s", cases[i].name);
	}
}

Test(location, names_are_found_by_their_hash_where_that_is_wanted)
{
	struct slice parts[] = { SLICE("twin"), SLICE("other.lab") };
	char hex[DIGEST_HEX_MAX + 1], name[DIGEST_USER_MAX] = "";
	struct digest_users users;

	cr_assert(digest_hash_hex(DIGEST_SHA256, parts, 2, hex));
	registrar_users(world.registrar, &users);
	cr_expect_not(users.unhash(users.arg, hex, parts[1], DIGEST_SHA256, name));
	world.config.sip.user_hash = true;
	world_restart();
	registrar_users(world.registrar, &users);
	cr_expect(users.unhash(users.arg, hex, parts[1], DIGEST_SHA256, name));
	cr_expect_str_eq(name, "twin");
	cr_expect_not(users.unhash(users.arg, hex, SLICE("tandem.lab"), DIGEST_SHA256, name));
	cr_expect_not(users.unhash(users.arg, hex, parts[1], DIGEST_SHA512_256, name));
	hex[5] ^= 1;
	cr_expect_not(users.unhash(users.arg, hex, parts[1], DIGEST_SHA256, name));
}

Test(location, addresses_of_record)
{
	static const struct {
		const char *uri;
		int error;
		const char *aor;
	} cases[] = {
		{ "sip:alice@tandem.lab", 0, "alice@tandem.lab" },
		{ "sips:%61lice:pw@TANDEM.LAB:5061;user=phone?x=y", 0, "alice@tandem.lab" },
		{ "sip:Alice@other.lab", 0, "Alice@other.lab" },
		{ "sip:900@198.18.0.10", 0, "900@tandem.lab" },
		{ "sip:alice@[2001:2:0:0::10]", 0, "alice@tandem.lab" },
		{ "sip:alice@198.18.0.11", -ENOENT, "" },
		{ "sip:alice@elsewhere.lab", -ENOENT, "" },
		{ "tel:+123", -ENOENT, "" },
		{ "sip:tandem.lab", -EINVAL, "" },
		{ "sip:a%0d%0ab@tandem.lab", -EINVAL, "" },
		{ "sip:a%00b@tandem.lab", -EINVAL, "" },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char aor[REGISTRAR_AOR_MAX] = "untouched";
		struct sip_uri uri;

		cr_assert_eq(sip_uri_parse(slice_of(cases[i].uri), &uri), 0, "%s", cases[i].uri);
		cr_expect_eq(registrar_aor(world.registrar, &uri, aor), cases[i].error, "%s",
			     cases[i].uri);
		cr_expect_str_eq(aor, cases[i].aor);
	}
	cr_expect(registrar_user_exists(world.registrar, "alice@tandem.lab"));
	cr_expect_not(registrar_user_exists(world.registrar, "alice@other.lab"));
}

/* --- readers beside writers ------------------------------------------------------------------------- */

static struct location *table;
static _Atomic bool stop;
static _Atomic unsigned long looks, torn;

/* A binding of n contacts has n in each of its call ids. */
static void *read_on(void *unused)
{
	(void)unused;
	while (!stop) {
		location_read_begin();
		const struct binding *b = location_find(table, SLICE("alice@tandem.lab"));
		for (unsigned i = 0; b && i < b->count; i++)
			if (atoi(b->contacts[i].call_id.p) != (int)b->count)
				torn++;
		location_read_end();
		looks++;
	}
	return NULL;
}

Test(location, readers_see_whole_bindings_while_writers_replace_them)
{
	pthread_t threads[3];
	struct contact contacts[8];
	const struct contact *list[8];
	char text[8];

	cr_assert_eq(location_create(10, 0, &table), 0);
	for (unsigned i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, read_on, NULL);
	for (unsigned round = 0; round < 20000 || looks < 1000; round++) {
		unsigned count = round % 8;

		snprintf(text, sizeof(text), "%u", count);
		for (unsigned i = 0; i < count; i++) {
			contacts[i] = (struct contact){ .uri = SLICE("sip:a@h"),
							.call_id = slice_of(text) };
			list[i] = &contacts[i];
		}
		location_lock(table, SLICE("alice@tandem.lab"));
		cr_assert_eq(location_set(table, SLICE("alice@tandem.lab"), list, count), 0);
		location_unlock(table, SLICE("alice@tandem.lab"));
		cr_assert_eq(location_count(table), count);
	}
	stop = true;
	for (unsigned i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	cr_expect_eq(torn, 0);
	location_destroy(table);
}
