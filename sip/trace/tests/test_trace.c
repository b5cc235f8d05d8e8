/* SPDX-License-Identifier: BSD-3-Clause */
/* The ring, secrets, HEP, and what tshark makes of a capture. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sip/trace/hep.h"
#include "sip/trace/mask.h"
#include "sip/trace/pcap.h"
#include "sip/trace/ring.h"

static struct sip_address address(const char *ip, uint16_t port)
{
	struct sip_address a;

	cr_assert_eq(sip_address_parse(slice_of(ip), port, &a), 0);
	return a;
}

static struct trace_record record(const char *data, bool out)
{
	return (struct trace_record){ .time_ns = UINT64_C(1700000000123456789),
				      .call = 0xa1,
				      .local = address("198.18.0.10", 5060),
				      .remote = address("198.18.0.101", 5062),
				      .size = (uint32_t)strlen(data),
				      .out = out };
}

Test(ring, gives_back_what_was_put_and_drops_what_does_not_fit)
{
	struct trace_ring *ring;
	const struct trace_record *r;
	char text[64];
	const char *data;
	unsigned put = 0, taken = 0;

	cr_assert_eq(trace_ring_create(4096, &ring), 0);
	for (unsigned round = 0; round < 200; round++) {
		uint64_t cursor = 0;

		for (unsigned i = 0; i < round % 7; i++) {
			snprintf(text, sizeof(text), "%u%.*s", put, (int)(put % 40),
				 "........................................");
			const struct trace_record one = record(text, false);

			trace_ring_put(ring, &one, text);
			put++;
		}
		while ((r = trace_ring_next(ring, &cursor, &data))) {
			cr_assert_eq((unsigned)atoi(data), taken);
			cr_assert_eq(r->size, strspn(data, "0123456789") + taken % 40);
			taken++;
		}
		trace_ring_take(ring, cursor);
	}
	cr_assert_eq(taken, put);
	cr_assert_eq(trace_ring_dropped(ring), 0);
	for (unsigned i = 0; i < 100; i++) {
		const struct trace_record one = record("x", false);

		trace_ring_put(ring, &one, "x");
	}
	cr_assert_gt(trace_ring_dropped(ring), 0);
	trace_ring_destroy(ring);
}

Test(mask, secrets_are_gone_and_nothing_else)
{
	char text[] = "REGISTER sip:a SIP/2.0\r\nAuthorization: Digest username=\"bob\",\r\n"
		      " nonce=\"n\", response=\"0123abcd\", nc=00000001\r\nX: response=\"keep\"\r\n"
		      "proxy-authorization: Digest Response=\"ff\"\r\n"
		      "Authentication-Info: qop=auth, rspauth=\"0f\", nc=1\r\n\r\n"
		      "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abcd|2^20\r\n";
	const char expected[] =
		"REGISTER sip:a SIP/2.0\r\nAuthorization: Digest username=\"bob\",\r\n"
		" nonce=\"n\", response=\"xxxxxxxx\", nc=00000001\r\nX: response=\"keep\"\r\n"
		"proxy-authorization: Digest Response=\"xx\"\r\n"
		"Authentication-Info: qop=auth, rspauth=\"xx\", nc=1\r\n\r\n"
		"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:xxxx|2^20\r\n";

	trace_mask(text, strlen(text));
	cr_assert_str_eq(text, expected);
}

Test(mask, secrets_are_found_however_they_are_written)
{
	static const struct {
		const char *text, *expected;
	} rows[] = {
		{ "Authorization: Digest a=b, response=0123abcd, nc=1\r\n",
		  "Authorization: Digest a=b, response=xxxxxxxx, nc=1\r\n" },
		{ "Authorization: Digest response=0f\r\n",
		  "Authorization: Digest response=xx\r\n" },
		{ "Authorization: Digest RESPONSE\t =\t\"0f\"\r\n",
		  "Authorization: Digest RESPONSE\t =\t\"xx\"\r\n" },
		{ "Authorization: Digest response=\r\n \"0f\"\r\nX: \"0f\"\r\n",
		  "Authorization: Digest response=\r\n \"xx\"\r\nX: \"0f\"\r\n" },
		{ "Authorization: Digest response=\"0\\\"f\", x=1\r\n",
		  "Authorization: Digest response=\"xxxx\", x=1\r\n" },
		{ "Authorization: Digest xresponse=0f,response=\"0f",
		  "Authorization: Digest xresponse=0f,response=\"xx" },
		{ "Authorization: Basic YWxpY2U6c2VjcmV0\r\n",
		  "Authorization: Basic xxxxxxxxxxxxxxxx\r\n" },
		{ "Proxy-Authorization : Bearer a.b c\r\n",
		  "Proxy-Authorization : Bearer xxx x\r\n" },
		{ "Authorization-Info: response=0f\r\n", "Authorization-Info: response=0f\r\n" },
		{ "Proxy-Authentication-Info: rspauth=0f\r\n",
		  "Proxy-Authentication-Info: rspauth=xx\r\n" },
		{ "Authorization", "Authorization" },
		{ "Authorization:", "Authorization:" },
		{ "a=crypto:1 S inline:ab;inline:cd|1\r\n",
		  "a=crypto:1 S inline:xx;inline:xx|1\r\n" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const size_t size = strlen(rows[i].text);
		char *text = malloc(size); /* without a terminator, so that a byte beyond is seen */

		memcpy(text, rows[i].text, size);
		trace_mask(text, size);
		cr_expect(slice_equal((struct slice){ text, size }, slice_of(rows[i].expected)),
			  "%s", rows[i].text);
		free(text);
	}
}

Test(mask, lines_end_where_they_did_without_the_end_of_a_quote)
{
	char text[] = "Authorization: Digest response=\"01\r\n 2\\\r\nv=0\r\na=sendonly\r\n";
	const char expected[] =
		"Authorization: Digest response=\"xx\r\n xx\r\nv=0\r\na=sendonly\r\n";

	trace_mask(text, strlen(text));
	cr_assert_str_eq(text, expected);
}

Test(hep, a_packet_has_the_chunks_that_collectors_want)
{
	const struct trace_hep hep = { .capture_id = 2001, .password = "pw" };
	const struct trace_record r = record("SIP", true);
	static const uint8_t expected[] = {
		'H', 'E', 'P', '3', 0,   129,                         /* of all */
		0,   0,   0,   2,   0,   7,   17,                     /* UDP */
		0,   0,   0,   1,   0,   7,   2,                      /* IPv4 */
		0,   0,   0,   3,   0,   10,  198,  18,   0,    10,   /* from */
		0,   0,   0,   4,   0,   10,  198,  18,   0,    101,  /* to */
		0,   0,   0,   7,   0,   8,   0x13, 0xc4,             /* 5060 */
		0,   0,   0,   8,   0,   8,   0x13, 0xc6,             /* 5062 */
		0,   0,   0,   9,   0,   10,  0x65, 0x53, 0xf1, 0,    /* 1700000000 */
		0,   0,   0,   10,  0,   10,  0,    1,    0xe2, 0x40, /* 123456 us */
		0,   0,   0,   11,  0,   7,   1,                      /* SIP */
		0,   0,   0,   12,  0,   10,  0,    0,    7,    0xd1, /* 2001 */
		0,   0,   0,   14,  0,   8,   'p',  'w',  0,    0,    0,   17,  0,
		22,  '0', '0', '0', '0', '0', '0',  '0',  '0',  '0',  '0', '0', '0',
		'0', '0', 'a', '1', 0,   0,   0,    15,   0,    9,    'S', 'I', 'P',
	};
	uint8_t packet[256];
	size_t size = trace_hep_build(&hep, &r, "SIP", packet, sizeof(packet));

	cr_assert_eq(size, sizeof(expected), "%zu of %zu", size, sizeof(expected));
	cr_assert_eq(packet[5], sizeof(expected));
	cr_assert_arr_eq(packet + 6, expected + 6, sizeof(expected) - 6);
	cr_assert_eq(trace_hep_build(&hep, &r, "SIP", packet, sizeof(expected) - 1), 0);
}

#define MESSAGE(method)                                                                \
	method " sip:bob@tandem.lab SIP/2.0\r\nVia: SIP/2.0/UDP 198.18.0.101:5062\r\n" \
	       "From: <sip:alice@tandem.lab>;tag=1\r\nTo: <sip:bob@tandem.lab>\r\n"    \
	       "Call-ID: c1\r\nCSeq: 1 " method "\r\nContent-Length: 0\r\n\r\n"

static void run_tshark(const char *path, char *text, size_t size)
{
	char command[512];
	FILE *tshark;
	size_t n;

	snprintf(command, sizeof(command),
		 "tshark -r %s -o ip.check_checksum:TRUE -o udp.check_checksum:TRUE -T fields "
		 "-E separator=' ' -e frame.comment -e sip.Method -e sip.Call-ID -e "
		 "udp.checksum.status -e tcp.seq -e tcp.analysis.flags 2>/dev/null",
		 path);
	tshark = popen(command, "r");
	n = fread(text, 1, size - 1, tshark);
	text[n] = '\0';
	pclose(tshark);
}

Test(pcap, tshark_reads_sip_over_each_transport)
{
	static const struct {
		uint8_t transport;
		const char *local, *remote;
		uint16_t port;
	} rows[] = {
		{ 0, "198.18.0.10", "198.18.0.101", 5060 },
		{ 0, "2001:2::10", "2001:2::101", 5060 },
		{ 1, "198.18.0.10", "198.18.0.101", 5060 },
		{ 2, "198.18.0.10", "198.18.0.101", 5061 },
		{ 3, "198.18.0.10", "198.18.0.101", 8080 },
		{ 4, "198.18.0.10", "198.18.0.101", 443 },
	};
	char path[] = "/tmp/tandem-trace-XXXXXX", text[4096] = "";
	struct trace_pcap *pcap;
	FILE *file;
	unsigned lines = 0;

	if (access("/usr/bin/tshark", X_OK) != 0)
		cr_skip("tshark is not installed");
	file = fdopen(mkstemp(path), "w");
	cr_assert_eq(trace_pcap_create(file, &pcap), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		static const char *const methods[] = { MESSAGE("INVITE"), MESSAGE("BYE") };

		for (unsigned k = 0; k < 2; k++) {
			struct trace_record r = record(methods[k], false);

			r.transport = rows[i].transport;
			r.local = address(rows[i].local, rows[i].port);
			r.remote = address(rows[i].remote, (uint16_t)(6000 + i));
			cr_assert_eq(trace_pcap_write(pcap, &r, methods[k]), 0);
		}
	}
	cr_assert_eq(fflush(file), 0);
	cr_assert_eq((uint64_t)ftell(file), trace_pcap_size(pcap));
	fclose(file);
	trace_pcap_destroy(pcap);
	run_tshark(path, text, sizeof(text));
	unlink(path);
	for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"), lines++) {
		cr_expect(strstr(line, "call 00000000000000a1 "), "%u: %s", lines, line);
		cr_expect(strstr(line, lines % 2 ? " BYE c1 " : " INVITE c1 "), "%u: %s", lines,
			  line);
	}
	cr_assert_eq(lines, 2 * sizeof(rows) / sizeof(rows[0]), "%u lines", lines);
}
