/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Framing of a stream (RFC 3261 §18.3): where a message ends, by its Content-Length. Between
 * messages CRLFs are keep-alives (RFC 5626 §3.5.1): a double one is a ping, which wants a single
 * one back.
 *
 * Pure: bytes in, boundaries out. What has been looked at is not looked at again, however small
 * the pieces are that the bytes come in.
 */
#ifndef SIP_TRANSPORT_FRAME_H
#define SIP_TRANSPORT_FRAME_H

#include "sip/base/slice.h"

/* Of one stream; zero-initialised. */
struct frame {
	uint32_t scanned; /* bytes of the message in which its headers do not end */
	uint32_t need;    /* bytes of the message; 0: not known yet */
	uint8_t crlf;     /* characters of a double CRLF that have come */
};

enum frame_result {
	FRAME_MORE,    /* incomplete: take 0 */
	FRAME_MESSAGE, /* take: its bytes */
	FRAME_CRLF,    /* take bytes of CRLFs: half a ping, or a pong */
	FRAME_PING,    /* take bytes of CRLFs, the last of them end a double one */
	/* The next message cannot be found after these. take: the bytes up to the end of the
	 * headers, which are worth an answer; 0: there is none. */
	FRAME_GARBAGE,   /* no message begins so */
	FRAME_NO_LENGTH, /* no Content-Length */
	FRAME_BAD_LENGTH,
	FRAME_TOO_LARGE,
};

/* What stands at the front of data, which begins where the last message ended. */
enum frame_result frame_next(struct frame *frame, struct slice data, size_t message_max,
			     size_t *take);

#endif
