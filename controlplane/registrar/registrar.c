/* SPDX-License-Identifier: BSD-3-Clause */
/* What the registrar knows: coming and going of contacts, look-up, show. REGISTER: handle.c. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "controlplane/events/events.h"
#include "controlplane/registrar/internal.h"
#include "controlplane/registrar/record.h"
#include "controlplane/store/store.h"
#include "sip/base/log.h"

/* --- changes -------------------------------------------------------------------------------------- */

static void save(struct registrar *r, const char *aor, const struct contact *contact)
{
	char text[RECORD_TEXT], uri[REGISTRAR_URI_MAX];

	if (!r->store || slice_copy(contact->uri, uri, sizeof(uri)))
		return;
	record_write(contact, &r->config->sip, text);
	/* What the store refuses it counts and logs; the table is what calls go by. */
	store_contact_put(r->store, &(struct store_contact){ aor, uri, text, contact->expires_ms });
}

static void forget(struct registrar *r, const char *aor, struct slice old_uri)
{
	char uri[REGISTRAR_URI_MAX];

	if (r->store && slice_copy(old_uri, uri, sizeof(uri)) == 0)
		store_contact_delete(r->store, aor, uri);
}

static void tell_added(struct registrar *r, const char *aor, struct slice uri)
{
	LOG_INFO("registrar", 0, "%s: registered %.*s", aor, SLICE_FMT(uri));
	if (r->events) {
		char text[REGISTRAR_URI_MAX] = "";

		slice_copy(uri, text, sizeof(text));
		event_publish(r->events, EVENT_REGISTRATION_ADDED, 0, 0, aor, text);
	}
}

static void tell_removed(struct registrar *r, const char *aor, struct slice uri, const char *reason)
{
	LOG_INFO("registrar", 0, "%s: %s %.*s", aor, reason, SLICE_FMT(uri));
	if (r->events) {
		char text[REGISTRAR_URI_MAX] = "";

		slice_copy(uri, text, sizeof(text));
		event_publish(r->events, EVENT_REGISTRATION_REMOVED, 0, 0, aor, text, reason);
	}
}

static void follow(struct registrar *r, const char *aor, const struct update_entry *entry)
{
	switch (entry->change) {
	case UPDATE_KEPT:
		break;
	case UPDATE_ADDED:
		save(r, aor, &entry->contact);
		tell_added(r, aor, entry->contact.uri);
		break;
	case UPDATE_REFRESHED:
		/* The same URI in another spelling would be another row. */
		if (!slice_equal(entry->old_uri, entry->contact.uri))
			forget(r, aor, entry->old_uri);
		save(r, aor, &entry->contact);
		break;
	case UPDATE_REMOVED:
	case UPDATE_EXPIRED:
		if (!entry->old_uri.p)
			break; /* came and went in one request */
		forget(r, aor, entry->old_uri);
		tell_removed(r, aor, entry->old_uri,
			     entry->change == UPDATE_REMOVED ? "unregistered" : "expired");
		break;
	}
}

int registrar_commit(struct registrar *r, const char *aor, const struct update_result *result)
{
	struct contact live[2 * UPDATE_CONTACTS_MAX];
	unsigned count = 0;
	int error;

	for (unsigned i = 0; i < result->count; i++)
		if (update_is_live(&result->entries[i]))
			live[count++] = result->entries[i].contact;
	/* The old texts that the entries point to stay until the read section ends. */
	location_read_begin();
	error = location_set(r->location, slice_of(aor), live, count);
	for (unsigned i = 0; i < result->count && !error; i++)
		follow(r, aor, &result->entries[i]);
	location_read_end();
	return error;
}

/* --- life ----------------------------------------------------------------------------------------- */

/* A row of the store. Who is no user any more, and what has expired or cannot be read, goes. */
static void restore_contact(void *arg, const struct store_contact *row)
{
	struct contact contacts[UPDATE_CONTACTS_MAX];
	struct registrar *r = arg;
	const struct binding *old;
	struct record_texts texts;
	struct sip_uri uri;
	unsigned count;

	location_read_begin();
	old = location_find(r->location, slice_of(row->aor));
	count = old ? old->count : 0;
	if (row->expires_ms <= r->now() || !users_find(r->users, row->aor) ||
	    count >= UPDATE_CONTACTS_MAX || strlen(row->uri) >= REGISTRAR_URI_MAX ||
	    sip_uri_parse(slice_of(row->uri), &uri) ||
	    record_read(row->text, &r->config->sip, &contacts[count], &texts)) {
		LOG_INFO("registrar", 0, "%s: not taken back: %s", row->aor, row->uri);
		store_contact_delete(r->store, row->aor, row->uri);
		goto done;
	}
	contacts[count].uri = slice_of(row->uri);
	contacts[count].expires_ms = row->expires_ms;
	if (count)
		memcpy(contacts, old->contacts, count * sizeof(*contacts));
	location_set(r->location, slice_of(row->aor), contacts, count + 1);
done:
	location_read_end();
}

int registrar_create(const struct config *config, struct store *store, struct event_bus *events,
		     uint64_t (*now)(void), struct registrar **registrar)
{
	struct registrar *r = calloc(1, sizeof(*r));
	int error;

	*registrar = NULL;
	if (!r)
		return -ENOMEM;
	*r = (struct registrar){ .config = config, .store = store, .events = events, .now = now };
	error = users_create(config, &r->users);
	if (error)
		goto free_registrar;
	error = location_create(config->users_count, &r->location);
	if (error)
		goto free_users;
	if (store) {
		error = store_contacts_load(store, restore_contact, r);
		if (error)
			goto free_location;
		LOG_INFO("registrar", 0, "%zu contacts taken back", location_count(r->location));
	}
	*registrar = r;
	return 0;
free_location:
	location_destroy(r->location);
free_users:
	users_destroy(r->users);
free_registrar:
	free(r);
	return error;
}

void registrar_set_note(struct registrar *registrar,
			void (*note)(void *arg, const struct sip_address *source,
				     enum sip_note note, struct slice user),
			void *arg)
{
	registrar->note = note;
	registrar->note_arg = arg;
}

void registrar_destroy(struct registrar *registrar)
{
	if (!registrar)
		return;
	location_destroy(registrar->location);
	users_destroy(registrar->users);
	free(registrar);
}

/* --- users ---------------------------------------------------------------------------------------- */

int registrar_aor(const struct registrar *registrar, const struct sip_uri *uri,
		  char aor[REGISTRAR_AOR_MAX])
{
	return users_aor(registrar->users, uri, aor);
}

bool registrar_user_exists(const struct registrar *registrar, const char *aor)
{
	bool exists;

	location_read_begin();
	exists = users_find(registrar->users, aor) != NULL;
	location_read_end();
	return exists;
}

void registrar_users(struct registrar *registrar, struct digest_users *users)
{
	*users = (struct digest_users){ users_ha1, users_unhash, registrar->users };
}

/* --- look-up and expiry ----------------------------------------------------------------------------- */

/* As much as fits. */
static void copy_text(struct slice text, char *dst, size_t size)
{
	if (text.n >= size)
		text.n = size - 1;
	slice_copy(text, dst, size);
}

unsigned registrar_lookup(struct registrar *registrar, const char *aor,
			  struct registrar_contact *contacts, unsigned max)
{
	const uint64_t now_ms = registrar->now();
	const struct binding *b;
	unsigned count = 0;

	location_read_begin();
	b = location_find(registrar->location, slice_of(aor));
	for (unsigned i = 0; b && i < b->count && count < max; i++) {
		const struct contact *from = &b->contacts[i];
		struct registrar_contact *to = &contacts[count];

		if (from->expires_ms <= now_ms)
			continue;
		copy_text(from->uri, to->uri, sizeof(to->uri));
		copy_text(from->user_agent, to->user_agent, sizeof(to->user_agent));
		copy_text(from->call_id, to->call_id, sizeof(to->call_id));
		to->path = from->path;
		to->q = from->q;
		to->expires_ms = from->expires_ms;
		to->cseq = from->cseq;
		count++;
	}
	location_read_end();
	return count;
}

struct expiry {
	struct registrar *registrar;
	uint64_t now_ms;
};

static void expire_binding(void *arg, const struct binding *b)
{
	const struct expiry *expiry = arg;
	struct registrar *r = expiry->registrar;
	static const struct update_request nothing;
	struct update_result result;
	struct refusal refusal;
	const struct binding *now;

	if (b->soonest_ms > expiry->now_ms)
		return;
	location_lock(r->location);
	/* What was seen without the lock may have been replaced. */
	now = location_find(r->location, b->aor);
	if (now &&
	    update_apply(&nothing, now, expiry->now_ms, UINT32_MAX, &result, &refusal) == 0 &&
	    registrar_commit(r, b->aor.p, &result))
		LOG_WARN("registrar", 0, "%s: no memory to drop what has expired", b->aor.p);
	location_unlock(r->location);
}

void registrar_expire(struct registrar *registrar)
{
	struct expiry expiry = { registrar, registrar->now() };

	location_read_begin();
	location_walk(registrar->location, expire_binding, &expiry);
	location_read_end();
}

/* --- for people ------------------------------------------------------------------------------------- */

/* Texts come from outside: what is not UTF-8 is shown in ASCII. */
static json_t *json_text(struct slice text)
{
	json_t *json = json_stringn(text.p ? text.p : "", text.n);
	char ascii[REGISTRAR_URI_MAX];

	if (json)
		return json;
	copy_text(text, ascii, sizeof(ascii));
	for (char *c = ascii; *c; c++)
		if ((unsigned char)*c >= 0x7f)
			*c = '?';
	return json_string(ascii);
}

struct showing {
	json_t *array;
	uint64_t now_ms;
};

static void show_binding(void *arg, const struct binding *b)
{
	const struct showing *showing = arg;

	for (unsigned i = 0; i < b->count; i++) {
		const struct contact *c = &b->contacts[i];
		const bool v6 = c->path.remote.family == AF_INET6;
		char ip[SIP_ADDRESS_TEXT], source[SIP_ADDRESS_TEXT + 16];

		if (c->expires_ms <= showing->now_ms)
			continue;
		snprintf(source, sizeof(source), v6 ? "[%s]:%u" : "%s:%u",
			 sip_address_ip(&c->path.remote, ip), c->path.remote.port);
		json_array_append_new(
			showing->array,
			json_pack("{s:o, s:o, s:s, s:I, s:f, s:o, s:o, s:I}", "aor",
				  json_text(b->aor), "contact", json_text(c->uri), "source", source,
				  "expires_s",
				  (json_int_t)((c->expires_ms - showing->now_ms + 999) / 1000), "q",
				  (double)c->q, "user_agent", json_text(c->user_agent), "call_id",
				  json_text(c->call_id), "cseq", (json_int_t)c->cseq));
	}
}

void registrar_show(struct registrar *registrar, json_t *array)
{
	struct showing showing = { array, registrar->now() };

	location_read_begin();
	location_walk(registrar->location, show_binding, &showing);
	location_read_end();
}

size_t registrar_count(const struct registrar *registrar)
{
	return location_count(registrar->location);
}
