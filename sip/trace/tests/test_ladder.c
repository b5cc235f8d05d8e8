/* SPDX-License-Identifier: BSD-3-Clause */
/* A ladder as it is read: the text is compared. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <time.h>

#include "sip/trace/ladder.h"

struct step {
	unsigned ms;
	const char *remote;
	uint16_t port;
	bool out;
	uint64_t call;
	const char *first, *cseq, *branch, *to, *body;
};

#define OFFER                                                                     \
	"v=0\r\nm=audio 30000 RTP/AVP 8 0\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 " \
	"PCMU/8000\r\na=sendonly\r\n"

static void add(struct ladder *ladder, const struct step *s)
{
	struct trace_record r = { .time_ns = (UINT64_C(1700000000000) + s->ms) * 1000000,
				  .call = s->call,
				  .out = s->out };
	char text[2048];

	snprintf(
		text, sizeof(text),
		"%s\r\nVia: SIP/2.0/UDP x;branch=z9hG4bK%s\r\nFrom: <sip:alice@tandem.lab>;tag=a\r\n"
		"To: <sip:%s@tandem.lab>;tag=b\r\nCall-ID: c\r\nCSeq: %s\r\nMax-Forwards: 70\r\n"
		"%sContent-Length: %zu\r\n\r\n%s",
		s->first, s->branch, s->to, s->cseq,
		s->body ? "Content-Type: application/sdp\r\n" : "", s->body ? strlen(s->body) : 0,
		s->body ? s->body : "");
	sip_address_parse(SLICE("198.18.0.10"), 5060, &r.local);
	sip_address_parse(slice_of(s->remote), s->port, &r.remote);
	r.size = (uint32_t)strlen(text);
	ladder_add(ladder, &r, text);
}

static char *draw(const struct step *steps, unsigned count)
{
	struct ladder *ladder;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	setenv("TZ", "UTC", 1);
	tzset();
	cr_assert_eq(ladder_create(out, &ladder), 0);
	for (unsigned i = 0; i < count; i++)
		add(ladder, &steps[i]);
	ladder_destroy(ladder);
	fclose(out);
	return text;
}

#define A "198.18.0.101", 5062
#define B "198.18.0.102", 5064

Test(ladder, a_call_has_both_its_legs)
{
	static const struct step steps[] = {
		{ 0, A, false, 0xa1, "INVITE sip:bob@tandem.lab SIP/2.0", "1 INVITE", "1", "bob",
		  OFFER },
		{ 0, A, true, 0xa1, "SIP/2.0 100 Trying", "1 INVITE", "1", "bob", NULL },
		{ 2, B, true, 0xa1, "INVITE sip:bob@198.18.0.102 SIP/2.0", "1 INVITE", "2", "bob",
		  OFFER },
		{ 503, B, true, 0xa1, "INVITE sip:bob@198.18.0.102 SIP/2.0", "1 INVITE", "2", "bob",
		  OFFER },
		{ 510, B, false, 0xa1, "SIP/2.0 180 Ringing", "1 INVITE", "2", "bob", NULL },
		{ 511, A, true, 0xa1, "SIP/2.0 180 Ringing", "1 INVITE", "1", "bob", NULL },
		{ 4000, A, false, 0xa1, "BYE sip:bob@tandem.lab SIP/2.0", "2 BYE", "3", "bob",
		  NULL },
		{ 4001, A, true, 0xa1, "SIP/2.0 200 OK", "2 BYE", "3", "bob", NULL },
	};
	static const char expected[] =
		"call 00000000000000a1\n"
		"                                alice                      Tandem\n"
		"                          198.18.0.101:5062           198.18.0.10:5060\n"
		"22:13:20.000    0.000s            |------- INVITE SDP ------->|  audio 30000 PCMA PCMU sendonly\n"
		"22:13:20.000    0.000s            |<------ 100 Trying --------|\n"
		"\n"
		"                                alice                      Tandem                        bob\n"
		"                          198.18.0.101:5062           198.18.0.10:5060            198.18.0.102:5064\n"
		"22:13:20.002    0.002s            |                           |------- INVITE SDP ------->|  audio 30000 PCMA PCMU sendonly\n"
		"22:13:20.503    0.501s            |                           |------- INVITE SDP ------->|  (again)\n"
		"22:13:20.510    0.007s            |                           |<------ 180 Ringing -------|\n"
		"22:13:20.511    0.001s            |<------ 180 Ringing -------|                           |\n"
		"22:13:24.000    3.489s            |----------- BYE ---------->|                           |\n"
		"22:13:24.001    0.001s            |<----- 200 OK (BYE) -------|                           |\n";
	char *text = draw(steps, sizeof(steps) / sizeof(steps[0]));

	cr_assert_str_eq(text, expected, "\n%s", text);
	free(text);
}

Test(ladder, calls_at_a_time_have_their_headings_and_hostile_texts_are_harmless)
{
	static const struct step steps[] = {
		{ 0, A, false, 0, "REGISTER sip:tandem.lab SIP/2.0", "1 REGISTER", "1", "alice",
		  NULL },
		{ 1, A, true, 0, "SIP/2.0 401 Ung\xc3\xbcltig", "1 REGISTER", "1", "alice", NULL },
		{ 1, A, false, 0, "nonsense", "1 X", "1", "alice", NULL },
		{ 9, B, false, 0xb2, "INVITE sip:112@tandem.lab SIP/2.0", "1 INVITE", "2", "112",
		  NULL },
	};
	static const char expected[] =
		"outside calls\n"
		"                                alice                      Tandem\n"
		"                          198.18.0.101:5062           198.18.0.10:5060\n"
		"22:13:20.000    0.000s            |-------- REGISTER -------->|\n"
		"22:13:20.001    0.001s            |<-- 401 Ung?\?ltig (RE.. ---|\n"
		"22:13:20.001 198.18.0.101:5062 > 198.18.0.10:5060: 178 bytes that are no message\n"
		"\n"
		"call 00000000000000b2\n"
		"                                alice                      Tandem\n"
		"                          198.18.0.102:5064           198.18.0.10:5060\n"
		"22:13:20.009    0.000s            |--------- INVITE --------->|\n";
	char *text = draw(steps, sizeof(steps) / sizeof(steps[0]));

	cr_assert_str_eq(text, expected, "\n%s", text);
	free(text);
}
