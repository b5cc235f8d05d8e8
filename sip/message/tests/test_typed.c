/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/message/tests/support.h"

Test(uri, all_parts)
{
	struct sip_uri uri;
	struct slice value;

	cr_assert_eq(sip_uri_parse(SLICE("sips:al%20ice:secret@[2001:db8::1]:5062;transport=tcp;lr"
					 "?subject=x%20y&to="),
				   &uri),
		     0);
	cr_expect_eq(uri.scheme, SIP_SCHEME_SIPS);
	cr_expect_slice(uri.user, "al%20ice");
	cr_expect_slice(uri.password, "secret");
	cr_expect_slice(uri.host, "2001:db8::1");
	cr_expect_eq(uri.port, 5062);
	cr_expect_slice(uri.params.text, "transport=tcp;lr");
	cr_expect_slice(uri.headers, "subject=x%20y&to=");
	cr_expect(sip_param_get(uri.params, "TRANSPORT", &value));
	cr_expect_slice(value, "tcp");
	cr_expect(sip_param_get(uri.params, "lr", &value));
	cr_expect_null(value.p);
	cr_expect_not(sip_param_get(uri.params, "maddr", &value));

	cr_assert_eq(sip_uri_parse(SLICE("SIP:example.com"), &uri), 0);
	cr_expect_eq(uri.scheme, SIP_SCHEME_SIP);
	cr_expect_null(uri.user.p);
	cr_expect_eq(uri.port, 0);

	cr_assert_eq(sip_uri_parse(SLICE("tel:+1-201-555-0123;phone-context=example.com"), &uri),
		     0);
	cr_expect_eq(uri.scheme, SIP_SCHEME_TEL);
	cr_expect_slice(uri.user, "+1-201-555-0123");
	cr_expect_slice(uri.params.text, "phone-context=example.com");

	cr_assert_eq(sip_uri_parse(SLICE("urn:service:sos"), &uri), 0);
	cr_expect_eq(uri.scheme, SIP_SCHEME_URN_SERVICE);
	cr_expect_slice(uri.text, "urn:service:sos");
	cr_expect_slice(uri.user, "sos");
}

Test(uri, broken_ones_are_refused)
{
	static const char *const broken[] = {
		"",
		"sip:",
		"sip",
		":x",
		"1sip:x",
		"sip:@h",
		"sip:a@",
		"sip:a b@h",
		"sip:a@h h",
		"sip:a@h:",
		"sip:a@h:0",
		"sip:a@h:65536",
		"sip:a@h:5060x",
		"sip:a@h:-1",
		"sip:a@h;",
		"sip:a@h;;lr",
		"sip:a@h;=x",
		"sip:a@h;a=",
		"sip:a@h;a=b c",
		"sip:a@h;a=\"b\"",
		"sip:a@h?",
		"sip:a@h?x",
		"sip:a@h?=x",
		"sip:a@h?x=y&",
		"sip:a@h@h",
		"sip:%4@h",
		"sip:%zz@h",
		"sip:a%@h",
		"sip:[::1",
		"sip:[]",
		"sip:[::1]x",
		"sip:[g::1]",
		"sip:[1:2]",
		"sip:[1:2:3:4:5:6:7:8:9]",
		"sip:[::1:::2]",
		"sip:[192.0.2.1]",
		"sip:a<b@h",
		"sip:\x80@h",
		"tel:",
		"tel:abcg",
		"tel:+1;",
		"tel:+1 2",
		"http://a b",
		"http:<x>",
		"sip:a@h/x",
		"sip:a@h,b",
		" sip:a@h",
		"sip:a@h ",
	};
	struct sip_uri uri;

	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
		cr_expect_eq(sip_uri_parse(slice_of(broken[i]), &uri), -EBADMSG, "%s", broken[i]);
}

Test(uri, unescape)
{
	char text[8];

	cr_expect_eq(sip_uri_unescape(SLICE("%61l%69ce"), text, sizeof(text)), 0);
	cr_expect_str_eq(text, "alice");
	cr_expect_eq(sip_uri_unescape(SLICE("1234567"), text, sizeof(text)), 0);
	cr_expect_eq(sip_uri_unescape(SLICE("12345678"), text, sizeof(text)), -ENOSPC);
	cr_expect_str_eq(text, "");
	cr_expect_eq(sip_uri_unescape(SLICE("a%4"), text, sizeof(text)), -EBADMSG);
	cr_expect_eq(sip_uri_unescape(SLICE("a%00b"), text, sizeof(text)), -EBADMSG,
		     "a name is never cut off");
	cr_expect_str_eq(text, "");
}

/* RFC 3261 §19.1.4 with its examples. */
Test(uri, comparison)
{
	static const struct {
		const char *a, *b;
		bool equal;
	} rows[] = {
		{ "sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp",
		  true },
		{ "sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true },
		{ "sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5", true },
		{ "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
		  "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com", true },
		{ "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
		  "sip:alice@atlanta.com?priority=urgent&subject=project%20x", true },
		{ "SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP",
		  false },
		{ "sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false },
		{ "sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false },
		{ "sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp", false },
		{ "sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting", false },
		{ "sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4", false },
		{ "sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off",
		  false },
		{ "sip:a@h", "sips:a@h", false },
		{ "sip:a@h", "sip:h", false },
		{ "sip:a:p@h", "sip:a@h", false },
		{ "sip:a%3Bb@h", "sip:a;b@h", false }, /* reserved: an escape is another thing */
		{ "sip:a@h;maddr=1.2.3.4", "sip:a@h", false },
		{ "sip:a@h;lr", "sip:a@h", true },
		{ "sip:a@[2001:db8:0::1]", "sip:a@[2001:DB8::0:1]", true },
		{ "sip:a@[2001:db8::2]", "sip:a@[2001:db8::1]", false },
		{ "sip:a@h;x=1;x=2", "sip:a@h;x=2;x=1", true },
		{ "sip:a@h;x=1;x=2", "sip:a@h;x=1", false },
		{ "urn:service:sos", "URN:service:SOS", true },
		{ "urn:service:sos", "urn:service:sos.fire", false },
		{ "isbn:2983792873", "isbn:2983792873", true },
		/* RFC 3966 §4 */
		{ "tel:+1-201-555-0123", "tel:+12015550123", true },
		{ "tel:+1(201)555.0123", "tel:+1-201-555-0123", true },
		{ "tel:+12015550123", "tel:12015550123;phone-context=+1", false },
		{ "tel:+12015550123", "tel:+12015550124", false },
		{ "tel:+1201555012", "tel:+12015550123", false },
		{ "tel:7042;phone-context=example.com", "tel:70-42;phone-context=EXAMPLE.com",
		  true },
		{ "tel:863-1234;phone-context=+1-914-555", "tel:8631234;phone-context=+1914555",
		  true },
		{ "tel:7042;phone-context=example.com", "tel:7042;phone-context=example.org",
		  false },
		{ "tel:+1;a=1;ext=1-2", "tel:+1;ext=12;a=1", true },
		{ "tel:+1;a=1", "tel:+1", false },
		{ "tel:*A#;phone-context=h", "tel:*a#;phone-context=h", true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sip_uri a, b;

		cr_assert_eq(sip_uri_parse(slice_of(rows[i].a), &a), 0, "%s", rows[i].a);
		cr_assert_eq(sip_uri_parse(slice_of(rows[i].b), &b), 0, "%s", rows[i].b);
		cr_expect_eq(sip_uri_equal(&a, &b), rows[i].equal, "%s %s", rows[i].a, rows[i].b);
		cr_expect_eq(sip_uri_equal(&b, &a), rows[i].equal, "%s %s", rows[i].b, rows[i].a);
		cr_expect(sip_uri_equal(&a, &a));
	}
}

Test(uri, services)
{
	static const struct {
		const char *text;
		enum sip_scheme scheme;
		bool emergency;
	} rows[] = {
		{ "urn:service:sos", SIP_SCHEME_URN_SERVICE, true },
		{ "URN:Service:Sos.fire", SIP_SCHEME_URN_SERVICE, true },
		{ "urn:service:counseling.children", SIP_SCHEME_URN_SERVICE, false },
		{ "urn:service:sosx", SIP_SCHEME_URN_SERVICE, false },
		{ "urn:service:", SIP_SCHEME_OTHER, false },
		{ "urn:service:sos.", SIP_SCHEME_OTHER, false },
		{ "urn:service:sos..x", SIP_SCHEME_OTHER, false },
		{ "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", SIP_SCHEME_OTHER, false },
		{ "sip:sos@h", SIP_SCHEME_SIP, false },
	};
	struct sip_uri uri;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_assert_eq(sip_uri_parse(slice_of(rows[i].text), &uri), 0, "%s", rows[i].text);
		cr_expect_eq(uri.scheme, rows[i].scheme, "%s", rows[i].text);
		cr_expect_eq(sip_uri_is_emergency(&uri), rows[i].emergency, "%s", rows[i].text);
	}
}

Test(addr, forms)
{
	struct sip_addr addr;

	cr_assert_eq(sip_addr_parse(
			     SLICE(" \"A. \\\"G\\\" <Bell>\" <sip:bell@h;lr> ;tag=a48s;x=\"1;2\""),
			     &addr),
		     0);
	cr_expect_slice(addr.display, "A. \\\"G\\\" <Bell>");
	cr_expect_slice(addr.uri.text, "sip:bell@h;lr");
	cr_expect_slice(sip_addr_tag(&addr), "a48s");

	cr_assert_eq(sip_addr_parse(SLICE("sip:bell@h;tag=1"), &addr), 0);
	cr_expect_slice(addr.uri.text, "sip:bell@h");
	cr_expect_null(addr.display.p);
	cr_expect_null(addr.uri.params.text.p, "without brackets parameters are the header's");
	cr_expect_slice(sip_addr_tag(&addr), "1");

	cr_assert_eq(sip_addr_parse(SLICE("Anonymous <sip:c8oqz84zk7z@privacy.org>"), &addr), 0);
	cr_expect_slice(addr.display, "Anonymous");
	cr_expect_null(sip_addr_tag(&addr).p);

	cr_assert_eq(sip_addr_parse(SLICE("J\xc3\xbcrgen (home) <tel:112>"), &addr), 0);
	cr_expect_slice(addr.display, "J\xc3\xbcrgen (home)");

	cr_assert_eq(sip_addr_parse(SLICE("*"), &addr), 0);
	cr_expect(addr.star);
}

Test(addr, broken_ones_are_refused)
{
	static const char *const broken[] = {
		"",
		"<>",
		"<sip:a@h",
		"sip:a@h>",
		"\"a <sip:a@h>",
		"a, b <sip:a@h>",
		"<sip:a@h>x",
		"<sip:a@h>;",
		"<sip:a@h>;;tag=1",
		"<sip:a@h>;tag=",
		"<sip:a@h>;=1",
		"<sip:a@h>;tag=\"1",
		"<sip:a@h>;a b",
		"<sip:a@h>, <sip:b@h>",
		"sip:user@example.com?Route=%3Csip:sip.example.com%3E",
		"sip:a@h,b",
		"\"a\" sip:a@h",
		"* x",
	};
	struct sip_addr addr;

	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
		cr_expect_eq(sip_addr_parse(slice_of(broken[i]), &addr), -EBADMSG, "%s", broken[i]);
}

Test(addr, lists)
{
	struct slice rest = SLICE("<sip:a,b@h;x=1>;q=0.1, \"x, <y>\" <sip:c@h>,sip:d@h;z=\"1,2\"");
	struct sip_addr addr;

	cr_assert_eq(sip_addr_next(&rest, &addr), 0);
	cr_expect_slice(addr.uri.user, "a,b");
	cr_assert_eq(sip_addr_next(&rest, &addr), 0);
	cr_expect_slice(addr.display, "x, <y>");
	cr_assert_eq(sip_addr_next(&rest, &addr), 0);
	cr_expect_slice(addr.uri.text, "sip:d@h");
	cr_expect_eq(sip_addr_next(&rest, &addr), -ENOENT);

	rest = SLICE("<sip:a@h>,,<sip:b@h>,");
	cr_expect_eq(sip_addr_next(&rest, &addr), 0);
	cr_expect_eq(sip_addr_next(&rest, &addr), -EBADMSG);
	cr_expect_eq(sip_addr_next(&rest, &addr), 0);
	cr_expect_eq(sip_addr_next(&rest, &addr), -EBADMSG);
	cr_expect_eq(sip_addr_next(&rest, &addr), -ENOENT, "it ends after an error too");
}

Test(params, are_found_whatever_stands_around_them)
{
	struct sip_params params = { SLICE(" a ; b = c ;;d=\"x;e=y\" ; E=[::1]; f=\"open;g=1") };
	struct slice name, value;

	cr_expect(sip_param_get(params, "a", &value));
	cr_expect_null(value.p);
	cr_expect(sip_param_get(params, "B", &value));
	cr_expect_slice(value, "c");
	cr_expect(sip_param_get(params, "d", &value));
	cr_expect_slice(value, "x;e=y");
	cr_expect(sip_param_get(params, "e", &value));
	cr_expect_slice(value, "[::1]");
	cr_expect_not(sip_param_get(params, "x", &value));
	for (unsigned i = 0; sip_param_next(&params, &name, &value); i++)
		cr_assert_leq(i, 6);
	cr_expect_null(params.text.p);
}

Test(via, all_parts)
{
	struct slice rest =
		SLICE("SIP/2.0/TLS [2001:db8::1]:5062;branch=z9hG4bK1;RPORT=99;received=10.0.0.1"
		      ", SIP / 2.0 / UDP first.example.com : 4000 ;ttl=16;rport");
	struct sip_via via;

	cr_assert_eq(sip_via_next(&rest, &via), 0);
	cr_expect_slice(
		via.text,
		"SIP/2.0/TLS [2001:db8::1]:5062;branch=z9hG4bK1;RPORT=99;received=10.0.0.1");
	cr_expect_slice(via.transport, "TLS");
	cr_expect_slice(via.host, "2001:db8::1");
	cr_expect_eq(via.port, 5062);
	cr_expect_slice(via.branch, "z9hG4bK1");
	cr_expect_slice(via.received, "10.0.0.1");
	cr_expect(via.rport);
	cr_expect_eq(via.rport_port, 99);
	cr_assert_eq(sip_via_next(&rest, &via), 0);
	cr_expect_slice(via.host, "first.example.com");
	cr_expect_eq(via.port, 4000);
	cr_expect(via.rport);
	cr_expect_eq(via.rport_port, 0);
	cr_expect_null(via.branch.p);
	cr_expect_eq(sip_via_next(&rest, &via), -ENOENT);
}

Test(via, broken_ones_are_refused)
{
	static const char *const broken[] = {
		"",
		"SIP/2.0/UDP",
		"SIP/2.0 h",
		"SIP/2.0/UDP ;branch=1",
		"SIP/2.0/UDP h:",
		"SIP/2.0/UDP h:0",
		"SIP/2.0/UDP h:99999",
		"SIP/2.0/UDP h h",
		"SIP/2.0/UDP [::1",
		"SIP/2.0/UDP[::1]",
		"/2.0/UDP h",
		"SIP//UDP h",
	};
	struct sip_via via;

	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		struct slice rest = slice_of(broken[i]);

		cr_expect_eq(sip_via_next(&rest, &via), -EBADMSG, "%s", broken[i]);
	}
}

Test(typed, numbers)
{
	struct sip_msg *msg =
		parse(INVITE REQUIRED "Expires: 3600\r\nSession-Expires: 1800 ;refresher=uac\r\n"
				      "Retry-After: 120 (meeting);duration=1\r\n"
				      "Min-SE: 90x\r\nMin-Expires: 4294967296\r\nRSeq:\r\n\r\n");
	uint32_t value;

	cr_expect_eq(sip_msg_number(msg, SIP_H_EXPIRES, &value), 0);
	cr_expect_eq(value, 3600);
	cr_expect_eq(sip_msg_number(msg, SIP_H_SESSION_EXPIRES, &value), 0);
	cr_expect_eq(value, 1800);
	cr_expect_eq(sip_msg_number(msg, SIP_H_RETRY_AFTER, &value), 0);
	cr_expect_eq(value, 120);
	cr_expect_eq(sip_msg_number(msg, SIP_H_MIN_SE, &value), -EBADMSG);
	cr_expect_eq(sip_msg_number(msg, SIP_H_MIN_EXPIRES, &value), -EBADMSG);
	cr_expect_eq(sip_msg_number(msg, SIP_H_RSEQ, &value), -EBADMSG);
	cr_expect_eq(sip_msg_number(msg, SIP_H_MAX_FORWARDS, &value), -ENOENT);
	sip_msg_unref(msg);
}

Test(typed, tokens_in_all_fields_of_a_header)
{
	struct sip_msg *msg =
		parse(INVITE REQUIRED "Supported: timer, 100rel\r\nk:replaces\r\nAllow:\r\n"
				      "Accept: application/sdp;level=1, text/plain\r\n\r\n");

	cr_expect(sip_msg_has_token(msg, SIP_H_SUPPORTED, SLICE("100REL")));
	cr_expect(sip_msg_has_token(msg, SIP_H_SUPPORTED, SLICE("replaces")));
	cr_expect_not(sip_msg_has_token(msg, SIP_H_SUPPORTED, SLICE("time")));
	cr_expect_not(sip_msg_has_token(msg, SIP_H_ALLOW, SLICE("INVITE")));
	cr_expect_not(sip_msg_has_token(msg, SIP_H_REQUIRE, SLICE("timer")));
	cr_expect(sip_msg_has_token(msg, SIP_H_ACCEPT, SLICE("application/sdp")));
	sip_msg_unref(msg);
}

Test(typed, values_over_fields_and_commas)
{
	struct sip_msg *msg =
		parse(INVITE REQUIRED "Record-Route: <sip:a;lr>,<sip:b,c;lr>\r\nk: x\r\n"
				      "Record-Route: ,\r\nRecord-Route: <sip:d;lr> , \r\n\r\n");
	static const char *const expected[] = { "<sip:a;lr>", "<sip:b,c;lr>", "<sip:d;lr>" };
	struct sip_cursor cursor = { 0 };
	struct slice value;

	for (unsigned i = 0; i < 3; i++) {
		cr_assert(sip_msg_each(msg, SIP_H_RECORD_ROUTE, &cursor, &value));
		cr_expect_slice(value, expected[i]);
	}
	cr_expect_not(sip_msg_each(msg, SIP_H_RECORD_ROUTE, &cursor, &value));
	cr_expect_null(value.p);
	cursor = (struct sip_cursor){ 0 };
	cr_expect_not(sip_msg_each(msg, SIP_H_ROUTE, &cursor, &value));
	sip_msg_unref(msg);
}

Test(typed, content_type)
{
	struct sip_msg *msg = parse(INVITE REQUIRED "c: Application / SDP ;charset=utf-8\r\n\r\n");

	cr_expect(sip_content_type_is(msg, SLICE("application/sdp")));
	cr_expect_not(sip_content_type_is(msg, SLICE("application/sdpx")));
	cr_expect_not(sip_content_type_is(msg, SLICE("text/sdp")));
	sip_msg_unref(msg);
	msg = parse(INVITE REQUIRED "\r\n");
	cr_expect_not(sip_content_type_is(msg, SLICE("application/sdp")));
	sip_msg_unref(msg);
}

Test(typed, contact)
{
	struct sip_msg *msg = parse(INVITE REQUIRED "m: <sip:a@h;ob>, <sip:b@h>\r\n\r\n");
	struct sip_addr addr;

	cr_expect_eq(sip_msg_contact(msg, &addr), 0);
	cr_expect_slice(addr.uri.user, "a");
	sip_msg_unref(msg);
	msg = parse(INVITE REQUIRED "\r\n");
	cr_expect_eq(sip_msg_contact(msg, &addr), -ENOENT);
	sip_msg_unref(msg);
}
