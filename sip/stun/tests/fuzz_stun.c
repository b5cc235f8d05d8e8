/* SPDX-License-Identifier: BSD-3-Clause */
/* Any datagram gets an answer that is STUN, or none. */
#include <stdlib.h>

#include "sip/base/tests/fuzz.h"
#include "sip/stun/stun.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sip_address from = { .family = size & 1 ? AF_INET6 : AF_INET, .port = 5060 }, mapped;
	struct stun_message message;
	char answer[STUN_MAX];
	size_t n = stun_answer((struct slice){ (const char *)data, size }, &from, answer);

	if (n > STUN_MAX)
		abort();
	if (n > 0 &&
	    (stun_parse((struct slice){ answer, n }, &message) != 0 ||
	     (message.class == STUN_SUCCESS &&
	      (stun_mapped_address(&message, &mapped) != 0 || !sip_address_equal(&mapped, &from)))))
		abort();
	if (stun_parse((struct slice){ (const char *)data, size }, &message) == 0)
		stun_mapped_address(&message, &mapped);
	return 0;
}
