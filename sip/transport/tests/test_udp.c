/* SPDX-License-Identifier: BSD-3-Clause */
/* Two transport sets on the loopback, ports of the kernel's choice. */
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "sip/transport/transport.h"

#define MESSAGE_MAX 2000u

struct end {
	struct sip_transport *transport;
	unsigned received;
	size_t bytes;
	char last[MESSAGE_MAX + 1];
	struct sip_path from;
	uint64_t arrived_ns;
	bool echo, unwelcome, keep;
	struct {
		size_t size;
		char first;
	} kept[16];
	unsigned closed;
};

static uv_loop_t loop;
static struct end a, b;

static void receive(void *arg, const char *data, size_t size, const struct sip_path *from)
{
	struct end *end = arg;

	if (end->keep && end->received < 16) {
		end->kept[end->received].size = size;
		end->kept[end->received].first = data[0];
	}
	end->received++;
	end->bytes += size;
	memcpy(end->last, data, size);
	end->last[size] = '\0';
	end->from = *from;
	end->arrived_ns = sip_transport_arrived_ns(end->transport);
	if (end->echo)
		cr_expect_eq(sip_transport_send(end->transport, &end->from, data, size), 0);
}

static bool keepalive(void *arg, const struct sip_address *remote)
{
	(void)remote;
	return !((const struct end *)arg)->unwelcome;
}

static void open_end(struct end *end)
{
	struct sip_listener_config listeners[2] = { { .kind = SIP_UDP }, { .kind = SIP_UDP } };
	struct sip_transport_config config = {
		.loop = &loop,
		.listeners = listeners,
		.listener_count = 2,
		.message_max = MESSAGE_MAX,
		.receive = receive,
		.keepalive = keepalive,
		.arg = end,
	};
	char why[128] = "";

	memset(end, 0, sizeof(*end));
	sip_address_parse(SLICE("127.0.0.1"), 0, &listeners[0].address);
	sip_address_parse(SLICE("::1"), 0, &listeners[1].address);
	cr_assert_eq(sip_transport_create(&config, &end->transport, why, sizeof(why)), 0, "%s",
		     why);
}

static void send_raw(int fd, const struct sip_address *to, const char *data, size_t size)
{
	struct sockaddr_storage name;
	socklen_t name_size = sip_address_to(to, &name);

	sendto(fd, data, size, 0, (const struct sockaddr *)&name, name_size);
}

static void set_up(void)
{
	cr_assert_eq(uv_loop_init(&loop), 0);
	open_end(&a);
	open_end(&b);
}

static void on_closed(void *arg)
{
	struct end *end = arg;

	end->closed++;
}

static void tear_down(void)
{
	sip_transport_close(a.transport, on_closed, &a);
	sip_transport_close(b.transport, on_closed, &b);
	uv_run(&loop, UV_RUN_DEFAULT);
	if (uv_loop_close(&loop) != 0 || a.closed != 1 || b.closed != 1)
		abort();
}

TestSuite(udp, .init = set_up, .fini = tear_down);

/* The address of a listener, from its text. */
static void address_of(const struct end *end, unsigned listener, struct sip_address *address)
{
	struct slice host = slice_of(sip_transport_host(end->transport, listener));
	const char *colon = strrchr(host.p, ':');
	uint32_t port;

	cr_assert_eq(slice_to_u32(slice_of(colon + 1), UINT16_MAX, &port), 0);
	cr_assert_neq(port, 0);
	cr_assert_eq(sip_address_parse((struct slice){ host.p, (size_t)(colon - host.p) },
				       (uint16_t)port, address),
		     0);
}

static struct sip_path path_to(const struct end *from, const struct end *to, unsigned listener)
{
	struct sip_address address;
	struct sip_path path;

	address_of(to, listener, &address);
	cr_assert_eq(
		sip_transport_path(from->transport, SIP_UDP, SIP_LISTENERS_ANY, &address, &path),
		0);
	return path;
}

static struct sip_transport_stats stats_of(const struct end *end)
{
	struct sip_transport_stats stats;

	sip_transport_stats(end->transport, &stats);
	return stats;
}

static uint64_t handled(const struct end *end)
{
	struct sip_transport_stats stats = stats_of(end);

	return stats.received + stats.dropped_size + stats.dropped_keepalive +
	       stats.keepalives_answered;
}

/* The loopback loses nothing, so what was sent comes. */
static void wait_for(const struct end *end, uint64_t count)
{
	do {
		sip_transport_flush(a.transport);
		sip_transport_flush(b.transport);
	} while (handled(end) < count && (uv_run(&loop, UV_RUN_ONCE), true));
}

Test(udp, datagrams_cross_on_both_families)
{
	for (unsigned listener = 0; listener < 2; listener++) {
		struct sip_path to = path_to(&a, &b, listener);
		struct sip_address ours;

		cr_expect_eq(to.listener, listener);
		cr_expect_eq(sip_transport_send(a.transport, &to, "hello", 5), 0);
		wait_for(&b, listener + 1);
		cr_expect_str_eq(b.last, "hello");
		cr_expect_eq(b.from.listener, listener);
		cr_expect_eq(b.from.kind, SIP_UDP);
		address_of(&a, listener, &ours);
		cr_expect(sip_address_equal(&b.from.remote, &ours));
	}
	cr_expect_eq(stats_of(&a).sent, 2);
	cr_expect_eq(stats_of(&a).sent_bytes, 10);
	cr_expect_eq(stats_of(&b).received_bytes, 10);
}

Test(udp, bursts_are_answered_from_the_handler)
{
	enum { MANY = 100 };
	struct sip_path to = path_to(&a, &b, 0);

	b.echo = true;
	for (unsigned i = 0; i < MANY; i++)
		cr_expect_eq(sip_transport_send(a.transport, &to, "0123456789", 10), 0);
	wait_for(&b, MANY);
	wait_for(&a, MANY);
	cr_expect_eq(a.bytes, MANY * 10);
	cr_expect_eq(stats_of(&b).sent, MANY);
	cr_expect_eq(stats_of(&b).send_errors, 0);
}

/* What is of one size leaves in one piece: it comes as what it was, in order, with what is between. */
Test(udp, datagrams_of_one_size_and_others_come_as_they_were_sent)
{
	static const unsigned sizes[] = {
		300, 300, 300, 40, 40, 300, 1500, 1500, 7, 300, 300, 299
	};
	enum { COUNT = sizeof(sizes) / sizeof(sizes[0]) };
	struct sip_path to = path_to(&a, &b, 0), elsewhere = path_to(&a, &b, 1);
	unsigned sent = 0;

	for (unsigned i = 0; i < COUNT; i++) {
		char text[1500];

		memset(text, 'a' + (int)i, sizeof(text));
		cr_assert_eq(sip_transport_send(a.transport, &to, text, sizes[i]), 0);
		sent += sizes[i];
		if (i == 1) /* by the other socket */
			cr_assert_eq(sip_transport_send(a.transport, &elsewhere, text, 9), 0);
	}
	b.keep = true;
	wait_for(&b, COUNT + 1);
	cr_expect_eq(stats_of(&a).sent, COUNT + 1);
	cr_expect_eq(stats_of(&a).sent_bytes, sent + 9);
	cr_expect_eq(stats_of(&a).send_errors, 0);
	cr_expect_eq(b.bytes, sent + 9);
	for (unsigned i = 0, k = 0; i < COUNT; i++, k++) {
		/* That of the other socket comes at any time. */
		if (b.kept[k].size == 9)
			k++;
		cr_expect_eq(b.kept[k].size, sizes[i], "%u", i);
		cr_expect_eq(b.kept[k].first, 'a' + (int)i, "%u", i);
	}
}

/* The descriptor that a listener of this process has. */
static int descriptor_of(const struct sip_address *address)
{
	for (int fd = 0; fd < 256; fd++) {
		struct sockaddr_storage name;
		socklen_t size = sizeof(name);
		struct sip_address bound;

		if (getsockname(fd, (struct sockaddr *)&name, &size) != 0 ||
		    (name.ss_family != AF_INET && name.ss_family != AF_INET6))
			continue;
		sip_address_from((const struct sockaddr *)&name, &bound);
		if (sip_address_equal(&bound, address))
			return fd;
	}
	cr_assert_fail("no such listener");
	return -1;
}

static void set_option(const struct end *end, int level, int name, int value)
{
	struct sip_address address;

	address_of(end, 0, &address);
	cr_assert_eq(setsockopt(descriptor_of(&address), level, name, &value, sizeof(value)), 0);
}

/* Three of one size, and how many came of them. */
static unsigned pieces_of_three(void)
{
	struct sip_path to = path_to(&a, &b, 0);
	const size_t bytes = b.bytes;
	const unsigned before = b.received;

	for (unsigned i = 0; i < 3; i++)
		cr_assert_eq(sip_transport_send(a.transport, &to, "0123456789", 10), 0);
	while (b.bytes < bytes + 30)
		wait_for(&b, b.received + 1);
	return b.received - before;
}

/* Without a checksum the system takes datagrams, and no run of them: as where a path takes none. */
Test(udp, a_run_that_is_refused_leaves_one_by_one_and_the_next_one_is_a_run_again)
{
	set_option(&b, IPPROTO_UDP, UDP_GRO, 1); /* a run comes as it left */
	cr_expect_eq(pieces_of_three(), 1);
	set_option(&a, SOL_SOCKET, SO_NO_CHECK, 1);
	cr_expect_eq(pieces_of_three(), 3);
	set_option(&a, SOL_SOCKET, SO_NO_CHECK, 0);
	cr_expect_eq(pieces_of_three(), 1);
	cr_expect_eq(stats_of(&a).sent, 9);
	cr_expect_eq(stats_of(&a).send_errors, 0);
}

Test(udp, keepalives_and_oversize_are_counted_and_dropped)
{
	struct sip_path to = path_to(&a, &b, 0);
	static const char stun[20] = { 0, 1, 0, 0, 0x21, 0x12, (char)0xa4, 0x42 };
	static char big[MESSAGE_MAX + 1];
	struct sip_address address;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	address_of(&b, 0, &address);
	memset(big, 'x', sizeof(big));
	sip_transport_send(a.transport, &to, "\r\n\r\n", 4);
	sip_transport_send(a.transport, &to, stun, sizeof(stun));
	sip_transport_send(a.transport, &to, "\0\0\0\0", 4);
	cr_expect_eq(sip_transport_send(a.transport, &to, big, sizeof(big)), -EMSGSIZE);
	cr_expect_eq(sip_transport_send(a.transport, &to, "", 0), -EMSGSIZE);
	wait_for(&b, 3);
	send_raw(fd, &address, big, sizeof(big));
	send_raw(fd, &address, big, 0);
	close(fd);
	wait_for(&b, 5);
	cr_expect_eq(stats_of(&b).dropped_keepalive, 2);
	cr_expect_eq(stats_of(&b).keepalives_answered, 1, "STUN");
	wait_for(&a, 3); /* the answer, which is nothing to it */
	cr_expect_eq(stats_of(&a).dropped_keepalive, 1);
	cr_expect_eq(stats_of(&b).dropped_size, 2);
	cr_expect_eq(stats_of(&a).dropped_size, 2);
	cr_expect_eq(b.received, 0);
	sip_transport_send(a.transport, &to, big, MESSAGE_MAX);
	wait_for(&b, 6);
	cr_expect_eq(b.received, 1, "the largest that is allowed");
}

Test(udp, what_cannot_be_sent_is_told)
{
	struct sip_path to = path_to(&a, &b, 0), wrong = to;

	wrong.kind = SIP_TCP;
	cr_expect_eq(sip_transport_send(a.transport, &wrong, "x", 1), -ENETUNREACH);
	wrong = to;
	wrong.listener = 2;
	cr_expect_eq(sip_transport_send(a.transport, &wrong, "x", 1), -ENETUNREACH);
	wrong.listener = 1;
	cr_expect_eq(sip_transport_send(a.transport, &wrong, "x", 1), -EAFNOSUPPORT);
	cr_expect_eq(
		sip_transport_path(a.transport, SIP_TLS, SIP_LISTENERS_ANY, &to.remote, &wrong),
		-ENETUNREACH);
	/* port 0 is no place to send to */
	wrong = to;
	wrong.remote.port = 0;
	cr_expect_eq(sip_transport_send(a.transport, &wrong, "x", 1), -EINVAL);
}

Test(udp, address_that_cannot_be_bound_is_named)
{
	struct sip_listener_config listeners[2] = { { .kind = SIP_UDP }, { .kind = SIP_UDP } };
	struct sip_transport_config config = {
		.loop = &loop,
		.listeners = listeners,
		.listener_count = 2,
		.message_max = MESSAGE_MAX,
		.receive = receive,
	};
	struct sip_transport *transport = NULL;
	char why[128] = "";

	sip_address_parse(SLICE("127.0.0.1"), 0, &listeners[0].address);
	sip_address_parse(SLICE("192.0.2.1"), 5060, &listeners[1].address);
	cr_expect_eq(sip_transport_create(&config, &transport, why, sizeof(why)), -EADDRNOTAVAIL);
	cr_expect_not_null(strstr(why, "192.0.2.1:5060"), "%s", why);
	listeners[1].kind = SIP_TCP;
	cr_expect_eq(sip_transport_create(&config, &transport, why, sizeof(why)), -EADDRNOTAVAIL);
	cr_expect_not_null(strstr(why, "tcp 192.0.2.1:5060"), "%s", why);
	cr_expect_null(transport);
}

Test(udp, ipv6_listener_takes_no_ipv4)
{
	struct sip_listener_config listener = { .kind = SIP_UDP };
	struct sip_transport_config config = {
		.loop = &loop,
		.listeners = &listener,
		.listener_count = 1,
		.message_max = MESSAGE_MAX,
		.receive = receive,
		.arg = &b,
	};
	struct end any = { 0 };
	struct sip_address v4, v6;
	char why[128] = "";
	int fd4 = socket(AF_INET, SOCK_DGRAM, 0), fd6 = socket(AF_INET6, SOCK_DGRAM, 0);

	config.arg = &any;
	sip_address_parse(SLICE("::"), 0, &listener.address);
	cr_assert_eq(sip_transport_create(&config, &any.transport, why, sizeof(why)), 0, "%s", why);
	address_of(&any, 0, &v6);
	sip_address_parse(SLICE("127.0.0.1"), v6.port, &v4);
	sip_address_parse(SLICE("::1"), v6.port, &v6);
	send_raw(fd4, &v4, "four", 4);
	send_raw(fd6, &v6, "six", 3);
	close(fd4);
	close(fd6);
	wait_for(&any, 1);
	cr_expect_str_eq(any.last, "six");
	cr_expect_eq(any.received, 1);
	sip_transport_close(any.transport, NULL, NULL);
	uv_run(&loop, UV_RUN_NOWAIT);
}

Test(udp, two_sets_share_an_address)
{
	struct sip_listener_config listener = { .kind = SIP_UDP };
	struct sip_transport_config config = {
		.loop = &loop,
		.listeners = &listener,
		.listener_count = 1,
		.message_max = MESSAGE_MAX,
		.receive = receive,
		.arg = &b,
	};
	struct sip_transport *second;
	char why[128] = "";

	address_of(&b, 0, &listener.address);
	cr_assert_eq(sip_transport_create(&config, &second, why, sizeof(why)), 0, "%s", why);
	cr_expect_str_eq(sip_transport_host(second, 0), sip_transport_host(b.transport, 0));
	cr_expect_str_eq(sip_transport_host(second, 7), "");
	sip_transport_close(second, NULL, NULL);
}

static uint64_t wall_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

Test(udp, the_kernel_says_when_a_message_came)
{
	struct sip_path to = path_to(&a, &b, 0);
	const uint64_t before = wall_ns();

	cr_assert_eq(sip_transport_send(a.transport, &to, "hello", 5), 0);
	wait_for(&b, 1);
	cr_assert_geq(b.arrived_ns, before);
	cr_assert_leq(b.arrived_ns, wall_ns());
}

/* The network says that nobody is at a port: the socket reports an error, and goes on. */
Test(udp, an_error_of_the_network_does_not_end_a_listener)
{
	struct sip_path to = path_to(&a, &b, 0), back = path_to(&b, &a, 0), nobody = to;

	set_option(&a, IPPROTO_IP, IP_RECVERR, 1);
	nobody.remote.port = 9;
	for (unsigned i = 1; i <= 3; i++) {
		cr_expect_eq(sip_transport_send(a.transport, &nobody, "anybody?", 8), 0);
		do {
			sip_transport_flush(a.transport);
			uv_run(&loop, UV_RUN_ONCE);
		} while (stats_of(&a).receive_errors < i);
		cr_expect_eq(sip_transport_send(b.transport, &back, "hello", 5), 0);
		wait_for(&a, i);
		cr_expect_str_eq(a.last, "hello");
	}
}

Test(udp, who_is_not_welcome_gets_no_answer_to_stun)
{
	static const char stun[20] = { 0, 1, 0, 0, 0x21, 0x12, (char)0xa4, 0x42 };
	struct sip_path to = path_to(&a, &b, 0);

	b.unwelcome = true;
	sip_transport_send(a.transport, &to, stun, sizeof(stun));
	wait_for(&b, 1);
	cr_expect_eq(stats_of(&b).keepalives_answered, 0);
	cr_expect_eq(stats_of(&b).dropped_keepalive, 1);
}
