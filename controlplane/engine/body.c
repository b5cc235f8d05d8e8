/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/engine/body.h"

#include <string.h>

#include "sip/message/headers.h"

#define MASKED 'x'

static bool may_cross(const struct config_calls *config, const struct sip_msg *msg)
{
	for (unsigned i = 0; i < config->message_types_count; i++)
		if (sip_content_type_is(msg, slice_of(config->message_types[i])))
			return true;
	return false;
}

unsigned body_status(const struct config_calls *config, const struct sip_msg *msg)
{
	if (msg->body.n == 0)
		return 0;
	if (!may_cross(config, msg))
		return 415;
	return msg->body.n > config->message_max ? 413 : 0;
}

unsigned body_mask(char *body, size_t size, const struct sip_address *address)
{
	char text[SIP_ADDRESS_TEXT];
	const size_t n = strlen(sip_address_ip(address, text));
	unsigned count = 0;

	for (char *at = body, *end = body + size;
	     (at = memmem(at, (size_t)(end - at), text, n)) != NULL; at += n) {
		memset(at, MASKED, n);
		count++;
	}
	return count;
}
