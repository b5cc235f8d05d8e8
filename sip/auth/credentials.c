/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/auth/internal.h"
#include "sip/message/chars.h"
#include "sip/message/typed.h"

bool digest_scheme_take(struct slice *value)
{
	struct slice rest = *value, scheme = take_while(&rest, CHAR_TOKEN);

	if (!slice_equal_nocase(scheme, SLICE("Digest")))
		return false;
	*value = rest;
	return true;
}

bool digest_params_read(struct slice text, struct digest_params *params)
{
	const struct {
		const char *name;
		struct slice *to;
	} known[] = {
		{ "username", &params->username },
		{ "username*", &params->username_star },
		{ "realm", &params->realm },
		{ "nonce", &params->nonce },
		{ "uri", &params->uri },
		{ "response", &params->response },
		{ "algorithm", &params->algorithm },
		{ "qop", &params->qop },
		{ "cnonce", &params->cnonce },
		{ "nc", &params->nc },
		{ "opaque", &params->opaque },
		{ "stale", &params->stale },
		{ "userhash", &params->userhash },
	};
	struct slice name, value;
	int rc;

	*params = (struct digest_params){ 0 };
	if (text.n == 0 || !char_is_space(text.p[0]))
		return false;
	while ((rc = sip_param_take(&text, ',', &name, &value)) > 0) {
		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
			if (!slice_equal_nocase(name, slice_of(known[i].name)))
				continue;
			if (known[i].to->p != NULL || value.p == NULL)
				return false;
			*known[i].to = value;
			break;
		}
	}
	return rc == 0;
}

bool digest_count_read(struct slice text, uint32_t *count)
{
	*count = 0;
	if (text.n != 8 || !all_are(text, CHAR_HEX))
		return false;
	for (unsigned i = 0; i < 8; i++)
		*count = *count << 4 | char_hex(text.p[i]);
	return *count > 0;
}

/* Quoted pairs are undone. */
static bool read_quoted(struct slice text, char *to, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\\' && i + 1 < text.n)
			i++;
		if (used + 1 >= size)
			return false;
		to[used++] = text.p[i];
	}
	to[used] = '\0';
	return used > 0;
}

bool digest_user_read(const struct digest_params *params, char *to, size_t size)
{
	static const char charset[] = "UTF-8''";
	struct slice star = params->username_star;
	bool ok;

	if (params->username.p != NULL) {
		ok = star.p == NULL && read_quoted(params->username, to, size);
	} else {
		/* RFC 5987: charset'language'text with %xx */
		ok = slice_starts_nocase(star, SLICE(charset));
		if (ok) {
			star.p += sizeof(charset) - 1;
			star.n -= sizeof(charset) - 1;
			ok = star.n > 0 && sip_uri_unescape(star, to, size) == 0;
		}
	}
	if (!ok)
		to[0] = '\0';
	return ok;
}
