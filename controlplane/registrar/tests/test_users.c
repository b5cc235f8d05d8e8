/* SPDX-License-Identifier: BSD-3-Clause */
/* Users that operators add, and what is kept of them. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controlplane/registrar/tests/world.h"

TestSuite(users, .init = world_open, .fini = world_close);

static char aor[REGISTRAR_AOR_MAX];

static unsigned registers(const char *username, const char *password, const char *to)
{
	static unsigned cseq;

	return send_parts(&(struct parts){ "sip:tandem.lab", to, username, password, "c", ++cseq,
					   "Contact: <sip:x@198.18.0.101>\r\n" });
}

static void path_of_file(char path[128])
{
	snprintf(path, 128, "%s/users", world.dir);
}

static void read_file(char *text, size_t size)
{
	char path[128];
	FILE *file;
	size_t n;

	path_of_file(path);
	file = fopen(path, "re");
	cr_assert_not_null(file);
	n = fread(text, 1, size - 1, file);
	text[n] = '\0';
	fclose(file);
}

static void write_file(const char *text)
{
	char path[128];
	FILE *file;

	path_of_file(path);
	file = fopen(path, "we");
	cr_assert_not_null(file);
	fputs(text, file);
	fclose(file);
}

Test(users, one_that_is_added_may_register_and_does_so_after_a_restart)
{
	cr_expect_eq(registers("erin", "erin-secret", "sip:erin@tandem.lab"), 401);
	cr_assert_eq(registrar_add_user(world.registrar, "erin", "erin-secret", aor), 0);
	cr_expect_str_eq(aor, "erin@tandem.lab");
	for (unsigned life = 0; life < 2; life++) {
		cr_expect_eq(registers("erin", "erin-secret", "sip:erin@tandem.lab"), 200);
		cr_expect_eq(registers("erin@tandem.lab", "erin-secret", "sip:erin@tandem.lab"),
			     200);
		cr_expect_eq(registers("erin", "another", "sip:erin@tandem.lab"), 401);
		cr_expect_eq(registers("erin", "erin-secret", "sip:alice@tandem.lab"), 403);
		world_restart();
	}
}

Test(users, the_file_is_ours_alone_and_holds_no_password)
{
	char text[2048], path[128];
	struct stat status;

	cr_assert_eq(registrar_add_user(world.registrar, "erin@other.lab", "erin-secret", aor), 0);
	read_file(text, sizeof(text));
	cr_expect_null(strstr(text, "secret"));
	/* MD5 of erin:other.lab:erin-secret, and of the same with the address for the name */
	cr_expect_not_null(strstr(text, "\nerin@other.lab 3f5dc71fed5477f72c9f04721649fe88 "));
	cr_expect_not_null(strstr(text, " d7e5c0a9515dc42a3439cf819ffdaa08 "));
	path_of_file(path);
	cr_assert_eq(stat(path, &status), 0);
	cr_expect_eq(status.st_mode & 0777, 0600);
	strcat(path, ".new");
	cr_expect_neq(access(path, F_OK), 0);
}

Test(users, another_password_takes_the_place_of_the_first)
{
	cr_assert_eq(registrar_add_user(world.registrar, "erin", "one", aor), 0);
	cr_expect_eq(registers("erin", "one", "sip:erin@tandem.lab"), 200);
	cr_assert_eq(registrar_rotate_user(world.registrar, "erin", "two", aor), 0);
	cr_expect_str_neq(contacts_of("erin@tandem.lab"), "", "who is registered stays so");
	cr_expect_eq(registers("erin", "one", "sip:erin@tandem.lab"), 401);
	cr_expect_eq(registers("erin", "two", "sip:erin@tandem.lab"), 200);
	world_restart();
	cr_expect_eq(registers("erin", "two", "sip:erin@tandem.lab"), 200);
}

Test(users, one_that_is_removed_is_not_there_any_more)
{
	cr_assert_eq(registrar_add_user(world.registrar, "erin", "one", aor), 0);
	cr_expect_eq(registers("erin", "one", "sip:erin@tandem.lab"), 200);
	cr_assert_eq(registrar_remove_user(world.registrar, "erin", aor), 0);
	cr_expect_str_eq(contacts_of("erin@tandem.lab"), "");
	for (unsigned life = 0; life < 2; life++) {
		cr_expect_eq(registers("erin", "one", "sip:erin@tandem.lab"), 401);
		cr_expect_not(registrar_user_exists(world.registrar, "erin@tandem.lab"));
		cr_expect_eq(registrar_remove_user(world.registrar, "erin", aor), -ENOENT);
		world_restart();
	}
}

Test(users, what_cannot_be_done_is_refused_and_changes_nothing)
{
	char many[130] = "";

	memset(many, 'a', sizeof(many) - 1);
	cr_expect_eq(registrar_add_user(world.registrar, "alice", "x", aor), -EPERM);
	cr_expect_eq(registrar_rotate_user(world.registrar, "alice", "x", aor), -EPERM);
	cr_expect_eq(registrar_remove_user(world.registrar, "alice", aor), -EPERM);
	cr_expect_eq(registers("alice", "alice-secret", "sip:alice@tandem.lab"), 200);
	cr_expect_eq(registrar_add_user(world.registrar, "erin@elsewhere.lab", "x", aor), -ENOENT);
	cr_expect_eq(registrar_add_user(world.registrar, "", "x", aor), -EINVAL);
	cr_expect_eq(registrar_add_user(world.registrar, "a b", "x", aor), -EINVAL);
	cr_expect_eq(registrar_add_user(world.registrar, many, "x", aor), -EINVAL);
	cr_expect_eq(registrar_add_user(world.registrar, "erin", "", aor), -EINVAL);
	cr_expect_eq(registrar_add_user(world.registrar, "erin", many, aor), -EINVAL);
	cr_expect_eq(registrar_add_user(world.registrar, "erin", "a\nb", aor), -EINVAL);
	cr_expect_eq(registrar_rotate_user(world.registrar, "erin", "x", aor), -ENOENT);
	cr_assert_eq(registrar_add_user(world.registrar, "erin", "x", aor), 0);
	cr_expect_eq(registrar_add_user(world.registrar, "erin@TANDEM.lab", "y", aor), -EEXIST);
	cr_expect_eq(registers("erin", "x", "sip:erin@tandem.lab"), 200);
}

Test(users, the_file_is_read_again_whole_or_not_at_all)
{
	char kept[2048], broken[2200];

	cr_assert_eq(registrar_add_user(world.registrar, "erin", "one", aor), 0);
	read_file(kept, sizeof(kept));
	cr_assert_eq(registrar_add_user(world.registrar, "frank", "two", aor), 0);
	snprintf(broken, sizeof(broken), "%sgrace@tandem.lab 0123\n", kept);
	write_file(broken);
	cr_expect_neq(registrar_reload_users(world.registrar), 0);
	cr_expect_eq(registers("frank", "two", "sip:frank@tandem.lab"), 200, "as before");
	write_file(kept);
	cr_expect_eq(registrar_reload_users(world.registrar), 0);
	cr_expect_eq(registers("frank", "two", "sip:frank@tandem.lab"), 401);
	cr_expect_eq(registers("erin", "one", "sip:erin@tandem.lab"), 200);
	cr_expect_str_eq(contacts_of("frank@tandem.lab"), "", "who is no user is not called");
	write_file("# nobody\n\n");
	cr_expect_eq(registrar_reload_users(world.registrar), 0);
	cr_expect_eq(registers("erin", "one", "sip:erin@tandem.lab"), 401);
	cr_expect_str_eq(contacts_of("erin@tandem.lab"), "");
}

Test(users, the_configuration_comes_first)
{
	char text[2048], *at;

	cr_assert_eq(registrar_add_user(world.registrar, "bobby", "other", aor), 0);
	read_file(text, sizeof(text));
	at = strstr(text, "bobby@");
	memmove(at + 3, at + 5, strlen(at + 5) + 1); /* bob@… */
	write_file(text);
	cr_expect_eq(registrar_reload_users(world.registrar), 0);
	cr_expect_eq(registers("bob", "bob-secret", "sip:bob@tandem.lab"), 200);
	cr_expect_eq(registers("bob", "other", "sip:bob@tandem.lab"), 401);
}

static const json_t *row_of(json_t *rows, const char *of)
{
	size_t i;
	json_t *row;

	json_array_foreach(rows, i, row)
	{
		if (strcmp(json_string_value(json_object_get(row, "aor")), of) == 0)
			return row;
	}
	return NULL;
}

Test(users, how_each_has_authenticated_is_shown)
{
	json_t *rows = json_array(), *contacts = json_array();
	const json_t *row;

	cr_assert_eq(registrar_add_user(world.registrar, "erin", "one", aor), 0);
	registers("erin", "one", "sip:erin@tandem.lab");
	registers("erin", "two", "sip:erin@tandem.lab");
	registers("erin", "two", "sip:erin@tandem.lab");
	registrar_show_users(world.registrar, rows);
	cr_assert_eq(json_array_size(rows), 6);
	row = row_of(rows, "erin@tandem.lab");
	cr_expect_str_eq(json_string_value(json_object_get(row, "source")), "added");
	cr_expect_eq(json_integer_value(json_object_get(row, "registrations")), 1);
	cr_expect_eq(json_integer_value(json_object_get(row, "authenticated")), 1);
	cr_expect_eq(json_integer_value(json_object_get(row, "refused")), 2);
	cr_expect_str_eq(json_string_value(json_object_get(row, "last_authenticated")),
			 "2023-11-14T22:13:20Z");
	row = row_of(rows, "alice@tandem.lab");
	cr_expect_str_eq(json_string_value(json_object_get(row, "source")), "config");
	cr_expect(json_is_null(json_object_get(row, "last_refused")));
	registrar_show(world.registrar, contacts);
	cr_expect_str_eq(
		json_string_value(json_object_get(row_of(contacts, "erin@tandem.lab"), "auth")),
		"MD5");
	json_decref(rows);
	json_decref(contacts);
}
