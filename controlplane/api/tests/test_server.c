/* SPDX-License-Identifier: BSD-3-Clause */
/* The control socket with two shards in threads of their own, and doubles of what they hold. */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "controlplane/api/api.h"
#include "controlplane/api/commands.h"
#include "controlplane/engine/engine.h"
#include "controlplane/events/bus.h"
#include "controlplane/main/mailbox.h"
#include "controlplane/registrar/registrar.h"
#include "controlplane/store/store.h"

/* --- doubles --- */

static atomic_bool shard_1_is_stuck;
static atomic_uint hung_up;

static void add_row(struct engine *engine, json_t *array)
{
	struct shard *shard = (struct shard *)engine;

	while (shard->index == 1 && atomic_load(&shard_1_is_stuck))
		usleep(1000);
	json_array_append_new(array, json_pack("{s:i}", "shard", (int)shard->index));
}

void engine_show_calls(struct engine *engine, json_t *array)
{
	add_row(engine, array);
}

void engine_show_sessions(struct engine *engine, json_t *array)
{
	add_row(engine, array);
}

void engine_show_trunks(struct engine *engine, json_t *array)
{
	add_row(engine, array);
}

unsigned engine_call_count(const struct engine *engine)
{
	(void)engine;
	while (atomic_load(&shard_1_is_stuck))
		usleep(1000);
	return 21;
}

int engine_hangup(struct engine *engine, uint64_t call)
{
	const struct shard *shard = (const struct shard *)engine;

	if ((call & 0xff) != 1)
		return -ENOENT;
	atomic_store(&hung_up, shard->index + 1);
	return 0;
}

int engine_transfer(struct engine *engine, uint64_t call, bool callee, const char *target)
{
	(void)engine;
	if ((call & 0xff) != 1)
		return -EBUSY;
	return callee && strcmp(target, "carrol") == 0 ? 0 : -EINVAL;
}

void registrar_show(struct registrar *registrar, json_t *array)
{
	(void)registrar;
	json_array_append_new(array, json_pack("{s:s}", "aor", "alice@tandem.lab"));
}

int registrar_add_user(struct registrar *registrar, const char *text, const char *password,
		       char aor[REGISTRAR_AOR_MAX])
{
	(void)registrar;
	snprintf(aor, REGISTRAR_AOR_MAX, "%s@tandem.lab", text);
	return strlen(password) < 2 ? -EINVAL : 0;
}

int registrar_rotate_user(struct registrar *registrar, const char *text, const char *password,
			  char aor[REGISTRAR_AOR_MAX])
{
	return strcmp(text, "alice") == 0 ? -EPERM
					  : registrar_add_user(registrar, text, password, aor);
}

int registrar_remove_user(struct registrar *registrar, const char *text,
			  char aor[REGISTRAR_AOR_MAX])
{
	return registrar_add_user(registrar, text, "none", aor);
}

void registrar_show_users(struct registrar *registrar, json_t *array)
{
	registrar_show(registrar, array);
}

size_t registrar_count(const struct registrar *registrar)
{
	(void)registrar;
	return 3;
}

int store_cdrs_load(struct store *store, unsigned offset, unsigned limit,
		    void (*row)(void *arg, const struct cdr *cdr), void *arg)
{
	struct cdr cdr = { .call = 0xabc,
			   .from = "alice@tandem.lab",
			   .reason = "normal",
			   .started_ms = 1700000000123,
			   .answered_ms = 1700000001000,
			   .ended_ms = 1700000003500,
			   .cause = 200 };

	(void)store;
	if (offset == 666)
		return -EIO;
	for (unsigned i = 0; i < limit; i++)
		row(arg, &cdr);
	return 0;
}

void store_flush(struct store *store)
{
	(void)store;
}

void store_stats(struct store *store, struct store_stats *stats)
{
	(void)store;
	*stats = (struct store_stats){ .queued = 4 };
}

const struct engine_stats *engine_get_stats(const struct engine *engine)
{
	static const struct engine_stats none;

	(void)engine;
	return &none;
}

static void describe(void *arg, json_t *controlplane)
{
	(void)arg;
	json_object_set_new(controlplane, "state", json_string("up"));
}

/* --- a control plane: main thread, two shards --- */

struct fake_shard {
	struct shard shard;
	uv_loop_t loop;
	uv_thread_t thread;
	bool end;
};

struct world {
	char dir[64], path[128];
	uv_loop_t loop;
	uv_thread_t thread;
	struct mailbox *main;
	struct event_bus *events;
	struct fake_shard shards[2];
	struct api *api;
	bool end;
};

static void run_shard(void *arg)
{
	struct fake_shard *fake = arg;

	while (!fake->end)
		uv_run(&fake->loop, UV_RUN_ONCE);
}

static void end_shard(struct shard *shard, void *arg)
{
	(void)shard;
	((struct fake_shard *)arg)->end = true;
}

static void run_main(void *arg)
{
	struct world *world = arg;

	while (!world->end || !api_is_idle(world->api))
		uv_run(&world->loop, UV_RUN_ONCE);
}

static void end_main(void *owner, void *arg)
{
	struct world *world = owner;

	(void)arg;
	api_close(world->api);
	world->end = true;
}

static void world_begin(struct world *world)
{
	struct api_config config = { .shard_count = 2, .describe = describe };
	char why[256] = "";

	*world = (struct world){ 0 };
	signal(SIGPIPE, SIG_IGN); /* as main() does */
	strcpy(world->dir, "/tmp/tandem-api-XXXXXX");
	cr_assert_not_null(mkdtemp(world->dir));
	snprintf(world->path, sizeof(world->path), "%s/" CONTROL_SOCKET_NAME, world->dir);
	uv_loop_init(&world->loop);
	mailbox_create(&world->loop, world, &world->main);
	event_bus_create(&world->loop, &world->events);
	for (unsigned i = 0; i < 2; i++) {
		struct fake_shard *fake = &world->shards[i];

		uv_loop_init(&fake->loop);
		fake->shard = (struct shard){ .index = i, .count = 2 };
		fake->shard.engine = (struct engine *)&fake->shard;
		mailbox_create(&fake->loop, &fake->shard, &fake->shard.mailbox);
		uv_thread_create(&fake->thread, run_shard, fake);
		config.shards[i] = &fake->shard;
	}
	config.loop = &world->loop;
	config.main = world->main;
	config.events = world->events;
	cr_assert_eq(api_create(&config, world->dir, &world->api, why, sizeof(why)), 0, "%s", why);
	uv_thread_create(&world->thread, run_main, world);
}

static void world_end(struct world *world)
{
	mailbox_post(world->main, end_main, NULL);
	uv_thread_join(&world->thread);
	for (unsigned i = 0; i < 2; i++) {
		struct fake_shard *fake = &world->shards[i];

		shard_post(&fake->shard, end_shard, fake);
		uv_thread_join(&fake->thread);
		mailbox_close(fake->shard.mailbox);
		uv_run(&fake->loop, UV_RUN_DEFAULT);
		cr_assert_eq(uv_loop_close(&fake->loop), 0);
	}
	api_destroy(world->api);
	event_bus_destroy(world->events);
	mailbox_close(world->main);
	uv_run(&world->loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&world->loop), 0);
	cr_assert_neq(access(world->path, F_OK), 0, "the socket is still there");
	rmdir(world->dir);
}

/* --- a client --- */

static FILE *dial(const struct world *world)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval limit = { .tv_sec = 20 };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(address.sun_path, world->path, strlen(world->path) + 1);
	cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return fdopen(fd, "r+");
}

static void say(FILE *client, const char *text)
{
	size_t n = strlen(text);

	cr_assert_eq(send(fileno(client), text, n, MSG_NOSIGNAL), (ssize_t)n);
}

static json_t *hear(FILE *client)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t n = getline(&line, &size, client);
	json_t *value = n > 0 ? json_loadb(line, (size_t)n, 0, NULL) : NULL;

	free(line);
	return value;
}

static int status_of(json_t *answer)
{
	int status = answer ? (int)json_integer_value(json_object_get(answer, "status")) : -1;

	json_decref(answer);
	return status;
}

static json_t *ask(FILE *client, const char *text)
{
	say(client, text);
	return hear(client);
}

/* --- tests --- */

Test(server, rows_are_gathered_from_all_shards)
{
	struct world world;
	json_t *answer, *calls;
	FILE *client;

	world_begin(&world);
	client = dial(&world);
	answer = ask(client, "{\"command\":\"show calls\"}\n");
	calls = json_object_get(answer, "calls");
	cr_assert_eq(json_array_size(calls), 2);
	for (unsigned i = 0; i < 2; i++)
		cr_assert_eq(json_integer_value(json_object_get(json_array_get(calls, i), "shard")),
			     i);
	cr_assert_eq(status_of(answer), STATUS_OK);
	answer = ask(client, "{\"command\":\"show load\"}\n");
	cr_assert_eq(json_integer_value(json_object_get(json_object_get(answer, "load"), "calls")),
		     42);
	json_decref(answer);
	fclose(client);
	world_end(&world);
}

Test(server, a_hangup_goes_to_the_shard_of_the_call)
{
	struct world world;
	FILE *client;

	world_begin(&world);
	client = dial(&world);
	cr_assert_eq(status_of(ask(client, "{\"command\":\"call hangup\",\"args\":"
					   "{\"id\":\"0300000000000001\"}}\n")),
		     STATUS_OK);
	cr_assert_eq(atomic_load(&hung_up), 2);
	cr_assert_eq(status_of(ask(client, "{\"command\":\"call hangup\",\"args\":"
					   "{\"id\":\"0300000000000002\"}}\n")),
		     STATUS_FAILED);
	fclose(client);
	world_end(&world);
}

Test(server, a_transfer_names_the_leg_and_the_target)
{
	static const struct {
		const char *arguments;
		int status;
	} asked[] = {
		{ "\"id\":\"0300000000000001\",\"leg\":\"b\",\"to\":\"carrol\"", STATUS_OK },
		{ "\"id\":\"0300000000000001\",\"to\":\"carrol\"", STATUS_FAILED },
		{ "\"id\":\"0300000000000002\",\"leg\":\"b\",\"to\":\"carrol\"", STATUS_FAILED },
		{ "\"id\":\"0300000000000001\",\"leg\":\"c\",\"to\":\"carrol\"", STATUS_USAGE },
		{ "\"id\":\"0300000000000001\",\"leg\":\"b\"", STATUS_USAGE },
	};
	struct world world;
	FILE *client;

	world_begin(&world);
	client = dial(&world);
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		char line[256];

		snprintf(line, sizeof(line), "{\"command\":\"call transfer\",\"args\":{%s}}\n",
			 asked[i].arguments);
		cr_assert_eq(status_of(ask(client, line)), asked[i].status, "%s", line);
	}
	fclose(client);
	world_end(&world);
}

Test(server, a_password_that_is_not_given_is_made_and_shown)
{
	static const struct {
		const char *command, *arguments;
		int status;
		size_t made;
	} asked[] = {
		{ "user add", "\"user\":\"erin\"", STATUS_OK, 24 },
		{ "user add", "\"user\":\"erin\",\"password\":\"given\"", STATUS_OK, 0 },
		{ "user add", "\"user\":\"erin\",\"password\":\"x\"", STATUS_FAILED, 0 },
		{ "user add", "", STATUS_USAGE, 0 },
		{ "user rotate", "\"user\":\"erin\"", STATUS_OK, 24 },
		{ "user rotate", "\"user\":\"alice\"", STATUS_FAILED, 0 },
		{ "user remove", "\"user\":\"erin\"", STATUS_OK, 0 },
		{ "user remove", "\"user\":\"erin\",\"password\":\"x\"", STATUS_USAGE, 0 },
	};
	struct world world;
	FILE *client;

	world_begin(&world);
	client = dial(&world);
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		const json_t *user;
		json_t *answer;
		char line[256];

		snprintf(line, sizeof(line), "{\"command\":\"%s\",\"args\":{%s}}\n",
			 asked[i].command, asked[i].arguments);
		answer = ask(client, line);
		user = json_object_get(answer, "user");
		cr_expect_eq(json_integer_value(json_object_get(answer, "status")), asked[i].status,
			     "%s", line);
		cr_expect_eq(json_string_length(json_object_get(user, "password")), asked[i].made);
		if (asked[i].status == STATUS_OK)
			cr_expect_str_eq(json_string_value(json_object_get(user, "aor")),
					 "erin@tandem.lab");
		json_decref(answer);
	}
	fclose(client);
	world_end(&world);
}

Test(server, cdrs_have_times_and_durations)
{
	struct world world;
	json_t *answer, *cdr;
	FILE *client;

	world_begin(&world);
	client = dial(&world);
	answer = ask(client, "{\"command\":\"show cdrs\",\"args\":{\"limit\":3}}\n");
	cr_assert_eq(json_array_size(json_object_get(answer, "cdrs")), 3);
	cdr = json_array_get(json_object_get(answer, "cdrs"), 0);
	cr_assert_str_eq(json_string_value(json_object_get(cdr, "call")), "0000000000000abc");
	cr_assert_str_eq(json_string_value(json_object_get(cdr, "started")),
			 "2023-11-14T22:13:20.123Z");
	cr_assert_eq(json_number_value(json_object_get(cdr, "duration_s")), 2.5);
	cr_assert(json_is_null(json_object_get(cdr, "to")));
	json_decref(answer);
	cr_assert_eq(status_of(ask(client, "{\"command\":\"show cdrs\",\"args\":"
					   "{\"offset\":666}}\n")),
		     STATUS_FAILED);
	fclose(client);
	world_end(&world);
}

Test(server, each_of_many_requests_in_one_write_is_answered_in_order)
{
	struct world world;
	FILE *client;
	char text[60000] = "";
	size_t n = 0;

	world_begin(&world);
	client = dial(&world);
	for (int i = 0; i < 500; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s\n",
				      i % 2 ? "{\"command\":\"show registrations\"}" : "nonsense");
	say(client, text);
	for (int i = 0; i < 500; i++)
		cr_assert_eq(status_of(hear(client)), i % 2 ? STATUS_OK : STATUS_USAGE);
	fclose(client);
	world_end(&world);
}

Test(server, a_line_that_is_too_long_is_refused_and_the_client_closed)
{
	static char text[2 * API_REQUEST_MAX];
	struct world world;
	FILE *client;

	world_begin(&world);
	client = dial(&world);
	memset(text, 'x', sizeof(text) - 1);
	send(fileno(client), text, sizeof(text) - 1, MSG_NOSIGNAL);
	cr_assert_eq(status_of(hear(client)), STATUS_USAGE);
	cr_assert_null(hear(client));
	fclose(client);
	world_end(&world);
}

Test(server, clients_beyond_the_limit_are_told_so)
{
	FILE *clients[API_CLIENTS_MAX + 1];
	struct world world;

	world_begin(&world);
	for (unsigned i = 0; i < API_CLIENTS_MAX; i++) {
		clients[i] = dial(&world);
		cr_assert_eq(status_of(ask(clients[i], "{\"command\":\"show registrations\"}\n")),
			     STATUS_OK);
	}
	clients[API_CLIENTS_MAX] = dial(&world);
	cr_assert_eq(status_of(hear(clients[API_CLIENTS_MAX])), STATUS_FAILED);
	for (unsigned i = 0; i <= API_CLIENTS_MAX; i++)
		fclose(clients[i]);
	world_end(&world);
}

Test(server, a_stuck_shard_gives_an_error_and_others_go_on)
{
	struct world world;
	FILE *client, *other;
	json_t *version;

	world_begin(&world);
	client = dial(&world);
	other = dial(&world);
	atomic_store(&shard_1_is_stuck, true);
	say(client, "{\"command\":\"show calls\"}\n");
	cr_assert_eq(status_of(ask(other, "{\"command\":\"show registrations\"}\n")), STATUS_OK);
	cr_assert_eq(status_of(hear(client)), STATUS_FAILED);
	version = ask(other, "{\"command\":\"show version\"}\n");
	cr_assert(json_is_null(json_object_get(
		json_object_get(json_object_get(version, "version"), "controlplane"), "calls")));
	cr_assert_eq(status_of(version), STATUS_OK);
	atomic_store(&shard_1_is_stuck, false);
	cr_assert_eq(status_of(ask(client, "{\"command\":\"show calls\"}\n")), STATUS_OK);
	fclose(client);
	fclose(other);
	world_end(&world);
}

Test(server, a_client_that_leaves_while_it_is_answered_harms_nobody)
{
	struct world world;
	FILE *client;

	world_begin(&world);
	for (int i = 0; i < 50; i++) {
		client = dial(&world);
		say(client, "{\"command\":\"show calls\"}\n{\"command\":\"show sess");
		fclose(client);
	}
	client = dial(&world);
	cr_assert_eq(status_of(ask(client, "{\"command\":\"show sessions\"}\n")), STATUS_OK);
	fclose(client);
	world_end(&world);
}

Test(server, events_are_streamed_and_filtered)
{
	struct world world;
	FILE *client;
	json_t *line, *event;

	world_begin(&world);
	client = dial(&world);
	cr_assert_eq(status_of(ask(client, "{\"command\":\"events\",\"args\":{\"call\":\"5\"}}\n")),
		     STATUS_OK);
	event_publish(world.events, EVENT_CALL_STATE, 4, 0, "Routing", "Ringing");
	event_publish(world.events, EVENT_CALL_STATE, 5, 1, "Routing", "Ringing");
	line = hear(client);
	event = json_object_get(line, "event");
	cr_assert_str_eq(json_string_value(json_object_get(event, "call")), "0000000000000005");
	cr_assert_str_eq(json_string_value(json_object_get(event, "type")), "call.state");
	cr_assert_eq(json_integer_value(json_object_get(event, "cause")), 1);
	cr_assert_str_eq(
		json_string_value(json_object_get(json_object_get(event, "fields"), "new")),
		"Ringing");
	json_decref(line);
	/* What a listener says is not looked at. */
	say(client, "more\nand more\n");
	event_publish(world.events, EVENT_CALL_ENDED, 5, 0, "normal", "caller");
	json_decref(hear(client));
	fclose(client);
	world_end(&world);
}
