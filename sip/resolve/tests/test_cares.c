/* SPDX-License-Identifier: BSD-3-Clause */
/* The name servers by c-ares: what comes of a question to one that answers, refuses or is silent. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <uv.h>

#include "sip/resolve/cares.h"

#define TIMEOUT_MS 50u
#define HEADER     12u
#define NXDOMAIN   3
#define SERVFAIL   2

static uv_loop_t loop;

/* A name server on this loop that says 192.0.2.7 to everything. */
struct server {
	uv_udp_t udp;
	char name[32];
	unsigned asked;
	unsigned char rcode;
	bool silent;
	char query[512];
};

struct heard {
	unsigned times;
	int error;
	unsigned count;
	uint32_t ttl_s;
	struct sip_address address;
};

static struct server servers[2];
static struct sip_dns *dns;

static void give_room(uv_handle_t *handle, size_t suggested, uv_buf_t *room)
{
	struct server *server = handle->data;

	(void)suggested;
	*room = uv_buf_init(server->query, sizeof(server->query));
}

/* RFC 1035 §4: the question again, and a record for its name. */
static size_t make_reply(const struct server *server, size_t size, char reply[600])
{
	static const unsigned char record[] = { 0xc0, HEADER, 0, 1, 0,   1, 0, 0,
						0,    60,     0, 4, 192, 0, 2, 7 };
	size_t end = HEADER;

	while (end < size && server->query[end] != 0)
		end += 1 + (unsigned char)server->query[end];
	end += 1 + 4;
	cr_assert_leq(end, size);
	memcpy(reply, server->query, end);
	reply[2] = (char)0x81; /* a response, recursion desired */
	reply[3] = (char)(0x80 | server->rcode);
	memset(reply + 4, 0, 8);
	reply[5] = 1; /* questions */
	if (server->rcode != 0)
		return end;
	reply[7] = 1; /* answers */
	memcpy(reply + end, record, sizeof(record));
	return end + sizeof(record);
}

static void on_query(uv_udp_t *udp, ssize_t size, const uv_buf_t *buffer,
		     const struct sockaddr *from, unsigned flags)
{
	struct server *server = udp->data;
	char reply[600];
	uv_buf_t out;

	(void)buffer;
	(void)flags;
	if (size <= 0 || from == NULL)
		return;
	server->asked++;
	if (server->silent)
		return;
	out = uv_buf_init(reply, (unsigned)make_reply(server, (size_t)size, reply));
	cr_assert_gt(uv_udp_try_send(udp, &out, 1, from), 0);
}

static void open_server(struct server *server)
{
	struct sockaddr_in name;
	int size = sizeof(name);

	memset(server, 0, sizeof(*server));
	cr_assert_eq(uv_ip4_addr("127.0.0.1", 0, &name), 0);
	cr_assert_eq(uv_udp_init(&loop, &server->udp), 0);
	server->udp.data = server;
	cr_assert_eq(uv_udp_bind(&server->udp, (const struct sockaddr *)&name, 0), 0);
	cr_assert_eq(uv_udp_getsockname(&server->udp, (struct sockaddr *)&name, &size), 0);
	snprintf(server->name, sizeof(server->name), "127.0.0.1:%u", ntohs(name.sin_port));
	cr_assert_eq(uv_udp_recv_start(&server->udp, give_room, on_query), 0);
	uv_unref((uv_handle_t *)&server->udp);
}

static void set_up(void)
{
	const char *names[] = { servers[0].name, servers[1].name };
	const struct sip_cares_config config = { .loop = &loop,
						 .servers = names,
						 .server_count = 2,
						 .timeout_ms = TIMEOUT_MS,
						 .tries = 1 };
	char why[128];

	cr_assert_eq(uv_loop_init(&loop), 0);
	open_server(&servers[0]);
	open_server(&servers[1]);
	cr_assert_eq(sip_cares_create(&config, &dns, why, sizeof(why)), 0, "%s", why);
}

/* Nothing of it stays on the loop. */
static void tear_down(void)
{
	sip_cares_destroy(dns);
	uv_close((uv_handle_t *)&servers[0].udp, NULL);
	uv_close((uv_handle_t *)&servers[1].udp, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_expect_eq(uv_loop_close(&loop), 0);
}

TestSuite(cares, .init = set_up, .fini = tear_down, .timeout = 20);

static void on_done(void *arg, int error, const struct dns_answer *answer)
{
	struct heard *heard = arg;

	cr_expect_eq(answer != NULL, error == 0);
	heard->times++;
	heard->error = error;
	if (answer == NULL)
		return;
	heard->count = answer->count;
	heard->ttl_s = answer->ttl_s;
	heard->address = answer->records[0].address;
}

/* The suite's time-out ends what never comes. */
static struct heard ask(const char *name, enum dns_type type)
{
	struct heard heard = { 0 };

	dns->ask(dns, name, type, on_done, &heard);
	while (heard.times == 0)
		uv_run(&loop, UV_RUN_ONCE);
	uv_run(&loop, UV_RUN_NOWAIT);
	cr_expect_eq(heard.times, 1);
	return heard;
}

Test(cares, an_answer_is_given)
{
	const struct heard heard = ask("a.test", DNS_A);

	cr_expect_eq(heard.error, 0);
	cr_expect_eq(heard.count, 1);
	cr_expect_eq(heard.ttl_s, 60);
	cr_expect_eq(heard.address.family, AF_INET);
	cr_expect_arr_eq(heard.address.ip, ((uint8_t[]){ 192, 0, 2, 7 }), 4);
	cr_expect_eq(servers[0].asked + servers[1].asked, 1);
}

Test(cares, no_such_name_is_an_answer)
{
	struct heard heard;

	servers[0].rcode = servers[1].rcode = NXDOMAIN;
	heard = ask("nobody.test", DNS_SRV);
	cr_expect_eq(heard.error, 0);
	cr_expect_eq(heard.count, 0);
}

Test(cares, a_server_that_fails_is_no_answer)
{
	servers[0].rcode = servers[1].rcode = SERVFAIL;
	cr_expect_eq(ask("a.test", DNS_A).error, -EAGAIN);
}

Test(cares, the_second_server_is_asked_when_the_first_is_silent)
{
	servers[0].silent = true;
	cr_expect_eq(ask("a.test", DNS_A).error, 0);
	cr_expect_eq(servers[0].asked, 1);
	cr_expect_eq(servers[1].asked, 1);
}

Test(cares, silence_of_all_ends)
{
	servers[0].silent = servers[1].silent = true;
	cr_expect_eq(ask("a.test", DNS_A).error, -EAGAIN);
}

Test(cares, a_name_that_is_none_is_refused_at_once)
{
	char name[300];

	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	cr_expect_eq(ask(name, DNS_A).error, -EAGAIN);
	cr_expect_eq(servers[0].asked + servers[1].asked, 0);
}

Test(cares, the_machines_own_file_comes_first)
{
	const struct heard heard = ask("localhost", DNS_A);

	cr_expect_eq(heard.error, 0);
	cr_expect_eq(heard.address.ip[0], 127);
	cr_expect_eq(servers[0].asked + servers[1].asked, 0);
}

Test(cares, what_is_cancelled_hears_nothing)
{
	struct heard first = { 0 }, second = { 0 };

	dns->ask(dns, "a.test", DNS_A, on_done, &first);
	dns->ask(dns, "b.test", DNS_A, on_done, &first);
	dns->ask(dns, "c.test", DNS_A, on_done, &second);
	dns->cancel(dns, &first);
	while (second.times == 0 || servers[0].asked + servers[1].asked < 3)
		uv_run(&loop, UV_RUN_ONCE);
	uv_run(&loop, UV_RUN_NOWAIT);
	cr_expect_eq(first.times, 0);
}

Test(cares, what_is_open_at_the_end_hears_nothing)
{
	static struct heard heard; /* until the loop is closed */

	servers[0].silent = servers[1].silent = true;
	dns->ask(dns, "a.test", DNS_A, on_done, &heard);
	while (servers[0].asked == 0)
		uv_run(&loop, UV_RUN_ONCE);
	sip_cares_destroy(dns);
	dns = NULL;
	uv_run(&loop, UV_RUN_NOWAIT);
	cr_expect_eq(heard.times, 0);
}

Test(cares_config, servers_that_are_none_are_named)
{
	static const char *const names[] = { "192.0.2.1", "not an address" };
	const struct sip_cares_config config = { .loop = &loop,
						 .servers = names,
						 .server_count = 2,
						 .timeout_ms = TIMEOUT_MS,
						 .tries = 1 };
	char why[128];

	cr_assert_eq(uv_loop_init(&loop), 0);
	cr_expect_eq(sip_cares_create(&config, &dns, why, sizeof(why)), -EINVAL);
	cr_expect_not_null(strstr(why, "not an address"), "%s", why);
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_expect_eq(uv_loop_close(&loop), 0);
}
