/* SPDX-License-Identifier: BSD-3-Clause */
/* A contact as one line of text for the store, and back. */
#ifndef CONTROLPLANE_REGISTRAR_RECORD_H
#define CONTROLPLANE_REGISTRAR_RECORD_H

#include "controlplane/registrar/location.h"
#include "config/config.h"
#include "sip/message/typed.h"

#define RECORD_TEXT 6144 /* with each text at its longest, escaped */

/*
 * "1 q=0.500 cseq=7 local=udp/198.18.0.10/5060 remote=198.18.0.101/5060 call_id=… user_agent=…
 * route=… instance=… reg_id=1 epoch=5 flags=2":
 * the version, then fields in any order. Readers skip fields that they do not know and take
 * defaults for those that are missing, so both older and newer programs read it. uri and
 * expires_ms are the store's own columns.
 */
void record_write(const struct contact *contact, const struct config_sip *sip,
		  char text[RECORD_TEXT]);

/* Where the texts of a contact that was read stay. */
struct record_texts {
	char call_id[256], user_agent[256], route[1024], instance[128];
};
/* The connection of a contact over TCP and the like has ended with the process: who was bound to it
 * is so still (contact_is_bound()), others are reached where their URI says.
 * -EINVAL: no record of a version that is known, or of a phone no listener of ours can reach. */
int record_read(const char *text, const struct sip_uri *uri, const struct config_sip *sip,
		struct contact *contact, struct record_texts *texts);

#endif
