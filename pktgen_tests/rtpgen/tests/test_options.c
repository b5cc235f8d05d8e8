/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include <criterion/criterion.h>

#include "pktgen_tests/rtpgen/calls.h"
#include "pktgen_tests/rtpgen/options.h"
#include "pktgen_tests/rtpgen/search.h"

static struct options o;
static char why[256];

static enum options_result parse(const char *line)
{
	static char copy[512];
	char *argv[64] = { "rtpgen" }, *rest = copy, *word;
	int argc = 1;

	snprintf(copy, sizeof(copy), "%s", line);
	while ((word = strsep(&rest, " ")) != NULL)
		argv[argc++] = word;
	argv[argc] = NULL;
	return options_parse(argc, argv, &o, why, sizeof(why));
}

Test(options, a_refusal_says_what_is_wanted)
{
	parse("--port veth0 --streams 300000");
	cr_expect_str_eq(why, "--streams wants a whole number from 1 to 200000, not 300000");
	parse("--port veth0 --streams 2.5");
	cr_expect_str_eq(why, "--streams wants a whole number from 1 to 200000, not 2.5");
	parse("--port veth0 --ptime 0");
	cr_expect_str_eq(why, "--ptime wants a number from 0.1 to 10000, not 0");
	parse("--port veth0 --pt 72");
	cr_expect_str_eq(why, "--pt wants 0 to 63 or 96 to 127, not 72");
	parse("--port veth0 --source-rule maybe");
	cr_expect_str_eq(why, "--source-rule wants strict or learn, not maybe");
	parse("--port veth0 --dataplane /run/a --calls file");
	cr_expect_str_eq(why, "--calls wants only one of --dataplane, --target, --calls, not file");
	parse("--port veth0 --gateway-mac nobody");
	cr_expect_str_eq(why, "--gateway-mac wants MAC, not nobody");
}

Test(options, a_whole_line_is_understood)
{
	cr_assert_eq(parse("--port net_memif0,role=client,id=0 --cores 0,1,3 --streams 200000 "
			   "--dataplane /run/tandem --realm-b 1 --source-rule learn --rate 8e6 "
			   "--payload 20 --pt 18"),
		     OPTIONS_WRONG, "a payload of 20 has no room for the mark");
	cr_assert_eq(parse("--port net_memif0,role=client,id=0 --cores 0,1,3 --streams 200000 "
			   "--dataplane /run/tandem --realm-b 1 --source-rule learn --rate 8e6 "
			   "--payload 60 --pt 18 --random-order --impair loss=1%,seed=2"),
		     OPTIONS_RUN, "%s", why);
	cr_assert_str_eq(o.port, "net_memif0,role=client,id=0");
	cr_assert(o.cores == 3 && o.core[1] == 1 && o.core[2] == 3);
	cr_assert(o.source == SOURCE_DATAPLANE && o.realm_a == DP_REALM_ANY && o.realm_b == 1);
	cr_assert_eq(o.source_rule, DP_SOURCE_LEARN);
	cr_assert_eq(o.rate, 8e6);
	cr_assert(o.payload == 60 && o.payload_type == 18 && o.random_order && o.plan.active);
	cr_assert(o.addresses == 1 && o.address[1].count == 126);
}

Test(options, a_target_has_a_range_of_ports)
{
	cr_assert_eq(parse("--port veth0 --target 198.18.0.20:16384-32767 --streams 3 --rate max "
			   "--gateway-mac 02:00:00:00:0a:ff"),
		     OPTIONS_RUN, "%s", why);
	cr_assert(o.target.port == 16384 && o.target_port_last == 32767 && o.rate_max);
	cr_assert(o.gateway_known && o.gateway_mac[5] == 0xff);
	cr_assert_eq(parse("--port veth0 --target [2001:2::20]:4000-4000"), OPTIONS_RUN, "%s", why);
	cr_assert_eq(o.target.family, DP_FAMILY_IPV6);
}

Test(options, what_is_wrong_is_named)
{
	static const char *const bad[] = {
		"",
		"--dataplane /run/tandem",
		"--port x",
		"--port x --dataplane r --target 1.2.3.4:5-6",
		"--port x --dataplane r --streams 3",
		"--port x --dataplane r --streams 200002",
		"--port x --dataplane r --streams 0",
		"--port x --dataplane r --cores 1",
		"--port x --dataplane r --cores 1,2,3,4",
		"--port x --dataplane r --hugepages maybe",
		"--port x --dataplane r --rate fast",
		"--port x --dataplane r --pt 72",
		"--port x --dataplane r --address 1.2.3",
		"--port x --dataplane r --gateway-mac 1:2:3",
		"--port x --dataplane r --impair loss=2",
		"--port x --dataplane r --search --impair loss=1%",
		"--port x --dataplane r --search --rate 5",
		"--port x --dataplane r --latency-points",
		"--port x --dataplane r --frobnicate",
		"--port x --dataplane r --streams",
		"--port x --dataplane r more",
		"--port x --target 1.2.3.4:6-5",
		"--port x --target 1.2.3.4:6",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cr_expect_eq(parse(bad[i]), OPTIONS_WRONG, "%s", bad[i]);
		cr_expect_neq(why[0], '\0', "%s", bad[i]);
	}
	cr_assert_eq(parse("--help"), OPTIONS_HELP);
	cr_assert_not_null(strstr(options_help(), "--latency-points"));
}

Test(address_range, phones_take_turns_and_then_ports)
{
	struct address_range r;
	struct dp_address a;
	char text[DP_ADDRESS_TEXT];

	cr_assert_eq(address_range_parse("198.18.0.130/25", &r), 0);
	cr_assert_eq(r.count, 126);
	cr_assert(address_range_at(&r, 0, &a));
	cr_assert_str_eq(dp_address_format(&a, text), "198.18.0.129:10000");
	cr_assert(address_range_at(&r, 127, &a));
	cr_assert_str_eq(dp_address_format(&a, text), "198.18.0.130:10002");
	cr_assert(address_range_at(&r, address_range_capacity(&r) - 1, &a));
	cr_assert_str_eq(dp_address_format(&a, text), "198.18.0.254:65534");
	cr_assert_not(address_range_at(&r, address_range_capacity(&r), &a));
}

Test(address_range, it_knows_its_own)
{
	struct address_range r;

	cr_assert_eq(address_range_parse("2001:2::1000/116", &r), 0);
	cr_assert_eq(r.count, 4094);
	cr_assert(address_range_has(&r, DP_FAMILY_IPV6,
				    (uint8_t[16]){ 0x20, 1, 0, 2, [14] = 0x1f, [15] = 0xfe }));
	cr_assert_not(address_range_has(&r, DP_FAMILY_IPV6,
					(uint8_t[16]){ 0x20, 1, 0, 2, [14] = 0x20, [15] = 1 }));
	cr_assert_not(address_range_has(&r, DP_FAMILY_IPV6,
					(uint8_t[16]){ 0x20, 1, 0, 3, [14] = 0x10, [15] = 1 }));
	cr_assert_not(address_range_has(&r, DP_FAMILY_IPV4, (uint8_t[4]){ 0x20, 1, 0, 2 }));
	cr_assert_eq(address_range_parse("192.0.2.7", &r), 0);
	cr_assert_eq(r.count, 1);
	cr_assert(address_range_has(&r, DP_FAMILY_IPV4, (uint8_t[4]){ 192, 0, 2, 7 }));
	cr_assert_eq(address_range_parse("192.0.2.7/33", &r), -EINVAL);
	cr_assert_eq(address_range_parse("192.0.2.7/", &r), -EINVAL);
}

Test(calls, a_line_names_four_addresses)
{
	struct call_line call;
	char text[DP_ADDRESS_TEXT];

	cr_assert_eq(calls_parse_line("198.18.0.20:16384 198.18.0.130:4000 [2001:2::20]:16386 "
				      "[2001:2::1001]:4002\n",
				      &call),
		     0);
	cr_assert_str_eq(dp_address_format(&call.a.phone, text), "198.18.0.130:4000");
	cr_assert_str_eq(dp_address_format(&call.b.local, text), "[2001:2::20]:16386");
	cr_assert_eq(calls_parse_line("1.2.3.4:5 1.2.3.4:6 1.2.3.4:7", &call), -EINVAL);
	cr_assert_eq(calls_parse_line("1.2.3.4:5 1.2.3.4:6 1.2.3.4:7 1.2.3.4:8 x", &call), -EINVAL);
	cr_assert_eq(calls_parse_line("1.2.3.4:5 [::1]:6 1.2.3.4:7 1.2.3.4:8", &call), -EINVAL);
	cr_assert_eq(calls_parse_line("1.2.3.4:5 1.2.3.4:0 1.2.3.4:7 1.2.3.4:8", &call), -EINVAL);
}

/* A device that loses packets above its rate is found to the resolution. */
Test(search, bisection_finds_the_edge)
{
	for (double edge = 3; edge < 1000; edge += 37) {
		struct search_state s;
		double rate;
		int trials = 0;

		search_begin(&s, 1000, 1);
		while ((rate = search_next(&s)) > 0) {
			search_note(&s, rate, rate <= edge);
			cr_assert_lt(++trials, 10);
		}
		cr_assert(s.low <= edge && edge - s.low <= 10, "%f is found as %f", edge, s.low);
	}
}

Test(search, less_sent_than_offered_is_no_pass)
{
	struct search_trial t = { .rate_pps = 1000, .tx_pps = 995, .sent = 1000 };

	cr_assert(search_passed(&t, 0));
	t.tx_pps = 980;
	cr_assert_not(search_passed(&t, 0));
	t.rate_pps = 0;
	cr_assert(search_passed(&t, 0), "unpaced, nothing was offered");
	t.lost = 5;
	cr_assert_not(search_passed(&t, 0));
	cr_assert(search_passed(&t, 0.5));
	t.sent = t.lost = 0;
	cr_assert_not(search_passed(&t, 0));
}
