/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The package "reg" (RFC 3680): a user's phones are told where that user is registered, and of each
 * change. Nobody is told of another.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/engine/call.h"
#include "controlplane/engine/reg.h"
#include "controlplane/registrar/registrar.h"
#include "sip/event/event.h"

#define CONTACTS_MAX 16u
#define ENTRY_MAX    8192u
#define END          "</registration>\n</reginfo>\n"

/* In all shards: whether changes are worth a message to them. */
static _Atomic unsigned watchers;

bool engine_watches_registrations(void)
{
	return atomic_load_explicit(&watchers, memory_order_relaxed) > 0;
}

void engine_registration_changed(struct engine *e, const char *aor)
{
	sip_events_changed(e->events, "reg", aor);
}

/* The context of a subscription. */
struct watch {
	uint32_t version; /* RFC 3680 §5.1: of the next document */
};

static unsigned on_subscribe(void *arg, struct sip_subscription *sub, struct sip_msg *request,
			     const struct sip_path *from)
{
	struct engine *e = arg;
	const struct caller *who = e->asking;
	char aor[ROUTE_AOR_MAX];
	struct watch *watch;
	int error;

	(void)from;
	/* In a dialog the Request-URI is our Contact: who asks, asks for himself. */
	if (request->to_tag.n > 0 || registrar_aor(e->shard->registrar, &request->uri, aor))
		snprintf(aor, sizeof(aor), "%s", who->aor);
	if (who->trunk >= 0 || strcmp(aor, who->aor) != 0 ||
	    !registrar_user_exists(e->shard->registrar, aor))
		return 403;
	watch = calloc(1, sizeof(*watch));
	error = watch ? sip_subscription_set_resource(sub, aor) : -ENOMEM;
	if (error) {
		free(watch);
		return error == -EBUSY ? 503 : 500;
	}
	sip_subscription_set_context(sub, watch);
	atomic_fetch_add_explicit(&watchers, 1, memory_order_relaxed);
	return 200;
}

static void on_ended(void *arg, struct sip_subscription *sub)
{
	(void)arg;
	free(sip_subscription_context(sub));
	atomic_fetch_sub_explicit(&watchers, 1, memory_order_relaxed);
}

/* --- the document --- */

/* XML 1.0 §2.4; what cannot stand in a document at all becomes '?'. */
static void escape(const char *text, char *out, size_t size)
{
	char *end = out + size - 7;

	for (; *text && out < end; text++) {
		const unsigned char c = (unsigned char)*text;

		if (c == '<' || c == '>' || c == '&' || c == '"' || c == '\'')
			out += sprintf(out, "&#%u;", c);
		else
			*out++ = c < 0x20 || c > 0x7e ? '?' : (char)c;
	}
	*out = '\0';
}

static void write_contact(const struct registrar_contact *c, uint64_t now_ms, char *entry)
{
	char uri[6 * REGISTRAR_URI_MAX], call_id[6 * sizeof(c->call_id)];
	const uint64_t left = c->expires_ms > now_ms ? (c->expires_ms - now_ms + 999) / 1000 : 0;

	escape(c->uri, uri, sizeof(uri));
	escape(c->call_id, call_id, sizeof(call_id));
	snprintf(entry, ENTRY_MAX,
		 "<contact id=\"%016" PRIx64 "\" state=\"active\" event=\"registered\" "
		 "expires=\"%" PRIu64 "\" q=\"%.3g\" callid=\"%s\" cseq=\"%" PRIu32 "\">"
		 "<uri>%s</uri></contact>\n",
		 slice_hash(slice_of(c->uri)), left, (double)c->q, call_id, c->cseq, uri);
}

/* Whole entries; those for which there is no room are left out. */
static size_t write_document(struct engine *e, const char *aor, uint32_t version,
			     struct registrar_contact *contacts, char *body, size_t size)
{
	const unsigned n = registrar_lookup(e->shard->registrar, aor, contacts, CONTACTS_MAX);
	char name[6 * ROUTE_AOR_MAX], entry[ENTRY_MAX];
	size_t used;

	escape(aor, name, sizeof(name));
	used = (size_t)snprintf(body, size,
				"<?xml version=\"1.0\"?>\n"
				"<reginfo xmlns=\"urn:ietf:params:xml:ns:reginfo\" "
				"version=\"%" PRIu32 "\" state=\"full\">\n"
				"<registration aor=\"sip:%s\" id=\"a\" state=\"%s\">\n",
				version, name, n ? "active" : "terminated");
	for (unsigned i = 0; i < n; i++) {
		write_contact(&contacts[i], shard_wall_ms(), entry);
		if (used + strlen(entry) + sizeof(END) > size)
			break;
		used += (size_t)sprintf(body + used, "%s", entry);
	}
	return used + (size_t)sprintf(body + used, END);
}

static size_t on_state(void *arg, struct sip_subscription *sub, const char **type, char *body,
		       size_t size)
{
	struct registrar_contact *contacts = calloc(CONTACTS_MAX, sizeof(*contacts));
	struct watch *watch = sip_subscription_context(sub);
	size_t n = 0;

	(void)type;
	if (contacts)
		n = write_document(arg, sip_subscription_resource(sub), watch->version++, contacts,
				   body, size);
	free(contacts);
	return n;
}

struct sip_event_package reg_package(struct engine *e)
{
	return (struct sip_event_package){
		.name = "reg",
		.types = "application/reginfo+xml",
		.expires = 3761, /* RFC 3680 §4.3 */
		.expires_min = 60,
		.expires_max = 7200,
		.subscribe = on_subscribe,
		.state = on_state,
		.ended = on_ended,
		.arg = e,
	};
}
