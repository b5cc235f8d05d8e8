/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SIP over WebSocket (RFC 7118), as a server: browsers connect to us. First an HTTP request with
 * the subprotocol "sip"; then frames (RFC 6455 §5), a SIP message in each message, masked by the
 * client. It runs over the same connections as TCP and TLS, so limits, time-outs and counters are
 * the same.
 *
 *    0               1               2 or 4 or 10      + 4
 *   |F|..|opcode|  |M|length 7  |  |length 16 or 64|  |mask|  payload
 */
#include <errno.h>
#include <stdlib.h>

#include "sip/transport/http.h"
#include "sip/transport/internal.h"

#define FIN  0x80u
#define RSV  0x70u
#define MASK 0x80u

#define HEADER_MAX  10u  /* of ours */
#define CONTROL_MAX 125u /* bytes of a control frame's payload, RFC 6455 §5.5 */

enum opcode {
	WS_CONTINUATION = 0,
	WS_TEXT = 1,
	WS_BINARY = 2,
	WS_CLOSE = 8,
	WS_PING = 9,
	WS_PONG = 10,
};

/* Status codes of a close, RFC 6455 §7.4.1. */
enum close_code { CLOSE_PROTOCOL = 1002, CLOSE_TOO_LARGE = 1009 };

struct ws_frame {
	bool fin;
	uint8_t opcode;
	size_t header; /* bytes */
	size_t size;   /* of the payload */
	char *payload;
};

/* --- out --- */

static int queue_frame(struct connection *c, enum opcode opcode, const char *data, size_t size)
{
	char header[HEADER_MAX] = { (char)(FIN | opcode) };
	size_t n = 2;

	if (size < 126) {
		header[1] = (char)size;
	} else { /* no message is larger than 65535 bytes */
		header[1] = 126;
		header[2] = (char)(size >> 8);
		header[3] = (char)size;
		n = 4;
	}
	return stream_queue_frame(c, header, n, data, size);
}

/* RFC 6455 §5.6: a text frame has to be UTF-8, or the other side closes. */
static bool is_utf8(const char *data, size_t size)
{
	const unsigned char *p = (const unsigned char *)data, *end = p + size;

	while (p < end) {
		const unsigned char c = *p++;
		unsigned more = c < 0x80 ? 0 : c >> 5 == 6 ? 1 : c >> 4 == 14 ? 2 : 3;
		const unsigned char low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
		const unsigned char high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;

		if (more > 0 && (c < 0xc2 || c > 0xf4 || p == end || *p < low || *p > high))
			return false;
		for (; more > 0; more--, p++)
			if (p == end || *p >> 6 != 2)
				return false;
	}
	return true;
}

int ws_queue(struct connection *c, const char *data, size_t size)
{
	if (!c->upgraded)
		return -ENOTCONN;
	return queue_frame(c, is_utf8(data, size) ? WS_TEXT : WS_BINARY, data, size);
}

int ws_ping(struct connection *c)
{
	return c->upgraded ? queue_frame(c, WS_PING, "", 0) : -ENOTCONN;
}

static void close_with(struct connection *c, enum close_code code, const char *why)
{
	const char payload[2] = { (char)(code >> 8), (char)code };

	queue_frame(c, WS_CLOSE, payload, sizeof(payload));
	stream_give_up(c, why, false);
}

/* --- the HTTP before --- */

/* Bytes taken. */
static size_t upgrade(struct connection *c, struct slice data)
{
	const struct sip_transport_config *config = &c->transport->config;
	const size_t size = http_request_size(data);
	char answer[HTTP_ANSWER_MAX];
	unsigned status;

	if (size > HTTP_REQUEST_MAX || (size == 0 && data.n > HTTP_REQUEST_MAX)) {
		c->transport->stats.ws_refused++;
		stream_give_up(c, "HTTP longer than it may be", false);
		return 0;
	}
	if (size == 0)
		return 0;
	status = http_upgrade((struct slice){ data.p, size }, config->ws_origins,
			      config->ws_origin_count, answer);
	stream_queue(c, answer, strlen(answer));
	c->upgraded = status == 101;
	if (!c->upgraded) {
		c->transport->stats.ws_refused++;
		stream_give_up(c, status == 403 ? "another Origin" : "no upgrade to SIP", false);
	}
	return size;
}

/* --- frames --- */

enum read_result { READ_MORE, READ_FRAME, READ_WRONG, READ_TOO_LARGE };

static enum read_result read_frame(const struct connection *c, char *data, size_t size,
				   struct ws_frame *frame)
{
	const unsigned char *p = (const unsigned char *)data;
	uint64_t length;
	size_t header = 2;

	if (size < 2)
		return READ_MORE;
	length = p[1] & ~MASK;
	header += length == 126 ? 2 : length == 127 ? 8 : 0;
	if ((p[0] & RSV) != 0 || !(p[1] & MASK))
		return READ_WRONG;
	if (size < header)
		return READ_MORE;
	if (length >= 126) {
		length = 0;
		for (size_t i = 2; i < header; i++)
			length = length << 8 | p[i];
	}
	*frame = (struct ws_frame){
		.fin = (p[0] & FIN) != 0,
		.opcode = p[0] & 0xf,
		.header = header + 4,
		.size = (size_t)length,
		.payload = data + header + 4,
	};
	if (frame->opcode >= WS_CLOSE && (length > CONTROL_MAX || !frame->fin))
		return READ_WRONG;
	if (length > c->transport->message_max - c->parts_size)
		return READ_TOO_LARGE;
	return size - header >= 4 + length ? READ_FRAME : READ_MORE;
}

static void unmask(struct ws_frame *frame)
{
	const char *mask = frame->payload - 4;

	for (size_t i = 0; i < frame->size; i++)
		frame->payload[i] ^= mask[i & 3];
}

/* Some clients keep alive with CRLFs in a message, as over TCP. */
static bool is_blank(const char *data, size_t size)
{
	while (size > 0 && (data[size - 1] == '\r' || data[size - 1] == '\n'))
		size--;
	return size == 0;
}

static void take_message(struct connection *c, const char *data, size_t size)
{
	if (!is_blank(data, size)) {
		stream_deliver(c, data, size);
		return;
	}
	c->transport->stats.dropped_keepalive++;
	if (size == 4 && stream_takes_pong(c) && queue_frame(c, WS_TEXT, "\r\n", 2) == 0)
		c->transport->stats.keepalives_answered++;
}

static int append(struct connection *c, const struct ws_frame *frame)
{
	char *larger = realloc(c->parts, c->parts_size + frame->size + 1);

	if (larger == NULL)
		return -ENOMEM;
	memcpy(larger + c->parts_size, frame->payload, frame->size);
	c->parts = larger;
	c->parts_size += (uint32_t)frame->size;
	return 0;
}

/* A message in one frame, or in a first one, continuations, and a last one. */
static void take_data(struct connection *c, const struct ws_frame *frame)
{
	const bool first = frame->opcode != WS_CONTINUATION;
	char *parts;

	if (first == (c->parts != NULL)) {
		close_with(c, CLOSE_PROTOCOL, "fragments out of order");
		return;
	}
	if (first && frame->fin) {
		take_message(c, frame->payload, frame->size);
		return;
	}
	if (append(c, frame) != 0) {
		connection_fail(c, -ENOMEM);
		return;
	}
	if (!frame->fin)
		return;
	parts = c->parts;
	c->parts = NULL;
	take_message(c, parts, c->parts_size);
	c->parts_size = 0;
	free(parts);
}

static void take_frame(struct connection *c, const struct ws_frame *frame)
{
	switch (frame->opcode) {
	case WS_CONTINUATION:
	case WS_TEXT:
	case WS_BINARY:
		take_data(c, frame);
		return;
	case WS_PING:
		if (stream_takes_pong(c) &&
		    queue_frame(c, WS_PONG, frame->payload, frame->size) == 0)
			c->transport->stats.keepalives_answered++;
		return;
	case WS_PONG:
		c->transport->stats.dropped_keepalive++;
		return;
	case WS_CLOSE: /* RFC 6455 §5.5.1: its code goes back, and that is the end */
		queue_frame(c, WS_CLOSE, frame->payload, frame->size >= 2 ? 2 : 0);
		c->last_words = true;
		return;
	default:
		close_with(c, CLOSE_PROTOCOL, "an opcode that is not defined");
	}
}

/* What a message has while it is in fragments counts as incomplete as well: neither its next
 * fragment nor a ping between them gives it more time. */
struct slice ws_consume(struct connection *c, char *data, size_t size)
{
	size_t used = 0;

	while (used < size && c->state == CONNECTION_OPEN && !c->last_words) {
		struct ws_frame frame;
		enum read_result result;

		if (!c->upgraded) {
			const size_t taken = upgrade(c, (struct slice){ data + used, size - used });

			if (taken == 0 && !c->last_words)
				break;
			used += taken;
			continue;
		}
		result = read_frame(c, data + used, size - used, &frame);
		if (result == READ_MORE)
			break;
		if (result == READ_WRONG || result == READ_TOO_LARGE) {
			close_with(c, result == READ_WRONG ? CLOSE_PROTOCOL : CLOSE_TOO_LARGE,
				   result == READ_WRONG ? "no WebSocket of a client"
							: "larger than a message may be");
			break;
		}
		unmask(&frame);
		take_frame(c, &frame);
		if (c->parts == NULL)
			c->partial_ms = 0;
		used += frame.header + frame.size;
	}
	if (c->state != CONNECTION_OPEN || c->last_words)
		return SLICE_NONE;
	return (struct slice){ data + used, size - used };
}
