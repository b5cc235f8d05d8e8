/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/registrar/users_store.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>

#include "controlplane/registrar/location.h"
#include "sip/base/log.h"

struct users_store {
	struct users *users;
	unsigned count; /* that were added */
	char path[PATH_MAX];
};

static bool make_keys(const char *aor, const char *password, struct user_keys *keys)
{
	const char *at = strrchr(aor, '@');
	const struct slice realm = slice_of(at + 1), secret = slice_of(password);
	const struct slice names[USER_SPELLINGS] = {
		[USER_NAME] = { aor, (size_t)(at - aor) },
		[USER_ADDRESS] = slice_of(aor),
	};

	memset(keys, 0, sizeof(*keys));
	for (unsigned s = 0; s < USER_SPELLINGS; s++)
		for (unsigned a = 0; a < DIGEST_ALGORITHMS; a++)
			if (!digest_ha1((enum digest_algorithm)a, names[s], realm, secret,
					keys->ha1[s][a]))
				return false;
	return true;
}

/* --- the file ------------------------------------------------------------------------------------- */

/* What stands in it afterwards: the users that were added, but for `changed`, of which keys are what
 * there will be; NULL: it goes. */
struct writing {
	struct users_file *file;
	const char *changed;
};

static void write_user(void *arg, const struct user *user)
{
	const struct writing *w = arg;

	if (user->keys && strcmp(user->aor, w->changed) != 0)
		users_file_put(w->file, user->aor, user->keys);
}

static int write_file(struct users_store *store, const char *changed, const struct user_keys *keys)
{
	struct writing writing = { .changed = changed };
	int error = store->path[0] ? users_file_begin(store->path, &writing.file) : 0;

	if (error || !store->path[0])
		return error;
	location_read_begin();
	users_each(store->users, write_user, &writing);
	location_read_end();
	if (keys)
		users_file_put(writing.file, changed, keys);
	return users_file_commit(writing.file);
}

/* --- changes -------------------------------------------------------------------------------------- */

/* 0: there is none; 1: one that was added; -EPERM: one of the configuration. */
static int what_is(const struct users_store *store, const char *aor)
{
	const struct user *user;
	int is = 0;

	location_read_begin();
	user = users_find(store->users, aor);
	if (user)
		is = user->keys ? 1 : -EPERM;
	location_read_end();
	return is;
}

/* First the file, then what phones meet: whoever is told of a change finds it after a restart. */
static int put(struct users_store *store, const char *aor, const char *password)
{
	struct user_keys keys;
	int error = make_keys(aor, password, &keys) ? write_file(store, aor, &keys) : -ENOTSUP;

	if (!error)
		error = users_put(store->users, aor, &keys);
	OPENSSL_cleanse(&keys, sizeof(keys));
	return error;
}

int users_store_add(struct users_store *store, const char *aor, const char *password)
{
	const int is = what_is(store, aor);
	int error;

	if (is != 0)
		return is < 0 ? is : -EEXIST;
	if (store->count >= USERS_ADDED_MAX)
		return -ENOSPC;
	error = put(store, aor, password);
	store->count += error == 0;
	return error;
}

int users_store_rotate(struct users_store *store, const char *aor, const char *password)
{
	const int is = what_is(store, aor);

	return is == 1 ? put(store, aor, password) : is == 0 ? -ENOENT : is;
}

int users_store_remove(struct users_store *store, const char *aor)
{
	const int is = what_is(store, aor);
	int error;

	if (is != 1)
		return is == 0 ? -ENOENT : is;
	error = write_file(store, aor, NULL);
	if (!error)
		error = users_drop(store->users, aor);
	store->count -= error == 0;
	return error;
}

/* --- reading -------------------------------------------------------------------------------------- */

/* The AORs of a file, in order. */
struct names {
	char **list;
	unsigned count, room;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void free_names(struct names *names)
{
	for (unsigned i = 0; i < names->count; i++)
		free(names->list[i]);
	free(names->list);
}

static int note_name(void *arg, const char *aor, const struct user_keys *keys)
{
	struct names *names = arg;

	(void)keys;
	if (names->count == USERS_ADDED_MAX)
		return -ENOSPC;
	if (names->count == names->room) {
		const unsigned room = names->room ? 2 * names->room : 64;
		char **list = realloc(names->list, room * sizeof(*list));

		if (!list)
			return -ENOMEM;
		names->list = list;
		names->room = room;
	}
	names->list[names->count] = strdup(aor);
	return names->list[names->count] ? (names->count++, 0) : -ENOMEM;
}

static int put_row(void *arg, const char *aor, const struct user_keys *keys)
{
	struct users_store *store = arg;
	const int is = what_is(store, aor);
	int error;

	if (is < 0) {
		LOG_WARN("users", 0, "%s: the configuration has this user, and its password holds",
			 aor);
		return 0;
	}
	error = users_put(store->users, aor, keys);
	store->count += error == 0 && is == 0;
	return error;
}

/* Those that are not in the file any more. */
struct leaving {
	const struct names *there;
	struct names gone;
	int error;
};

static void note_gone(void *arg, const struct user *user)
{
	struct leaving *l = arg;
	const char *aor = user->aor;

	if (!l->error && user->keys &&
	    (l->there->count == 0 ||
	     !bsearch(&aor, l->there->list, l->there->count, sizeof(char *), by_name)))
		l->error = note_name(&l->gone, aor, NULL);
}

static int drop_gone(struct users_store *store, struct names *there,
		     void (*gone)(void *arg, const char *aor), void *arg)
{
	struct leaving leaving = { .there = there };

	if (there->count > 0)
		qsort(there->list, there->count, sizeof(char *), by_name);
	location_read_begin();
	users_each(store->users, note_gone, &leaving);
	location_read_end();
	for (unsigned i = 0; i < leaving.gone.count; i++) {
		const char *aor = leaving.gone.list[i];

		if (users_drop(store->users, aor))
			continue;
		store->count--;
		if (gone)
			gone(arg, aor);
	}
	free_names(&leaving.gone);
	return leaving.error;
}

int users_store_reload(struct users_store *store, void (*gone)(void *arg, const char *aor),
		       void *arg, char *why, size_t why_size)
{
	struct names there = { 0 };
	int error;

	if (!store->path[0])
		return 0;
	/* The first time it is only read. */
	error = users_file_read(store->path, note_name, &there, why, why_size);

	if (error == -ENOENT)
		error = 0;
	else if (!error)
		error = users_file_read(store->path, put_row, store, why, why_size);
	if (!error) {
		error = drop_gone(store, &there, gone, arg);
		if (error)
			snprintf(why, why_size, "%s: %s", store->path, strerror(-error));
	}
	free_names(&there);
	return error;
}

/* --- life ----------------------------------------------------------------------------------------- */

int users_store_open(struct users *users, const char *dir, struct users_store **out, char *why,
		     size_t why_size)
{
	struct users_store *store = calloc(1, sizeof(*store));
	int error = 0;

	*out = NULL;
	if (!store)
		return -ENOMEM;
	store->users = users;
	if (dir)
		snprintf(store->path, sizeof(store->path), "%s/" USERS_FILE, dir);
	error = users_store_reload(store, NULL, NULL, why, why_size);
	if (error) {
		free(store);
		return error;
	}
	*out = store;
	return 0;
}

void users_store_close(struct users_store *store)
{
	free(store);
}
