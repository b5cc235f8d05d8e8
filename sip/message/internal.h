/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of sip/message share. */
#ifndef SIP_MESSAGE_INTERNAL_H
#define SIP_MESSAGE_INTERNAL_H

#include <assert.h>

#include "sip/message/typed.h"

int sip_cseq_parse(struct slice value, struct sip_cseq *cseq);

#endif
