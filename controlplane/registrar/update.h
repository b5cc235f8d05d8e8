/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a REGISTER asks for, and what comes of it (RFC 3261 §10.3, steps 6 and 7). No state of its
 * own, no clock: the registrar gives what there is and stores what comes out.
 */
#ifndef CONTROLPLANE_REGISTRAR_UPDATE_H
#define CONTROLPLANE_REGISTRAR_UPDATE_H

#include "controlplane/registrar/location.h"
#include "config/config.h"
#include "sip/message/typed.h"

#define UPDATE_CONTACTS_MAX   64u /* in one request, and per AOR (sip.contacts_max is below) */
#define UPDATE_CALL_ID_MAX    255u
#define UPDATE_USER_AGENT_MAX 127u

/* The answer to a REGISTER that cannot be done. */
struct refusal {
	unsigned status;
	const char *reason; /* NULL: the usual one */
};

struct update_request {
	bool star; /* all contacts go */
	unsigned count;
	struct {
		struct sip_uri uri;
		float q;
		uint32_t expires_s; /* within the limits of the configuration; 0: goes */
	} contacts[UPDATE_CONTACTS_MAX];
	struct slice call_id, user_agent;
	uint32_t cseq;
	const struct sip_msg *request;
	struct sip_path path; /* it came from there */
};

/* Reads the request; its slices stay in the message. 0, or -EINVAL with the refusal. */
int update_read(const struct sip_msg *request, const struct sip_path *from,
		const struct config_sip *sip, struct update_request *update,
		struct refusal *refusal);

enum update_change { UPDATE_KEPT, UPDATE_ADDED, UPDATE_REFRESHED, UPDATE_REMOVED, UPDATE_EXPIRED };

struct update_result {
	unsigned count;
	struct update_entry {
		struct contact contact;
		struct sip_uri uri;
		struct slice old_uri; /* as it was stored; none if it is new */
		enum update_change change;
	} entries[2 * UPDATE_CONTACTS_MAX];
};

/* Is there a contact in it after the update? */
static inline bool update_is_live(const struct update_entry *entry)
{
	return entry->change < UPDATE_REMOVED;
}

/*
 * What the contacts of an AOR (old, may be NULL) become. All or nothing: 0, or -EINVAL with the
 * refusal. The result's slices are those of old and of the request.
 */
int update_apply(const struct update_request *update, const struct binding *old, uint64_t now_ms,
		 unsigned contacts_max, struct update_result *result, struct refusal *refusal);

#endif
