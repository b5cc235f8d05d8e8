/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The event state compositor's side of PUBLISH (RFC 3903 §6): what was published, by entity tag.
 * Each change gives a new tag; who does not know the present one gets 412.
 *
 *   SIP-If-Match  body  Expires     operation
 *   no            yes   > 0         initial
 *   yes           no    > 0         refresh
 *   yes           yes   > 0         modify
 *   yes           -     0           remove
 */
#include "sip/event/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "sip/base/random.h"

#define ETAG_TEXT 17

struct publication {
	struct hash_node node; /* first: found by its tag */
	struct hash_node by_resource;
	struct publication *next, *prev;
	struct sip_events *events;
	const struct sip_event_package *package;
	struct timer timer;
	char etag[ETAG_TEXT];
	char *resource, *type, *body;
	size_t size;
};

/* --- by tag --------------------------------------------------------------------------------------- */

static void set_etag(struct publication *p)
{
	random_token(p->etag, ETAG_TEXT - 1);
	hash_index_insert(&p->events->publications, &p->node, slice_hash(slice_of(p->etag)));
}

static struct publication *find(const struct sip_events *events, struct slice etag)
{
	struct hash_node *node = hash_index_first(&events->publications, slice_hash(etag));

	for (; node != NULL; node = hash_index_next(node)) {
		struct publication *p = (struct publication *)node;

		if (slice_equal(slice_of(p->etag), etag))
			return p;
	}
	return NULL;
}

static void tell(struct sip_events *events, const struct sip_event_package *package,
		 const char *resource)
{
	if (package->published != NULL)
		package->published(package->arg, resource);
	sip_events_changed(events, package->name, resource);
}

static void free_it(struct publication *p)
{
	free(p->resource);
	free(p->type);
	free(p->body);
	free(p);
}

static void unlink_it(struct publication *p)
{
	struct sip_events *events = p->events;

	hash_index_remove(&events->publications, &p->node);
	hash_index_remove(&events->resources, &p->by_resource);
	timer_cancel(events->config.wheel, &p->timer);
	*(p->prev != NULL ? &p->prev->next : &events->first) = p->next;
	*(p->next != NULL ? &p->next->prev : &events->last) = p->prev;
	events->stats.publications--;
}

/* Its user hears of it when it is not to be found any more. */
static void remove_it(struct publication *p)
{
	unlink_it(p);
	tell(p->events, p->package, p->resource);
	free_it(p);
}

static void on_expiry(struct timer *timer)
{
	struct publication *p =
		(struct publication *)((char *)timer - offsetof(struct publication, timer));

	p->events->stats.expired++;
	remove_it(p);
}

void publications_abandon(struct sip_events *events)
{
	while (events->first != NULL) {
		struct publication *p = events->first;

		unlink_it(p);
		free_it(p);
	}
}

/* --- requests ---------------------------------------------------------------------------------------- */

static void reply(struct publication *p, struct sip_transaction *server, uint32_t seconds)
{
	char lines[96];

	snprintf(lines, sizeof(lines), "SIP-ETag: %s\r\nExpires: %u\r\n", p->etag, seconds);
	events_reply(p->events, NULL, server, 200, lines);
}

static void refresh(struct publication *p, struct sip_transaction *server, uint32_t seconds)
{
	hash_index_remove(&p->events->publications, &p->node);
	set_etag(p);
	timer_set(p->events->config.wheel, &p->timer, (uint64_t)seconds * 1000, on_expiry);
	reply(p, server, seconds);
}

static int set_body(struct publication *p, const struct sip_msg *request)
{
	const struct slice type = sip_msg_value(request, SIP_H_CONTENT_TYPE);
	char *new_type = strndup(type.p, type.n), *body = malloc(request->body.n);

	if (new_type == NULL || body == NULL) {
		free(new_type);
		free(body);
		return -ENOMEM;
	}
	memcpy(body, request->body.p, request->body.n);
	free(p->type);
	free(p->body);
	p->type = new_type;
	p->body = body;
	p->size = request->body.n;
	return 0;
}

static void create(struct sip_events *events, const struct sip_event_package *package,
		   struct sip_transaction *server, const struct sip_msg *request, uint32_t seconds)
{
	struct publication *p;

	if (events->stats.publications >= events->config.publications_max) {
		events->stats.refused++;
		events_reply(events, NULL, server, 503, NULL);
		return;
	}
	p = calloc(1, sizeof(*p));
	if (p != NULL)
		p->resource = strndup(request->request_uri.p, request->request_uri.n);
	if (p == NULL || p->resource == NULL || set_body(p, request) != 0) {
		if (p != NULL)
			free_it(p);
		events_reply(events, NULL, server, 500, NULL);
		return;
	}
	p->events = events;
	p->package = package;
	p->prev = events->last;
	*(p->prev != NULL ? &p->prev->next : &events->first) = p;
	events->last = p;
	events->stats.publications++;
	hash_index_insert(&events->resources, &p->by_resource, events_hash(package, p->resource));
	set_etag(p);
	timer_set(events->config.wheel, &p->timer, (uint64_t)seconds * 1000, on_expiry);
	reply(p, server, seconds);
	tell(events, package, p->resource);
}

/* Of one that is there: refreshed, modified or removed. */
static void change(struct publication *p, struct sip_transaction *server,
		   const struct sip_msg *request, uint32_t seconds)
{
	if (seconds == 0) {
		events_reply(p->events, NULL, server, 200, "Expires: 0\r\n");
		remove_it(p);
		return;
	}
	if (request->body.n > 0 && set_body(p, request) != 0) {
		events_reply(p->events, NULL, server, 500, NULL);
		return;
	}
	refresh(p, server, seconds);
	if (request->body.n > 0)
		tell(p->events, p->package, p->resource);
}

/* RFC 3903 §6: the body is of a type that the package knows. */
static bool type_known(struct sip_events *events, const struct sip_event_package *package,
		       struct sip_transaction *server, const struct sip_msg *request)
{
	const char *types =
		package->published_types != NULL ? package->published_types : package->types;
	struct slice rest = slice_of(types);
	struct sip_media_type type;
	char line[HEADERS_MAX];

	if (request->body.n == 0)
		return true;
	if (request->body.n > BODY_MAX) {
		events_reply(events, NULL, server, 413, NULL);
		return false;
	}
	while (rest.p != NULL && sip_msg_content_type(request, &type) == 0) {
		if (sip_media_type_is(&type, slice_trim(slice_split(&rest, ','))))
			return true;
	}
	snprintf(line, sizeof(line), "Accept: %s\r\n", types);
	events_reply(events, NULL, server, 415, line);
	return false;
}

void publication_receive(struct sip_events *events, struct sip_transaction *server,
			 struct sip_msg *request, const struct sip_path *from)
{
	const struct slice match = sip_msg_value(request, SIP_H_SIP_IF_MATCH);
	const struct sip_event_package *package = NULL;
	struct publication *p;
	struct sip_event event;
	uint32_t seconds;
	unsigned status;

	if (sip_msg_event(request, &event) == 0)
		package = events_package(events, event.package);
	if (package == NULL || package->publish == NULL) {
		events_reply_bad_event(events, NULL, server);
		return;
	}
	status = package->publish(package->arg, request, from);
	if (status >= 300) {
		events_reply(events, NULL, server, status, NULL);
		return;
	}
	if (!events_expires(events, NULL, server, request, package, &seconds) ||
	    !type_known(events, package, server, request))
		return;
	if (match.p == NULL) {
		/* RFC 3903 §4.1: an initial one has a body, and lasts. */
		if (request->body.n == 0 || seconds == 0)
			events_reply(events, NULL, server, 400, NULL);
		else
			create(events, package, server, request, seconds);
		return;
	}
	p = find(events, match);
	if (p == NULL || p->package != package ||
	    !slice_equal(slice_of(p->resource), request->request_uri))
		events_reply(events, NULL, server, 412, NULL);
	else
		change(p, server, request, seconds);
}

void sip_publications_each(const struct sip_events *events, const char *package,
			   const char *resource,
			   void (*each)(void *arg, const struct sip_publication *publication),
			   void *arg)
{
	const struct sip_event_package *wanted = events_package(events, slice_of(package));
	struct hash_node *node = NULL;

	if (wanted != NULL)
		node = hash_index_first(&events->resources, events_hash(wanted, resource));
	for (; node != NULL; node = hash_index_next(node)) {
		const struct publication *p =
			(struct publication *)((char *)node -
					       offsetof(struct publication, by_resource));
		const struct sip_publication told = {
			p->resource, p->etag, slice_of(p->type), { p->body, p->size }
		};

		if (p->package == wanted && strcmp(p->resource, resource) == 0)
			each(arg, &told);
	}
}
