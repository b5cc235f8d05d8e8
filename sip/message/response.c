/* SPDX-License-Identifier: BSD-3-Clause */
/* Responses, of what their requests have (RFC 3261 §8.2.6.2). */
#include <arpa/inet.h>

#include "sip/message/internal.h"

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

	sip_build_begin(b, SIP_H_VIA);
	sip_build_text(b, slice_trim(slice_split(&text, ';')));
	while (sip_param_next(&params, &name, &value)) {
		if (slice_equal_nocase(name, SLICE("received")) ||
		    slice_equal_nocase(name, SLICE("rport")))
			continue;
		sip_build_text(b, SLICE(";"));
		/* Up to the end of the value: with its quotes. */
		if (value.p == NULL)
			value = (struct slice){ name.p + name.n, 0 };
		else if (value.p[-1] == '"')
			value.n++;
		sip_build_text(b, (struct slice){ name.p, (size_t)(value.p + value.n - name.p) });
	}
	if (via->rport || !same_address(via->host, source_ip)) {
		sip_build_text(b, SLICE(";received="));
		sip_build_str(b, source_ip);
	}
	if (via->rport) {
		sip_build_text(b, SLICE(";rport="));
		sip_build_u32(b, source_port);
	}
	if (rest.p != NULL) {
		sip_build_text(b, SLICE(","));
		sip_build_text(b, rest);
	}
	sip_build_end(b);
}

/* What follows the first value in the field that it stands in. */
static struct slice behind(struct slice field, struct slice first)
{
	struct slice rest = { first.p + first.n, (size_t)(field.p + field.n - first.p - first.n) };

	slice_split(&rest, ',');
	return rest;
}

static void copy_vias(struct sip_build *b, const struct sip_msg *request, const char *source_ip,
		      uint16_t source_port)
{
	const struct sip_header *header = sip_msg_header(request, SIP_H_VIA);

	if (source_ip == NULL || request->via.host.p == NULL) {
		sip_build_copy(b, request, SIP_H_VIA);
		return;
	}
	append_via(b, &request->via, behind(header->value, request->via.text), source_ip,
		   source_port);
	while ((header = sip_msg_next(request, header)) != NULL)
		build_copy_one(b, header);
}

static void copy_first(struct sip_build *b, const struct sip_msg *request, enum sip_header_id id)
{
	const struct sip_header *header = sip_msg_header(request, id);

	if (header != NULL)
		build_copy_one(b, header);
}

/* A request without To has an answer without one (RFC 4475 §3.3.1). */
static void copy_to(struct sip_build *b, const struct sip_msg *request, struct slice to_tag)
{
	const struct slice to = sip_msg_value(request, SIP_H_TO);

	if (to.p == NULL)
		return;
	sip_build_begin(b, SIP_H_TO);
	sip_build_text(b, to);
	if (to_tag.n > 0 && request->to_tag.p == NULL) {
		sip_build_text(b, SLICE(";tag="));
		sip_build_text(b, to_tag);
	}
	sip_build_end(b);
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
