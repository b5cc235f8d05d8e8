/* SPDX-License-Identifier: BSD-3-Clause */
/* HEPv3, the encapsulation that Homer and its like collect messages in: chunks of a vendor, a type
 * and a length (github.com/sipcapture/HEP, HEP3 network protocol specification, rev. 36). */
#ifndef SIP_TRACE_HEP_H
#define SIP_TRACE_HEP_H

#include "sip/trace/record.h"

struct trace_hep {
	uint32_t capture_id;
	const char *password; /* NULL: none */
};
/* Returns its size; 0: it does not fit. */
size_t trace_hep_build(const struct trace_hep *hep, const struct trace_record *record,
		       const char *data, uint8_t *packet, size_t room);

#endif
