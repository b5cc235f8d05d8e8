/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/auth/internal.h"

#include <assert.h>
#include <errno.h>
#include <openssl/crypto.h>

#include "sip/auth/digest.h"
#include "sip/base/random.h"

#define SIGNED_SIZE 16 /* time and id */
#define SOURCE_SIZE (1 + 8)
#define MAC_SIZE    16
#define NONCE_SIZE  (SIGNED_SIZE + MAC_SIZE)

static_assert(NONCE_TEXT == 2 * NONCE_SIZE, "size of the text");

/* Family and IP; of IPv6 the network, in which hosts change their addresses. */
static void put_source(const struct sip_address *source, unsigned char out[SOURCE_SIZE])
{
	memset(out, 0, SOURCE_SIZE);
	if (source == NULL)
		return;
	out[0] = source->family == AF_INET6 ? 6 : 4;
	memcpy(out + 1, source->ip, source->family == AF_INET6 ? 8 : 4);
}

static bool sign(EVP_MAC_CTX *mac, const struct sip_address *from, struct slice realm,
		 const unsigned char data[SIGNED_SIZE], unsigned char out[MAC_SIZE])
{
	unsigned char whole[EVP_MAX_MD_SIZE], source[SOURCE_SIZE];
	size_t size;

	put_source(from, source);
	/* Without a key the one given before is used again. */
	if (EVP_MAC_init(mac, NULL, 0, NULL) != 1 || EVP_MAC_update(mac, data, SIGNED_SIZE) != 1 ||
	    EVP_MAC_update(mac, source, SOURCE_SIZE) != 1 ||
	    EVP_MAC_update(mac, (const unsigned char *)realm.p, realm.n) != 1 ||
	    EVP_MAC_final(mac, whole, &size, sizeof(whole)) != 1 || size < MAC_SIZE)
		return false;
	memcpy(out, whole, MAC_SIZE);
	return true;
}

static void put_u64(unsigned char *to, uint64_t value)
{
	for (unsigned i = 0; i < 8; i++)
		to[i] = (unsigned char)(value >> (56 - 8 * i));
}

static uint64_t get_u64(const unsigned char *from)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < 8; i++)
		value = value << 8 | from[i];
	return value;
}

int nonce_make(EVP_MAC_CTX *mac, const struct digest_ask *ask, char text[NONCE_TEXT + 1])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char bytes[NONCE_SIZE];

	put_u64(bytes, ask->now_s);
	put_u64(bytes + 8, random_u64());
	if (!sign(mac, ask->proven ? NULL : ask->source, ask->realm, bytes, bytes + SIGNED_SIZE))
		return -EIO;
	for (unsigned i = 0; i < NONCE_SIZE; i++) {
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 15];
	}
	text[NONCE_TEXT] = '\0';
	return 0;
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_signed(EVP_MAC_CTX *mac, const struct sip_address *from, struct slice realm,
		      const unsigned char bytes[NONCE_SIZE])
{
	unsigned char expected[MAC_SIZE];

	return sign(mac, from, realm, bytes, expected) &&
	       CRYPTO_memcmp(expected, bytes + SIGNED_SIZE, MAC_SIZE) == 0;
}

bool nonce_read(EVP_MAC_CTX *mac, const struct digest_ask *ask, struct slice text,
		struct nonce *nonce)
{
	unsigned char bytes[NONCE_SIZE];

	if (text.n != NONCE_TEXT)
		return false;
	for (unsigned i = 0; i < NONCE_SIZE; i++) {
		int high = digit_of(text.p[2 * i]), low = digit_of(text.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		bytes[i] = (unsigned char)(high << 4 | low);
	}
	/* Asked over UDP and proven over TCP, for its size, it is the same host still. */
	if (!is_signed(mac, ask->source, ask->realm, bytes) &&
	    !(ask->proven && is_signed(mac, NULL, ask->realm, bytes)))
		return false;
	nonce->created_s = get_u64(bytes);
	nonce->id = get_u64(bytes + 8);
	return true;
}
