/* SPDX-License-Identifier: BSD-3-Clause */
/* Each cell of the four tables, against the figures of RFC 3261 §17 and RFC 6026 written again. */
#include <criterion/criterion.h>

#include "sip/transaction/machine.h"

struct cell {
	enum transaction_state state;
	enum transaction_event event;
	enum transaction_state next;
	const char *actions; /* a letter each, see `letters` */
};

static const char letters[TRANSACTION_ACTIONS] = {
	[ACTION_SEND_REQUEST] = 'Q', [ACTION_SEND_RESPONSE] = 'R', [ACTION_SEND_100] = '1',
	[ACTION_SEND_ACK] = 'k',     [ACTION_SEND_CANCEL] = 'c',   [ACTION_PASS] = 'P',
	[ACTION_TELL_TIMEOUT] = 'T', [ACTION_TELL_UNSENT] = 'U',   [ACTION_STOP_TIMERS] = '0',
	[ACTION_DOUBLE] = '2',       [ACTION_DOUBLE_TO_T2] = '4',  [ACTION_AGAIN_AFTER_T2] = '8',
	[ACTION_TIMER_A] = 'A',      [ACTION_TIMER_B] = 'B',       [ACTION_TIMER_D] = 'D',
	[ACTION_TIMER_E] = 'E',      [ACTION_TIMER_F] = 'F',       [ACTION_TIMER_G] = 'G',
	[ACTION_TIMER_H] = 'H',      [ACTION_TIMER_I] = 'I',       [ACTION_TIMER_J] = 'J',
	[ACTION_TIMER_K] = 'K',      [ACTION_TIMER_L] = 'L',       [ACTION_TIMER_M] = 'M',
	[ACTION_TIMER_TRYING] = 't',
};

static const struct cell invite_client[] = {
	{ STATE_NONE, EVENT_START, STATE_CALLING, "ABQ" },
	{ STATE_CALLING, EVENT_1XX, STATE_PROCEEDING, "0cP" },
	{ STATE_CALLING, EVENT_2XX, STATE_ACCEPTED, "0MP" },
	{ STATE_CALLING, EVENT_FAILURE, STATE_COMPLETED, "0DkP" },
	{ STATE_CALLING, EVENT_TIMER_A, STATE_CALLING, "2Q" },
	{ STATE_CALLING, EVENT_TIMER_B, STATE_TERMINATED, "T" },
	{ STATE_CALLING, EVENT_UNSENT, STATE_TERMINATED, "U" },
	{ STATE_PROCEEDING, EVENT_1XX, STATE_PROCEEDING, "P" },
	{ STATE_PROCEEDING, EVENT_2XX, STATE_ACCEPTED, "0MP" },
	{ STATE_PROCEEDING, EVENT_FAILURE, STATE_COMPLETED, "0DkP" },
	{ STATE_PROCEEDING, EVENT_TIMER_B, STATE_TERMINATED, "T" },
	{ STATE_ACCEPTED, EVENT_2XX, STATE_ACCEPTED, "P" },
	{ STATE_ACCEPTED, EVENT_TIMER_M, STATE_TERMINATED, "" },
	{ STATE_COMPLETED, EVENT_FAILURE, STATE_COMPLETED, "k" },
	{ STATE_COMPLETED, EVENT_TIMER_D, STATE_TERMINATED, "" },
	{ STATE_COMPLETED, EVENT_UNSENT, STATE_TERMINATED, "U" },
	{ 0 },
};

static const struct cell client[] = {
	{ STATE_NONE, EVENT_START, STATE_TRYING, "EFQ" },
	{ STATE_TRYING, EVENT_1XX, STATE_PROCEEDING, "P" },
	{ STATE_TRYING, EVENT_2XX, STATE_COMPLETED, "0KP" },
	{ STATE_TRYING, EVENT_FAILURE, STATE_COMPLETED, "0KP" },
	{ STATE_TRYING, EVENT_TIMER_E, STATE_TRYING, "4Q" },
	{ STATE_TRYING, EVENT_TIMER_F, STATE_TERMINATED, "T" },
	{ STATE_TRYING, EVENT_UNSENT, STATE_TERMINATED, "U" },
	{ STATE_PROCEEDING, EVENT_1XX, STATE_PROCEEDING, "P" },
	{ STATE_PROCEEDING, EVENT_2XX, STATE_COMPLETED, "0KP" },
	{ STATE_PROCEEDING, EVENT_FAILURE, STATE_COMPLETED, "0KP" },
	{ STATE_PROCEEDING, EVENT_TIMER_E, STATE_PROCEEDING, "8Q" },
	{ STATE_PROCEEDING, EVENT_TIMER_F, STATE_TERMINATED, "T" },
	{ STATE_PROCEEDING, EVENT_UNSENT, STATE_TERMINATED, "U" },
	{ STATE_COMPLETED, EVENT_TIMER_K, STATE_TERMINATED, "" },
	{ 0 },
};

static const struct cell invite_server[] = {
	{ STATE_NONE, EVENT_START, STATE_PROCEEDING, "t" },
	{ STATE_PROCEEDING, EVENT_REQUEST, STATE_PROCEEDING, "R" },
	{ STATE_PROCEEDING, EVENT_TIMER_TRYING, STATE_PROCEEDING, "1" },
	{ STATE_PROCEEDING, EVENT_SEND_1XX, STATE_PROCEEDING, "0R" },
	{ STATE_PROCEEDING, EVENT_SEND_2XX, STATE_ACCEPTED, "0LR" },
	{ STATE_PROCEEDING, EVENT_SEND_FAILURE, STATE_COMPLETED, "0GHR" },
	{ STATE_PROCEEDING, EVENT_UNSENT, STATE_PROCEEDING, "U" },
	{ STATE_ACCEPTED, EVENT_SEND_2XX, STATE_ACCEPTED, "R" },
	{ STATE_ACCEPTED, EVENT_ACK, STATE_ACCEPTED, "P" },
	{ STATE_ACCEPTED, EVENT_TIMER_L, STATE_TERMINATED, "" },
	{ STATE_ACCEPTED, EVENT_UNSENT, STATE_ACCEPTED, "U" },
	{ STATE_COMPLETED, EVENT_REQUEST, STATE_COMPLETED, "R" },
	{ STATE_COMPLETED, EVENT_ACK, STATE_CONFIRMED, "0I" },
	{ STATE_COMPLETED, EVENT_TIMER_G, STATE_COMPLETED, "4R" },
	{ STATE_COMPLETED, EVENT_TIMER_H, STATE_TERMINATED, "T" },
	{ STATE_COMPLETED, EVENT_UNSENT, STATE_COMPLETED, "U" },
	{ STATE_CONFIRMED, EVENT_TIMER_I, STATE_TERMINATED, "" },
	{ 0 },
};

static const struct cell server[] = {
	{ STATE_NONE, EVENT_START, STATE_TRYING, "" },
	{ STATE_TRYING, EVENT_SEND_1XX, STATE_PROCEEDING, "R" },
	{ STATE_TRYING, EVENT_SEND_2XX, STATE_COMPLETED, "JR" },
	{ STATE_TRYING, EVENT_SEND_FAILURE, STATE_COMPLETED, "JR" },
	{ STATE_PROCEEDING, EVENT_REQUEST, STATE_PROCEEDING, "R" },
	{ STATE_PROCEEDING, EVENT_SEND_1XX, STATE_PROCEEDING, "R" },
	{ STATE_PROCEEDING, EVENT_SEND_2XX, STATE_COMPLETED, "JR" },
	{ STATE_PROCEEDING, EVENT_SEND_FAILURE, STATE_COMPLETED, "JR" },
	{ STATE_PROCEEDING, EVENT_UNSENT, STATE_TERMINATED, "U" },
	{ STATE_COMPLETED, EVENT_REQUEST, STATE_COMPLETED, "R" },
	{ STATE_COMPLETED, EVENT_TIMER_J, STATE_TERMINATED, "" },
	{ STATE_COMPLETED, EVENT_UNSENT, STATE_TERMINATED, "U" },
	{ 0 },
};

static const struct cell *cell_of(const struct cell *cells, unsigned state, unsigned event)
{
	for (; cells->next != STATE_NONE; cells++)
		if (cells->state == state && cells->event == event)
			return cells;
	return cells; /* the end: no transition, no actions */
}

static void check(machine_table table, const struct cell *cells)
{
	for (unsigned state = 0; state < TRANSACTION_STATES; state++) {
		for (unsigned event = 0; event < TRANSACTION_EVENTS; event++) {
			const struct transition *row = &table[state][event];
			const struct cell *want = cell_of(cells, state, event);
			char actions[TRANSITION_ACTIONS + 1] = "";

			for (unsigned i = 0; i < TRANSITION_ACTIONS && row->actions[i]; i++)
				actions[i] = letters[row->actions[i]];
			cr_expect_eq(row->next, want->next, "state %u event %u: next %u, not %u",
				     state, event, row->next, want->next);
			cr_expect_str_eq(actions, want->actions ? want->actions : "",
					 "state %u event %u", state, event);
		}
	}
}

Test(machine, invite_client_is_that_of_rfc_3261_and_6026)
{
	check(transaction_invite_client, invite_client);
}

Test(machine, client_is_that_of_rfc_3261)
{
	check(transaction_client, client);
}

Test(machine, invite_server_is_that_of_rfc_3261_and_6026)
{
	check(transaction_invite_server, invite_server);
}

Test(machine, server_is_that_of_rfc_3261)
{
	check(transaction_server, server);
}
