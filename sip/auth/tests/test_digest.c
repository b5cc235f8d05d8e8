/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <errno.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>

#include "sip/auth/digest.h"

#define NOW 1700000000u
#define URI "sip:tandem.lab"

static const struct digest_options both = {
	.algorithms = { DIGEST_SHA256, DIGEST_MD5 },
	.algorithm_count = 2,
	.nonce_lifetime_s = 300,
	.key = { 1, 2, 3 },
};

/* --- a client, on its own --- */

static const char *const names[][2] = {
	[DIGEST_MD5] = { "MD5", "MD5" },
	[DIGEST_SHA256] = { "SHA256", "SHA-256" },
	[DIGEST_SHA512_256] = { "SHA512-256", "SHA-512-256" },
};

static void hash(enum digest_algorithm algorithm, const char *text, char hex[65])
{
	unsigned char bytes[32];
	size_t size = 0;

	cr_assert_eq(
		EVP_Q_digest(NULL, names[algorithm][0], NULL, text, strlen(text), bytes, &size), 1);
	for (size_t i = 0; i < size; i++)
		snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
}

struct client {
	enum digest_algorithm algorithm;
	const char *user, *realm, *password, *method, *uri, *nonce, *nc, *cnonce, *qop, *body;
	bool user_hash;
	char response[65];
};

static void respond(struct client *c)
{
	char text[1024], ha1[65], ha2[65];

	snprintf(text, sizeof(text), "%s:%s:%s", c->user, c->realm, c->password);
	hash(c->algorithm, text, ha1);
	if (c->qop && strcmp(c->qop, "auth-int") == 0) {
		hash(c->algorithm, c->body ? c->body : "", ha2);
		snprintf(text, sizeof(text), "%s:%s:%s", c->method, c->uri, ha2);
	} else {
		snprintf(text, sizeof(text), "%s:%s", c->method, c->uri);
	}
	hash(c->algorithm, text, ha2);
	if (c->qop)
		snprintf(text, sizeof(text), "%s:%s:%s:%s:%s:%s", ha1, c->nonce, c->nc, c->cnonce,
			 c->qop, ha2);
	else
		snprintf(text, sizeof(text), "%s:%s:%s", ha1, c->nonce, ha2);
	hash(c->algorithm, text, c->response);
}

Test(client, computes_the_examples_of_rfc_7616)
{
	struct client c = {
		.user = "Mufasa",
		.realm = "http-auth@example.org",
		.password = "Circle of Life",
		.method = "GET",
		.uri = "/dir/index.html",
		.nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
		.nc = "00000001",
		.cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
		.qop = "auth",
	};

	respond(&c);
	cr_expect_str_eq(c.response, "8ca523f5e9506fed4657c9700eebdbec");
	c.algorithm = DIGEST_SHA256;
	respond(&c);
	cr_expect_str_eq(c.response,
			 "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
}

/* --- the server --- */

static struct digest_server *server;
static struct digest_result result;
static char challenge[2048], nonce[128];
static unsigned looked_up;

static bool find_alice(void *arg, const char *user, struct slice realm,
		       enum digest_algorithm algorithm, unsigned char ha1[DIGEST_BYTES_MAX])
{
	cr_expect_eq(arg, &looked_up);
	cr_expect(slice_equal(realm, SLICE("tandem.lab")));
	looked_up++;
	return strcmp(user, "alice") == 0 &&
	       digest_ha1(algorithm, SLICE("alice"), realm, SLICE("alice-secret"), ha1);
}

static bool unhash_alice(void *arg, const char *hashed, struct slice realm,
			 enum digest_algorithm algorithm, char user[DIGEST_USER_MAX])
{
	char expected[65];

	(void)arg, (void)realm;
	hash(algorithm, "alice:tandem.lab", expected);
	strcpy(user, "alice");
	return strcmp(expected, hashed) == 0;
}

static const struct digest_users users = { find_alice, unhash_alice, &looked_up };

static struct digest_ask asked(bool proxy, uint64_t now_s)
{
	return (struct digest_ask){ .realm = SLICE("tandem.lab"), .proxy = proxy, .now_s = now_s };
}

static void create(const struct digest_options *options)
{
	cr_assert_eq(digest_server_create(options, &server), 0);
}

static void set_up(void)
{
	create(&both);
}

static void tear_down(void)
{
	digest_server_destroy(server);
}

TestSuite(digest, .init = set_up, .fini = tear_down);

static struct sip_msg *request_of(const char *agent)
{
	struct sip_parse_error error;
	struct sip_msg *msg;
	char text[512];

	snprintf(text, sizeof(text),
		 "REGISTER sip:tandem.lab SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
		 "From: <sip:alice@tandem.lab>;tag=1\r\nTo: <sip:alice@tandem.lab>\r\n"
		 "Call-ID: 1\r\nCSeq: 1 REGISTER\r\nUser-Agent: %s\r\n\r\n",
		 agent);
	cr_assert_eq(sip_msg_parse(text, strlen(text), &sip_limits_default, &msg, &error), 0);
	return msg;
}

static void ask_as(const char *agent, struct digest_server *which, const struct digest_ask *what,
		   bool stale)
{
	struct sip_msg *request = request_of(agent);
	struct sip_build b;
	const char *from;

	sip_build_init(&b, challenge, sizeof(challenge) - 1);
	digest_challenge(which, request, what, stale, &b);
	sip_msg_unref(request);
	cr_assert_not(b.overflow);
	challenge[b.used] = '\0';
	from = strstr(challenge, "nonce=\"");
	cr_assert_not_null(from);
	cr_assert_eq(sscanf(from, "nonce=\"%127[^\"]", nonce), 1);
}

static void ask(struct digest_server *which, bool proxy, bool stale, uint64_t now_s)
{
	struct digest_ask what = asked(proxy, now_s);

	ask_as("test", which, &what, stale);
}

static struct client alice(void)
{
	return (struct client){ .user = "alice",
				.realm = "tandem.lab",
				.password = "alice-secret",
				.method = "REGISTER",
				.uri = URI,
				.nonce = nonce,
				.nc = "00000001",
				.cnonce = "c0",
				.qop = "auth" };
}

/* Checks a REGISTER with these header lines. */
static enum digest_verdict check_lines(struct digest_server *which, bool proxy, const char *lines,
				       uint64_t now_s)
{
	char text[4096];
	struct sip_parse_error error;
	struct sip_msg *msg;
	int n = snprintf(text, sizeof(text),
			 "REGISTER " URI " SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
			 "From: <sip:alice@tandem.lab>;tag=1\r\nTo: <sip:alice@tandem.lab>\r\n"
			 "Call-ID: x\r\nCSeq: 1 REGISTER\r\n%s\r\n",
			 lines);

	struct digest_ask what = asked(proxy, now_s);

	cr_assert_eq(sip_msg_parse(text, (size_t)n, NULL, &msg, &error), 0);
	digest_check(which, msg, &what, &users, &result);
	sip_msg_unref(msg);
	return result.verdict;
}

static const char *credentials(struct client *c)
{
	static char text[2048];
	char qop[256] = "", user[256];

	respond(c);
	snprintf(text, sizeof(text), "%s:%s", c->user, c->realm);
	hash(c->algorithm, text, user);
	if (!c->user_hash)
		snprintf(user, sizeof(user), "%s", c->user);
	if (c->qop)
		snprintf(qop, sizeof(qop), ", qop=%s, nc=%s, cnonce=\"%s\"", c->qop, c->nc,
			 c->cnonce);
	snprintf(text, sizeof(text),
		 "Authorization: Digest username=\"%s\", realm=\"%s\", nonce=\"%s\", uri=\"%s\", "
		 "response=\"%s\", algorithm=%s%s%s\r\n",
		 user, c->realm, c->nonce, c->uri, c->response, names[c->algorithm][1], qop,
		 c->user_hash ? ", userhash=true" : "");
	return text;
}

static enum digest_verdict check(struct client *c, uint64_t now_s)
{
	return check_lines(server, false, credentials(c), now_s);
}

Test(digest, challenges_in_order_of_preference)
{
	char expected[512];

	ask(server, false, false, NOW);
	snprintf(expected, sizeof(expected),
		 "WWW-Authenticate: Digest realm=\"tandem.lab\", nonce=\"%s\", algorithm=SHA-256, "
		 "qop=\"auth\"\r\n"
		 "WWW-Authenticate: Digest realm=\"tandem.lab\", nonce=\"%s\", algorithm=MD5, "
		 "qop=\"auth\"\r\n",
		 nonce, nonce);
	cr_expect_str_eq(challenge, expected);
	ask(server, true, true, NOW);
	cr_expect_eq(strncmp(challenge, "Proxy-Authenticate: ", 20), 0);
	cr_expect_not_null(strstr(challenge, ", stale=true\r\n"));
}

Test(digest, right_password_with_both_algorithms)
{
	struct client c = alice();

	ask(server, false, false, NOW);
	cr_expect_eq(check(&c, NOW + 1), DIGEST_OK);
	cr_expect_str_eq(result.username, "alice");
	c.algorithm = DIGEST_SHA256;
	c.nc = "00000002";
	cr_expect_eq(check(&c, NOW + 1), DIGEST_OK);
	cr_expect_eq(looked_up, 2);
}

Test(digest, wrong_in_any_part)
{
	struct client c;
	char *lines;

	ask(server, false, false, NOW);
	c = alice();
	c.password = "alice-Secret";
	cr_expect_eq(check(&c, NOW), DIGEST_WRONG);
	cr_expect_str_eq(result.username, "alice");
	c = alice();
	c.user = "mallory";
	cr_expect_eq(check(&c, NOW), DIGEST_WRONG);
	cr_expect_str_eq(result.username, "mallory");
	c = alice();
	c.method = "INVITE";
	cr_expect_eq(check(&c, NOW), DIGEST_WRONG);

	/* the digest is over each of these: change them afterwards */
	static const char *const parts[] = { "nc=0000000", "cnonce=\"c", "response=\"" };
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		c = alice();
		lines = (char *)credentials(&c);
		char *at = strstr(lines, parts[i]) + strlen(parts[i]);

		*at = *at == '7' ? '8' : '7';
		cr_expect_eq(check_lines(server, false, lines, NOW), DIGEST_WRONG, "%s", parts[i]);
	}
	c = alice();
	cr_expect_eq(check(&c, NOW), DIGEST_OK, "none of it used the count up");
}

Test(digest, the_decoy_is_no_password)
{
	struct client c = alice();

	ask(server, false, false, NOW);
	c.user = "nobody";
	c.password = "";
	cr_expect_eq(check(&c, NOW), DIGEST_WRONG);
}

Test(digest, missing)
{
	static const char *const lines[] = {
		"",
		"Authorization: Basic YWxpY2U6eA==\r\n",
		"Authorization: NoOneKnowsThisScheme opaque-data=here\r\n",
		"Authorization: Digest username=\"alice\", realm=\"elsewhere\", nonce=\"1\", uri=\"" URI
		"\", response=\"00000000000000000000000000000000\"\r\n",
		"Authorization: Digest username=\"alice\", realm=\"tandem.lab\", nonce=\"1\", uri=\"" URI
		"\", algorithm=SHA-512-256, response=\"00000000000000000000000000000000\"\r\n",
		"Proxy-Authorization: Digest realm=\"tandem.lab\"\r\n",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		cr_expect_eq(check_lines(server, false, lines[i], NOW), DIGEST_MISSING, "%s",
			     lines[i]);
		cr_expect_str_eq(result.username, "");
	}
	cr_expect_eq(looked_up, 0);
}

Test(digest, an_algorithm_that_was_not_offered_does_not_pass)
{
	struct digest_options options = both;
	struct digest_server *strict;
	struct client c = alice();

	options.algorithm_count = 1; /* SHA-256 */
	cr_assert_eq(digest_server_create(&options, &strict), 0);
	ask(strict, false, false, NOW);
	cr_expect_eq(check_lines(strict, false, credentials(&c), NOW), DIGEST_MISSING);
	c.algorithm = DIGEST_SHA256;
	cr_expect_eq(check_lines(strict, false, credentials(&c), NOW), DIGEST_OK);
	digest_server_destroy(strict);
}

Test(digest, the_credentials_meant_for_us_are_found_among_others)
{
	char lines[4096];
	struct client c = alice();

	ask(server, false, false, NOW);
	snprintf(lines, sizeof(lines),
		 "Authorization: Basic eA==\r\nAuthorization: Digest realm=\"elsewhere\"\r\n%s",
		 credentials(&c));
	cr_expect_eq(check_lines(server, false, lines, NOW), DIGEST_OK);
}

Test(digest, as_a_proxy)
{
	char lines[2048];
	struct client c = alice();

	ask(server, true, false, NOW);
	snprintf(lines, sizeof(lines), "Proxy-%s", credentials(&c));
	cr_expect_eq(check_lines(server, false, lines, NOW), DIGEST_MISSING);
	cr_expect_eq(check_lines(server, true, lines, NOW), DIGEST_OK);
}

Test(digest, malformed)
{
	static const char *const rest[] = {
		/* on from: Digest username="alice", realm="tandem.lab", */
		"",
		"nonce=\"1\", uri=\"" URI
		"\", response=\"0000000000000000000000000000000\"", /* short */
		"nonce=\"1\", uri=\"" URI "\", response=\"0000000000000000000000000000000g\"",
		"nonce=\"1\", uri=\"*\", response=\"00000000000000000000000000000000\"",
		"nonce=\"1\", response=\"00000000000000000000000000000000\"",
		"nonce=\"1\", nonce=\"2\", uri=\"" URI
		"\", response=\"00000000000000000000000000000000\"",
		"nonce=\"1\" uri=\"" URI "\", response=\"00000000000000000000000000000000\"",
		"nonce=\"1\", uri=\"" URI "\", response=\"00000000000000000000000000000000",
		"uri=\"" URI "\", response=\"00000000000000000000000000000000\"",
		/* qop */
		"nonce=\"1\", uri=\"" URI
		"\", response=\"00000000000000000000000000000000\", qop=auth",
		"nonce=\"1\", uri=\"" URI
		"\", response=\"00000000000000000000000000000000\", qop=auth, "
		"nc=00000001",
		"nonce=\"1\", uri=\"" URI
		"\", response=\"00000000000000000000000000000000\", qop=auth, "
		"nc=1, cnonce=\"1\"",
		"nonce=\"1\", uri=\"" URI
		"\", response=\"00000000000000000000000000000000\", qop=auth, "
		"nc=00000000, cnonce=\"1\"",
		"nonce=\"1\", uri=\"" URI
		"\", response=\"00000000000000000000000000000000\", qop=auth-all, "
		"nc=00000001, cnonce=\"1\"",
		/* without qop there is SHA-256 no more (RFC 7616) */
		"nonce=\"1\", uri=\"" URI "\", algorithm=SHA-256, "
		"response=\"0000000000000000000000000000000000000000000000000000000000000000\"",
	};
	char lines[1024];

	for (size_t i = 0; i < sizeof(rest) / sizeof(rest[0]); i++) {
		snprintf(lines, sizeof(lines),
			 "Authorization: Digest username=\"alice\", realm=\"tandem.lab\", %s\r\n",
			 rest[i]);
		cr_expect_eq(check_lines(server, false, lines, NOW), DIGEST_MALFORMED, "%s", lines);
	}
	snprintf(
		lines, sizeof(lines),
		"Authorization: Digest username=\"%0200d\", realm=\"tandem.lab\", nonce=\"1\", uri=\"" URI
		"\", response=\"00000000000000000000000000000000\"\r\n",
		0);
	cr_expect_eq(check_lines(server, false, lines, NOW), DIGEST_MALFORMED);
	cr_expect_eq(looked_up, 0);
}

/* sipp digests the address that it sends to, others leave parameters out. */
Test(digest, the_uri_may_be_another_than_the_request_uri)
{
	static const char *const fine[] = { "sip:TANDEM.lab", "sip:198.18.0.10:5060",
					    "sip:tandem.lab;transport=udp", "sips:tandem.lab" };
	static const char *const broken[] = { "*", "http://tandem.lab/", "" };
	struct client c = alice();

	for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++) {
		ask(server, false, false, NOW);
		c.uri = fine[i];
		cr_expect_eq(check(&c, NOW), DIGEST_OK, "%s", fine[i]);
		cr_expect_neq(check(&c, NOW), DIGEST_OK, "not a second time");
	}
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		c.uri = broken[i];
		cr_expect_eq(check(&c, NOW), DIGEST_MALFORMED, "%s", broken[i]);
	}
}

Test(digest, agents_that_choke_on_sha_256_are_not_offered_it)
{
	static const char *const agents[] = { "baresip v1." };
	struct digest_ask what = asked(false, NOW);
	struct digest_options options = both;

	tear_down();
	options.md5_only_agents = agents;
	options.md5_only_agent_count = 1;
	create(&options);
	ask_as("Baresip v1.0.0 (x86_64/linux)", server, &what, false);
	cr_expect_not_null(strstr(challenge, "algorithm=MD5"));
	cr_expect_null(strstr(challenge, "algorithm=SHA-256"));
	ask_as("baresip v2.0.0", server, &what, false);
	cr_expect_not_null(strstr(challenge, "algorithm=SHA-256"));
}

Test(digest, without_qop_a_nonce_serves_once)
{
	struct client c = alice();

	c.qop = NULL;
	ask(server, false, false, NOW);
	cr_expect_eq(check(&c, NOW), DIGEST_OK);
	cr_expect_eq(check(&c, NOW), DIGEST_STALE);
}

Test(digest, nonces_age)
{
	struct client c = alice();

	ask(server, false, false, NOW);
	cr_expect_eq(check(&c, NOW + 300), DIGEST_OK);
	c.nc = "00000002";
	cr_expect_eq(check(&c, NOW + 301), DIGEST_STALE);
	c.password = "wrong";
	looked_up = 0;
	cr_expect_eq(check(&c, NOW + 301), DIGEST_STALE);
	cr_expect_eq(looked_up, 0, "no password is tried on a nonce that is none");
	c = alice();
	cr_expect_eq(check(&c, NOW - 100), DIGEST_STALE, "a nonce of the future");
}

Test(digest, only_our_nonces_count)
{
	struct client c = alice();

	ask(server, false, false, NOW);
	for (size_t i = 0; i <= strlen(nonce); i++) {
		char good = nonce[i];

		nonce[i] = good == '0' ? '1' : good == '\0' ? 'a' : '0';
		cr_expect_eq(check(&c, NOW), DIGEST_STALE, "%zu", i);
		nonce[i] = good;
	}
	cr_expect_eq(check(&c, NOW), DIGEST_OK);

	/* of another realm under the same key */
	struct digest_ask elsewhere = { .realm = SLICE("elsewhere"), .now_s = NOW };

	ask_as("test", server, &elsewhere, false);
	looked_up = 0;
	cr_expect_eq(check(&c, NOW), DIGEST_STALE);
	cr_expect_eq(looked_up, 0, "made-up nonces cost no look-up and no hash over them");
}

Test(digest, a_count_passes_once_in_any_order_within_a_window)
{
	static const struct {
		const char *nc;
		enum digest_verdict verdict;
	} rows[] = {
		{ "00000001", DIGEST_OK },    { "00000001", DIGEST_STALE },
		{ "00000003", DIGEST_OK },    { "00000002", DIGEST_OK },
		{ "00000002", DIGEST_STALE }, { "00000003", DIGEST_STALE },
		{ "00000042", DIGEST_OK },    { "00000003", DIGEST_STALE },
		{ "00000004", DIGEST_OK },    { "00000041", DIGEST_OK },
		{ "00000043", DIGEST_OK },    { "00000004", DIGEST_STALE },
		{ "ffffFFFF", DIGEST_OK },    { "00000044", DIGEST_STALE },
		{ "fffffffe", DIGEST_OK },    { "fffffffe", DIGEST_STALE },
	};
	struct client c = alice();

	ask(server, false, false, NOW);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		c.nc = rows[i].nc;
		cr_expect_eq(check(&c, NOW), rows[i].verdict, "%zu: %s", i, rows[i].nc);
	}
}

Test(digest, instances_of_a_key_share_what_they_have_seen)
{
	struct digest_server *shard;
	struct client c = alice();

	cr_assert_eq(digest_server_create(&both, &shard), 0);
	ask(shard, false, false, NOW);
	cr_expect_eq(check_lines(server, false, credentials(&c), NOW), DIGEST_OK);
	cr_expect_eq(check_lines(shard, false, credentials(&c), NOW), DIGEST_STALE);
	c.nc = "00000002";
	cr_expect_eq(check_lines(shard, false, credentials(&c), NOW), DIGEST_OK);
	digest_server_destroy(shard);
	cr_expect_eq(check_lines(server, false, credentials(&c), NOW), DIGEST_STALE);
}

/* With room for few nonces: one that was forgotten is stale, and so is what it stood for. */
Test(digest, what_is_forgotten_is_stale)
{
	struct digest_options options = both;
	char nonces[6][128], unused[128];
	struct digest_server *small;
	struct client c = alice();

	options.key[0] = 99;
	options.nonces_max = 4;
	cr_assert_eq(digest_server_create(&options, &small), 0);
	ask(small, false, false, NOW);
	strcpy(unused, nonce);
	for (unsigned i = 0; i < 6; i++) {
		ask(small, false, false, NOW + i);
		strcpy(nonces[i], nonce);
		c.nonce = nonces[i];
		c.nc = "00000001";
		cr_expect_eq(check_lines(small, false, credentials(&c), NOW + i), DIGEST_OK);
		/* the first one stays in use */
		c.nonce = nonces[0];
		c.nc = (const char *[]){ "00000002", "00000003", "00000004",
					 "00000005", "00000006", "00000007" }[i];
		cr_expect_eq(check_lines(small, false, credentials(&c), NOW + i), DIGEST_OK);
	}
	c.nc = "00000001";
	for (unsigned i = 0; i < 6; i++) {
		c.nonce = nonces[i];
		cr_expect_eq(check_lines(small, false, credentials(&c), NOW + 6), DIGEST_STALE,
			     "%u", i);
	}
	c.nonce = nonces[0];
	c.nc = "00000009";
	cr_expect_eq(check_lines(small, false, credentials(&c), NOW + 6), DIGEST_OK, "was in use");
	c.nonce = nonces[1];
	cr_expect_eq(check_lines(small, false, credentials(&c), NOW + 6), DIGEST_STALE, "was not");
	c.nonce = unused;
	cr_expect_eq(check_lines(small, false, credentials(&c), NOW + 6), DIGEST_STALE,
		     "older than what was forgotten: nobody knows");
	digest_server_destroy(small);
}

Test(digest, quoted_pairs_in_a_name)
{
	struct client c = alice();
	char lines[2048], *at;

	ask(server, false, false, NOW);
	strcpy(lines, credentials(&c));
	at = strstr(lines, "\"alice\"");
	memmove(at + 8, at + 7, strlen(at + 7) + 1);
	memcpy(at, "\"\\alice\"", 8);
	cr_expect_eq(check_lines(server, false, lines, NOW), DIGEST_OK);
}

Test(digest, options_are_checked)
{
	struct digest_options options = both;
	struct digest_server *none;

	options.algorithm_count = 0;
	cr_expect_eq(digest_server_create(&options, &none), -EINVAL);
	options.algorithm_count = 2;
	options.algorithms[0] = DIGEST_MD5;
	cr_expect_eq(digest_server_create(&options, &none), -EINVAL, "one twice");
}

/* Many threads offer the same counts: each passes once. */
struct racer {
	pthread_t thread;
	struct digest_server *server;
	unsigned passed;
};

static char race_lines[50][1024];

static bool find_all(void *arg, const char *user, struct slice realm,
		     enum digest_algorithm algorithm, unsigned char ha1[DIGEST_BYTES_MAX])
{
	(void)arg;
	return digest_ha1(algorithm, slice_of(user), realm, SLICE("alice-secret"), ha1);
}

static void *race(void *arg)
{
	static const struct digest_users everybody = { .find = find_all };
	struct digest_ask what = asked(false, NOW);
	struct racer *racer = arg;

	for (unsigned i = 0; i < 50; i++) {
		char text[2048];
		struct sip_parse_error error;
		struct digest_result mine;
		struct sip_msg *msg;
		int n = snprintf(text, sizeof(text),
				 "REGISTER " URI
				 " SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: <sip:a@h>;tag=1\r\n"
				 "To: <sip:a@h>\r\nCall-ID: x\r\nCSeq: 1 REGISTER\r\n%s\r\n",
				 race_lines[i]);

		if (sip_msg_parse(text, (size_t)n, NULL, &msg, &error) != 0)
			continue;
		digest_check(racer->server, msg, &what, &everybody, &mine);
		racer->passed += mine.verdict == DIGEST_OK;
		sip_msg_unref(msg);
	}
	return NULL;
}

Test(digest, threads_do_not_let_a_count_pass_twice)
{
	struct racer racers[4] = { 0 };
	struct client c = alice();
	unsigned passed = 0;

	ask(server, false, false, NOW);
	for (unsigned i = 0; i < 50; i++) {
		char nc[9];

		snprintf(nc, sizeof(nc), "%08x", i + 1);
		c.nc = nc;
		strcpy(race_lines[i], credentials(&c));
	}
	for (unsigned i = 0; i < 4; i++) {
		cr_assert_eq(digest_server_create(&both, &racers[i].server), 0);
		pthread_create(&racers[i].thread, NULL, race, &racers[i]);
	}
	for (unsigned i = 0; i < 4; i++) {
		pthread_join(racers[i].thread, NULL);
		passed += racers[i].passed;
		digest_server_destroy(racers[i].server);
	}
	cr_expect_eq(passed, 50);
}

/* --- what else is offered --- */

static void create_with(struct digest_options options)
{
	tear_down();
	create(&options);
}

Test(digest, all_algorithms_in_the_order_asked_for)
{
	struct digest_options options = both;
	struct client c = alice();
	const char *at = challenge;

	options.algorithms[0] = DIGEST_SHA512_256;
	options.algorithms[1] = DIGEST_SHA256;
	options.algorithms[2] = DIGEST_MD5;
	options.algorithm_count = 3;
	create_with(options);
	ask(server, false, false, NOW);
	for (unsigned i = 0; i < 3; i++) {
		char expected[64];

		snprintf(expected, sizeof(expected), "algorithm=%s, ",
			 names[options.algorithms[i]][1]);
		at = strstr(at, expected);
		cr_assert_not_null(at, "%s: %s", expected, challenge);
		c.algorithm = options.algorithms[i];
		c.nc = (const char *[]){ "00000001", "00000002", "00000003" }[i];
		cr_expect_eq(check(&c, NOW), DIGEST_OK, "%s", expected);
	}
}

Test(digest, auth_int_covers_the_body)
{
	struct digest_options options = both;
	struct client c = alice();
	char lines[4096];

	options.auth_int = true;
	create_with(options);
	ask(server, false, false, NOW);
	cr_expect_not_null(strstr(challenge, "qop=\"auth,auth-int\""));
	c.qop = "auth-int";
	c.body = "some body";
	snprintf(lines, sizeof(lines), "%sContent-Length: 9\r\n\r\nsome body", credentials(&c));
	lines[strlen(lines) - 1] = 'Y';
	cr_expect_eq(check_lines(server, false, lines, NOW), DIGEST_WRONG);
	lines[strlen(lines) - 1] = 'y';
	cr_expect_eq(check_lines(server, false, lines, NOW), DIGEST_OK);
}

Test(digest, hashed_and_extended_names)
{
	struct digest_options options = both;
	struct client c = alice();
	char lines[2048], *at;

	options.user_hash = true;
	create_with(options);
	ask(server, false, false, NOW);
	cr_expect_not_null(strstr(challenge, ", userhash=true"));
	c.user_hash = true;
	c.algorithm = DIGEST_SHA256;
	cr_expect_eq(check(&c, NOW), DIGEST_OK);
	cr_expect_str_eq(result.username, "alice");
	c.user = "mallory";
	c.nc = "00000002";
	cr_expect_eq(check(&c, NOW), DIGEST_WRONG);

	c = alice();
	c.nc = "00000003";
	strcpy(lines, credentials(&c));
	at = strstr(lines, "username=\"alice\"");
	memmove(at + 24, at + 16, strlen(at + 16) + 1);
	memcpy(at, "username*=UTF-8''%61lice", 24);
	cr_expect_eq(check_lines(server, false, lines, NOW), DIGEST_OK, "%s", lines);
}

Test(digest, authentication_info_proves_the_password_to_the_client)
{
	struct digest_ask what = asked(false, NOW);
	struct client c = alice(), mine = c;
	char text[1024], expected[512];
	struct sip_build b;

	ask(server, false, false, NOW);
	cr_assert_eq(check(&c, NOW), DIGEST_OK);
	/* A2 has no method (RFC 7616 §3.5); what was proved are slices of a message that is gone */
	result.proof.uri = SLICE(URI);
	result.proof.nonce = slice_of(nonce);
	result.proof.nc = result.proof.cnonce = SLICE_NONE;
	result.proof.nc = SLICE("00000001");
	result.proof.cnonce = SLICE("c0");
	result.proof.qop_text = SLICE("auth");
	sip_build_init(&b, text, sizeof(text) - 1);
	digest_info(server, &what, &result, SLICE_NONE, &b);
	text[b.used] = '\0';
	mine.method = "";
	respond(&mine);
	snprintf(expected, sizeof(expected),
		 "Authentication-Info: qop=auth, rspauth=\"%s\", cnonce=\"c0\", nc=00000001\r\n",
		 mine.response);
	cr_expect_str_eq(text, expected);
	cr_expect_not(result.renew);

	c.nc = "00000002";
	cr_assert_eq(check(&c, NOW + 200), DIGEST_OK);
	cr_expect(result.renew, "past half of its life the next nonce is handed out");
}
