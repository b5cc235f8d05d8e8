/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>

#include "sip/auth/algorithm.h"

/* §3.9.1, and §3.9.2, whose name is hashed, with the values of erratum 4897. */
Test(algorithm, computes_the_examples_of_rfc_7616)
{
	static const struct {
		enum digest_algorithm algorithm;
		const char *user, *realm, *password, *uri, *nonce, *cnonce, *response, *hash;
	} rows[] = {
		{ DIGEST_MD5, "Mufasa", "http-auth@example.org", "Circle of Life",
		  "/dir/index.html", "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
		  "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
		  "8ca523f5e9506fed4657c9700eebdbec", NULL },
		{ DIGEST_SHA256, "Mufasa", "http-auth@example.org", "Circle of Life",
		  "/dir/index.html", "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
		  "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
		  "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1", NULL },
		{ DIGEST_SHA512_256, "J\xc3\xa4s\xc3\xb8n Doe", "api@example.org",
		  "Secret, or not?", "/doe.json", "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK",
		  "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v",
		  "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5",
		  "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned char ha1[DIGEST_BYTES_MAX];
		char hex[DIGEST_HEX_MAX + 1];
		struct digest_parts parts = {
			.algorithm = rows[i].algorithm,
			.qop = DIGEST_QOP_AUTH,
			.ha1 = ha1,
			.method = SLICE("GET"),
			.uri = slice_of(rows[i].uri),
			.nonce = slice_of(rows[i].nonce),
			.nc = SLICE("00000001"),
			.cnonce = slice_of(rows[i].cnonce),
			.qop_text = SLICE("auth"),
		};

		cr_assert(digest_ha1(rows[i].algorithm, slice_of(rows[i].user),
				     slice_of(rows[i].realm), slice_of(rows[i].password), ha1));
		cr_assert(digest_response(&parts, hex));
		cr_expect_str_eq(hex, rows[i].response, "%zu", i);
		if (rows[i].hash != NULL) {
			struct slice name[] = { slice_of(rows[i].user), slice_of(rows[i].realm) };

			cr_assert(digest_hash_hex(rows[i].algorithm, name, 2, hex));
			cr_expect_str_eq(hex, rows[i].hash);
		}
	}
}
