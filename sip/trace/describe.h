/* SPDX-License-Identifier: BSD-3-Clause */
/* A message in few words. */
#ifndef SIP_TRACE_DESCRIBE_H
#define SIP_TRACE_DESCRIBE_H

#include "sip/base/slice.h"

struct sip_msg;

#define DESCRIBE_TEXT 64

struct description_of_message {
	char label[DESCRIBE_TEXT]; /* "INVITE SDP", "180 Ringing", "200 OK (BYE)" */
	char sdp[DESCRIBE_TEXT];   /* "audio 30000 PCMU PCMA sendonly"; "": there is none */
};
void describe_message(const struct sip_msg *msg, struct description_of_message *description);

/* The user of a URI in From or To, or its host where there is none; cut. */
void describe_user(struct slice address, char *text, size_t size);

#endif
