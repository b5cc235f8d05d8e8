/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keep-alives to phones behind NATs, over UDP, by sip.nat_keepalive:
 *
 *   crlf      keeps the hole open, and wants no answer
 *   stun      a Binding request; its id says whom it was sent to, so that nothing is kept of it
 *   options   a transaction; any response is an answer
 *
 * Not all phones answer, so silence means something of those alone that have answered before.
 */
#include <stdio.h>
#include <stdlib.h>

#include "controlplane/events/events.h"
#include "controlplane/registrar/internal.h"
#include "sip/base/log.h"

static_assert(sizeof(((struct registrar_ping *)0)->id) == 8 + 4, "hash and signature");

void registrar_set_ping(struct registrar *registrar,
			void (*send)(void *arg, const struct registrar_ping *pings, unsigned count),
			void *arg)
{
	registrar->ping = send;
	registrar->ping_arg = arg;
}

bool registrar_wants_ping(const struct contact *c)
{
	/* Over a connection it is the phone that keeps it (RFC 5626 §3.5.1). */
	return (c->flags & CONTACT_NATTED) && c->path.kind == SIP_UDP;
}

/* --- out --- */

static enum registrar_keepalive how_of(const struct registrar *r, const struct contact *c)
{
	const struct config_sip *sip = &r->config->sip;
	const char *how = c->path.listener < sip->listeners_count
				  ? sip->listeners[c->path.listener].nat_keepalive
				  : NULL;

	if (!how)
		how = sip->nat_keepalive;
	if (!how)
		return REGISTRAR_CRLF;
	return strcmp(how, "stun") == 0      ? REGISTRAR_STUN
	       : strcmp(how, "options") == 0 ? REGISTRAR_OPTIONS
					     : REGISTRAR_CRLF;
}

/* Nobody but who got it can say it: the hash has the key of this process (slice.h). */
static uint32_t sign(uint64_t hash, const struct sip_path *path)
{
	const uint64_t text[] = { hash, sip_address_hash(&path->remote) };

	return (uint32_t)slice_hash((struct slice){ (const char *)text, sizeof(text) });
}

static void write_id(struct slice aor, const struct sip_path *path, char id[12])
{
	const uint64_t hash = slice_hash(aor);
	const uint32_t signature = sign(hash, path);

	memcpy(id, &hash, sizeof(hash));
	memcpy(id + sizeof(hash), &signature, sizeof(signature));
}

void keepalive_flush(struct registrar *r)
{
	if (r->ping_count > 0 && r->ping)
		r->ping(r->ping_arg, r->pings, r->ping_count);
	r->ping_count = 0;
}

static bool is_at(const struct contact *c, const struct sip_path *path)
{
	return c->path.kind == path->kind && sip_address_equal(&c->path.remote, &path->remote);
}

/* Several contacts may be at one place: lines of a phone, or what it was before it was started again.
 * They are pinged as one, and answer or are silent as one. */
static bool is_pinged_before(const struct binding *b, const struct contact *c, uint64_t now_ms)
{
	for (const struct contact *other = b->contacts; other < c; other++)
		if (is_at(other, &c->path) && registrar_wants_ping(other) &&
		    contact_expires(other) > now_ms)
			return true;
	return false;
}

void keepalive_ping(struct registrar *r, const struct binding *b)
{
	const uint64_t now_ms = r->now();

	for (unsigned i = 0; b && r->config->sip.nat_keepalive_s > 0 && i < b->count; i++) {
		const struct contact *c = &b->contacts[i];
		struct registrar_ping *ping = &r->pings[r->ping_count];

		if (!registrar_wants_ping(c) || contact_expires(c) <= now_ms ||
		    is_pinged_before(b, c, now_ms))
			continue;
		ping->how = how_of(r, c);
		ping->path = c->path;
		registrar_copy_text(b->aor, ping->aor, sizeof(ping->aor));
		registrar_copy_text(c->uri, ping->uri, sizeof(ping->uri));
		write_id(b->aor, &c->path, ping->id);
		if (++r->ping_count == REGISTRAR_PINGS)
			keepalive_flush(r);
	}
}

/* --- what comes of it --- */

static uint8_t missed_of(const struct contact *c)
{
	return __atomic_load_n(&c->missed, __ATOMIC_RELAXED);
}

bool keepalive_is_answered(const struct registrar *r, const struct contact *c)
{
	const unsigned most = r->config->sip.nat_keepalive_missed;

	return most == 0 || missed_of(c) < most || !__atomic_load_n(&c->answers, __ATOMIC_RELAXED);
}

/* Each contact at that place. The block is the table's own; it is const for those who read. */
static void each_at(struct registrar *r, const struct binding *b, const struct sip_path *path,
		    void (*visit)(struct registrar *r, const struct binding *b, struct contact *c))
{
	for (unsigned i = 0; b && i < b->count; i++)
		if (is_at(&b->contacts[i], path))
			visit(r, b, (struct contact *)&b->contacts[i]);
}

static void tell(struct registrar *r, const struct binding *b, const struct contact *c,
		 enum event_type type, const char *what)
{
	char uri[REGISTRAR_URI_MAX];

	LOG_INFO("registrar", 0, "%.*s: %s %.*s", SLICE_FMT(b->aor), what, SLICE_FMT(c->uri));
	registrar_copy_text(c->uri, uri, sizeof(uri));
	event_publish(r->events, type, 0, 0, b->aor.p, uri);
}

static void miss(struct registrar *r, const struct binding *b, struct contact *c)
{
	const bool answered = keepalive_is_answered(r, c);

	if (missed_of(c) == UINT8_MAX)
		return;
	__atomic_add_fetch(&c->missed, 1, __ATOMIC_RELAXED);
	if (answered && !keepalive_is_answered(r, c))
		tell(r, b, c, EVENT_REGISTRATION_UNREACHABLE, "silent:");
}

void registrar_pinged(struct registrar *r, const struct registrar_ping *ping)
{
	location_read_begin();
	each_at(r, location_find(r->location, slice_of(ping->aor)), &ping->path, miss);
	location_read_end();
}

static void hear(struct registrar *r, const struct binding *b, struct contact *c)
{
	if (!keepalive_is_answered(r, c))
		tell(r, b, c, EVENT_REGISTRATION_REACHABLE, "heard again:");
	__atomic_store_n(&c->missed, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&c->answers, true, __ATOMIC_RELAXED);
}

void registrar_answered(struct registrar *r, const char *aor, const struct sip_path *path)
{
	location_read_begin();
	each_at(r, location_find(r->location, slice_of(aor)), path, hear);
	location_read_end();
}

void registrar_answered_stun(struct registrar *r, const char id[12], const struct sip_path *from)
{
	uint32_t signature;
	uint64_t hash;

	memcpy(&hash, id, sizeof(hash));
	memcpy(&signature, id + sizeof(hash), sizeof(signature));
	if (signature != sign(hash, from))
		return;
	location_read_begin();
	each_at(r, location_find_hash(r->location, hash), from, hear);
	location_read_end();
}
