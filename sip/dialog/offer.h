/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Offers and answers in one dialog: which message may carry an offer, which its answer, and what
 * is to be done with a session description that stands where none may (RFC 3264, RFC 3261 §13.2.1
 * and §14, RFC 3262 §5, RFC 3311 §5, RFC 6337 §2 and §3).
 *
 * A pure table: no text is looked at, nothing is sent. Each dialog has a machine of its own, the
 * early ones too; one that a fork makes starts as a copy of what its INVITE had said.
 */
#ifndef SIP_DIALOG_OFFER_H
#define SIP_DIALOG_OFFER_H

#include <stdbool.h>
#include <stdint.h>

enum sip_offer_state {
	SIP_OFFER_NONE,     /* nothing agreed yet, and nothing open */
	SIP_OFFER_SENT,     /* ours is open */
	SIP_OFFER_RECEIVED, /* theirs is open */
	SIP_OFFER_STABLE,   /* agreed */
	SIP_OFFER_STATES
};

enum sip_offer_carrier {
	SIP_IN_INVITE,
	SIP_IN_1XX, /* unreliable */
	SIP_IN_RELIABLE_1XX,
	SIP_IN_2XX,
	SIP_IN_ACK,
	SIP_IN_PRACK,
	SIP_IN_PRACK_2XX,
	SIP_IN_UPDATE,
	SIP_IN_UPDATE_2XX,
	SIP_OFFER_CARRIERS
};

/* What the session description of a message is. */
enum sip_offer_role {
	SIP_BODY_NONE, /* there is none */
	SIP_BODY_OFFER,
	SIP_BODY_ANSWER,
	SIP_BODY_PREVIEW,   /* of the answer, unreliable: it will come again; or a copy of it */
	SIP_BODY_FORBIDDEN, /* must not be sent, or is to be ignored or refused */
};

enum sip_offer_due { SIP_DUE_NOBODY, SIP_DUE_US, SIP_DUE_THEM };

struct sip_offer {
	uint8_t state;   /* enum sip_offer_state */
	uint8_t carrier; /* of the open offer */
	uint8_t before;  /* state to which a rollback returns */
	uint8_t due;     /* an INVITE came without an offer: who owes it in its response */
};

/*
 * A message of this kind is about to be sent, or came. Returns what its body is and takes the step.
 * FORBIDDEN takes none; *refuse is then the status for a request that came (491: it meets an offer
 * of ours; 500: one of theirs is unanswered), or 0.
 */
enum sip_offer_role sip_offer_body(struct sip_offer *offer, bool sent,
				   enum sip_offer_carrier carrier, bool has_sdp, unsigned *refuse);
/* Could we send an offer in it now? */
bool sip_offer_may_offer(const struct sip_offer *offer, enum sip_offer_carrier carrier);
/* The open offer was refused, or is lost: what was agreed before stands. */
void sip_offer_rollback(struct sip_offer *offer);

#endif
