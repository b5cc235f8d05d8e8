/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/main/keepalives.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "sip/dialog/usage.h"

/* An OPTIONS under way. */
struct keepalive {
	struct keepalive *next, **prev;
	struct registrar *registrar;
	struct sip_path path;
	char aor[REGISTRAR_AOR_MAX];
};

static void drop(struct keepalive *k)
{
	if (k->next)
		k->next->prev = k->prev;
	*k->prev = k->next;
	free(k);
}

static void on_response(void *arg, struct sip_transaction *client, struct sip_msg *response)
{
	const struct keepalive *k = arg;

	(void)client;
	if (response->status >= 200)
		registrar_answered(k->registrar, k->aor, &k->path);
}

static void on_terminated(void *arg, struct sip_transaction *client)
{
	(void)client;
	drop(arg);
}

static const struct sip_transaction_user user = { .response = on_response,
						  .terminated = on_terminated };

static int send_options(struct runtime *runtime, const struct registrar_ping *ping)
{
	const struct sip_request request = { .method = SIP_OPTIONS };
	struct keepalive *k = malloc(sizeof(*k));
	char uri[REGISTRAR_URI_MAX], to[REGISTRAR_URI_MAX + 2], from[REGISTRAR_AOR_MAX];
	struct sip_origin_start start = { .to = ping->path };
	int error;

	if (!k)
		return -ENOMEM;
	/* Headers are not allowed in a Request-URI (RFC 3261 §19.1.1). */
	snprintf(uri, sizeof(uri), "%.*s", (int)strcspn(ping->uri, "?"), ping->uri);
	snprintf(to, sizeof(to), "<%s>", uri);
	snprintf(from, sizeof(from), "<sip:%s>", runtime->shard.config->sip.domains[0]);
	start.request_uri = slice_of(uri);
	start.to_header = slice_of(to);
	start.from = slice_of(from);
	*k = (struct keepalive){ runtime->keepalives, &runtime->keepalives,
				 runtime->shard.registrar, ping->path, "" };
	memcpy(k->aor, ping->aor, sizeof(k->aor));
	if (k->next)
		k->next->prev = &k->next;
	runtime->keepalives = k;
	error = sip_ua_send(runtime->shard.ua, &start, &request, &user, k, NULL);
	if (error)
		drop(k);
	return error;
}

static void send_one(struct runtime *runtime, const struct registrar_ping *ping)
{
	struct sip_transport *transport = runtime->shard.transport;
	int error;

	if (ping->how == REGISTRAR_CRLF) {
		sip_transport_ping(transport, &ping->path);
		return;
	}
	error = ping->how == REGISTRAR_STUN
			? sip_transport_ping_stun(transport, &ping->path, ping->id)
			: send_options(runtime, ping);
	/* What has not left is nothing that a phone has missed. */
	if (!error)
		registrar_pinged(runtime->shard.registrar, ping);
}

struct pings {
	unsigned count;
	struct registrar_ping list[];
};

static void send_all(struct shard *shard, void *arg)
{
	struct runtime *runtime = (struct runtime *)shard;
	struct pings *pings = arg;

	for (unsigned i = 0; shard->transport && shard->ua && i < pings->count; i++)
		send_one(runtime, &pings->list[i]);
	free(pings);
}

void keepalives_send(void *arg, const struct registrar_ping *list, unsigned count)
{
	struct runtime_shared *shared = arg;
	struct pings *pings;

	if (!shared->shards[0])
		return;
	pings = malloc(sizeof(*pings) + count * sizeof(*list));
	if (!pings)
		return; /* the next one is due before a NAT forgets */
	pings->count = count;
	memcpy(pings->list, list, count * sizeof(*list));
	/* Any shard has a socket at the address of a listener. */
	if (shard_post(&shared->shards[shared->pinged++ % shared->count]->shard, send_all, pings))
		free(pings);
}

void keepalives_drop(struct runtime *runtime)
{
	while (runtime->keepalives)
		drop(runtime->keepalives);
}
