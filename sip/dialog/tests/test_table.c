/* SPDX-License-Identifier: BSD-3-Clause */
/* The states of an INVITE usage: which event leads where, cell by cell. */
#include <criterion/criterion.h>

#include "sip/dialog/internal.h"

/* One letter a state: Calling, Incoming, Early, Accepted, cOnfirmed, terMinating, Terminated. */
static const char letters[] = "CIEAOMT";

/*
 * Columns: provisional, success, failure | CANCEL, ACK, BYE, BYE done | respond 1xx, 2xx, failure,
 * end | silence, unsent, no ACK, no PRACK, expired, lost. A dot: refused, or ignored.
 */
static const struct {
	enum sip_invite_state state;
	const char *uac, *uas;
} rows[SIP_INVITE_STATES] = {
	{ SIP_INVITE_CALLING, "EOT..T....MTT...T", "................." },
	{ SIP_INVITE_INCOMING, ".................", "...T.T.EATT...T.T" },
	{ SIP_INVITE_EARLY, "EOT..T....MTT...T", "...T.T.EATT...T.T" },
	{ SIP_INVITE_ACCEPTED, ".................", "...TOT....M..TT.T" },
	{ SIP_INVITE_CONFIRMED, ".O..OT....M..T.TT", "....OT....M..T.TT" },
	{ SIP_INVITE_TERMINATING, ".MT..TT....TT...T", "....MTT......T..T" },
	{ SIP_INVITE_TERMINATED, ".................", "................." },
};

static void check(const invite_table table, enum sip_invite_state state, const char *wanted,
		  const char *role)
{
	cr_assert_eq(strlen(wanted), INVITE_EVENTS);
	for (unsigned event = 0; event < INVITE_EVENTS; event++) {
		const struct invite_transition *cell = &table[state][event];
		const char is = cell->action == NULL ? '.' : letters[cell->next];

		cr_expect_eq(is, wanted[event], "%s, %s, event %u: %c, not %c", role,
			     sip_invite_state_text(state), event, is, wanted[event]);
	}
}

Test(table, each_cell_of_both_roles)
{
	for (unsigned i = 0; i < SIP_INVITE_STATES; i++) {
		cr_assert_eq(rows[i].state, i);
		check(invite_uac_table, rows[i].state, rows[i].uac, "UAC");
		check(invite_uas_table, rows[i].state, rows[i].uas, "UAS");
	}
}

Test(table, states_have_names)
{
	cr_expect_str_eq(sip_invite_state_text(SIP_INVITE_CALLING), "Calling");
	cr_expect_str_eq(sip_invite_state_text(SIP_INVITE_TERMINATED), "Terminated");
	cr_expect_str_eq(sip_invite_state_text(SIP_INVITE_STATES), "Unknown");
}
