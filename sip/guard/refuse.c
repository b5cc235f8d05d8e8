/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * 503 made of the lines of the request as they stand: what it costs is what is copied. The tag is
 * the same for each copy of a request, as a stateless server has to do it (RFC 3261 §8.2.7).
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "sip/base/format.h"
#include "sip/guard/internal.h"

#define SIP_PORT 5060u

struct out {
	char *p;
	size_t room;
	bool overflow;
};

static void put(struct out *out, struct slice text)
{
	if (text.n > out->room) {
		out->overflow = true;
		return;
	}
	memcpy(out->p, text.p, text.n);
	out->p += text.n;
	out->room -= text.n;
}

static void print(struct out *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void print(struct out *out, const char *format, ...)
{
	char text[256];
	va_list args;
	int n;

	va_start(args, format);
	n = format_text(text, sizeof(text), format, args);
	va_end(args);
	put(out, (struct slice){ text, (size_t)n });
}

static void put_line(struct out *out, struct slice name, struct slice value)
{
	put(out, name);
	put(out, SLICE(": "));
	put(out, value);
	put(out, SLICE("\r\n"));
}

static bool is_replaced(struct slice name, bool oc)
{
	return slice_equal_nocase(name, SLICE("rport")) ||
	       slice_equal_nocase(name, SLICE("received")) || (oc && oc_is_param(name));
}

/* The topmost Via with received and rport (RFC 3261 §18.2.1, RFC 3581 §4), and our load. */
static void put_top_via(struct out *out, struct sip_gate *gate, const struct sip_via *via,
			const struct sip_address *source, uint64_t now_ms)
{
	char ip[SIP_ADDRESS_TEXT], oc[SIP_OC_TEXT];
	struct sip_params rest = via->params;
	struct slice name, value,
		head = { via->text.p,
			 rest.text.n > 0 ? (size_t)(rest.text.p - via->text.p) : via->text.n };

	put(out, SLICE("Via: "));
	while (head.n > 0 && (head.p[head.n - 1] == ';' || head.p[head.n - 1] == ' '))
		head.n--;
	put(out, head);
	sip_gate_oc(gate, via, now_ms, oc);
	while (sip_param_next(&rest, &name, &value)) {
		if (is_replaced(name, oc[0] != '\0'))
			continue;
		put(out, SLICE(";"));
		put(out, name);
		if (value.p == NULL)
			continue;
		if (value.p[-1] == '"')
			value = (struct slice){ value.p - 1, value.n + 2 };
		put(out, SLICE("="));
		put(out, value);
	}
	print(out, ";received=%s", sip_address_ip(source, ip));
	if (via->rport)
		print(out, ";rport=%u", source->port);
	put(out, slice_of(oc));
}

static bool is_via(struct slice line, struct slice *value)
{
	const char *colon = memchr(line.p, ':', line.n);
	struct slice name;

	if (colon == NULL)
		return false;
	name = slice_trim((struct slice){ line.p, (size_t)(colon - line.p) });
	*value = slice_trim((struct slice){ colon + 1, line.n - (size_t)(colon + 1 - line.p) });
	return slice_equal_nocase(name, SLICE("Via")) || slice_equal_nocase(name, SLICE("v"));
}

/* Those behind the topmost: they were added before it. */
static void put_other_vias(struct out *out, struct slice message, struct slice top)
{
	while (message.n > 0) {
		struct slice line = slice_split(&message, '\n'), value;

		if (line.n <= 1)
			return;
		if (is_via(line, &value) && value.p > top.p)
			put_line(out, SLICE("Via"), value);
	}
}

static bool has_control(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' && s.p[i] != '\t')
			return true;
	return false;
}

/* What is repeated must be there, in one line each. */
static bool is_answerable(const struct sip_glance *g)
{
	const struct slice parts[] = { g->via, g->from, g->to, g->call_id, g->cseq };

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (parts[i].n == 0 || has_control(parts[i]))
			return false;
	return g->is_request && g->method != SIP_ACK;
}

size_t sip_gate_refusal(struct sip_gate *gate, const struct sip_arrival *arrival,
			const struct sip_glance *g, uint64_t now_ms, char *buffer, size_t size,
			struct sip_address *to)
{
	struct out out = { buffer, size, false };
	struct slice rest = g->via;
	struct sip_via via;
	unsigned seconds;

	if (!is_answerable(g) || sip_via_next(&rest, &via) != 0)
		return 0;
	*to = *arrival->source;
	if (!arrival->reliable && !via.rport)
		to->port = via.port > 0 ? via.port : SIP_PORT;
	put(&out, SLICE("SIP/2.0 503 Service Unavailable\r\n"));
	put_top_via(&out, gate, &via, arrival->source, now_ms);
	rest = slice_trim(rest);
	if (rest.n > 0) {
		put(&out, rest.p[0] == ',' ? SLICE("") : SLICE(", "));
		put(&out, rest);
	}
	put(&out, SLICE("\r\n"));
	if (g->more_vias)
		put_other_vias(&out, (struct slice){ arrival->data, arrival->size }, g->via);
	put_line(&out, SLICE("From"), g->from);
	put(&out, SLICE("To: "));
	put(&out, g->to);
	print(&out, ";tag=" REFUSAL_TAG "%016" PRIx64 "\r\n", gate_request_hash(g));
	put_line(&out, SLICE("Call-ID"), g->call_id);
	put_line(&out, SLICE("CSeq"), g->cseq);
	seconds = sip_gate_retry_after(gate, sip_gate_class(gate, g));
	seconds = 1 + seconds / 2 + gate_random(gate) % (seconds + 1);
	/* All of one length, so that many to one peer leave in one piece (sip/transport/udp_send.c). */
	print(&out, "Retry-After: %s%u\r\nContent-Length: 0\r\n\r\n", seconds < 10 ? " " : "",
	      seconds);
	return out.overflow ? 0 : size - out.room;
}
