/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "sip/base/random.h"
#include "sip/resolve/internal.h"

#define CACHE_MAX   4096u
#define QUERIES_MAX 4096u
#define DEAD_S      30u

#define SERVICES_MAX  5u /* NAPTR records that are followed, or transports that are tried */
#define HOSTS_MAX     8u /* SRV records of one service */
#define ADDRESSES_MAX 4u /* of one host and family */
#define SLOTS_MAX     (2 * SIP_TARGETS_MAX)

/* The steps, in order; a query waits in one until all of its questions are answered. */
enum step { STEP_NAPTR, STEP_SRV, STEP_ADDRESS, STEP_DONE };

struct host {
	uint16_t port;
	char name[DNS_NAME_MAX];
};

/* A transport and where SRV records say that it is served. */
struct service {
	uint8_t kind;
	char name[DNS_NAME_MAX]; /* of the SRV records */
	unsigned host_count;
	struct host hosts[HOSTS_MAX];
};

/* One host whose addresses are asked for. */
struct place {
	uint8_t kind;
	const struct host *host;
	unsigned counts[2]; /* IPv4, IPv6 */
	struct sip_address addresses[2][ADDRESSES_MAX];
};

/* A question of a query. */
struct slot {
	struct cache_waiter waiter;
	struct sip_query *query;
	unsigned index;  /* of its service or place */
	unsigned family; /* 0: IPv4, 1: IPv6 */
};

struct sip_query {
	struct sip_resolver *resolver;
	struct sip_query *next, **prev;
	sip_resolved *done;
	void *arg;
	struct sip_reach reach;
	enum step step;
	unsigned pending; /* questions */
	bool sips, denied, failed;
	bool has_kind;
	uint8_t kind;
	uint16_t port;
	char host[DNS_NAME_MAX];
	unsigned service_count, place_count;
	struct service services[SERVICES_MAX];
	struct host itself;
	struct place places[SIP_TARGETS_MAX];
	struct slot slots[SLOTS_MAX];
	struct sip_targets targets;
};

static bool reaches(const struct sip_reach *reach, uint8_t kind)
{
	return ((reach->ipv4 | reach->ipv6) >> kind & 1) != 0;
}

static bool reaches_family(const struct sip_reach *reach, uint8_t kind, unsigned family)
{
	return ((family == 0 ? reach->ipv4 : reach->ipv6) >> kind & 1) != 0;
}

/* --- questions --- */

static void answered(struct slot *slot, int error, const struct dns_answer *answer);
static void run(struct sip_query *q);

static void on_answer(struct cache_waiter *waiter, int error, const struct dns_answer *answer)
{
	struct slot *slot = (struct slot *)waiter;
	struct sip_query *q = slot->query;

	answered(slot, error, answer);
	if (--q->pending == 0)
		run(q);
}

static void ask(struct sip_query *q, unsigned number, unsigned index, unsigned family,
		const char *name, enum dns_type type)
{
	struct slot *slot = &q->slots[number];
	const struct dns_answer *answer = NULL;
	int rc;

	*slot = (struct slot){ .query = q, .index = index, .family = family };
	slot->waiter.done = on_answer;
	rc = cache_ask(&q->resolver->cache, name, type, &slot->waiter, &answer);
	if (rc == -EINPROGRESS)
		q->pending++;
	else
		answered(slot, rc, answer);
}

/* --- NAPTR: which transports (RFC 3263 §4.1) --- */

static void add_service(struct sip_query *q, uint8_t kind, const char *name, const char *host)
{
	struct service *s = &q->services[q->service_count];
	int n;

	if (q->service_count == SERVICES_MAX || !reaches(&q->reach, kind))
		return;
	n = snprintf(s->name, sizeof(s->name), "%s%s", name, host);
	if (n < 0 || (size_t)n >= sizeof(s->name))
		return;
	s->kind = kind;
	s->host_count = 0;
	q->service_count++;
}

static void take_naptr(struct sip_query *q, const struct dns_answer *answer)
{
	struct dns_record *records = q->resolver->scratch;

	memcpy(records, answer->records, answer->count * sizeof(*records));
	sip_naptr_sort(records, answer->count);
	for (unsigned i = 0; i < answer->count; i++)
		if (!q->sips || records[i].sips)
			add_service(q, records[i].service, records[i].name, "");
}

/* Without NAPTR each transport that we have is asked for. */
static void default_services(struct sip_query *q)
{
	static const uint8_t plain[] = { SIP_UDP, SIP_TCP, SIP_TLS };

	if (q->has_kind || q->sips) {
		add_service(q, q->kind, sip_srv_prefix(q->kind), q->host);
		return;
	}
	for (size_t i = 0; i < sizeof(plain); i++)
		add_service(q, plain[i], sip_srv_prefix(plain[i]), q->host);
}

/* --- SRV: which hosts (§4.2) --- */

static uint32_t below(uint32_t n)
{
	return (uint32_t)(random_u64() % n);
}

static void take_srv(struct sip_query *q, struct service *s, const struct dns_answer *answer)
{
	struct dns_record *records = q->resolver->scratch;

	memcpy(records, answer->records, answer->count * sizeof(*records));
	sip_srv_sort(records, answer->count, below);
	for (unsigned i = 0; i < answer->count && s->host_count < HOSTS_MAX; i++) {
		struct host *host = &s->hosts[s->host_count];

		/* RFC 2782: a lone "." says that there is no such service. */
		if (records[i].name[0] == '\0' || records[i].port == 0) {
			q->denied = true;
			continue;
		}
		memcpy(host->name, records[i].name, sizeof(host->name));
		host->port = records[i].port;
		s->host_count++;
	}
}

static void add_place(struct sip_query *q, uint8_t kind, const struct host *host)
{
	struct place *place = &q->places[q->place_count];

	if (q->place_count == SIP_TARGETS_MAX || !reaches(&q->reach, kind))
		return;
	place->kind = kind;
	place->host = host;
	place->counts[0] = place->counts[1] = 0;
	q->place_count++;
}

static void add_places(struct sip_query *q)
{
	for (unsigned i = 0; i < q->service_count; i++)
		for (unsigned k = 0; k < q->services[i].host_count; k++)
			add_place(q, q->services[i].kind, &q->services[i].hosts[k]);
	if (q->place_count > 0 || q->denied)
		return;
	memcpy(q->itself.name, q->host, sizeof(q->host));
	q->itself.port = q->port != 0 ? q->port : sip_default_port(q->kind);
	add_place(q, q->kind, &q->itself);
}

/* --- A, AAAA --- */

static void take_addresses(struct place *place, unsigned family, const struct dns_answer *answer)
{
	for (unsigned i = 0; i < answer->count && place->counts[family] < ADDRESSES_MAX; i++) {
		struct sip_address *to = &place->addresses[family][place->counts[family]++];

		*to = answer->records[i].address;
		to->port = place->host->port;
	}
}

static void answered(struct slot *slot, int error, const struct dns_answer *answer)
{
	struct sip_query *q = slot->query;

	if (error != 0) {
		q->failed = true;
		return;
	}
	switch (q->step) {
	case STEP_NAPTR:
		take_naptr(q, answer);
		break;
	case STEP_SRV:
		take_srv(q, &q->services[slot->index], answer);
		break;
	default:
		take_addresses(&q->places[slot->index], slot->family, answer);
		break;
	}
}

static void ask_addresses(struct sip_query *q)
{
	static const enum dns_type types[] = { DNS_A, DNS_AAAA };
	unsigned n = 0;

	for (unsigned i = 0; i < q->place_count; i++)
		for (unsigned family = 0; family < 2; family++)
			if (reaches_family(&q->reach, q->places[i].kind, family))
				ask(q, n++, i, family, q->places[i].host->name, types[family]);
}

/* --- targets --- */

static void add_target(struct sip_targets *targets, uint8_t kind, const struct sip_address *address)
{
	if (targets->count < SIP_TARGETS_MAX)
		targets->list[targets->count++] =
			(struct sip_target){ .address = *address, .kind = kind };
}

/* Dead ones come last, busy ones not at all. -EBUSY: all are. */
static int sort_out(const struct sip_resolver *resolver, struct sip_targets *targets)
{
	struct sip_target dead[SIP_TARGETS_MAX] = { 0 };
	unsigned good = 0, dead_count = 0;

	for (unsigned i = 0; i < targets->count; i++) {
		switch (sip_resolver_state(resolver, &targets->list[i])) {
		case SIP_TARGET_OK:
			targets->list[good++] = targets->list[i];
			break;
		case SIP_TARGET_DEAD:
			dead[dead_count++] = targets->list[i];
			break;
		default:
			break;
		}
	}
	memcpy(targets->list + good, dead, dead_count * sizeof(dead[0]));
	targets->count = good + dead_count;
	return targets->count > 0 ? 0 : -EBUSY;
}

static int make_targets(struct sip_query *q)
{
	struct sip_targets *targets = &q->targets;

	targets->count = 0;
	for (unsigned i = 0; i < q->place_count; i++)
		for (unsigned family = 0; family < 2; family++)
			for (unsigned k = 0; k < q->places[i].counts[family]; k++)
				add_target(targets, q->places[i].kind,
					   &q->places[i].addresses[family][k]);
	if (targets->count > 0)
		return sort_out(q->resolver, targets);
	q->resolver->stats.unresolved++;
	return q->failed ? -EAGAIN : -ENOENT;
}

/* --- life --- */

static void query_end(struct sip_query *q)
{
	struct sip_resolver *resolver = q->resolver;

	*q->prev = q->next;
	if (q->next != NULL)
		q->next->prev = q->prev;
	resolver->stats.queries--;
	if (resolver->spare == NULL)
		resolver->spare = q;
	else
		free(q);
}

/* Goes on until a question is out. */
static void advance(struct sip_query *q)
{
	while (q->pending == 0 && q->step != STEP_DONE) {
		switch (q->step) {
		case STEP_NAPTR:
			if (q->service_count == 0 && q->port == 0)
				default_services(q);
			q->step = STEP_SRV;
			for (unsigned i = 0; i < q->service_count; i++)
				ask(q, i, i, 0, q->services[i].name, DNS_SRV);
			break;
		case STEP_SRV:
			q->step = STEP_ADDRESS;
			add_places(q);
			ask_addresses(q);
			break;
		default:
			q->step = STEP_DONE;
			break;
		}
	}
}

/* All questions of a step are answered, and it was not the first. */
static void run(struct sip_query *q)
{
	int error;

	advance(q);
	if (q->pending > 0)
		return;
	error = make_targets(q);
	q->done(q->arg, error, error == 0 ? &q->targets : NULL);
	query_end(q);
}

void sip_query_cancel(struct sip_query *query)
{
	for (unsigned i = 0; i < SLOTS_MAX; i++)
		cache_leave(&query->slots[i].waiter);
	query_end(query);
}

static struct sip_query *query_begin(struct sip_resolver *resolver, const struct sip_next_hop *hop,
				     struct sip_reach reach)
{
	struct sip_query *q = resolver->spare;

	if (q == NULL)
		q = malloc(sizeof(*q));
	if (q == NULL)
		return NULL;
	resolver->spare = NULL;
	memset(q, 0, offsetof(struct sip_query, services));
	for (unsigned i = 0; i < SLOTS_MAX; i++)
		q->slots[i].waiter.prev = NULL;
	q->resolver = resolver;
	q->reach = reach;
	q->sips = hop->sips;
	q->has_kind = hop->has_kind;
	q->kind = hop->kind;
	q->port = hop->port;
	slice_copy(hop->host, q->host, sizeof(q->host));
	q->next = resolver->queries;
	q->prev = &resolver->queries;
	if (q->next != NULL)
		q->next->prev = &q->next;
	resolver->queries = q;
	resolver->stats.queries++;
	return q;
}

static int take_address(struct sip_resolver *resolver, const struct sip_next_hop *hop,
			struct sip_reach reach, struct sip_targets *targets)
{
	if (!reaches_family(&reach, hop->kind, hop->address.family == AF_INET6))
		return -EPROTONOSUPPORT;
	targets->count = 0;
	add_target(targets, hop->kind, &hop->address);
	return sort_out(resolver, targets);
}

/* RFC 6761 §6.4: nobody is asked; phones without an address of their own name one (RFC 7118 §5). */
static bool is_invalid(struct slice host)
{
	const struct slice end = SLICE(".invalid");

	return host.n >= end.n &&
	       slice_equal_nocase((struct slice){ host.p + host.n - end.n, end.n }, end);
}

int sip_resolve(struct sip_resolver *resolver, const struct sip_uri *uri, struct sip_reach reach,
		struct sip_targets *targets, sip_resolved *done, void *arg,
		struct sip_query **query)
{
	struct sip_next_hop hop;
	struct sip_query *q;
	int rc = sip_next_hop_of(uri, &hop);

	*query = NULL;
	if (rc != 0)
		return rc;
	if (is_invalid(hop.host))
		return -ENOENT;
	/* RFC 5922 §4: the certificate is that of the domain in the URI, whatever stands in DNS. */
	targets->by_name = !hop.is_address;
	if (slice_copy(uri->host, targets->domain, sizeof(targets->domain)) != 0)
		return -EINVAL;
	if (hop.is_address)
		return take_address(resolver, &hop, reach, targets);
	if ((hop.has_kind || hop.port != 0 || hop.sips) && !reaches(&reach, hop.kind))
		return -EPROTONOSUPPORT;
	if (resolver->stats.queries >= resolver->queries_max) {
		resolver->stats.refused++;
		return -EBUSY;
	}
	q = query_begin(resolver, &hop, reach);
	if (q == NULL)
		return -ENOMEM;
	q->targets.by_name = true;
	memcpy(q->targets.domain, targets->domain, sizeof(targets->domain));
	if (!hop.has_kind && hop.port == 0)
		ask(q, 0, 0, 0, q->host, DNS_NAPTR);
	advance(q);
	if (q->pending > 0) {
		q->done = done;
		q->arg = arg;
		*query = q;
		return -EINPROGRESS;
	}
	rc = make_targets(q);
	if (rc == 0)
		*targets = q->targets;
	query_end(q);
	return rc;
}

int sip_resolver_create(const struct sip_resolver_config *config, struct sip_resolver **resolver)
{
	struct sip_resolver *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return -ENOMEM;
	r->cache = (struct cache){
		.dns = config->dns,
		.wheel = config->wheel,
		.max = config->cache_max != 0 ? config->cache_max : CACHE_MAX,
		.stats = &r->stats,
	};
	r->queries_max = config->queries_max != 0 ? config->queries_max : QUERIES_MAX;
	r->dead_s = config->dead_s != 0 ? config->dead_s : DEAD_S;
	r->bad = config->bad;
	if (cache_init(&r->cache) != 0 ||
	    (r->bad == NULL && sip_bad_targets_create(&r->own_bad) != 0)) {
		hash_index_free(&r->cache.names);
		free(r);
		return -ENOMEM;
	}
	if (r->bad == NULL)
		r->bad = r->own_bad;
	*resolver = r;
	return 0;
}

void sip_resolver_destroy(struct sip_resolver *resolver)
{
	if (resolver == NULL)
		return;
	while (resolver->queries != NULL)
		sip_query_cancel(resolver->queries);
	cache_free(&resolver->cache);
	sip_bad_targets_destroy(resolver->own_bad);
	free(resolver->spare);
	free(resolver);
}

void sip_resolver_stats(const struct sip_resolver *resolver, struct sip_resolver_stats *stats)
{
	*stats = resolver->stats;
	stats->names = (uint32_t)resolver->cache.names.count;
}

void sip_resolver_report(struct sip_resolver *resolver, const struct sip_target *target,
			 enum sip_target_state state, unsigned retry_after_s)
{
	if (state == SIP_TARGET_DEAD)
		resolver->stats.dead++;
	if (state == SIP_TARGET_BUSY)
		resolver->stats.busy++;
	bad_targets_report(resolver->bad, target, state,
			   state == SIP_TARGET_OK     ? 0
			   : state == SIP_TARGET_DEAD ? resolver->dead_s
						      : retry_after_s,
			   timer_wheel_now(resolver->cache.wheel));
}

enum sip_target_state sip_resolver_state(const struct sip_resolver *resolver,
					 const struct sip_target *target)
{
	return bad_targets_state(resolver->bad, target, timer_wheel_now(resolver->cache.wheel));
}
