/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/session/record.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "dataplane/client/client.h"
#include "sip/base/decimal.h"

/* Character behind the backslash, and what it stands for. */
static const char escapes[][2] = { { 't', '\t' }, { 'n', '\n' }, { '\\', '\\' } };
#define ESCAPES (sizeof(escapes) / sizeof(escapes[0]))

/* --- writing --- */

void record_begin(struct record_writer *w, char *buffer, size_t size)
{
	*w = (struct record_writer){ .p = buffer, .end = buffer + size };
	if (size)
		*buffer = '\0';
}

static void put(struct record_writer *w, const char *bytes, size_t n)
{
	if ((size_t)(w->end - w->p) <= n) {
		w->overflow = true;
		return;
	}
	memcpy(w->p, bytes, n);
	w->p += n;
	*w->p = '\0';
}

static void put_escape(struct record_writer *w, char c)
{
	for (size_t i = 0; i < ESCAPES; i++) {
		if (escapes[i][1] == c)
			put(w, (const char[]){ '\\', escapes[i][0] }, 2);
	}
}

void record_put_text(struct record_writer *w, const char *text)
{
	while (*text) {
		size_t plain = strcspn(text, "\t\n\\");

		put(w, text, plain);
		text += plain;
		if (*text)
			put_escape(w, *text++);
	}
	put(w, "\t", 1);
}

void record_put_number(struct record_writer *w, uint64_t number)
{
	if (w->end - w->p < DECIMAL_MAX + 2) {
		w->overflow = true;
		return;
	}
	/* Most are flags, and the like. */
	if (number < 10)
		*w->p++ = (char)('0' + number);
	else
		w->p += decimal_write(w->p, number);
	*w->p++ = '\t';
	*w->p = '\0';
}

void record_put_address(struct record_writer *w, const struct dp_address *address)
{
	char text[DP_ADDRESS_TEXT];

	/* Nothing in it needs an escape. */
	dp_address_format(address, text);
	put(w, text, strlen(text));
	put(w, "\t", 1);
}

/* --- reading --- */

void record_open(struct record_reader *r, const char *text)
{
	*r = (struct record_reader){ .next = text };
}

static char unescaped(struct record_reader *r, char c)
{
	for (size_t i = 0; i < ESCAPES; i++) {
		if (escapes[i][0] == c)
			return escapes[i][1];
	}
	r->broken = true;
	return '?';
}

const char *record_text(struct record_reader *r, char *buffer, size_t size)
{
	const char *end = r->broken ? NULL : strchr(r->next, '\t');
	char *out = buffer;

	if (!end || (size_t)(end - r->next) >= size) {
		r->broken = true;
		buffer[0] = '\0';
		return buffer;
	}
	for (const char *in = r->next; in < end; in++)
		*out++ = *in == '\\' ? unescaped(r, *++in) : *in;
	*out = '\0';
	r->next = end + 1;
	return buffer;
}

uint64_t record_number(struct record_reader *r, uint64_t max)
{
	uint64_t number = 0;
	const char *p = r->next;

	if (r->broken || *p == '\t')
		r->broken = true;
	while (!r->broken && *p != '\t') {
		unsigned digit = (unsigned)(*p++ - '0');

		if (digit > 9 || number > (max - digit) / 10)
			r->broken = true;
		number = number * 10 + digit;
	}
	r->next = r->broken ? r->next : p + 1;
	return r->broken ? 0 : number;
}

/* "198.18.0.20:16384", "[2001:2::20]:16384" or "-" */
void record_address(struct record_reader *r, struct dp_address *address)
{
	struct record_reader port;
	char text[DP_ADDRESS_TEXT + 1], *colon, *ip = text;
	uint64_t number;

	*address = (struct dp_address){ 0 };
	record_text(r, text, DP_ADDRESS_TEXT);
	if (r->broken || strcmp(text, "-") == 0)
		return;
	colon = strrchr(text, ':');
	if (!colon) {
		r->broken = true;
		return;
	}
	strcat(colon, "\t");
	record_open(&port, colon + 1);
	number = record_number(&port, UINT16_MAX);
	*colon = '\0';
	if (*ip == '[' && colon > ip + 1 && colon[-1] == ']') {
		colon[-1] = '\0';
		ip++;
	}
	if (port.broken || dp_address_parse(ip, (uint16_t)number, address))
		r->broken = true;
}
