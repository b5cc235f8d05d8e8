/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/resolve/tests/zone.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "sip/transport/transport.h"

static enum dns_type type_of(const char *text)
{
	return strcmp(text, "A") == 0      ? DNS_A
	       : strcmp(text, "AAAA") == 0 ? DNS_AAAA
	       : strcmp(text, "SRV") == 0  ? DNS_SRV
					   : DNS_NAPTR;
}

static void read_service(const char *service, struct dns_record *record)
{
	record->sips = strncmp(service, "SIPS+", 5) == 0;
	record->service = strcmp(service, "SIP+D2U") == 0    ? SIP_UDP
			  : strcmp(service, "SIP+D2T") == 0  ? SIP_TCP
			  : strcmp(service, "SIPS+D2T") == 0 ? SIP_TLS
			  : strcmp(service, "SIP+D2W") == 0  ? SIP_WS
							     : SIP_WSS;
}

static void read_data(const char *data, struct dns_record *record)
{
	unsigned priority = 0, weight = 0, port = 0;
	char service[16];

	switch (record->type) {
	case DNS_SRV:
		sscanf(data, "%u %u %u %255s", &priority, &weight, &port, record->name);
		break;
	case DNS_NAPTR:
		sscanf(data, "%u %u %15s %255s", &priority, &weight, service, record->name);
		read_service(service, record);
		break;
	default:
		if (sip_address_parse(slice_of(data), 0, &record->address) != 0)
			abort();
		break;
	}
	record->priority = (uint16_t)priority;
	record->weight = (uint16_t)weight;
	record->port = (uint16_t)port;
	if (strcmp(record->name, ".") == 0)
		record->name[0] = '\0';
}

static void look_up(const struct zone *zone, const char *name, enum dns_type type,
		    struct dns_answer *answer)
{
	char line[512], owner[256], kind[16];
	const char *text = zone->text;
	unsigned ttl;
	int data;

	answer->count = 0;
	answer->ttl_s = 60;
	while (*text != '\0') {
		size_t n = strcspn(text, "\n");

		snprintf(line, sizeof(line), "%.*s", (int)n, text);
		text += n + (text[n] == '\n');
		if (sscanf(line, "%255s %u %15s %n", owner, &ttl, kind, &data) != 3 ||
		    strcasecmp(owner, name) != 0 || type_of(kind) != type)
			continue;
		answer->records[answer->count] = (struct dns_record){ .type = (uint16_t)type };
		read_data(line + data, &answer->records[answer->count]);
		if (answer->count++ == 0 || ttl < answer->ttl_s)
			answer->ttl_s = ttl;
	}
}

static void answer_one(struct zone *zone, const struct zone_question *q)
{
	struct dns_answer answer;

	if (q->done == NULL)
		return;
	if (zone->silent) {
		q->done(q->arg, -EAGAIN, NULL);
		return;
	}
	look_up(zone, q->name, q->type, &answer);
	q->done(q->arg, 0, &answer);
}

static void ask(struct sip_dns *dns, const char *name, enum dns_type type, dns_done *done,
		void *arg)
{
	struct zone *zone = (struct zone *)dns;
	struct zone_question q = { .type = type, .done = done, .arg = arg };

	zone->asked++;
	snprintf(q.name, sizeof(q.name), "%s", name);
	if (!zone->later)
		answer_one(zone, &q);
	else if (zone->waiting_count < ZONE_WAITING_MAX)
		zone->waiting[zone->waiting_count++] = q;
	else
		abort();
}

static void cancel(struct sip_dns *dns, void *arg)
{
	struct zone *zone = (struct zone *)dns;

	for (unsigned i = 0; i < zone->waiting_count; i++)
		if (zone->waiting[i].arg == arg)
			zone->waiting[i].done = NULL;
}

void zone_init(struct zone *zone, const char *text)
{
	memset(zone, 0, sizeof(*zone));
	zone->dns = (struct sip_dns){ .ask = ask, .cancel = cancel };
	zone->text = text;
}

void zone_answer(struct zone *zone)
{
	struct zone_question now[ZONE_WAITING_MAX];
	const unsigned count = zone->waiting_count;

	memcpy(now, zone->waiting, sizeof(now));
	zone->waiting_count = 0;
	for (unsigned i = 0; i < count; i++)
		answer_one(zone, &now[i]);
}
