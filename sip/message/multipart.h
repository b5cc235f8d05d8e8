/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bodies and their parts (RFC 2046 §5.1, RFC 5621). A body that is not multipart is its own only
 * part. Nothing is copied: parts are slices of the body.
 */
#ifndef SIP_MESSAGE_MULTIPART_H
#define SIP_MESSAGE_MULTIPART_H

#include "sip/message/headers.h"

struct sip_part {
	struct sip_media_type type; /* "text/plain" where a part does not tell (RFC 2046 §5.1) */
	struct slice disposition;   /* "session" and so on; p is NULL: not told */
	bool optional;              /* handling=optional (RFC 3204 §6) */
	struct slice id;            /* Content-ID without its brackets */
	struct slice encoding; /* Content-Transfer-Encoding; p is NULL: none, as it is in SIP */
	struct slice body;
};

#define SIP_NESTING_MAX 8
struct sip_body_walk {
	unsigned depth, parts;
	struct {
		struct slice boundary, rest; /* what follows the last delimiter that was found */
	} level[SIP_NESTING_MAX];
};

/*
 * Goes through the parts in order, into nested ones; multipart parts themselves are not told. Of
 * multipart/alternative all are told, the best last. Begin with sip_body_first(). 0; -ENOENT: there
 * is no (further) part; -EBADMSG: malformed; -E2BIG: more parts, or deeper, than sip_limits allow.
 */
int sip_body_first(const struct sip_msg *msg, struct sip_body_walk *walk, struct sip_part *part);
int sip_body_next(struct sip_body_walk *walk, struct sip_part *part);

/* The first part of a type; as above. */
int sip_body_find(const struct sip_msg *msg, struct slice type, struct sip_part *part);

#endif
