/* SPDX-License-Identifier: BSD-3-Clause */
/* Replies of name servers: whatever comes, an answer is within its bounds and its names end. */
#include <stdlib.h>

#include "sip/base/tests/fuzz.h"
#include "sip/resolve/dns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum dns_type types[] = { DNS_A, DNS_AAAA, DNS_SRV, DNS_NAPTR };
	static struct dns_answer answer;

	for (unsigned i = 0; i < 4; i++) {
		if (dns_answer_read(data, size, types[i], &answer) != 0)
			continue;
		if (answer.count > DNS_RECORDS_MAX)
			abort();
		for (unsigned k = 0; k < answer.count; k++)
			if (memchr(answer.records[k].name, '\0', DNS_NAME_MAX) == NULL)
				abort();
	}
	return 0;
}
