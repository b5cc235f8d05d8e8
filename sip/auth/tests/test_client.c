/* SPDX-License-Identifier: BSD-3-Clause */
/* Our client against our server, and against challenges that others make. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "sip/auth/client.h"
#include "sip/auth/digest.h"

#define NOW 1700000000u
#define URI "sip:123@carrier.lab"

static const struct sip_account accounts[] = { { "carrier.lab", "tandem", "trunk-secret", 0 },
					       { NULL, "any \"one\"", "other-secret", 0 } };
static struct sip_credentials *client;
static struct sip_challenge_try attempt;
static char lines[4096];
static const struct sip_address *host; /* where requests go */

static void set_up(void)
{
	cr_assert_eq(sip_credentials_create(accounts, 2, &client), 0);
}

static void tear_down(void)
{
	sip_credentials_destroy(client);
}

TestSuite(client_role, .init = set_up, .fini = tear_down);

static int take(unsigned status, const char *challenges)
{
	struct sip_parse_error error;
	char text[4096];
	struct sip_msg *msg;
	int rc, n = snprintf(text, sizeof(text),
			     "SIP/2.0 %u No\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
			     "From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=2\r\nCall-ID: 1\r\n"
			     "CSeq: 1 INVITE\r\n%s\r\n",
			     status, challenges);

	cr_assert_eq(sip_msg_parse(text, (size_t)n, NULL, &msg, &error), 0, "%s", text);
	rc = status < 300 ? 0 : sip_credentials_take(client, msg, host, &attempt);
	if (status < 300)
		sip_credentials_note(client, msg);
	sip_msg_unref(msg);
	return rc;
}

static const char *answer(const char *body)
{
	struct sip_authorized_request request = { SLICE("INVITE"), SLICE(URI), slice_of(body),
						  host };
	int n = sip_credentials_lines(client, &request, lines, sizeof(lines) - 1);

	cr_assert_geq(n, 0);
	lines[n] = '\0';
	return lines;
}

static unsigned occurrences(const char *text, const char *of)
{
	unsigned n = 0;

	for (; (text = strstr(text, of)) != NULL; text++)
		n++;
	return n;
}

/* --- what to answer --- */

Test(client_role, says_nothing_unasked)
{
	cr_expect_str_eq(answer(""), "");
}

Test(client_role, of_several_challenges_the_strongest_that_it_can_meet)
{
	cr_expect_eq(take(401, "WWW-Authenticate: Digest realm=\"carrier.lab\", nonce=\"n0\", "
			       "algorithm=SHA3-999, qop=\"auth\"\r\n"
			       "WWW-Authenticate: Digest realm=\"carrier.lab\", nonce=\"n2\", "
			       "algorithm=MD5, qop=\"auth\"\r\n"
			       "WWW-Authenticate: Digest realm=\"carrier.lab\", nonce=\"n1\", "
			       "algorithm=SHA-512-256, qop=\"auth-int,auth\", opaque=\"op\"\r\n"
			       "WWW-Authenticate: Digest realm=\"carrier.lab\", nonce=\"n3\", "
			       "algorithm=SHA-256, qop=\"auth\"\r\n"),
		     0);
	answer("");
	cr_expect_eq(occurrences(lines, "Authorization: "), 1);
	cr_expect_not_null(strstr(lines,
				  "username=\"tandem\", realm=\"carrier.lab\", nonce=\"n1\", "
				  "uri=\"" URI "\""),
			   "%s", lines);
	cr_expect_not_null(strstr(lines, "algorithm=SHA-512-256, qop=auth, nc=00000001, cnonce="));
	cr_expect_not_null(strstr(lines, "opaque=\"op\""));
}

Test(client_role, counts_the_uses_of_a_nonce)
{
	cr_assert_eq(take(407, "Proxy-Authenticate: Digest realm=\"carrier.lab\", nonce=\"n\", "
			       "qop=\"auth\"\r\n"),
		     0);
	answer("");
	cr_expect_eq(strncmp(lines, "Proxy-Authorization: Digest", 27), 0);
	cr_expect_not_null(strstr(lines, "nc=00000001"));
	answer("");
	cr_expect_not_null(strstr(lines, "nc=00000002"));
	cr_expect_eq(take(200, "Authentication-Info: nextnonce=\"other\"\r\n"), 0);
	answer("");
	cr_expect_not_null(strstr(lines, "nonce=\"n\""), "that is not from the proxy");
}

Test(client_role, a_realm_behind_another_is_answered_as_well)
{
	cr_assert_eq(take(407, "Proxy-Authenticate: Digest realm=\"proxy\", nonce=\"p\", "
			       "qop=\"auth\"\r\n"),
		     0);
	cr_assert_eq(take(401, "WWW-Authenticate: Digest realm=\"carrier.lab\", nonce=\"n\", "
			       "qop=\"auth\"\r\n"),
		     0);
	answer("");
	cr_expect_not_null(strstr(lines, "Proxy-Authorization: Digest username=\"any "
					 "\\\"one\\\"\", realm=\"proxy\""),
			   "%s", lines);
	cr_expect_eq(occurrences(lines, "Authorization: Digest"), 2);
}

Test(client_role, the_next_nonce_takes_the_place_of_the_last)
{
	cr_assert_eq(take(401, "WWW-Authenticate: Digest realm=\"carrier.lab\", nonce=\"n\", "
			       "qop=\"auth\"\r\n"),
		     0);
	answer("");
	take(200, "Authentication-Info: rspauth=\"x\", nextnonce=\"m\"\r\n");
	answer("");
	cr_expect_not_null(strstr(lines, "nonce=\"m\""));
	cr_expect_not_null(strstr(lines, "nc=00000001"));
}

Test(client_role, what_is_not_answered)
{
	static const struct {
		const char *challenge;
		int error;
	} rows[] = {
		{ "", -EBADMSG },
		{ "WWW-Authenticate: Digest realm=\"carrier.lab\", nonce=\"\"\r\n", -EBADMSG },
		{ "WWW-Authenticate: Digest nonce=\"n\"\r\n", -EBADMSG },
		{ "WWW-Authenticate: Basic realm=\"carrier.lab\"\r\n", -ENOTSUP },
		{ "WWW-Authenticate: Digest realm=\"carrier.lab\", nonce=\"n\", algorithm=X\r\n",
		  -ENOTSUP },
		{ "WWW-Authenticate: Digest realm=\"carrier.lab\", nonce=\"n\", qop=\"x\"\r\n",
		  -ENOTSUP },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		attempt = (struct sip_challenge_try){ 0 };
		cr_expect_eq(take(401, rows[i].challenge), rows[i].error, "%s", rows[i].challenge);
		cr_expect_str_eq(answer(""), "");
	}
	sip_credentials_destroy(client);
	cr_assert_eq(sip_credentials_create(accounts, 1, &client), 0);
	cr_expect_eq(take(401, "WWW-Authenticate: Digest realm=\"else\", nonce=\"n\"\r\n"), -ENOENT,
		     "no account for it");
}

static struct sip_address ip(const char *text)
{
	struct sip_address address;

	cr_assert_eq(sip_address_parse(slice_of(text), 5060, &address), 0);
	return address;
}

Test(client_role, nobody_is_answered_but_whom_the_credentials_are_for)
{
	const struct sip_address carrier = ip("198.18.0.104"), other = ip("198.18.0.105");
	const char *challenge = "WWW-Authenticate: Digest realm=\"carrier.lab\", nonce=\"n\", "
				"qop=\"auth\"\r\n";

	host = &carrier;
	cr_expect_eq(take(401, challenge), -EPERM, "they are for nobody yet");
	sip_credentials_bind(client, &carrier);
	cr_expect_eq(take(401, challenge), 0);
	cr_expect_eq(occurrences(answer(""), "Authorization: "), 1);
	host = &other;
	attempt = (struct sip_challenge_try){ 0 };
	cr_expect_eq(take(401, challenge), -EPERM);
	cr_expect_str_eq(answer(""), "", "nor unasked, with a nonce of the carrier's");
	for (unsigned i = 0; i < 2 * SIP_CREDENTIALS_HOSTS; i++) {
		const struct sip_address one = { .family = AF_INET,
						 .ip = { 10, 0, 0, (uint8_t)i } };

		sip_credentials_bind(client, &one);
	}
	host = &carrier;
	cr_expect_eq(take(401, challenge), -EPERM, "so many are known, and no more");
}

Test(client_role, an_algorithm_below_the_floor_is_not_answered)
{
	const struct sip_account strict = { NULL, "tandem", "secret",
					    1u << DIGEST_SHA256 | 1u << DIGEST_SHA512_256 };

	sip_credentials_destroy(client);
	cr_assert_eq(sip_credentials_create(&strict, 1, &client), 0);
	cr_expect_eq(
		take(401, "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\n"),
		-ENOTSUP, "none said: MD5");
	cr_expect_eq(take(401, "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\n"
			       "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", "
			       "algorithm=SHA-256, qop=\"auth\"\r\n"),
		     0);
	cr_expect_not_null(strstr(answer(""), "algorithm=SHA-256"));
}

/* --- no circles --- */

#define CHALLENGE(nonce) \
	"WWW-Authenticate: Digest realm=\"carrier.lab\", nonce=\"" nonce "\", qop=\"auth\""

Test(client_role, a_wrong_password_is_tried_once)
{
	cr_expect_eq(take(401, CHALLENGE("1") "\r\n"), 0);
	cr_expect_eq(take(401, CHALLENGE("2") "\r\n"), -EACCES);
	cr_expect_str_eq(answer(""), "", "nor is it sent unasked with the next request");
}

Test(client_role, a_stale_nonce_is_renewed_once)
{
	cr_expect_eq(take(401, CHALLENGE("1") "\r\n"), 0);
	cr_expect_eq(take(401, CHALLENGE("2") ", stale=true\r\n"), 0);
	cr_expect_not_null(strstr(answer(""), "nonce=\"2\""));
	cr_expect_eq(take(401, CHALLENGE("3") ", stale=true\r\n"), -EACCES);
	attempt = (struct sip_challenge_try){ 0 };
	cr_expect_eq(take(401, CHALLENGE("4") "\r\n"), 0, "the next request begins anew");
}

Test(client_role, without_qop_a_nonce_serves_once)
{
	cr_assert_eq(take(401, "WWW-Authenticate: Digest realm=\"carrier.lab\", nonce=\"n\"\r\n"),
		     0);
	cr_expect_null(strstr(answer(""), "qop"));
	cr_expect_not_null(strstr(lines, "nonce=\"n\""));
	cr_expect_str_eq(answer(""), "");
}

/* --- the two roles --- */

static bool find(void *arg, const char *user, struct slice realm, enum digest_algorithm algorithm,
		 unsigned char ha1[DIGEST_BYTES_MAX])
{
	(void)arg;
	return strcmp(user, "tandem") == 0 &&
	       digest_ha1(algorithm, slice_of(user), realm, SLICE("trunk-secret"), ha1);
}

static bool unhash(void *arg, const char *hash, struct slice realm, enum digest_algorithm algorithm,
		   char user[DIGEST_USER_MAX])
{
	struct slice parts[] = { SLICE("tandem"), realm };
	char hex[DIGEST_HEX_MAX + 1];

	(void)arg;
	strcpy(user, "tandem");
	return digest_hash_hex(algorithm, parts, 2, hex) && strcmp(hex, hash) == 0;
}

static struct sip_msg *invite(const char *authorization, const char *body)
{
	struct sip_parse_error error;
	struct sip_msg *msg;
	char text[8192];
	int n = snprintf(text, sizeof(text),
			 "INVITE " URI " SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
			 "From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: 1\r\n"
			 "CSeq: 1 INVITE\r\n%sContent-Length: %zu\r\n\r\n%s",
			 authorization, strlen(body), body);

	cr_assert_eq(sip_msg_parse(text, (size_t)n, NULL, &msg, &error), 0, "%s", text);
	return msg;
}

Test(client_role, our_server_lets_it_in)
{
	static const struct digest_users users = { .find = find, .unhash = unhash };
	const struct digest_ask ask = { .realm = SLICE("carrier.lab"),
					.proxy = true,
					.now_s = NOW };

	for (unsigned i = 0; i < 2 * DIGEST_ALGORITHMS; i++) {
		struct digest_options options = { .algorithms = { i / 2 },
						  .algorithm_count = 1,
						  .user_hash = i & 1,
						  .nonce_lifetime_s = 300 };
		struct digest_server *server;
		struct digest_result result;
		struct sip_build b;
		struct sip_msg *msg = invite("", "");

		cr_assert_eq(digest_server_create(&options, &server), 0);
		sip_build_init(&b, lines, sizeof(lines) - 1);
		digest_challenge(server, msg, &ask, false, &b);
		lines[b.used] = '\0';
		sip_msg_unref(msg);
		if (i & 1) { /* auth-int alone */
			char *qop = strstr(lines, "qop=\"auth\"");

			memmove(qop + 14, qop + 10, strlen(qop + 10) + 1);
			memcpy(qop, "qop=\"auth-int\"", 14);
		}
		attempt = (struct sip_challenge_try){ 0 };
		cr_assert_eq(take(407, lines), 0);
		for (unsigned use = 0; use < 3; use++) {
			msg = invite(answer("the body"), "the body");
			digest_check(server, msg, &ask, &users, &result);
			cr_expect_eq(result.verdict, DIGEST_OK, "%u: %s", i, lines);
			cr_expect_str_eq(result.username, "tandem");
			digest_check(server, msg, &ask, &users, &result);
			cr_expect_eq(result.verdict, DIGEST_STALE, "a replay");
			sip_msg_unref(msg);
		}
		digest_server_destroy(server);
	}
}
