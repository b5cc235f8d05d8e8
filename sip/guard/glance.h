/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A look at a message before it is parsed: what kind it is, and where the few headers are that
 * tell whether it is worth parsing, and that a refusal repeats. One pass over the lines, nothing
 * is copied, nothing is checked: the parser does that for what is let in.
 */
#ifndef SIP_GUARD_GLANCE_H
#define SIP_GUARD_GLANCE_H

#include "sip/message/message.h"

struct sip_glance {
	bool is_request;
	uint8_t method; /* enum sip_method, of a request */
	bool has_credentials;
	bool more_vias;   /* there are further fields of Via */
	struct slice uri; /* of a request */
	struct slice via; /* all of the first field, with what follows a comma */
	struct slice from, to, call_id, cseq, user_agent, resource_priority;
	struct slice to_tag;
};
void sip_glance(struct slice message, struct sip_glance *glance);
/* The same up to where it is sure that the message is not shed, for the most of a call's are not:
 * what stands behind that is left out. */
void sip_glance_brief(struct slice message, struct sip_glance *glance);
/* The tag in a From or To; empty: none. */
struct slice sip_glance_tag(struct slice value);

#endif
