/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls for a restart to find: contexts with two terminations each on a dataplane, and the record
 * of each in the store, as a control plane leaves both behind when it is killed. And the wait
 * until the next control plane has claimed them all.
 *
 *   restart_calls fill N RUN_DIR STATE_DIR   makes them
 *   restart_calls wait RUN_DIR SECONDS       until nobody's contexts are none; when, as
 *                                            CLOCK_MONOTONIC in ms
 *
 * The script restart_100k runs it.
 */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "controlplane/session/record.h"
#include "controlplane/store/store.h"
#include "dataplane/client/client.h"
#include "pktgen_tests/bench/program.h"

#define OPEN_MS        5000
#define REPLY_MS       5000
#define BURST          256u
#define FLIGHT         2048u /* commands without a reply */
#define LOOK_NS        1000000L
#define RECORDS_QUEUED 30000u /* the store's queue has room for more */
#define STEPS          3u     /* commands that make a call */
#define COOKIE(n)      ((uint64_t)(n) + 1)

struct call {
	dp_handle_t context;
	struct dp_address local[2];
};

struct fill {
	struct dp_client_channel *channel;
	struct call *calls;
	uint64_t count;
	uint64_t sent, done; /* commands; command k makes step k / count of call k % count */
};

static struct dp_client *attach(const char *run_dir, unsigned channels)
{
	struct dp_client *client;
	char path[256], why[256] = "";

	snprintf(path, sizeof(path), "%s/" DP_SOCKET_NAME, run_dir);
	if (dp_client_open(path, "restart_calls", channels, OPEN_MS, &client, why, sizeof(why)))
		die("%s", why);
	return client;
}

/* --- contexts and terminations --- */

/* Ids of shard 0, spread as random ones are. */
static uint64_t id_of(uint64_t n)
{
	return (n + 1) * UINT64_C(0x9e3779b97f4a7c15) >> 8;
}

/* Where the phones of call n listen: no two at the same address. */
static struct dp_address phone(uint64_t n, unsigned side)
{
	struct dp_address a = { .family = DP_FAMILY_IPV4, .port = (uint16_t)(10000 + side * 2) };

	a.ip[0] = 10;
	a.ip[1] = (uint8_t)(100 + (n >> 16));
	a.ip[2] = (uint8_t)(n >> 8);
	a.ip[3] = (uint8_t)n;
	return a;
}

static struct dp_termination_settings settings_of(uint64_t n, unsigned side)
{
	return (struct dp_termination_settings){
		.remote = phone(n, side),
		.direction = DP_DIRECTION_SENDRECV,
		.source_rule = DP_SOURCE_LEARN,
		.payload_type = 8,
		.telephone_event = 101,
		.clock_rate = 8000,
		.packet_rate_max = 1000,
		.codec = DP_CODEC_PCMA,
	};
}

static struct dp_command command_of(const struct fill *f, uint64_t k)
{
	uint64_t n = k % f->count;
	unsigned step = (unsigned)(k / f->count);
	struct dp_command c = { .cookie = COOKIE(k) };

	if (step == 0) {
		c.type = DP_COMMAND_CONTEXT_ADD;
		c.context_add.label = id_of(n);
		return c;
	}
	c.type = DP_COMMAND_TERMINATION_ADD;
	c.termination_add.context = f->calls[n].context;
	c.termination_add.local.family = DP_FAMILY_IPV4;
	c.termination_add.side = (uint8_t)(step - 1);
	c.termination_add.realm = 0;
	c.termination_add.settings = settings_of(n, step - 1);
	return c;
}

static void take_reply(struct fill *f, const struct dp_event *event)
{
	uint64_t k = event->cookie - 1, n = k % f->count;
	unsigned step = (unsigned)(k / f->count);

	if (event->type != DP_EVENT_REPLY)
		return;
	if (event->reply.status)
		die("command %" PRIu64 ": %s", k, strerror(-event->reply.status));
	if (step == 0)
		f->calls[n].context = event->reply.handle;
	else
		f->calls[n].local[step - 1] = event->reply.local;
	f->done++;
}

static void send_some(struct fill *f)
{
	while (f->sent < STEPS * f->count && f->sent - f->done < FLIGHT) {
		struct dp_command c = command_of(f, f->sent);

		/* A step begins when the one before it is done for all. */
		if (f->sent % f->count == 0 && f->done < f->sent)
			return;
		if (dp_channel_send(f->channel, &c))
			return;
		f->sent++;
	}
}

static void program(struct fill *f)
{
	struct dp_event events[BURST];

	while (f->done < STEPS * f->count) {
		unsigned n;

		send_some(f);
		n = dp_channel_receive(f->channel, events, BURST);
		for (unsigned i = 0; i < n; i++)
			take_reply(f, &events[i]);
		if (n == 0) {
			struct pollfd p = { .fd = dp_channel_fd(f->channel), .events = POLLIN };

			if (poll(&p, 1, REPLY_MS) == 0)
				die("no reply for %d ms", REPLY_MS);
		}
	}
}

/* --- records: what controlplane/engine/call_record.c writes of an answered call --- */

static void put_seat(struct record_writer *w, const struct call *call, uint64_t n, unsigned side)
{
	const struct dp_termination_settings s = settings_of(n, side);
	const struct dp_address none = { 0 };

	record_put_number(w, side);
	record_put_text(w, "default");
	record_put_address(w, &call->local[side]);
	record_put_address(w, &none);
	record_put_address(w, &s.remote);
	record_put_address(w, &none);
	record_put_number(w, s.direction);
	record_put_number(w, s.source_rule);
	record_put_text(w, "PCMA");
	record_put_number(w, s.payload_type);
	record_put_number(w, s.telephone_event);
	record_put_number(w, s.clock_rate);
	record_put_number(w, s.media_timeout_ms);
	record_put_number(w, s.flags);
}

static void put_codec(struct record_writer *w, const char *name, unsigned type, const char *fmtp)
{
	record_put_text(w, name);
	record_put_number(w, type);
	record_put_number(w, 8000);
	record_put_number(w, 1);
	record_put_text(w, fmtp);
}

static void put_description(struct record_writer *w, const struct dp_address *rtp)
{
	record_put_address(w, rtp);
	record_put_address(w, &(struct dp_address){ 0 });
	record_put_number(w, 3); /* sendrecv */
	record_put_text(w, "RTP/AVP");
	record_put_number(w, 20);
	record_put_number(w, 0);
	record_put_number(w, 2);
	put_codec(w, "PCMA", 8, "");
	put_codec(w, "telephone-event", 101, "0-15");
}

static void put_leg(struct record_writer *w, const struct call *call, uint64_t n, unsigned side)
{
	const struct dp_address remote = phone(n, side), none = { 0 };
	uint64_t id = id_of(n);
	char dialog[1024];

	snprintf(dialog, sizeof(dialog),
		 "v=1 role=%s call-id=%s%016" PRIx64 " local-tag=t00000-%016" PRIx64
		 "%u remote-tag=%016" PRIx64 "%u local=<sip:%u@bench.example> "
		 "remote=<sip:%u@bench.example> contact=<sip:bench@127.0.0.1:5060> local-cseq=1 "
		 "remote-cseq=1 target=sip:phone%" PRIu64
		 "@127.0.0.1:5090 ip=127.0.0.1 port=5090 kind=0 listener=0 natted=0",
		 side ? "uac" : "uas", side ? "t00000-" : "", id + side, id, side, id, side, side,
		 1 - side, n);
	record_put_number(w, id + 1 + side);
	record_put_number(w, side);
	record_put_number(w, !side); /* we answered the caller */
	record_put_number(w, 3);     /* sendrecv */
	record_put_number(w, n + 1);
	record_put_number(w, n + 2);
	put_description(w, &remote);
	put_description(w, &none);
	put_description(w, &none);
	record_put_address(w, &call->local[side]);
	record_put_text(w, dialog);
}

static void record(struct store *store, const struct call *call, uint64_t n)
{
	char text[8192];
	const struct store_call row = { .id = id_of(n), .text = text };
	struct record_writer w;
	int error;

	record_begin(&w, text, sizeof(text));
	record_put_number(&w, RECORD_VERSION);
	record_put_text(&w, "0@bench.example");
	record_put_text(&w, "1@bench.example");
	record_put_text(&w, "127.0.0.1:5090");
	record_put_text(&w, "127.0.0.1:5090");
	record_put_text(&w, "");
	record_put_text(&w, "");
	for (unsigned i = 1; i <= 3; i++)
		record_put_number(&w, i); /* started, ringing, answered */
	record_put_text(&w, "");          /* answered by who was called */
	for (unsigned i = 0; i < 3; i++)
		record_put_number(&w, 0); /* nobody withholds a name, no transfers */
	put_seat(&w, call, n, 0);
	put_seat(&w, call, n, 1);
	put_leg(&w, call, n, 0);
	put_leg(&w, call, n, 1);
	if (w.overflow)
		die("a record of more than %zu bytes", sizeof(text));
	error = store_call_put(store, &row);
	if (error)
		die("record: %s", strerror(-error));
}

static int fill(uint64_t count, const char *run_dir, const char *state_dir)
{
	struct fill f = { .count = count, .calls = calloc(count, sizeof(struct call)) };
	struct dp_client *client = attach(run_dir, 1);
	struct store *store;
	char why[256];
	uint64_t begin = now_ms();

	if (!f.calls)
		die("no memory");
	f.channel = dp_client_channel(client, 0);
	program(&f);
	fprintf(stderr, "%" PRIu64 " calls programmed in %" PRIu64 " ms\n", count,
		now_ms() - begin);
	if (store_open(state_dir, &store, why, sizeof(why)))
		die("%s", why);
	for (uint64_t n = 0; n < count; n++) {
		record(store, &f.calls[n], n);
		if (n % RECORDS_QUEUED == 0)
			store_flush(store);
	}
	store_close(store);
	fprintf(stderr, "and recorded, after %" PRIu64 " ms\n", now_ms() - begin);
	free(f.calls);
	dp_client_close(client);
	return 0;
}

static int wait_claimed(const char *run_dir, unsigned seconds)
{
	struct dp_client *client = attach(run_dir, 0);
	const struct dp_stats_header *stats = dp_client_stats(client);
	const struct timespec pause = { .tv_nsec = LOOK_NS };
	uint64_t end = now_ms() + seconds * UINT64_C(1000);

	while (__atomic_load_n(&stats->unclaimed, __ATOMIC_RELAXED) > 0) {
		if (now_ms() > end)
			die("%u contexts are nobody's still", stats->unclaimed);
		nanosleep(&pause, NULL);
	}
	printf("%" PRIu64 "\n", now_ms());
	dp_client_close(client);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 5 && strcmp(argv[1], "fill") == 0)
		return fill(strtoull(argv[2], NULL, 10), argv[3], argv[4]);
	if (argc == 4 && strcmp(argv[1], "wait") == 0)
		return wait_claimed(argv[2], (unsigned)strtoul(argv[3], NULL, 10));
	fputs("usage: restart_calls fill N RUN_DIR STATE_DIR | wait RUN_DIR SECONDS\n", stderr);
	return 2;
}
