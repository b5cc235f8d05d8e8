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

#define UPDATE_REQUEST_MAX    64u /* contacts in one request */
#define UPDATE_CONTACTS_MAX   64u /* per AOR; sip.contacts_max is below */
#define UPDATE_CALL_ID_MAX    255u
#define UPDATE_USER_AGENT_MAX 127u
#define UPDATE_INSTANCE_MAX   127u
#define UPDATE_ROUTE_MAX      1023u

/* The answer to a REGISTER that cannot be done. */
struct refusal {
	unsigned status;
	const char *reason; /* NULL: the usual one */
};

struct update_request {
	bool star; /* all contacts go */
	bool gruu; /* the phone wants to be told its GRUUs (RFC 5627) */
	bool path; /* and the Path (RFC 3327) */
	unsigned count;
	struct update_contact {
		struct sip_uri uri;
		struct slice instance; /* without its brackets */
		uint32_t expires_s;    /* within the limits of the configuration; 0: goes */
		uint32_t reg_id;       /* of RFC 5626, which both sides and the way support; or 0 */
		uint16_t q;
	} contacts[UPDATE_REQUEST_MAX];
	struct slice call_id, user_agent;
	struct slice route; /* Path, joined; in `joined` if it came in several fields */
	char joined[UPDATE_ROUTE_MAX + 1];
	uint32_t cseq;
	const struct sip_msg *request;
	struct sip_path from; /* it came from there */
	uint16_t auth;        /* CONTACT_AUTH_OF() */
};

/* Reads the request; its slices stay in the message. 0, or -EINVAL with the refusal. */
int update_read(const struct sip_msg *request, const struct sip_path *from,
		const struct config_sip *sip, struct update_request *update,
		struct refusal *refusal);

enum update_change {
	UPDATE_KEPT,
	UPDATE_ADDED,
	UPDATE_REFRESHED,
	UPDATE_REMOVED,
	UPDATE_EXPIRED,
	UPDATE_LOST, /* its connection is gone (RFC 5626) */
};

struct update_entry {
	struct contact contact;
	struct sip_uri uri;
	struct slice old_uri; /* as it was stored; none if it is new */
	enum update_change change;
	bool in_place; /* REFRESHED, and nothing but time and CSeq has changed */
	bool same_way; /* REFRESHED, and who was reached before is reached now */
};

#define UPDATE_ENTRIES_HERE 4u

/* To be emptied with update_free(). The entries of what was there come first, in its order. */
struct update_result {
	unsigned count;
	struct update_entry *entries;
	struct update_entry here[UPDATE_ENTRIES_HERE]; /* what most users have */
};

/* Is there a contact in it after the update? */
static inline bool update_is_live(const struct update_entry *entry)
{
	return entry->change < UPDATE_REMOVED;
}

/*
 * What the contacts of an AOR (old, may be NULL) become. All or nothing: 0, or -EINVAL or -ENOMEM
 * with the refusal. The result's slices are those of old and of the request.
 */
int update_apply(const struct update_request *update, const struct binding *old, uint64_t now_ms,
		 unsigned contacts_max, struct update_result *result, struct refusal *refusal);
/* The same for what has expired, with no request. */
int update_expire(const struct binding *old, uint64_t now_ms, struct update_result *result);
void update_free(struct update_result *result);
/* Does everything stay where it is, so that location_refresh() suffices? */
bool update_is_in_place(const struct update_result *result);

#endif
