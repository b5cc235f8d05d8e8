/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/message/build.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "sip/message/chars.h"
#include "sip/message/typed.h"

void sip_build_init(struct sip_build *b, char *buffer, size_t size)
{
	*b = (struct sip_build){ .buffer = buffer, .size = size };
}

static void append(struct sip_build *b, const char *text, size_t n)
{
	if (b->overflow || n > b->size - b->used) {
		b->overflow = true;
		return;
	}
	if (n > 0)
		memcpy(b->buffer + b->used, text, n);
	b->used += n;
}

static void append_text(struct sip_build *b, const char *text)
{
	append(b, text, strlen(text));
}

/* Nothing that stands in a message can end its line. */
static void clean(char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			text[i] = ' ';
	}
}

static void append_clean(struct sip_build *b, struct slice text)
{
	size_t from = b->used;

	append(b, text.p, text.n);
	clean(b->buffer + from, b->used - from);
}

__attribute__((format(printf, 2, 0))) static void append_format(struct sip_build *b,
								const char *format, va_list args)
{
	size_t room = b->size - b->used;
	int n;

	if (b->overflow)
		return;
	n = vsnprintf(b->buffer + b->used, room, format, args);
	if (n < 0 || (size_t)n >= room) {
		b->overflow = true;
		return;
	}
	clean(b->buffer + b->used, (size_t)n);
	b->used += (size_t)n;
}

static void append_number(struct sip_build *b, unsigned number)
{
	char text[12];
	int n = snprintf(text, sizeof(text), "%u", number);

	append(b, text, (size_t)n);
}

void sip_build_request_line(struct sip_build *b, struct slice method, struct slice uri)
{
	append_clean(b, method);
	append_text(b, " ");
	append_clean(b, uri);
	append_text(b, " SIP/2.0\r\n");
}

void sip_build_status_line(struct sip_build *b, unsigned status, const char *reason)
{
	append_text(b, "SIP/2.0 ");
	append_number(b, status);
	append_text(b, " ");
	append_clean(b, slice_of(reason));
	append_text(b, "\r\n");
}

static void append_name(struct sip_build *b, enum sip_header_id id)
{
	append_text(b, sip_header_text(id));
	append_text(b, ": ");
}

void sip_build_header(struct sip_build *b, enum sip_header_id id, const char *format, ...)
{
	va_list args;

	append_name(b, id);
	va_start(args, format);
	append_format(b, format, args);
	va_end(args);
	append_text(b, "\r\n");
}

void sip_build_header_slice(struct sip_build *b, enum sip_header_id id, struct slice value)
{
	append_name(b, id);
	append_clean(b, value);
	append_text(b, "\r\n");
}

static void copy_one(struct sip_build *b, const struct sip_header *header)
{
	/* Headers that are not in the table keep the name they came with. */
	if (header->id == SIP_H_OTHER) {
		append(b, header->name.p, header->name.n);
		append_text(b, ": ");
	} else {
		append_name(b, header->id);
	}
	append_clean(b, header->value);
	append_text(b, "\r\n");
}

void sip_build_copy(struct sip_build *b, const struct sip_msg *from, enum sip_header_id id)
{
	for (const struct sip_header *h = sip_msg_header(from, id); h != NULL;
	     h = sip_msg_next(from, h))
		copy_one(b, h);
}

int sip_build_finish(struct sip_build *b, struct slice content_type, struct slice body,
		     struct slice *message)
{
	if (content_type.n > 0)
		sip_build_header_slice(b, SIP_H_CONTENT_TYPE, content_type);
	append_name(b, SIP_H_CONTENT_LENGTH);
	append_number(b, (unsigned)body.n);
	append_text(b, "\r\n\r\n");
	append(b, body.p, body.n);
	if (b->overflow) {
		*message = SLICE_NONE;
		return -ENOSPC;
	}
	*message = (struct slice){ b->buffer, b->used };
	return 0;
}

/* --- responses ----------------------------------------------------------------------------- */

static bool same_address(struct slice host, const char *ip)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr a, b;

	if (slice_equal_nocase(host, slice_of(ip)))
		return true;
	return slice_copy(host, text, sizeof(text)) == 0 && inet_pton(AF_INET6, text, &a) == 1 &&
	       inet_pton(AF_INET6, ip, &b) == 1 && memcmp(&a, &b, sizeof(a)) == 0;
}

/*
 * The topmost Via with what the server learnt: received (RFC 3261 §18.2.1), rport (RFC 3581 §4).
 * Whatever the client wrote there itself is left out. rest: further values of the same field.
 */
static void append_via(struct sip_build *b, const struct sip_via *via, struct slice rest,
		       const char *source_ip, uint16_t source_port)
{
	struct slice text = via->text, name, value;
	struct sip_params params = via->params;

	append_name(b, SIP_H_VIA);
	append_clean(b, slice_trim(slice_split(&text, ';')));
	while (sip_param_next(&params, &name, &value)) {
		if (slice_equal_nocase(name, SLICE("received")) ||
		    slice_equal_nocase(name, SLICE("rport")))
			continue;
		append_text(b, ";");
		/* Up to the end of the value: with its quotes. */
		if (value.p == NULL)
			value = (struct slice){ name.p + name.n, 0 };
		else if (value.p[-1] == '"')
			value.n++;
		append_clean(b, (struct slice){ name.p, (size_t)(value.p + value.n - name.p) });
	}
	if (via->rport || !same_address(via->host, source_ip)) {
		append_text(b, ";received=");
		append_text(b, source_ip);
	}
	if (via->rport) {
		append_text(b, ";rport=");
		append_number(b, source_port);
	}
	if (rest.p != NULL) {
		append_text(b, ",");
		append_clean(b, rest);
	}
	append_text(b, "\r\n");
}

static void copy_vias(struct sip_build *b, const struct sip_msg *request, const char *source_ip,
		      uint16_t source_port)
{
	const struct sip_header *header = sip_msg_header(request, SIP_H_VIA);
	struct slice rest = header != NULL ? header->value : SLICE_NONE;
	struct sip_via via;

	if (source_ip == NULL || sip_via_next(&rest, &via) != 0) {
		sip_build_copy(b, request, SIP_H_VIA);
		return;
	}
	append_via(b, &via, rest, source_ip, source_port);
	while ((header = sip_msg_next(request, header)) != NULL)
		copy_one(b, header);
}

static void copy_first(struct sip_build *b, const struct sip_msg *request, enum sip_header_id id)
{
	const struct sip_header *header = sip_msg_header(request, id);

	if (header != NULL)
		copy_one(b, header);
}

static void copy_to(struct sip_build *b, const struct sip_msg *request, struct slice to_tag)
{
	struct sip_addr to;

	append_name(b, SIP_H_TO);
	append_clean(b, sip_msg_value(request, SIP_H_TO));
	if (to_tag.n > 0 && (sip_msg_to(request, &to) != 0 || sip_addr_tag(&to).p == NULL)) {
		append_text(b, ";tag=");
		append_clean(b, to_tag);
	}
	append_text(b, "\r\n");
}

void sip_build_response(struct sip_build *b, const struct sip_msg *request, unsigned status,
			const char *reason, struct slice to_tag, bool record_route,
			const char *source_ip, uint16_t source_port)
{
	sip_build_status_line(b, status, reason);
	copy_vias(b, request, source_ip, source_port);
	if (record_route && status < 300)
		sip_build_copy(b, request, SIP_H_RECORD_ROUTE);
	copy_first(b, request, SIP_H_FROM);
	copy_to(b, request, to_tag);
	copy_first(b, request, SIP_H_CALL_ID);
	copy_first(b, request, SIP_H_CSEQ);
	/* RFC 3261 §8.2.6.1 */
	if (status == 100)
		copy_first(b, request, SIP_H_TIMESTAMP);
}
