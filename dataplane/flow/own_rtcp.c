/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/flow/internal.h"

/* The member whose media is sent to m; NULL: nobody's. */
static const struct termination *speaker_for(const struct flow_table *t, const struct context *c,
					     const struct termination *m)
{
	for (uint32_t i = 0; i < c->count; i++) {
		const struct termination *other = &t->terminations[c->member[i]];

		if (other != m && other->box && listener_of(t, c, other) == m)
			return other;
	}
	return NULL;
}

void flow_on_own_rtcp(struct flow_table *t,
		      void (*turns)(void *arg, uint32_t termination, bool begins), void *arg)
{
	t->own_rtcp = turns;
	t->own_rtcp_arg = arg;
}

bool flow_own_rtcp(struct flow_table *t, uint32_t index, struct flow *room,
		   struct flow_rtcp_end *end)
{
	struct termination *m = &t->terminations[index];
	const struct termination *speaker;

	if (m->context == NOWHERE || !(m->settings.flags & DP_TERMINATION_RTCP_OWN))
		return false;
	*end = (struct flow_rtcp_end){ .record = &t->records[index],
				       .counters = &t->counters[index] };
	speaker = speaker_for(t, &t->contexts[m->context], m);
	if (speaker) {
		end->sent = &t->counters[speaker - t->terminations];
		end->way = &speaker->box->flow;
		return true;
	}
	memset(room, 0, sizeof(*room));
	compile_way_out(t, m, room);
	end->way = room;
	return true;
}

void own_rtcp_turns(struct flow_table *t, uint32_t index, uint32_t before, uint32_t after)
{
	if (((before ^ after) & DP_TERMINATION_RTCP_OWN) && t->own_rtcp)
		t->own_rtcp(t->own_rtcp_arg, index, after & DP_TERMINATION_RTCP_OWN);
}
