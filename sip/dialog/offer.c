/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/dialog/offer.h"

#define BIT(carrier) (1u << SIP_IN_##carrier)

/* Where the answer to an offer stands (RFC 6337 table 1); 0: the carrier takes no offer at all. */
static const uint16_t answered_in[SIP_OFFER_CARRIERS] = {
	[SIP_IN_INVITE] = BIT(RELIABLE_1XX) | BIT(2XX),
	[SIP_IN_RELIABLE_1XX] = BIT(PRACK),
	[SIP_IN_2XX] = BIT(ACK),
	[SIP_IN_PRACK] = BIT(PRACK_2XX),
	[SIP_IN_UPDATE] = BIT(UPDATE_2XX),
};

enum verdict {
	X, /* no description may stand here */
	D, /* an offer if its sender owes one (the INVITE had none), else a copy of the answer */
	W, /* an offer, but not while one is owed in the response to an INVITE */
	A, /* the answer, if the open offer is answered in this carrier */
	P, /* the answer before its time, if the offer was in the INVITE; else a copy of the last */
	C, /* a copy of what is agreed */
	G, /* the answer to ours if it is answered here; else an offer that meets ours: 491 */
	B, /* an offer while theirs is open: 500 */
};

/* clang-format off */
static const uint8_t verdicts[SIP_OFFER_STATES][2][SIP_OFFER_CARRIERS] = {
	/*                       INVITE 1XX rel 2XX ACK PRACK 2XX UPDATE 2XX */
	[SIP_OFFER_NONE] = {
		[true]  = { W,     X,  D,  D,  X,  W,    X,  W,     X },
		[false] = { W,     X,  D,  D,  X,  W,    X,  W,     X },
	},
	[SIP_OFFER_SENT] = {
		[true]  = { X,     X,  X,  X,  X,  X,    X,  X,     X },
		[false] = { G,     P,  A,  A,  A,  G,    A,  G,     A },
	},
	[SIP_OFFER_RECEIVED] = {
		[true]  = { X,     P,  A,  A,  A,  A,    A,  X,     A },
		[false] = { B,     C,  C,  C,  X,  B,    X,  B,     X },
	},
	[SIP_OFFER_STABLE] = {
		[true]  = { W,     X,  D,  D,  X,  W,    X,  W,     X },
		[false] = { W,     C,  D,  D,  X,  W,    X,  W,     X },
	},
};
/* clang-format on */

static bool answers(const struct sip_offer *offer, enum sip_offer_carrier carrier)
{
	return (answered_in[offer->carrier] >> carrier & 1u) != 0;
}

static enum sip_offer_role take_offer(struct sip_offer *offer, bool sent,
				      enum sip_offer_carrier carrier)
{
	offer->before = offer->state;
	offer->state = sent ? SIP_OFFER_SENT : SIP_OFFER_RECEIVED;
	offer->carrier = (uint8_t)carrier;
	offer->due = SIP_DUE_NOBODY;
	return SIP_BODY_OFFER;
}

static enum sip_offer_role take_answer(struct sip_offer *offer, enum sip_offer_carrier carrier)
{
	if (!answers(offer, carrier))
		return SIP_BODY_FORBIDDEN;
	offer->state = SIP_OFFER_STABLE;
	return SIP_BODY_ANSWER;
}

static enum sip_offer_role copy(const struct sip_offer *offer, bool sent)
{
	return !sent && offer->state != SIP_OFFER_NONE ? SIP_BODY_PREVIEW : SIP_BODY_FORBIDDEN;
}

static enum sip_offer_role preview(const struct sip_offer *offer, bool sent)
{
	return offer->carrier == SIP_IN_INVITE ? SIP_BODY_PREVIEW : copy(offer, sent);
}

static enum sip_offer_role refuse_offer(unsigned status, unsigned *refuse)
{
	*refuse = status;
	return SIP_BODY_FORBIDDEN;
}

/* RFC 3311 §5.2: an offer that we owe is as one of theirs without its answer. */
static unsigned refusal_of(const struct sip_offer *offer, bool sent)
{
	return sent ? 0 : offer->due == SIP_DUE_US ? 500 : 491;
}

static enum sip_offer_role unless_owed(struct sip_offer *offer, bool sent,
				       enum sip_offer_carrier carrier, unsigned *refuse)
{
	if (offer->due == SIP_DUE_NOBODY)
		return take_offer(offer, sent, carrier);
	return refuse_offer(refusal_of(offer, sent), refuse);
}

static enum sip_offer_role judge(struct sip_offer *offer, bool sent, enum sip_offer_carrier carrier,
				 unsigned *refuse)
{
	const uint8_t debtor = sent ? SIP_DUE_US : SIP_DUE_THEM;

	switch ((enum verdict)verdicts[offer->state][sent][carrier]) {
	case D:
		return offer->due == debtor ? take_offer(offer, sent, carrier) : copy(offer, sent);
	case W:
		return unless_owed(offer, sent, carrier, refuse);
	case A:
		return take_answer(offer, carrier);
	case P:
		return preview(offer, sent);
	case C:
		return copy(offer, sent);
	case G:
		return answers(offer, carrier) ? take_answer(offer, carrier)
					       : refuse_offer(491, refuse);
	case B:
		return refuse_offer(500, refuse);
	case X:
		break;
	}
	return SIP_BODY_FORBIDDEN;
}

/* An INVITE without an offer asks for one (RFC 3261 §14.1); it is an exchange all the same. */
static enum sip_offer_role ask(struct sip_offer *offer, bool sent, unsigned *refuse)
{
	switch ((enum verdict)verdicts[offer->state][sent][SIP_IN_INVITE]) {
	case W:
		if (offer->due != SIP_DUE_NOBODY)
			return refuse_offer(refusal_of(offer, sent), refuse);
		offer->due = sent ? SIP_DUE_THEM : SIP_DUE_US;
		return SIP_BODY_NONE;
	case G:
		return refuse_offer(491, refuse);
	case B:
		return refuse_offer(500, refuse);
	default:
		return SIP_BODY_FORBIDDEN;
	}
}

/* The last message that could have had it is there without: the offer has come to nothing. */
static void miss(struct sip_offer *offer, bool sent, enum sip_offer_carrier carrier)
{
	const bool open = offer->state == (sent ? SIP_OFFER_RECEIVED : SIP_OFFER_SENT);

	if (open && carrier != SIP_IN_RELIABLE_1XX && answers(offer, carrier))
		sip_offer_rollback(offer);
	if (carrier == SIP_IN_2XX)
		offer->due = SIP_DUE_NOBODY;
}

enum sip_offer_role sip_offer_body(struct sip_offer *offer, bool sent,
				   enum sip_offer_carrier carrier, bool has_sdp, unsigned *refuse)
{
	*refuse = 0;
	if (has_sdp)
		return judge(offer, sent, carrier, refuse);
	if (carrier == SIP_IN_INVITE)
		return ask(offer, sent, refuse);
	miss(offer, sent, carrier);
	return SIP_BODY_NONE;
}

bool sip_offer_may_offer(const struct sip_offer *offer, enum sip_offer_carrier carrier)
{
	struct sip_offer trial = *offer;
	unsigned refuse;

	return sip_offer_body(&trial, true, carrier, true, &refuse) == SIP_BODY_OFFER;
}

void sip_offer_rollback(struct sip_offer *offer)
{
	if (offer->state == SIP_OFFER_SENT || offer->state == SIP_OFFER_RECEIVED)
		offer->state = offer->before;
	offer->due = SIP_DUE_NOBODY;
}
