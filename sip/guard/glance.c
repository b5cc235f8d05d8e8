/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/guard/glance.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Takes a line with those that continue it (RFC 3261 §7.3.1); without the end of the line. */
static struct slice take_line(struct slice *rest)
{
	const char *start = rest->p, *end = rest->p + rest->n, *p = start, *stop;

	do {
		stop = memchr(p, '\n', (size_t)(end - p));
		if (stop == NULL)
			stop = end;
		p = stop < end ? stop + 1 : end;
		/* An empty line is not continued. */
	} while (p < end && is_blank(*p) && stop - start > 1);
	*rest = (struct slice){ p, (size_t)(end - p) };
	if (stop > start && stop[-1] == '\r')
		stop--;
	return (struct slice){ start, (size_t)(stop - start) };
}

/* The header's name is what stands before the colon, without blanks; the value comes trimmed. */
static bool split(struct slice line, struct slice *name, struct slice *value)
{
	const char *colon = memchr(line.p, ':', line.n < 32 ? line.n : 32);

	if (colon == NULL)
		return false;
	*name = (struct slice){ line.p, (size_t)(colon - line.p) };
	while (name->n > 0 && is_blank(name->p[name->n - 1]))
		name->n--;
	*value = slice_trim((struct slice){ colon + 1, line.n - (size_t)(colon + 1 - line.p) });
	return name->n > 0;
}

static bool first(struct slice *slot, struct slice name, struct slice full, struct slice value)
{
	if (name.n != 1 && !slice_equal_nocase(name, full))
		return false;
	if (slot->n == 0)
		*slot = value;
	return true;
}

static void look(struct slice line, struct sip_glance *g)
{
	struct slice name, value;

	if (!split(line, &name, &value))
		return;
	switch (name.p[0] | 0x20) {
	case 'v':
		g->more_vias |= g->via.n > 0;
		first(&g->via, name, SLICE("Via"), value);
		break;
	case 'f':
		first(&g->from, name, SLICE("From"), value);
		break;
	case 't':
		first(&g->to, name, SLICE("To"), value);
		break;
	case 'i':
		if (name.n == 1)
			first(&g->call_id, name, SLICE("i"), value);
		break;
	case 'c':
		if (name.n > 1 && !first(&g->call_id, name, SLICE("Call-ID"), value))
			first(&g->cseq, name, SLICE("CSeq"), value);
		break;
	case 'u':
		if (name.n > 1)
			first(&g->user_agent, name, SLICE("User-Agent"), value);
		break;
	case 'r':
		if (name.n > 1)
			first(&g->resource_priority, name, SLICE("Resource-Priority"), value);
		break;
	case 'a':
	case 'p':
		if (slice_equal_nocase(name, SLICE("Authorization")) ||
		    slice_equal_nocase(name, SLICE("Proxy-Authorization")))
			g->has_credentials = true;
		break;
	default:
		break;
	}
}

/* Outside quotes and angle brackets; what is broken has no tag. */
struct slice sip_glance_tag(struct slice value)
{
	bool quoted = false, bracketed = false;

	for (size_t i = 0; i < value.n; i++) {
		const char c = value.p[i];
		struct slice rest;

		if (quoted) {
			i += c == '\\';
			quoted = c != '"';
			continue;
		}
		if (c == '"')
			quoted = true;
		else if (c == '<' || c == '>')
			bracketed = c == '<';
		if (c != ';' || bracketed)
			continue;
		rest = slice_trim((struct slice){ value.p + i + 1, value.n - i - 1 });
		if (!slice_starts_nocase(rest, SLICE("tag")))
			continue;
		rest = slice_trim((struct slice){ rest.p + 3, rest.n - 3 });
		if (rest.n == 0 || rest.p[0] != '=')
			continue;
		rest = slice_trim((struct slice){ rest.p + 1, rest.n - 1 });
		return slice_trim(slice_split(&rest, ';'));
	}
	return SLICE_NONE;
}

/* Is what is known enough for sip_glance_brief()? Methods that only stand in dialogs say so by
 * themselves, an ACK by its To tag, and of a response nothing is asked. */
static bool is_seen(const struct sip_glance *g)
{
	return !g->is_request || g->method == SIP_BYE || g->method == SIP_CANCEL ||
	       g->method == SIP_PRACK || (g->method == SIP_ACK && g->to.n > 0);
}

static void glance(struct slice message, bool brief, struct sip_glance *g)
{
	struct slice line, method;

	*g = (struct sip_glance){ 0 };
	while (message.n > 0 && (message.p[0] == '\r' || message.p[0] == '\n')) {
		message.p++;
		message.n--;
	}
	line = take_line(&message);
	method = slice_split(&line, ' ');
	if (!slice_starts_nocase(method, SLICE("SIP/"))) {
		g->is_request = true;
		g->method = (uint8_t)sip_method_of(method);
		g->uri = slice_split(&line, ' ');
	}
	while (message.n > 0 && !(brief && is_seen(g))) {
		line = take_line(&message);
		if (line.n == 0)
			break;
		look(line, g);
	}
	g->to_tag = sip_glance_tag(g->to);
}

void sip_glance(struct slice message, struct sip_glance *g)
{
	glance(message, false, g);
}

void sip_glance_brief(struct slice message, struct sip_glance *g)
{
	glance(message, true, g);
}
