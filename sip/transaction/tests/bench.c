/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/transaction/tests/bench.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>

static void on_request(void *arg, struct sip_transaction *server, struct sip_msg *request,
		       const struct sip_path *from, struct sip_transaction *cancelled)
{
	struct bench *bench = arg;

	(void)from;
	(void)request;
	bench->requests++;
	bench->server = server;
	bench->cancelled = cancelled;
	bench->merged = sip_transaction_is_merged(server);
	sip_transaction_set_user(server, &bench_user, bench);
	if (bench->reply != 0)
		sip_transaction_reply(server, bench->reply, NULL, SLICE_NONE, NULL);
}

static bool on_admit(void *arg, struct sip_msg *request, const struct sip_path *from)
{
	struct bench *bench = arg;

	if (bench->stateless == 0)
		return true;
	sip_transactions_reply(bench->layer, request, from, bench->stateless, NULL, NULL);
	return false;
}

static void on_ack(void *arg, struct sip_msg *ack, const struct sip_path *from)
{
	struct bench *bench = arg;

	(void)ack;
	(void)from;
	bench->acks++;
}

static void on_stray(void *arg, struct sip_msg *response, const struct sip_path *from)
{
	struct bench *bench = arg;

	(void)response;
	(void)from;
	bench->strays++;
}

static void on_response(void *arg, struct sip_transaction *client, struct sip_msg *response)
{
	struct bench *bench = arg;

	(void)client;
	bench->responses++;
	bench->last_status = response->status;
}

static void on_failed(void *arg, struct sip_transaction *t, enum sip_failure why)
{
	struct bench *bench = arg;

	(void)t;
	bench->failures++;
	bench->failure = why;
}

static void on_terminated(void *arg, struct sip_transaction *t)
{
	struct bench *bench = arg;

	bench->terminated++;
	if (bench->server == t)
		bench->server = NULL;
}

const struct sip_transaction_user bench_user = {
	.response = on_response,
	.failed = on_failed,
	.terminated = on_terminated,
};

static struct bench *opened;

static void on_heard(void *arg, const struct sip_path *to, const struct sip_msg *response)
{
	cr_assert_eq(arg, opened->us);
	cr_assert_not(response->is_request);
	opened->heard++;
	opened->heard_of = to->remote;
}

static void receive(void *arg, const char *data, size_t size, const struct sip_path *from)
{
	sip_transactions_receive(arg, data, size, from);
}

void bench_open(struct bench *bench, uint32_t transactions_max)
{
	bench_open_limited(bench, transactions_max, 0, 0);
}

void bench_open_limited(struct bench *bench, uint32_t transactions_max, uint32_t source_max,
			uint32_t remembered_max)
{
	struct sip_transactions_config config = {
		.timers = sip_timers_default,
		.tu = { .request = on_request,
			.admit = on_admit,
			.ack = on_ack,
			.stray_response = on_stray,
			.arg = bench },
		.send = network_send,
		.via_host = network_host,
		.heard = on_heard,
		.transactions_max = transactions_max,
		.source_max = source_max,
		.remembered_max = remembered_max,
		.server_name = "bench",
		.token = "n1s2",
	};

	memset(bench, 0, sizeof(*bench));
	opened = bench;
	bench->net = network_create(1);
	bench->us = network_node(bench->net, "192.0.2.1", 5060);
	bench->peer = network_node(bench->net, "192.0.2.2", 5060);
	config.wheel = bench->net->wheel;
	config.send_arg = bench->us;
	cr_assert_eq(sip_transactions_create(&config, &bench->layer), 0);
	bench->us->receive = receive;
	bench->us->arg = bench->layer;
}

void bench_close(struct bench *bench)
{
	sip_transactions_destroy(bench->layer);
	network_destroy(bench->net);
}

static void with_crlf(char *dst, size_t size, const char *text)
{
	size_t n = 0;

	for (; *text != '\0' && n + 3 < size; text++) {
		if (*text == '\n')
			dst[n++] = '\r';
		dst[n++] = *text;
	}
	dst[n] = '\0';
}

void peer_send(struct bench *bench, const char *format, ...)
{
	char text[4096], message[4096];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	with_crlf(message, sizeof(message), text);
	network_send_text(bench->peer, bench->us, message);
	network_run(bench->net, bench->net->delay_max);
}

void peer_request(struct bench *bench, const char *method, const char *branch)
{
	const bool ack = strcmp(method, "ACK") == 0;

	peer_send(bench,
		  "%s sip:bob@192.0.2.1 SIP/2.0\n"
		  "Via: SIP/2.0/UDP 192.0.2.2:5060;branch=%s;rport\n"
		  "Max-Forwards: 70\n"
		  "From: <sip:alice@192.0.2.2>;tag=a1\n"
		  "To: <sip:bob@192.0.2.1>%s\n"
		  "Call-ID: call-%s\n"
		  "CSeq: 1 %s\n"
		  "Contact: <sip:alice@192.0.2.2>\n"
		  "Content-Length: 0\n\n",
		  method, branch, ack ? ";tag=x" : "", branch, method);
}

struct sip_transaction *our_request(struct bench *bench, const char *method)
{
	struct sip_path to = network_path(bench->peer);
	struct sip_transaction *client = NULL;
	struct sip_build b;
	struct slice message;
	char buffer[2048];

	sip_build_init(&b, buffer, sizeof(buffer));
	sip_build_request_line(&b, slice_of(method), SLICE("sip:bob@192.0.2.2"));
	sip_build_header(&b, SIP_H_MAX_FORWARDS, "70");
	sip_build_header(&b, SIP_H_ROUTE, "<sip:192.0.2.2;lr>");
	sip_build_header(&b, SIP_H_FROM, "<sip:alice@192.0.2.1>;tag=f1");
	sip_build_header(&b, SIP_H_TO, "<sip:bob@192.0.2.2>");
	sip_build_header(&b, SIP_H_CALL_ID, "our-call");
	sip_build_header(&b, SIP_H_CSEQ, "7 %s", method);
	cr_assert_eq(sip_build_finish(&b, SLICE_NONE, SLICE_NONE, &message), 0);
	cr_assert_eq(sip_transaction_start(bench->layer, &to, message, &bench_user, bench, &client),
		     0);
	return client;
}

void peer_answer(struct bench *bench, const char *begins, unsigned nth, unsigned status,
		 const char *to_tag)
{
	struct sip_msg *request = network_parse(bench->net, bench->us, begins, nth);
	struct slice message;
	struct sip_build b;
	char buffer[2048];

	cr_assert_not_null(request, "nothing sent that begins with %s", begins);
	sip_build_init(&b, buffer, sizeof(buffer));
	sip_build_response(&b, request, status, sip_reason_text(status), slice_of(to_tag), false,
			   "192.0.2.1", 5060);
	cr_assert_eq(sip_build_finish(&b, SLICE_NONE, SLICE_NONE, &message), 0);
	sip_msg_unref(request);
	network_send(bench->peer, &(struct sip_path){ .remote = bench->us->address }, message.p,
		     message.n);
	network_run(bench->net, bench->net->delay_max);
}

struct sip_transactions_stats bench_stats(const struct bench *bench)
{
	struct sip_transactions_stats stats;

	sip_transactions_stats(bench->layer, &stats);
	return stats;
}
