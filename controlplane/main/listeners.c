/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "controlplane/main/runtime.h"

static int convert(const struct config_listener *from, struct sip_listener_config *to)
{
	to->kind = SIP_UDP;
	while (strcmp(from->transport, sip_transport_name(to->kind)) != 0)
		if (++to->kind == SIP_TRANSPORT_KINDS)
			return -EINVAL;
	return sip_address_parse(slice_of(from->address), from->port, &to->address);
}

int runtime_listeners(const struct config *config, struct sip_listener_config **out,
		      unsigned *count, char *why, size_t why_size)
{
	unsigned n = config->sip.listeners_count;
	struct sip_listener_config *listeners = calloc(n ? n : 1, sizeof(*listeners));

	if (!listeners)
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++) {
		const struct config_listener *from = &config->sip.listeners[i];

		if (convert(from, &listeners[i]) == 0)
			continue;
		snprintf(why, why_size, "sip.listeners[%u]: %s %s port %u is no listener", i,
			 from->transport, from->address, from->port);
		free(listeners);
		return -EINVAL;
	}
	*out = listeners;
	*count = n;
	return 0;
}
