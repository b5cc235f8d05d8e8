/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of sip/sdp share: the words of lines, RFC 8866 §9. Errors are -EBADMSG. */
#ifndef SIP_SDP_INTERNAL_H
#define SIP_SDP_INTERNAL_H

#include "sip/sdp/attribute.h"
#include "sip/sdp/sdp.h"

/* Fields of a line are separated by one space; more are taken as one. SLICE_NONE at the end. */
struct slice sdp_take_field(struct slice *rest);
struct slice sdp_take_line(struct slice *rest);
bool sdp_is_token(struct slice s);
int sdp_to_u64(struct slice s, uint64_t *value);
/* "IN IP4 198.18.0.101"; the port is left alone. */
int sdp_to_address(struct slice text, struct sdp_address *address);
/* The address alone. family 0: a name; -EBADMSG: neither. */
int sdp_to_ip(struct slice text, struct sdp_address *address);
/* Milliseconds, maybe with a fraction, which nobody uses for packets. */
int sdp_to_ms(struct slice text, uint16_t *ms);

/* A format as RFC 3551 §6 assigns it; without a name if it is a dynamic one. */
struct sdp_format sdp_static_format(uint8_t payload_type);

#endif
