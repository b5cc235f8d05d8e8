/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/transport/tests/rig.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

uv_loop_t rig_loop;
struct timer_wheel *rig_wheel;
uint64_t rig_deadline;

static uv_timer_t tick;
static struct end *ends[RIG_ENDS_MAX];

static void on_tick(uv_timer_t *timer)
{
	(void)timer;
}

void rig_set_up(void)
{
	signal(SIGPIPE, SIG_IGN); /* as processes do that use TLS */
	cr_assert_eq(uv_loop_init(&rig_loop), 0);
	uv_timer_init(&rig_loop, &tick);
	/* Wakes the loop, so that a wait sees its deadline. */
	uv_timer_start(&tick, on_tick, 5, 5);
	rig_wheel = timer_wheel_create(1000000);
}

static void on_closed(void *arg)
{
	((struct end *)arg)->closed++;
}

void rig_close(struct end *end)
{
	if (end->transport == NULL)
		return;
	sip_transport_close(end->transport, on_closed, end);
	end->transport = NULL;
	rig_until(end->closed == 1);
}

void rig_tear_down(void)
{
	for (unsigned i = 0; i < RIG_ENDS_MAX; i++) {
		if (ends[i] != NULL)
			rig_close(ends[i]);
		ends[i] = NULL;
	}
	uv_close((uv_handle_t *)&tick, NULL);
	uv_run(&rig_loop, UV_RUN_DEFAULT);
	if (uv_loop_close(&rig_loop) != 0)
		abort();
	timer_wheel_destroy(rig_wheel);
}

static void receive(void *arg, const char *data, size_t size, const struct sip_path *from)
{
	struct end *end = arg;

	end->received++;
	memcpy(end->last, data, size);
	end->last[size] = '\0';
	end->last_size = size;
	end->from = *from;
	if (end->answer != NULL)
		sip_transport_send(end->transport, &end->from, end->answer, strlen(end->answer));
}

static bool welcome(void *arg, const struct sip_address *remote)
{
	const struct end *end = arg;

	return remote->family != end->unwelcome;
}

static void flow_failed(void *arg, const struct sip_path *path, int error, uint32_t shards)
{
	struct end *end = arg;

	if (end->failures < 4)
		end->failed[end->failures] = *path;
	end->failures++;
	end->error = error;
	end->shards = shards;
}

static int send_elsewhere(void *arg, const struct sip_path *to, const char *data, size_t size)
{
	struct end *end = arg;

	(void)data;
	(void)size;
	end->passed++;
	end->passed_to = *to;
	return 0;
}

static void notice(void *arg, enum sip_transport_notice what, const struct sip_path *path,
		   const char *why)
{
	struct end *end = arg;

	(void)path;
	end->notices[what]++;
	snprintf(end->why, sizeof(end->why), "%s", why);
}

void rig_open(struct end *end, const struct sip_transport_config *given)
{
	struct sip_listener_config both[2] = { { .kind = SIP_TCP }, { .kind = SIP_TCP } };
	struct sip_transport_config config = *given;
	char why[128] = "";

	sip_address_parse(SLICE("127.0.0.1"), 0, &both[0].address);
	sip_address_parse(SLICE("::1"), 0, &both[1].address);
	memset(end, 0, sizeof(*end));
	if (config.listener_count == 0) {
		config.listeners = both;
		config.listener_count = 2;
	}
	config.loop = &rig_loop;
	config.wheel = rig_wheel;
	config.message_max = RIG_MESSAGE_MAX;
	config.receive = receive;
	config.welcome = welcome;
	config.flow_failed = flow_failed;
	config.send_elsewhere = send_elsewhere;
	config.notice = notice;
	config.arg = end;
	cr_assert_eq(sip_transport_create(&config, &end->transport, why, sizeof(why)), 0, "%s",
		     why);
	for (unsigned i = 0; i < RIG_ENDS_MAX; i++) {
		if (ends[i] != NULL && ends[i] != end)
			continue;
		ends[i] = end;
		break;
	}
}

struct sip_transport_stats rig_stats(const struct end *end)
{
	struct sip_transport_stats stats;

	sip_transport_stats(end->transport, &stats);
	return stats;
}

struct sip_address rig_address(const struct end *end, unsigned listener)
{
	struct slice host = slice_of(sip_transport_host(end->transport, listener));
	const char *colon = strrchr(host.p, ':');
	struct sip_address address;
	uint32_t port;

	cr_assert_eq(slice_to_u32(slice_of(colon + 1), UINT16_MAX, &port), 0);
	cr_assert_eq(sip_address_parse((struct slice){ host.p, (size_t)(colon - host.p) },
				       (uint16_t)port, &address),
		     0);
	return address;
}

struct sip_path rig_path(const struct end *from, const struct end *to, unsigned listener)
{
	const struct sip_address remote = rig_address(to, listener);
	struct sip_path path;

	for (enum sip_transport_kind kind = SIP_TCP; kind < SIP_TRANSPORT_KINDS; kind++)
		if (sip_transport_path(from->transport, kind, SIP_LISTENERS_ANY, &remote, &path) ==
		    0)
			return path;
	cr_assert_fail("no listener");
	return path;
}

void rig_turn(void)
{
	for (unsigned i = 0; i < RIG_ENDS_MAX; i++)
		if (ends[i] != NULL && ends[i]->transport != NULL)
			sip_transport_flush(ends[i]->transport);
	uv_run(&rig_loop, UV_RUN_ONCE);
	for (unsigned i = 0; i < RIG_ENDS_MAX; i++)
		if (ends[i] != NULL && ends[i]->transport != NULL)
			sip_transport_flush(ends[i]->transport);
}

void rig_pass_time(uint64_t ms)
{
	timer_wheel_advance(rig_wheel, timer_wheel_now(rig_wheel) + ms);
}

/* --- bare sockets --- */

int bare_connect(const struct end *to, unsigned listener)
{
	const struct sip_address address = rig_address(to, listener);
	struct sockaddr_storage name;
	socklen_t size = sip_address_to(&address, &name);
	int fd = socket(address.family, SOCK_STREAM, 0);

	cr_assert_eq(connect(fd, (struct sockaddr *)&name, size), 0);
	return fd;
}

void bare_send(int fd, const char *text)
{
	cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

bool bare_read(int fd, char *text, size_t size)
{
	const size_t used = strlen(text);
	ssize_t n = recv(fd, text + used, size - used - 1, MSG_DONTWAIT);

	if (n > 0)
		text[used + (size_t)n] = '\0';
	return n > 0 || (n < 0 && errno == EAGAIN);
}

bool bare_is_closed(int fd)
{
	char text[512] = "";

	return !bare_read(fd, text, sizeof(text));
}
