/* SPDX-License-Identifier: BSD-3-Clause */
/* The side of a quota that transports use; private to sip/transport. */
#ifndef SIP_TRANSPORT_QUOTA_H
#define SIP_TRANSPORT_QUOTA_H

#include "sip/transport/transport.h"

struct quota_source;

/* 0: counted, give *source back with quota_leave(). -EUSERS: too many in all, -EDQUOT: of this
 * address, -ENOMEM. quota NULL: 0. remote NULL: a connection of ours, of no source. */
int quota_enter(struct sip_quota *quota, const struct sip_address *remote,
		struct quota_source **source);
void quota_leave(struct sip_quota *quota, struct quota_source *source);

#endif
