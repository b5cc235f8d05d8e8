/* SPDX-License-Identifier: BSD-3-Clause */
/* Character classes of RFC 3261 §25.1, and scanning by them. Private to sip/. */
#ifndef SIP_MESSAGE_CHARS_H
#define SIP_MESSAGE_CHARS_H

#include "sip/base/slice.h"

enum {
	CHAR_TOKEN = 1,  /* token */
	CHAR_USER = 2,   /* user, password; and "#", which phones send as it is */
	CHAR_PARAM = 4,  /* paramchar of a URI */
	CHAR_HEADER = 8, /* hname, hvalue of a URI */
	CHAR_HOST = 16,  /* hostname, IPv4address; and "_" */
	CHAR_SCHEME = 32,
	CHAR_HEX = 64,
	CHAR_PHONE = 128,    /* phonedigit-hex of RFC 3966 */
	CHAR_IPV6 = 256,     /* inside the brackets of an IPv6reference */
	CHAR_VISIBLE = 512,  /* neither control nor space nor beyond ASCII */
	CHAR_DISPLAY = 1024, /* accepted in an unquoted display name, space apart */
	CHAR_LABEL = 2048,   /* let-dig-hyp of RFC 5031 */
};
extern const uint16_t sip_char_class[256];

static inline bool char_is(char c, unsigned classes)
{
	return (sip_char_class[(unsigned char)c] & classes) != 0;
}

static inline bool char_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Moves both ends: what is a token at the beginning of *rest, may be empty. */
static inline struct slice take_while(struct slice *rest, unsigned classes)
{
	struct slice piece = { rest->p, 0 };

	while (piece.n < rest->n && char_is(rest->p[piece.n], classes))
		piece.n++;
	if (piece.n > 0) { /* no text at all may be NULL */
		rest->p += piece.n;
		rest->n -= piece.n;
	}
	return piece;
}

static inline void skip_space(struct slice *rest)
{
	while (rest->n > 0 && char_is_space(rest->p[0])) {
		rest->p++;
		rest->n--;
	}
}

static inline bool take_char(struct slice *rest, char c)
{
	if (rest->n == 0 || rest->p[0] != c)
		return false;
	rest->p++;
	rest->n--;
	return true;
}

static inline bool all_are(struct slice s, unsigned classes)
{
	return take_while(&s, classes).n > 0 && s.n == 0;
}

/* The same where "%" and two hexadecimal digits may stand for a character. */
static inline bool all_are_or_escaped(struct slice s, unsigned classes)
{
	for (size_t i = 0; i < s.n; i++) {
		if (char_is(s.p[i], classes) && s.p[i] != '%')
			continue;
		if (s.p[i] != '%' || s.n - i < 3 || !char_is(s.p[i + 1], CHAR_HEX) ||
		    !char_is(s.p[i + 2], CHAR_HEX))
			return false;
		i += 2;
	}
	return s.n > 0;
}

/* Value of a hexadecimal digit. */
static inline unsigned char_hex(char c)
{
	return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a' + 10);
}

/* Takes a quoted string off *rest, which begins with its quote. inner: without quotes, escapes as
 * they stand. false: it does not end. */
static inline bool take_quoted(struct slice *rest, struct slice *inner)
{
	for (size_t i = 1; i < rest->n; i++) {
		if (rest->p[i] == '\\') {
			i++;
		} else if (rest->p[i] == '"') {
			*inner = (struct slice){ rest->p + 1, i - 1 };
			rest->p += i + 1;
			rest->n -= i + 1;
			return true;
		}
	}
	return false;
}

/* The same of a comment in parentheses, which may hold others (RFC 3261 §25.1). */
bool take_comment(struct slice *rest, struct slice *inner);

/*
 * Takes one parameter, strictly: token [ "=" ( token / host / quoted-string ) ], white space
 * allowed around each. 1, 0: nothing is left, -EBADMSG. Skips the separator after it.
 */
int sip_param_take(struct slice *rest, char separator, struct slice *name, struct slice *value);
/* Are these well-formed parameters, `max` at most? tag: the value of the first one of that name, when
 * it is asked for. */
bool sip_params_valid(struct slice text, unsigned max, struct slice *tag);
/* Is this an IPv6 address, as it stands within brackets? */
bool sip_ipv6_valid(struct slice host);
/* Takes what stands before the next comma that is neither quoted nor in angle brackets. */
struct slice sip_list_take(struct slice *rest);

#endif
