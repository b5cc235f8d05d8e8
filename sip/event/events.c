/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of packages, and what all requests about them have in common. */
#include "sip/event/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* --- packages --- */

const struct sip_event_package *events_package(const struct sip_events *events, struct slice name)
{
	for (unsigned i = 0; i < events->config.packages_count; i++) {
		if (slice_equal(slice_of(events->config.packages[i].name), name))
			return &events->config.packages[i];
	}
	return NULL;
}

static char *allow_events(const struct sip_events_config *config)
{
	size_t size = 1, n = 0;
	char *text;

	for (unsigned i = 0; i < config->packages_count; i++)
		size += strlen(config->packages[i].name) + 2;
	text = calloc(1, size);
	for (unsigned i = 0; text != NULL && i < config->packages_count; i++) {
		if (config->packages[i].subscribe != NULL)
			n += (size_t)snprintf(text + n, size - n, "%s%s", n > 0 ? ", " : "",
					      config->packages[i].name);
	}
	return text;
}

const char *sip_events_allow(const struct sip_events *events)
{
	return events->allow;
}

/* --- answers --- */

void events_reply(struct sip_events *events, struct sip_dialog *dialog,
		  struct sip_transaction *server, unsigned status, const char *lines)
{
	(void)events;
	if (dialog != NULL)
		sip_dialog_respond(dialog, server, status, NULL, slice_of(lines), SLICE_NONE,
				   SLICE_NONE);
	else
		sip_transaction_reply(server, status, NULL, SLICE_NONE, lines);
}

void events_reply_bad_event(struct sip_events *events, struct sip_dialog *dialog,
			    struct sip_transaction *server)
{
	char lines[HEADERS_MAX] = "";

	if (events->allow[0] != '\0')
		snprintf(lines, sizeof(lines), "Allow-Events: %s\r\n", events->allow);
	events_reply(events, dialog, server, 489, lines);
}

bool events_expires(struct sip_events *events, struct sip_dialog *dialog,
		    struct sip_transaction *server, const struct sip_msg *request,
		    const struct sip_event_package *package, uint32_t *seconds)
{
	int rc = sip_msg_number(request, SIP_H_EXPIRES, seconds);
	char lines[64];

	if (rc == -ENOENT) {
		*seconds = package->expires;
	} else if (rc != 0) {
		events_reply(events, dialog, server, 400, NULL);
		return false;
	}
	if (*seconds > package->expires_max)
		*seconds = package->expires_max;
	if (*seconds > 0 && *seconds < package->expires_min && *seconds < 3600) {
		snprintf(lines, sizeof(lines), "Min-Expires: %u\r\n", package->expires_min);
		events_reply(events, dialog, server, 423, lines);
		return false;
	}
	return true;
}

const char *events_type(const char *types, const struct sip_msg *request, char *type, size_t size)
{
	struct slice rest = slice_of(types);

	while (rest.p != NULL) {
		const struct slice name = slice_trim(slice_split(&rest, ','));

		/* Without Accept a package's own type is meant (RFC 6665 §3.1.3). */
		if (sip_msg_header(request, SIP_H_ACCEPT) != NULL && !sip_accepts(request, name))
			continue;
		return slice_copy(name, type, size) == 0 ? type : NULL;
	}
	return NULL;
}

/* --- requests --- */

bool sip_events_request(struct sip_events *events, struct sip_dialog *dialog,
			struct sip_transaction *server, struct sip_msg *request,
			const struct sip_path *from)
{
	switch (request->method) {
	case SIP_SUBSCRIBE:
		notifier_subscribe(events, dialog, server, request, from);
		return true;
	case SIP_PUBLISH:
		publication_receive(events, server, request, from);
		return true;
	case SIP_REFER:
		refer_receive(events, dialog, server, request, from);
		return true;
	case SIP_NOTIFY:
		events_reply(events, dialog, server, 481, NULL);
		return true;
	default:
		return false;
	}
}

/* --- all of it --- */

int sip_events_create(const struct sip_events_config *config, struct sip_events **events)
{
	struct sip_events *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return -ENOMEM;
	e->config = *config;
	e->allow = allow_events(config);
	if (e->allow == NULL || hash_index_init(&e->publications, config->publications_max) != 0 ||
	    hash_index_init(&e->resources, config->publications_max) != 0 ||
	    hash_index_init(&e->watched, config->subscriptions_max) != 0) {
		sip_events_destroy(e);
		return -ENOMEM;
	}
	*events = e;
	return 0;
}

void sip_events_destroy(struct sip_events *events)
{
	if (events == NULL)
		return;
	while (events->subscriptions != NULL)
		notifier_abandon(events->subscriptions);
	while (events->subscribers != NULL)
		subscriber_abandon(events->subscribers);
	publications_abandon(events);
	hash_index_free(&events->publications);
	hash_index_free(&events->resources);
	hash_index_free(&events->watched);
	free(events->allow);
	free(events);
}

void sip_events_stats(const struct sip_events *events, struct sip_events_stats *stats)
{
	*stats = events->stats;
}
