/* SPDX-License-Identifier: BSD-3-Clause */
/* From the taps of two shards to whoever listens, and to a file. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controlplane/monitor/file.h"
#include "controlplane/monitor/monitor.h"

struct world {
	struct tap taps[2];
	struct config_monitor config;
	struct monitor *monitor;
	struct monitor_listener *listener;
	char seen[1024]; /* Call-ID and call of each message */
	bool leave;      /* in the callback */
};

static void set_up(struct world *w)
{
	struct monitor_config config = { .taps = { &w->taps[0], &w->taps[1] },
					 .tap_count = 2,
					 .config = &w->config };
	char why[128] = "";

	cr_assert_eq(monitor_create(&config, &w->monitor, why, sizeof(why)), 0, "%s", why);
}

static void on_message(void *arg, const struct trace_record *record, const char *data)
{
	struct world *w = arg;
	const char *id = strstr(data, "Call-ID: ") + 9;
	size_t n = strlen(w->seen);

	snprintf(w->seen + n, sizeof(w->seen) - n, "%.1s%lu ", id, (unsigned long)record->call);
	if (w->leave)
		monitor_unlisten(w->monitor, w->listener);
}

static void put(struct world *w, unsigned shard, uint64_t time_ns, const char *method,
		const char *from, const char *call_id, const char *remote)
{
	struct trace_record record = { .time_ns = time_ns };
	char text[512];

	snprintf(text, sizeof(text),
		 "%s sip:bob@tandem.lab SIP/2.0\r\nVia: SIP/2.0/UDP x;branch=z9hG4bK1\r\n"
		 "From: <sip:%s@tandem.lab>;tag=1\r\nTo: <sip:bob@tandem.lab>\r\nCall-ID: %s\r\n"
		 "CSeq: 1 %s\r\nAuthorization: Digest response=\"secret\"\r\n"
		 "Content-Length: 0\r\n\r\n",
		 method, from, call_id, method);
	sip_address_parse(slice_of(remote), 5062, &record.remote);
	sip_address_parse(SLICE("198.18.0.10"), 5060, &record.local);
	record.size = (uint32_t)strlen(text);
	if (tap_is_on(&w->taps[shard]))
		tap_put(&w->taps[shard], &record, text);
}

static void listen_for(struct world *w, struct trace_filter filter)
{
	cr_assert_eq(monitor_listen(w->monitor, &filter, false, on_message, w, &w->listener), 0);
}

/* Call 7 has the legs a (alice's) and b, on two shards; c is another one's. */
static void call(struct world *w)
{
	put(w, 0, 1000, "INVITE", "alice", "a", "198.18.0.101");
	tap_call(&w->taps[1], 7, SLICE("a"));
	put(w, 0, 1500, "OPTIONS", "carrol", "c", "198.18.0.103");
	put(w, 1, 1200, "INVITE", "pbx", "b", "198.18.0.102");
	tap_call(&w->taps[1], 7, SLICE("b"));
	put(w, 1, 1700, "BYE", "pbx", "b", "198.18.0.102");
}

Test(monitor, whoever_is_chosen_by_one_leg_is_followed_on_both)
{
	static const struct {
		struct trace_filter filter;
		const char *seen;
	} rows[] = {
		{ { .call = 0 }, "a7 b7 c0 b7 " },
		{ { .call = 7 }, "a7 b7 b7 " },
		{ { .call = 8 }, "" },
		{ { .from = "alice" }, "a7 b7 b7 " },
		{ { .from = "alice@TANDEM.lab" }, "a7 b7 b7 " },
		{ { .from = "alice@other.lab" }, "" },
		{ { .from = "carrol" }, "c0 " },
		{ { .to = "bob" }, "a7 b7 c0 b7 " },
		{ { .method = "invite" }, "a7 b7 " },
		{ { .from = "alice", .method = "BYE" }, "b7 " },
		{ { .source = { .family = AF_INET, .ip = { 198, 18, 0, 102 } } }, "b7 b7 " },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world w = { .monitor = NULL };

		set_up(&w);
		listen_for(&w, rows[i].filter);
		call(&w);
		monitor_run(w.monitor, UINT64_MAX);
		cr_expect_str_eq(w.seen, rows[i].seen, "%zu: %s", i, w.seen);
		monitor_destroy(w.monitor);
	}
}

Test(monitor, messages_wait_until_their_call_is_known_and_come_once)
{
	struct world w = { .monitor = NULL };

	set_up(&w);
	call(&w);
	cr_assert_null(w.taps[0].ring, "nobody looks");
	listen_for(&w, (struct trace_filter){ .call = 0 });
	put(&w, 0, 1000, "INVITE", "alice", "a", "198.18.0.101");
	monitor_run(w.monitor, 1000);
	cr_assert_str_eq(w.seen, "");
	tap_call(&w.taps[1], 7, SLICE("a"));
	monitor_run(w.monitor, 1001);
	cr_assert_str_eq(w.seen, "a7 ");
	monitor_run(w.monitor, UINT64_MAX);
	cr_assert_str_eq(w.seen, "a7 ");
	monitor_destroy(w.monitor);
}

Test(monitor, a_clock_that_is_set_back_stops_no_trace)
{
	const uint64_t hour_ns = UINT64_C(3600000000000);
	struct world w = { .monitor = NULL };

	set_up(&w);
	listen_for(&w, (struct trace_filter){ .call = 0 });
	put(&w, 0, hour_ns, "INVITE", "alice", "a", "198.18.0.101");
	put(&w, 1, 2000, "INVITE", "alice", "b", "198.18.0.101");
	put(&w, 0, 1000, "INVITE", "alice", "c", "198.18.0.101");
	monitor_run(w.monitor, 1500);
	cr_assert_str_eq(w.seen, "a0 c0 ");
	monitor_run(w.monitor, 2500);
	cr_assert_str_eq(w.seen, "a0 c0 b0 ");
	monitor_destroy(w.monitor);
}

Test(monitor, a_listener_may_leave_while_it_is_told)
{
	struct world w = { .leave = true };

	set_up(&w);
	listen_for(&w, (struct trace_filter){ .call = 0 });
	call(&w);
	monitor_run(w.monitor, UINT64_MAX);
	cr_assert_str_eq(w.seen, "a7 ");
	cr_assert_not(tap_is_on(&w.taps[0]));
	monitor_destroy(w.monitor);
}

Test(file, is_rotated_when_it_is_full)
{
	char directory[] = "/tmp/tandem-monitor-XXXXXX", path[64], old[72];
	struct trace_record record = { .time_ns = 1, .size = 5 };
	struct trace_file *file;
	struct stat info;

	cr_assert_not_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/sip.pcapng", directory);
	snprintf(old, sizeof(old), "%s.1", path);
	sip_address_parse(SLICE("198.18.0.10"), 5060, &record.local);
	record.remote = record.local;
	cr_assert_eq(trace_file_open(path, 4096, &file), 0);
	for (int i = 0; i < 100; i++)
		cr_assert_eq(trace_file_write(file, &record, "hello"), 0);
	trace_file_close(file);
	cr_assert_eq(stat(path, &info), 0);
	cr_assert_leq(info.st_size, 4300);
	cr_assert_eq(stat(old, &info), 0);
	cr_assert_geq(info.st_size, 4096);
	cr_assert_eq(info.st_mode & 07, 0, "not for everybody");
	unlink(path);
	unlink(old);
	rmdir(directory);
}
