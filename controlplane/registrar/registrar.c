/* SPDX-License-Identifier: BSD-3-Clause */
/* What the registrar knows: coming and going of contacts, look-up, show. REGISTER: handle.c; flows:
 * flows.c; keep-alives: keepalive.c. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "controlplane/events/events.h"
#include "controlplane/registrar/gruu.h"
#include "controlplane/registrar/internal.h"
#include "controlplane/registrar/record.h"
#include "controlplane/store/store.h"
#include "sip/base/format.h"
#include "sip/base/log.h"

/* --- changes -------------------------------------------------------------------------------------- */

/* until_ms: when the store may forget it by itself. */
static void save(struct registrar *r, const char *aor, struct contact *contact, uint64_t until_ms)
{
	char text[RECORD_TEXT], uri[REGISTRAR_URI_MAX];

	if (!r->store || slice_copy(contact->uri, uri, sizeof(uri)))
		return;
	record_write(contact, &r->config->sip, text);
	/* What the store refuses it counts and logs; the table is what calls go by. */
	if (store_contact_put(r->store, &(struct store_contact){ aor, uri, text, until_ms }) == 0)
		contact->stored_ms = until_ms;
}

static void forget(struct registrar *r, const char *aor, struct slice old_uri)
{
	char uri[REGISTRAR_URI_MAX];

	if (r->store && slice_copy(old_uri, uri, sizeof(uri)) == 0)
		store_contact_delete(r->store, aor, uri);
}

static void write_entry(struct registrar *r, const char *aor, struct update_entry *entry)
{
	struct contact *c = &entry->contact;

	switch (entry->change) {
	case UPDATE_KEPT:
		break;
	case UPDATE_REFRESHED:
		/* The same URI in another spelling would be another row. */
		if (!slice_equal(entry->old_uri, c->uri))
			forget(r, aor, entry->old_uri);
		if (entry->same_way && c->expires_ms <= c->stored_ms)
			break;
		/* fall through */
	case UPDATE_ADDED:
		save(r, aor, c, c->expires_ms + STORE_SLACK_MS);
		break;
	case UPDATE_REMOVED:
	case UPDATE_EXPIRED:
	case UPDATE_LOST:
		if (entry->old_uri.p) /* else it came and went in one request */
			forget(r, aor, entry->old_uri);
		break;
	}
}

/* When to look at the AOR again: its first contact expires, or wants to be pinged. */
static void arm(struct registrar *r, const char *aor, uint64_t now_ms,
		const struct update_result *result)
{
	uint64_t due_ms = UINT64_MAX, ping_ms = r->config->sip.nat_keepalive_s * 1000ull;

	for (unsigned i = 0; i < result->count; i++) {
		const struct contact *c = &result->entries[i].contact;

		if (!update_is_live(&result->entries[i]))
			continue;
		if (c->expires_ms < due_ms)
			due_ms = c->expires_ms;
		if (ping_ms > 0 && registrar_wants_ping(c) && now_ms + ping_ms < due_ms)
			due_ms = now_ms + ping_ms;
	}
	if (due_ms != UINT64_MAX)
		location_arm(r->location, slice_of(aor), due_ms);
}

static int set(struct registrar *r, const char *aor, const struct update_result *result)
{
	const struct contact *live[UPDATE_CONTACTS_MAX + UPDATE_REQUEST_MAX];
	unsigned count = 0;

	for (unsigned i = 0; i < result->count; i++)
		if (update_is_live(&result->entries[i]))
			live[count++] = &result->entries[i].contact;
	return location_set(r->location, slice_of(aor), live, count);
}

int registrar_commit(struct registrar *r, const char *aor, const struct binding *old,
		     uint64_t now_ms, struct update_result *result)
{
	int error = 0;

	/* What the store was told is a part of the contact. */
	for (unsigned i = 0; i < result->count; i++)
		write_entry(r, aor, &result->entries[i]);
	if (old && update_is_in_place(result)) {
		for (unsigned i = 0; i < old->count; i++)
			location_refresh(&old->contacts[i], &result->entries[i].contact);
	} else {
		error = set(r, aor, result);
	}
	if (!error)
		arm(r, aor, now_ms, result);
	return error;
}

static void tell_added(struct registrar *r, const char *aor, const struct contact *c)
{
	char uri[REGISTRAR_URI_MAX] = "", source[SIP_ADDRESS_TEXT], agent[128] = "";

	LOG_INFO("registrar", 0, "%s: registered %.*s", aor, SLICE_FMT(c->uri));
	if (!r->events)
		return;
	slice_copy(c->uri, uri, sizeof(uri));
	event_publish(r->events, EVENT_REGISTRATION_ADDED, 0, 0, aor, uri);
	if ((c->flags & CONTACT_ALG) == 0)
		return;
	slice_copy(c->user_agent, agent, sizeof(agent));
	event_publish(r->events, EVENT_NAT_ALG, 0, 0, aor,
		      sip_address_text(&c->path.remote, source), agent);
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

void registrar_tell(struct registrar *r, const char *aor, const struct update_result *result)
{
	static const char *const reasons[] = { [UPDATE_REMOVED] = "unregistered",
					       [UPDATE_EXPIRED] = "expired",
					       [UPDATE_LOST] = "flow-failed" };

	bool changed = false;

	for (unsigned i = 0; i < result->count; i++) {
		const struct update_entry *entry = &result->entries[i];

		if (entry->change == UPDATE_ADDED)
			tell_added(r, aor, &entry->contact);
		else if (!update_is_live(entry) && entry->old_uri.p)
			tell_removed(r, aor, entry->old_uri, reasons[entry->change]);
		else
			continue;
		changed = true;
	}
	if (changed && r->changed)
		r->changed(r->changed_arg, aor);
}

/* --- life ----------------------------------------------------------------------------------------- */

/* Within so long all that came back are sent their first keep-alive. */
#define RESTORED_PINGS_MS 5000u

/* A row of the store. Who is no user any more, and what has expired or cannot be read, goes. */
static bool restore_contact(struct registrar *r, const struct store_contact *row)
{
	const struct contact *contacts[UPDATE_CONTACTS_MAX];
	const struct binding *old = location_find(r->location, slice_of(row->aor));
	unsigned count = old ? old->count : 0;
	struct contact contact;
	struct record_texts texts;
	struct sip_uri uri;
	uint64_t soonest_ms = row->expires_ms;

	if (row->expires_ms <= r->now() || !users_find(r->users, row->aor) ||
	    count >= UPDATE_CONTACTS_MAX || strlen(row->uri) >= REGISTRAR_URI_MAX ||
	    sip_uri_parse(slice_of(row->uri), &uri) ||
	    record_read(row->text, &uri, &r->config->sip, &contact, &texts))
		return false;
	/* Its connection has ended with the process: nobody but the phone can make another. */
	if (contact_is_bound(&contact))
		return false;
	contact.uri = slice_of(row->uri);
	contact.expires_ms = contact.stored_ms = row->expires_ms;
	for (unsigned i = 0; i < count; i++) {
		contacts[i] = &old->contacts[i];
		if (old->contacts[i].expires_ms < soonest_ms)
			soonest_ms = old->contacts[i].expires_ms;
	}
	contacts[count] = &contact;
	if (location_set(r->location, slice_of(row->aor), contacts, count + 1) == 0)
		location_arm(r->location, slice_of(row->aor),
			     registrar_wants_ping(&contact)
				     ? r->now() + slice_hash(slice_of(row->aor)) % RESTORED_PINGS_MS
				     : soonest_ms);
	return true;
}

static void restore_row(void *arg, const struct store_contact *row)
{
	struct registrar *r = arg;

	location_read_begin();
	if (!restore_contact(r, row)) {
		LOG_INFO("registrar", 0, "%s: not taken back: %s", row->aor, row->uri);
		store_contact_delete(r->store, row->aor, row->uri);
	}
	location_read_end();
}

/* At an end in order the store hears what it was not told at each refresh. */
#define SETTLE_STEP 4096u

struct settling {
	struct registrar *registrar;
	unsigned count;
};

static void settle(void *arg, const struct binding *b)
{
	struct settling *settling = arg;

	for (unsigned i = 0; i < b->count; i++) {
		struct contact contact = b->contacts[i];

		if (contact.stored_ms == contact.expires_ms)
			continue;
		save(settling->registrar, b->aor.p, &contact, contact.expires_ms);
		if (++settling->count % SETTLE_STEP == 0)
			store_flush(settling->registrar->store);
	}
}

int registrar_create(const struct config *config, struct store *store, struct event_bus *events,
		     uint64_t (*now)(void), struct registrar **registrar)
{
	struct registrar *r = calloc(1, sizeof(*r));
	char why[USERS_WHY];
	int error;

	*registrar = NULL;
	if (!r)
		return -ENOMEM;
	*r = (struct registrar){ .config = config, .store = store, .events = events, .now = now };
	error = users_create(config, &r->users);
	if (error)
		goto free_registrar;
	error = users_store_open(r->users, config->controlplane.state_dir, &r->users_store, why,
				 sizeof(why));
	if (error) {
		LOG_ERROR("users", 0, "%s", why);
		goto free_users;
	}
	error = gruu_create(config->controlplane.state_dir, &r->gruu);
	if (error)
		goto free_users;
	error = location_create(config->users_count, now(), &r->location);
	if (error)
		goto free_gruu;
	if (store) {
		error = store_contacts_load(store, restore_row, r);
		if (error)
			goto free_location;
		LOG_INFO("registrar", 0, "%zu contacts taken back", location_count(r->location));
	}
	*registrar = r;
	return 0;
free_location:
	location_destroy(r->location);
free_gruu:
	gruu_destroy(r->gruu);
free_users:
	users_store_close(r->users_store);
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

void registrar_set_changed(struct registrar *registrar, void (*changed)(void *arg, const char *aor),
			   void *arg)
{
	registrar->changed = changed;
	registrar->changed_arg = arg;
}

void registrar_destroy(struct registrar *registrar)
{
	struct settling settling = { registrar, 0 };

	if (!registrar)
		return;
	if (registrar->store) {
		location_read_begin();
		location_walk(registrar->location, settle, &settling);
		location_read_end();
	}
	location_destroy(registrar->location);
	gruu_destroy(registrar->gruu);
	users_store_close(registrar->users_store);
	users_destroy(registrar->users);
	free(registrar);
}

/* --- users ---------------------------------------------------------------------------------------- */

int registrar_aor(const struct registrar *registrar, const struct sip_uri *uri,
		  char aor[REGISTRAR_AOR_MAX])
{
	return users_aor(registrar->users, uri, aor);
}

/*
 * A target is an AOR, with ";gr=INSTANCE" or ";gr~EPOCH" behind it if it is one phone that is
 * meant. The last @ stands before the domain.
 */
struct target {
	char aor[REGISTRAR_AOR_MAX];
	struct slice instance; /* of the text that was given */
	uint32_t epoch;
};

static void read_target(const char *text, struct target *target)
{
	const char *at = strrchr(text, '@'), *gr = at ? strstr(at, ";gr") : NULL;

	*target = (struct target){ .instance = SLICE_NONE };
	format_print(target->aor, sizeof(target->aor), "%.*s",
		     gr ? (int)(gr - text) : (int)strlen(text), text);
	if (gr && gr[3] == '=')
		target->instance = slice_of(gr + 4);
	else if (gr && gr[3] == '~')
		target->epoch = (uint32_t)strtoul(gr + 4, NULL, 16);
}

static int open_temporary(const struct registrar *r, const struct sip_uri *uri,
			  char aor[REGISTRAR_AOR_MAX])
{
	const char *domain = users_domain(r->users, uri->host);
	char name[128];
	uint32_t epoch;

	if (!domain || !gruu_open(r->gruu, uri->user, domain, name, sizeof(name), &epoch))
		return -ENOENT;
	if (snprintf(aor, REGISTRAR_AOR_MAX, "%s@%s;gr~%08x", name, domain, epoch) >=
	    (int)REGISTRAR_AOR_MAX)
		return -EINVAL;
	return 0;
}

int registrar_target(const struct registrar *r, const struct sip_uri *uri,
		     char aor[REGISTRAR_AOR_MAX])
{
	struct slice gr;
	size_t used;
	int error;

	if (!sip_param_get(uri->params, "gr", &gr))
		return users_aor(r->users, uri, aor);
	if (gr.n == 0)
		return open_temporary(r, uri, aor);
	error = users_aor(r->users, uri, aor);
	if (error)
		return error;
	used = strlen(aor);
	if (used + 4 >= REGISTRAR_AOR_MAX)
		return -EINVAL;
	memcpy(aor + used, ";gr=", 5);
	used += 4;
	error = sip_uri_unescape(gr, aor + used, REGISTRAR_AOR_MAX - used);
	return error || strchr(aor + used, '@') ? -EINVAL : 0;
}

bool registrar_user_exists(const struct registrar *registrar, const char *aor)
{
	struct target target;
	bool exists;

	read_target(aor, &target);
	location_read_begin();
	exists = users_find(registrar->users, target.aor) != NULL;
	location_read_end();
	return exists;
}

void registrar_note(const struct registrar *registrar, const char *name, struct slice realm,
		    enum sip_note note, enum digest_algorithm algorithm)
{
	users_note(registrar->users, name, realm, note == SIP_NOTE_GOOD, algorithm,
		   registrar->now() / 1000);
}

void registrar_users(struct registrar *registrar, struct digest_users *users)
{
	*users = (struct digest_users){ users_ha1, users_unhash, registrar->users };
}

/* --- look-up and expiry ----------------------------------------------------------------------------- */

void registrar_copy_text(struct slice text, char *dst, size_t size)
{
	if (text.n >= size)
		text.n = size - 1;
	slice_copy(text, dst, size);
}

void registrar_copy(const struct contact *from, struct registrar_contact *to)
{
	registrar_copy_text(from->uri, to->uri, sizeof(to->uri));
	registrar_copy_text(from->user_agent, to->user_agent, sizeof(to->user_agent));
	registrar_copy_text(from->call_id, to->call_id, sizeof(to->call_id));
	registrar_copy_text(from->route, to->route, sizeof(to->route));
	registrar_copy_text(from->instance, to->instance, sizeof(to->instance));
	to->path = from->path;
	to->q = (float)from->q / 1000;
	to->expires_ms = contact_expires(from);
	to->cseq = contact_cseq(from);
	to->natted = from->flags & CONTACT_NATTED;
	to->reg_id = from->flags & CONTACT_OUTBOUND ? from->reg_id : 0;
}

static bool is_meant(const struct target *target, const struct contact *c)
{
	if (target->instance.p && !slice_equal(target->instance, c->instance))
		return false;
	return target->epoch == 0 || target->epoch == c->epoch;
}

unsigned registrar_lookup(struct registrar *registrar, const char *aor,
			  struct registrar_contact *contacts, unsigned max)
{
	const uint64_t now_ms = registrar->now();
	const struct binding *b;
	struct target target;
	unsigned count = 0;

	read_target(aor, &target);
	location_read_begin();
	b = location_find(registrar->location, slice_of(target.aor));
	for (unsigned i = 0; b && i < b->count && count < max; i++) {
		const struct contact *c = &b->contacts[i];

		if (is_meant(&target, c) && flows_is_tried(registrar, b, c, 0, now_ms))
			registrar_copy(c, &contacts[count++]);
	}
	location_read_end();
	return count;
}

/* --- time ------------------------------------------------------------------------------------------- */

static void visit_due(void *arg, const char *text)
{
	struct registrar *r = arg;
	const uint64_t now_ms = r->now();
	const struct slice aor = slice_of(text);
	const struct binding *old;
	struct update_result result;
	int error;

	location_lock(r->location, aor);
	old = location_find(r->location, aor);
	error = update_expire(old, now_ms, &result);
	if (!error)
		error = registrar_commit(r, text, old, now_ms, &result);
	if (error) /* again in a second */
		location_arm(r->location, aor, now_ms + 1000);
	location_unlock(r->location, aor);
	if (!error) {
		registrar_tell(r, text, &result);
		update_free(&result);
		keepalive_ping(r, location_find(r->location, aor));
	}
}

void registrar_tick(struct registrar *registrar)
{
	location_advance(registrar->location, registrar->now(), visit_due, registrar);
	keepalive_flush(registrar);
}

/* --- for people ------------------------------------------------------------------------------------- */

/* Texts come from outside: what is not UTF-8 is shown in ASCII. */
static json_t *json_text(struct slice text)
{
	json_t *json = json_stringn(text.p ? text.p : "", text.n);
	char ascii[REGISTRAR_URI_MAX];

	if (json)
		return json;
	registrar_copy_text(text, ascii, sizeof(ascii));
	for (char *c = ascii; *c; c++)
		if ((unsigned char)*c >= 0x7f)
			*c = '?';
	return json_string(ascii);
}

struct showing {
	const struct registrar *registrar;
	json_t *array;
	uint64_t now_ms;
};

static const char *auth_text(unsigned flags)
{
	const unsigned auth = CONTACT_AUTH(flags);

	return auth == 0   ? ""
	       : auth == 1 ? "none"
			   : digest_algorithm_name((enum digest_algorithm)(auth - 2));
}

static void show_binding(void *arg, const struct binding *b)
{
	const struct showing *showing = arg;

	for (unsigned i = 0; i < b->count; i++) {
		const struct contact *c = &b->contacts[i];
		const bool v6 = c->path.remote.family == AF_INET6;
		char ip[SIP_ADDRESS_TEXT], source[SIP_ADDRESS_TEXT + 16];

		const uint64_t expires_ms = contact_expires(c);

		if (expires_ms <= showing->now_ms)
			continue;
		format_print(source, sizeof(source), v6 ? "[%s]:%u" : "%s:%u",
			     sip_address_ip(&c->path.remote, ip), c->path.remote.port);
		json_array_append_new(
			showing->array,
			json_pack(
				"{s:o, s:o, s:s, s:s, s:b, s:b, s:b, s:s, s:I, s:f, s:o, s:I, s:o, s:o, s:o, s:I}",
				"aor", json_text(b->aor), "contact", json_text(c->uri), "source",
				source, "transport", sip_transport_name(c->path.kind), "nat",
				(c->flags & CONTACT_NATTED) != 0, "alg",
				(c->flags & CONTACT_ALG) != 0, "reachable",
				keepalive_is_answered(showing->registrar, c), "auth",
				auth_text(c->flags), "expires_s",
				(json_int_t)((expires_ms - showing->now_ms + 999) / 1000), "q",
				c->q / 1000.0, "instance", json_text(c->instance), "reg_id",
				(json_int_t)c->reg_id, "path", json_text(c->route), "user_agent",
				json_text(c->user_agent), "call_id", json_text(c->call_id), "cseq",
				(json_int_t)contact_cseq(c)));
	}
}

void registrar_show(struct registrar *registrar, json_t *array)
{
	struct showing showing = { registrar, array, registrar->now() };

	location_read_begin();
	location_walk(registrar->location, show_binding, &showing);
	location_read_end();
}

size_t registrar_count(const struct registrar *registrar)
{
	return location_count(registrar->location);
}
