/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The value of an Authorization header from anywhere. NONCE in it stands for a nonce that is ours,
 * so that the way beyond that check is open. Nobody gets in: no digest here can be right.
 */
#include <stdio.h>
#include <stdlib.h>

#include "sip/auth/digest.h"
#include "sip/base/tests/fuzz.h"

#define NOW 1700000000u

static bool find(void *arg, const char *user, struct slice realm, enum digest_algorithm algorithm,
		 unsigned char ha1[DIGEST_BYTES_MAX])
{
	(void)arg;
	return user[0] == 'a' &&
	       digest_ha1(algorithm, slice_of(user), realm,
			  SLICE("\x01 a password that the fuzzer does not know"), ha1);
}

static bool unhash(void *arg, const char *hash, struct slice realm, enum digest_algorithm algorithm,
		   char user[DIGEST_USER_MAX])
{
	(void)arg, (void)realm, (void)algorithm;
	strcpy(user, "alice");
	return hash[0] == 'a';
}

static const struct digest_ask ask = { .realm = { "tandem.lab", 10 }, .now_s = NOW };

static struct digest_server *create(void)
{
	struct digest_options options = {
		.algorithms = { DIGEST_SHA256, DIGEST_SHA512_256, DIGEST_MD5 },
		.algorithm_count = 3,
		.auth_int = true,
		.user_hash = true,
		.nonce_lifetime_s = 300,
		.key = { 7 },
		.nonces_max = 4,
	};
	struct digest_server *server;

	if (digest_server_create(&options, &server) != 0)
		abort();
	return server;
}

/* "nonce=\"…\"" of a challenge */
static struct slice our_nonce(struct digest_server *server)
{
	static const char register_text[] =
		"REGISTER sip:tandem.lab SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: <sip:a@h>;tag=1\r\n"
		"To: <sip:a@h>\r\nCall-ID: x\r\nCSeq: 1 REGISTER\r\n\r\n";
	static char text[1024];
	struct sip_parse_error error;
	struct sip_msg *request;
	struct sip_build b;
	struct slice rest;

	if (sip_msg_parse(register_text, sizeof(register_text) - 1, NULL, &request, &error) != 0)
		abort();

	sip_build_init(&b, text, sizeof(text));
	digest_challenge(server, request, &ask, false, &b);
	sip_msg_unref(request);
	rest = (struct slice){ text, b.used };
	for (unsigned i = 0; i < 3; i++)
		slice_split(&rest, '"');
	return slice_split(&rest, '"');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct digest_users users = { .find = find, .unhash = unhash };
	static struct digest_server *server;
	static struct slice nonce;
	static char text[8192];
	static const char head[] = "REGISTER sip:tandem.lab SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n"
				   "From: <sip:a@h>;tag=1\r\nTo: <sip:a@h>\r\nCall-ID: x\r\n"
				   "CSeq: 1 REGISTER\r\nAuthorization: ";
	struct sip_parse_error error;
	struct digest_result result;
	size_t n = sizeof(head) - 1;
	struct sip_msg *msg;

	if (server == NULL) {
		server = create();
		nonce = our_nonce(server);
	}
	memcpy(text, head, n);
	for (size_t i = 0; i < size && n < sizeof(text) - 200; i++) {
		if (size - i >= 5 && memcmp(data + i, "NONCE", 5) == 0) {
			memcpy(text + n, nonce.p, nonce.n);
			n += nonce.n;
			i += 4;
		} else {
			text[n++] = (char)data[i];
		}
	}
	memcpy(text + n, "\r\n\r\n", 4);
	if (sip_msg_parse(text, n + 4, NULL, &msg, &error) == 0) {
		digest_check(server, msg, &ask, &users, &result);
		if (result.verdict == DIGEST_OK)
			abort();
	}
	sip_msg_unref(msg);
	return 0;
}
