/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/message/message.h"

#include <stdlib.h>

struct sip_msg *sip_msg_ref(struct sip_msg *msg)
{
	__atomic_fetch_add(&msg->refs, 1, __ATOMIC_RELAXED);
	return msg;
}

void sip_msg_unref(struct sip_msg *msg)
{
	if (msg != NULL && __atomic_sub_fetch(&msg->refs, 1, __ATOMIC_ACQ_REL) == 0)
		free(msg);
}

static const struct sip_header *header_at(const struct sip_msg *msg, unsigned index)
{
	return index != 0 ? &msg->headers[index] : NULL;
}

const struct sip_header *sip_msg_header(const struct sip_msg *msg, enum sip_header_id id)
{
	return (unsigned)id < SIP_HEADER_IDS ? header_at(msg, msg->first[id]) : NULL;
}

const struct sip_header *sip_msg_next(const struct sip_msg *msg, const struct sip_header *header)
{
	return header_at(msg, header->next);
}

struct slice sip_msg_value(const struct sip_msg *msg, enum sip_header_id id)
{
	const struct sip_header *header = sip_msg_header(msg, id);

	return header != NULL ? header->value : SLICE_NONE;
}

const struct sip_header *sip_msg_header_named(const struct sip_msg *msg, struct slice name)
{
	enum sip_header_id id = sip_header_of(name);
	const struct sip_header *header = sip_msg_header(msg, id);

	if (id != SIP_H_OTHER)
		return header;
	while (header != NULL && !slice_equal_nocase(header->name, name))
		header = sip_msg_next(msg, header);
	return header;
}
