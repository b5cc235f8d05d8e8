/* SPDX-License-Identifier: BSD-3-Clause */
/* Keys of SRTP in the text (RFC 4568), and of DTLS beside it (RFC 8122, RFC 4145). */
#include <errno.h>

#include "sip/sdp/internal.h"

int sdp_crypto_parse(struct slice value, struct sdp_crypto *crypto)
{
	value = slice_trim(value);
	if (slice_to_u32(sdp_take_field(&value), 999999999, &crypto->tag) != 0)
		return -EBADMSG;
	crypto->suite = sdp_take_field(&value);
	crypto->keys = sdp_take_field(&value);
	crypto->session = value.p != NULL ? slice_trim(value) : SLICE_NONE;
	return sdp_is_token(crypto->suite) && crypto->keys.n > 0 ? 0 : -EBADMSG;
}

/* "2^20" or a decimal number */
static int to_lifetime(struct slice text, uint64_t *lifetime)
{
	uint32_t exponent;

	if (text.n > 2 && text.p[0] == '2' && text.p[1] == '^') {
		if (slice_to_u32((struct slice){ text.p + 2, text.n - 2 }, 63, &exponent) != 0)
			return -EBADMSG;
		*lifetime = UINT64_C(1) << exponent;
		return 0;
	}
	return sdp_to_u64(text, lifetime);
}

static bool is_base64(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((unsigned)(c | 0x20) - 'a' > 25 && (unsigned)c - '0' > 9 && c != '+' &&
		    c != '/' && c != '=')
			return false;
	}
	return s.n > 0;
}

int sdp_crypto_key_next(struct slice *keys, struct sdp_crypto_key *key)
{
	struct slice info, part;
	uint32_t size;

	if (keys->p == NULL || keys->n == 0)
		return -ENOENT;
	info = slice_split(keys, ';');
	*key = (struct sdp_crypto_key){ 0 };
	if (!slice_equal_nocase(slice_split(&info, ':'), SLICE("inline")))
		return -EBADMSG;
	key->key_salt = slice_split(&info, '|');
	if (!is_base64(key->key_salt))
		return -EBADMSG;
	while (info.p != NULL) {
		part = slice_split(&info, '|');
		if (memchr(part.p, ':', part.n) == NULL) {
			if (to_lifetime(part, &key->lifetime) != 0)
				return -EBADMSG;
			continue;
		}
		if (sdp_to_u64(slice_split(&part, ':'), &key->mki) != 0 ||
		    slice_to_u32(part, 128, &size) != 0 || size == 0)
			return -EBADMSG;
		key->mki_size = (uint8_t)size;
	}
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int sdp_fingerprint_parse(struct slice value, struct sdp_fingerprint *fingerprint)
{
	value = slice_trim(value);
	fingerprint->hash = sdp_take_field(&value);
	fingerprint->size = 0;
	if (!sdp_is_token(fingerprint->hash) || value.p == NULL)
		return -EBADMSG;
	value = slice_trim(value);
	while (value.p != NULL) {
		struct slice byte = slice_split(&value, ':');
		int high = byte.n == 2 ? hex_digit(byte.p[0]) : -1;
		int low = byte.n == 2 ? hex_digit(byte.p[1]) : -1;

		if (high < 0 || low < 0 || fingerprint->size == SDP_FINGERPRINT_MAX)
			return -EBADMSG;
		fingerprint->bytes[fingerprint->size++] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

int sdp_setup_parse(struct slice value, enum sdp_setup *setup)
{
	static const char *const texts[] = { [SDP_SETUP_ACTIVE] = "active",
					     [SDP_SETUP_PASSIVE] = "passive",
					     [SDP_SETUP_ACTPASS] = "actpass",
					     [SDP_SETUP_HOLDCONN] = "holdconn" };

	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (slice_equal(slice_trim(value), slice_of(texts[i]))) {
			*setup = i;
			return 0;
		}
	}
	return -EBADMSG;
}
