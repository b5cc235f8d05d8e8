/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a message costs: index, parse, all standard headers touched, built, answered; nanoseconds,
 * without a network. The floor is what no parser can do without: its bytes are copied once and
 * looked through once for their line ends (memcpy, memchr), in the same run.
 *
 *   sip_parse [-r ROUNDS] [-l CORE]
 *
 * Each figure is a line of JSON: the lowest and the median of the rounds.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "pktgen_tests/bench/program.h"
#include "sip/message/build.h"
#include "sip/message/typed.h"

#define ROUNDS_MAX 1000
#define REPEATS    2000 /* messages in a round */

static const char sdp[] = "v=0\r\n"
			  "o=- 3724394400 3724394400 IN IP4 198.51.100.23\r\n"
			  "s=-\r\n"
			  "c=IN IP4 198.51.100.23\r\n"
			  "t=0 0\r\n"
			  "m=audio 49170 RTP/AVP 8 0 101\r\n"
			  "a=rtpmap:8 PCMA/8000\r\n"
			  "a=rtpmap:0 PCMU/8000\r\n"
			  "a=rtpmap:101 telephone-event/8000\r\n"
			  "a=ptime:20\r\n";

static const char invite_head[] =
	"INVITE sip:+442079460123@sbc.example.net;user=phone SIP/2.0\r\n"
	"Via: SIP/2.0/UDP 198.51.100.23:5060;branch=z9hG4bK74bf9f3a5e1c8d20;rport\r\n"
	"Max-Forwards: 69\r\n"
	"From: \"Alice Example\" <sip:+442079460999@example.com;user=phone>;tag=9fxced76sl\r\n"
	"To: <sip:+442079460123@sbc.example.net;user=phone>\r\n"
	"Call-ID: 3848276298220188511@198.51.100.23\r\n"
	"CSeq: 102 INVITE\r\n"
	"Contact: <sip:+442079460999@198.51.100.23:5060;transport=udp>\r\n"
	"P-Asserted-Identity: <sip:+442079460999@example.com>\r\n"
	"Accept: application/sdp, multipart/mixed\r\n"
	"Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, PRACK, UPDATE\r\n"
	"Supported: 100rel, timer\r\n"
	"Session-Expires: 1800\r\n"
	"User-Agent: Example SBC 7.2\r\n"
	"Content-Type: application/sdp\r\n";

static const char register_head[] =
	"REGISTER sip:example.com SIP/2.0\r\n"
	"Via: SIP/2.0/UDP 192.0.2.15:5060;branch=z9hG4bKnashds7;rport\r\n"
	"Max-Forwards: 70\r\n"
	"From: <sip:alice@example.com>;tag=456248\r\n"
	"To: <sip:alice@example.com>\r\n"
	"Call-ID: 843817637684230@998sdasdh09\r\n"
	"CSeq: 1827 REGISTER\r\n"
	"Contact: <sip:alice@192.0.2.15:5060>;expires=3600\r\n"
	"Authorization: Digest username=\"alice\", realm=\"example.com\", "
	"nonce=\"84a4cc6f3082121f32b42a2187831a9e\", uri=\"sip:example.com\", "
	"response=\"7587245234b3434cc3412213e5f113a5\", algorithm=MD5, qop=auth, nc=00000001, "
	"cnonce=\"0a4f113b\"\r\n"
	"Expires: 3600\r\n"
	"User-Agent: Example Phone 1.0\r\n";

static const char ok_head[] =
	"SIP/2.0 200 OK\r\n"
	"Via: SIP/2.0/UDP 198.51.100.23:5060;branch=z9hG4bK74bf9f3a5e1c8d20;rport=5060"
	";received=198.51.100.23\r\n"
	"Record-Route: <sip:192.0.2.1;lr>\r\n"
	"From: \"Alice Example\" <sip:+442079460999@example.com;user=phone>;tag=9fxced76sl\r\n"
	"To: <sip:+442079460123@sbc.example.net;user=phone>;tag=8321234356\r\n"
	"Call-ID: 3848276298220188511@198.51.100.23\r\n"
	"CSeq: 102 INVITE\r\n"
	"Contact: <sip:+442079460123@192.0.2.4:5060>\r\n"
	"Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, PRACK, UPDATE\r\n"
	"Supported: 100rel, timer\r\n"
	"Content-Type: application/sdp\r\n";

struct text {
	char data[2048];
	size_t n;
};

static struct text invite, registration, ok;
static struct sip_msg *parsed; /* the INVITE */
static volatile uint64_t sink;

static void compose(struct text *text, const char *head, const char *body)
{
	int n = snprintf(text->data, sizeof(text->data), "%sContent-Length: %zu\r\n\r\n%s", head,
			 strlen(body), body);

	text->n = (size_t)n;
}

static struct sip_msg *parse(const struct text *text)
{
	struct sip_parse_error error;
	struct sip_msg *msg;

	if (sip_msg_parse(text->data, text->n, NULL, &msg, &error) != 0)
		die("%s", error.what);
	return msg;
}

/* --- what is measured -------------------------------------------------------------------------- */

static void floor_of(const struct text *text)
{
	static char copy[sizeof(text->data)];
	const char *p = copy, *end = copy + text->n;
	uint64_t lines = 0;

	memcpy(copy, text->data, text->n);
	__asm__ volatile("" : : "r"(copy) : "memory");
	while ((p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		p++;
		lines++;
	}
	sink += lines;
}

static void run_floor(void)
{
	floor_of(&invite);
}

static void run_index(void)
{
	struct sip_parse_error error;
	struct sip_msg *msg;

	if (sip_msg_index(invite.data, invite.n, NULL, &msg, &error) != 0)
		die("%s", error.what);
	sink += msg->header_count;
	sip_msg_unref(msg);
}

static void run_parse(void)
{
	sip_msg_unref(parse(&invite));
}

static void run_parse_register(void)
{
	sip_msg_unref(parse(&registration));
}

static void run_parse_ok(void)
{
	sip_msg_unref(parse(&ok));
}

/* Each header of the INVITE, as who makes a call of it would. */
static void run_touch(void)
{
	struct sip_msg *msg = parse(&invite);
	struct sip_cursor cursor = { 0 };
	struct sip_addr contact;
	struct slice value;
	uint32_t number;

	sink += msg->uri.user.n + msg->via.branch.n + msg->from_tag.n + msg->to.uri.user.n;
	sink += msg->call_id.n + msg->cseq.number + (uint64_t)msg->max_forwards;
	if (sip_msg_contact(msg, &contact) == 0)
		sink += contact.uri.host.n;
	while (sip_msg_each(msg, SIP_H_P_ASSERTED_IDENTITY, &cursor, &value)) {
		if (sip_addr_parse(value, &contact) == 0)
			sink += contact.uri.user.n;
	}
	sink += sip_msg_has_token(msg, SIP_H_ACCEPT, SLICE("application/sdp"));
	while (sip_msg_each(msg, SIP_H_ALLOW, &cursor, &value))
		sink += (uint64_t)sip_method_of(value);
	sink += sip_msg_has_token(msg, SIP_H_SUPPORTED, SLICE("timer"));
	if (sip_msg_number(msg, SIP_H_SESSION_EXPIRES, &number) == 0)
		sink += number;
	sink += sip_content_type_is(msg, SLICE("application/sdp"));
	sink += sip_msg_value(msg, SIP_H_USER_AGENT).n + msg->body.n;
	sip_msg_unref(msg);
}

static char scratch[4096];

static void run_build_request(void)
{
	struct sip_build b;
	struct slice message;

	sip_build_init(&b, scratch, sizeof(scratch));
	sip_build_request_line(&b, SLICE("INVITE"), parsed->request_uri);
	sip_build_header_u32(&b, SIP_H_MAX_FORWARDS, 68);
	sip_build_begin(&b, SIP_H_FROM);
	sip_build_text(&b, SLICE("\"Alice Example\" <sip:+442079460999@example.com>;tag="));
	sip_build_text(&b, parsed->from_tag);
	sip_build_end(&b);
	sip_build_copy(&b, parsed, SIP_H_TO);
	sip_build_header_slice(&b, SIP_H_CALL_ID, parsed->call_id);
	sip_build_cseq(&b, 1, SLICE("INVITE"));
	sip_build_copy(&b, parsed, SIP_H_CONTACT);
	sip_build_copy(&b, parsed, SIP_H_ALLOW);
	sip_build_copy(&b, parsed, SIP_H_SUPPORTED);
	sip_build_copy(&b, parsed, SIP_H_SESSION_EXPIRES);
	sip_build_copy(&b, parsed, SIP_H_USER_AGENT);
	if (sip_build_finish(&b, SLICE("application/sdp"), parsed->body, &message) != 0)
		die("the request does not fit");
	sink += message.n;
}

static void run_build_response(void)
{
	struct sip_build b;
	struct slice message;

	sip_build_init(&b, scratch, sizeof(scratch));
	sip_build_response(&b, parsed, 200, "OK", SLICE("8321234356"), true, "198.51.100.23", 5060);
	sip_build_header_slice(&b, SIP_H_CONTACT, SLICE("<sip:192.0.2.4:5060>"));
	sip_build_header_slice(&b, SIP_H_SERVER, SLICE("Tandem"));
	if (sip_build_finish(&b, SLICE("application/sdp"), parsed->body, &message) != 0)
		die("the response does not fit");
	sink += message.n;
}

/* --- rounds -------------------------------------------------------------------------------------- */

static const struct part {
	const char *name;
	void (*run)(void);
	const struct text *text; /* NULL: none of its own */
	const char *what;
} parts[] = {
	{ "floor", run_floor, &invite, "memcpy and memchr of the INVITE" },
	{ "index", run_index, &invite, "headers and body of the INVITE found" },
	{ "parse", run_parse, &invite, "INVITE parsed and checked" },
	{ "touch", run_touch, &invite, "INVITE parsed, all of its headers touched" },
	{ "parse_register", run_parse_register, &registration, "REGISTER parsed and checked" },
	{ "parse_200", run_parse_ok, &ok, "200 parsed and checked" },
	{ "build_invite", run_build_request, NULL, "INVITE built" },
	{ "build_200", run_build_response, NULL, "200 built" },
};
#define PARTS (sizeof(parts) / sizeof(parts[0]))

static double ns[PARTS][ROUNDS_MAX];

static double time_round(void (*run)(void))
{
	struct timespec from, to;

	clock_gettime(CLOCK_MONOTONIC, &from);
	for (unsigned i = 0; i < REPEATS; i++)
		run();
	clock_gettime(CLOCK_MONOTONIC, &to);
	return ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) /
	       REPEATS;
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Round by round, so that what disturbs the machine meets all alike. */
static void measure(unsigned rounds)
{
	uint64_t before = 0;

	for (unsigned r = 0; r < rounds + 1; r++) {
		for (size_t i = 0; i < PARTS; i++) {
			const double t = time_round(parts[i].run);

			if (r > 0)
				ns[i][r - 1] = t;
		}
		if (r == 0)
			before = sip_msg_allocations();
	}
	for (size_t i = 0; i < PARTS; i++) {
		qsort(ns[i], rounds, sizeof(ns[i][0]), compare);
		printf("{\"figure\":\"sip_%s_ns\",\"value\":%.0f,\"median\":%.0f,\"unit\":\"ns\","
		       "\"bytes\":%zu,\"note\":\"%s\"}\n",
		       parts[i].name, ns[i][0], ns[i][rounds / 2],
		       parts[i].text != NULL ? parts[i].text->n : 0, parts[i].what);
	}
	printf("{\"figure\":\"sip_message_allocations\",\"value\":%" PRIu64
	       ",\"unit\":\"blocks\",\"note\":\"after the first round\"}\n",
	       sip_msg_allocations() - before);
}

int main(int argc, char **argv)
{
	const unsigned rounds = take_rounds(argc, argv, ROUNDS_MAX);

	compose(&invite, invite_head, sdp);
	compose(&registration, register_head, "");
	compose(&ok, ok_head, sdp);
	parsed = parse(&invite);
	measure(rounds);
	sip_msg_unref(parsed);
	return EXIT_SUCCESS;
}
