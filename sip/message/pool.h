/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Blocks for messages, in sizes of powers of two. What a thread releases it keeps for its next
 * messages, up to POOL_KEPT bytes of each size; nothing is shared between threads, so nothing is
 * locked. Private to sip/message.
 */
#ifndef SIP_MESSAGE_POOL_H
#define SIP_MESSAGE_POOL_H

#include "sip/message/message.h"

/*
 * A message with one reference, a copy of data behind it, SCAN_PADDING zeros, and headers[] with
 * room for at least that many; *room: how many there are. All else is zero. NULL: no memory.
 *
 *   struct sip_msg | data | SCAN_PADDING zeros | headers[0 .. room - 1]
 */
struct sip_msg *msg_create(const char *data, size_t size, unsigned *room);
void msg_free(struct sip_msg *msg);

#endif
