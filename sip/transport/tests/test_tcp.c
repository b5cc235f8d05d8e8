/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "sip/transport/connection.h"
#include "sip/transport/tests/rig.h"

#define REQUEST  "OPTIONS sip:a SIP/2.0\r\nl: 2\r\n\r\nhi"
#define RESPONSE "SIP/2.0 200 OK\r\nl: 0\r\n\r\n"

static const struct sip_transport_config plain;
static struct end a, b;

TestSuite(tcp, .init = rig_set_up, .fini = rig_tear_down);

static void open_both(void)
{
	rig_open(&a, &plain);
	rig_open(&b, &plain);
}

static int send_text(struct end *end, struct sip_path *to, const char *text)
{
	return sip_transport_send(end->transport, to, text, strlen(text));
}

/* --- messages --- */

Test(tcp, request_and_response_share_a_connection_on_both_families)
{
	open_both();
	b.answer = RESPONSE;
	for (unsigned listener = 0; listener < 2; listener++) {
		struct sip_path to = rig_path(&a, &b, listener), again = to;

		cr_expect_eq(send_text(&a, &to, REQUEST), 0);
		cr_expect_neq(to.flow.index, 0);
		rig_until(a.received == listener * 2 + 1);
		cr_expect_str_eq(b.last, REQUEST);
		cr_expect_str_eq(a.last, RESPONSE);
		cr_expect(sip_flow_equal(a.from.flow, to.flow));
		cr_expect_eq(b.from.kind, SIP_TCP);
		/* who does not know the connection gets it by the address */
		cr_expect_eq(send_text(&a, &again, REQUEST), 0);
		cr_expect(sip_flow_equal(again.flow, to.flow));
		rig_until(a.received == listener * 2 + 2);
	}
	cr_expect_eq(rig_stats(&a).connections_made, 2);
	cr_expect_eq(rig_stats(&b).connections_accepted, 2);
	cr_expect_eq(rig_stats(&a).opening, 0);
	cr_expect_eq(rig_stats(&b).opening, 0);
}

Test(tcp, requests_go_to_a_caller_over_its_own_connection)
{
	struct sip_path to;
	char text[512] = "";
	int fd;

	rig_open(&b, &plain);
	fd = bare_connect(&b, 0);
	bare_send(fd, REQUEST);
	rig_until(b.received == 1);
	to = b.from;
	cr_expect_eq(send_text(&b, &to, REQUEST), 0);
	to.flow = (struct sip_flow){ 0 };
	cr_expect_eq(send_text(&b, &to, REQUEST), 0);
	rig_until(bare_read(fd, text, sizeof(text)) && strlen(text) == 2 * strlen(REQUEST));
	cr_expect_eq(rig_stats(&b).connections_made, 0);
	close(fd);
}

Test(tcp, a_stream_is_cut_into_messages)
{
	static const char stream[] = "\r\n\r\n" REQUEST REQUEST "\r\n" RESPONSE REQUEST;
	int fd;

	rig_open(&b, &plain);
	fd = bare_connect(&b, 0);
	bare_send(fd, stream);
	rig_until(b.received == 4);
	cr_expect_str_eq(b.last, REQUEST);
	/* byte by byte */
	for (const char *p = stream; *p != '\0'; p++) {
		const char byte[2] = { *p, '\0' };

		bare_send(fd, byte);
		rig_turn();
	}
	rig_until(b.received == 8);
	cr_expect_str_eq(b.last, REQUEST);
	cr_expect_eq(rig_stats(&b).keepalives_answered, 2);
	close(fd);
}

Test(tcp, large_messages_cross_whole)
{
	static char message[RIG_MESSAGE_MAX + 1];
	struct sip_path to;

	open_both();
	to = rig_path(&a, &b, 0);
	memset(message, 'x', sizeof(message));
	message[snprintf(message, sizeof(message), "A b c\r\nl: %zu\r\n\r\n",
			 sizeof(message) - 19)] = 'x';
	for (unsigned i = 0; i < 50; i++)
		cr_expect_eq(sip_transport_send(a.transport, &to, message, RIG_MESSAGE_MAX), 0);
	rig_until(b.received == 50);
	cr_expect_eq(b.last_size, RIG_MESSAGE_MAX);
	cr_expect_eq(memcmp(b.last, message, RIG_MESSAGE_MAX), 0);
	cr_expect_eq(sip_transport_send(a.transport, &to, message, RIG_MESSAGE_MAX + 1), -EMSGSIZE);
}

/* --- keep-alives --- */

Test(tcp, a_ping_is_answered_with_one_crlf)
{
	char text[64] = "";
	int fd;

	rig_open(&b, &plain);
	fd = bare_connect(&b, 0);
	bare_send(fd, "\r\n\r\n");
	rig_until(bare_read(fd, text, sizeof(text)) && text[0] != '\0');
	cr_expect_str_eq(text, "\r\n");
	cr_expect_eq(rig_stats(&b).keepalives_answered, 1);
	cr_expect_eq(b.received, 0);
	close(fd);
}

Test(tcp, our_pings_are_answered_and_answers_are_no_pings)
{
	struct sip_path to;

	open_both();
	to = rig_path(&a, &b, 0);
	cr_expect_eq(sip_transport_ping(a.transport, &to), -ENOTCONN);
	cr_expect_eq(send_text(&a, &to, REQUEST), 0);
	rig_until(b.received == 1);
	for (unsigned i = 1; i <= 3; i++) {
		cr_expect_eq(sip_transport_ping(a.transport, &to), 0);
		rig_until(rig_stats(&a).dropped_keepalive == i);
	}
	cr_expect_eq(rig_stats(&a).keepalives_sent, 3);
	cr_expect_eq(rig_stats(&b).keepalives_answered, 3);
	cr_expect_eq(rig_stats(&a).keepalives_answered, 0);
}

static void copy_waiting(void *arg, const struct sip_flow_info *info)
{
	*(uint32_t *)arg += info->waiting;
}

Test(tcp, pongs_that_nobody_reads_are_not_kept)
{
	static char pings[65536];
	uint32_t waiting = 0;
	int fd;

	rig_open(&b, &plain);
	fd = bare_connect(&b, 0);
	for (size_t i = 0; i < sizeof(pings); i++)
		pings[i] = "\r\n"[i % 2];
	do {
		send(fd, pings, sizeof(pings), MSG_DONTWAIT | MSG_NOSIGNAL);
		uv_run(&rig_loop, UV_RUN_ONCE); /* nothing leaves meanwhile */
	} while (rig_stats(&b).dropped_queue == 0);
	sip_transport_each(b.transport, copy_waiting, &waiting);
	cr_expect_leq(waiting, 2048);
	cr_expect(rig_stats(&b).keepalives_answered > 0);
	close(fd);
}

/* --- what is no SIP --- */

Test(tcp, without_a_length_the_headers_are_answered_and_the_connection_closed)
{
	char text[128] = "";
	int fd;

	rig_open(&b, &plain);
	b.answer = RESPONSE;
	fd = bare_connect(&b, 0);
	bare_send(fd, "OPTIONS sip:a SIP/2.0\r\nSubject: x\r\n\r\nbody " REQUEST);
	rig_until(!bare_read(fd, text, sizeof(text)));
	cr_expect_str_eq(text, RESPONSE);
	cr_expect_str_eq(b.last, "OPTIONS sip:a SIP/2.0\r\nSubject: x\r\n\r\n");
	cr_expect_eq(b.received, 1);
	cr_expect_eq(rig_stats(&b).dropped_framing, 1);
	cr_expect_eq(b.notices[SIP_NOTICE_FRAMING], 1);
	cr_expect_str_eq(b.why, "no Content-Length");
	close(fd);
}

Test(tcp, an_answer_of_another_shard_is_waited_for)
{
	char text[128] = "";
	struct sip_path to;
	int fd;

	rig_open(&b, &plain);
	fd = bare_connect(&b, 0);
	bare_send(fd, "OPTIONS sip:a SIP/2.0\r\n\r\n");
	rig_until(b.received == 1);
	rig_turn();
	to = b.from;
	cr_expect_eq(send_text(&b, &to, RESPONSE), 0);
	rig_until(!bare_read(fd, text, sizeof(text)));
	cr_expect_str_eq(text, RESPONSE);
	close(fd);
	bare_send(fd = bare_connect(&b, 0), "OPTIONS sip:a SIP/2.0\r\n\r\n");
	rig_until(b.received == 2);
	rig_pass_time(sip_transport_limits_default.opening_ms);
	rig_until(bare_is_closed(fd));
	close(fd);
}

/* It is not read any more, and the system reports it gone until somebody lets go of it. */
Test(tcp, who_is_gone_before_the_answer_is_let_go_at_once)
{
	const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	int fd;

	rig_open(&b, &plain);
	bare_send(fd = bare_connect(&b, 0), "OPTIONS sip:a SIP/2.0\r\n\r\n");
	rig_until(b.received == 1);
	cr_expect_eq(rig_stats(&b).connections, 1);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(fd);
	rig_until(rig_stats(&b).connections == 0);
	cr_expect_eq(b.failures, 1);
	cr_expect_eq(b.error, -ECONNRESET);
}

Test(tcp, garbage_closes_the_connection)
{
	int fd;

	rig_open(&b, &plain);
	fd = bare_connect(&b, 0);
	bare_send(fd, REQUEST "\x16\x03\x01");
	rig_until(bare_is_closed(fd));
	cr_expect_eq(b.received, 1);
	cr_expect_eq(rig_stats(&b).connections, 0);
	cr_expect_eq(rig_stats(&b).connections_closed, 1);
	close(fd);
}

/* --- connections that fail --- */

Test(tcp, a_refused_connection_is_told)
{
	struct sip_path to;

	open_both();
	to = rig_path(&a, &b, 0);
	rig_close(&b);
	cr_expect_eq(send_text(&a, &to, REQUEST), 0);
	rig_until(a.failures == 1);
	cr_expect_eq(a.error, -ECONNREFUSED);
	cr_expect(sip_flow_equal(a.failed[0].flow, to.flow));
	cr_expect(sip_address_equal(&a.failed[0].remote, &to.remote));
	cr_expect_eq(rig_stats(&a).connections_failed, 1);
	cr_expect_eq(rig_stats(&a).connections, 0);
}

Test(tcp, a_lost_connection_is_told_and_replaced)
{
	struct sip_path to, old;

	open_both();
	to = rig_path(&a, &b, 0);
	cr_expect_eq(send_text(&a, &to, REQUEST), 0);
	rig_until(b.received == 1);
	old = to;
	/* the other end goes away and comes back at another port, so this address is dead */
	rig_close(&b);
	rig_until(a.failures == 1);
	cr_expect(sip_flow_equal(a.failed[0].flow, old.flow));
	cr_expect(!sip_transport_is_open(a.transport, old.flow));
	cr_expect_eq(rig_stats(&a).connections_lost, 1);

	rig_open(&b, &plain);
	to.remote = rig_address(&b, 0);
	cr_expect_eq(send_text(&a, &to, REQUEST), 0);
	cr_expect(!sip_flow_equal(to.flow, old.flow));
	rig_until(b.received == 1);
	/* who still has the old handle is told of the end of its replacement too */
	rig_close(&b);
	rig_until(a.failures == 3);
	cr_expect(sip_flow_equal(a.failed[1].flow, to.flow));
	cr_expect(sip_flow_equal(a.failed[2].flow, old.flow));
}

Test(tcp, a_stale_handle_is_nobody_elses_connection)
{
	struct sip_path first, only;
	int fd;

	rig_open(&b, &plain);
	fd = bare_connect(&b, 0);
	bare_send(fd, REQUEST);
	rig_until(b.received == 1);
	first = b.from;
	close(fd);
	rig_until(b.failures == 1);
	fd = bare_connect(&b, 0);
	bare_send(fd, REQUEST);
	rig_until(b.received == 2);
	cr_expect_eq(b.from.flow.index, first.flow.index, "the place is used again");
	cr_expect(!sip_transport_is_open(b.transport, first.flow));
	cr_expect(sip_transport_is_open(b.transport, b.from.flow));
	only = b.from;
	only.flow.generation += 65536;
	cr_expect(!sip_transport_is_open(b.transport, only.flow), "not after a few uses");
	only = first;
	only.flags = SIP_PATH_FLOW_ONLY;
	cr_expect_eq(send_text(&b, &only, REQUEST), -ENOTCONN);
	cr_expect_eq(rig_stats(&b).connections_made, 0);
	close(fd);
}

/* --- limits --- */

Test(tcp, a_source_has_so_many_connections_and_no_more)
{
	struct sip_quota *quota;
	int fds[4];

	cr_assert_eq(sip_quota_create(100, 3, &quota), 0);
	rig_open(&b, &(struct sip_transport_config){ .quota = quota });
	for (unsigned i = 0; i < 4; i++)
		fds[i] = bare_connect(&b, 0);
	rig_until(bare_is_closed(fds[3]));
	cr_expect_eq(rig_stats(&b).refused_source, 1);
	cr_expect_eq(rig_stats(&b).connections, 3);
	cr_expect_eq(b.notices[SIP_NOTICE_REFUSED], 1);
	/* another source is served, and so is this one when one of its connections has gone */
	bare_send(fds[1] = bare_connect(&b, 1), REQUEST);
	rig_until(b.received == 1);
	close(fds[0]);
	rig_until(rig_stats(&b).connections == 3);
	bare_send(fds[0] = bare_connect(&b, 0), REQUEST);
	rig_until(b.received == 2);
	for (unsigned i = 0; i < 4; i++)
		close(fds[i]);
	rig_close(&b);
	sip_quota_destroy(quota);
}

Test(tcp, who_may_not_connect_is_closed_at_once)
{
	int fd;

	rig_open(&b, &plain);
	b.unwelcome = AF_INET;
	fd = bare_connect(&b, 0);
	rig_until(bare_is_closed(fd));
	cr_expect_eq(rig_stats(&b).refused_unwelcome, 1);
	cr_expect_eq(rig_stats(&b).connections_accepted, 0);
	close(fd);
	bare_send(fd = bare_connect(&b, 1), REQUEST);
	rig_until(b.received == 1);
	close(fd);
}

Test(tcp, there_are_so_many_connections_and_no_more)
{
	struct sip_quota *quota;
	struct sip_path to;
	int fd, more;

	cr_assert_eq(sip_quota_create(1, 100, &quota), 0);
	rig_open(&b, &(struct sip_transport_config){ .quota = quota });
	rig_open(&a, &plain);
	fd = bare_connect(&b, 0);
	more = bare_connect(&b, 1);
	rig_until(bare_is_closed(more));
	cr_expect_eq(rig_stats(&b).refused_connections, 1);
	to = rig_path(&b, &a, 0);
	cr_expect_eq(send_text(&b, &to, REQUEST), -EUSERS, "ours count as well");
	close(fd);
	rig_until(rig_stats(&b).connections == 0);
	cr_expect_eq(send_text(&b, &to, REQUEST), 0);
	rig_until(a.received == 1);
	close(more);
	rig_close(&b);
	sip_quota_destroy(quota);
}

Test(tcp, those_that_say_nothing_are_few_and_closed_in_time)
{
	struct sip_transport_limits limits = sip_transport_limits_default;
	int fds[3], half;

	limits.opening_max = 3;
	limits.opening_ms = 1000;
	rig_open(&b, &(struct sip_transport_config){ .limits = &limits });
	half = bare_connect(&b, 0);
	bare_send(half, REQUEST);
	rig_until(b.received == 1);
	bare_send(half, "OPTIONS sip:a");
	for (unsigned i = 0; i < 3; i++)
		fds[i] = bare_connect(&b, 0);
	rig_until(rig_stats(&b).opening == 3);
	bare_send(fds[0], "\r\n\r\nOPTIONS");
	{
		int more = bare_connect(&b, 0);

		rig_until(bare_is_closed(more));
		close(more);
	}
	cr_expect_eq(rig_stats(&b).refused_opening, 1);
	rig_until(rig_stats(&b).keepalives_answered == 1);
	rig_pass_time(999);
	cr_expect_eq(rig_stats(&b).connections, 4);
	/* one that has finished a message may stay; half a message may not */
	bare_send(fds[1], REQUEST);
	rig_until(b.received == 2);
	rig_pass_time(1);
	rig_until(bare_is_closed(fds[2]));
	rig_until(bare_is_closed(half));
	cr_expect_eq(rig_stats(&b).connections, 1);
	cr_expect_eq(rig_stats(&b).opening, 0);
	cr_expect_eq(rig_stats(&b).timeouts_opening, 3);
	for (unsigned i = 0; i < 3; i++)
		close(fds[i]);
	close(half);
}

Test(tcp, idle_connections_are_closed_and_keepalives_keep_them)
{
	struct sip_transport_limits limits = sip_transport_limits_default;
	int idle, kept;

	limits.idle_ms = 60000;
	rig_open(&b, &(struct sip_transport_config){ .limits = &limits });
	bare_send(idle = bare_connect(&b, 0), REQUEST);
	bare_send(kept = bare_connect(&b, 0), REQUEST);
	rig_until(b.received == 2);
	for (unsigned i = 1; i <= 4; i++) {
		rig_pass_time(29999);
		bare_send(kept, "\r\n\r\n");
		rig_until(rig_stats(&b).keepalives_answered == i);
	}
	rig_until(bare_is_closed(idle));
	cr_expect_eq(rig_stats(&b).timeouts_idle, 1);
	cr_expect_eq(rig_stats(&b).connections, 1);
	cr_expect_eq(b.error, -ETIMEDOUT);
	close(idle);
	close(kept);
}

Test(tcp, who_takes_nothing_is_given_so_much_and_closed_in_time)
{
	struct sip_transport_limits limits = sip_transport_limits_default;
	static char message[6000];
	struct sip_path to;
	int fd, rc = 0;

	limits.queue_max = 100000;
	limits.sending_ms = 5000;
	rig_open(&b, &(struct sip_transport_config){ .limits = &limits });
	bare_send(fd = bare_connect(&b, 0), REQUEST);
	rig_until(b.received == 1);
	to = b.from;
	memset(message, 'x', sizeof(message));
	for (unsigned i = 0; i < 10000 && rc == 0; i++) {
		rc = sip_transport_send(b.transport, &to, message, sizeof(message));
		if (i % 10 == 0)
			rig_turn();
	}
	cr_expect_eq(rc, -ENOBUFS);
	cr_expect_eq(rig_stats(&b).dropped_queue, 1);
	cr_expect_eq(b.notices[SIP_NOTICE_OVERFULL], 1);
	rig_pass_time(4999);
	cr_expect_eq(b.failures, 0);
	rig_pass_time(1);
	cr_expect_eq(b.failures, 1);
	cr_expect_eq(rig_stats(&b).timeouts_sending, 1);
	close(fd);
}

/* --- shards --- */

Test(tcp, a_connection_of_another_shard_is_used_through_that_one)
{
	struct sip_path to;
	int fd;

	rig_open(&a, &(struct sip_transport_config){ .shard = 1 });
	rig_open(&b, &(struct sip_transport_config){ .shard = 2 });
	bare_send(fd = bare_connect(&b, 0), REQUEST);
	rig_until(b.received == 1);
	to = b.from;
	cr_expect_eq(to.flow.shard, 2);
	cr_expect_eq(send_text(&a, &to, RESPONSE), 0);
	cr_expect_eq(a.passed, 1);
	cr_expect(sip_flow_equal(a.passed_to.flow, to.flow));
	cr_expect_eq(sip_transport_send_for(b.transport, 1, &to, RESPONSE, strlen(RESPONSE)), 0);
	close(fd);
	rig_until(b.failures == 1);
	cr_expect_eq(b.shards, 1u << 1);
}

static void copy_info(void *arg, const struct sip_flow_info *info)
{
	*(struct sip_flow_info *)arg = *info;
}

Test(tcp, connections_are_listed)
{
	struct sip_flow_info ours = { 0 }, theirs = { 0 };
	struct sip_path to;

	open_both();
	to = rig_path(&a, &b, 0);
	cr_expect_eq(send_text(&a, &to, REQUEST), 0);
	rig_until(b.received == 1);
	rig_pass_time(5000);
	sip_transport_each(a.transport, copy_info, &ours);
	sip_transport_each(b.transport, copy_info, &theirs);
	cr_expect(sip_flow_equal(ours.path.flow, to.flow));
	cr_expect_str_eq(ours.state, "open");
	cr_expect(!ours.inbound && theirs.inbound);
	cr_expect_eq(ours.sent, 1);
	cr_expect_eq(theirs.received, 1);
	cr_expect_eq(ours.age_ms, 5000);
	cr_expect_eq(ours.waiting, 0);
}

/* --- who is gone without a word --- */

Test(tcp, who_acknowledges_nothing_is_gone)
{
	static const struct {
		const char *what;
		struct tcp_info info;
		bool silent;
	} cases[] = {
		{ "all is acknowledged, long ago", { .tcpi_last_ack_recv = 500000 }, false },
		{ "sent just now, after a long time",
		  { .tcpi_unacked = 1, .tcpi_last_ack_recv = 500000 },
		  false },
		{ "a loss, in between others",
		  { .tcpi_unacked = 3,
		    .tcpi_retransmits = 2,
		    .tcpi_backoff = 2,
		    .tcpi_rto = 800000,
		    .tcpi_last_ack_recv = 900 },
		  false },
		{ "a second without the network, long after the last word",
		  { .tcpi_unacked = 1,
		    .tcpi_retransmits = 3,
		    .tcpi_backoff = 3,
		    .tcpi_rto = 1600000,
		    .tcpi_last_ack_recv = 20100 },
		  false },
		{ "repeated again and again",
		  { .tcpi_unacked = 1,
		    .tcpi_retransmits = 6,
		    .tcpi_backoff = 6,
		    .tcpi_rto = 12800000,
		    .tcpi_last_ack_recv = 20100 },
		  true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_eq(tcp_info_is_silent(&cases[i].info, 20000), cases[i].silent, "%s",
			     cases[i].what);
}

/* What is acknowledged is not waited for, however long nothing is said. */
Test(tcp, a_quiet_connection_is_not_taken_for_a_dead_one)
{
	struct sip_path to;

	open_both();
	to = rig_path(&a, &b, 0);
	cr_expect_eq(send_text(&a, &to, REQUEST), 0);
	rig_until(b.received == 1);
	for (unsigned i = 0; i < 10; i++)
		rig_pass_time(60000);
	cr_expect_eq(a.failures, 0);
	cr_expect_eq(rig_stats(&a).timeouts_sending, 0);
	cr_expect_eq(rig_stats(&a).connections, 1);
}

/* --- requests back (RFC 5923) --- */

Test(tcp, a_trusted_peer_has_requests_back_over_its_connection)
{
	char text[512] = "";
	struct sip_aliases *aliases;
	struct sip_path to, other;
	int fd;

	cr_assert_eq(sip_aliases_create(&aliases), 0);
	rig_open(&b, &(struct sip_transport_config){ .aliases = aliases });
	rig_open(&a, &(struct sip_transport_config){ .aliases = aliases, .shard = 1 });
	fd = bare_connect(&b, 0);
	bare_send(fd, REQUEST);
	rig_until(b.received == 1);
	cr_expect_eq(sip_transport_alias(b.transport, b.from.flow, SLICE("127.0.0.1"), 7777, false),
		     -EACCES);
	cr_expect_eq(sip_transport_alias(b.transport, b.from.flow, SLICE("127.0.0.2"), 7777, true),
		     -EACCES, "another's address");
	to = b.from;
	to.flow = (struct sip_flow){ 0 };
	to.remote.port = 7777;
	other = to;
	cr_assert_eq(sip_transport_alias(b.transport, b.from.flow, SLICE("127.0.0.1"), 7777, true),
		     0);
	cr_assert_eq(sip_transport_alias(b.transport, b.from.flow, SLICE("127.0.0.1"), 7777, true),
		     0);
	cr_assert_eq(send_text(&b, &to, REQUEST), 0);
	rig_until(bare_read(fd, text, sizeof(text)) && strlen(text) == strlen(REQUEST));
	cr_expect_eq(rig_stats(&b).connections_made, 0);
	cr_expect_eq(rig_stats(&b).aliases, 1);
	cr_expect_eq(rig_stats(&b).refused_aliases, 2);
	/* other shards know of it */
	to = other;
	cr_assert_eq(send_text(&a, &to, REQUEST), 0);
	cr_expect_eq(a.passed, 1);
	cr_expect(sip_flow_equal(a.passed_to.flow, b.from.flow));
	/* another port now; and what is gone takes nothing */
	cr_assert_eq(sip_transport_alias(b.transport, b.from.flow, SLICE("peer.lab"), 0, true), 0);
	to = other;
	to.remote.port = 5060;
	cr_assert_eq(send_text(&b, &to, REQUEST), 0);
	cr_expect_eq(rig_stats(&b).connections_made, 0);
	/* who waits on it is told of its end, by whichever name; a response was the last over it */
	to = b.from;
	cr_assert_eq(send_text(&b, &to, REQUEST), 0);
	close(fd);
	rig_until(rig_stats(&b).connections == 0);
	cr_assert_eq(b.failures, 2);
	cr_expect(sip_address_equal(&b.failed[0].remote, &b.from.remote));
	cr_expect_eq(b.failed[1].remote.port, 5060);
	cr_expect_eq(sip_transport_alias(b.transport, b.from.flow, SLICE("127.0.0.1"), 1, true),
		     -ENOTCONN);
	to = other;
	cr_assert_eq(send_text(&b, &to, REQUEST), 0);
	cr_expect_eq(rig_stats(&b).connections_made, 1);
	rig_close(&a);
	rig_close(&b);
	sip_aliases_destroy(aliases);
}
