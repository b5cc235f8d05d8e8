/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of sip/sdp share. */
#ifndef SIP_SDP_INTERNAL_H
#define SIP_SDP_INTERNAL_H

#include "sip/sdp/sdp.h"

/* A format as RFC 3551 §6 assigns it; without a name if it is a dynamic one. */
struct sdp_format sdp_static_format(uint8_t payload_type);

#endif
