/* SPDX-License-Identifier: BSD-3-Clause */
/* Headers across the legs of a call: which side is trusted, and what of it is withheld. */
#include "controlplane/engine/call.h"
#include "controlplane/engine/headers.h"

bool call_trusts(const struct call *call, int trunk)
{
	return trunk >= 0 && call->engine->shard->config->trunks[trunk].trusted;
}

const char *call_headers(const struct call *call, const struct session *from,
			 const struct sip_msg *msg, enum header_carrier carrier,
			 char buffer[HEADERS_MAX])
{
	const bool from_caller = from == call->caller;
	const struct headers_way way = {
		.carrier = carrier,
		.domain = call->engine->shard->config->sip.domains[0],
		.from_trusted = call_trusts(call, from_caller ? call->trunk_in : call->trunk_out),
		.to_trusted = call_trusts(call, from_caller ? call->trunk_out : call->trunk_in),
		.withheld = msg && (from_caller ? call->withheld
						: call->callee_withheld || headers_withheld(msg)),
	};
	struct sip_build b;

	if (!msg)
		return "";
	sip_build_init(&b, buffer, HEADERS_MAX - 1);
	call->engine->stats.headers_removed += headers_across(&way, msg, &b);
	buffer[b.used] = '\0';
	return buffer;
}
