/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/main/peers.h"

#include <errno.h>
#include <stdlib.h>

#include "controlplane/engine/engine.h"
#include "controlplane/engine/route.h"
#include "sip/message/typed.h"
#include "sip/resolve/resolve.h"

#define BEGIN_MS 100u   /* until the sockets are there */
#define AGAIN_MS 30000u /* the resolver asks again when a TTL is over, not sooner */
#define SPARED_S 86400u /* name servers may fail for a day */

struct peers {
	struct runtime *runtime;
	struct timer timer;
	struct sip_query *query;
	unsigned next; /* trunk: behind the one that is asked for */
};

static void look_up(struct peers *p);

static void take(struct peers *p, const struct sip_targets *targets)
{
	for (unsigned i = 0; i < targets->count; i++) {
		const struct sip_address *address = &targets->list[i].address;

		sip_guard_spare(p->runtime->shared->guard, address, SPARED_S, runtime_now_ms());
		engine_found_peer(p->runtime->shard.engine, p->next - 1, address);
	}
}

static void on_resolved(void *arg, int error, const struct sip_targets *targets)
{
	struct peers *p = arg;

	p->query = NULL;
	if (!error)
		take(p, targets);
	look_up(p);
}

static void on_time(struct timer *timer)
{
	struct peers *p = (struct peers *)((char *)timer - offsetof(struct peers, timer));

	p->next = 0;
	look_up(p);
}

/* What calls to it may go by. */
static struct sip_reach reach_of(const struct runtime_shared *shared,
				 const struct config_trunk *trunk)
{
	const uint64_t listeners = route_listeners(shared->config, trunk->realm);
	struct sip_reach reach = { 0, 0 };

	for (unsigned i = 0; i < shared->listener_count && i < 64; i++) {
		const struct sip_listener_config *l = &shared->listeners[i];

		if (!(listeners & UINT64_C(1) << i))
			continue;
		if (l->address.family == AF_INET6)
			reach.ipv6 |= (uint8_t)(1u << l->kind);
		else
			reach.ipv4 |= (uint8_t)(1u << l->kind);
	}
	return reach;
}

/* One after the other; what is in the cache is there at once. */
static void look_up(struct peers *p)
{
	const struct shard *shard = &p->runtime->shard;

	while (p->next < shard->config->trunks_count) {
		const struct config_trunk *trunk = &shard->config->trunks[p->next++];
		struct sip_targets targets;
		struct sip_uri uri;
		int error;

		if (!trunk->uri || sip_uri_parse(slice_of(trunk->uri), &uri))
			continue;
		error = sip_resolve(shard->resolver, &uri, reach_of(p->runtime->shared, trunk),
				    &targets, on_resolved, p, &p->query);
		if (error == -EINPROGRESS)
			return;
		if (!error)
			take(p, &targets);
	}
	timer_set(shard->wheel, &p->timer, AGAIN_MS, on_time);
}

int peers_create(struct runtime *runtime)
{
	struct peers *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->runtime = runtime;
	runtime->peers = p;
	timer_set(runtime->shard.wheel, &p->timer, BEGIN_MS, on_time);
	return 0;
}

void peers_destroy(struct runtime *runtime)
{
	struct peers *p = runtime->peers;

	if (!p)
		return;
	timer_cancel(runtime->shard.wheel, &p->timer);
	if (p->query)
		sip_query_cancel(p->query);
	free(p);
	runtime->peers = NULL;
}
