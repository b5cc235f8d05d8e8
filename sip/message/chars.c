/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/message/chars.h"

#define ALNUM                                                                          \
	(CHAR_TOKEN | CHAR_USER | CHAR_PARAM | CHAR_HEADER | CHAR_HOST | CHAR_SCHEME | \
	 CHAR_VISIBLE | CHAR_DISPLAY | CHAR_LABEL)
#define MARK  (CHAR_USER | CHAR_PARAM | CHAR_HEADER | CHAR_VISIBLE | CHAR_DISPLAY)
#define OTHER (CHAR_VISIBLE | CHAR_DISPLAY)

const uint16_t sip_char_class[256] = {
	['0' ... '9'] = ALNUM | CHAR_HEX | CHAR_PHONE | CHAR_IPV6,
	['A' ... 'F'] = ALNUM | CHAR_HEX | CHAR_PHONE | CHAR_IPV6,
	['G' ... 'Z'] = ALNUM,
	['a' ... 'f'] = ALNUM | CHAR_HEX | CHAR_PHONE | CHAR_IPV6,
	['g' ... 'z'] = ALNUM,
	['-'] = MARK | CHAR_LABEL | CHAR_TOKEN | CHAR_HOST | CHAR_SCHEME | CHAR_PHONE,
	['_'] = MARK | CHAR_TOKEN | CHAR_HOST,
	['.'] = MARK | CHAR_TOKEN | CHAR_HOST | CHAR_SCHEME | CHAR_PHONE | CHAR_IPV6,
	['!'] = MARK | CHAR_TOKEN,
	['~'] = MARK | CHAR_TOKEN,
	['*'] = MARK | CHAR_TOKEN | CHAR_PHONE,
	['\''] = MARK | CHAR_TOKEN,
	['('] = MARK | CHAR_PHONE,
	[')'] = MARK | CHAR_PHONE,
	['%'] = OTHER | CHAR_TOKEN,
	['+'] = OTHER | CHAR_TOKEN | CHAR_USER | CHAR_PARAM | CHAR_HEADER | CHAR_SCHEME |
		CHAR_PHONE,
	['`'] = OTHER | CHAR_TOKEN,
	['&'] = OTHER | CHAR_USER | CHAR_PARAM,
	['='] = OTHER | CHAR_USER,
	['$'] = OTHER | CHAR_USER | CHAR_PARAM | CHAR_HEADER,
	[','] = CHAR_VISIBLE | CHAR_USER,
	[';'] = CHAR_VISIBLE | CHAR_USER,
	['?'] = OTHER | CHAR_USER | CHAR_HEADER,
	['/'] = OTHER | CHAR_USER | CHAR_PARAM | CHAR_HEADER,
	['['] = OTHER | CHAR_PARAM | CHAR_HEADER,
	[']'] = OTHER | CHAR_PARAM | CHAR_HEADER,
	[':'] = OTHER | CHAR_PARAM | CHAR_HEADER | CHAR_IPV6,
	['#'] = OTHER | CHAR_USER | CHAR_PHONE,
	['@'] = OTHER,
	['{'] = OTHER,
	['|'] = OTHER,
	['}'] = OTHER,
	['^'] = OTHER,
	['"'] = CHAR_VISIBLE,
	['<'] = CHAR_VISIBLE,
	['>'] = CHAR_VISIBLE,
	['\\'] = CHAR_VISIBLE,
	[0x80 ... 0xff] = CHAR_DISPLAY,
};
