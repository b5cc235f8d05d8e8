/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/dialog/alg.h"

#include "sip/message/typed.h"

#define SIP_PORT 5060u

enum where { SOMEWHERE, PRIVATE, AT_SOURCE };

static enum where where_is(struct slice host, const struct sip_path *from)
{
	struct sip_address address;

	if (sip_address_parse(host, SIP_PORT, &address) != 0)
		return SOMEWHERE;
	if (sip_address_same_host(&address, &from->remote))
		return AT_SOURCE;
	return sip_address_is_private(&address) ? PRIVATE : SOMEWHERE;
}

static enum where where_is_via(const struct sip_msg *msg, const struct sip_path *from)
{
	struct sip_via via;

	return sip_msg_top_via(msg, &via) == 0 ? where_is(via.host, from) : SOMEWHERE;
}

static enum where where_is_contact(const struct sip_msg *msg, const struct sip_path *from)
{
	struct sip_addr contact;

	return sip_msg_contact(msg, &contact) == 0 && !contact.star
		       ? where_is(contact.uri.host, from)
		       : SOMEWHERE;
}

/* The first c= line (RFC 8866 §5.7), of the session or of its first medium. */
static enum where where_is_body(const struct sip_msg *msg, const struct sip_path *from)
{
	struct slice rest = msg->body;

	while (rest.n > 0) {
		struct slice line = slice_trim(slice_split(&rest, '\n'));

		if (!slice_starts_nocase(line, SLICE("c=IN IP")) || line.n < 10)
			continue;
		line = (struct slice){ line.p + 9, line.n - 9 };
		return where_is(slice_split(&line, '/'), from);
	}
	return SOMEWHERE;
}

unsigned sip_nat_signs(const struct sip_msg *msg, const struct sip_path *from)
{
	enum where via, contact, body;
	unsigned signs = 0;

	if (sip_address_is_private(&from->remote))
		return 0;
	via = where_is_via(msg, from);
	contact = where_is_contact(msg, from);
	body = where_is_body(msg, from);
	signs |= via == PRIVATE ? SIP_NAT_VIA : 0;
	signs |= contact == PRIVATE ? SIP_NAT_CONTACT : 0;
	signs |= body == PRIVATE ? SIP_NAT_BODY : 0;
	if (contact == PRIVATE && (via == AT_SOURCE || body == AT_SOURCE))
		signs |= SIP_NAT_ALG;
	return signs;
}
