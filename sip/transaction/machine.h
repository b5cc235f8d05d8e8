/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The shape of the four transaction machines; private to this folder and its tests.
 *
 * A machine is a table: for each state and event the next state and the actions, in order. What
 * has no row changes nothing: an event from the network is absorbed, one of the TU is refused with
 * -EINVAL. A transaction begins in STATE_NONE, and a row of STATE_NONE for EVENT_START is how it
 * starts.
 */
#ifndef SIP_TRANSACTION_MACHINE_H
#define SIP_TRANSACTION_MACHINE_H

#include <stdint.h>

enum transaction_state {
	STATE_NONE, /* not started; as a next state: no such transition */
	STATE_CALLING,
	STATE_TRYING,
	STATE_PROCEEDING,
	STATE_ACCEPTED, /* RFC 6026 */
	STATE_COMPLETED,
	STATE_CONFIRMED,
	STATE_TERMINATED,
	TRANSACTION_STATES
};

enum transaction_event {
	EVENT_START,
	/* client: from the network */
	EVENT_1XX,
	EVENT_2XX,
	EVENT_FAILURE, /* 3xx–6xx */
	/* server: from the network */
	EVENT_REQUEST, /* the request again */
	EVENT_ACK,
	/* server: from the TU */
	EVENT_SEND_1XX,
	EVENT_SEND_2XX,
	EVENT_SEND_FAILURE,
	/* both */
	EVENT_TIMER_A,
	EVENT_TIMER_B,
	EVENT_TIMER_D,
	EVENT_TIMER_E,
	EVENT_TIMER_F,
	EVENT_TIMER_G,
	EVENT_TIMER_H,
	EVENT_TIMER_I,
	EVENT_TIMER_J,
	EVENT_TIMER_K,
	EVENT_TIMER_L,
	EVENT_TIMER_M,
	EVENT_TIMER_TRYING, /* the 200 ms of RFC 3261 §17.2.1 */
	EVENT_UNSENT,       /* the transport refused a message */
	TRANSACTION_EVENTS
};

enum transaction_action {
	ACTION_END, /* of the list */
	ACTION_SEND_REQUEST,
	ACTION_SEND_RESPONSE, /* the last one, if there is any */
	ACTION_SEND_100,
	ACTION_SEND_ACK,    /* to a non-2xx: made when there is none yet, then the same again */
	ACTION_SEND_CANCEL, /* if the TU has asked for it */
	ACTION_PASS,        /* response or ACK to the TU */
	ACTION_TELL_TIMEOUT,
	ACTION_TELL_UNSENT,
	ACTION_STOP_TIMERS,
	ACTION_DOUBLE,       /* runs the retransmission timer again, twice as long */
	ACTION_DOUBLE_TO_T2, /* the same, T2 at most */
	ACTION_AGAIN_AFTER_T2,
	/* start a timer; in the order of the events they cause */
	ACTION_TIMER_A,
	ACTION_TIMER_B,
	ACTION_TIMER_D,
	ACTION_TIMER_E,
	ACTION_TIMER_F,
	ACTION_TIMER_G,
	ACTION_TIMER_H,
	ACTION_TIMER_I,
	ACTION_TIMER_J,
	ACTION_TIMER_K,
	ACTION_TIMER_L,
	ACTION_TIMER_M,
	ACTION_TIMER_TRYING,
	TRANSACTION_ACTIONS
};

#define TRANSITION_ACTIONS 5

struct transition {
	uint8_t next; /* enum transaction_state */
	uint8_t actions[TRANSITION_ACTIONS];
};

enum machine_kind {
	MACHINE_INVITE_CLIENT,
	MACHINE_CLIENT,
	MACHINE_INVITE_SERVER,
	MACHINE_SERVER,
	MACHINE_KINDS
};

typedef const struct transition machine_table[TRANSACTION_STATES][TRANSACTION_EVENTS];

extern machine_table transaction_invite_client;
extern machine_table transaction_client;
extern machine_table transaction_invite_server;
extern machine_table transaction_server;

#endif
