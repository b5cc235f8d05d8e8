/* SPDX-License-Identifier: BSD-3-Clause */
/* The request that opens a WebSocket (RFC 6455 §4.2, RFC 7118 §4). Private to sip/transport. */
#ifndef SIP_TRANSPORT_HTTP_H
#define SIP_TRANSPORT_HTTP_H

#include "sip/base/slice.h"

#define HTTP_REQUEST_MAX 4096u /* bytes */
#define HTTP_ANSWER_MAX  256u

/* Bytes of the request at the front of data; 0: it is not all there. */
size_t http_request_size(struct slice data);
/* Status: 101, or what it is refused with; answer: the response, complete. */
unsigned http_upgrade(struct slice request, const char *const *origins, unsigned origin_count,
		      char answer[HTTP_ANSWER_MAX]);

#endif
