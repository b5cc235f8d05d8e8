/* SPDX-License-Identifier: BSD-3-Clause */
/* What the guard has kept out and shed, and who is banned. */
#include <errno.h>
#include <stdio.h>

#include "controlplane/api/internal.h"

static uint64_t now_ms(const struct client *client)
{
	return uv_now(client->api->config.loop);
}

static struct sip_guard *guard_of(const struct client *client)
{
	return client->api->config.shards[0]->guard;
}

static void add(json_t *rows, const char *counter, double value, const char *meaning)
{
	json_array_append_new(rows, json_pack("{s:s,s:I,s:s}", "counter", counter, "value",
					      (json_int_t)value, "meaning", meaning));
}

static void add_load(const struct shard *shard, const struct sip_gate_stats *stats, json_t *rows)
{
	static const struct {
		const char *name, *meaning;
		enum sip_class class;
	} classes[] = {
		{ "let_in_calls", "per cent of new calls that are let in", SIP_CLASS_CALL },
		{ "let_in_registrations", "of registrations", SIP_CLASS_REGISTER },
		{ "let_in_other", "of subscriptions and the like", SIP_CLASS_OTHER },
	};
	char name[64];

	snprintf(name, sizeof(name), "shard%u.wait_us", shard->index);
	add(rows, name, stats->wait_us, "microseconds that messages wait in the socket");
	snprintf(name, sizeof(name), "shard%u.busy_percent", shard->index);
	add(rows, name, 100 * stats->busy, "share of the time that its loop works");
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		snprintf(name, sizeof(name), "shard%u.%s", shard->index, classes[i].name);
		add(rows, name, 100 * stats->share[classes[i].class], classes[i].meaning);
	}
}

static void add_counters(const uint64_t *counters, json_t *rows)
{
	static const char *const meanings[SIP_GUARD_COUNTER_COUNT] = {
#define X(id, name, meaning) [SIP_GUARD_##id] = meaning,
		SIP_GUARD_COUNTERS(X)
#undef X
	};

	for (unsigned i = 0; i < SIP_GUARD_COUNTER_COUNT; i++) {
		json_t *row = json_array_get(rows, i), *sum = json_object_get(row, "value");

		if (sum)
			json_integer_set(sum, json_integer_value(sum) + (json_int_t)counters[i]);
		else
			add(rows, sip_guard_counter_name((enum sip_guard_counter)i),
			    (double)counters[i], meanings[i]);
	}
}

void guard_run(struct shard *shard, struct task *task)
{
	uint64_t shared[SIP_GUARD_COUNTER_COUNT];
	struct sip_gate_stats stats;

	if (shard->index == 0) {
		sip_guard_stats(shard->guard, shared);
		add_counters(shared, task->rows);
	}
	sip_gate_stats(shard->gate, &stats);
	add_counters(stats.counters, task->rows);
	add_load(shard, &stats, task->rows);
}

void guard_finish(struct task *task)
{
	client_answer(task->client, STATUS_OK, json_pack("{s:O}", "guard", task->rows));
}

/* --- bans --- */

struct listing {
	json_t *rows;
	uint64_t now_s;
};

static void add_ban(void *arg, const struct sip_address *source, const struct guard_ban *ban)
{
	const struct listing *listing = arg;
	char text[SIP_ADDRESS_TEXT];

	json_array_append_new(listing->rows,
			      json_pack("{s:s,s:s,s:I,s:i}", "source", sip_address_ip(source, text),
					"reason", guard_why_text(ban->why), "seconds_left",
					(json_int_t)(ban->until_s - listing->now_s), "bans",
					(int)ban->level));
}

void guard_show_bans(struct client *client)
{
	struct listing listing = { json_array(), now_ms(client) / 1000 };

	sip_guard_bans(guard_of(client), now_ms(client), add_ban, &listing);
	client_answer(client, STATUS_OK, json_pack("{s:o}", "bans", listing.rows));
}

void guard_handle_ban(struct client *client, const struct request *request)
{
	struct sip_guard *guard = guard_of(client);
	char text[SIP_ADDRESS_TEXT], why[128];
	int error =
		request->command == COMMAND_BAN
			? sip_guard_ban(guard, &request->address, request->seconds, now_ms(client))
			: sip_guard_unban(guard, &request->address, now_ms(client));

	if (error == 0) {
		client_answer(client, STATUS_OK, json_object());
		return;
	}
	snprintf(why, sizeof(why), "%s %s", sip_address_ip(&request->address, text),
		 error == -EPERM    ? "is trusted: a trunk, or in sip.guard.trusted"
		 : error == -ENOENT ? "is not banned"
				    : "cannot be banned: there is no room for more");
	client_refuse(client, STATUS_FAILED, why);
}
