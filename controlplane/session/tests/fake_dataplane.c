/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/session/tests/fake_dataplane.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct fake_dataplane *fake;

void fake_start(void)
{
	size_t size = sizeof(struct dp_stats_header) +
		      FAKE_MAX * (sizeof(struct dp_context_record) +
				  sizeof(struct dp_termination_record) +
				  sizeof(struct dp_termination_counters));
	uint8_t *area = calloc(1, size);

	fake = calloc(1, sizeof(*fake));
	fake->stats = (struct dp_stats_header *)area;
	fake->stats->contexts_max = fake->stats->terminations_max = FAKE_MAX;
	fake->stats->context_offset = sizeof(struct dp_stats_header);
	fake->stats->termination_offset =
		fake->stats->context_offset + FAKE_MAX * sizeof(struct dp_context_record);
	fake->stats->counters_offset =
		fake->stats->termination_offset + FAKE_MAX * sizeof(struct dp_termination_record);
	fake->contexts = (void *)(area + fake->stats->context_offset);
	fake->terminations = (void *)(area + fake->stats->termination_offset);
	fake->counters = (void *)(area + fake->stats->counters_offset);
	fake->ring_size = FAKE_MAX;
	fake->next_port = 16384;
	fake->generation = 1;
}

void fake_stop(void)
{
	free(fake->stats);
	free(fake);
	fake = NULL;
}

void fake_restart(void)
{
	uint32_t generation = fake->generation;

	fake_stop();
	fake_start();
	fake->generation = generation + 1000;
	fake->next_port = 20000;
}

void fake_client_died(void)
{
	fake->command_count = fake->event_count = fake->event_first = 0;
	for (uint32_t i = 0; i < FAKE_MAX; i++)
		fake->contexts[i].owner = UINT32_MAX;
}

struct dp_client *fake_client(void)
{
	return (struct dp_client *)fake;
}

struct dp_client_channel *fake_channel(void)
{
	return (struct dp_client_channel *)fake;
}

uint32_t fake_contexts(void)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < FAKE_MAX; i++)
		n += fake->contexts[i].generation != 0;
	return n;
}

uint32_t fake_terminations(void)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < FAKE_MAX; i++)
		n += fake->terminations[i].generation != 0;
	return n;
}

/* --- what the library would do --- */

const struct dp_stats_header *dp_client_stats(const struct dp_client *client)
{
	return ((const struct fake_dataplane *)client)->stats;
}

int dp_channel_fd(const struct dp_client_channel *channel)
{
	(void)channel;
	return -1;
}

const char *dp_command_name(enum dp_command_type type)
{
	(void)type;
	return "command";
}

int dp_channel_put(struct dp_client_channel *channel, struct dp_command *command)
{
	(void)channel;
	if (fake->command_count >= fake->ring_size)
		return -EAGAIN;
	fake->sent[command->type]++;
	fake->commands[fake->command_count++] = *command;
	return 0;
}

void dp_channel_ring(struct dp_client_channel *channel)
{
	(void)channel;
}

unsigned dp_channel_receive(struct dp_client_channel *channel, struct dp_event *events,
			    unsigned count)
{
	unsigned n = 0;

	(void)channel;
	while (n < count && fake->event_count > 0) {
		events[n++] = fake->events[fake->event_first];
		fake->event_first = (fake->event_first + 1) % (2 * FAKE_MAX);
		fake->event_count--;
	}
	return n;
}

unsigned dp_channel_take(struct dp_client_channel *channel, struct dp_event *events, unsigned count)
{
	return dp_channel_receive(channel, events, count);
}

static void put_event(const struct dp_event *event)
{
	fake->events[(fake->event_first + fake->event_count++) % (2 * FAKE_MAX)] = *event;
}

/* --- the dataplane --- */

static int find_free(const void *records, size_t size)
{
	/* version and generation lead both kinds of records */
	for (int i = 0; i < (int)FAKE_MAX; i++) {
		if (((const uint32_t *)((const uint8_t *)records + (size_t)i * size))[1] == 0)
			return i;
	}
	return -1;
}

static bool context_is(dp_handle_t h)
{
	return h.index < FAKE_MAX && h.generation &&
	       fake->contexts[h.index].generation == h.generation;
}

static bool termination_is(dp_handle_t h)
{
	return h.index < FAKE_MAX && h.generation &&
	       fake->terminations[h.index].generation == h.generation;
}

static int context_add(const struct dp_command *c, struct dp_ev_reply *reply)
{
	int i = find_free(fake->contexts, sizeof(*fake->contexts));

	if (i < 0)
		return -ENOSPC;
	fake->contexts[i] = (struct dp_context_record){ .generation = fake->generation++,
							.label = c->context_add.label };
	reply->handle = fake->added = (dp_handle_t){ (uint32_t)i, fake->contexts[i].generation };
	return 0;
}

static int context_remove(dp_handle_t h)
{
	if (!context_is(h))
		return -ESTALE;
	for (uint32_t i = 0; i < FAKE_MAX; i++) {
		if (dp_handle_equal(fake->terminations[i].context, h))
			fake->terminations[i] = (struct dp_termination_record){ 0 };
	}
	fake->contexts[h.index] = (struct dp_context_record){ 0 };
	return 0;
}

static void take_settings(struct dp_termination_record *r, const struct dp_termination_settings *s,
			  uint32_t mask)
{
	if (mask & DP_SET_REMOTE) {
		r->remote = s->remote;
		r->remote_rtcp = s->remote_rtcp;
	}
	if (mask & DP_SET_DIRECTION)
		r->direction = s->direction;
	if (mask & DP_SET_SOURCE_RULE)
		r->source_rule = s->source_rule;
	if (mask & DP_SET_FORMAT) {
		r->payload_type = s->payload_type;
		r->telephone_event = s->telephone_event;
		r->clock_rate = s->clock_rate;
		r->codec = s->codec;
	}
	if (mask & DP_SET_TIMEOUT)
		r->media_timeout_ms = s->media_timeout_ms;
	if (mask & DP_SET_FLAGS)
		r->flags = s->flags;
	if (mask & DP_SET_RATE)
		r->packet_rate_max = s->packet_rate_max;
}

static int termination_add(const struct dp_cmd_termination_add *add, struct dp_ev_reply *reply)
{
	int i = find_free(fake->terminations, sizeof(*fake->terminations));
	struct dp_termination_record *r;

	if (i < 0)
		return -ENOSPC;
	if (!context_is(add->context))
		return -ESTALE;
	for (uint32_t k = 0; add->local.port && k < FAKE_MAX; k++) {
		if (fake->terminations[k].generation &&
		    fake->terminations[k].local.port == add->local.port)
			return -EADDRINUSE;
	}
	r = &fake->terminations[i];
	*r = (struct dp_termination_record){ .generation = fake->generation++,
					     .context = add->context,
					     .label = fake->contexts[add->context.index].label,
					     .local = add->local,
					     .side = add->side,
					     .realm = add->realm };
	if (!r->local.port) {
		dp_address_parse(add->local.family == DP_FAMILY_IPV6 ? "2001:2::20" : "198.18.0.20",
				 fake->next_port, &r->local);
		fake->next_port += 2;
	}
	take_settings(r, &add->settings, DP_SET_ALL);
	fake->counters[i] = (struct dp_termination_counters){ 0 };
	reply->handle = (dp_handle_t){ (uint32_t)i, r->generation };
	reply->local = r->local;
	return 0;
}

static int carry_out(const struct dp_command *c, struct dp_ev_reply *reply)
{
	struct dp_cmd_termination_add add;

	if (c->type == DP_COMMAND_CONTEXT_ADD)
		fake->added = DP_HANDLE_NONE;
	if (fake->fail_type == c->type) {
		fake->fail_type = 0;
		return fake->fail_status;
	}
	switch (c->type) {
	case DP_COMMAND_CONTEXT_ADD:
		return context_add(c, reply);
	case DP_COMMAND_CONTEXT_CLAIM:
		if (!context_is(c->context_claim.context))
			return -ESTALE;
		fake->contexts[c->context_claim.context.index].owner = 0;
		return 0;
	case DP_COMMAND_CONTEXT_REMOVE:
		return context_remove(c->context_remove.context);
	case DP_COMMAND_TERMINATION_ADD:
		add = c->termination_add;
		if (dp_handle_equal(add.context, DP_HANDLE_ADDED))
			add.context = fake->added;
		return termination_add(&add, reply);
	case DP_COMMAND_TERMINATION_MODIFY:
		if (!termination_is(c->termination_modify.termination))
			return -ESTALE;
		take_settings(&fake->terminations[c->termination_modify.termination.index],
			      &c->termination_modify.settings, c->termination_modify.mask);
		return 0;
	case DP_COMMAND_TERMINATION_REMOVE:
		if (!termination_is(c->termination_remove.termination))
			return -ESTALE;
		fake->terminations[c->termination_remove.termination.index] =
			(struct dp_termination_record){ 0 };
		return 0;
	case DP_COMMAND_TOPOLOGY:
		return termination_is(c->topology.a) && termination_is(c->topology.b) ? 0 : -ESTALE;
	default:
		return -ENOSYS;
	}
}

unsigned fake_run(unsigned budget)
{
	unsigned done = 0;

	while (done < budget && done < fake->command_count) {
		struct dp_event event = { .type = DP_EVENT_REPLY };

		event.cookie = fake->commands[done].cookie;
		event.reply.command_type = fake->commands[done].type;
		event.reply.status = carry_out(&fake->commands[done], &event.reply);
		put_event(&event);
		done++;
	}
	memmove(fake->commands, fake->commands + done,
		(fake->command_count - done) * sizeof(fake->commands[0]));
	fake->command_count -= done;
	return done;
}

void fake_latch(dp_handle_t h, const char *ip, uint16_t port, uint64_t packets)
{
	struct dp_event event = { .type = DP_EVENT_LATCHED };

	dp_address_parse(ip, port, &event.latched.source);
	event.latched.termination = h;
	fake->counters[h.index].source = event.latched.source;
	fake->counters[h.index].packets += packets;
	put_event(&event);
}

void fake_event(struct dp_event *event, dp_handle_t h)
{
	event->latched.termination = h; /* it leads the body of all of them */
	put_event(event);
}

void fake_raw_event(const struct dp_event *event)
{
	put_event(event);
}

void fake_timeout(dp_handle_t h, uint32_t silent_ms)
{
	struct dp_event event = { .type = DP_EVENT_MEDIA_TIMEOUT };

	event.media_timeout.silent_ms = silent_ms;
	fake_event(&event, h);
}
