/* SPDX-License-Identifier: BSD-3-Clause */
/* What a message shows of the NATs on its way, and of application level gateways in them, which
 * rewrite some of its addresses and leave others. */
#ifndef SIP_DIALOG_ALG_H
#define SIP_DIALOG_ALG_H

#include "sip/message/typed.h"
#include "sip/transport/transport.h"

enum sip_nat_sign {
	SIP_NAT_VIA = 1,     /* a private address there, behind a public source */
	SIP_NAT_CONTACT = 2, /* the same */
	SIP_NAT_BODY = 4,    /* the same, in a c= line */
	SIP_NAT_ALG = 8, /* the Contact is private still, but Via or body name the public source:
			      * no phone writes both, so somebody put it there */
};

/* Of a message as it came; SIP_NAT_… */
unsigned sip_nat_signs(const struct sip_msg *msg, const struct sip_path *from);

#endif
