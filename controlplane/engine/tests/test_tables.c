/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <errno.h>

#include "controlplane/engine/call.h"
#include "controlplane/engine/outcome.h"
#include "controlplane/engine/rule.h"

/* --- the call's states: what every state does with every event --- */

#define R 1 /* refused */
#define S 2 /* stays as it is, silently */

static const int expected[CALL_STATE_COUNT][CALL_EVENT_COUNT] = {
#define ROW(...)            \
	{                   \
		__VA_ARGS__ \
	}
#define TO(state) (10 + CALL_##state)
	/* media-ready, media-failed, ringing, progress, early-media, early-offer, answer, hold, resume, refused,
	 * caller-gone, callee-gone, no-answer, media-silent, hangup, empty */
	[CALL_ROUTING] =
		ROW(TO(ROUTING), TO(ENDING), TO(RINGING), TO(ROUTING), TO(EARLY), TO(EARLY),
		    TO(ANSWERED), R, R, TO(ENDING), TO(ENDING), R, TO(ENDING), R, TO(ENDING), R),
	[CALL_RINGING] = ROW(R, TO(ENDING), S, TO(RINGING), TO(EARLY), TO(EARLY), TO(ANSWERED), R,
			     R, TO(ENDING), TO(ENDING), R, TO(ENDING), R, TO(ENDING), R),
	[CALL_EARLY] = ROW(R, TO(ENDING), TO(EARLY), TO(EARLY), TO(EARLY), TO(EARLY), TO(ANSWERED),
			   R, R, TO(ENDING), TO(ENDING), R, TO(ENDING), R, TO(ENDING), R),
	[CALL_ANSWERED] = ROW(R, TO(ENDING), R, R, R, R, R, TO(HELD), S, TO(ENDING), TO(ENDING),
			      TO(ENDING), R, TO(ENDING), TO(ENDING), R),
	[CALL_HELD] = ROW(R, TO(ENDING), R, R, R, R, R, S, TO(ANSWERED), TO(ENDING), TO(ENDING),
			  TO(ENDING), R, S, TO(ENDING), R),
	[CALL_ENDING] = ROW(S, S, S, S, S, S, R, R, R, S, S, S, S, S, S, TO(ENDED)),
	[CALL_ENDED] = ROW(R, R, R, R, R, R, R, R, R, R, R, R, R, R, R, R),
};

Test(call_table, every_state_has_its_answer_to_every_event)
{
	for (unsigned state = 0; state < CALL_STATE_COUNT; state++) {
		for (unsigned event = 0; event < CALL_EVENT_COUNT; event++) {
			const struct call_transition *t = call_transition(state, event);
			int is = t->ignored ? S : !t->action ? R : 10 + t->next;

			cr_expect_eq(is, expected[state][event], "%s in %s: %d instead of %d",
				     call_event_text(event), call_state_text(state), is,
				     expected[state][event]);
		}
	}
	cr_assert_null(call_transition(CALL_STATE_COUNT, 0));
	cr_assert_null(call_transition(0, CALL_EVENT_COUNT));
}

/* --- which refusal counts --- */

Test(outcome, the_best_refusal_of_several)
{
	cr_assert(outcome_better(404, 0), "any is better than none");
	cr_assert(outcome_better(603, 486), "a 6xx speaks for all");
	cr_assert(outcome_better(486, 480), "busy says more than away");
	cr_assert(outcome_better(486, 503), "lower class first");
	cr_assert(outcome_better(408, 500));
	cr_assert(outcome_better(480, 408), "who answered counts before who did not");
	cr_assert_not(outcome_better(480, 486));
	cr_assert_not(outcome_better(486, 486));
}

Test(outcome, what_is_not_the_callers_business_is_not_passed_on)
{
	cr_assert_eq(outcome_towards_caller(486), 486);
	cr_assert_eq(outcome_towards_caller(603), 603);
	cr_assert_eq(outcome_towards_caller(302), 480);
	cr_assert_eq(outcome_towards_caller(407), 503);
}

/* --- routes --- */

static const char *domains[] = { "tandem.lab", "second.lab" };
static struct config_listener listeners[] = {
	{ .transport = "udp", .address = "198.18.0.10", .port = 5060 }
};
static struct config_trunk trunks[] = {
	{ .name = "carrier", .prefix = "9" },
	{ .name = "special", .prefix = "90", .strip_prefix = true },
	{ .name = "inbound", .prefix = "" },
	{ .name = "rescue", .prefix = "", .emergency = true },
};
static const char *emergency[] = { "urn:service:sos", "112", "911" };
static const struct config config = {
	.sip = { .domains = domains,
		 .domains_count = 2,
		 .listeners = listeners,
		 .listeners_count = 1,
		 .guard = { .emergency = emergency, .emergency_count = 3 } },
	.trunks = trunks,
	.trunks_count = 4,
};

static int test_aor(void *arg, const struct sip_uri *uri, char aor[ROUTE_AOR_MAX])
{
	(void)arg;
	for (unsigned i = 0; i < 2; i++) {
		if (!slice_equal_nocase(uri->host, slice_of(domains[i])))
			continue;
		snprintf(aor, ROUTE_AOR_MAX, "%.*s@%s", SLICE_FMT(uri->user), domains[i]);
		return 0;
	}
	return -ENOENT;
}

static bool test_exists(void *arg, const char *aor)
{
	(void)arg;
	return strcmp(aor, "bob@tandem.lab") == 0 || strcmp(aor, "away@tandem.lab") == 0;
}

static bool test_registered(void *arg, const char *aor)
{
	(void)arg;
	return strcmp(aor, "bob@tandem.lab") == 0;
}

static const struct {
	const char *uri;
	int from_trunk;
	enum route_kind kind;
	unsigned status; /* or index of the trunk */
	const char *number;
} routes[] = {
	{ "sip:bob@tandem.lab", -1, ROUTE_USER, 0, "" },
	{ "sip:bob@TANDEM.lab:5060;transport=udp", -1, ROUTE_USER, 0, "" },
	{ "sips:bob@tandem.lab", -1, ROUTE_USER, 0, "" },
	{ "sip:bob@198.18.0.10", -1, ROUTE_USER, 0, "" },
	{ "sip:bob@tandem.lab", 0, ROUTE_USER, 0, "" },
	{ "sip:away@tandem.lab", -1, ROUTE_REFUSE, 480, "" },
	{ "sip:nobody@tandem.lab", -1, ROUTE_REFUSE, 404, "" },
	{ "sip:bob@second.lab", -1, ROUTE_REFUSE, 404, "" },
	{ "sip:tandem.lab", -1, ROUTE_REFUSE, 404, "" },
	{ "sip:bob@elsewhere.example", -1, ROUTE_REFUSE, 403, "" },
	{ "mailto:bob@tandem.lab", -1, ROUTE_REFUSE, 416, "" },
	{ "sip:9123@tandem.lab", -1, ROUTE_TRUNK, 0, "9123" },
	{ "tel:9-123", -1, ROUTE_TRUNK, 0, "9123" },
	{ "sip:9123@tandem.lab", 2, ROUTE_TRUNK, 0, "9123" },
	{ "sip:9123@tandem.lab", 0, ROUTE_REFUSE, 482, "" },
	{ "sip:90123@tandem.lab", -1, ROUTE_TRUNK, 1, "123" },
	{ "sip:90@tandem.lab", -1, ROUTE_REFUSE, 484, "" },
	{ "sip:9%23@tandem.lab", -1, ROUTE_TRUNK, 0, "9%23" },
	{ "sip:9abc@tandem.lab", -1, ROUTE_REFUSE, 404, "" },
	{ "sip:9%0d%0aX@tandem.lab", -1, ROUTE_REFUSE, 404, "" },
	{ "sip:5123@tandem.lab", -1, ROUTE_REFUSE, 404, "" },
	{ "sip:", -1, ROUTE_REFUSE, 400, "" },
	{ "urn:service:sos", -1, ROUTE_TRUNK, 3, "112" },
	{ "urn:service:sos.fire", 0, ROUTE_TRUNK, 3, "112" },
	{ "urn:service:counseling", -1, ROUTE_REFUSE, 416, "" },
	{ "sip:911@tandem.lab", -1, ROUTE_TRUNK, 3, "911" },
	{ "tel:112", -1, ROUTE_TRUNK, 3, "112" },
	{ "sip:911@tandem.lab", 3, ROUTE_TRUNK, 0, "911" },
};

Test(route, the_table_of_decisions)
{
	static const struct route_directory directory = { .aor = test_aor,
							  .exists = test_exists,
							  .registered = test_registered };

	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		struct route_request request = { .request_uri = slice_of(routes[i].uri),
						 .from_trunk = routes[i].from_trunk };
		struct route route;

		route_find(&config, &directory, &request, &route);
		cr_expect_eq(route.kind, routes[i].kind, "%s", routes[i].uri);
		cr_expect_eq(route.kind == ROUTE_TRUNK ? route.trunk : route.status,
			     routes[i].status, "%s: %u", routes[i].uri, route.status);
		cr_expect_str_eq(route.number, routes[i].number, "%s", routes[i].uri);
	}
}

/* --- rules --- */

static struct config_rule rules[] = {
	{ .name = "premium", .to = "900*", .action = "deny" },
	{ .from = "boss@tandem.lab", .to = "9*", .action = "allow" },
	{ .name = "guests", .from = "guest*", .to = "[0-9]*", .action = "deny" },
	{ .name = "mute",
	  .from = "*",
	  .to = "bob@tandem.lab",
	  .realm = "guests",
	  .action = "deny" },
	{ .name = "transit", .from = "trunk:inb*", .trunk = "carrier", .action = "deny" },
};

Test(rule, the_first_that_fits_decides)
{
	static const struct route_directory directory = { .aor = test_aor,
							  .exists = test_exists,
							  .registered = test_registered };
	static const struct {
		const char *from, *realm, *uri;
		int from_trunk;
		const char *rule; /* NULL: let through */
	} rows[] = {
		{ "alice@tandem.lab", NULL, "sip:9123@tandem.lab", -1, NULL },
		{ "alice@tandem.lab", NULL, "sip:900123@tandem.lab", -1, "premium" },
		{ "alice@tandem.lab", NULL, "tel:9-0.0(1)23", -1, "premium" },
		{ "boss@tandem.lab", NULL, "sip:900123@tandem.lab", -1, "premium" },
		{ "boss@tandem.lab", NULL, "sip:9123@tandem.lab", -1, NULL },
		{ "guest7@tandem.lab", NULL, "sip:9123@tandem.lab", -1, "guests" },
		{ "guest7@tandem.lab", NULL, "sip:911@tandem.lab", -1, NULL },
		{ "guest7@tandem.lab", NULL, "urn:service:sos", -1, NULL },
		{ "guest7@tandem.lab", NULL, "sip:bob@tandem.lab", -1, NULL },
		{ "guest7@tandem.lab", "guests", "sip:bob@tandem.lab", -1, "mute" },
		{ "guest7@tandem.lab", "guests", "sip:bob@198.18.0.10", -1, "mute" },
		{ "guest7@tandem.lab", "others", "sip:bob@tandem.lab", -1, NULL },
		{ "boss@tandem.lab", NULL, "sip:9123@tandem.lab", 2, "transit" },
		{ "guest7@tandem.lab", NULL, "sip:bob@tandem.lab", 2, NULL },
		{ NULL, NULL, "sip:900123@tandem.lab", -1, NULL },
		{ "guest7@tandem.lab", NULL, "sip:nobody@tandem.lab", -1, NULL },
	};
	struct config with_rules = config;

	with_rules.rules = rules;
	with_rules.rules_count = sizeof(rules) / sizeof(rules[0]);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct route_request request = { .request_uri = slice_of(rows[i].uri),
						       .from_trunk = rows[i].from_trunk,
						       .from = rows[i].from,
						       .realm = rows[i].realm };
		struct route route;

		route_find(&with_rules, &directory, &request, &route);
		if (!rows[i].rule) {
			cr_expect_null(route.rule, "row %zu: %s", i, route.rule);
			continue;
		}
		cr_expect_eq(route.kind, ROUTE_REFUSE, "row %zu", i);
		cr_expect_eq(route.status, 403, "row %zu", i);
		cr_assert_not_null(route.rule, "row %zu", i);
		cr_expect_str_eq(route.rule, rows[i].rule, "row %zu", i);
	}
}

Test(rule, one_phone_of_a_user_is_that_user)
{
	static struct config_rule one = { .to = "bob@tandem.lab", .action = "deny" };
	const struct config few = { .rules = &one, .rules_count = 1 };
	const struct rule_question question = { .from = "a@b",
						.to = "bob@tandem.lab;gr=urn:uuid:1" };

	cr_expect_eq(rule_denies(&few, &question), &one);
}
