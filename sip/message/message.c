/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/message/chars.h"
#include "sip/message/internal.h"
#include "sip/message/pool.h"

struct sip_msg *sip_msg_ref(struct sip_msg *msg)
{
	__atomic_fetch_add(&msg->refs, 1, __ATOMIC_RELAXED);
	return msg;
}

void sip_msg_unref(struct sip_msg *msg)
{
	if (msg != NULL && __atomic_sub_fetch(&msg->refs, 1, __ATOMIC_ACQ_REL) == 0)
		msg_free(msg);
}

void msg_add_header(struct sip_msg *msg, enum sip_header_id id, struct slice name,
		    struct slice value)
{
	const unsigned index = ++msg->header_count;

	msg->headers[index] =
		(struct sip_header){ .id = (uint16_t)id, .name = name, .value = value };
	if (msg->first[id] == 0)
		msg->first[id] = (uint8_t)index;
	else
		msg->headers[msg->last[id]].next = (uint16_t)index;
	msg->last[id] = (uint8_t)index;
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

bool sip_msg_each(const struct sip_msg *msg, enum sip_header_id id, struct sip_cursor *cursor,
		  struct slice *value)
{
	for (;;) {
		if (cursor->rest.p == NULL) {
			cursor->header = cursor->header == NULL ? sip_msg_header(msg, id)
								: sip_msg_next(msg, cursor->header);
			if (cursor->header == NULL) {
				*value = SLICE_NONE;
				return false;
			}
			cursor->rest = cursor->header->value;
		}
		*value = slice_trim(sip_list_take(&cursor->rest));
		if (value->n > 0)
			return true;
	}
}
