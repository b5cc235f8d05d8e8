/* SPDX-License-Identifier: BSD-3-Clause */
/* Who asks over dataplane.sock gets an answer; who sends nonsense is sent away. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "dataplane/client/operator.h"
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

TestSuite(operator, .init = open_and_start, .fini = close_it, .timeout = 60);

static struct dp_client *an_operator(void)
{
	struct dp_client *client = NULL;
	char why[128];
	int error = dp_operator_open(f.path, "test", 5000, &client, why, sizeof(why));

	cr_assert(error == 0, "%s", why);
	return client;
}

static unsigned open_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void expect_served(struct dp_client *client)
{
	struct dp_operation operation = { .verb = DP_OPERATION_CAPTURE_STATUS };
	struct dp_operation_reply reply;

	cr_expect(eq(int, dp_operator_ask(client, &operation, -1, 5000, &reply), -ENOSYS));
	cr_expect(eq(u32, reply.count, DP_OPERATION_CAPTURE_STATUS));
}

static void expect_closed(struct dp_client *client, const char *what)
{
	struct pollfd p = { .fd = dp_client_fd(client), .events = POLLIN };
	char byte;

	cr_expect(poll(&p, 1, 5000) == 1, "%s", what);
	cr_expect(recv(p.fd, &byte, 1, MSG_DONTWAIT) <= 0, "%s", what);
	dp_client_close(client);
}

/* A message of any size and number of descriptors. */
static void send_raw(struct dp_client *client, const void *data, size_t size, unsigned count,
		     int fd)
{
	union {
		char buffer[CMSG_SPACE(16 * sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec io = { .iov_base = (void *)(uintptr_t)data, .iov_len = size };
	struct msghdr message = { .msg_iov = &io, .msg_iovlen = 1 };

	if (count > 0) {
		struct cmsghdr *c;

		message.msg_control = control.buffer;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		c = CMSG_FIRSTHDR(&message);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(count * sizeof(int));
		for (unsigned i = 0; i < count; i++)
			memcpy(CMSG_DATA(c) + i * sizeof(int), &fd, sizeof(fd));
	}
	cr_assert(eq(long, sendmsg(dp_client_fd(client), &message, 0), (long)size));
}

Test(operator, a_descriptor_is_handed_over)
{
	struct dp_client *client = an_operator();
	struct dp_operation operation = { .verb = DP_OPERATION_CAPTURE_START };
	struct dp_operation_reply reply;
	int ends[2];
	char byte = 0;

	cr_assert(eq(int, pipe(ends), 0));
	cr_expect(eq(int, dp_operator_ask(client, &operation, ends[1], 5000, &reply), 0));
	close(ends[1]);
	cr_expect(eq(long, read(ends[0], &byte, 1), 1));
	cr_expect(eq(chr, byte, 'x'));
	cr_expect(eq(long, read(ends[0], &byte, 1), 0)); /* nobody else has it */
	expect_served(client);
	dp_client_close(client);
	close(ends[0]);
}

Test(operator, nonsense_closes_its_sender_and_no_other)
{
	struct dp_operation operation = { .magic = DP_SEGMENT_MAGIC,
					  .verb = DP_OPERATION_CAPTURE_START };
	struct dp_operation no_magic = { .verb = DP_OPERATION_CAPTURE_STATUS };
	uint8_t large[300] = { 0 };
	const struct {
		const char *what;
		const void *data;
		size_t size;
		unsigned descriptors;
	} table[] = {
		{ "one byte", &operation, 1, 0 },
		{ "a byte too few", &operation, sizeof(operation) - 1, 0 },
		{ "too large", large, sizeof(large), 0 },
		{ "no magic", &no_magic, sizeof(no_magic), 0 },
		{ "a byte and a descriptor", &operation, 1, 1 },
		{ "two descriptors", &operation, sizeof(operation), 2 },
		{ "more than there is room for", &operation, sizeof(operation), 16 },
	};
	struct dp_client *good = an_operator();
	unsigned before = open_descriptors(), gone = f.operators_gone;
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct dp_client *bad = an_operator();

		send_raw(bad, table[i].data, table[i].size, table[i].descriptors, fd);
		expect_closed(bad, table[i].what);
		expect_served(good);
	}
	close(fd);
	cr_expect(eq(u32, open_descriptors(), before));
	cr_expect(eq(u32, f.operators_gone, gone + 7));
	cr_expect(eq(u32, f.operations, 7)); /* those of the good one */
	dp_client_close(good);
}

Test(operator, who_does_not_read_is_sent_away)
{
	struct dp_operation operation = { .magic = DP_SEGMENT_MAGIC,
					  .verb = DP_OPERATION_CAPTURE_STATUS };
	struct dp_client *good = an_operator(), *deaf = an_operator();
	long sent = 1;

	for (int i = 0; i < 100000 && sent > 0; i++)
		sent = send(dp_client_fd(deaf), &operation, sizeof(operation), MSG_NOSIGNAL);
	cr_expect(sent < 0, "it may send for ever");
	expect_served(good);
	dp_client_close(deaf);
	dp_client_close(good);
}

Test(operator, trace_records_reach_their_operator_only)
{
	struct dp_trace_record record = { .magic = DP_SEGMENT_MAGIC, .packet = 5 }, got;
	struct dp_client *client = an_operator();
	uint32_t id;

	expect_served(client);
	id = f.operator_id;
	fixture_stop(&f);
	cr_expect(eq(int, server_send_operator(f.server, id, &record, sizeof(record)), 0));
	cr_expect(eq(int, server_send_operator(f.server, id + 1, &record, sizeof(record)),
		     -ENOTCONN));
	cr_expect(eq(int, server_send_operator(f.server, 0, &record, sizeof(record)), -ENOTCONN));
	cr_expect(eq(int, dp_operator_trace(client, 5000, &got), 0));
	cr_expect(eq(u32, got.packet, 5));
	cr_expect(eq(int, dp_operator_trace(client, 10, &got), -ETIMEDOUT));
	while (server_send_operator(f.server, id, &record, sizeof(record)) == 0)
		;
	server_close_operator(f.server, id);
	cr_expect(eq(u32, f.operators_gone, 1)); /* or what is tied to him would go on */
	cr_expect(eq(int, server_send_operator(f.server, id, &record, sizeof(record)), -ENOTCONN));
	fixture_start(&f);
	dp_client_close(client);
}
