/* SPDX-License-Identifier: BSD-3-Clause */
#include <arpa/inet.h>
#include <errno.h>

#include "sip/base/decimal.h"
#include "sip/sdp/internal.h"

struct slice sdp_take_field(struct slice *rest)
{
	struct slice field;

	do
		field = slice_split(rest, ' ');
	while (field.n == 0 && rest->p != NULL);
	return field;
}

/* RFC 8866 §5: a line feed alone ends a line as well. */
struct slice sdp_take_line(struct slice *rest)
{
	struct slice line = slice_split(rest, '\n');

	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

/* RFC 8866 §9, token-char */
static const bool token_chars[256] = {
	['!'] = true,         ['#' ... '\''] = true, ['*' ... '+'] = true, ['-' ... '.'] = true,
	['0' ... '9'] = true, ['A' ... 'Z'] = true,  ['^' ... '~'] = true,
};

bool sdp_is_token(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!token_chars[(unsigned char)s.p[i]])
			return false;
	}
	return s.n > 0;
}

static bool is_host(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((unsigned)(c | 0x20) - 'a' > 25 && (unsigned)c - '0' > 9 && c != '.' &&
		    c != '-' && c != '_')
			return false;
	}
	return s.n > 0;
}

int sdp_to_u64(struct slice s, uint64_t *value)
{
	*value = 0;
	for (size_t i = 0; i < s.n; i++) {
		unsigned digit = (unsigned)(unsigned char)s.p[i] - '0';

		if (digit > 9 || __builtin_mul_overflow(*value, 10, value) ||
		    __builtin_add_overflow(*value, digit, value))
			return -EBADMSG;
	}
	return s.n > 0 ? 0 : -EBADMSG;
}

static int to_ip(struct slice text, bool ip4, bool ip6, struct sdp_address *address)
{
	char copy[INET6_ADDRSTRLEN];

	address->family = 0;
	memset(address->ip, 0, sizeof(address->ip));
	if (ip4 && ipv4_read(text.p, text.n, address->ip))
		address->family = 4;
	else if (ip6 && slice_copy(text, copy, sizeof(copy)) == 0 &&
		 inet_pton(AF_INET6, copy, address->ip) == 1)
		address->family = 6;
	return address->family != 0 || is_host(text) ? 0 : -EBADMSG;
}

int sdp_to_ip(struct slice text, struct sdp_address *address)
{
	return to_ip(text, true, true, address);
}

int sdp_to_address(struct slice text, struct sdp_address *address)
{
	struct slice net = sdp_take_field(&text), type = sdp_take_field(&text);
	struct slice host = sdp_take_field(&text);

	if (host.n == 0 || text.p != NULL)
		return -EBADMSG;
	address->family = 0;
	memset(address->ip, 0, sizeof(address->ip));
	if (!slice_equal_nocase(net, SLICE("IN")))
		return 0;
	host = slice_split(&host, '/'); /* of multicast: TTL and number of addresses */
	return to_ip(host, slice_equal_nocase(type, SLICE("IP4")),
		     slice_equal_nocase(type, SLICE("IP6")), address);
}

int sdp_to_ms(struct slice text, uint16_t *ms)
{
	struct slice rest = slice_trim(text), whole = slice_split(&rest, '.');
	uint32_t value, fraction;

	if (slice_to_u32(whole, UINT16_MAX, &value) != 0 ||
	    (rest.p != NULL && slice_to_u32(rest, UINT32_MAX, &fraction) == -EINVAL))
		return -EBADMSG;
	*ms = (uint16_t)value;
	return 0;
}
