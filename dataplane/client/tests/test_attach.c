/* SPDX-License-Identifier: BSD-3-Clause */
/* Who gets in, and what they get. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "dataplane/client/tests/fixture.h"

static struct fixture f;

static void open_and_start(void)
{
	fixture_open(&f);
	fixture_start(&f);
}

static void close_it(void)
{
	fixture_close(&f);
}

TestSuite(attach, .init = open_and_start, .fini = close_it, .timeout = 30);

static const struct dp_attach_request observer = {
	.magic = DP_SEGMENT_MAGIC,
	.layout_version = DP_LAYOUT_VERSION,
	.role = DP_ROLE_OBSERVER,
};

Test(attach, client_gets_channels_and_statistics)
{
	struct dp_client *client = fixture_client(&f, 3);
	const struct dp_stats_header *stats = dp_client_stats(client);

	cr_expect(eq(u64, dp_client_boot_id(client), f.segment.boot_id));
	cr_expect(eq(u32, stats->terminations_max, 64));
	cr_expect(dp_client_channel(client, 2) != NULL);
	cr_expect(dp_client_channel(client, 3) == NULL);
	cr_expect(dp_stats_port(stats, 0) != NULL);
	cr_expect(dp_stats_port(stats, 1) == NULL);
	cr_expect(dp_stats_node(stats, 1, 2) != NULL);
	cr_expect(dp_stats_node(stats, 1, 3) == NULL);
	cr_expect(dp_stats_counters(stats, 64) == NULL);
	dp_client_close(client);
}

Test(attach, socket_is_for_owner_and_group)
{
	struct stat st;

	cr_assert(eq(int, stat(f.path, &st), 0));
	cr_expect(eq(u32, st.st_mode & 0777, 0660));
}

Test(attach, nobody_there_is_said)
{
	struct dp_client *client;
	char why[128];

	cr_expect(eq(int,
		     dp_client_open("/tmp/tandem-no-such-socket", "x", 1, 100, &client, why,
				    sizeof(why)),
		     -ENOENT));
	cr_expect(strstr(why, "/tmp/tandem-no-such-socket") != NULL);
}

Test(attach, other_layout_version_is_refused_by_the_server)
{
	struct dp_attach_request request = observer;
	struct dp_attach_reply reply;
	int fds[40], fd;
	unsigned count;

	request.layout_version = DP_LAYOUT_VERSION + 1;
	fd = fixture_attach(&f, &request, sizeof(request), &reply, fds, &count);
	cr_expect(eq(int, reply.status, -EPROTO));
	cr_expect(eq(u32, reply.layout_version, DP_LAYOUT_VERSION));
	cr_expect(eq(u32, count, 0));
	cr_expect(eq(long, recv(fd, &reply, sizeof(reply), 0), 0)); /* and closed */
	close(fd);
}

/* A dataplane of the future: it says no to everybody, and which version it is. */
static void *answer_with_version_99(void *arg)
{
	struct dp_attach_reply reply = { .magic = DP_SEGMENT_MAGIC,
					 .layout_version = 99,
					 .status = -EPROTO };
	struct dp_attach_request request;
	int fd = accept(*(int *)arg, NULL, NULL);

	if (recv(fd, &request, sizeof(request), 0) > 0)
		send(fd, &reply, sizeof(reply), 0);
	close(fd);
	return NULL;
}

Test(attach, both_versions_are_named)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	struct dp_client *client;
	char why[128], ours[16];
	pthread_t thread;

	snprintf(address.sun_path, sizeof(address.sun_path), "%.90s/other", f.directory);
	snprintf(ours, sizeof(ours), "program %u", DP_LAYOUT_VERSION);
	cr_assert(eq(int, bind(listener, (struct sockaddr *)&address, sizeof(address)), 0));
	cr_assert(eq(int, listen(listener, 1), 0));
	pthread_create(&thread, NULL, answer_with_version_99, &listener);
	cr_expect(eq(int, dp_client_open(address.sun_path, "x", 1, 5000, &client, why, sizeof(why)),
		     -EPROTO));
	cr_expect(strstr(why, "version 99") != NULL);
	cr_expect(strstr(why, ours) != NULL);
	pthread_join(thread, NULL);
	close(listener);
	unlink(address.sun_path);
}

Test(attach, statistics_cannot_be_written_by_an_observer)
{
	struct dp_attach_reply reply;
	char path[64];
	int fds[40], fd, again;
	unsigned count;
	void *area;

	fd = fixture_attach(&f, &observer, sizeof(observer), &reply, fds, &count);
	cr_assert(eq(int, reply.status, 0));
	cr_assert(eq(u32, count, 1));
	area = mmap(NULL, reply.statistics_size, PROT_READ | PROT_WRITE, MAP_SHARED, fds[0], 0);
	cr_expect(area == MAP_FAILED);
	cr_expect(eq(int, ftruncate(fds[0], 0), -1));

	/* Nor when it is opened anew. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[0]);
	again = open(path, O_RDWR);
	if (again >= 0) {
		area = mmap(NULL, reply.statistics_size, PROT_READ | PROT_WRITE, MAP_SHARED, again,
			    0);
		cr_expect(area == MAP_FAILED);
		cr_expect(eq(int, ftruncate(again, 0), -1));
		cr_expect(eq(long, pwrite(again, "x", 1, 0), -1));
		close(again);
	}
	close(fds[0]);
	close(fd);
}

Test(attach, channel_area_cannot_be_taken_away)
{
	struct dp_attach_request request = observer;
	struct dp_attach_reply reply;
	int fds[40], fd;
	unsigned count;

	request.role = DP_ROLE_CLIENT;
	request.channels = 1;
	fd = fixture_attach(&f, &request, sizeof(request), &reply, fds, &count);
	cr_assert(eq(u32, count, 4));
	cr_expect(eq(int, ftruncate(fds[1], 0), -1));
	for (unsigned i = 0; i < count; i++)
		close(fds[i]);
	close(fd);
}

Test(attach, nonsense_is_refused)
{
	struct dp_attach_request bad[5];
	size_t sizes[5];
	struct dp_attach_reply reply;
	int fds[40], fd;
	unsigned count;

	for (int i = 0; i < 5; i++) {
		bad[i] = observer;
		sizes[i] = sizeof(bad[i]);
	}
	bad[0].magic = 1;
	bad[1].role = 77;
	bad[2].channels = 1; /* an observer has none */
	bad[3].role = DP_ROLE_CLIENT;
	bad[3].channels = DP_CHANNELS_MAX + 1;
	sizes[4] = 20;
	for (int i = 0; i < 5; i++) {
		fd = fixture_attach(&f, &bad[i], sizes[i], &reply, fds, &count);
		cr_expect(eq(int, reply.status, -EINVAL), "request %d", i);
		cr_expect(eq(u32, count, 0), "request %d", i);
		close(fd);
	}
}

Test(attach, channels_run_out_and_come_back)
{
	struct dp_client *first = fixture_client(&f, DP_CHANNELS_MAX), *second;
	char why[128];

	cr_expect(eq(int, dp_client_open(f.path, "x", 1, 5000, &second, why, sizeof(why)), -EBUSY));
	dp_client_close(first);
	/* The server learns of the close before it accepts the next: one socket queue, in order. */
	second = fixture_client(&f, DP_CHANNELS_MAX);
	cr_expect(eq(u64, f.gone, DP_CHANNELS_MAX));
	dp_client_close(second);
}

Test(attach, end_of_the_server_is_seen)
{
	struct dp_client *client = fixture_client(&f, 1);
	struct pollfd p = { .fd = dp_client_fd(client), .events = POLLIN };
	char byte;

	cr_expect(eq(int, poll(&p, 1, 0), 0));
	fixture_stop(&f);
	server_destroy(f.server);
	f.server = NULL;
	cr_expect(eq(int, poll(&p, 1, 5000), 1));
	cr_expect(eq(long, recv(p.fd, &byte, 1, 0), 0));
	cr_expect(eq(u32, dp_client_stats(client)->terminations_max, 64)); /* readable still */
	dp_client_close(client);
}

Test(attach, a_second_server_does_not_take_the_socket)
{
	struct server_config config = { .socket_path = f.path, .segment = &f.segment };
	struct server *second;

	cr_expect(eq(int, server_create(&config, &second), -EADDRINUSE));
	dp_client_close(fixture_client(&f, 1)); /* the first still answers */
}

Test(attach, a_socket_that_nobody_listens_on_is_replaced)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct server_config config = { .socket_path = address.sun_path, .segment = &f.segment };
	struct server *server;
	int dead = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%.90s/dead", f.directory);
	cr_assert(eq(int, bind(dead, (struct sockaddr *)&address, sizeof(address)), 0));
	close(dead);
	cr_assert(eq(int, server_create(&config, &server), 0));
	server_destroy(server);
}
