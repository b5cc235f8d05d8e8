/* SPDX-License-Identifier: BSD-3-Clause */
/* Rings, captures and ladders with each allocation refused. */
#include <criterion/criterion.h>
#include <errno.h>

#include "sip/base/tests/starve.h"
#include "sip/trace/ladder.h"
#include "sip/trace/pcap.h"
#include "sip/trace/ring.h"

static const char text[] = "OPTIONS sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
			   "From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: x\r\n"
			   "CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
static const struct trace_record record = {
	.time_ns = UINT64_C(1700000000000000000),
	.call = 7,
	.local = { .family = AF_INET, .port = 5060, .ip = { 198, 18, 0, 10 } },
	.remote = { .family = AF_INET, .port = 5062, .ip = { 198, 18, 0, 101 } },
	.size = sizeof(text) - 1,
};
static FILE *out;

static void ring_scenario(void)
{
	struct trace_ring *ring;
	const char *data;
	uint64_t cursor = 0;
	int rc = trace_ring_create(4096, &ring);

	cr_assert(rc == 0 || rc == -ENOMEM, "%d", rc);
	if (rc != 0)
		return;
	for (unsigned i = 0; i < 20; i++)
		trace_ring_put(ring, &record, text);
	while (trace_ring_next(ring, &cursor, &data))
		;
	trace_ring_take(ring, cursor);
	trace_ring_destroy(ring);
}

static void pcap_scenario(void)
{
	struct trace_pcap *pcap;
	int rc = trace_pcap_create(out, &pcap);

	cr_assert(rc == 0 || rc == -ENOMEM, "%d", rc);
	if (rc != 0)
		return;
	for (unsigned i = 0; i < 20; i++)
		cr_assert_eq(trace_pcap_write(pcap, &record, text), 0);
	trace_pcap_destroy(pcap);
}

static void ladder_scenario(void)
{
	struct ladder *ladder;
	int rc = ladder_create(out, &ladder);

	cr_assert(rc == 0 || rc == -ENOMEM, "%d", rc);
	if (rc != 0)
		return;
	for (unsigned i = 0; i < 20; i++)
		ladder_add(ladder, &record, text);
	ladder_destroy(ladder);
}

Test(starve, traces_do_without)
{
	static char buffer[4096];

	out = fopen("/dev/null", "w");
	cr_assert_not_null(out);
	setvbuf(out, buffer, _IOFBF, sizeof(buffer));
	starve(ring_scenario, 20);
	starve(pcap_scenario, 20);
	starve(ladder_scenario, 20);
	fclose(out);
}
