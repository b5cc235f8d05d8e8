/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests run in the top folder, as mk/test does: the profiles and the reference are read there. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"

/* Line by line, so that the numbers below can be counted. */
static const char good[] = "log: { level: debug }\n"                            /* 1 */
			   "dataplane:\n"                                       /* 2 */
			   "  ports:\n"                                         /* 3 */
			   "    - name: lan\n"                                  /* 4 */
			   "      device: eth0\n"                               /* 5 */
			   "      addresses: [192.0.2.10/24, 2001:db8::1/64]\n" /* 6 */
			   "    - name: wan\n"                                  /* 7 */
			   "      device: eth1\n"                               /* 8 */
			   "      addresses: [198.51.100.1/24]\n"               /* 9 */
			   "  media:\n"                                         /* 10 */
			   "    - address: 192.0.2.10\n"                        /* 11 */
			   "      port_first: 20000\n"                          /* 12 */
			   "      port_last: 20999\n"                           /* 13 */
			   "  cores: [2, 3]\n"                                  /* 14 */
			   "  workers: 2\n"                                     /* 15 */
			   "sip:\n"                                             /* 16 */
			   "  domains: [Example.COM, example.net]\n"            /* 17 */
			   "  listeners:\n"                                     /* 18 */
			   "    - address: 192.0.2.10\n"                        /* 19 */
			   "    - { address: 192.0.2.10, port: 5062 }\n"        /* 20 */
			   "  registration_min_s: 60\n"                         /* 21 */
			   "users:\n"                                           /* 22 */
			   "  - name: alice\n"                                  /* 23 */
			   "    password: \"secret, with: signs\"\n"            /* 24 */
			   "  - name: bob\n"                                    /* 25 */
			   "    password: 0123\n"                               /* 26 */
			   "    domain: example.net\n"                          /* 27 */
			   "trunks:\n"                                          /* 28 */
			   "  - name: carrier\n"                                /* 29 */
			   "    addresses: [192.0.2.104]\n"                     /* 30 */
			   "    prefix: \"9\"\n"                                /* 31 */
			   "  - name: other\n"                                  /* 32 */
			   "    addresses: [192.0.2.105]\n"                     /* 33 */
			   "    prefix: \"97\"\n"                               /* 34 */
			   "calls:\n"                                           /* 35 */
			   "controlplane: { shards: 2 }\n";                     /* 36 */

static char file[64], error[CONFIG_ERROR_TEXT];

static int load(const char *text, size_t size, struct config **config)
{
	int fd, result;

	strcpy(file, "/tmp/tandem-config-XXXXXX");
	fd = mkstemp(file);
	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, text, size), (ssize_t)size);
	close(fd);
	result = config_load(file, config, error);
	unlink(file);
	return result;
}

/* The good one with its first `from` replaced. */
static int load_edited(const char *from, const char *to, struct config **config)
{
	char text[8192];
	const char *at = strstr(good, from);

	cr_assert_not_null(at, "%s", from);
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
	return load(text, strlen(text), config);
}

static struct config *load_good(void)
{
	struct config *config;

	unsetenv("TANDEM_RUN_DIR");
	unsetenv("TANDEM_STATE_DIR");
	cr_assert_eq(load(good, strlen(good), &config), 0, "%s", error);
	return config;
}

Test(config, takes_what_is_given)
{
	struct config *c = load_good();

	cr_expect_str_eq(c->log.level, "debug");
	cr_assert_eq(c->dataplane.ports_count, 2);
	cr_expect_str_eq(c->dataplane.ports[1].device, "eth1");
	cr_assert_eq(c->dataplane.ports[0].addresses_count, 2);
	cr_expect_str_eq(c->dataplane.ports[0].addresses[1], "2001:db8::1/64");
	cr_expect_eq(c->dataplane.media[0].port_first, 20000);
	cr_expect_eq(c->dataplane.media[0].port_last, 20999);
	cr_assert_eq(c->dataplane.cores_count, 2);
	cr_expect_eq(c->dataplane.cores[1], 3);
	cr_expect_eq(c->sip.listeners[1].port, 5062);
	cr_assert_eq(c->users_count, 2);
	cr_expect_str_eq(c->users[0].password, "secret, with: signs");
	cr_expect_str_eq(c->users[1].password, "0123");
	cr_expect_str_eq(c->trunks[0].addresses[0], "192.0.2.104");
	cr_expect_eq(c->controlplane.shards, 2);
	config_free(c);
}

Test(config, a_realm_is_served_on_both_sides)
{
	static const char begin[] =
		"dataplane:\n"
		"  ports: [{ name: lan, device: eth0, addresses: [192.0.2.10/24] }]\n"
		"  realms: [{ name: access }, { name: core }]\n"
		"  media: [{ address: 192.0.2.10, port_first: 20000 }]\n"
		"sip:\n"
		"  domains: [example.com]\n";
	struct config *c;
	char text[1024];

	snprintf(text, sizeof(text), "%s  listeners: [{ address: 192.0.2.10, realm: core }]\n",
		 begin);
	cr_assert_eq(load(text, strlen(text), &c), -EINVAL);
	cr_expect_not_null(strstr(error, "no address of dataplane.media is in core"), "%s", error);
	snprintf(
		text, sizeof(text),
		"%s  listeners: [{ address: 192.0.2.10 }]\n"
		"trunks: [{ name: carrier, addresses: [192.0.2.1], prefix: \"9\", realm: core }]\n",
		begin);
	cr_assert_eq(load(text, strlen(text), &c), -EINVAL);
	cr_expect_not_null(strstr(error, "none of sip.listeners is in core"), "%s", error);
}

Test(config, fills_in_defaults)
{
	struct config *c = load_good();

	cr_expect_str_eq(c->run_dir, CONFIG_RUN_DIR_DEFAULT);
	cr_expect_str_eq(c->controlplane.state_dir, CONFIG_STATE_DIR_DEFAULT);
	cr_expect_str_eq(c->log.format, "text");
	cr_expect_str_eq(c->dataplane.ports[0].driver, "af_packet");
	cr_expect_str_eq(c->dataplane.ports[1].tap, "tandem1");
	cr_expect_eq(c->dataplane.ports[0].mtu, 1500);
	cr_expect_eq(c->dataplane.realms[0].dscp, 46);
	cr_expect_str_eq(c->dataplane.realms[0].name, "default");
	cr_expect_str_eq(c->dataplane.idle, "poll");
	cr_expect(c->dataplane.hugepages);
	cr_expect_eq(c->sip.listeners[0].port, 5060);
	cr_expect_str_eq(c->sip.listeners[0].transport, "udp");
	cr_assert_eq(c->sip.digest_count, 2);
	cr_expect_str_eq(c->sip.digest[0], "SHA-256");
	cr_expect_str_eq(c->sip.digest[1], "MD5");
	cr_expect_eq(c->sip.t1_ms, 500);
	cr_expect_eq(c->sip.session_expires_s, 1800);
	cr_expect_eq(c->sip.session_min_s, 90);
	cr_expect_str_eq(c->sip.user_agent, "Tandem");
	cr_expect_null(c->users[0].display_name);
	cr_expect(c->trunks[0].inbound);
	cr_expect_not(c->trunks[0].strip_prefix);
	cr_expect_eq(c->calls.calls_max, 100000);
	cr_expect_eq(c->calls.media_timeout_s, 60);
	config_free(c);
}

Test(config, limits_of_messages_are_those_of_the_parser_unless_told)
{
	struct config *config = load_good();

	cr_expect_eq(memcmp(&config->sip.limits, &sip_limits_default, sizeof(sip_limits_default)),
		     0);
	config_free(config);
	cr_assert_eq(load_edited("registration_min_s: 60",
				 "limits: { headers: 64, early_dialogs: 3 }", &config),
		     0, "%s", error);
	cr_expect_eq(config->sip.limits.headers, 64);
	cr_expect_eq(config->sip.limits.early_dialogs, 3);
	cr_expect_eq(config->sip.limits.message, 65535);
	config_free(config);
	cr_expect_neq(load_edited("registration_min_s: 60", "limits: { headers: 251 }", &config), 0,
		      "an index of headers is a byte");
}

Test(config, domains_are_compared_in_lower_case)
{
	struct config *c = load_good();

	cr_expect_str_eq(c->sip.domains[0], "example.com");
	cr_expect_str_eq(c->users[0].domain, "example.com");
	cr_expect_str_eq(c->users[1].domain, "example.net");
	config_free(c);
}

Test(config, environment_comes_first)
{
	struct config *c;

	setenv("TANDEM_RUN_DIR", "/tmp/run", 1);
	setenv("TANDEM_STATE_DIR", "/tmp/state", 1);
	cr_assert_eq(load(good, strlen(good), &c), 0, "%s", error);
	cr_expect_str_eq(c->run_dir, "/tmp/run");
	cr_expect_str_eq(c->controlplane.state_dir, "/tmp/state");
	cr_expect_str_eq(config_run_dir(), "/tmp/run");
	config_free(c);

	setenv("TANDEM_RUN_DIR", "run", 1);
	cr_expect_eq(load(good, strlen(good), &c), -EINVAL);
	cr_expect(strstr(error, "TANDEM_RUN_DIR: (environment) must be an absolute path"), "%s",
		  error);
	unsetenv("TANDEM_RUN_DIR");
	cr_expect_str_eq(config_run_dir(), CONFIG_RUN_DIR_DEFAULT);
}

/* What is changed in the good file, and what must be said behind "FILE:". */
static const struct {
	const char *from, *to, *error;
} wrong[] = {
	/* keys */
	{ "level: debug", "levl: debug", "1: log: unknown key \"levl\"; there are: level, format" },
	{ "users:", "user:", "22: unknown key \"user\"; there are: run_dir, log, dataplane, sip," },
	{ "  workers: 2\n", "  workers: 2\n  workers: 2\n",
	  "16: dataplane.workers: is given twice, first in line 15" },
	{ "  workers: 2\n", "  [a]: 2\n", "15: dataplane: a key must be a word" },
	{ "      device: eth1\n", "", "7: dataplane.ports[1].device: is missing" },
	{ "  domains: [Example.COM, example.net]\n", "", "16: sip.domains: is missing" },
	{ "dataplane:\n", "dataplane: 7\nx:\n", "3: unknown key \"x\"" },
	{ "log: { level: debug }", "log: 7", "1: log: must be a section" },
	{ "cores: [2, 3]", "cores: 2", "14: dataplane.cores: must be a list" },
	{ "workers: 2", "workers: [2]", "15: dataplane.workers: must be one value, not a list" },
	{ "workers: 2", "workers:", "15: dataplane.workers: has no value" },
	{ "- address: 192.0.2.10\n    - { address: 192.0.2.10, port: 5062 }", "[]",
	  "18: sip.listeners: needs at least one" },
	/* values */
	{ "workers: 2", "workers: 0", "15: dataplane.workers: \"0\" is not a number from 1 to 32" },
	{ "workers: 2", "workers: two",
	  "15: dataplane.workers: \"two\" is not a number from 1 to 32" },
	{ "workers: 2", "workers: -2", "15: dataplane.workers: \"-2\" is not a number" },
	{ "workers: 2", "workers: 2.5", "15: dataplane.workers: \"2.5\" is not a number" },
	{ "workers: 2", "workers: 4294967298", "15: dataplane.workers: \"4294967298\" is not" },
	{ "cores: [2, 3]", "cores: [2, x]", "14: dataplane.cores[1]: \"x\" is not a number" },
	{ "cores: [2, 3]", "hugepages: yes",
	  "14: dataplane.hugepages: \"yes\" is neither true nor" },
	{ "cores: [2, 3]", "idle: lazy",
	  "14: dataplane.idle: \"lazy\" is none of: poll | adaptive" },
	{ "level: debug", "level: \"info |\"", "1: log.level: \"info |\" is none of" },
	{ "port: 5062", "port: 65536",
	  "20: sip.listeners[1].port: \"65536\" is not a number from 1 " },
	{ "port: 5062", "transport: udd",
	  "20: sip.listeners[1].transport: \"udd\" is none of: udp" },
	{ "password: 0123", "password: \"\"",
	  "26: users[1].password: has 0 characters, must have 1 to 128" },
	{ "password: 0123", "password: \"a\\nb\"",
	  "26: users[1].password: has a control character" },
	{ "password: 0123", "password: \"a\\0b\"",
	  "26: users[1].password: has a control character" },
	{ "name: bob", "name: b@b", "25: users[1].name: \"b@b\" is not letters, digits and" },
	{ "prefix: \"97\"", "prefix: nine",
	  "34: trunks[1].prefix: \"nine\" is not what one dials" },
	{ "device: eth1", "device: eth1\n      tap: a/b",
	  "9: dataplane.ports[1].tap: \"a/b\" is not" },
	{ "[198.51.100.1/24]", "[198.51.100.1/33]",
	  "9: dataplane.ports[1].addresses[0]: \"198.51.100.1/33\" is not an IP address with its" },
	{ "[198.51.100.1/24]", "[198.51.100.1]", "9: dataplane.ports[1].addresses[0]:" },
	{ "[198.51.100.1/24]", "[\"::1/129\"]", "9: dataplane.ports[1].addresses[0]:" },
	{ "[192.0.2.104]", "[carrier.example]",
	  "30: trunks[0].addresses[0]: \"carrier.example\" is not an IPv4 or IPv6 address" },
	{ "[192.0.2.104]", "[192.0.2.104]\n    uri: carrier.example",
	  "31: trunks[0].uri: \"carrier.example\" is not sip:HOST or sips:HOST" },
	{ "[192.0.2.104]", "[192.0.2.104]\n    uri: \"sip:bob@carrier.example\"",
	  "31: trunks[0].uri: \"sip:bob@carrier.example\" is not" },
	{ "[192.0.2.104]", "[]", "30: trunks[0].addresses: it has neither addresses nor a uri" },
	{ "[Example.COM, example.net]", "[example.com]\n  dns: {servers: [ns.example]}",
	  "18: sip.dns.servers[0]: \"ns.example\" is not an IP address" },
	{ "[Example.COM, example.net]", "[example.com]\n  dns: {servers: [\"[::1]:0\"]}",
	  "18: sip.dns.servers[0]: \"[::1]:0\" is not an IP address" },
	{ "- address: 192.0.2.10\n    - {", "- address: 0.0.0.0\n    - {",
	  "19: sip.listeners[0].address: \"0.0.0.0\" is not the IP address of one host" },
	{ "[Example.COM, example.net]", "[example..com]",
	  "17: sip.domains[0]: \"example..com\" is" },
	{ "log:", "run_dir: run\nlog:", "1: run_dir: \"run\" is not an absolute path" },
	/* values together */
	{ "port_first: 20000", "port_first: 20001",
	  "12: dataplane.media[0].port_first: 20001 is odd" },
	{ "port_last: 20999", "port_last: 21000",
	  "13: dataplane.media[0].port_last: 21000 is even" },
	{ "port_last: 20999", "port_last: 19999",
	  "13: dataplane.media[0].port_last: 19999 is below port_first (20000)" },
	{ "      port_last: 20999\n", "    - address: 192.0.2.10\n",
	  "13: dataplane.media[1].address: 192.0.2.10 is there already in line 11" },
	{ "- address: 192.0.2.10\n      port_first", "- address: 192.0.2.11\n      port_first",
	  "11: dataplane.media[0].address: 192.0.2.11 is on no port" },
	{ "name: wan", "name: lan", "7: dataplane.ports[1].name: lan is there already in line 4" },
	{ "device: eth1", "device: eth0", "8: dataplane.ports[1].device: eth0 is there already" },
	{ "device: eth1", "device: eth1\n      tap: tandem0",
	  "9: dataplane.ports[1].tap: tandem0 is" },
	{ "[198.51.100.1/24]", "[\"2001:DB8:0::1/64\"]",
	  "9: dataplane.ports[1].addresses[0]: 2001:db8::1 is there already in line 6 "
	  "(dataplane.ports[0].addresses[1])" },
	{ "cores: [2, 3]", "cores: [2]", "14: dataplane.cores: 1 cores for 2 workers" },
	{ "cores: [2, 3]", "cores: [2, 2]", "14: dataplane.cores[1]: 2 is there already" },
	{ ", example.net]", ", EXAMPLE.com]", "17: sip.domains[1]: example.com is there already" },
	{ "  registration_min_s: 60", "  digest: [MD5, MD5]", "21: sip.digest[1]: MD5 is there" },
	{ "port: 5062", "port: 5060",
	  "20: sip.listeners[1]: udp 192.0.2.10 port 5060 is there already in line 19" },
	{ "port: 5062", "port: 20500",
	  "20: sip.listeners[1].port: 20500 is one of the media ports" },
	{ "registration_min_s: 60", "registration_max_s: 50",
	  "21: sip.registration_max_s: 50 is below registration_min_s (60)" },
	{ "registration_min_s: 60", "registration_default_s: 59",
	  "21: sip.registration_default_s: 59 is not between" },
	{ "registration_min_s: 60", "session_expires_s: 60",
	  "21: sip.session_expires_s: 60 is below session_min_s (90)" },
	{ "    domain: example.net\n", "    domain: example.org\n",
	  "27: users[1].domain: example.org is none of sip.domains" },
	{ "  - name: bob\n    password: 0123\n    domain: example.net\n",
	  "  - name: alice\n    password: other\n",
	  "25: users[1].name: alice@example.com is there already in line 23" },
	{ "name: other", "name: carrier",
	  "32: trunks[1].name: carrier is there already in line 29" },
	{ "prefix: \"97\"", "prefix: \"9\"",
	  "34: trunks[1].prefix: 9 is there already in line 31" },
	{ "[192.0.2.105]", "[192.0.2.104]",
	  "33: trunks[1].addresses[0]: 192.0.2.104 port 5060 is there already in line 30" },
	{ "[192.0.2.105]", "[\"2001:db8::5\"]",
	  "33: trunks[1].addresses: sip.listeners has none for" },
	/* YAML */
	{ "  workers: 2", "\tworkers: 2", "15: a tab in the indentation: YAML wants spaces" },
	{ "cores: [2, 3]", "cores: [2, 3", "15: not valid YAML: " },
	{ "password: 0123", "password: \xff\xfe", "26: not UTF-8 text: " },
	{ "calls:\n", "---\ncalls:\n", "36: a second document; a configuration is one" },
};

Test(config, an_error_names_line_and_key)
{
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct config *config;
		size_t prefix;

		cr_expect_lt(load_edited(wrong[i].from, wrong[i].to, &config), 0, "%s: accepted",
			     wrong[i].error);
		cr_expect_null(config);
		prefix = strlen(file);
		cr_expect(strncmp(error, file, prefix) == 0 && error[prefix] == ':' &&
				  strncmp(error + prefix + 1, wrong[i].error,
					  strlen(wrong[i].error)) == 0,
			  "expected %s\n     got %s", wrong[i].error, error);
	}
}

Test(config, nested_prefixes_and_the_longest_wins_is_no_conflict)
{
	struct config *c = load_good();

	cr_expect_str_eq(c->trunks[0].prefix, "9");
	cr_expect_str_eq(c->trunks[1].prefix, "97");
	config_free(c);
}

Test(config, media_may_be_anywhere_when_somebody_else_sets_the_addresses)
{
	struct config *config;

	cr_assert_eq(load_edited("      addresses: [198.51.100.1/24]\n  media:\n"
				 "    - address: 192.0.2.10",
				 "  media:\n    - address: 203.0.113.5", &config),
		     0, "%s", error);
	config_free(config);
}

Test(config, a_file_that_is_not_there_or_no_file_or_empty)
{
	struct config *config;

	cr_expect_eq(config_load("/nonexistent/tandem.yaml", &config, error), -ENOENT);
	cr_expect_str_eq(error,
			 "/nonexistent/tandem.yaml: cannot be read: No such file or directory");
	cr_expect_eq(config_load("/tmp", &config, error), -EISDIR);
	cr_expect_eq(load("", 0, &config), -EINVAL);
	cr_expect(strstr(error, ":1: the configuration is empty"), "%s", error);
	cr_expect_eq(load("# nothing\n\n", 11, &config), -EINVAL);
	cr_expect(strstr(error, ":1: the configuration is empty"), "%s", error);
	config_free(NULL);
}

Test(config, cut_off_anywhere_it_is_an_error_or_whole_but_never_a_crash)
{
	struct config *config;

	for (size_t n = 1; n < strlen(good); n++) {
		if (load(good, n, &config) == 0)
			config_free(config);
		else
			cr_assert(strncmp(error, file, strlen(file)) == 0, "%s", error);
	}
}

Test(config, the_profiles_load)
{
	struct config *c;

	unsetenv("TANDEM_RUN_DIR");
	cr_assert_eq(config_load("config/tandem.yaml", &c, error), 0, "%s", error);
	config_free(c);
	cr_assert_eq(config_load("config/profiles/lab.yaml", &c, error), 0, "%s", error);
	cr_expect_str_eq(c->sip.domains[0], "tandem.lab");
	cr_assert_eq(c->users_count, 3);
	cr_expect_str_eq(c->users[2].password, "carrol-secret");
	cr_expect_str_eq(c->trunks[0].prefix, "9");
	cr_expect_eq(c->trunks[0].addresses_count, 2);
	cr_expect_str_eq(c->dataplane.media[0].address, "198.18.0.20");
	config_free(c);
}

Test(config, the_reference_is_current)
{
	char *written = NULL, *kept;
	size_t written_size, kept_size;
	FILE *stream = open_memstream(&written, &written_size);
	FILE *doc = fopen("docs/configuration.md", "r");

	cr_assert_eq(config_write_reference(stream), 0);
	fclose(stream);
	cr_assert_not_null(doc, "run in the top folder");
	kept = calloc(1, written_size + 2);
	kept_size = fread(kept, 1, written_size + 1, doc);
	fclose(doc);
	cr_expect(kept_size == written_size && memcmp(kept, written, written_size) == 0,
		  "docs/configuration.md is old: tandemctl config doc > docs/configuration.md");
	free(kept);
	free(written);
}
