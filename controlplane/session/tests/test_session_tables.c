/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>

#include "controlplane/session/session.h"
#include "controlplane/session/session_table.h"

Test(session_table, every_state_can_end_and_only_the_end_is_final)
{
	for (unsigned state = 0; state < SESSION_TERMINATED; state++)
		cr_assert_eq(session_next_state(state, SESSION_ON_ENDED), SESSION_TERMINATED);
	for (unsigned event = 0; event < SESSION_EVENT_COUNT; event++)
		cr_assert_eq(session_next_state(SESSION_TERMINATED, event), -1);
}

Test(session_table, hold_needs_a_connected_session)
{
	for (unsigned state = 0; state < SESSION_STATE_COUNT; state++) {
		bool can = state == SESSION_CONNECTED || state == SESSION_HELD;

		cr_assert_eq(session_next_state(state, SESSION_ON_HOLD) >= 0, can);
	}
}

Test(session_table, early_media_is_not_undone_by_ringing)
{
	cr_assert_eq(session_next_state(SESSION_EARLY, SESSION_ON_RING), SESSION_EARLY);
	cr_assert_eq(session_next_state(SESSION_CONNECTED, SESSION_ON_RING), -1);
}

Test(session_table, indexes_out_of_range_are_refused)
{
	cr_assert_eq(session_next_state(SESSION_STATE_COUNT, 0), -1);
	cr_assert_eq(session_next_state(0, SESSION_EVENT_COUNT), -1);
	cr_assert_eq(offer_next_state(OFFER_STATE_COUNT, 0, false), -1);
	cr_assert_eq(offer_next_state(0, OFFER_EVENT_COUNT, false), -1);
}

Test(offer_table, one_offer_at_a_time)
{
	cr_assert_eq(offer_next_state(OFFER_OFFER_SENT, OFFER_ON_RECEIVE, true), -1);
	cr_assert_eq(offer_next_state(OFFER_OFFER_SENT, OFFER_ON_SEND, true), -1);
	cr_assert_eq(offer_next_state(OFFER_OFFER_RECEIVED, OFFER_ON_SEND, true), -1);
	cr_assert_eq(offer_next_state(OFFER_OFFER_RECEIVED, OFFER_ON_ANSWER_RECEIVED, true), -1);
	cr_assert_eq(offer_next_state(OFFER_INITIAL, OFFER_ON_ANSWER_SENT, false), -1);
}

Test(offer_table, a_refused_offer_returns_to_what_was_agreed)
{
	cr_assert_eq(offer_next_state(OFFER_OFFER_SENT, OFFER_ON_ROLLBACK, true), OFFER_COMPLETE);
	cr_assert_eq(offer_next_state(OFFER_OFFER_SENT, OFFER_ON_ROLLBACK, false), OFFER_INITIAL);
	cr_assert_eq(offer_next_state(OFFER_COMPLETE, OFFER_ON_ROLLBACK, true), -1);
}
