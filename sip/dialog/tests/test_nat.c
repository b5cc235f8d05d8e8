/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include <criterion/criterion.h>

#include "sip/dialog/internal.h"

/* Where requests go for a REGISTER that came from source:port with this Via and Contact. */
static const char *way_to(const char *source, uint16_t port, const char *via, const char *contact)
{
	static char text[SIP_ADDRESS_TEXT + 8];
	char raw[512], ip[SIP_ADDRESS_TEXT];
	struct sip_path from = { .kind = SIP_UDP }, path;
	struct sip_parse_error error;
	struct sip_addr addr;
	struct sip_msg *msg;

	snprintf(raw, sizeof(raw),
		 "REGISTER sip:h SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK1\r\n"
		 "From: <sip:a@h>;tag=1\r\nTo: <sip:a@h>\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\n"
		 "Contact: <%s>\r\n\r\n",
		 via, contact);
	cr_assert_eq(sip_msg_parse(raw, strlen(raw), NULL, &msg, &error), 0);
	cr_assert_eq(sip_address_parse(slice_of(source), port, &from.remote), 0);
	cr_assert_eq(sip_msg_contact(msg, &addr), 0);
	sip_contact_path(msg, &from, &addr.uri, &path);
	snprintf(text, sizeof(text), "%s:%u", sip_address_ip(&path.remote, ip), path.remote.port);
	sip_msg_unref(msg);
	return text;
}

Test(nat, a_contact_is_believed_of_who_knows_its_address)
{
	cr_expect_str_eq(way_to("198.18.0.1", 5060, "198.18.0.1;rport", "sip:a@198.18.0.1:7000"),
			 "198.18.0.1:7000");
	cr_expect_str_eq(way_to("198.18.0.1", 5060, "198.18.0.1;rport", "sip:a@198.18.0.2"),
			 "198.18.0.2:5060");
}

Test(nat, behind_a_nat_the_source_is_the_way)
{
	cr_expect_str_eq(way_to("198.18.0.1", 4444, "10.0.0.1;rport", "sip:a@198.18.0.9"),
			 "198.18.0.1:4444");
	cr_expect_str_eq(way_to("198.18.0.1", 4444, "198.18.0.1;rport", "sip:a@198.18.0.1"),
			 "198.18.0.1:4444", "the port was translated");
	cr_expect_str_eq(way_to("198.18.0.1", 5060, "198.18.0.1;rport", "sip:a@192.168.1.1"),
			 "198.18.0.1:5060", "a private Contact");
	cr_expect_str_eq(way_to("10.1.1.1", 5060, "10.1.1.1;rport", "sip:a@10.1.1.2"),
			 "10.1.1.2:5060", "both are private");
}

/* Where a connection from 198.18.0.1:40000 leads to: "ip:port", with what else is known of it. */
static const char *way_by_tcp(const char *via, const char *contact)
{
	static char text[SIP_ADDRESS_TEXT + 32];
	struct sip_path from = { .kind = SIP_TCP, .flow = { .index = 7 } }, path;
	char raw[512], address[SIP_ADDRESS_TEXT];
	struct sip_parse_error error;
	struct sip_addr addr;
	struct sip_msg *msg;

	snprintf(raw, sizeof(raw),
		 "REGISTER sip:h SIP/2.0\r\nVia: SIP/2.0/TCP %s;branch=z9hG4bK1\r\n"
		 "From: <sip:a@h>;tag=1\r\nTo: <sip:a@h>\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\n"
		 "Contact: <%s>\r\n\r\n",
		 via, contact);
	cr_assert_eq(sip_msg_parse(raw, strlen(raw), NULL, &msg, &error), 0);
	cr_assert_eq(sip_address_parse(SLICE("198.18.0.1"), 40000, &from.remote), 0);
	cr_assert_eq(sip_msg_contact(msg, &addr), 0);
	sip_contact_path(msg, &from, &addr.uri, &path);
	snprintf(text, sizeof(text), "%s%s%s", sip_address_text(&path.remote, address),
		 path.flow.index == 7 ? " by it" : "",
		 (path.flags & SIP_PATH_FLOW_ONLY) != 0 ? " alone" : "");
	sip_msg_unref(msg);
	return text;
}

Test(nat, a_connection_is_kept_and_opened_again_where_the_contact_says)
{
	cr_expect_str_eq(way_by_tcp("198.18.0.1", "sip:a@198.18.0.1;transport=tcp"),
			 "198.18.0.1:5060 by it");
	cr_expect_str_eq(way_by_tcp("198.18.0.1", "sip:a@198.18.0.2:7000;transport=TCP"),
			 "198.18.0.2:7000", "another host");
	cr_expect_str_eq(way_by_tcp("198.18.0.1", "sip:a@198.18.0.1"), "198.18.0.1:40000 by it",
			 "a Contact for another transport");
	cr_expect_str_eq(way_by_tcp("10.0.0.1", "sip:a@10.0.0.1;transport=tcp"),
			 "198.18.0.1:40000 by it alone", "behind a NAT");
	cr_expect_str_eq(way_by_tcp("phone.invalid", "sip:a@phone.invalid;transport=tcp"),
			 "198.18.0.1:40000 by it alone", "a browser");
}

Test(nat, what_is_no_address_of_ours_goes_to_the_source)
{
	cr_expect_str_eq(way_to("198.18.0.1", 5070, "198.18.0.1:5070;rport", "sip:a@phone.lab"),
			 "198.18.0.1:5070");
	cr_expect_str_eq(way_to("198.18.0.1", 5070, "198.18.0.1:5070;rport", "sip:a@[2001:2::1]"),
			 "198.18.0.1:5070");
	cr_expect_str_eq(way_to("198.18.0.1", 5070, "198.18.0.1:5070;rport",
				"sip:a@198.18.0.2;transport=tcp"),
			 "198.18.0.1:5070");
}

/* In a dialog: when the connection is gone, what has its port by then is somebody else's. */
Test(nat, in_a_dialog_who_is_behind_a_nat_is_reached_over_its_connection_alone)
{
	char target[] = "sip:a@198.18.0.1:7000;transport=tcp";
	struct remote remote = { .target = target, .path = { .kind = SIP_TCP } };
	struct sip_path path;

	cr_assert_eq(sip_address_parse(SLICE("198.18.0.1"), 40000, &remote.path.remote), 0);
	remote_next_hop(&remote, &path);
	cr_expect_eq(path.remote.port, 7000);
	cr_expect_eq(path.flags, 0);
	remote.natted = true;
	remote_next_hop(&remote, &path);
	cr_expect_eq(path.remote.port, 40000);
	cr_expect_eq(path.flags, SIP_PATH_FLOW_ONLY);
	remote.path.kind = SIP_UDP;
	remote_next_hop(&remote, &path);
	cr_expect_eq(path.flags, 0, "there is no connection to be another's");
}
