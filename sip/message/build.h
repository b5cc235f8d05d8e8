/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Building messages: appending to one buffer, no allocation per header. An append that does not
 * fit marks the builder as overflown; sip_build_finish() then fails, so callers check once.
 *
 * A request is built without a Via: the transaction layer, which alone knows it, puts it behind the
 * first line while it copies the message into what it keeps.
 */
#ifndef SIP_MESSAGE_BUILD_H
#define SIP_MESSAGE_BUILD_H

#include "sip/message/message.h"

struct sip_build {
	char *buffer;
	size_t size, used;
	size_t line; /* bytes of the first line, at the beginning of buffer */
	bool overflow;
};

void sip_build_init(struct sip_build *b, char *buffer, size_t size);

void sip_build_request_line(struct sip_build *b, struct slice method, struct slice uri);
void sip_build_status_line(struct sip_build *b, unsigned status, const char *reason);

/* A header in pieces. Control characters in a piece become spaces, here and in all that follows:
 * nothing that comes from a message can start a header of its own. */
void sip_build_begin(struct sip_build *b, enum sip_header_id id);
void sip_build_text(struct sip_build *b, struct slice text);
void sip_build_str(struct sip_build *b, const char *text);
void sip_build_u32(struct sip_build *b, uint32_t number);
void sip_build_end(struct sip_build *b);

/* "Name: " + printf + CRLF. For what is not built for each call: the others are ten times faster. */
void sip_build_header(struct sip_build *b, enum sip_header_id id, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void sip_build_header_slice(struct sip_build *b, enum sip_header_id id, struct slice value);
void sip_build_header_u32(struct sip_build *b, enum sip_header_id id, uint32_t number);
void sip_build_cseq(struct sip_build *b, uint32_t number, struct slice method);
/* Whole lines, each with its CRLF, as they are: of who built them by this builder. */
void sip_build_lines(struct sip_build *b, struct slice lines);
/* Copies all headers of an id from a message, in order, in full form, unfolded. */
void sip_build_copy(struct sip_build *b, const struct sip_msg *from, enum sip_header_id id);
/* Content-Type (if type is given), Content-Length, blank line, body; ends the message.
 * 0, or -ENOSPC when anything overflowed. *message: what was built. */
int sip_build_finish(struct sip_build *b, struct slice content_type, struct slice body,
		     struct slice *message);

/*
 * Starts a response to a request: status line, Via, From, To (with to_tag, unless there is a tag
 * already or to_tag is empty), Call-ID, CSeq, as of RFC 3261 §8.2.6.2; Record-Route is copied for
 * 1xx–2xx when record_route. The caller appends and finishes. The topmost Via gets received and
 * rport (RFC 3581) of `source` ("ip", port) when given.
 */
void sip_build_response(struct sip_build *b, const struct sip_msg *request, unsigned status,
			const char *reason, struct slice to_tag, bool record_route,
			const char *source_ip, uint16_t source_port);

#endif
