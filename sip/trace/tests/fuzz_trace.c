/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes on their way to who looks at SIP; the first says of which call they are. What must hold:
 * secrets are overwritten in place and nothing else, and once is enough; what people see in a
 * terminal is plain text; packets for collectors keep within their room.
 */
#include <stdio.h>

#include "sip/base/tests/fuzz.h"
#include "sip/trace/hep.h"
#include "sip/trace/ladder.h"
#include "sip/trace/mask.h"
#include "sip/trace/pcap.h"

#define MESSAGE_MAX 8192u

static ssize_t see(void *cookie, const char *text, size_t size)
{
	(void)cookie;
	for (size_t i = 0; i < size; i++)
		MUST(text[i] == '\n' || (text[i] >= ' ' && text[i] < 0x7f));
	return (ssize_t)size;
}

static void mask(char *text, size_t size)
{
	static char before[MESSAGE_MAX];

	memcpy(before, text, size);
	trace_mask(text, size);
	for (size_t i = 0; i < size; i++)
		MUST(text[i] == before[i] || text[i] == 'x');
	memcpy(before, text, size);
	trace_mask(text, size);
	MUST(memcmp(text, before, size) == 0);
}

static void build_hep(const struct trace_record *record, const char *text)
{
	static const struct trace_hep hep = { 1, "password" };
	static uint8_t packet[MESSAGE_MAX + 256];

	MUST(trace_hep_build(&hep, record, text, packet, sizeof(packet)) <= sizeof(packet));
	MUST(trace_hep_build(&hep, record, text, packet, 200) <= 200);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const cookie_io_functions_t terminal = { .write = see };
	static struct ladder *ladder;
	static struct trace_pcap *pcap;
	static FILE *screen, *file;
	struct trace_record record = {
		.time_ns = UINT64_C(1700000000000000000),
		.local = { .family = AF_INET, .port = 5060, .ip = { 198, 18, 0, 10 } },
		.remote = { .family = AF_INET, .port = 5062, .ip = { 198, 18, 0, 101 } },
	};
	char *text;

	if (ladder == NULL) {
		screen = fopencookie(NULL, "w", terminal);
		file = fopen("/dev/null", "w");
		MUST(screen != NULL && file != NULL && ladder_create(screen, &ladder) == 0 &&
		     trace_pcap_create(file, &pcap) == 0);
	}
	if (size < 1 || size > MESSAGE_MAX)
		return 0;
	record.call = data[0] >> 2;
	record.out = data[0] & 1;
	record.transport = data[0] & 2 ? 1 : 0;
	record.remote.ip[3] = data[0] >> 5;
	record.size = (uint32_t)--size;
	/* A block of its own, so that the sanitizer sees its end. */
	text = malloc(size + 1);
	MUST(text != NULL);
	memcpy(text, data + 1, size);
	mask(text, size);
	ladder_add(ladder, &record, text);
	fflush(screen);
	MUST(trace_pcap_write(pcap, &record, text) == 0);
	build_hep(&record, text);
	free(text);
	return 0;
}
