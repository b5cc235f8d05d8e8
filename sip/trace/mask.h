/* SPDX-License-Identifier: BSD-3-Clause */
/* Secrets of a message, made unreadable in place; nothing moves. */
#ifndef SIP_TRACE_MASK_H
#define SIP_TRACE_MASK_H

#include <stddef.h>

/* The response of digests, from which a password can be guessed; all of credentials that are no
 * digest; and the keys of SDES (a=crypto, RFC 4568), with which media can be read. */
void trace_mask(char *message, size_t size);

#endif
