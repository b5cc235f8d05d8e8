/* SPDX-License-Identifier: BSD-3-Clause */
/* Offers and answers: the table cell by cell (RFC 6337 §2, §3). */
#include <criterion/criterion.h>

#include "sip/dialog/offer.h"

#define OPEN_BY(carrier) SIP_IN_##carrier, SIP_DUE_NOBODY
#define OWED_BY(whom)    0, SIP_DUE_##whom

/*
 * A description in each carrier, sent and received: O it is an offer, A the answer, P a preview or
 * copy, - it may not stand there, 4 refused with 491, 5 with 500.
 *   INVITE, 1xx, reliable 1xx, 2xx, ACK, PRACK, its 2xx, UPDATE, its 2xx
 */
static const struct {
	enum sip_offer_state state;
	uint8_t carrier, due;
	const char *sent, *received;
} rows[] = {
	{ SIP_OFFER_NONE, OWED_BY(NOBODY), "O----O-O-", "O----O-O-" },
	{ SIP_OFFER_NONE, OWED_BY(US), "--OO-----", "5----5-5-" },
	{ SIP_OFFER_NONE, OWED_BY(THEM), "---------", "4-OO-4-4-" },
	{ SIP_OFFER_STABLE, OWED_BY(NOBODY), "O----O-O-", "OPPP-O-O-" },
	{ SIP_OFFER_STABLE, OWED_BY(US), "--OO-----", "5PPP-5-5-" },
	{ SIP_OFFER_STABLE, OWED_BY(THEM), "---------", "4POO-4-4-" },
	{ SIP_OFFER_SENT, OPEN_BY(INVITE), "---------", "4PAA-4-4-" },
	{ SIP_OFFER_SENT, OPEN_BY(RELIABLE_1XX), "---------", "4P---A-4-" },
	{ SIP_OFFER_SENT, OPEN_BY(2XX), "---------", "4P--A4-4-" },
	{ SIP_OFFER_SENT, OPEN_BY(PRACK), "---------", "4P---4A4-" },
	{ SIP_OFFER_SENT, OPEN_BY(UPDATE), "---------", "4P---4-4A" },
	{ SIP_OFFER_RECEIVED, OPEN_BY(INVITE), "-PAA-----", "5PPP-5-5-" },
	{ SIP_OFFER_RECEIVED, OPEN_BY(RELIABLE_1XX), "-----A---", "5PPP-5-5-" },
	{ SIP_OFFER_RECEIVED, OPEN_BY(2XX), "----A----", "5PPP-5-5-" },
	{ SIP_OFFER_RECEIVED, OPEN_BY(PRACK), "------A--", "5PPP-5-5-" },
	{ SIP_OFFER_RECEIVED, OPEN_BY(UPDATE), "--------A", "5PPP-5-5-" },
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static struct sip_offer at(unsigned row)
{
	return (struct sip_offer){ .state = (uint8_t)rows[row].state,
				   .carrier = rows[row].carrier,
				   .due = rows[row].due,
				   .before = SIP_OFFER_STABLE };
}

static char cell(enum sip_offer_role role, unsigned refuse)
{
	static const char letters[] = "?OAP-";

	return role != SIP_BODY_FORBIDDEN || refuse == 0 ? letters[role]
	       : refuse == 491                           ? '4'
							 : '5';
}

static void check_state_after(char was, bool sent, const struct sip_offer *before,
			      const struct sip_offer *after)
{
	if (was == 'O') {
		cr_expect_eq(after->state, sent ? SIP_OFFER_SENT : SIP_OFFER_RECEIVED);
		cr_expect_eq(after->before, before->state);
		cr_expect_eq(after->due, SIP_DUE_NOBODY);
	} else if (was == 'A') {
		cr_expect_eq(after->state, SIP_OFFER_STABLE);
	} else {
		cr_expect_eq(after->state, before->state, "nothing happened");
		cr_expect_eq(after->due, before->due);
	}
}

Test(offer, each_cell)
{
	for (unsigned row = 0; row < ROWS; row++)
		for (unsigned sent = 0; sent < 2; sent++)
			for (unsigned c = 0; c < SIP_OFFER_CARRIERS; c++) {
				struct sip_offer before = at(row), offer = before;
				char wanted = (sent ? rows[row].sent : rows[row].received)[c], is;
				enum sip_offer_role role;
				unsigned refuse;

				role = sip_offer_body(&offer, sent, (enum sip_offer_carrier)c, true,
						      &refuse);
				is = cell(role, refuse);
				cr_expect_eq(is, wanted, "row %u, %s, carrier %u: %c, not %c", row,
					     sent ? "sent" : "received", c, is, wanted);
				check_state_after(is, sent, &before, &offer);
				if (sent)
					cr_expect_eq(sip_offer_may_offer(&before,
									 (enum sip_offer_carrier)c),
						     wanted == 'O');
			}
}

/* A message without a description: o asks for an offer, r the open offer has come to nothing, d what
 * was owed is not any more, . nothing, 4 and 5 as above, - it may not be sent. */
static const struct {
	const char *sent, *received;
} without[ROWS] = {
	{ "o........", "o........" }, { "-..d.....", "5..d....." }, { "-..d.....", "4..d....." },
	{ "o........", "o........" }, { "-..d.....", "5..d....." }, { "-..d.....", "4..d....." },
	{ "-........", "4..r....." }, { "-........", "4....r..." }, { "-........", "4...r...." },
	{ "-........", "4.....r.." }, { "-........", "4.......r" }, { "-..r.....", "5........" },
	{ "-....r...", "5........" }, { "-...r....", "5........" }, { "-.....r..", "5........" },
	{ "-.......r", "5........" },
};

static char cell_without(const struct sip_offer *before, const struct sip_offer *after,
			 enum sip_offer_role role, unsigned refuse)
{
	if (role != SIP_BODY_NONE)
		return cell(role, refuse);
	if (after->due != before->due)
		return after->due != SIP_DUE_NOBODY ? 'o' : 'd';
	return after->state != before->state ? 'r' : '.';
}

Test(offer, each_cell_without_a_description)
{
	for (unsigned row = 0; row < ROWS; row++)
		for (unsigned sent = 0; sent < 2; sent++)
			for (unsigned c = 0; c < SIP_OFFER_CARRIERS; c++) {
				struct sip_offer before = at(row), offer = before;
				char wanted = (sent ? without[row].sent : without[row].received)[c];
				enum sip_offer_role role;
				unsigned refuse;
				char is;

				role = sip_offer_body(&offer, sent, (enum sip_offer_carrier)c,
						      false, &refuse);
				is = cell_without(&before, &offer, role, refuse);
				cr_expect_eq(is, wanted, "row %u, %s, carrier %u: %c, not %c", row,
					     sent ? "sent" : "received", c, is, wanted);
			}
}

Test(offer, rollback_returns_to_what_was)
{
	for (unsigned row = 0; row < ROWS; row++)
		for (unsigned before = 0; before < 2; before++) {
			struct sip_offer offer = at(row);
			const bool open =
				offer.state == SIP_OFFER_SENT || offer.state == SIP_OFFER_RECEIVED;

			offer.before = before ? SIP_OFFER_STABLE : SIP_OFFER_NONE;
			sip_offer_rollback(&offer);
			cr_expect_eq(offer.state, open ? offer.before : rows[row].state);
			cr_expect_eq(offer.due, SIP_DUE_NOBODY);
		}
}

/* The six ways of RFC 6337 table 1, each from one side and from the other. */
Test(offer, each_pattern_agrees)
{
	static const enum sip_offer_carrier patterns[][2] = {
		{ SIP_IN_INVITE, SIP_IN_2XX },          { SIP_IN_2XX, SIP_IN_ACK },
		{ SIP_IN_INVITE, SIP_IN_RELIABLE_1XX }, { SIP_IN_RELIABLE_1XX, SIP_IN_PRACK },
		{ SIP_IN_PRACK, SIP_IN_PRACK_2XX },     { SIP_IN_UPDATE, SIP_IN_UPDATE_2XX },
	};

	for (unsigned i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
		for (unsigned ours = 0; ours < 2; ours++) {
			struct sip_offer offer = { 0 };
			const enum sip_offer_carrier first = patterns[i][0];
			unsigned refuse;

			if (first == SIP_IN_2XX || first == SIP_IN_RELIABLE_1XX)
				sip_offer_body(&offer, !ours, SIP_IN_INVITE, false, &refuse);
			cr_expect_eq(sip_offer_body(&offer, ours, first, true, &refuse),
				     SIP_BODY_OFFER, "%u", i);
			cr_expect_eq(sip_offer_body(&offer, !ours, patterns[i][1], true, &refuse),
				     SIP_BODY_ANSWER, "%u", i);
			cr_expect_eq(offer.state, SIP_OFFER_STABLE);
		}
}
