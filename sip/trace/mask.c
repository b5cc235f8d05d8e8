/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/trace/mask.h"

#include "sip/base/slice.h"

#define MASKED 'x'

/* Overwrites what follows `key` in the line, up to one of `ends`. */
static void mask_after(char *line, size_t size, struct slice key, const char *ends)
{
	for (size_t i = 0; i + key.n <= size; i++) {
		if (!slice_same_nocase(line + i, key.p, key.n))
			continue;
		for (i += key.n; i < size && !strchr(ends, line[i]); i++)
			line[i] = MASKED;
	}
}

static bool begins(const char *line, size_t size, struct slice name)
{
	return slice_starts_nocase((struct slice){ line, size }, name);
}

/* What is hashed with the password can be tried passwords on, whichever side says it. */
static bool has_credentials(const char *line, size_t size)
{
	return begins(line, size, SLICE("Authorization")) ||
	       begins(line, size, SLICE("Proxy-Authorization")) ||
	       begins(line, size, SLICE("Authentication-Info")) ||
	       begins(line, size, SLICE("Proxy-Authentication-Info"));
}

static void mask_line(char *line, size_t size, bool continued)
{
	if (continued || has_credentials(line, size)) {
		mask_after(line, size, SLICE("rspauth=\""), "\"");
		mask_after(line, size, SLICE("response=\""), "\"");
		mask_after(line, size, SLICE("response = \""), "\"");
	} else if (begins(line, size, SLICE("a=crypto:"))) {
		mask_after(line, size, SLICE("inline:"), "|; ");
	}
}

void trace_mask(char *message, size_t size)
{
	bool continued = false;

	while (size > 0) {
		const char *end = memchr(message, '\n', size);
		const size_t n = end != NULL ? (size_t)(end - message) + 1 : size;
		const bool folded = message[0] == ' ' || message[0] == '\t';
		const bool credentials = has_credentials(message, n);

		mask_line(message, n, folded && continued);
		continued = credentials || (folded && continued);
		message += n;
		size -= n;
	}
}
