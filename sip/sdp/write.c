/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/sdp/sdp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "sip/base/decimal.h"
#include "sip/base/format.h"

struct text {
	char *buffer;
	size_t size, used;
};

/* What does not fit moves `used` beyond the size; seen once, at the end. */
__attribute__((format(printf, 2, 3))) static void put(struct text *text, const char *format, ...)
{
	size_t room = text->used < text->size ? text->size - text->used : 0;
	va_list args;
	int n;

	va_start(args, format);
	n = format_text(room > 0 ? text->buffer + text->used : NULL, room, format, args);
	va_end(args);
	text->used = n < 0 ? SIZE_MAX / 2 : text->used + (size_t)n;
}

static void put_address(struct text *text, const struct sdp_address *address)
{
	static const uint8_t zeros[16];
	char ip[INET6_ADDRSTRLEN];
	bool v6 = address->family == 6;

	if (v6)
		inet_ntop(AF_INET6, address->ip, ip, sizeof(ip));
	else
		ip[ipv4_write(ip, address->family == 0 ? zeros : address->ip)] = '\0';
	put(text, "IN %s %s\r\n", v6 ? "IP6" : "IP4", ip);
}

static const char *direction_text(enum sdp_direction direction)
{
	static const char *const names[] = {
		[SDP_INACTIVE] = "inactive",
		[SDP_SENDONLY] = "sendonly",
		[SDP_RECVONLY] = "recvonly",
		[SDP_SENDRECV] = "sendrecv",
	};

	return names[direction & 3];
}

static void put_format(struct text *text, const struct sdp_format *format)
{
	unsigned type = format->payload_type;

	put(text, "a=rtpmap:%u %.*s/%" PRIu32, type, SLICE_FMT(format->encoding),
	    format->clock_rate);
	if (format->channels > 1)
		put(text, "/%u", format->channels);
	put(text, "\r\n");
	if (format->fmtp.n > 0)
		put(text, "a=fmtp:%u %.*s\r\n", type, SLICE_FMT(format->fmtp));
}

static void put_audio(struct text *text, const struct sdp_audio *audio, enum sdp_protocol protocol)
{
	put(text, "m=audio %u %s", audio->rtp.port, sdp_protocol_text(protocol));
	for (unsigned i = 0; i < audio->format_count; i++)
		put(text, " %u", audio->formats[i].payload_type);
	put(text, "\r\n");
	for (unsigned i = 0; i < audio->format_count; i++)
		put_format(text, &audio->formats[i]);
	if (audio->ptime != 0)
		put(text, "a=ptime:%u\r\n", audio->ptime);
	if (audio->max_ptime != 0)
		put(text, "a=maxptime:%u\r\n", audio->max_ptime);
	put(text, "a=%s\r\n", direction_text(audio->direction));
	if (audio->rtcp_mux)
		put(text, "a=rtcp-mux\r\n");
}

/* RFC 3264 §6: a line is refused with port 0; its formats do not matter, but there must be one. */
static void put_refused(struct text *text, struct slice type, struct slice protocol,
			struct slice formats)
{
	put(text, "m=%.*s 0 %.*s %.*s\r\n", SLICE_FMT(type), SLICE_FMT(protocol),
	    SLICE_FMT(formats));
}

int sdp_write(char *buffer, size_t size, const struct sdp *offer, unsigned audio_line,
	      const struct sdp_audio *audio, uint64_t session_id, uint64_t session_version)
{
	struct text text = { buffer, size, 0 };

	put(&text, "v=0\r\no=- %" PRIu64 " %" PRIu64 " ", session_id, session_version);
	put_address(&text, &audio->rtp);
	put(&text, "s=-\r\nc=");
	put_address(&text, &audio->rtp);
	put(&text, "t=0 0\r\n");
	if (offer == NULL && audio->format_count > 0)
		put_audio(&text, audio, audio->protocol);
	else if (offer == NULL)
		put_refused(&text, SLICE("audio"), SLICE("RTP/AVP"), SLICE("0"));
	for (unsigned i = 0; offer != NULL && i < offer->media_count; i++) {
		const struct sdp_media *media = &offer->media[i];

		if (i == audio_line && audio->format_count > 0)
			put_audio(&text, audio, media->protocol);
		else
			put_refused(&text, media->type, media->protocol_text, media->formats);
	}
	/* vsnprintf() needs room for its terminator. */
	if (text.used >= size || text.used > INT32_MAX)
		return -ENOSPC;
	return (int)text.used;
}
