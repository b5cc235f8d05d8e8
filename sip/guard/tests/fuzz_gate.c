/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes at the gate: a verdict, and a refusal that keeps within its buffer and is one message.
 * The first byte chooses how the gate is disposed. */
#include <stdlib.h>

#include "sip/base/tests/fuzz.h"
#include "sip/guard/guard.h"

static struct sip_gate *open_gate(bool loaded)
{
	static const char *const scanners[] = { "friendly-scanner" };
	static const char *const emergency[] = { "urn:service:sos", "112" };
	const struct sip_guard_config config = { .sources = 64,
						 .wait_target_ms = 25,
						 .stale_ms = 500,
						 .scanners = { scanners, 1 },
						 .emergency = { emergency, 2 } };
	struct sip_guard *guard;
	struct sip_gate *gate;

	if (sip_guard_create(&config, &guard) != 0 || sip_gate_create(guard, 0, &gate) != 0)
		abort();
	for (uint64_t i = 1; loaded && i < 1000; i++) {
		const struct sip_address source = { .family = AF_INET, .port = 1, .ip = { 1 } };
		const struct sip_arrival arrival = { .source = &source,
						     .data = "INVITE sip:a SIP/2.0\r\n\r\n",
						     .size = 24,
						     .wait_us = 150000 };
		struct sip_glance glance;

		sip_gate_receive(gate, &arrival, i * 20, &glance);
		sip_gate_turn(gate, 20000, i * 20000);
	}
	return gate;
}

/* Nothing of a request begins a line of its own in the answer to it. */
static void check_lines(const char *text, size_t size)
{
	struct slice rest = { text, size };
	bool ended = false;

	while (rest.n > 0) {
		struct slice line = slice_split(&rest, '\n');

		if (ended || line.n == 0 || line.p[line.n - 1] != '\r')
			abort();
		ended = line.n == 1;
	}
	if (!ended)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sip_gate *gates[2];
	const struct sip_address source = { .family = AF_INET,
					    .port = 5060,
					    .ip = { 198, 18, 0, 1 } };
	struct sip_arrival arrival = { .source = &source };
	char *text, buffer[2048];
	struct sip_glance glance;
	struct sip_address to;
	size_t n;

	for (unsigned i = 0; i < 2; i++)
		if (gates[i] == NULL)
			gates[i] = open_gate(i == 1);
	if (size == 0)
		return 0;
	/* A block of its own, so that the sanitizer sees its end. */
	text = malloc(size);
	if (text == NULL)
		return 0;
	memcpy(text, data + 1, size - 1);
	arrival.data = text;
	arrival.size = size - 1;
	arrival.wait_us = (data[0] >> 1) * 1000u;
	sip_gate_receive(gates[data[0] & 1], &arrival, 20000, &glance);
	sip_glance((struct slice){ text, size - 1 }, &glance);
	n = sip_gate_refusal(gates[data[0] & 1], &arrival, &glance, 20000, buffer, sizeof(buffer),
			     &to);
	if (n > 0)
		check_lines(buffer, n);
	sip_gate_oc_response(gates[0], (struct slice){ text, size - 1 }, 20000, buffer,
			     sizeof(buffer));
	free(text);
	return 0;
}
