/* SPDX-License-Identifier: BSD-3-Clause */
/* Users as operators see and change them. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "config/schema.h"
#include "controlplane/events/events.h"
#include "controlplane/registrar/internal.h"
#include "sip/base/log.h"

#define NAME_MAX_CHARS     64u /* as of users[].name */
#define PASSWORD_MAX_CHARS 128u

/* --- changes -------------------------------------------------------------------------------------- */

static int aor_of(const struct registrar *r, const char *text, char aor[REGISTRAR_AOR_MAX])
{
	const struct config_sip *sip = &r->config->sip;
	const size_t length = strcspn(text, "@");
	const char *domain = text[length] ? text + length + 1 : sip->domains[0];
	char name[NAME_MAX_CHARS + 1];

	if (length == 0 || length > NAME_MAX_CHARS)
		return -EINVAL;
	snprintf(name, sizeof(name), "%.*s", (int)length, text);
	if (schema_form_user(name))
		return -EINVAL;
	for (unsigned i = 0; i < sip->domains_count; i++) {
		if (!slice_equal_nocase(slice_of(sip->domains[i]), slice_of(domain)))
			continue;
		snprintf(aor, REGISTRAR_AOR_MAX, "%s@%s", name, sip->domains[i]);
		return 0;
	}
	return -ENOENT;
}

static bool is_password(const char *text)
{
	for (const char *c = text; *c; c++)
		if (iscntrl((unsigned char)*c))
			return false;
	return text[0] && strlen(text) <= PASSWORD_MAX_CHARS;
}

static int told(const struct registrar *r, const char *aor, const char *change, int error)
{
	if (error)
		return error;
	LOG_INFO("users", 0, "%s: %s", aor, change);
	event_publish(r->events, EVENT_USER_CHANGED, 0, 0, aor, change);
	return 0;
}

int registrar_add_user(struct registrar *r, const char *text, const char *password,
		       char aor[REGISTRAR_AOR_MAX])
{
	int error = is_password(password) ? aor_of(r, text, aor) : -EINVAL;

	return error ? error
		     : told(r, aor, "added", users_store_add(r->users_store, aor, password));
}

int registrar_rotate_user(struct registrar *r, const char *text, const char *password,
			  char aor[REGISTRAR_AOR_MAX])
{
	int error = is_password(password) ? aor_of(r, text, aor) : -EINVAL;

	return error ? error
		     : told(r, aor, "rotated", users_store_rotate(r->users_store, aor, password));
}

/* Nobody may be called who is no user. */
static void drop_contacts(struct registrar *r, const char *text)
{
	const struct slice aor = slice_of(text);
	const uint64_t now_ms = r->now();
	const struct binding *old;
	struct update_result result;

	location_read_begin();
	location_lock(r->location, aor);
	old = location_find(r->location, aor);
	if (update_expire(old, now_ms, &result) == 0) {
		for (unsigned i = 0; i < result.count; i++)
			if (result.entries[i].change != UPDATE_EXPIRED)
				result.entries[i].change = UPDATE_REMOVED;
		if (registrar_commit(r, text, old, now_ms, &result))
			result.count = 0;
	}
	location_unlock(r->location, aor);
	registrar_tell(r, text, &result);
	update_free(&result);
	location_read_end();
}

static void forget(void *arg, const char *aor)
{
	drop_contacts(arg, aor);
	told(arg, aor, "removed", 0);
}

int registrar_remove_user(struct registrar *r, const char *text, char aor[REGISTRAR_AOR_MAX])
{
	int error = aor_of(r, text, aor);

	if (!error)
		error = users_store_remove(r->users_store, aor);
	if (!error)
		forget(r, aor);
	return error;
}

int registrar_reload_users(struct registrar *r)
{
	char why[USERS_WHY];
	int error = users_store_reload(r->users_store, forget, r, why, sizeof(why));

	if (error)
		LOG_ERROR("users", 0, "%s; the users are as before", why);
	else
		LOG_INFO("users", 0, "read again");
	return error;
}

/* --- for people ----------------------------------------------------------------------------------- */

static json_t *time_json(uint64_t seconds)
{
	const time_t t = (time_t)seconds;
	struct tm utc;
	char text[40];

	if (seconds == 0 || !gmtime_r(&t, &utc))
		return json_null();
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
	return json_string(text);
}

struct showing {
	const struct registrar *registrar;
	json_t *array;
	uint64_t now_ms;
};

static unsigned live_contacts(const struct showing *s, const char *aor)
{
	const struct binding *b = location_find(s->registrar->location, slice_of(aor));
	unsigned count = 0;

	for (unsigned i = 0; b && i < b->count; i++)
		count += contact_expires(&b->contacts[i]) > s->now_ms;
	return count;
}

static void show_user(void *arg, const struct user *user)
{
	const struct showing *s = arg;
	const struct user_state *state = &user->state;
	const uint64_t right_s = atomic_load(&state->right_s),
		       wrong_s = atomic_load(&state->wrong_s);
	const char *algorithm = right_s ? digest_algorithm_name((enum digest_algorithm)atomic_load(
						  &state->algorithm))
					: "";

	json_array_append_new(
		s->array, json_pack("{s:s,s:s,s:I,s:s,s:I,s:o,s:I,s:o}", "aor", user->aor, "source",
				    user->keys ? "added" : "config", "registrations",
				    (json_int_t)live_contacts(s, user->aor), "algorithm", algorithm,
				    "authenticated", (json_int_t)atomic_load(&state->rights),
				    "last_authenticated", time_json(right_s), "refused",
				    (json_int_t)atomic_load(&state->wrongs), "last_refused",
				    time_json(wrong_s)));
}

void registrar_show_users(struct registrar *r, json_t *array)
{
	struct showing showing = { r, array, r->now() };

	location_read_begin();
	users_each(r->users, show_user, &showing);
	location_read_end();
}
