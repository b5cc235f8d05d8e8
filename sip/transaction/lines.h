/* SPDX-License-Identifier: BSD-3-Clause */
/* Header lines that a user of the layers hands over ready-made, CRLF and all. */
#ifndef SIP_TRANSACTION_LINES_H
#define SIP_TRANSACTION_LINES_H

#include "sip/message/build.h"

static inline void sip_build_lines(struct sip_build *b, struct slice lines)
{
	if (lines.n == 0)
		return;
	if (b->overflow || lines.n > b->size - b->used) {
		b->overflow = true;
		return;
	}
	memcpy(b->buffer + b->used, lines.p, lines.n);
	b->used += lines.n;
}

#endif
