/* SPDX-License-Identifier: BSD-3-Clause */
/* URIs to targets: the rules of RFC 3263 and RFC 2782, what is remembered, what is avoided. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "sip/resolve/internal.h"
#include "sip/resolve/tests/zone.h"

static const char zone_text[] = "naptr.test 60 NAPTR 20 0 SIP+D2U _sip._udp.naptr.test\n"
				"naptr.test 60 NAPTR 10 0 SIP+D2T _sip._tcp.naptr.test\n"
				"naptr.test 60 NAPTR 10 5 SIPS+D2T _sips._tcp.naptr.test\n"
				"_sip._udp.naptr.test 60 SRV 1 0 5070 a.test\n"
				"_sip._tcp.naptr.test 60 SRV 1 0 5071 a.test\n"
				"_sips._tcp.naptr.test 60 SRV 1 0 5072 a.test\n"
				"_sip._udp.srv.test 60 SRV 20 0 5062 c.test\n"
				"_sip._udp.srv.test 60 SRV 10 0 5061 b.test\n"
				"_sip._udp.srv.test 60 SRV 10 0 5060 a.test\n"
				"_sip._tcp.srv.test 60 SRV 10 0 5063 a.test\n"
				"_sip._udp.none.test 60 SRV 0 0 0 .\n"
				"none.test 60 A 192.0.2.9\n"
				"a.test 60 A 192.0.2.1\n"
				"b.test 60 A 192.0.2.2\n"
				"b.test 60 AAAA 2001:db8::2\n"
				"c.test 60 A 192.0.2.3\n"
				"short.test 1 A 192.0.2.4\n"
				"fleeting.test 0 A 192.0.2.5\n";

static struct zone zone;
static struct timer_wheel *wheel;
static struct sip_resolver *resolver;
static struct sip_targets targets;
static unsigned told;
static int told_error;
static struct sip_query *query;

#define BIT(kind) (1u << (kind))
static const struct sip_reach udp4 = { BIT(SIP_UDP), 0 };

static void start(unsigned cache_max)
{
	struct sip_resolver_config config = { .cache_max = cache_max };

	zone_init(&zone, zone_text);
	wheel = timer_wheel_create(1000);
	config.wheel = wheel;
	config.dns = &zone.dns;
	cr_assert_eq(sip_resolver_create(&config, &resolver), 0);
	told = 0;
}

static void set_up(void)
{
	start(0);
}

static void tear_down(void)
{
	sip_resolver_destroy(resolver);
	timer_wheel_destroy(wheel);
}

TestSuite(resolve, .init = set_up, .fini = tear_down);

static void on_resolved(void *arg, int error, const struct sip_targets *result)
{
	(void)arg;
	told++;
	told_error = error;
	if (error == 0)
		targets = *result;
}

static int resolve(const char *text, struct sip_reach reach)
{
	struct sip_uri uri;

	cr_assert_eq(sip_uri_parse(slice_of(text), &uri), 0);
	return sip_resolve(resolver, &uri, reach, &targets, on_resolved, NULL, &query);
}

/* "udp 192.0.2.1:5060, tcp …" */
static const char *list(void)
{
	static char text[512];
	char address[SIP_ADDRESS_TEXT];
	size_t n = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < targets.count; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s %s", i > 0 ? ", " : "",
				      sip_transport_name(targets.list[i].kind),
				      sip_address_text(&targets.list[i].address, address));
	return text;
}

static void wait_s(unsigned s)
{
	timer_wheel_advance(wheel, timer_wheel_now(wheel) + s * 1000);
}

struct rule {
	const char *uri;
	struct sip_reach reach;
	int error;
	const char *targets;
};

#define ALL                \
	{                  \
		0x1f, 0x1f \
	}
#define V4(kinds)        \
	{                \
		kinds, 0 \
	}

static const struct rule rules[] = {
	/* an address needs no question */
	{ "sip:192.0.2.7", ALL, 0, "udp 192.0.2.7:5060" },
	{ "sip:192.0.2.7:5080;transport=tcp", ALL, 0, "tcp 192.0.2.7:5080" },
	{ "sip:[2001:db8::7]", ALL, 0, "udp [2001:db8::7]:5060" },
	{ "sips:192.0.2.7", ALL, 0, "tls 192.0.2.7:5061" },
	{ "sips:192.0.2.7;transport=tcp", ALL, 0, "tls 192.0.2.7:5061" },
	{ "sip:192.0.2.7;transport=tls", ALL, 0, "tls 192.0.2.7:5061" },
	{ "sip:192.0.2.7;transport=ws", ALL, 0, "ws 192.0.2.7:80" },
	{ "sips:192.0.2.7;transport=ws", ALL, 0, "wss 192.0.2.7:443" },
	{ "sip:bob@example.test;maddr=192.0.2.8", ALL, 0, "udp 192.0.2.8:5060" },
	/* what cannot be */
	{ "sips:192.0.2.7;transport=udp", ALL, -EPROTONOSUPPORT, NULL },
	{ "sip:192.0.2.7;transport=sctp", ALL, -EPROTONOSUPPORT, NULL },
	{ "sip:192.0.2.7;transport=tcp", V4(BIT(SIP_UDP)), -EPROTONOSUPPORT, NULL },
	{ "sip:[2001:db8::7]", V4(0x1f), -EPROTONOSUPPORT, NULL },
	{ "sips:naptr.test", V4(BIT(SIP_UDP)), -EPROTONOSUPPORT, NULL },
	{ "tel:+123", ALL, -EINVAL, NULL },
	{ "sip:nobody.test", ALL, -ENOENT, NULL },
	{ "sip:df7jal23ls0d.invalid", ALL, -ENOENT, NULL },
	{ "sip:none.test", ALL, -ENOENT, NULL }, /* "." says so, though it has an address */
	/* a port: no NAPTR, no SRV */
	{ "sip:a.test:5099", ALL, 0, "udp 192.0.2.1:5099" },
	{ "sip:srv.test:5099", ALL, -ENOENT, NULL },
	{ "sip:b.test:5099;transport=tcp", ALL, 0, "tcp 192.0.2.2:5099, tcp [2001:db8::2]:5099" },
	/* a transport: its SRV, else its port */
	{ "sip:srv.test;transport=tcp", ALL, 0, "tcp 192.0.2.1:5063" },
	{ "sip:a.test;transport=tcp", ALL, 0, "tcp 192.0.2.1:5060" },
	{ "sip:a.test;transport=tls", ALL, 0, "tls 192.0.2.1:5061" },
	/* a name alone: NAPTR says the order of transports */
	{ "sip:naptr.test", ALL, 0, "tcp 192.0.2.1:5071, tls 192.0.2.1:5072, udp 192.0.2.1:5070" },
	{ "sip:naptr.test", V4(BIT(SIP_UDP)), 0, "udp 192.0.2.1:5070" },
	{ "sips:naptr.test", ALL, 0, "tls 192.0.2.1:5072" },
	/* neither: the address */
	{ "sip:a.test", ALL, 0, "udp 192.0.2.1:5060" },
	{ "sips:a.test", ALL, 0, "tls 192.0.2.1:5061" },
	{ "sip:A.Test", ALL, 0, "udp 192.0.2.1:5060" },
};

Test(resolve, rules_of_rfc_3263)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		int rc = resolve(rules[i].uri, rules[i].reach);

		cr_expect_eq(rc, rules[i].error, "%s: %d", rules[i].uri, rc);
		if (rc == 0 && rules[i].targets != NULL)
			cr_expect_str_eq(list(), rules[i].targets, "%s: %s", rules[i].uri, list());
	}
}

Test(resolve, srv_of_each_transport_by_priority)
{
	unsigned first[2] = { 0, 0 };

	for (unsigned i = 0; i < 200; i++) {
		cr_assert_eq(resolve("sip:srv.test", udp4), 0);
		cr_assert_eq(targets.count, 3);
		cr_assert_eq(targets.list[2].address.port, 5062, "the higher number comes last");
		cr_assert(targets.by_name);
		cr_assert_str_eq(targets.domain, "srv.test");
		first[targets.list[0].address.port - 5060]++;
	}
	cr_expect_gt(first[0], 50, "equal weights are equally likely");
	cr_expect_gt(first[1], 50);
	cr_assert_eq(resolve("sip:srv.test", (struct sip_reach){ 0x3, 0 }), 0);
	cr_expect_eq(targets.count, 4);
	cr_expect_eq(targets.list[3].kind, SIP_TCP);
}

static uint32_t draw, draw_max;

static uint32_t fixed(uint32_t n)
{
	draw_max = n;
	return draw < n ? draw : n - 1;
}

/* RFC 2782: of weights 0, 10, 20, 70 a draw of 0 to 100. */
Test(resolve, weights_are_drawn_as_rfc_2782_says)
{
	static const struct {
		uint32_t draw;
		unsigned port;
	} draws[] = { { 0, 1 }, { 1, 2 }, { 10, 2 }, { 11, 3 }, { 30, 3 }, { 31, 4 }, { 100, 4 } };

	for (size_t i = 0; i < sizeof(draws) / sizeof(draws[0]); i++) {
		struct dns_record records[] = {
			{ .priority = 9, .weight = 100, .port = 9 },
			{ .priority = 5, .weight = 10, .port = 2 },
			{ .priority = 5, .weight = 0, .port = 1 },
			{ .priority = 5, .weight = 20, .port = 3 },
			{ .priority = 5, .weight = 70, .port = 4 },
		};

		draw = draws[i].draw;
		sip_srv_sort(records, 5, fixed);
		cr_expect_eq(records[0].port, draws[i].port, "%u: %u", draws[i].draw,
			     records[0].port);
		cr_expect_eq(records[4].port, 9);
	}
}

Test(resolve, weights_show_in_many_draws)
{
	unsigned heavy = 0;

	zone.text = "_sip._udp.w.test 60 SRV 1 90 5060 a.test\n"
		    "_sip._udp.w.test 60 SRV 1 10 5061 a.test\n"
		    "a.test 60 A 192.0.2.1\n";
	for (unsigned i = 0; i < 1000; i++) {
		cr_assert_eq(resolve("sip:w.test", udp4), 0);
		heavy += targets.list[0].address.port == 5060;
	}
	cr_expect_gt(heavy, 830, "%u", heavy);
	cr_expect_lt(heavy, 960, "%u", heavy);
}

Test(resolve, answers_are_kept_for_their_ttl)
{
	unsigned asked;

	cr_assert_eq(resolve("sip:short.test:5060", udp4), 0);
	asked = zone.asked;
	cr_assert_eq(resolve("sip:SHORT.test:5060", udp4), 0);
	cr_expect_eq(zone.asked, asked);
	wait_s(1);
	cr_assert_eq(resolve("sip:short.test:5060", udp4), 0);
	cr_expect_eq(zone.asked, asked + 1);
	cr_assert_eq(resolve("sip:nobody.test:5060", udp4), -ENOENT);
	asked = zone.asked;
	cr_assert_eq(resolve("sip:nobody.test:5060", udp4), -ENOENT);
	cr_expect_eq(zone.asked, asked, "that there is none is known too");
}

Test(resolve, what_was_known_serves_while_servers_are_silent)
{
	cr_assert_eq(resolve("sip:short.test:5060", udp4), 0);
	zone.silent = true;
	wait_s(10);
	cr_expect_eq(resolve("sip:short.test:5060", udp4), 0, "RFC 8767");
	cr_expect_eq(resolve("sip:a.test:5060", udp4), -EAGAIN);
	wait_s(3700);
	cr_expect_eq(resolve("sip:short.test:5060", udp4), -EAGAIN, "not for ever");
	zone.silent = false;
	wait_s(2);
	cr_expect_eq(resolve("sip:a.test:5060", udp4), 0);
}

Test(resolve, answers_that_come_later_are_told_once)
{
	zone.later = true;
	cr_assert_eq(resolve("sip:naptr.test", udp4), -EINPROGRESS);
	cr_assert_not_null(query);
	for (unsigned i = 0; i < 3; i++) {
		cr_expect_eq(told, 0, "NAPTR, SRV, A");
		zone_answer(&zone);
	}
	cr_expect_eq(told, 1);
	cr_expect_eq(told_error, 0);
	cr_expect_str_eq(list(), "udp 192.0.2.1:5070");
	cr_expect_eq(resolve("sip:naptr.test", udp4), 0, "now it is known");
}

Test(resolve, one_question_for_all_who_ask)
{
	zone.later = true;
	for (unsigned i = 0; i < 10; i++)
		cr_assert_eq(resolve("sip:a.test:5060", udp4), -EINPROGRESS);
	cr_expect_eq(zone.asked, 1);
	sip_query_cancel(query);
	zone_answer(&zone);
	cr_expect_eq(told, 9, "and the one that was cancelled is not told");
}

Test(resolve, names_that_hold_for_no_time_are_asked_each_time)
{
	zone.later = true;
	cr_assert_eq(resolve("sip:fleeting.test:5060", udp4), -EINPROGRESS);
	zone_answer(&zone);
	cr_expect_eq(told, 1);
	cr_assert_eq(resolve("sip:fleeting.test:5060", udp4), -EINPROGRESS);
	cr_expect_eq(zone.asked, 2);
}

Test(resolve, cache_forgets_what_was_not_used_longest, .init = NULL)
{
	struct sip_resolver_stats stats;
	char uri[64];

	start(8);
	for (unsigned i = 0; i < 100; i++) {
		snprintf(uri, sizeof(uri), "sip:n%u.test:5060", i);
		cr_assert_eq(resolve(uri, udp4), -ENOENT);
		cr_assert_eq(resolve("sip:a.test:5060", udp4), 0);
	}
	sip_resolver_stats(resolver, &stats);
	cr_expect_eq(stats.names, 8);
	cr_expect_eq(stats.questions, 101, "the one that is used stays: %zu",
		     (size_t)stats.questions);
}

Test(resolve, questions_that_are_out_are_no_leak_at_the_end)
{
	zone.later = true;
	resolve("sip:naptr.test", udp4);
	resolve("sip:a.test:5060", udp4);
}

Test(resolve, dead_targets_come_last_and_busy_ones_not_at_all)
{
	struct sip_target a = { .kind = SIP_UDP }, b = { .kind = SIP_UDP };

	zone.text = "two.test 60 A 192.0.2.1\ntwo.test 60 A 192.0.2.2\n";
	sip_address_parse(SLICE("192.0.2.1"), 5060, &a.address);
	sip_address_parse(SLICE("192.0.2.2"), 5060, &b.address);
	cr_assert_eq(resolve("sip:two.test", udp4), 0);
	cr_expect_str_eq(list(), "udp 192.0.2.1:5060, udp 192.0.2.2:5060");
	sip_resolver_report(resolver, &a, SIP_TARGET_DEAD, 0);
	cr_assert_eq(resolve("sip:two.test", udp4), 0);
	cr_expect_str_eq(list(), "udp 192.0.2.2:5060, udp 192.0.2.1:5060");
	sip_resolver_report(resolver, &b, SIP_TARGET_BUSY, 40);
	cr_assert_eq(resolve("sip:two.test", udp4), 0);
	cr_expect_str_eq(list(), "udp 192.0.2.1:5060", "dead is better than busy");
	sip_resolver_report(resolver, &a, SIP_TARGET_BUSY, 40);
	cr_expect_eq(resolve("sip:two.test", udp4), -EBUSY);
	wait_s(40);
	cr_assert_eq(resolve("sip:two.test", udp4), 0);
	cr_expect_eq(targets.count, 2);
	sip_resolver_report(resolver, &a, SIP_TARGET_DEAD, 0);
	sip_resolver_report(resolver, &a, SIP_TARGET_OK, 0);
	cr_expect_eq(sip_resolver_state(resolver, &a), SIP_TARGET_OK);
	sip_resolver_report(resolver, &a, SIP_TARGET_BUSY, 0);
	cr_expect_eq(sip_resolver_state(resolver, &a), SIP_TARGET_OK, "503 without Retry-After");
}

Test(resolve, dead_targets_are_bounded)
{
	struct sip_target target = { .kind = SIP_UDP };

	for (unsigned i = 0; i < 5000; i++) {
		sip_address_parse(SLICE("192.0.2.1"), (uint16_t)(1 + i), &target.address);
		sip_resolver_report(resolver, &target, SIP_TARGET_DEAD, 0);
	}
	cr_expect_eq(resolver->bad->count, BAD_TARGETS_MAX);
	cr_expect_eq(sip_resolver_state(resolver, &target), SIP_TARGET_DEAD);
}
