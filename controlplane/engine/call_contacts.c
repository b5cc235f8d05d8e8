/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Branches to registered contacts. A phone with several flows (RFC 5626) is one branch: it goes over
 * the latest flow, and over the next one when that is broken.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/engine/call.h"
#include "sip/base/log.h"

int call_aim_at(struct call *call, struct branch *b, struct registrar_contact *contact)
{
	char *headers = strchr(contact->uri, '?');

	if (headers) /* not allowed in a Request-URI (RFC 3261 §19.1.1) */
		*headers = '\0';
	b->to = contact->path;
	b->uri = call_string(call, contact->uri);
	b->route = contact->route[0] ? call_string(call, contact->route) : NULL;
	b->flow = (struct registrar_flow){ 0 };
	if (contact->reg_id > 0)
		b->flow = (struct registrar_flow){
			.instance = call_string(call, contact->instance),
			.call_id = call_string(call, contact->call_id),
			.reg_id = contact->reg_id,
			.cseq = contact->cseq,
		};
	return b->uri ? 0 : -ENOMEM;
}

bool call_take_next_flow(struct call *call, struct branch *b, unsigned status)
{
	struct registrar *registrar = call->engine->shard->registrar;
	struct registrar_contact *next;
	bool taken;

	if (!b->flow.instance)
		return false;
	if (status == 430)
		registrar_contact_lost(registrar, call->to, &b->flow);
	next = calloc(1, sizeof(*next));
	if (!next)
		return false;
	b->tried |= 1u << b->flow.reg_id % 32;
	taken = registrar_next_flow(registrar, call->to, b->flow.instance, b->tried, next) &&
		(!call->secure || sip_transport_is_secure(next->path.kind)) &&
		call_aim_at(call, b, next) == 0;
	if (taken)
		LOG_INFO("call", call->id, "flow failed (%u), the next one: %s", status, b->uri);
	free(next);
	return taken;
}
