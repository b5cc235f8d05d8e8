/* SPDX-License-Identifier: BSD-3-Clause */
/* ICE in SDP, RFC 8839. */
#include <errno.h>

#include "sip/sdp/internal.h"

/* RFC 8839 §5.1: ice-char is ALPHA / DIGIT / "+" / "/" */
static bool is_ice_text(struct slice s, size_t min, size_t max)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((unsigned)(c | 0x20) - 'a' > 25 && (unsigned)c - '0' > 9 && c != '+' &&
		    c != '/')
			return false;
	}
	return s.n >= min && s.n <= max;
}

bool sdp_is_ice_ufrag(struct slice value)
{
	return is_ice_text(value, 4, 256);
}

bool sdp_is_ice_pwd(struct slice value)
{
	return is_ice_text(value, 22, 256);
}

static enum sdp_candidate_type type_of(struct slice text)
{
	static const char *const texts[] = { [SDP_CANDIDATE_HOST] = "host",
					     [SDP_CANDIDATE_SRFLX] = "srflx",
					     [SDP_CANDIDATE_PRFLX] = "prflx",
					     [SDP_CANDIDATE_RELAY] = "relay" };

	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (slice_equal_nocase(text, slice_of(texts[i])))
			return i;
	}
	return SDP_CANDIDATE_OTHER;
}

/* "raddr" <address> "rport" <port>, each optional; the rest is left in *rest. */
static int take_related(struct slice *rest, struct sdp_address *related)
{
	struct slice after = *rest;
	uint32_t port;

	if (slice_equal(sdp_take_field(&after), SLICE("raddr"))) {
		if (sdp_to_ip(sdp_take_field(&after), related) != 0)
			return -EBADMSG;
		*rest = after;
	}
	after = *rest;
	if (slice_equal(sdp_take_field(&after), SLICE("rport"))) {
		if (slice_to_u32(sdp_take_field(&after), UINT16_MAX, &port) != 0)
			return -EBADMSG;
		related->port = (uint16_t)port;
		*rest = after;
	}
	return 0;
}

/* foundation component transport priority address port "typ" type … */
int sdp_candidate_parse(struct slice value, struct sdp_candidate *c)
{
	uint32_t component, port;

	*c = (struct sdp_candidate){ 0 };
	value = slice_trim(value);
	c->foundation = sdp_take_field(&value);
	if (!is_ice_text(c->foundation, 1, 32) ||
	    slice_to_u32(sdp_take_field(&value), 256, &component) != 0 || component == 0)
		return -EBADMSG;
	c->component = (uint16_t)component;
	c->transport = sdp_take_field(&value);
	if (!sdp_is_token(c->transport) ||
	    slice_to_u32(sdp_take_field(&value), INT32_MAX, &c->priority) != 0)
		return -EBADMSG;
	c->host = sdp_take_field(&value);
	if (sdp_to_ip(c->host, &c->address) != 0 ||
	    slice_to_u32(sdp_take_field(&value), UINT16_MAX, &port) != 0 ||
	    !slice_equal(sdp_take_field(&value), SLICE("typ")))
		return -EBADMSG;
	c->address.port = (uint16_t)port;
	c->type = type_of(sdp_take_field(&value));
	if (take_related(&value, &c->related) != 0)
		return -EBADMSG;
	c->extensions = value.p != NULL ? slice_trim(value) : SLICE_NONE;
	return 0;
}
