/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What of one leg's headers is written on the other leg. The table in headers.c is all there is:
 * a header that is not in it does not cross, so nothing of one side (addresses, host names,
 * Call-IDs, tags) is shown to the other unless a row says how.
 *
 * Identities (RFC 3323, RFC 3325): who asserts one is believed if the configuration trusts that
 * peer (trunks[].trusted); one that is to be withheld is shown to trusted peers alone. Users are
 * never believed: we say who they are. The same is true of who a call was for before (Diversion,
 * History-Info), and of precedence (Resource-Priority, Priority: emergency).
 */
#ifndef CONTROLPLANE_ENGINE_HEADERS_H
#define CONTROLPLANE_ENGINE_HEADERS_H

#include "sip/message/build.h"
#include "sip/message/typed.h"

#define HEADERS_MAX 4096u /* bytes that cross in one message */

enum header_carrier {
	HEADERS_IN_INVITE,
	HEADERS_IN_RESPONSE,
	HEADERS_IN_END,     /* BYE, CANCEL */
	HEADERS_IN_MESSAGE, /* INFO, MESSAGE and what answers them */
	HEADER_CARRIERS
};

/* From which side to which. */
struct headers_way {
	enum header_carrier carrier;
	const char *domain; /* takes the place of host names */
	bool from_trusted;  /* what it asserts is believed */
	bool to_trusted;    /* it keeps to itself what others must not see */
	bool withheld;      /* the identity of who speaks */
	bool emergency;     /* we say so ourselves, if who speaks is not believed */
};

/* Appends complete lines. What does not fit is left out. Returns how many were not passed because
 * who sent them is not believed. */
unsigned headers_across(const struct headers_way *way, const struct sip_msg *msg,
			struct sip_build *b);
/* How the URI of an address is written for others: "<sip:user@domain>", "<tel:+1>" with its display
 * name. 0, -EBADMSG: it has nothing to show; -ENOSPC */
int headers_identity(const struct sip_addr *addr, const char *domain, char *text, size_t size);

/* Does the Privacy of a request ask to withhold who sends it (id, user, header)? */
bool headers_withheld(const struct sip_msg *request);
/* RFC 3323 §4.1.1.3: nobody in particular. */
bool headers_is_anonymous(const struct sip_uri *uri);
#define HEADERS_ANONYMOUS "\"Anonymous\" <sip:anonymous@anonymous.invalid>"

/*
 * Loops through others (in the way of RFC 5393): each INVITE of ours carries a token for each of
 * its targets so far, which means something to us alone. true: it was asked for that target before,
 * or for too many.
 */
bool headers_is_loop(const struct sip_msg *request, const char *target);
/* The tokens of the request (NULL: none) and that of the target, as a header line. */
void headers_put_loop(const struct sip_msg *request, const char *target, struct sip_build *b);

#endif
