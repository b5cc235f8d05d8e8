/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

#include "sip/transport/tests/rig.h"

#define UPGRADE                                                                        \
	"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"   \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" \
	"Sec-WebSocket-Protocol: sip\r\n\r\n"
#define REQUEST  "OPTIONS sip:a SIP/2.0\r\nSubject: no length\r\n\r\nhi"
#define RESPONSE "SIP/2.0 200 OK\r\n\r\n"

static struct end b;
static int fd;
static char got[20000];

static void set_up(void)
{
	struct sip_listener_config listener = { .kind = SIP_WS };

	rig_set_up();
	sip_address_parse(SLICE("127.0.0.1"), 0, &listener.address);
	rig_open(&b, &(struct sip_transport_config){ .listeners = &listener, .listener_count = 1 });
	fd = bare_connect(&b, 0);
	got[0] = '\0';
}

static void tear_down(void)
{
	close(fd);
	rig_tear_down();
}

TestSuite(ws, .init = set_up, .fini = tear_down);

static void upgrade(void)
{
	bare_send(fd, UPGRADE);
	rig_until(bare_read(fd, got, sizeof(got)) && strstr(got, "\r\n\r\n") != NULL);
	cr_assert_eq(strncmp(got, "HTTP/1.1 101 ", 13), 0, "%s", got);
	got[0] = '\0';
}

/* A frame of a client; the mask leaves the bytes as they are but for one in four. */
static size_t make_frame(char frame[10000], unsigned first, const char *payload)
{
	size_t size = strlen(payload), n = 2;

	frame[0] = (char)first;
	frame[1] = (char)(0x80 | (size < 126 ? size : 126));
	if (size >= 126) {
		frame[n++] = (char)(size >> 8);
		frame[n++] = (char)size;
	}
	memcpy(frame + n, "\0\0\x55\0", 4);
	n += 4;
	for (size_t i = 0; i < size; i++)
		frame[n++] = (char)(payload[i] ^ (i % 4 == 2 ? 0x55 : 0));
	return n;
}

static void send_frame(unsigned first, const char *payload)
{
	static char frame[10000];
	const size_t n = make_frame(frame, first, payload);

	cr_assert_eq(send(fd, frame, n, MSG_NOSIGNAL), (ssize_t)n);
}

static void expect(const char *bytes, size_t size)
{
	char data[256];
	size_t n = 0;

	rig_deadline = uv_hrtime() + 10000000000u;
	while (n < size) {
		ssize_t more = recv(fd, data + n, size - n, MSG_DONTWAIT);

		cr_assert_lt(uv_hrtime(), rig_deadline);
		cr_assert_neq(more, 0, "closed after %zu of %zu", n, size);
		n += more > 0 ? (size_t)more : 0;
		rig_turn();
	}
	cr_expect_eq(memcmp(data, bytes, size), 0);
}

Test(ws, messages_cross_in_frames_without_a_length)
{
	b.answer = RESPONSE;
	upgrade();
	send_frame(0x81, REQUEST);
	rig_until(b.received == 1);
	cr_expect_str_eq(b.last, REQUEST);
	cr_expect_eq(b.from.kind, SIP_WS);
	expect("\x81\x12" RESPONSE, 2 + 18);
	/* binary where it is no UTF-8 */
	b.answer = "SIP/2.0 200 \xe4\r\n\r\n";
	send_frame(0x82, REQUEST);
	expect("\x82\x11SIP/2.0 200 \xe4\r\n\r\n", 2 + 17);
}

Test(ws, a_frame_may_come_by_single_bytes)
{
	static char frame[10000];
	const size_t n = make_frame(frame, 0x81, REQUEST);

	upgrade();
	for (size_t i = 0; i < n; i++) {
		cr_assert_eq(send(fd, frame + i, 1, MSG_NOSIGNAL), 1);
		rig_turn();
	}
	rig_until(b.received == 1);
	cr_expect_str_eq(b.last, REQUEST);
}

Test(ws, fragments_make_a_message_and_pings_may_come_between)
{
	upgrade();
	send_frame(0x01, "OPTIONS sip:a ");
	send_frame(0x89, "are you there");
	send_frame(0x00, "SIP/2.0\r\n");
	send_frame(0x80, "\r\n");
	expect("\x8a\x0d"
	       "are you there",
	       15);
	rig_until(b.received == 1);
	cr_expect_str_eq(b.last, "OPTIONS sip:a SIP/2.0\r\n\r\n");
	cr_expect_eq(rig_stats(&b).keepalives_answered, 1);
}

Test(ws, crlfs_in_a_message_are_answered_and_our_pings_sent)
{
	upgrade();
	send_frame(0x81, "\r\n\r\n");
	expect("\x81\x02\r\n", 4);
	send_frame(0x81, REQUEST);
	rig_until(b.received == 1);
	cr_expect_eq(sip_transport_ping(b.transport, &b.from), 0);
	expect("\x89\x00", 2);
}

Test(ws, before_the_upgrade_there_is_no_sip)
{
	bare_send(fd, "GET / HTTP/1.1\r\nHost: h\r\n\r\n" REQUEST);
	rig_until(!bare_read(fd, got, sizeof(got)));
	cr_expect_eq(strncmp(got, "HTTP/1.1 426 ", 13), 0, "%s", got);
	cr_expect_eq(b.received, 0);
	cr_expect_eq(rig_stats(&b).ws_refused, 1);
}

Test(ws, http_has_an_end)
{
	static char line[5000];

	memset(line, 'x', sizeof(line) - 1);
	bare_send(fd, line);
	rig_until(bare_is_closed(fd));
	cr_expect_eq(rig_stats(&b).ws_refused, 1);
}

Test(ws, what_breaks_the_rules_is_closed_with_a_code)
{
	static char large[RIG_MESSAGE_MAX + 2];
	static const struct {
		const char *name, *frame;
		size_t size;
		char code;
	} wrong[] = {
		{ "not masked", "\x81\x02hi", 4, (char)0xea },
		{ "reserved bits", "\xc1\x80\0\0\0\0", 6, (char)0xea },
		{ "a continuation of nothing", "\x80\x80\0\0\0\0", 6, (char)0xea },
		{ "an unknown opcode", "\x83\x80\0\0\0\0", 6, (char)0xea },
		{ "a ping in fragments", "\x09\x80\0\0\0\0", 6, (char)0xea },
		{ "too large", "\x81\xff\0\0\0\1\0\0\0\0\0\0\0\0", 14, (char)0xf1 },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		const char close_frame[] = { (char)0x88, 2, 3, wrong[i].code };

		upgrade();
		cr_assert_eq(send(fd, wrong[i].frame, wrong[i].size, MSG_NOSIGNAL),
			     (ssize_t)wrong[i].size);
		expect(close_frame, 4);
		rig_until(bare_is_closed(fd));
		close(fd);
		fd = bare_connect(&b, 0);
	}
	/* fragments that grow too large together */
	upgrade();
	memset(large, 'x', RIG_MESSAGE_MAX / 2 + 1);
	send_frame(0x01, large);
	send_frame(0x00, large);
	expect("\x88\x02\x03\xf1", 4);
	cr_expect_eq(b.received, 0);
	cr_expect_eq(rig_stats(&b).dropped_framing, 7);
}

Test(ws, a_close_is_answered)
{
	upgrade();
	send_frame(0x88, "\x03\xe8 bye");
	expect("\x88\x02\x03\xe8", 4);
	rig_until(bare_is_closed(fd));
	cr_expect_eq(rig_stats(&b).connections, 0);
}

Test(ws, nobody_is_connected_to)
{
	struct sip_path to;
	struct sip_address nobody;

	sip_address_parse(SLICE("127.0.0.1"), 9, &nobody);
	cr_assert_eq(sip_transport_path(b.transport, SIP_WS, SIP_LISTENERS_ANY, &nobody, &to), 0);
	cr_expect_lt(sip_transport_send(b.transport, &to, REQUEST, sizeof(REQUEST) - 1), 0);
}

/* Each fragment comes in time, the message does not. */
Test(ws, fragments_do_not_prolong_a_message)
{
	const uint64_t step_ms = sip_transport_limits_default.opening_ms / 4;
	unsigned pings = 0;

	upgrade();
	send_frame(0x81, REQUEST); /* it is no newcomer */
	rig_until(b.received == 1);
	send_frame(0x01, "OPTIONS ");
	for (unsigned i = 0; i < 3; i++) {
		send_frame(0x00, "x");
		send_frame(0x89, "");
		pings++;
		rig_until(rig_stats(&b).keepalives_answered == pings);
		rig_pass_time(step_ms);
	}
	cr_expect_eq(rig_stats(&b).timeouts_opening, 0);
	rig_pass_time(step_ms);
	cr_expect_eq(rig_stats(&b).timeouts_opening, 1);
	rig_until(bare_is_closed(fd));
}

Test(ws, a_message_begins_with_its_first_fragment)
{
	const uint64_t most_ms = sip_transport_limits_default.opening_ms;

	upgrade();
	send_frame(0x81, REQUEST);
	rig_until(b.received == 1);
	b.received = 0;
	for (unsigned i = 1; i <= 3; i++) {
		send_frame(0x01, "OPTIONS sip:a ");
		send_frame(0x89, "");
		rig_until(rig_stats(&b).keepalives_answered == i);
		rig_pass_time(most_ms / 2);
		send_frame(0x80, "SIP/2.0\r\n\r\n");
		rig_until(b.received == i);
	}
	cr_expect_eq(rig_stats(&b).timeouts_opening, 0);
}
