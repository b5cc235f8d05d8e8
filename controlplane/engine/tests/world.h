/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A world in the process for the engine: our user agent and media binding on a network without
 * sockets, phones that are scripted by the test, a dataplane, a registrar and a store that are
 * tables. Time moves in world_run() alone.
 *
 *   alice .101, bob .102, bob's second phone .103, the trunk "carrier" .104   ── tandem .10
 */
#ifndef CONTROLPLANE_ENGINE_TESTS_WORLD_H
#define CONTROLPLANE_ENGINE_TESTS_WORLD_H

#include "controlplane/engine/call.h"
#include "controlplane/session/tests/fake_dataplane.h"
#include "controlplane/store/store.h"
#include "sip/auth/client.h"
#include "sip/event/event.h"
#include "sip/transaction/tests/network.h"

#define PHONE_SDP_MAX 1024

struct phone {
	struct network_node *node;
	struct sip_ua *ua;
	struct sip_invite *invite;
	unsigned progress, progress_count; /* last provisional response */
	unsigned final;                    /* of our INVITE, or how it ended */
	bool answered, ended, acked;
	enum sip_end how;
	bool reinvited;          /* a re-INVITE waits for its answer */
	unsigned reanswered;     /* outcome of ours */
	char sdp[PHONE_SDP_MAX]; /* the last one that came */
	char headers[1024];      /* of the message that ended it */
	unsigned pracked;        /* of our reliable responses */
	char request[64]; /* "INFO body" that came in the dialog; answered with reply_status */
	unsigned reply_status;
	unsigned replied;         /* status of the response to ours */
	char reply[64];           /* its body */
	char accept[128];         /* its Accept */
	const char *contact_host; /* in its Contact; NULL: its address */
	enum sip_offer_role role; /* of the last description */
	struct sip_credentials *credentials;
	/* what it has asked for by REFER or SUBSCRIBE */
	struct sip_events *events;
	struct sip_subscriber *subscriber;
	unsigned notified, frag;    /* how often it was told; status of the last message/sipfrag */
	unsigned over, over_status; /* subscriptions that ended, and how */
	enum sip_substate substate;
	char body[2048]; /* of the last NOTIFY */
};

enum { ALICE, BOB, BOB2, CARRIER, PHONES };

struct world {
	struct network *net;
	struct shard shard;
	struct config config;
	struct network_node *tandem;
	struct phone phones[PHONES];
	unsigned contacts;         /* of bob: 0..2 */
	unsigned contacts_from;    /* 1: the first is his second phone */
	float q[2];                /* of the contacts */
	bool alice_is_there;       /* she is registered */
	bool flows;                /* they are of one phone (RFC 5626) */
	uint32_t flows_lost;       /* of them, bits 1 << reg_id: the registrar was told */
	bool contact_is_elsewhere; /* his contact answers nothing */
	struct cdr cdr;            /* the last one */
	char cdr_reason[32], cdr_ended_by[16], cdr_codec[16], cdr_to[128];
	unsigned cdrs, records;
	uint64_t record_id;
	char *record; /* the last one of the last call */
	unsigned registers;
	bool trust_password; /* digest_check says yes */
};

extern struct world *world;

void world_start(void);
void world_stop(void);
/* Delivers, carries out, and lets time pass. */
void world_run(uint64_t ms);
/* The control plane is killed and comes back with what the store has. */
void world_kill_controlplane(void);

/* The carrier (or who else) calls; to: "sip:bob@tandem.lab". sdp NULL: none. */
void phone_call(unsigned phone, const char *to, const char *sdp);
/* The same with headers, complete lines. */
void phone_call_with(unsigned phone, const char *to, const char *sdp, const char *headers);
void phone_respond(unsigned phone, unsigned status, const char *sdp);
/* A reliable provisional response. */
void phone_respond_reliably(unsigned phone, unsigned status, const char *sdp);
/* The answer to the last offer, whatever carried it. */
void phone_answer(unsigned phone, const char *sdp);
void phone_update(unsigned phone, const char *sdp);
/* A request in the dialog, with a body of text/plain. */
void phone_send(unsigned phone, enum sip_method method, const char *body);
extern const struct sip_subscriber_user phone_subscriber;
/* In the dialog: value of Refer-To; sub: whether it wants to be told. */
void phone_refer(unsigned phone, const char *refer_to, bool sub);
/* "<sip:user@tandem.lab?Replaces=…>" of a phone's dialog, as another one names it. */
const char *phone_replaces(unsigned phone);
void phone_send_typed(unsigned phone, enum sip_method method, const char *type, const char *body);
void phone_bye(unsigned phone);
void phone_reinvite(unsigned phone, const char *sdp);
/* An SDP of its own: port, formats, direction. */
const char *phone_sdp(unsigned phone, unsigned port, const char *formats, const char *direction);
/* Two realms, "access" and "core", each with its listener. The carrier is in core; the phones are
 * in access, and alice is a trunk there. */
void world_two_realms(void);
/* The carrier is believed in who calls. */
void world_trust_carrier(void);
/* Carrier to bob, answered, with media. */
void world_bridged_call(void);
/* No calls, sessions, contexts, terminations, commands. */
void world_expect_nothing_left(void);
/* The same of a side of one call. */
struct dp_termination_record world_call_termination(uint64_t call, unsigned side);
/* Does anything that a node has sent hold the text? */
bool world_says(const struct network_node *from, const struct network_node *to, const char *text);
/* The record of a side's termination. */
struct dp_termination_record world_termination(unsigned side);

#endif
