/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/trace/mask.h"

#include "sip/base/slice.h"

#define MASKED 'x'

static bool begins(const char *text, size_t size, struct slice name)
{
	return slice_starts_nocase((struct slice){ text, size }, name);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Lines end and go on where they did, in a folded value or one whose quote is not closed. */
static void mask(char *c)
{
	if (!is_space(*c))
		*c = MASKED;
}

static size_t skip_space(const char *text, size_t size, size_t i)
{
	while (i < size && is_space(text[i]))
		i++;
	return i;
}

/* From i: a quoted string up to its end, or a token. */
static size_t mask_value(char *text, size_t size, size_t i)
{
	const bool quoted = i < size && text[i] == '"';

	for (i += quoted; i < size; i++) {
		if (quoted ? text[i] == '"' : text[i] == ',' || is_space(text[i]))
			break;
		if (quoted && text[i] == '\\' && i + 1 < size)
			mask(&text[i++]);
		mask(&text[i]);
	}
	return i;
}

/* The values of all parameters of this name, quoted or not, with white space around "=" or without.
 * A name is one where no other character of a token stands before it. */
static void mask_param(char *text, size_t size, struct slice name)
{
	for (size_t i = 0; i + name.n < size; i++) {
		size_t value = i + name.n;

		if (!slice_same_nocase(text + i, name.p, name.n) ||
		    (i > 0 && text[i - 1] != ',' && !is_space(text[i - 1])))
			continue;
		value = skip_space(text, size, value);
		if (value == size || text[value] != '=')
			continue;
		i = mask_value(text, size, skip_space(text, size, value + 1));
	}
}

/* Of a scheme that we do not know (Basic, Bearer), all: it may be the password itself. */
static void mask_credentials(char *text, size_t size, size_t value)
{
	size_t i = skip_space(text, size, value);

	if (begins(text + i, size - i, SLICE("Digest")) && i + 6 < size && is_space(text[i + 6])) {
		mask_param(text, size, SLICE("response"));
		return;
	}
	while (i < size && !is_space(text[i]))
		i++;
	for (; i < size; i++)
		mask(&text[i]);
}

/* The length of a header's name with the colon, if it is this one; else 0. */
static size_t is_header(const char *text, size_t size, struct slice name)
{
	const size_t colon = skip_space(text, size, name.n);

	return begins(text, size, name) && colon < size && text[colon] == ':' ? colon + 1 : 0;
}

/* What is hashed with the password can be tried passwords on, whichever side says it. text: a header
 * with its continuation lines, or a line of the body. */
static void mask_header(char *text, size_t size)
{
	static const char *const credentials[] = { "Authorization", "Proxy-Authorization" };
	static const char *const proofs[] = { "Authentication-Info", "Proxy-Authentication-Info" };

	for (size_t i = 0; i < 2; i++) {
		const size_t value = is_header(text, size, slice_of(credentials[i]));

		if (value > 0)
			mask_credentials(text, size, value);
		if (is_header(text, size, slice_of(proofs[i])) > 0)
			mask_param(text, size, SLICE("rspauth"));
	}
}

/* a=crypto:TAG SUITE inline:KEY|… [; inline:KEY|…] */
static void mask_keys(char *text, size_t size)
{
	const struct slice key = SLICE("inline:");

	for (size_t i = 0; i + key.n <= size; i++) {
		if (!slice_same_nocase(text + i, key.p, key.n))
			continue;
		for (i += key.n; i < size && text[i] != '|' && text[i] != ';' && !is_space(text[i]);
		     i++)
			text[i] = MASKED;
	}
}

/* A line with those that continue it (RFC 3261 §7.3.1). */
static size_t take_lines(const char *text, size_t size)
{
	size_t n = 0;

	do {
		const char *end = memchr(text + n, '\n', size - n);

		n = end != NULL ? (size_t)(end + 1 - text) : size;
	} while (n < size && n > 2 && (text[n] == ' ' || text[n] == '\t'));
	return n;
}

void trace_mask(char *message, size_t size)
{
	while (size > 0) {
		const size_t n = take_lines(message, size);

		if (begins(message, n, SLICE("a=crypto:")))
			mask_keys(message, n);
		else
			mask_header(message, n);
		message += n;
		size -= n;
	}
}
