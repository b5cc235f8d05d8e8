/* SPDX-License-Identifier: BSD-3-Clause */
/* A monitor with a file, a collector and a listener, with each allocation refused. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#include "controlplane/monitor/monitor.h"
#include "sip/base/tests/starve.h"

static char path[64];

static void on_message(void *arg, const struct trace_record *record, const char *data)
{
	(void)record;
	(void)data;
	++*(unsigned *)arg;
}

static void put(struct tap *tap, uint64_t time_ns)
{
	static const char text[] = "OPTIONS sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n"
				   "From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: x\r\n"
				   "CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
	struct trace_record record = {
		.time_ns = time_ns,
		.local = { .family = AF_INET, .port = 5060, .ip = { 198, 18, 0, 10 } },
		.remote = { .family = AF_INET, .port = 5062, .ip = { 198, 18, 0, 101 } },
		.size = sizeof(text) - 1,
	};

	if (tap_is_on(tap))
		tap_put(tap, &record, text);
}

static void look_on(struct monitor *monitor, struct tap *taps)
{
	const struct trace_filter all = { .call = 0 };
	struct monitor_listener *listener;
	struct monitor_stats stats;
	unsigned heard = 0;
	int rc = monitor_listen(monitor, &all, true, on_message, &heard, &listener);

	cr_assert(rc == 0 || rc == -ENOMEM, "%d", rc);
	put(&taps[0], 1000);
	put(&taps[1], 2000);
	monitor_run(monitor, UINT64_MAX);
	monitor_stats(monitor, &stats);
	cr_assert_eq(heard, rc == 0 ? 2 : 0);
	cr_assert_eq(stats.messages, 2);
	if (rc == 0)
		monitor_unlisten(monitor, listener);
}

static void scenario(void)
{
	const struct config_monitor config = {
		.hep = { .address = "127.0.0.1", .port = 9, .capture_id = 1 },
		.sip_pcap = { .file = path, .size_mb = 1 },
	};
	struct tap taps[2] = { { .ring = NULL } };
	struct monitor_config with = { .taps = { &taps[0], &taps[1] },
				       .tap_count = 2,
				       .config = &config };
	struct monitor *monitor;
	char why[128];
	uv_loop_t loop;
	int rc;

	starve_hold();
	cr_assert_eq(uv_loop_init(&loop), 0);
	starve_release();
	with.loop = &loop;
	rc = monitor_create(&with, &monitor, why, sizeof(why));
	cr_assert(rc == 0 || rc == -ENOMEM, "%d %s", rc, why);
	if (rc == 0) {
		look_on(monitor, taps);
		monitor_destroy(monitor);
	}
	uv_run(&loop, UV_RUN_DEFAULT);
	starve_hold();
	cr_assert_eq(uv_loop_close(&loop), 0);
	starve_release();
}

Test(starve, a_monitor_does_without)
{
	char directory[] = "/tmp/tandem-starve-XXXXXX", old[80];

	cr_assert_not_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/sip.pcapng", directory);
	snprintf(old, sizeof(old), "%s.1", path);
	starve(scenario, 100);
	unlink(path);
	unlink(old);
	rmdir(directory);
}
