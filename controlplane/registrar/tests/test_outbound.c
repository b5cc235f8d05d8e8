/* SPDX-License-Identifier: BSD-3-Clause */
/* The way to a phone: Path (RFC 3327), Service-Route (3608), flows (5626), GRUUs (5627), NATs. */
#include <errno.h>
#include <stdlib.h>

#include "controlplane/registrar/internal.h"
#include "controlplane/registrar/tests/world.h"

TestSuite(outbound, .init = world_open, .fini = world_close);

#define AOR                  "alice@tandem.lab"
#define UUID                 "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"
#define CONTACT(uri, params) "Contact: <" uri ">;+sip.instance=\"<" UUID ">\"" params "\r\n"
#define OUTBOUND             "Supported: outbound, path\r\n"

static struct registrar_contact found[8];

static unsigned find(const char *target)
{
	return registrar_lookup(world.registrar, target, found, 8);
}

static const char *remote(unsigned i)
{
	static char text[SIP_ADDRESS_TEXT];

	return sip_address_text(&found[i].path.remote, text);
}

/* --- Path ------------------------------------------------------------------------------------------- */

Test(outbound, a_path_is_the_way_to_the_phone)
{
	cr_assert_eq(send_register("alice", "c", 1,
				   "Supported: path\r\nPath: <sip:198.18.0.101:40000;lr>\r\n"
				   "Path: <sip:p2.lab;lr>, <sip:p3.lab;lr;ob>\r\n"
				   "Contact: <sip:alice@10.0.0.1>\r\n"),
		     200);
	cr_expect(answer_has("Path: <sip:198.18.0.101:40000;lr>, <sip:p2.lab;lr>, "
			     "<sip:p3.lab;lr;ob>\r\n"),
		  "%s", world.answer);
	cr_assert_eq(find(AOR), 1);
	cr_expect_str_eq(found[0].route,
			 "<sip:198.18.0.101:40000;lr>, <sip:p2.lab;lr>, <sip:p3.lab;lr;ob>");
	cr_expect_str_eq(remote(0), "198.18.0.101:40000", "not the phone, which is behind it");
	world_restart();
	cr_assert_eq(find(AOR), 1);
	cr_expect_str_eq(found[0].route,
			 "<sip:198.18.0.101:40000;lr>, <sip:p2.lab;lr>, <sip:p3.lab;lr;ob>");
	/* it came another way: that is where it is now */
	cr_assert_eq(send_register("alice", "c", 2, "Contact: <sip:alice@10.0.0.1>\r\n"), 200);
	cr_assert_eq(find(AOR), 1);
	cr_expect_str_eq(found[0].route, "");
	cr_expect_not(answer_has("Path:"));
}

Test(outbound, a_path_that_is_none_is_refused)
{
	char path[1300];

	memset(path, 'a', sizeof(path));
	memcpy(path, "Path: <sip:", 11);
	strcpy(path + 1100, ";lr>\r\nContact: <sip:a@h>\r\n");
	cr_expect_eq(send_register("alice", "c", 1, path), 400);
	cr_expect_eq(send_register("alice", "c", 1, "Path: <tel:1>\r\nContact: <sip:a@h>\r\n"),
		     400);
	cr_expect_eq(send_register("alice", "c", 1, "Path: <sip:a\r\nContact: <sip:a@h>\r\n"), 400);
	cr_expect_eq(find(AOR), 0);
}

Test(outbound, the_service_route_is_that_of_the_configuration)
{
	world.config.sip.service_route = "<sip:198.18.0.10;lr>";
	cr_assert_eq(send_register("alice", "c", 1, "Contact: <sip:a@h>\r\n"), 200);
	cr_expect(answer_has("Service-Route: <sip:198.18.0.10;lr>\r\n"));
}

/* --- flows ------------------------------------------------------------------------------------------ */

Test(outbound, a_flow_is_known_by_instance_and_number)
{
	world.config.sip.flow_timer_s = 120;
	cr_assert_eq(send_register("alice", "c", 1,
				   OUTBOUND CONTACT("sip:alice@10.0.0.1:1", ";reg-id=1")),
		     200);
	cr_expect(answer_has("Require: outbound\r\n") && answer_has("Flow-Timer: 120\r\n"), "%s",
		  world.answer);
	cr_expect(answer_has(";+sip.instance=\"<" UUID ">\";reg-id=1\r\n"), "%s", world.answer);
	/* the same flow from another port: it takes the place of the first */
	cr_assert_eq(send_register("alice", "d", 1,
				   OUTBOUND CONTACT("sip:alice@10.0.0.1:2", ";reg-id=1")),
		     200);
	cr_expect_str_eq(contacts_of(AOR), "sip:alice@10.0.0.1:2 1800 1\n");
	world_restart();
	cr_expect_str_eq(contacts_of(AOR), "sip:alice@10.0.0.1:2 1800 1\n", "one row in the store");
}

Test(outbound, of_two_flows_of_a_phone_the_latest_is_tried)
{
	send_register("alice", "c", 1, OUTBOUND CONTACT("sip:alice@10.0.0.1:1", ";reg-id=1"));
	world_now_ms += 1000;
	send_register("alice", "c", 2, OUTBOUND CONTACT("sip:alice@10.0.0.1:2", ";reg-id=2"));
	cr_expect_eq(registrar_count(world.registrar), 2);
	cr_expect_str_eq(contacts_of(AOR), "sip:alice@10.0.0.1:2 1800 1\n");
	world_now_ms += 1000;
	send_register("alice", "c", 3, OUTBOUND CONTACT("sip:alice@10.0.0.1:1", ";reg-id=1"));
	cr_expect_str_eq(contacts_of(AOR), "sip:alice@10.0.0.1:1 1800 1\n", "refreshed in place");
	/* another phone of hers rings as well */
	send_register("alice", "e", 1, "Contact: <sip:alice@10.0.0.9>\r\n");
	cr_expect_eq(find(AOR), 2);
}

Test(outbound, who_cannot_have_it)
{
	/* the phone does not ask for it: it is known by its URI */
	cr_expect_eq(send_register("alice", "c", 1, CONTACT("sip:alice@10.0.0.1:1", ";reg-id=1")),
		     200);
	cr_expect_not(answer_has("Require: outbound"));
	cr_expect_eq(send_register("alice", "c", 2, CONTACT("sip:alice@10.0.0.1:2", ";reg-id=1")),
		     200);
	cr_expect_eq(find(AOR), 2);
	/* the proxy next to the phone does not keep flows */
	cr_expect_eq(send_register("alice", "c", 3,
				   OUTBOUND
				   "Path: <sip:p1.lab;lr;ob>, <sip:edge.lab;lr>\r\n" CONTACT(
					   "sip:alice@10.0.0.1:1", ";reg-id=1")),
		     439);
	cr_expect_eq(send_register("alice", "c", 4,
				   OUTBOUND
				   "Path: <sip:p1.lab;lr>, <sip:edge.lab;lr;ob>\r\n" CONTACT(
					   "sip:alice@10.0.0.1:1", ";reg-id=1")),
		     200);
	cr_expect_not(answer_has("Flow-Timer"), "that is the edge's to say");
	cr_expect_eq(send_register("alice", "c", 5,
				   OUTBOUND
				   "Via: SIP/2.0/UDP phone.lab;branch=z9hG4bKp\r\n" CONTACT(
					   "sip:alice@10.0.0.1:1", ";reg-id=1")),
		     439, "a proxy in between that said nothing");
	cr_expect_eq(send_register("alice", "c", 6,
				   OUTBOUND CONTACT("sip:alice@10.0.0.1:1", ";reg-id=0")),
		     400);
	cr_expect_eq(send_register("alice", "c", 7,
				   OUTBOUND CONTACT("sip:a@h:1", ";reg-id=1")
					   CONTACT("sip:a@h:2", ";reg-id=2")),
		     400);
}

static unsigned register_flow(unsigned cseq, unsigned index, const char *uri, unsigned reg_id)
{
	world.flow = (struct sip_flow){ 1, index, 0 };
	return send_registerf("alice", "c", cseq,
			      OUTBOUND "Contact: <%s>;+sip.instance=\"<" UUID ">\";reg-id=%u\r\n",
			      uri, reg_id);
}

Test(outbound, a_connection_that_is_gone_takes_its_contact_with_it)
{
	cr_assert_eq(register_flow(1, 7, "sip:alice@10.0.0.1:1", 1), 200);
	world_now_ms += 1000;
	cr_assert_eq(register_flow(2, 8, "sip:alice@10.0.0.1:2", 2), 200);
	world.events[0] = 0;
	registrar_flow_failed(world.registrar, (struct sip_flow){ 2, 8, 0 });
	cr_expect_eq(registrar_count(world.registrar), 2,
		     "another generation is another connection");
	registrar_flow_failed(world.registrar, (struct sip_flow){ 1, 8, 0 });
	cr_expect_str_eq(contacts_of(AOR), "sip:alice@10.0.0.1:1 1799 1\n",
			 "the other flow serves");
	cr_expect_str_eq(world.events, "removed " AOR " sip:alice@10.0.0.1:2 flow-failed\n");
	/* connected anew: the old connection means nothing any more */
	cr_assert_eq(register_flow(3, 9, "sip:alice@10.0.0.1:3", 1), 200);
	registrar_flow_failed(world.registrar, (struct sip_flow){ 1, 7, 0 });
	cr_expect_str_eq(contacts_of(AOR), "sip:alice@10.0.0.1:3 1800 1\n");
	registrar_flow_failed(world.registrar, (struct sip_flow){ 1, 9, 0 });
	cr_expect_eq(registrar_count(world.registrar), 0);
	registrar_flow_failed(world.registrar, (struct sip_flow){ 1, 9, 0 });
}

Test(outbound, who_listens_where_it_says_stays_without_its_connection)
{
	world.flow = (struct sip_flow){ 1, 5, 0 };
	world.via = "198.18.0.101:5060";
	send_register("alice", "c", 1, "Contact: <sip:alice@198.18.0.101;transport=tcp>\r\n");
	registrar_flow_failed(world.registrar, world.flow);
	cr_expect_eq(registrar_count(world.registrar), 1);
	world_restart();
	cr_assert_eq(find(AOR), 1, "a new connection can be made");
	cr_expect_str_eq(remote(0), "198.18.0.101:5060");
	cr_expect_eq(found[0].path.flow.index, 0);
}

/* Behind a NAT nobody can connect to it: no INVITE may find its way into somebody else's. */
Test(outbound, who_is_bound_to_a_connection_goes_with_it)
{
	world.flow = (struct sip_flow){ 1, 5, 0 };
	send_register("alice", "c", 1, "Contact: <sip:alice@10.0.0.1;transport=tcp>\r\n");
	cr_assert_eq(find(AOR), 1);
	cr_expect(found[0].path.flags & SIP_PATH_FLOW_ONLY);
	world.events[0] = 0;
	registrar_flow_failed(world.registrar, world.flow);
	cr_expect_eq(registrar_count(world.registrar), 0);
	cr_expect_str_eq(world.events,
			 "removed " AOR " sip:alice@10.0.0.1;transport=tcp flow-failed\n");
	send_register("alice", "c", 2, "Contact: <sip:alice@10.0.0.1;transport=tcp>\r\n");
	register_flow(3, 6, "sip:alice@10.0.0.1:3", 1);
	cr_expect_eq(registrar_count(world.registrar), 2);
	world_restart();
	cr_expect_eq(registrar_count(world.registrar), 0, "no connection outlives the process");
	world_restart();
	cr_expect_eq(registrar_count(world.registrar), 0, "nor is it on record");
}

Test(outbound, a_connection_may_be_that_of_many_users)
{
	world.flow = (struct sip_flow){ 1, 5, 0 };
	send_register("alice", "c", 1, "Contact: <sip:alice@10.0.0.1;transport=tcp>\r\n");
	send_register("alice", "c", 2, "Contact: <sip:line2@10.0.0.1;transport=tcp>\r\n");
	send_register("bob", "d", 1, "Contact: <sip:bob@10.0.0.1;transport=tcp>\r\n");
	cr_assert_eq(registrar_count(world.registrar), 3);
	registrar_flow_failed(world.registrar, (struct sip_flow){ 1, 6, 0 });
	cr_expect_eq(registrar_count(world.registrar), 3);
	registrar_flow_failed(world.registrar, world.flow);
	cr_expect_eq(registrar_count(world.registrar), 0);
}

Test(outbound, the_connection_of_an_edge_proxy_is_not_the_phones)
{
	world.flow = (struct sip_flow){ 1, 5, 0 };
	send_register("alice", "c", 1,
		      OUTBOUND "Path: <sip:edge.lab;lr;ob>\r\n" CONTACT("sip:alice@10.0.0.1:1",
									";reg-id=1"));
	registrar_flow_failed(world.registrar, world.flow);
	cr_expect_eq(registrar_count(world.registrar), 1);
	world_restart();
	cr_expect_eq(registrar_count(world.registrar), 1);
}

static struct registrar_flow flow_of(const struct registrar_contact *c)
{
	return (struct registrar_flow){ c->instance, c->call_id, c->reg_id, c->cseq };
}

Test(outbound, when_a_flow_fails_the_next_one_is_there)
{
	struct registrar_contact next;
	struct registrar_flow gone;

	world.config.sip.contacts_max = 8;
	for (unsigned i = 1; i <= 3; i++) {
		char uri[32];

		snprintf(uri, sizeof(uri), "sip:alice@10.0.0.1:%u", i);
		cr_assert_eq(register_flow(i, 6 + i, uri, i), 200);
		world_now_ms += 1000;
	}
	send_register("alice", "e", 1, "Contact: <sip:alice@10.0.0.9>\r\n");
	cr_assert_eq(find(AOR), 2, "two phones");
	const struct registrar_contact *latest = &found[found[0].reg_id == 0];

	cr_expect_eq(latest->reg_id, 3);
	cr_expect_str_eq(latest->instance, UUID);
	cr_assert(registrar_next_flow(world.registrar, AOR, UUID, 1u << 3, &next));
	cr_expect_eq(next.reg_id, 2);
	cr_assert(registrar_next_flow(world.registrar, AOR ";gr=" UUID, UUID, 1u << 3 | 1u << 2,
				      &next));
	cr_expect_eq(next.reg_id, 1);
	cr_expect_not(registrar_next_flow(world.registrar, AOR, UUID, 0xe, &next));
	cr_expect_not(registrar_next_flow(world.registrar, AOR, "urn:uuid:other", 0, &next));
	/* 430: it is gone, unless the phone has come back meanwhile */
	world.events[0] = 0;
	gone = flow_of(latest);
	registrar_contact_lost(world.registrar, AOR, &gone);
	cr_expect_eq(registrar_count(world.registrar), 3);
	cr_expect_str_eq(world.events, "removed " AOR " sip:alice@10.0.0.1:3 flow-failed\n");
	cr_assert(registrar_next_flow(world.registrar, AOR, UUID, 0, &next));
	cr_expect_eq(next.reg_id, 2);
	cr_assert_eq(register_flow(7, 20, "sip:alice@10.0.0.1:2", 2), 200);
	gone = flow_of(&next);
	registrar_contact_lost(world.registrar, AOR, &gone);
	cr_expect_eq(registrar_count(world.registrar), 3);
}

/* --- GRUUs ------------------------------------------------------------------------------------------ */

static const char *gruu_of(const char *name)
{
	static char gruu[1024];
	const char *at = strstr(world.answer, name);

	cr_assert_not_null(at, "no %s in %s", name, world.answer);
	cr_assert_eq(sscanf(at + strlen(name), "=\"%1023[^\"]", gruu), 1);
	return gruu;
}

static int resolve(const char *uri_text)
{
	char target[REGISTRAR_AOR_MAX];
	struct sip_uri uri;
	int error;

	cr_assert_eq(sip_uri_parse(slice_of(uri_text), &uri), 0, "%s", uri_text);
	error = registrar_target(world.registrar, &uri, target);
	if (error)
		return error;
	cr_expect(registrar_user_exists(world.registrar, target), "%s", target);
	return (int)find(target);
}

Test(outbound, a_public_gruu_is_one_phone_of_the_user)
{
	char gruu[1024];

	send_register("alice", "a", 1, "Contact: <sip:alice@10.0.0.9>\r\n");
	send_register("alice", "c", 1, "Supported: gruu\r\n" CONTACT("sip:alice@10.0.0.1", ""));
	strcpy(gruu, gruu_of("pub-gruu"));
	cr_expect_str_eq(gruu, "sip:alice@tandem.lab;gr=" UUID);
	cr_expect_eq(find(AOR), 2);
	cr_assert_eq(resolve(gruu), 1);
	cr_expect_str_eq(found[0].uri, "sip:alice@10.0.0.1");
	cr_expect_eq(resolve("sip:alice@tandem.lab;gr=urn:uuid:another"), 0);
	send_register("alice", "c", 2, "Contact: *\r\nExpires: 0\r\n");
	cr_expect_eq(resolve(gruu), 0, "it stays a URI of hers");
}

Test(outbound, who_does_not_ask_is_told_no_gruu)
{
	send_register("alice", "c", 1, CONTACT("sip:alice@10.0.0.1", ""));
	cr_expect_not(answer_has("gruu="), "%s", world.answer);
}

Test(outbound, temporary_gruus_end_with_the_registration)
{
	char first[1024], second[1024];

	send_register("alice", "c", 1, "Supported: gruu\r\n" CONTACT("sip:alice@10.0.0.1", ""));
	strcpy(first, gruu_of("temp-gruu"));
	cr_expect_eq(strncmp(first, "sip:tgruu.", 10), 0);
	cr_expect_null(strstr(first, "alice"));
	send_register("alice", "c", 2, "Supported: gruu\r\n" CONTACT("sip:alice@10.0.0.1", ""));
	strcpy(second, gruu_of("temp-gruu"));
	cr_expect_str_neq(first, second, "a new one each time");
	cr_expect_eq(resolve(first), 1);
	cr_expect_eq(resolve(second), 1);
	world_restart();
	cr_expect_eq(resolve(first), 1);
	/* the phone was started again: RFC 5627 §5.4 */
	send_register("alice", "new", 1, "Supported: gruu\r\n" CONTACT("sip:alice@10.0.0.1", ""));
	cr_expect_eq(resolve(first), 0);
	cr_expect_eq(resolve(second), 0);
	cr_expect_eq(resolve(gruu_of("temp-gruu")), 1);
}

Test(outbound, made_up_gruus_are_nobody)
{
	char gruu[1024];
	size_t end;

	send_register("alice", "c", 1, "Supported: gruu\r\n" CONTACT("sip:alice@10.0.0.1", ""));
	strcpy(gruu, gruu_of("temp-gruu"));
	end = strcspn(gruu, "@");
	for (size_t i = 10; i < end; i++) {
		char good = gruu[i];

		gruu[i] = good == '0' ? '1' : '0';
		cr_expect_eq(resolve(gruu), -ENOENT, "%zu", i);
		gruu[i] = good;
	}
	cr_expect_eq(resolve(gruu), 1);
	memcpy(strstr(gruu, "@tandem"), "@other.", 7);
	cr_expect_eq(resolve(gruu), -ENOENT, "of another domain");
	cr_expect_eq(resolve("sip:tgruu.@tandem.lab;gr"), -ENOENT);
	cr_expect_eq(resolve("sip:alice@tandem.lab;gr"), -ENOENT);
	cr_expect_eq(resolve("sip:alice@tandem.lab;gr=a%40b"), -EINVAL);
}

/* --- NATs ------------------------------------------------------------------------------------------- */

static json_t *shown(void)
{
	json_t *rows = json_array(), *row;

	registrar_show(world.registrar, rows);
	cr_assert_eq(json_array_size(rows), 1);
	row = json_incref(json_array_get(rows, 0));
	json_decref(rows);
	return row;
}

static unsigned pinged;

static struct registrar_ping last_ping;

static void note_pings(void *arg, const struct registrar_ping *pings, unsigned count)
{
	char text[SIP_ADDRESS_TEXT];

	(void)arg;
	for (unsigned i = 0; i < count; i++)
		cr_expect_str_eq(sip_address_text(&pings[i].path.remote, text),
				 "203.0.113.9:40000");
	pinged += count;
	last_ping = pings[count - 1];
}

Test(outbound, a_phone_behind_a_nat_is_kept_reachable)
{
	json_t *row;

	world.config.sip.nat_keepalive_s = 25;
	registrar_set_ping(world.registrar, note_pings, NULL);
	world.source = "203.0.113.9";
	send_register("alice", "c", 1, "Contact: <sip:alice@10.0.0.1>;expires=60\r\n");
	row = shown();
	cr_expect(json_is_true(json_object_get(row, "nat")));
	cr_expect(json_is_false(json_object_get(row, "alg")));
	json_decref(row);
	cr_assert_eq(find(AOR), 1);
	cr_expect(found[0].natted);
	cr_expect_str_eq(remote(0), "203.0.113.9:40000");
	for (unsigned second = 1; second <= 59; second++) {
		world_now_ms += 1000;
		registrar_tick(world.registrar);
		cr_expect_eq(pinged, second / 25, "after %u s", second);
	}
	world_now_ms += 1000;
	registrar_tick(world.registrar);
	cr_expect_eq(registrar_count(world.registrar), 0, "the timer serves both");
	world_now_ms += 100000;
	registrar_tick(world.registrar);
	cr_expect_eq(pinged, 2);
}

/* As the process does it, with or without an answer. */
static void keep_alive(bool answers)
{
	const unsigned before = pinged;

	world_now_ms += 25000;
	registrar_tick(world.registrar);
	cr_assert_eq(pinged, before + 1);
	registrar_pinged(world.registrar, &last_ping);
	if (answers && last_ping.how == REGISTRAR_STUN)
		registrar_answered_stun(world.registrar, last_ping.id, &last_ping.path);
	else if (answers)
		registrar_answered(world.registrar, last_ping.aor, &last_ping.path);
}

static void open_keepalives(const char *how)
{
	world.config.sip.nat_keepalive_s = 25;
	world.config.sip.nat_keepalive = how;
	world.config.sip.nat_keepalive_missed = 3;
	registrar_set_ping(world.registrar, note_pings, NULL);
	world.source = "203.0.113.9";
	send_register("alice", "c", 1, "Contact: <sip:alice@10.0.0.1?x=y>;expires=7200\r\n");
	world.events[0] = 0;
}

Test(outbound, keepalives_that_are_not_answered_any_more_make_a_phone_unreachable)
{
	static const char *const ways[] = { "stun", "options" };

	for (unsigned i = 0; i < 2; i++) {
		open_keepalives(ways[i]);
		keep_alive(true);
		cr_expect_eq(last_ping.how, i == 0 ? REGISTRAR_STUN : REGISTRAR_OPTIONS);
		keep_alive(false);
		keep_alive(false);
		cr_expect_eq(find(AOR), 1);
		cr_expect_str_eq(world.events, "");
		keep_alive(false);
		cr_expect_eq(find(AOR), 0);
		cr_expect_str_eq(world.events, "unreachable " AOR " sip:alice@10.0.0.1?x=y\n");
		json_t *row = shown();

		cr_expect(json_is_false(json_object_get(row, "reachable")));
		json_decref(row);
		keep_alive(false);
		world.events[0] = 0;
		keep_alive(true);
		cr_expect_eq(find(AOR), 1);
		cr_expect_str_eq(world.events, "reachable " AOR " sip:alice@10.0.0.1?x=y\n");
		/* or it registers again */
		for (unsigned k = 0; k < 3; k++)
			keep_alive(false);
		cr_expect_eq(find(AOR), 0);
		send_register("alice", "c", 2,
			      "Contact: <sip:alice@10.0.0.1?x=y>;expires=7200\r\n");
		cr_expect_eq(find(AOR), 1);
		send_register("alice", "c", 3, "Contact: *\r\nExpires: 0\r\n");
		world.events[0] = 0;
	}
}

/* Two lines of a phone, or one that was started again and says another Contact now. */
Test(outbound, contacts_at_one_place_are_silent_together)
{
	open_keepalives("stun");
	send_register("alice", "d", 1, "Contact: <sip:again@10.0.0.1>;expires=7200\r\n");
	keep_alive(true);
	for (unsigned i = 0; i < 2; i++)
		keep_alive(false);
	cr_expect_eq(find(AOR), 2);
	keep_alive(false);
	cr_expect_eq(find(AOR), 0);
	keep_alive(true);
	cr_expect_eq(find(AOR), 2);
}

Test(outbound, a_phone_that_never_answered_keepalives_is_not_held_to_them)
{
	open_keepalives("stun");
	for (unsigned i = 0; i < 10; i++)
		keep_alive(false);
	cr_expect_eq(find(AOR), 1);
	cr_expect_str_eq(world.events, "");
}

Test(outbound, an_answer_to_stun_is_signed)
{
	struct sip_path elsewhere;
	char forged[12];

	open_keepalives("stun");
	keep_alive(true);
	for (unsigned i = 0; i < 3; i++)
		keep_alive(false);
	elsewhere = last_ping.path;
	elsewhere.remote.port++;
	registrar_answered_stun(world.registrar, last_ping.id, &elsewhere);
	memcpy(forged, last_ping.id, sizeof(forged));
	forged[11] ^= 1;
	registrar_answered_stun(world.registrar, forged, &last_ping.path);
	cr_expect_eq(find(AOR), 0);
	registrar_answered_stun(world.registrar, last_ping.id, &last_ping.path);
	cr_expect_eq(find(AOR), 1);
}

Test(outbound, a_listener_may_keep_its_phones_alive_in_its_own_way)
{
	struct config_listener *listener = (struct config_listener *)&world.config.sip.listeners[0];

	open_keepalives("crlf");
	listener->nat_keepalive = "options";
	keep_alive(false);
	cr_expect_eq(last_ping.how, REGISTRAR_OPTIONS);
	cr_expect_str_eq(last_ping.uri, "sip:alice@10.0.0.1?x=y");
	listener->nat_keepalive = NULL;
	keep_alive(false);
	cr_expect_eq(last_ping.how, REGISTRAR_CRLF);
}

Test(outbound, a_phone_that_is_where_it_says_is_left_alone)
{
	world.config.sip.nat_keepalive_s = 25;
	registrar_set_ping(world.registrar, note_pings, NULL);
	world.via = "198.18.0.101:40000";
	send_register("alice", "c", 1, "Contact: <sip:alice@198.18.0.101:40000>\r\n");
	world_now_ms += 100000;
	registrar_tick(world.registrar);
	cr_expect_eq(pinged, 0);
	cr_assert_eq(find(AOR), 1);
	cr_expect_not(found[0].natted);
}

Test(outbound, what_a_gateway_rewrote_is_seen_and_works_all_the_same)
{
	json_t *row;

	world.source = "203.0.113.9";
	world.via = "203.0.113.9:40000"; /* the Via alone */
	cr_expect_eq(send_register("alice", "c", 1, "Contact: <sip:alice@10.0.0.1>\r\n"), 200);
	row = shown();
	cr_expect(json_is_true(json_object_get(row, "alg")));
	json_decref(row);
	cr_expect_not_null(strstr(world.events, "alg alice@tandem.lab 203.0.113.9:40000 phone"),
			   "%s", world.events);
	cr_assert_eq(find(AOR), 1);
	cr_expect_str_eq(remote(0), "203.0.113.9:40000");
}

/* --- what is written ---------------------------------------------------------------------------------- */

static uint64_t writes(void)
{
	struct store_stats stats;

	store_flush(world.store);
	store_stats(world.store, &stats);
	return stats.writes;
}

Test(outbound, a_plain_refresh_is_no_write)
{
	uint64_t before;

	cr_assert_eq(send_register("alice", "c", 1, "Contact: <sip:a@h>;expires=300\r\n"), 200);
	before = writes();
	for (unsigned i = 2; i < 8; i++) {
		world_now_ms += 100000;
		cr_assert_eq(send_register("alice", "c", i, "Contact: <sip:a@h>;expires=300\r\n"),
			     200);
	}
	cr_expect_eq(writes(), before, "as long as the store takes it for alive");
	world_now_ms += 100000;
	cr_assert_eq(send_register("alice", "c", 8, "Contact: <sip:a@h>;expires=300\r\n"), 200);
	cr_expect_eq(writes(), before + 1);
	/* moved: that cannot wait */
	world.source = "198.18.0.102";
	cr_assert_eq(send_register("alice", "c", 9, "Contact: <sip:a@h>;expires=300\r\n"), 200);
	cr_expect_eq(writes(), before + 2);
	/* an end in order loses nothing */
	world_now_ms += 50000;
	cr_assert_eq(send_register("alice", "c", 10, "Contact: <sip:a@h>;expires=300\r\n"), 200);
	world_restart();
	cr_expect_str_eq(contacts_of(AOR), "sip:a@h 300 1\n");
	cr_expect_eq(send_register("alice", "c", 10, "Contact: <sip:a@h>\r\n"), 500,
		     "nor the CSeq");
}
