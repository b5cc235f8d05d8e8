/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/main/alias.h"

#include <string.h>

#include "controlplane/main/dispatch.h"
#include "sip/message/typed.h"

#define LOOK_MAX 1024u /* bytes: who wants it says so in the first of them */

/* Of most messages nothing but this is asked. */
static bool may_say_so(const char *data, size_t size)
{
	return size > 4 && memcmp(data, "SIP/", 4) != 0 &&
	       memmem(data, size < LOOK_MAX ? size : LOOK_MAX, "alias", 5) != NULL;
}

/* Over TCP an address is all that is known of a peer. */
static bool is_trusted(const struct runtime *runtime, const struct sip_path *from)
{
	return from->kind == SIP_TCP && runtime->shard.config->sip.connections.tcp_alias &&
	       sip_guard_trusts(runtime->shared->guard, &from->remote);
}

void alias_look(struct runtime *runtime, const char *data, size_t size, const struct sip_path *from)
{
	struct dispatch_headers headers;
	struct sip_via via;
	struct slice value;

	if ((from->kind != SIP_TCP && from->kind != SIP_TLS) || !may_say_so(data, size))
		return;
	dispatch_scan((struct slice){ data, size }, &headers);
	if (sip_via_next(&headers.via, &via) == 0 && sip_param_get(via.params, "alias", &value))
		sip_transport_alias(runtime->shard.transport, from->flow, via.host, via.port,
				    is_trusted(runtime, from));
}
