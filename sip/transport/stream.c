/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include "sip/transport/internal.h"

#define READS_MAX    8u /* of one wake-up, so that others get their turn */
#define IN_FIRST     512u
#define OUT_FREE_MAX 64u   /* buffers kept for the next message */
#define PONGS_MAX    1024u /* bytes that may wait when a pong is added to them */

static const char crlf[] = "\r\n", double_crlf[] = "\r\n\r\n";

/* --- out --- */

static struct out_buffer *take_buffer(struct sip_transport *transport, size_t size)
{
	const size_t usual = OUT_BUFFER_SIZE - sizeof(struct out_buffer);
	struct out_buffer *b = transport->out_free;

	if (size <= usual && b != NULL) {
		transport->out_free = b->next;
		transport->out_free_count--;
	} else {
		b = malloc(sizeof(*b) + (size > usual ? size : usual));
		if (b == NULL)
			return NULL;
		b->size = (uint32_t)(size > usual ? size : usual);
	}
	b->next = NULL;
	b->start = b->used = 0;
	return b;
}

static void give_buffer(struct sip_transport *transport, struct out_buffer *b)
{
	if (b->size != OUT_BUFFER_SIZE - sizeof(*b) || transport->out_free_count == OUT_FREE_MAX) {
		free(b);
		return;
	}
	b->next = transport->out_free;
	transport->out_free = b;
	transport->out_free_count++;
}

static void free_out(struct connection *c)
{
	while (c->out != NULL) {
		struct out_buffer *b = c->out;

		c->out = b->next;
		give_buffer(c->transport, b);
	}
	c->out_end = &c->out;
	c->out_bytes = 0;
}

void stream_free(struct connection *c)
{
	free_out(c);
	free(c->in);
	free(c->parts);
	c->in = c->parts = NULL;
}

/* It is written at the end of the turn, or when it is open, or when it takes more. */
static void want_flush(struct connection *c)
{
	struct sip_transport *transport = c->transport;

	if (c->flushing || c->state != CONNECTION_OPEN || c->want_write)
		return;
	c->flushing = true;
	c->flush_next = NULL;
	*transport->flush_end = c;
	transport->flush_end = &c->flush_next;
	connection_hold(c);
}

static void append(struct connection *c, struct out_buffer *b, const char *data, size_t size)
{
	if (size > 0)
		memcpy(b->data + b->used, data, size);
	b->used += (uint32_t)size;
	c->out_bytes += (uint32_t)size;
}

int stream_queue_frame(struct connection *c, const char *header, size_t n, const char *data,
		       size_t size)
{
	struct out_buffer *last =
		c->out == NULL ? NULL
			       : (struct out_buffer *)((char *)c->out_end -
						       offsetof(struct out_buffer, next));

	if (n + size > c->transport->limits.queue_max - c->out_bytes) {
		c->transport->stats.dropped_queue++;
		return -ENOBUFS;
	}
	if (last == NULL || n + size > last->size - last->used) {
		last = take_buffer(c->transport, n + size);
		if (last == NULL)
			return -ENOMEM;
		*c->out_end = last;
		c->out_end = &last->next;
	}
	append(c, last, header, n);
	append(c, last, data, size);
	want_flush(c);
	return 0;
}

int stream_queue(struct connection *c, const char *data, size_t size)
{
	return stream_queue_frame(c, "", 0, data, size);
}

/* Takes what was written off the front; false: there is no more. */
static bool advance(struct connection *c, size_t n)
{
	struct out_buffer *b = c->out;

	b->start += (uint32_t)n;
	c->out_bytes -= (uint32_t)n;
	if (b->start < b->used)
		return true;
	c->out = b->next;
	if (c->out == NULL)
		c->out_end = &c->out;
	give_buffer(c->transport, b);
	return c->out != NULL;
}

void stream_write(struct connection *c)
{
	bool progress = false, more = c->out != NULL;
	ssize_t n = 0;

	c->want_write = false;
	while (more) {
		struct out_buffer *b = c->out;

		n = c->carrier->write(c, b->data + b->start, b->used - b->start);
		if (n <= 0)
			break;
		progress = true;
		more = advance(c, (size_t)n);
	}
	if (progress && c->sent_ms == 0)
		c->sent_ms = transport_now(c->transport);
	if (more && n != -EAGAIN) {
		connection_fail(c, n == 0 ? -EPIPE : (int)n);
		return;
	}
	if (!more && c->last_words) {
		connection_fail(c, -EBADMSG);
		return;
	}
	if (!more)
		c->stuck_ms = 0;
	else if (progress || c->stuck_ms == 0)
		c->stuck_ms = transport_now(c->transport);
	connection_watch(c);
}

/* What fails may send elsewhere, which is flushed too. */
void stream_flush_all(struct sip_transport *transport)
{
	while (transport->flush_first != NULL) {
		struct connection *c = transport->flush_first;

		transport->flush_first = c->flush_next;
		if (transport->flush_first == NULL)
			transport->flush_end = &transport->flush_first;
		c->flushing = false;
		if (c->state == CONNECTION_OPEN)
			stream_write(c);
		connection_release(c);
	}
}

/* --- in --- */

void stream_deliver(struct connection *c, const char *data, size_t size)
{
	struct sip_transport *transport = c->transport;
	const struct sip_path path = connection_path(c);

	connection_heard(c);
	c->received++;
	transport->stats.received++;
	transport->stats.received_bytes += size;
	transport->config.receive(transport->config.arg, data, size, &path);
}

void stream_give_up(struct connection *c, const char *why, bool answered)
{
	const struct sip_path path = connection_path(c);

	c->transport->stats.dropped_framing++;
	transport_notice(c->transport, SIP_NOTICE_FRAMING, &path, why);
	c->last_words = true;
	if (c->state == CONNECTION_OPEN && c->out == NULL && !answered)
		connection_fail(c, -EBADMSG);
}

/* What follows cannot be found any more. The headers that came are worth an answer (RFC 3261 §18.3:
 * 400), and then the connection is closed. */
static void give_up(struct connection *c, struct slice head, enum frame_result fault)
{
	static const char *const texts[] = {
		[FRAME_GARBAGE] = "no SIP",
		[FRAME_NO_LENGTH] = "no Content-Length",
		[FRAME_BAD_LENGTH] = "malformed Content-Length",
		[FRAME_TOO_LARGE] = "larger than a message may be",
	};

	if (head.n > 0)
		stream_deliver(c, head.p, head.n);
	stream_give_up(c, texts[fault], head.n > 0);
}

bool stream_takes_pong(struct connection *c)
{
	const bool takes = !c->want_write && c->out_bytes < PONGS_MAX;

	c->transport->stats.dropped_queue += !takes;
	return takes;
}

static void answer_ping(struct connection *c)
{
	if (stream_takes_pong(c) && stream_queue(c, crlf, sizeof(crlf) - 1) == 0)
		c->transport->stats.keepalives_answered++;
}

static void on_crlf(struct connection *c)
{
	c->transport->stats.dropped_keepalive++;
	if (c->pings == 0)
		return;
	c->pings = 0; /* a pong, and no half ping */
	c->frame.crlf = 0;
}

/* Returns what is left of data: a message that is incomplete. */
static struct slice consume(struct connection *c, struct slice data)
{
	while (data.n > 0 && c->state == CONNECTION_OPEN) {
		size_t take;
		enum frame_result result =
			frame_next(&c->frame, data, c->transport->message_max, &take);

		if (result == FRAME_MORE)
			return data;
		if (result == FRAME_MESSAGE) {
			c->partial_ms = 0;
			stream_deliver(c, data.p, take);
		} else if (result == FRAME_PING) {
			answer_ping(c);
		} else if (result == FRAME_CRLF) {
			on_crlf(c);
		} else {
			give_up(c, (struct slice){ data.p, take }, result);
			return SLICE_NONE;
		}
		data.p += take;
		data.n -= take;
	}
	return SLICE_NONE;
}

static int keep(struct connection *c, struct slice rest)
{
	if (rest.n == 0) {
		free(c->in);
		c->in = NULL;
		c->in_used = c->in_size = 0;
		if (c->parts == NULL)
			c->partial_ms = 0;
	}
	if (c->partial_ms == 0 && (rest.n > 0 || c->parts != NULL || c->last_words))
		c->partial_ms = transport_now(c->transport);
	if (rest.n == 0)
		return 0;
	if (c->in == NULL) {
		c->in_size = rest.n > IN_FIRST ? (uint32_t)rest.n : IN_FIRST;
		c->in = malloc(c->in_size);
		if (c->in == NULL)
			return -ENOMEM;
	}
	memmove(c->in, rest.p, rest.n);
	c->in_used = (uint32_t)rest.n;
	return 0;
}

/* In step with what has come, not with what was announced. */
static int grow(struct connection *c)
{
	char *larger;

	if (c->in_used < c->in_size)
		return 0;
	larger = realloc(c->in, (size_t)c->in_size * 2);
	if (larger == NULL)
		return -ENOMEM;
	c->in = larger;
	c->in_size *= 2;
	return 0;
}

/* Into the common buffer, or behind the beginning of a message. */
static ssize_t read_once(struct connection *c)
{
	struct sip_transport *transport = c->transport;
	struct slice data;
	char *to = transport->in;
	size_t have = 0;
	ssize_t n;
	int rc;

	if (c->in == NULL) {
		n = c->carrier->read(c, to, transport->in_size);
	} else {
		rc = grow(c);
		if (rc != 0)
			return rc;
		to = c->in;
		have = c->in_used;
		n = c->carrier->read(c, to + have, c->in_size - have);
	}
	if (n <= 0)
		return n == 0 ? -EPIPE : n;
	c->heard_ms = transport_now(transport);
	have += (size_t)n;
	data = is_ws(c) ? ws_consume(c, to, have) : consume(c, (struct slice){ to, have });
	rc = c->state == CONNECTION_OPEN ? keep(c, data) : 0;
	return rc != 0 ? rc : n;
}

void stream_read(struct connection *c)
{
	ssize_t n = 1;

	for (unsigned i = 0; n > 0 && (i < READS_MAX || c->carrier->pending(c)); i++) {
		if (c->state != CONNECTION_OPEN || c->last_words)
			return;
		n = read_once(c);
	}
	if (n < 0 && n != -EAGAIN)
		connection_fail(c, (int)n);
}

int stream_ping(struct connection *c)
{
	int rc = stream_queue(c, double_crlf, sizeof(double_crlf) - 1);

	if (rc == 0 && c->pings < UINT8_MAX)
		c->pings++;
	return rc;
}
