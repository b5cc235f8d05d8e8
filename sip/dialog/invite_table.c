/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The states of an INVITE usage, for the side that calls and the side that is called. What has no
 * row is not possible in that state: it is refused or ignored where it comes from.
 */
#include "sip/dialog/internal.h"

#define CALLING     SIP_INVITE_CALLING
#define INCOMING    SIP_INVITE_INCOMING
#define EARLY       SIP_INVITE_EARLY
#define ACCEPTED    SIP_INVITE_ACCEPTED
#define CONFIRMED   SIP_INVITE_CONFIRMED
#define TERMINATING SIP_INVITE_TERMINATING
#define TERMINATED  SIP_INVITE_TERMINATED
#define ON(event)   [INVITE_EVENT_##event]

invite_table invite_uac_table = {
	[CALLING] = {
		ON(PROVISIONAL) = { EARLY, act_progress },
		ON(SUCCESS) = { CONFIRMED, act_answered },
		ON(FAILURE) = { TERMINATED, act_rejected },
		ON(SILENCE) = { TERMINATED, act_silence },
		ON(UNSENT) = { TERMINATED, act_unsent },
		ON(LOST) = { TERMINATED, act_gone },
		ON(BYE) = { TERMINATED, act_bye_received },
		ON(END) = { TERMINATING, act_cancel },
	},
	[EARLY] = {
		ON(PROVISIONAL) = { EARLY, act_progress },
		ON(SUCCESS) = { CONFIRMED, act_answered },
		ON(FAILURE) = { TERMINATED, act_rejected },
		ON(SILENCE) = { TERMINATED, act_silence },
		ON(UNSENT) = { TERMINATED, act_unsent },
		ON(LOST) = { TERMINATED, act_gone },
		ON(BYE) = { TERMINATED, act_bye_received },
		ON(END) = { TERMINATING, act_cancel },
	},
	[CONFIRMED] = {
		ON(SUCCESS) = { CONFIRMED, act_answered_again },
		ON(ACK) = { CONFIRMED, act_acked },
		ON(NO_ACK) = { TERMINATED, act_lost },
		ON(LOST) = { TERMINATED, act_lost },
		ON(EXPIRED) = { TERMINATED, act_lost },
		ON(BYE) = { TERMINATED, act_bye_received },
		ON(END) = { TERMINATING, act_send_bye },
	},
	/* CANCEL sent, or BYE */
	[TERMINATING] = {
		ON(SUCCESS) = { TERMINATING, act_answered_late },
		ON(FAILURE) = { TERMINATED, act_cancelled },
		ON(SILENCE) = { TERMINATED, act_cancelled },
		ON(UNSENT) = { TERMINATED, act_cancelled },
		ON(LOST) = { TERMINATED, act_gone },
		ON(BYE) = { TERMINATED, act_bye_received },
		ON(BYE_DONE) = { TERMINATED, act_bye_done },
	},
};

invite_table invite_uas_table = {
	[INCOMING] = {
		ON(RESPOND_1XX) = { EARLY, act_nothing },
		ON(RESPOND_2XX) = { ACCEPTED, act_nothing },
		ON(RESPOND_FAILURE) = { TERMINATED, act_refused },
		ON(NO_PRACK) = { TERMINATED, act_no_prack },
		ON(LOST) = { TERMINATED, act_refuse },
		ON(CANCEL) = { TERMINATED, act_given_up },
		ON(BYE) = { TERMINATED, act_bye_received },
		ON(END) = { TERMINATED, act_refuse },
	},
	[EARLY] = {
		ON(RESPOND_1XX) = { EARLY, act_nothing },
		ON(RESPOND_2XX) = { ACCEPTED, act_nothing },
		ON(RESPOND_FAILURE) = { TERMINATED, act_refused },
		ON(NO_PRACK) = { TERMINATED, act_no_prack },
		ON(LOST) = { TERMINATED, act_refuse },
		ON(CANCEL) = { TERMINATED, act_given_up },
		ON(BYE) = { TERMINATED, act_bye_received },
		ON(END) = { TERMINATED, act_refuse },
	},
	[ACCEPTED] = {
		ON(ACK) = { CONFIRMED, act_acked },
		ON(NO_ACK) = { TERMINATED, act_lost },
		ON(LOST) = { TERMINATED, act_lost },
		/* the 2xx waits for a PRACK and was not sent yet */
		ON(NO_PRACK) = { TERMINATED, act_no_prack },
		ON(CANCEL) = { TERMINATED, act_given_up },
		ON(BYE) = { TERMINATED, act_bye_received },
		ON(END) = { TERMINATING, act_end_after_ack },
	},
	[CONFIRMED] = {
		ON(ACK) = { CONFIRMED, act_acked },
		ON(NO_ACK) = { TERMINATED, act_lost },
		ON(LOST) = { TERMINATED, act_lost },
		ON(EXPIRED) = { TERMINATED, act_lost },
		ON(BYE) = { TERMINATED, act_bye_received },
		ON(END) = { TERMINATING, act_send_bye },
	},
	/* BYE sent, or to be sent after the ACK (RFC 3261 §15) */
	[TERMINATING] = {
		ON(ACK) = { TERMINATING, act_bye_after_ack },
		ON(NO_ACK) = { TERMINATED, act_lost },
		ON(LOST) = { TERMINATED, act_gone },
		ON(BYE) = { TERMINATED, act_bye_received },
		ON(BYE_DONE) = { TERMINATED, act_bye_done },
	},
};
