/* SPDX-License-Identifier: BSD-3-Clause */
/* What a tap records: a message as it was on the wire, and whose it is. */
#ifndef SIP_TRACE_RECORD_H
#define SIP_TRACE_RECORD_H

#include "sip/base/address.h"

enum trace_kind {
	TRACE_MESSAGE, /* data: the message */
	TRACE_CALL,    /* data: a Call-ID that belongs to `call` */
};

struct trace_record {
	uint64_t time_ns; /* since 1970 */
	uint64_t call;    /* id, 0: not known */
	struct sip_address local, remote;
	uint32_t size;     /* of the data */
	uint8_t kind;      /* enum trace_kind */
	uint8_t transport; /* enum sip_transport_kind */
	bool out;
	uint8_t reserved;
};

/* Of the message: who sent it, and to whom. */
static inline const struct sip_address *trace_source(const struct trace_record *r)
{
	return r->out ? &r->local : &r->remote;
}
static inline const struct sip_address *trace_destination(const struct trace_record *r)
{
	return r->out ? &r->remote : &r->local;
}

#endif
