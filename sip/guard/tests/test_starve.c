/* SPDX-License-Identifier: BSD-3-Clause */
/* A guard comes to be or does not, with each allocation refused; its work needs none. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "sip/base/tests/starve.h"
#include "sip/guard/guard.h"

static const char *const scanners[] = { "friendly-scanner" };
static const char *const emergency[] = { "112" };
static const char *const trusted[] = { "198.18.1.0/24" };
static const char *const peers[] = { "198.18.0.104" };

static const struct sip_guard_config config = {
	.sources = 64,
	.messages_per_s = 50,
	.requests_per_s = 10,
	.ban_after = 3,
	.ban_window_s = 60,
	.ban_s = 300,
	.ban_max_s = 3600,
	.wait_target_ms = 25,
	.stale_ms = 500,
	.scanners = { scanners, 1 },
	.emergency = { emergency, 1 },
	.trusted = { trusted, 1 },
	.peers = { peers, 1 },
};

static struct sip_gate *gate;
static struct sip_guard *guard;

/* Sources that come and go, a load that refuses, bans and their end. */
static void work(void)
{
	static uint64_t now_ms = 1000;
	static unsigned serial;
	char text[512], buffer[1024];
	struct sip_glance glance;
	struct sip_address to;

	for (unsigned i = 0; i < 500; i++, now_ms += 3) {
		const struct sip_address source = { .family = AF_INET,
						    .port = 5060,
						    .ip = { 10, 0, (uint8_t)(i / 100),
							    (uint8_t)i } };
		struct sip_arrival arrival = { .source = &source, .data = text, .wait_us = 200000 };

		arrival.size = (size_t)snprintf(
			text, sizeof(text),
			"INVITE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK%u\r\n"
			"From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: %u\r\n"
			"CSeq: 1 INVITE\r\nUser-Agent: %s\r\n\r\n",
			serial, serial, i % 50 == 0 ? "friendly-scanner" : "x");
		serial++;
		if (sip_gate_receive(gate, &arrival, now_ms, &glance) == SIP_REFUSE)
			sip_gate_refusal(gate, &arrival, &glance, now_ms, buffer, sizeof(buffer),
					 &to);
		sip_guard_note(guard, &source, SIP_NOTE_WRONG_PASSWORD, SLICE("a"), now_ms);
		sip_gate_turn(gate, 3000, now_ms * 1000);
	}
	now_ms += 3600000;
	sip_guard_expire(guard, now_ms);
}

static void come_and_go(void)
{
	int rc = sip_guard_create(&config, &guard);

	cr_assert(rc == 0 || rc == -ENOMEM, "%d", rc);
	if (rc != 0)
		return;
	rc = sip_gate_create(guard, 1000000, &gate);
	cr_assert(rc == 0 || rc == -ENOMEM, "%d", rc);
	if (rc == 0) {
		work();
		sip_gate_destroy(gate);
	}
	sip_guard_destroy(guard);
}

Test(starve, a_guard_does_without)
{
	starve(come_and_go, 50);
}

Test(starve, what_comes_allocates_nothing)
{
	cr_assert_eq(sip_guard_create(&config, &guard), 0);
	cr_assert_eq(sip_gate_create(guard, 1000000, &gate), 0);
	cr_expect_eq(starve_count(work), 0);
	sip_gate_destroy(gate);
	sip_guard_destroy(guard);
}
