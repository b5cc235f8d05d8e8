/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/message/headers.h"
#include "sip/message/tests/support.h"

/* What each header may hold, and what not. */
Test(headers, values)
{
	static const struct {
		enum sip_header_id id;
		const char *value;
		bool valid;
	} rows[] = {
		{ SIP_H_ACCEPT, "application/sdp;level=1, text/*;q=0.5, */*;q=0", true },
		{ SIP_H_ACCEPT, "", true },
		{ SIP_H_ACCEPT, "application", false },
		{ SIP_H_ALERT_INFO, "<http://www.example.com/sounds/moo.wav>;x=1", true },
		{ SIP_H_ALERT_INFO, "http://www.example.com", false },
		{ SIP_H_ALLOW, "INVITE, ACK,", true },
		{ SIP_H_ALLOW, "INVITE ACK", false },
		{ SIP_H_AUTHORIZATION, "Digest a=\"x, y\", b=1", true },
		{ SIP_H_AUTHORIZATION, "Digest", false },
		{ SIP_H_AUTHORIZATION, "Digest a=\"x", false },
		{ SIP_H_AUTHENTICATION_INFO, "nextnonce=\"x\", qop=auth", true },
		{ SIP_H_AUTHENTICATION_INFO, "", false },
		{ SIP_H_CONTACT, "*", true },
		{ SIP_H_CONTACT, "<sip:a@h>;expires=60, \"b, c\" <sip:b@h>", true },
		{ SIP_H_CONTACT, "<sip:a@h>;expires=280297596632815", false },
		{ SIP_H_CONTACT, "", false },
		{ SIP_H_CONTENT_DISPOSITION, "session;handling=optional", true },
		{ SIP_H_CONTENT_TYPE, "multipart/mixed; boundary=\"a b\"", true },
		{ SIP_H_CONTENT_TYPE, "text/", false },
		{ SIP_H_DATE, "Sat, 13 Nov 2010 23:29:00 GMT", true },
		{ SIP_H_DATE, "Fri, 01 Jan 2010 16:00:00 EST", false },
		{ SIP_H_DATE, "Sat, 13 Nov 2010 24:29:00 GMT", false },
		{ SIP_H_DATE, "Sat, 13 Nov 2010 23:29:00 GMT+1", false },
		{ SIP_H_DIVERSION, "<sip:b@h>;reason=no-answer;counter=2, <tel:+1>", true },
		{ SIP_H_DIVERSION, "<sip:b@h>;counter=x", false },
		{ SIP_H_EVENT, "presence.winfo;id=\"7\"", true },
		{ SIP_H_EVENT, "", false },
		{ SIP_H_EXPIRES, "4294967295", true },
		{ SIP_H_EXPIRES, "4294967296", false },
		{ SIP_H_HISTORY_INFO, "<sip:b@h?Reason=SIP%3Bcause%3D302>;index=1.1;rc=1", true },
		{ SIP_H_HISTORY_INFO, "<sip:b@h>", false },
		{ SIP_H_HISTORY_INFO, "<sip:b@h>;index=1..2", false },
		{ SIP_H_JOIN, "1@h;to-tag=a;from-tag=b", true },
		{ SIP_H_MAX_FORWARDS, "256", false },
		{ SIP_H_MIN_SE, "90;x", true },
		{ SIP_H_P_ASSERTED_IDENTITY, "\"A\" <sip:a@h>, tel:+1", true },
		{ SIP_H_PATH, "<sip:p1;lr>,<sip:p2;lr>", true },
		{ SIP_H_PATH, "sip:p1;lr", false },
		{ SIP_H_PRIORITY, "urgent", true },
		{ SIP_H_RACK, "776656 1 INVITE", true },
		{ SIP_H_RACK, "776656 INVITE", false },
		{ SIP_H_RACK, "4294967296 1 INVITE", false },
		{ SIP_H_REASON, "Q.850;cause=16;text=\"Normal, \\\"call\\\"\", SIP;cause=200",
		  true },
		{ SIP_H_REASON, "SIP;cause=x", false },
		{ SIP_H_REFER_TO, "<sip:b@h;method=INVITE?Replaces=1%40h%3Bto-tag%3Da>", true },
		{ SIP_H_REFER_TO, "sip:b@h?Replaces=1", false },
		{ SIP_H_REPLACES, "1@h;to-tag=a;from-tag=b;early-only", true },
		{ SIP_H_REPLACES, "1@h;to-tag=a", false },
		{ SIP_H_REPLACES, "1@h", false },
		{ SIP_H_REPLACES, "1 @h;to-tag=a;from-tag=b", false },
		{ SIP_H_REQUIRE, "", false },
		{ SIP_H_RESOURCE_PRIORITY, "wps.3, dsn.flash", true },
		{ SIP_H_RETRY_AFTER, "18000;duration=3600", true },
		{ SIP_H_RETRY_AFTER, "120 (I'm (now) \\) in a meeting)", true },
		{ SIP_H_RETRY_AFTER, "120 (open", false },
		{ SIP_H_RETRY_AFTER, "soon", false },
		{ SIP_H_RSEQ, "988789", true },
		{ SIP_H_SESSION_EXPIRES, "4000;refresher=uac", true },
		{ SIP_H_SESSION_EXPIRES, "-1", false },
		{ SIP_H_SIP_ETAG, "dx200xyz", true },
		{ SIP_H_SUBJECT, ";;,\"<", true },
		{ SIP_H_SUBSCRIPTION_STATE, "terminated;reason=giveup;retry-after=5", true },
		{ SIP_H_SUBSCRIPTION_STATE, "active;expires=a", false },
		{ SIP_H_TARGET_DIALOG, "fa77as7dad8-sd98ajzz@h;local-tag=k;remote-tag=6544", true },
		{ SIP_H_TIMESTAMP, "54.21 .5", true },
		{ SIP_H_TIMESTAMP, "54.2x", false },
		{ SIP_H_WARNING, "307 isi.edu \"Session parameter 'foo', not understood\"", true },
		{ SIP_H_WARNING, "1812 overture \"In Progress\"", false },
		{ SIP_H_WARNING, "399 h", false },
		{ SIP_H_WWW_AUTHENTICATE, "NoOneKnowsThisScheme opaque-data=here", true },
		{ SIP_H_OTHER, "\"", true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_eq(sip_header_valid(rows[i].id, slice_of(rows[i].value)), rows[i].valid,
			     "%s: %s", sip_header_text(rows[i].id), rows[i].value);
}

Test(headers, sessions_and_dialogs)
{
	struct sip_msg *msg = parse(
		INVITE REQUIRED "RAck: 776656 1 INVITE\r\nx: 1800 ;Refresher=UAS\r\n"
				"Min-SE: 90\r\nReplaces: 1@h ;from-tag=b;to-tag=a;early-only\r\n"
				"Join: 2@h;from-tag=d;to-tag=c\r\n"
				"Target-Dialog: 3@h;local-tag=theirs;remote-tag=ours\r\n\r\n");
	struct sip_session_expires expires;
	struct sip_dialog_id id;
	struct sip_rack rack;

	cr_assert_eq(sip_msg_rack(msg, &rack), 0);
	cr_expect_eq(rack.rseq, 776656);
	cr_expect_eq(rack.cseq, 1);
	cr_expect_slice(rack.method, "INVITE");
	cr_assert_eq(sip_msg_session_expires(msg, &expires), 0);
	cr_expect_eq(expires.delta, 1800);
	cr_expect_eq(expires.refresher, SIP_REFRESHER_UAS);
	cr_assert_eq(sip_msg_min_se(msg, &expires), 0);
	cr_expect_eq(expires.delta, 90);
	cr_assert_eq(sip_msg_replaces(msg, &id), 0);
	cr_expect_slice(id.call_id, "1@h");
	cr_expect_slice(id.local_tag, "a");
	cr_expect_slice(id.remote_tag, "b");
	cr_expect(id.early_only);
	cr_assert_eq(sip_msg_join(msg, &id), 0);
	cr_expect_not(id.early_only);
	cr_assert_eq(sip_msg_target_dialog(msg, &id), 0);
	cr_expect_slice(id.local_tag, "ours");
	cr_expect_slice(id.remote_tag, "theirs");
	cr_expect_eq(sip_msg_event(msg, &(struct sip_event){ 0 }), -ENOENT);
	sip_msg_unref(msg);
}

Test(headers, refer_to_with_headers_in_its_uri)
{
	struct sip_msg *msg =
		parse(INVITE REQUIRED
		      "r: <sip:dave@h?Replaces=425928%40b.example.org%3Bto-tag%3D7743%3Bfrom-tag"
		      "%3D6472&Subject=a%0D%0AX:%20b&Empty=>\r\n"
		      "b: <sip:ref@h>;cid=\"2398@h\"\r\n\r\n");
	struct sip_referred_by by;
	struct sip_dialog_id id;
	struct sip_addr to;
	char text[80];

	cr_assert_eq(sip_msg_refer_to(msg, &to), 0);
	cr_assert_eq(sip_uri_header_get(&to.uri, "replaces", text, sizeof(text)), 0);
	cr_assert_eq(sip_replaces_parse(slice_of(text), &id), 0);
	cr_expect_slice(id.call_id, "425928@b.example.org");
	cr_expect_slice(id.local_tag, "7743");
	cr_expect_eq(sip_uri_header_get(&to.uri, "Subject", text, sizeof(text)), -EBADMSG,
		     "no header starts within a header");
	cr_expect_eq(sip_uri_header_get(&to.uri, "Empty", text, sizeof(text)), 0);
	cr_expect_eq(sip_uri_header_get(&to.uri, "Other", text, sizeof(text)), -ENOENT);
	cr_expect_eq(sip_uri_header_get(&to.uri, "Replaces", text, 8), -ENOSPC);
	cr_assert_eq(sip_msg_referred_by(msg, &by), 0);
	cr_expect_slice(by.cid, "2398@h");
	sip_msg_unref(msg);
}

Test(headers, events)
{
	struct sip_msg *msg =
		parse(INVITE REQUIRED "o: dialog;id=7;sla\r\n"
				      "Subscription-State: active;expires=60;reason=x\r\n\r\n");
	struct sip_event event, other;
	struct sip_subscription_state state;

	cr_assert_eq(sip_msg_event(msg, &event), 0);
	cr_expect_slice(event.package, "dialog");
	cr_expect_slice(event.id, "7");
	cr_expect(sip_event_equal(&event, &event));
	sip_event_parse(SLICE("dialog"), &other);
	cr_expect_not(sip_event_equal(&event, &other));
	cr_assert_eq(sip_msg_subscription_state(msg, &state), 0);
	cr_expect_eq(state.state, SIP_SUB_ACTIVE);
	cr_expect(state.has_expires);
	cr_expect_eq(state.expires, 60);
	cr_expect_not(state.has_retry_after);
	sip_msg_unref(msg);
}

Test(headers, causes_times_and_privacy)
{
	struct sip_msg *msg = parse(
		INVITE REQUIRED "Reason: Q.850;cause=16;text=\"Normal, all\", SIP;cause=200\r\n"
				"Retry-After: 120 (a (b) c);duration=60\r\n"
				"Date: Sat, 13 Nov 2010 23:29:00 GMT\r\nTimestamp: 54.21 1.5\r\n"
				"Privacy: header;Id\r\nPrivacy: history, critical\r\n\r\n");
	struct sip_retry_after after;
	struct sip_timestamp stamp;
	struct sip_cursor cursor = { 0 };
	struct sip_reason reason;
	struct slice value;
	time_t date;

	cr_assert(sip_msg_each(msg, SIP_H_REASON, &cursor, &value));
	cr_assert_eq(sip_reason_parse(value, &reason), 0);
	cr_expect_slice(reason.protocol, "Q.850");
	cr_expect_eq(reason.cause, 16);
	cr_expect_slice(reason.text, "Normal, all");
	cr_assert(sip_msg_each(msg, SIP_H_REASON, &cursor, &value));
	cr_assert_eq(sip_reason_parse(value, &reason), 0);
	cr_expect_eq(reason.cause, 200);
	cr_assert_eq(sip_msg_retry_after(msg, &after), 0);
	cr_expect_eq(after.delta, 120);
	cr_expect_eq(after.duration, 60);
	cr_expect_slice(after.comment, "a (b) c");
	cr_assert_eq(sip_msg_date(msg, &date), 0);
	cr_expect_eq(date, 1289690940);
	cr_assert_eq(sip_msg_timestamp(msg, &stamp), 0);
	cr_expect_slice(stamp.delay, "1.5");
	cr_expect_eq(sip_msg_privacy(msg), SIP_PRIVACY_HEADER | SIP_PRIVACY_ID |
						   SIP_PRIVACY_HISTORY | SIP_PRIVACY_CRITICAL);
	sip_msg_unref(msg);
}

Test(headers, addresses_and_warnings)
{
	struct sip_diversion diversion;
	struct sip_history history;
	struct sip_warning warning;
	struct sip_auth auth;
	struct slice value;

	cr_assert_eq(
		sip_diversion_parse(SLICE("<sip:b@h>;reason=user-busy;privacy=off"), &diversion),
		0);
	cr_expect_eq(diversion.counter, 1);
	cr_expect_slice(diversion.reason, "user-busy");
	cr_assert_eq(sip_history_parse(SLICE("<sip:b@h>;index=1.2;mp=1"), &history), 0);
	cr_expect_slice(history.index, "1.2");
	cr_assert_eq(sip_warning_parse(SLICE("301 [2001:db8::1]:5060 \"no\""), &warning), 0);
	cr_expect_eq(warning.code, 301);
	cr_expect_slice(warning.agent, "[2001:db8::1]:5060");
	cr_expect_slice(warning.text, "no");
	cr_assert_eq(sip_auth_parse(SLICE("Digest realm=\"a, b\",stale=TRUE , nonce=x"), &auth), 0);
	cr_expect_slice(auth.scheme, "Digest");
	cr_assert(sip_auth_get(&auth, "Realm", &value));
	cr_expect_slice(value, "a, b");
	cr_assert(sip_auth_get(&auth, "nonce", &value));
	cr_expect_slice(value, "x");
	cr_expect_not(sip_auth_get(&auth, "qop", &value));
}

Test(headers, what_is_acceptable)
{
	static const struct {
		const char *lines;
		bool sdp, text;
	} rows[] = {
		{ "", true, false },
		{ "Accept: \r\n", false, false },
		{ "Accept: text/*\r\n", false, true },
		{ "Accept: */*, text/plain;q=0\r\n", true, false },
		{ "Accept: text/plain;q=0.0\r\nAccept: application/sdp\r\n", true, false },
		{ "Accept: text/nobodyKnowsThis\r\n", false, false },
	};
	char text[512];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sip_msg *msg;

		snprintf(text, sizeof(text), INVITE REQUIRED "%s\r\n", rows[i].lines);
		msg = parse(text);
		cr_expect_eq(sip_accepts(msg, SLICE("application/sdp")), rows[i].sdp, "%s",
			     rows[i].lines);
		cr_expect_eq(sip_accepts(msg, SLICE("text/plain")), rows[i].text, "%s",
			     rows[i].lines);
		sip_msg_unref(msg);
	}
	cr_expect_eq(sip_params_q((struct sip_params){ SLICE("q=0.25") }), 250);
	cr_expect_eq(sip_params_q((struct sip_params){ SLICE("q=1.0") }), 1000);
	cr_expect_eq(sip_params_q((struct sip_params){ SLICE("x") }), 1000);
}

Test(headers, malformed_and_repeated_ones_are_named)
{
	struct sip_msg *msg = parse(INVITE REQUIRED "Subject: x\r\nDate: now\r\n\r\n");

	cr_expect_slice(sip_msg_malformed(msg)->name, "Date");
	sip_msg_unref(msg);
	msg = parse(INVITE REQUIRED "Expires: 1\r\nExpires: 1\r\n\r\n");
	cr_expect_slice(sip_msg_malformed(msg)->name, "Expires");
	sip_msg_unref(msg);
	msg = parse(INVITE REQUIRED "Expires: 1\r\nRoute: <sip:a;lr>\r\nRoute: <sip:b;lr>\r\n\r\n");
	cr_expect_null(sip_msg_malformed(msg));
	sip_msg_unref(msg);
}
