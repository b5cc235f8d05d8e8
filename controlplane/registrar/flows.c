/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connections that phones are reached over (RFC 5626). A phone may have several, each with its
 * reg-id; a request goes to the latest, and to the next one when that is not there any more.
 */
#include <stdio.h>
#include <stdlib.h>

#include "controlplane/registrar/internal.h"

static bool is_open_to(const struct registrar *r, const struct contact *c, uint64_t now_ms)
{
	return contact_expires(c) > now_ms && keepalive_is_answered(r, c);
}

static uint32_t bit_of(const struct contact *c)
{
	return 1u << c->reg_id % 32;
}

bool flows_is_tried(const struct registrar *r, const struct binding *b, const struct contact *c,
		    uint32_t but, uint64_t now_ms)
{
	if (!is_open_to(r, c, now_ms))
		return false;
	if (!(c->flags & CONTACT_OUTBOUND))
		return true;
	if (bit_of(c) & but)
		return false;
	for (unsigned i = 0; i < b->count; i++) {
		const struct contact *other = &b->contacts[i];

		if (other != c && (other->flags & CONTACT_OUTBOUND) && !(bit_of(other) & but) &&
		    is_open_to(r, other, now_ms) && slice_equal(other->instance, c->instance) &&
		    (contact_updated(other) > contact_updated(c) ||
		     (contact_updated(other) == contact_updated(c) && other < c)))
			return false;
	}
	return true;
}

static struct slice without_gruu(const char *aor)
{
	const char *at = strrchr(aor, '@'), *gr = at ? strstr(at, ";gr") : NULL;

	return gr ? (struct slice){ aor, (size_t)(gr - aor) } : slice_of(aor);
}

bool registrar_next_flow(struct registrar *r, const char *aor, const char *instance, uint32_t tried,
			 struct registrar_contact *contact)
{
	const uint64_t now_ms = r->now();
	const struct binding *b;
	bool found = false;

	location_read_begin();
	b = location_find(r->location, without_gruu(aor));
	for (unsigned i = 0; b && i < b->count && !found; i++) {
		const struct contact *c = &b->contacts[i];

		found = (c->flags & CONTACT_OUTBOUND) &&
			slice_equal(c->instance, slice_of(instance)) &&
			flows_is_tried(r, b, c, tried, now_ms);
		if (found)
			registrar_copy(c, contact);
	}
	location_read_end();
	return found;
}

/* --- what is lost --- */

/* false: nothing of it was, or memory is short. */
static bool lose(struct registrar *r, const char *text,
		 bool (*is_lost)(const struct contact *c, const void *key), const void *key)
{
	const struct slice aor = slice_of(text);
	const uint64_t now_ms = r->now();
	const struct binding *old;
	struct update_result result;
	unsigned lost = 0;

	location_read_begin();
	location_lock(r->location, aor);
	old = location_find(r->location, aor);
	if (update_expire(old, now_ms, &result) == 0) {
		for (unsigned i = 0; i < result.count; i++) {
			if (!is_lost(&result.entries[i].contact, key))
				continue;
			result.entries[i].change = UPDATE_LOST;
			lost++;
		}
		if (registrar_commit(r, text, old, now_ms, &result))
			result.count = lost = 0;
	}
	location_unlock(r->location, aor);
	registrar_tell(r, text, &result);
	update_free(&result);
	location_read_end();
	return lost > 0;
}

static bool is_over(const struct contact *c, const void *flow)
{
	return contact_is_bound(c) && sip_flow_equal(c->path.flow, *(const struct sip_flow *)flow);
}

void registrar_flow_failed(struct registrar *r, struct sip_flow flow)
{
	char aor[REGISTRAR_AOR_MAX];

	while (flow.index != 0 && location_of_flow(r->location, flow, aor, sizeof(aor)) &&
	       lose(r, aor, is_over, &flow))
		;
}

/* Another REGISTER may have mended it since. */
static bool is_same_flow(const struct contact *c, const void *key)
{
	const struct registrar_flow *meant = key;

	return (c->flags & CONTACT_OUTBOUND) && c->reg_id == meant->reg_id &&
	       contact_cseq(c) == meant->cseq &&
	       slice_equal(c->call_id, slice_of(meant->call_id)) &&
	       slice_equal(c->instance, slice_of(meant->instance));
}

void registrar_contact_lost(struct registrar *r, const char *aor, const struct registrar_flow *flow)
{
	const struct slice plain = without_gruu(aor);
	char text[REGISTRAR_AOR_MAX];

	if (slice_copy(plain, text, sizeof(text)) == 0)
		lose(r, text, is_same_flow, flow);
}
