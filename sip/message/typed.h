/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Values of headers, parsed when asked for: URIs, addresses, Via, CSeq, parameters.
 * All results are slices into the value. All functions return 0 or -EBADMSG.
 */
#ifndef SIP_MESSAGE_TYPED_H
#define SIP_MESSAGE_TYPED_H

#include "sip/message/message.h"

/* false: no such parameter. value is SLICE_NONE for one without "="; quoted strings lose quotes. */
bool sip_param_get(struct sip_params params, const char *name, struct slice *value);
/* Takes the next one; false at the end. */
bool sip_param_next(struct sip_params *rest, struct slice *name, struct slice *value);

int sip_uri_parse(struct slice text, struct sip_uri *uri);
/* RFC 3261 §19.1.4 */
bool sip_uri_equal(const struct sip_uri *a, const struct sip_uri *b);
/* urn:service:sos, urn:service:sos.fire and so on (RFC 5031) */
bool sip_uri_is_emergency(const struct sip_uri *uri);
/* Unescapes %xx into dst with a terminator; -ENOSPC, -EBADMSG. */
int sip_uri_unescape(struct slice s, char *dst, size_t size);

int sip_addr_parse(struct slice value, struct sip_addr *addr);
/* Comma-separated lists in one header field: takes the next; 0, -ENOENT at the end, -EBADMSG. */
int sip_addr_next(struct slice *rest, struct sip_addr *addr);
/* tag parameter, SLICE_NONE if there is none */
struct slice sip_addr_tag(const struct sip_addr *addr);

/* The first value of the topmost Via. */
int sip_msg_top_via(const struct sip_msg *msg, struct sip_via *via);
int sip_via_next(struct slice *rest, struct sip_via *via);

/* What every message has was parsed with it: msg->via, cseq, from, to, from_tag, to_tag. These are
 * for messages of which only the index was made, and for those returned with an error. */
int sip_msg_cseq(const struct sip_msg *msg, struct sip_cseq *cseq);
int sip_msg_from(const struct sip_msg *msg, struct sip_addr *from);
int sip_msg_to(const struct sip_msg *msg, struct sip_addr *to);
/* First Contact; -ENOENT. */
int sip_msg_contact(const struct sip_msg *msg, struct sip_addr *contact);
/* Expires, Max-Forwards and the like. -ENOENT, -EBADMSG. */
int sip_msg_number(const struct sip_msg *msg, enum sip_header_id id, uint32_t *value);
/* Is `token` in a comma-separated header (Supported, Require, Allow), in any of its fields? */
bool sip_msg_has_token(const struct sip_msg *msg, enum sip_header_id id, struct slice token);
bool sip_content_type_is(const struct sip_msg *msg, struct slice type); /* "application/sdp" */

#endif
