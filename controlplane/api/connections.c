/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/api/internal.h"

#define ROWS_MAX 1000u

struct adding {
	const struct shard *shard;
	json_t *rows;
};

static void add(void *arg, const struct sip_flow_info *info)
{
	const struct adding *adding = arg;
	const struct sip_path *path = &info->path;
	char remote[SIP_ADDRESS_TEXT];

	if (json_array_size(adding->rows) >= ROWS_MAX)
		return;
	json_array_append_new(
		adding->rows,
		json_pack("{s:s,s:s,s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:I}", "transport",
			  sip_transport_name(path->kind), "remote",
			  sip_address_text(&path->remote, remote), "local",
			  sip_transport_host(adding->shard->transport, path->listener), "direction",
			  info->inbound ? "inbound" : "outbound", "state", info->state, "shard",
			  (json_int_t)adding->shard->index, "age_s",
			  (json_int_t)(info->age_ms / 1000), "idle_s",
			  (json_int_t)(info->idle_ms / 1000), "received",
			  (json_int_t)info->received, "sent", (json_int_t)info->sent, "waiting",
			  (json_int_t)info->waiting));
}

void connections_add(struct shard *shard, json_t *rows)
{
	struct adding adding = { shard, rows };

	if (shard->transport)
		sip_transport_each(shard->transport, add, &adding);
}
