/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>

#include "sip/auth/digest.h"
#include "sip/auth/internal.h"

static EVP_MAC_CTX *mac;

static void set_up(void)
{
	static const unsigned char key[32] = { 1 };
	const OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string("digest", "SHA256", 0),
				      OSSL_PARAM_construct_end() };
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);

	mac = EVP_MAC_CTX_new(hmac);
	EVP_MAC_free(hmac);
	cr_assert_eq(EVP_MAC_init(mac, key, sizeof(key), params), 1);
}

static void tear_down(void)
{
	EVP_MAC_CTX_free(mac);
}

TestSuite(nonce, .init = set_up, .fini = tear_down);

/* Or who has been given one could be wrong with it in the name of a forged source. */
Test(nonce, over_udp_it_is_good_from_where_it_was_asked_for_alone)
{
	static const struct {
		const char *asked, *from;
		bool asked_proven, proven, good;
	} rows[] = {
		{ "192.0.2.1", "192.0.2.1", false, false, true },
		{ "192.0.2.1", "192.0.2.2", false, false, false },
		{ "192.0.2.1", "192.0.2.1", true, false, false },
		{ "192.0.2.1", "192.0.2.2", true, false, false },
		{ "192.0.2.1", "192.0.2.1", false, true, true }, /* too large for UDP now */
		{ "192.0.2.1", "192.0.2.2", false, true, false },
		{ "192.0.2.1", "192.0.2.2", true, true, true },
		{ "2001:db8::1", "2001:db8::2", false, false, true }, /* of a /64 */
		{ "2001:db8::1", "2001:db8:0:1::1", false, false, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct digest_ask ask = { .realm = SLICE("tandem.lab"), .now_s = 1000 };
		struct sip_address asking, proving;
		char text[NONCE_TEXT + 1];
		struct nonce nonce;

		/* the port is of a NAT, which may choose another */
		cr_assert_eq(sip_address_parse(slice_of(rows[i].asked), 5060, &asking), 0);
		cr_assert_eq(sip_address_parse(slice_of(rows[i].from), 5061, &proving), 0);
		ask.source = &asking;
		ask.proven = rows[i].asked_proven;
		cr_assert_eq(nonce_make(mac, &ask, text), 0);
		ask.source = &proving;
		ask.proven = rows[i].proven;
		cr_expect_eq(nonce_read(mac, &ask, slice_of(text), &nonce), rows[i].good, "%zu", i);
	}
}
