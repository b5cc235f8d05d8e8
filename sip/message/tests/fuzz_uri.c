/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two URIs, with a line feed between them. What must hold: one that is right is right again, and
 * equal to itself; equality does not depend on the order; all of it lies within the text; lists end.
 */
#include "sip/base/tests/fuzz.h"
#include "sip/message/headers.h"

static void must_lie_in(struct slice part, struct slice text)
{
	MUST(part.n == 0 || (part.p >= text.p && part.p + part.n <= text.p + text.n));
}

static void look_at(const struct sip_uri *uri)
{
	struct sip_params params = uri->params;
	struct slice headers = uri->headers, name, value;
	size_t limit = uri->text.n + 1;
	struct sip_uri again;
	char text[64];

	must_lie_in(uri->user, uri->text);
	must_lie_in(uri->password, uri->text);
	must_lie_in(uri->host, uri->text);
	must_lie_in(uri->params.text, uri->text);
	must_lie_in(uri->headers, uri->text);
	while (sip_param_next(&params, &name, &value))
		MUST(limit-- > 0);
	limit = uri->text.n + 1;
	while (sip_uri_header_next(&headers, &name, &value))
		MUST(limit-- > 0);
	sip_uri_unescape(uri->user, text, sizeof(text));
	if (sip_uri_header_get(uri, "Replaces", text, sizeof(text)) == 0) {
		for (size_t i = 0; text[i] != '\0'; i++)
			MUST((unsigned char)text[i] >= ' ');
	}
	MUST(sip_uri_parse(uri->text, &again) == 0);
	MUST(sip_uri_equal(uri, &again));
	sip_uri_is_emergency(uri);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = { (const char *)data, size }, first = slice_split(&rest, '\n');
	struct sip_uri a, b;
	bool right = sip_uri_parse(first, &a) == 0;

	if (right)
		look_at(&a);
	if (rest.p != NULL && sip_uri_parse(rest, &b) == 0) {
		look_at(&b);
		if (right)
			MUST(sip_uri_equal(&a, &b) == sip_uri_equal(&b, &a));
	}
	return 0;
}
