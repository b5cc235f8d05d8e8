/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/message/typed.h"

#include <errno.h>

#include "sip/message/chars.h"

bool take_comment(struct slice *rest, struct slice *inner)
{
	unsigned depth = 0;

	for (size_t i = 0; i < rest->n; i++) {
		if (rest->p[i] == '\\') {
			i++;
		} else if (rest->p[i] == '(') {
			depth++;
		} else if (rest->p[i] == ')' && --depth == 0) {
			*inner = (struct slice){ rest->p + 1, i - 1 };
			rest->p += i + 1;
			rest->n -= i + 1;
			return true;
		}
	}
	return false;
}

int sip_param_take(struct slice *rest, char separator, struct slice *name, struct slice *value)
{
	skip_space(rest);
	if (rest->n == 0)
		return 0;
	*name = take_while(rest, CHAR_TOKEN);
	*value = SLICE_NONE;
	skip_space(rest);
	if (name->n == 0)
		return -EBADMSG;
	if (take_char(rest, '=')) {
		skip_space(rest);
		if (rest->n > 0 && rest->p[0] == '"') {
			if (!take_quoted(rest, value))
				return -EBADMSG;
		} else {
			/* gen-value: also what a host may hold, such as an IPv6 reference, and
			 * what others put there unquoted */
			*value = (struct slice){ rest->p, 0 };
			while (value->n < rest->n && rest->p[value->n] != separator &&
			       !char_is_space(rest->p[value->n]) && rest->p[value->n] != '"')
				value->n++;
			if (value->n == 0)
				return -EBADMSG;
			rest->p += value->n;
			rest->n -= value->n;
		}
		skip_space(rest);
	}
	if (rest->n > 0) {
		if (!take_char(rest, separator))
			return -EBADMSG;
		/* a separator with nothing behind it */
		skip_space(rest);
		if (rest->n == 0)
			return -EBADMSG;
	}
	return 1;
}

static bool is_tag(struct slice name)
{
	return name.n == 3 && (name.p[0] | 0x20) == 't' && (name.p[1] | 0x20) == 'a' &&
	       (name.p[2] | 0x20) == 'g';
}

bool sip_params_valid(struct slice text, unsigned max, struct slice *tag)
{
	struct slice name, value;
	unsigned count = 0;
	int rc;

	if (text.p == NULL)
		return true;
	skip_space(&text);
	if (text.n == 0) /* a semicolon alone */
		return false;
	while ((rc = sip_param_take(&text, ';', &name, &value)) > 0) {
		if (++count > max)
			return false;
		if (tag != NULL && tag->p == NULL && is_tag(name))
			*tag = value;
	}
	return rc == 0;
}

bool sip_param_next(struct sip_params *rest, struct slice *name, struct slice *value)
{
	struct slice text = rest->text, next;
	int rc;

	for (;;) {
		while (text.n > 0 && (text.p[0] == ';' || char_is_space(text.p[0]))) {
			text.p++;
			text.n--;
		}
		next = text;
		rc = sip_param_take(&next, ';', name, value);
		if (rc > 0 || (rc < 0 && name->n > 0 && next.n == 0)) {
			rest->text = next;
			return true;
		}
		if (rc == 0) {
			rest->text = SLICE_NONE;
			return false;
		}
		/* Broken: on with the next one. */
		slice_split(&text, ';');
	}
}

bool sip_param_get(struct sip_params params, const char *name, struct slice *value)
{
	struct slice wanted = slice_of(name), found;

	while (sip_param_next(&params, &found, value)) {
		if (slice_equal_nocase(found, wanted))
			return true;
	}
	*value = SLICE_NONE;
	return false;
}

struct slice sip_list_take(struct slice *rest)
{
	struct slice piece = { rest->p, 0 };
	bool quoted = false, angle = false;

	/* Mostly there is one value. */
	if (rest->n == 0 || memchr(rest->p, ',', rest->n) == NULL) {
		piece = *rest;
		*rest = SLICE_NONE;
		return piece;
	}
	for (; piece.n < rest->n; piece.n++) {
		char c = rest->p[piece.n];

		if (quoted) {
			if (c == '\\' && piece.n + 1 < rest->n)
				piece.n++;
			else if (c == '"')
				quoted = false;
		} else if (c == '"') {
			quoted = !angle;
		} else if (c == '<') {
			angle = true;
		} else if (c == '>') {
			angle = false;
		} else if (c == ',' && !angle) {
			rest->p += piece.n + 1;
			rest->n -= piece.n + 1;
			return piece;
		}
	}
	*rest = SLICE_NONE;
	return piece;
}
