/* SPDX-License-Identifier: BSD-3-Clause */
/* The verdict on a message before it is parsed, and the answer to what is refused. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "sip/guard/guard.h"

struct party {
	struct sip_guard *guard;
	struct sip_gate *gate;
	uint64_t now_ms;
	struct sip_guard_report told[64];
	unsigned tells;
	char what[64];
};

static void on_tell(void *arg, const struct sip_guard_report *report)
{
	struct party *p = arg;

	if (p->tells < 64)
		p->told[p->tells] = *report;
	p->tells++;
	snprintf(p->what, sizeof(p->what), "%.*s", SLICE_FMT(report->what));
}

static const char *const scanners[] = { "friendly-scanner", "sipvicious" };
static const char *const emergency[] = { "urn:service:sos", "112" };
static const char *const trusted[] = { "198.18.1.0/24" };
static const char *const peers[] = { "198.18.0.104" };

static void set_up(struct party *p)
{
	const struct sip_guard_config config = {
		.sources = 1024,
		.messages_per_s = 100,
		.requests_per_s = 20,
		.connections_per_s = 10,
		.keepalives_per_s = 5,
		.ban_after = 3,
		.ban_window_s = 60,
		.ban_s = 300,
		.ban_max_s = 3600,
		.wait_target_ms = 25,
		.stale_ms = 500,
		.scanners = { scanners, 2 },
		.emergency = { emergency, 2 },
		.trusted = { trusted, 1 },
		.peers = { peers, 1 },
		.tell = on_tell,
		.arg = p,
	};

	memset(p, 0, sizeof(*p));
	p->now_ms = 1000000;
	cr_assert_eq(sip_guard_create(&config, &p->guard), 0);
	cr_assert_eq(sip_gate_create(p->guard, p->now_ms * 1000, &p->gate), 0);
}

static void tear_down(struct party *p)
{
	sip_gate_destroy(p->gate);
	sip_guard_destroy(p->guard);
}

static struct sip_address ip(const char *text)
{
	struct sip_address address;

	cr_assert_eq(sip_address_parse(slice_of(text), 5062, &address), 0);
	return address;
}

static unsigned serial;

/* Overwritten by the next one. */
static const char *request(const char *method, const char *uri, const char *to_tag,
			   const char *more)
{
	static char text[2048];

	serial++;
	snprintf(
		text, sizeof(text),
		"%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bK%u;rport\r\n"
		"Via: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bKb\r\n"
		"f: \"x;tag=no\" <sip:bob@tandem.lab>;tag=abc\r\nTo: <sip:bob@tandem.lab;tag=no>%s\r\n"
		"i: call-%u\r\nCSeq: 7 %s\r\n%sContent-Length: 0\r\n\r\n",
		method, uri, serial, to_tag, serial, method, more);
	return text;
}

static enum sip_verdict arrive(struct party *p, const char *source, const char *text,
			       uint64_t wait_ms, bool reliable)
{
	const struct sip_address address = ip(source);
	const struct sip_arrival arrival = { .source = &address,
					     .data = text,
					     .size = strlen(text),
					     .wait_us = wait_ms * 1000,
					     .reliable = reliable };
	struct sip_glance glance;

	return sip_gate_receive(p->gate, &arrival, p->now_ms, &glance);
}

/* A datagram. */
static enum sip_verdict receive(struct party *p, const char *source, const char *text,
				uint64_t wait_ms)
{
	return arrive(p, source, text, wait_ms, false);
}

static uint64_t counter(const struct party *p, enum sip_guard_counter which)
{
	struct sip_gate_stats stats;

	sip_gate_stats(p->gate, &stats);
	return stats.counters[which];
}

/* The loop has been busy for seconds, and what came had waited. */
static void overload(struct party *p, unsigned wait_ms, unsigned periods)
{
	for (unsigned i = 0; i < periods; i++) {
		p->now_ms += 20;
		receive(p, "198.18.1.1", request("INVITE", "sip:a@b", "", ""), wait_ms);
		sip_gate_turn(p->gate, 20000, p->now_ms * 1000);
	}
}

Test(gate, messages_have_the_class_of_what_they_are)
{
	static const struct {
		const char *method, *uri, *to_tag;
		enum sip_class class;
	} rows[] = {
		{ "INVITE", "sip:bob@tandem.lab", "", SIP_CLASS_CALL },
		{ "INVITE", "sip:bob@tandem.lab", ";tag=1", SIP_CLASS_DIALOG },
		{ "INVITE", "urn:service:sos", "", SIP_CLASS_EMERGENCY },
		{ "INVITE", "URN:service:SOS.fire", "", SIP_CLASS_EMERGENCY },
		{ "INVITE", "urn:service:sosmething", "", SIP_CLASS_CALL },
		{ "INVITE", "sip:112@tandem.lab;user=phone", "", SIP_CLASS_EMERGENCY },
		{ "INVITE", "tel:112", "", SIP_CLASS_EMERGENCY },
		{ "INVITE", "sip:1123@tandem.lab", "", SIP_CLASS_CALL },
		{ "INVITE", "sip:112", "", SIP_CLASS_EMERGENCY },
		{ "REGISTER", "sip:tandem.lab", "", SIP_CLASS_REGISTER },
		{ "SUBSCRIBE", "sip:bob@tandem.lab", "", SIP_CLASS_OTHER },
		{ "SUBSCRIBE", "sip:bob@tandem.lab", " ; Tag = 7", SIP_CLASS_DIALOG },
		{ "OPTIONS", "sip:tandem.lab", "", SIP_CLASS_OTHER },
		{ "NOVEL", "sip:tandem.lab", "", SIP_CLASS_OTHER },
		{ "BYE", "sip:bob@tandem.lab", "", SIP_CLASS_DIALOG },
		{ "CANCEL", "sip:bob@tandem.lab", "", SIP_CLASS_DIALOG },
		{ "ACK", "sip:bob@tandem.lab", "", SIP_CLASS_DIALOG },
	};
	struct party p;

	set_up(&p);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sip_glance glance;

		sip_glance(slice_of(request(rows[i].method, rows[i].uri, rows[i].to_tag, "")),
			   &glance);
		cr_expect_eq(sip_gate_class(p.gate, &glance), rows[i].class, "%s %s%s",
			     rows[i].method, rows[i].uri, rows[i].to_tag);
	}
	tear_down(&p);
}

Test(gate, a_datagram_of_a_scanner_is_dropped_and_bans_nobody_for_it_may_be_forged)
{
	struct party p;

	set_up(&p);
	for (int i = 0; i < 5; i++)
		cr_assert_eq(receive(&p, "198.18.0.1",
				     request("OPTIONS", "sip:a", "", "User-Agent: sipvicious\r\n"),
				     0),
			     SIP_DROP);
	cr_assert_eq(counter(&p, SIP_GUARD_SCANNER), 5);
	cr_assert_eq(p.tells, 1);
	cr_assert_eq(p.told[0].action, SIP_GUARD_TELL_SCANNER);
	cr_assert_eq(receive(&p, "198.18.0.1", request("REGISTER", "sip:a", "", ""), 0), SIP_PASS,
		     "whose address was forged is heard");
	tear_down(&p);
}

Test(gate, a_scanner_that_connects_is_dropped_and_banned_and_told_of_once)
{
	struct party p;

	set_up(&p);
	cr_assert_eq(arrive(&p, "198.18.0.1",
			    request("OPTIONS", "sip:a", "", "User-Agent: Friendly-Scanner\r\n"), 0,
			    true),
		     SIP_DROP);
	cr_assert_eq(p.tells, 2);
	cr_assert_eq(p.told[0].action, SIP_GUARD_TELL_SCANNER);
	cr_assert_eq(p.told[1].action, SIP_GUARD_TELL_BAN);
	cr_assert_eq(p.told[1].seconds, 300);
	/* Whatever it calls itself now. */
	cr_assert_eq(receive(&p, "198.18.0.1", request("OPTIONS", "sip:a", "", ""), 0), SIP_DROP);
	cr_assert_eq(counter(&p, SIP_GUARD_BANNED), 1);
	cr_assert_eq(p.tells, 2);
	sip_guard_expire(p.guard, p.now_ms + 299999);
	cr_assert_eq(p.tells, 2);
	p.now_ms += 300000;
	sip_guard_expire(p.guard, p.now_ms);
	cr_assert_eq(p.tells, 3);
	cr_assert_eq(p.told[2].action, SIP_GUARD_TELL_UNBAN);
	sip_guard_expire(p.guard, p.now_ms);
	cr_assert_eq(p.tells, 3);
	cr_assert_eq(receive(&p, "198.18.0.1", request("OPTIONS", "sip:a", "", ""), 0), SIP_PASS);
	tear_down(&p);
}

Test(gate, neither_peers_nor_who_has_proven_a_password_are_taken_for_scanners)
{
	const struct sip_address good = ip("198.18.0.2");
	static const char *const exempt[] = { "198.18.0.104", "198.18.1.77", "198.18.0.2" };
	struct party p;

	set_up(&p);
	sip_guard_note(p.guard, &good, SIP_NOTE_GOOD, SLICE("bob"), p.now_ms);
	for (size_t i = 0; i < 3; i++)
		for (int k = 0; k < 3; k++)
			cr_assert_eq(arrive(&p, exempt[i],
					    request("REGISTER", "sip:a", "",
						    "User-Agent: sipvicious\r\n"),
					    0, true),
				     SIP_PASS, "%s", exempt[i]);
	cr_assert_eq(p.tells, 0);
	cr_assert_eq(
		sip_guard_ban(p.guard,
			      &(struct sip_address){ .family = AF_INET, .ip = { 198, 18, 0, 104 } },
			      60, p.now_ms),
		-EPERM);
	tear_down(&p);
}

Test(gate, guessing_passwords_is_an_alarm_and_a_ban)
{
	const struct sip_address source = ip("198.18.0.1"), peer = ip("198.18.0.104");
	struct party p;

	set_up(&p);
	for (int i = 0; i < 3; i++)
		sip_guard_note(p.guard, &source, SIP_NOTE_WRONG_PASSWORD, SLICE("alice"), p.now_ms);
	cr_assert_eq(p.tells, 0);
	cr_assert_eq(receive(&p, "198.18.0.1", request("REGISTER", "sip:a", "", ""), 0), SIP_PASS);
	sip_guard_note(p.guard, &source, SIP_NOTE_UNKNOWN_USER, SLICE("bob"), p.now_ms);
	cr_assert_eq(p.tells, 2);
	cr_assert_eq(p.told[0].action, SIP_GUARD_TELL_PASSWORDS);
	cr_assert_eq(p.told[1].action, SIP_GUARD_TELL_BAN);
	cr_assert_str_eq(p.what, "wrong passwords");
	cr_assert_eq(receive(&p, "198.18.0.1", request("REGISTER", "sip:a", "", ""), 0), SIP_DROP);
	cr_assert_not(sip_gate_connection(p.gate, &source, p.now_ms));
	cr_assert(sip_gate_connection(p.gate, &peer, p.now_ms));
	cr_assert_eq(counter(&p, SIP_GUARD_BANNED), 2);
	cr_assert_eq(sip_guard_unban(p.guard, &source, p.now_ms), 0);
	cr_assert(sip_gate_connection(p.gate, &source, p.now_ms));
	cr_assert_eq(sip_guard_unban(p.guard, &source, p.now_ms), -ENOENT);
	cr_assert_eq(receive(&p, "198.18.0.1", request("REGISTER", "sip:a", "", ""), 0), SIP_PASS);
	for (int i = 0; i < 20; i++)
		sip_guard_note(p.guard, &peer, SIP_NOTE_WRONG_PASSWORD, SLICE("x"), p.now_ms);
	cr_assert_eq(p.tells, 3, "a peer is not banned");
	cr_assert_eq(p.told[2].action, SIP_GUARD_TELL_UNBAN);
	tear_down(&p);
}

Test(gate, a_flood_is_cut_to_its_rate_and_others_do_not_feel_it)
{
	struct party p;
	unsigned passed = 0;

	set_up(&p);
	for (int i = 0; i < 1000; i++)
		passed += receive(&p, "198.18.0.1", request("INVITE", "sip:a@b", "", ""), 0) ==
			  SIP_PASS;
	cr_assert_eq(passed, 20);
	cr_assert_eq(counter(&p, SIP_GUARD_REQUEST_RATE), 80);
	cr_assert_eq(counter(&p, SIP_GUARD_RATE), 900);
	cr_assert_eq(p.tells, 1, "told %u times", p.tells);
	cr_assert_eq(p.told[0].action, SIP_GUARD_TELL_FLOOD);
	cr_assert_eq(receive(&p, "198.18.0.2", request("INVITE", "sip:a@b", "", ""), 0), SIP_PASS);
	for (int i = 0; i < 1000; i++)
		cr_assert_eq(receive(&p, "198.18.0.104", request("INVITE", "sip:a@b", "", ""), 0),
			     SIP_PASS);
	tear_down(&p);
}

static const char *const in_dialog[] = { "INVITE", "BYE", "ACK", "INFO" };

Test(gate, a_banned_source_is_heard_in_the_calls_that_it_has)
{
	const struct sip_address source = ip("198.18.0.1");
	struct party p;

	set_up(&p);
	cr_assert_eq(sip_guard_ban(p.guard, &source, 60, p.now_ms), 0);
	for (size_t i = 0; i < sizeof(in_dialog) / sizeof(in_dialog[0]); i++)
		cr_assert_eq(receive(&p, "198.18.0.1",
				     request(in_dialog[i], "sip:a@b", ";tag=ours", ""), 0),
			     SIP_CALLS_ONLY, "%s", in_dialog[i]);
	cr_assert_eq(receive(&p, "198.18.0.1", request("INVITE", "sip:a@b", "", ""), 0), SIP_DROP);
	cr_assert_eq(receive(&p, "198.18.0.1", request("BYE", "sip:a@b", "", ""), 0), SIP_DROP);
	sip_gate_in_call(p.gate);
	cr_assert_eq(counter(&p, SIP_GUARD_IN_CALLS), 1);
	tear_down(&p);
}

Test(gate, a_flood_in_somebodys_name_does_not_cut_his_calls_and_costs_only_so_much)
{
	struct party p;
	unsigned asked = 0;

	set_up(&p);
	for (int i = 0; i < 200; i++)
		receive(&p, "198.18.0.1", request("INVITE", "sip:a@b", "", ""), 0);
	cr_assert_eq(receive(&p, "198.18.0.1", request("BYE", "sip:a@b", ";tag=ours", ""), 0),
		     SIP_CALLS_ONLY);
	for (int i = 0; i < 1000; i++)
		asked += receive(&p, "198.18.0.1", request("BYE", "sip:a@b", ";tag=made-up", ""),
				 0) == SIP_CALLS_ONLY;
	cr_assert_eq(asked, 99, "a second's worth, with the one before");
	tear_down(&p);
}

Test(gate, a_flood_in_somebodys_name_does_not_silence_who_answers_a_challenge)
{
	static const char *const credentials = "Authorization: Digest nonce=\"x\"\r\n";
	const struct sip_address source = ip("198.18.0.1");
	struct party p;
	unsigned proven = 0;

	set_up(&p);
	for (unsigned flood = 50; flood <= 200; flood += 150) { /* above one rate, and both */
		for (unsigned i = 0; i < flood; i++)
			receive(&p, "198.18.0.1", request("INVITE", "sip:a@b", "", ""), 0);
		cr_assert_eq(
			receive(&p, "198.18.0.1", request("REGISTER", "sip:a", "", credentials), 0),
			SIP_PROVEN_ONLY);
		cr_assert_eq(receive(&p, "198.18.0.1", request("REGISTER", "sip:a", "", ""), 0),
			     SIP_DROP);
	}
	for (int i = 0; i < 50; i++)
		proven += sip_gate_proven(p.gate, &source, p.now_ms);
	cr_assert_eq(proven, 10, "who is real has a rate, too");
	cr_assert_eq(counter(&p, SIP_GUARD_PROVEN), 10);
	cr_assert_eq(sip_guard_ban(p.guard, &source, 60, p.now_ms), 0);
	cr_assert_eq(receive(&p, "198.18.0.1", request("REGISTER", "sip:a", "", credentials), 0),
		     SIP_DROP, "a ban is a ban");
	tear_down(&p);
}

Test(gate, a_source_connects_so_often_a_second)
{
	const struct sip_address source = ip("198.18.0.1"), peer = ip("198.18.0.104");
	struct party p;
	unsigned let_in = 0;

	set_up(&p);
	for (int i = 0; i < 50; i++) {
		let_in += sip_gate_connection(p.gate, &source, p.now_ms);
		cr_assert(sip_gate_connection(p.gate, &peer, p.now_ms));
	}
	cr_assert_eq(let_in, 10);
	cr_assert_eq(counter(&p, SIP_GUARD_CONNECTION_RATE), 40);
	cr_assert_eq(p.tells, 1);
	cr_assert_eq(p.told[0].action, SIP_GUARD_TELL_FLOOD);
	cr_assert_str_eq(p.what, "connection_rate");
	p.now_ms += 1000;
	cr_assert(sip_gate_connection(p.gate, &source, p.now_ms));
	tear_down(&p);
}

Test(gate, stun_is_answered_so_often_a_second_whoever_seems_to_ask)
{
	static const char *const sources[] = { "198.18.0.1", "198.18.0.104" };
	struct party p;

	set_up(&p);
	for (size_t k = 0; k < 2; k++) {
		const struct sip_address source = ip(sources[k]);
		unsigned answered = 0;

		for (int i = 0; i < 50; i++)
			answered += sip_gate_keepalive(p.gate, &source, p.now_ms);
		cr_assert_eq(answered, 5, "%s", sources[k]);
	}
	cr_assert_eq(counter(&p, SIP_GUARD_KEEPALIVE_RATE), 90);
	cr_assert_eq(receive(&p, "198.18.0.1", request("INVITE", "sip:a@b", "", ""), 0), SIP_PASS,
		     "what is forged there takes nothing from messages");
	const struct sip_address banned = ip("198.18.0.7");

	sip_guard_ban(p.guard, &banned, 60, p.now_ms);
	cr_assert_not(sip_gate_keepalive(p.gate, &banned, p.now_ms), "nothing for who is banned");
	tear_down(&p);
}

Test(gate, where_the_name_of_a_trunk_leads_is_a_peer_for_a_while)
{
	const struct sip_address source = ip("198.18.0.1");
	struct party p;

	set_up(&p);
	cr_assert_eq(sip_guard_ban(p.guard, &source, 600, p.now_ms), 0);
	sip_guard_spare(p.guard, &source, 60, p.now_ms);
	for (int i = 0; i < 500; i++)
		cr_assert_eq(arrive(&p, "198.18.0.1",
				    request("INVITE", "sip:a@b", "", "User-Agent: sipvicious\r\n"),
				    0, true),
			     SIP_PASS);
	cr_assert_eq(sip_guard_ban(p.guard, &source, 600, p.now_ms), -EPERM);
	for (int i = 0; i < 20; i++)
		sip_guard_note(p.guard, &source, SIP_NOTE_WRONG_PASSWORD, SLICE("x"), p.now_ms);
	cr_assert(sip_gate_connection(p.gate, &source, p.now_ms));
	p.now_ms += 60000;
	cr_assert_eq(sip_guard_ban(p.guard, &source, 600, p.now_ms), 0);
	tear_down(&p);
}

Test(gate, who_has_too_much_unfinished_is_told_of_and_a_peer_is_spared)
{
	const struct sip_address source = ip("198.18.0.1"), peer = ip("198.18.0.104");
	struct party p;

	set_up(&p);
	cr_assert_not(sip_gate_spares(p.gate, &source, SIP_GUARD_TRANSACTIONS, p.now_ms));
	cr_assert(sip_gate_spares(p.gate, &peer, SIP_GUARD_TRANSACTIONS, p.now_ms));
	cr_assert_eq(p.tells, 1);
	cr_assert_str_eq(p.what, "transactions");
	cr_assert_eq(counter(&p, SIP_GUARD_TRANSACTIONS), 1);
	tear_down(&p);
}

Test(gate, stale_requests_are_dropped_but_not_what_ends_a_call_or_is_an_emergency)
{
	struct party p;

	set_up(&p);
	cr_expect_eq(receive(&p, "198.18.0.1", request("INVITE", "sip:a@b", "", ""), 600),
		     SIP_DROP);
	cr_expect_eq(receive(&p, "198.18.0.1", request("INVITE", "sip:a@b", "", ""), 400),
		     SIP_PASS);
	cr_expect_eq(receive(&p, "198.18.0.1", request("BYE", "sip:a@b", ";tag=1", ""), 600),
		     SIP_PASS);
	cr_expect_eq(receive(&p, "198.18.0.1", request("INVITE", "sip:112@b", "", ""), 600),
		     SIP_PASS);
	cr_expect_eq(counter(&p, SIP_GUARD_STALE), 1);
	cr_expect_eq(counter(&p, SIP_GUARD_EMERGENCY), 1);
	tear_down(&p);
}

Test(gate, under_load_calls_are_refused_and_emergencies_and_copies_of_what_was_let_in_are_not)
{
	char admitted[4096];
	struct party p;
	unsigned refused = 0;

	set_up(&p);
	snprintf(admitted, sizeof(admitted), "%s", request("INVITE", "sip:a@b", "", ""));
	cr_assert_eq(receive(&p, "198.18.0.1", admitted, 0), SIP_PASS);
	overload(&p, 150, 400);
	cr_assert_eq(p.told[0].action, SIP_GUARD_TELL_OVERLOAD);
	for (int i = 0; i < 100; i++) {
		refused += receive(&p, "198.18.1.1", request("INVITE", "sip:a@b", "", ""), 100) ==
			   SIP_REFUSE;
		cr_assert_eq(receive(&p, "198.18.1.1", admitted, 100), SIP_PASS);
		cr_assert_eq(receive(&p, "198.18.1.1", request("INVITE", "tel:112", "", ""), 100),
			     SIP_PASS);
		cr_assert_eq(receive(&p, "198.18.1.1", request("BYE", "sip:a@b", ";tag=1", ""), 0),
			     SIP_PASS);
	}
	cr_assert_gt(refused, 90);
	/* When even an answer is too dear. */
	for (int i = 0; i < 3; i++)
		receive(&p, "198.18.1.1", request("INVITE", "sip:a@b", "", ""), 450);
	cr_assert_gt(counter(&p, SIP_GUARD_SHED_SILENT), 0);
	tear_down(&p);
}

Test(gate, a_refusal_is_a_response_to_the_request_and_its_ack_is_for_nobody)
{
	const struct sip_address source = ip("198.18.0.1");
	char text[4096], response[2048], ack[32], *tag;
	struct sip_address to;
	struct sip_glance glance;
	struct sip_msg *msg;
	struct sip_parse_error error;
	struct sip_via via;
	struct party p;
	size_t size;

	set_up(&p);
	snprintf(text, sizeof(text), "%s", request("INVITE", "sip:a@b", "", ""));
	const struct sip_arrival arrival = { .source = &source,
					     .data = text,
					     .size = strlen(text) };

	overload(&p, 150, 400);
	sip_gate_receive(p.gate, &arrival, p.now_ms, &glance);
	size = sip_gate_refusal(p.gate, &arrival, &glance, p.now_ms, response, sizeof(response) - 1,
				&to);
	response[size] = '\0';
	cr_assert_eq(sip_msg_parse(response, size, NULL, &msg, &error), 0, "%s\n%s", error.what,
		     response);
	cr_assert_eq(msg->status, 503);
	cr_assert_eq(to.port, 5062, "rport");
	cr_assert_eq(sip_msg_top_via(msg, &via), 0);
	cr_assert_eq(via.rport_port, 5062);
	cr_assert(slice_equal(via.received, SLICE("198.18.0.1")));
	cr_assert(sip_msg_next(msg, sip_msg_header(msg, SIP_H_VIA)), "both Vias");
	cr_assert(sip_msg_header(msg, SIP_H_RETRY_AFTER));
	tag = strstr(response, ";tag=gd-");
	cr_assert_not_null(tag);
	snprintf(ack, sizeof(ack), "%.24s", tag);
	sip_msg_unref(msg);
	snprintf(text, sizeof(text), "%s", request("ACK", "sip:a@b", ack, ""));
	cr_assert_eq(receive(&p, "198.18.0.1", text, 0), SIP_DROP);
	/* What cannot be answered. */
	snprintf(text, sizeof(text), "%s", "INVITE sip:a@b SIP/2.0\r\nTo: x\r\n\r\n");
	sip_gate_receive(p.gate, &arrival, p.now_ms, &glance);
	cr_assert_eq(sip_gate_refusal(p.gate, &arrival, &glance, p.now_ms, response,
				      sizeof(response), &to),
		     0);
	tear_down(&p);
}

static struct sip_via via_of(const char *text)
{
	struct slice rest = slice_of(text);
	struct sip_via via;

	cr_assert_eq(sip_via_next(&rest, &via), 0, "%s", text);
	return via;
}

Test(gate, who_asks_is_told_our_load)
{
	const struct sip_via asks =
		via_of("SIP/2.0/UDP p.lab;branch=z9hG4bK1;oc;oc-algo=\"loss,rate\"");
	const struct sip_via does_not = via_of("SIP/2.0/UDP p.lab;branch=z9hG4bK1");
	char text[SIP_OC_TEXT];
	unsigned percent = 0;
	struct party p;

	set_up(&p);
	cr_assert_str_eq(sip_gate_oc(p.gate, &does_not, p.now_ms, text), "");
	cr_assert_str_eq(sip_gate_oc(p.gate, &asks, 1000007, text),
			 ";oc=0;oc-algo=\"loss\";oc-validity=1000;oc-seq=1000.007");
	overload(&p, 150, 400);
	cr_assert_eq(sscanf(sip_gate_oc(p.gate, &asks, p.now_ms, text), ";oc=%u", &percent), 1);
	cr_assert_gt(percent, 50);
	tear_down(&p);
}

static unsigned sent_of_1000(struct party *p, const struct sip_address *peer, enum sip_class class)
{
	unsigned sent = 0;

	for (int i = 0; i < 1000; i++)
		sent += sip_gate_may_send(p->gate, peer, class, p->now_ms);
	return sent;
}

Test(gate, the_load_goes_into_the_topmost_via_of_a_response)
{
	static const char response[] =
		"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP p.lab;oc;ocean=1;branch=z9hG4bK1;oc-algo=\"loss,rate\";"
		"received=198.18.0.1, SIP/2.0/UDP q.lab;oc\r\nCall-ID: a\r\n\r\n";
	static const char expected[] =
		"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP p.lab;ocean=1;branch=z9hG4bK1;received=198.18.0.1;oc=0;"
		"oc-algo=\"loss\";oc-validity=1000;oc-seq=1000.000, SIP/2.0/UDP q.lab;oc\r\n"
		"Call-ID: a\r\n\r\n";
	static const char *const others[] = {
		"INVITE sip:a SIP/2.0\r\nVia: SIP/2.0/UDP p.lab;oc;oc-algo=\"loss\"\r\n\r\n",
		"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP p.lab;branch=z9hG4bK1\r\n\r\n",
		"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP p.lab;oc;oc-algo=\"rate\"\r\n\r\n",
		"SIP/2.0 200 OK\r\nFrom: <sip:a>;oc;oc-algo=\"loss\"\r\n\r\n",
		"SIP/2.0 200 OK",
	};
	char buffer[512] = "";
	struct party p;
	size_t size;

	set_up(&p);
	size = sip_gate_oc_response(p.gate, slice_of(response), 1000000, buffer, sizeof(buffer));
	buffer[size] = '\0';
	cr_assert_str_eq(buffer, expected, "\n%s", buffer);
	cr_assert_eq(sip_gate_oc_response(p.gate, slice_of(response), 1000000, buffer,
					  sizeof(response) + SIP_OC_TEXT - 2),
		     0);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		cr_expect_eq(sip_gate_oc_response(p.gate, slice_of(others[i]), 1000000, buffer,
						  sizeof(buffer)),
			     0, "%s", others[i]);
	tear_down(&p);
}

Test(gate, who_is_told_a_load_sends_less_until_it_is_over)
{
	const struct sip_address peer = ip("198.18.0.104");
	const struct sip_via told = via_of("SIP/2.0/UDP us;branch=z9hG4bK1;oc=70;oc-algo=\"loss\";"
					   "oc-validity=500;oc-seq=1282321615.782");
	const struct sip_via older = via_of("SIP/2.0/UDP us;branch=z9hG4bK1;oc=0;oc-algo=\"loss\";"
					    "oc-validity=500;oc-seq=1282321615.781");
	const struct sip_via over = via_of("SIP/2.0/UDP us;branch=z9hG4bK1;oc=70;oc-algo=\"loss\";"
					   "oc-validity=0;oc-seq=1282321616.0");
	struct party p;

	set_up(&p);
	cr_assert_eq(sent_of_1000(&p, &peer, SIP_CLASS_CALL), 1000);
	sip_gate_oc_received(p.gate, &peer, &told, p.now_ms);
	sip_gate_oc_received(p.gate, &peer, &older, p.now_ms);
	const unsigned sent = sent_of_1000(&p, &peer, SIP_CLASS_CALL);

	cr_assert(sent > 200 && sent < 400, "%u", sent);
	cr_assert_eq(sent_of_1000(&p, &peer, SIP_CLASS_EMERGENCY), 1000);
	cr_assert_eq(sent_of_1000(&p, &peer, SIP_CLASS_DIALOG), 1000);
	p.now_ms += 499;
	cr_assert_lt(sent_of_1000(&p, &peer, SIP_CLASS_CALL), 500);
	p.now_ms += 1;
	cr_assert_eq(sent_of_1000(&p, &peer, SIP_CLASS_CALL), 1000);
	sip_gate_oc_received(p.gate, &peer, &told, p.now_ms);
	sip_gate_oc_received(p.gate, &peer, &over, p.now_ms);
	cr_assert_eq(sent_of_1000(&p, &peer, SIP_CLASS_CALL), 1000);
	tear_down(&p);
}

/* The address of a peer on a datagram that answers nothing: with it calls there could be stopped. */
Test(gate, a_response_that_nobody_waits_for_tells_no_load)
{
	const struct sip_address peer = ip("198.18.0.104");
	struct party p;

	set_up(&p);
	cr_expect_eq(receive(&p, "198.18.0.104",
			     "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP us;branch=z9hG4bK1;oc=100;"
			     "oc-algo=\"loss\";oc-validity=60000;oc-seq=1.0\r\n\r\n",
			     0),
		     SIP_PASS);
	cr_expect_not(sip_gate_has_oc(p.gate, &peer, p.now_ms));
	cr_expect_eq(sent_of_1000(&p, &peer, SIP_CLASS_CALL), 1000);
	tear_down(&p);
}

Test(gate, lists_that_are_wrong_are_refused)
{
	static const char *const wrong[] = { "198.18.0.0/33", "host", "::/129" };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		const struct sip_guard_config config = { .sources = 64,
							 .trusted = { &wrong[i], 1 } };
		struct sip_guard *guard = NULL;

		cr_expect_eq(sip_guard_create(&config, &guard), -EINVAL, "%s", wrong[i]);
	}
}

/* What cannot be shed is looked at as far as that is known, and of what can nothing is missed. */
Test(gate, a_brief_glance_sees_what_the_verdict_needs)
{
	static const char vias[] = "Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\n";
	static const char rest[] = "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: x\r\n"
				   "CSeq: 1 Y\r\nUser-Agent: z\r\n\r\n";
	static const struct {
		const char *line;
		bool via, to_tag, agent;
	} rows[] = {
		{ "SIP/2.0 200 OK\r\n", false, false, false },
		{ "BYE sip:a@b SIP/2.0\r\n", false, false, false },
		{ "CANCEL sip:a@b SIP/2.0\r\n", false, false, false },
		{ "ACK sip:a@b SIP/2.0\r\n", true, true, false },
		{ "INVITE sip:a@b SIP/2.0\r\n", true, true, true },
		{ "INFO sip:a@b SIP/2.0\r\n", true, true, true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sip_glance g;
		char text[512];

		snprintf(text, sizeof(text), "%s%s%s", rows[i].line, vias, rest);
		sip_glance_brief(slice_of(text), &g);
		cr_expect_eq(g.via.n > 0, rows[i].via, "%s", rows[i].line);
		cr_expect_eq(g.to_tag.n > 0, rows[i].to_tag, "%s", rows[i].line);
		cr_expect_eq(g.user_agent.n > 0, rows[i].agent, "%s", rows[i].line);
		sip_glance(slice_of(text), &g);
		cr_expect(g.via.n > 0 && g.to_tag.n > 0 && g.user_agent.n > 0, "%s", rows[i].line);
	}
}

static uint64_t common_counter(const struct party *p, enum sip_guard_counter which)
{
	uint64_t counters[SIP_GUARD_COUNTER_COUNT];

	sip_guard_stats(p->guard, counters);
	return counters[which];
}

Test(gate, what_is_done_under_load_is_counted_by_its_kind)
{
	static const struct {
		const char *method;
		enum sip_guard_counter counter;
	} kinds[] = { { "INVITE", SIP_GUARD_SHED_CALL },
		      { "REGISTER", SIP_GUARD_SHED_REGISTER },
		      { "SUBSCRIBE", SIP_GUARD_SHED_OTHER } };
	const struct sip_via asks = via_of("SIP/2.0/UDP p.lab;oc;oc-algo=\"loss\"");
	char text[SIP_OC_TEXT];
	struct party p;

	set_up(&p);
	overload(&p, 150, 400);
	cr_expect_eq(counter(&p, SIP_GUARD_OVERLOADS), 1);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const uint64_t before = counter(&p, kinds[i].counter);
		unsigned refused = 0;

		for (unsigned k = 0; k < 100; k++)
			refused += receive(&p, "198.18.1.1",
					   request(kinds[i].method, "sip:a@b", "", ""),
					   100) != SIP_PASS;
		cr_expect_gt(refused, 0, "%s", kinds[i].method);
		cr_expect_eq(counter(&p, kinds[i].counter), before + refused, "%s",
			     kinds[i].method);
	}
	sip_gate_oc(p.gate, &asks, p.now_ms, text);
	cr_expect_eq(counter(&p, SIP_GUARD_OC_SENT), 1);
	tear_down(&p);
}

Test(gate, what_a_peer_does_not_want_is_counted)
{
	const struct sip_address peer = ip("198.18.0.104");
	const struct sip_via told = via_of("SIP/2.0/UDP us;branch=z9hG4bK1;oc=70;oc-algo=\"loss\";"
					   "oc-validity=500;oc-seq=1282321615.782");
	struct party p;
	unsigned sent;

	set_up(&p);
	sip_gate_oc_received(p.gate, &peer, &told, p.now_ms);
	sent = sent_of_1000(&p, &peer, SIP_CLASS_CALL);
	cr_expect_eq(counter(&p, SIP_GUARD_OC_HELD), 1000 - sent);
	tear_down(&p);
}

Test(gate, wrong_passwords_and_bans_are_counted_for_all_shards)
{
	const struct sip_address source = ip("198.18.0.7");
	struct party p;

	set_up(&p);
	for (unsigned i = 0; i < 4; i++)
		sip_guard_note(p.guard, &source, SIP_NOTE_WRONG_PASSWORD, SLICE("bob"), p.now_ms);
	cr_expect_eq(common_counter(&p, SIP_GUARD_WRONG_PASSWORD), 4);
	cr_expect_eq(common_counter(&p, SIP_GUARD_BANS), 1);
	tear_down(&p);
}
