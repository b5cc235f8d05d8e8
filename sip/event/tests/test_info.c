/* SPDX-License-Identifier: BSD-3-Clause */
/* INFO with packages and MESSAGE. */
#include "sip/event/info.h"

#include <errno.h>

#include "sip/event/tests/world.h"

#define alice (&world->alice)
#define bob   (&world->bob)

static struct sip_msg *info_with(const char *lines, const char *body)
{
	struct sip_parse_error error;
	struct sip_msg *msg;
	char text[2048];
	int n = snprintf(text, sizeof(text),
			 "INFO sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
			 "From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=2\r\nCall-ID: 1\r\n"
			 "CSeq: 2 INFO\r\n%s\r\n%s",
			 lines, body);

	cr_assert_eq(sip_msg_parse(text, (size_t)n, NULL, &msg, &error), 0, "%s", error.what);
	return msg;
}

Test(info, packages_are_told_and_others_are_469)
{
	static const struct {
		const char *lines;
		unsigned status;
		const char *package;
	} rows[] = {
		{ "Info-Package: dtmf;x=1\r\nContent-Type: text/plain\r\n", 0, "dtmf" },
		{ "Info-Package: conference\r\n", 0, "conference" },
		{ "Info-Package: other\r\n", 469, "" },
		{ "Info-Package: dtm\r\n", 469, "" },
		{ "Info-Package: dtmf\r\nInfo-Package: dtmf\r\n", 400, "" },
		{ "Info-Package: ;\r\n", 400, "" },
		{ "", 0, "" }, /* RFC 2976 */
		{ "Content-Type: multipart/mixed;boundary=b\r\n", 400, "" },
	};
	struct sip_info info;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sip_msg *msg = info_with(rows[i].lines, "body");

		cr_expect_eq(sip_info_read(msg, "conference, dtmf", &info), rows[i].status, "%s",
			     rows[i].lines);
		cr_expect(slice_equal(info.package, slice_of(rows[i].package)), "%s",
			  rows[i].lines);
		sip_msg_unref(msg);
	}
}

Test(info, its_part_is_found_among_others)
{
	struct sip_msg *msg =
		info_with("Info-Package: dtmf\r\n"
			  "Content-Type: multipart/mixed;boundary=b\r\n",
			  "--b\r\nContent-Type: text/html\r\n\r\nno\r\n--b\r\n"
			  "Content-Disposition: Info-Package\r\n\r\nyes\r\n--b--\r\n");
	struct sip_info info;

	cr_assert_eq(sip_info_read(msg, "dtmf", &info), 0);
	cr_expect(slice_equal(info.body.body, SLICE("yes")));
	sip_msg_unref(msg);
}

Test(info, who_takes_what)
{
	struct sip_msg *msg = info_with("Recv-Info: a, dtmf;x\r\nRecv-Info: b\r\n", "");
	char line[32];

	cr_expect(sip_info_taken(msg, SLICE("dtmf")));
	cr_expect(sip_info_taken(msg, SLICE("b")));
	cr_expect_not(sip_info_taken(msg, SLICE("c")));
	cr_expect_eq(sip_info_recv("a, b", line, sizeof(line)), 0);
	cr_expect_str_eq(line, "Recv-Info: a, b\r\n");
	cr_expect_eq(sip_info_recv("a-name-that-is-too-long", line, sizeof(line)), -ENOSPC);
	sip_msg_unref(msg);
}

Test(info, goes_out_in_a_dialog, .init = world_open, .fini = world_close)
{
	connect_call();
	cr_assert_eq(sip_info_send(dialog_of(alice), SLICE("dtmf"), SLICE("text/plain"), SLICE("5"),
				   NULL, NULL, NULL),
		     0);
	world_run(10);
	cr_expect(packet_has(sent_nth(alice, "INFO ", 0), "Info-Package: dtmf\r\n"));
	cr_expect(packet_has(sent_nth(alice, "INFO ", 0), "Content-Length: 1\r\n\r\n5"));
}

Test(info, messages_stand_alone_and_are_short, .init = world_open, .fini = world_close)
{
	static const char text[1400];
	const struct sip_origin_start to = { .to = network_path(bob->node),
					     .request_uri = SLICE("sip:bob@192.0.2.2"),
					     .from = SLICE("<sip:alice@tandem.lab>"),
					     .to_header = SLICE("<sip:bob@tandem.lab>") };

	cr_assert_eq(sip_message_send(alice->ua, &to, SLICE("text/plain"), SLICE("hello"), NULL,
				      NULL, NULL),
		     0);
	world_run(10);
	cr_expect_not(packet_has(sent_nth(alice, "MESSAGE ", 0), "Contact:"));
	cr_expect(packet_has(sent_nth(alice, "MESSAGE ", 0), "\r\n\r\nhello"));
	cr_expect_eq(sip_message_send(alice->ua, &to, SLICE("text/plain"),
				      (struct slice){ text, sizeof(text) }, NULL, NULL, NULL),
		     -EMSGSIZE);
}
