/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/sdp/attribute.h"

#include <errno.h>

#include "sip/sdp/internal.h"

static const struct slice names[SDP_ATTRIBUTE_COUNT] = {
#define X(id, text) [SDP_A_##id] = { (text), sizeof(text) - 1 },
	SDP_ATTRIBUTES(X)
#undef X
};

/* Names are case-sensitive (RFC 8866 §5.13). */
static enum sdp_attribute_id id_of(struct slice name)
{
	for (unsigned i = 1; i < SDP_ATTRIBUTE_COUNT; i++) {
		if (slice_equal(name, names[i]))
			return i;
	}
	return SDP_A_OTHER;
}

struct sdp_attribute sdp_attribute_of(struct slice text)
{
	struct sdp_attribute a = { .value = text };

	a.name = slice_split(&a.value, ':');
	if (a.value.p == NULL)
		a.name = slice_trim(a.name);
	a.id = id_of(a.name);
	return a;
}

bool sdp_attribute_next(struct slice *lines, struct sdp_attribute *a)
{
	struct slice text;
	char type;

	while (sdp_line_next(lines, &type, &text)) {
		if (type != 'a')
			continue;
		*a = sdp_attribute_of(text);
		return true;
	}
	return false;
}

bool sdp_attribute_find(struct slice lines, enum sdp_attribute_id id, struct slice *value)
{
	struct sdp_attribute a;

	while (sdp_attribute_next(&lines, &a)) {
		if (a.id != id)
			continue;
		*value = a.value.p != NULL ? slice_trim(a.value) : SLICE_NONE;
		return true;
	}
	return false;
}

bool sdp_media_attribute(const struct sdp *sdp, const struct sdp_media *media,
			 enum sdp_attribute_id id, struct slice *value)
{
	return sdp_attribute_find(media->lines, id, value) ||
	       sdp_attribute_find(sdp->lines, id, value);
}

/* --- formats --- */

int sdp_rtpmap_parse(struct slice value, struct sdp_rtpmap *map)
{
	uint32_t type, clock_rate, channels = 1;
	struct slice name, rate;

	value = slice_trim(value);
	if (slice_to_u32(sdp_take_field(&value), 127, &type) != 0 || value.p == NULL)
		return -EBADMSG;
	value = slice_trim(value);
	name = slice_split(&value, '/');
	rate = slice_split(&value, '/');
	if (!sdp_is_token(name) || slice_to_u32(rate, UINT32_MAX, &clock_rate) != 0 ||
	    clock_rate == 0 ||
	    (value.p != NULL && (slice_to_u32(value, UINT8_MAX, &channels) != 0 || channels == 0)))
		return -EBADMSG;
	*map = (struct sdp_rtpmap){ .payload_type = (uint8_t)type,
				    .channels = (uint8_t)channels,
				    .clock_rate = clock_rate,
				    .encoding = name };
	return 0;
}

int sdp_fmtp_parse(struct slice value, struct slice *format, struct slice *parameters)
{
	value = slice_trim(value);
	*format = sdp_take_field(&value);
	*parameters = slice_trim(value);
	return sdp_is_token(*format) && value.p != NULL ? 0 : -EBADMSG;
}

bool sdp_fmtp_get(struct slice parameters, struct slice name, struct slice *value)
{
	while (parameters.p != NULL) {
		struct slice rest = slice_trim(slice_split(&parameters, ';'));

		if (!slice_equal_nocase(slice_trim(slice_split(&rest, '=')), name))
			continue;
		*value = slice_trim(rest);
		return true;
	}
	return false;
}

int sdp_rtcp_fb_parse(struct slice value, struct sdp_rtcp_fb *fb)
{
	struct slice type;
	uint32_t number;

	value = slice_trim(value);
	type = sdp_take_field(&value);
	fb->payload_type = -1;
	if (!slice_equal(type, SLICE("*"))) {
		if (slice_to_u32(type, 127, &number) != 0)
			return -EBADMSG;
		fb->payload_type = (int)number;
	}
	fb->type = sdp_take_field(&value);
	fb->parameters = value.p != NULL ? slice_trim(value) : SLICE_NONE;
	return sdp_is_token(fb->type) ? 0 : -EBADMSG;
}

static int direction_of(struct slice text, uint8_t *direction)
{
	switch (id_of(text)) {
	case SDP_A_SENDRECV:
		*direction = SDP_SENDRECV;
		return 0;
	case SDP_A_SENDONLY:
		*direction = SDP_SENDONLY;
		return 0;
	case SDP_A_RECVONLY:
		*direction = SDP_RECVONLY;
		return 0;
	case SDP_A_INACTIVE:
		*direction = SDP_INACTIVE;
		return 0;
	default:
		return -EBADMSG;
	}
}

int sdp_extmap_parse(struct slice value, struct sdp_extmap *map)
{
	struct slice number;
	uint32_t id;

	value = slice_trim(value);
	number = sdp_take_field(&value);
	map->direction = SDP_SENDRECV;
	if (slice_to_u32(slice_split(&number, '/'), UINT16_MAX, &id) != 0 || id == 0 ||
	    (number.p != NULL && direction_of(number, &map->direction) != 0))
		return -EBADMSG;
	map->id = (uint16_t)id;
	map->uri = sdp_take_field(&value);
	map->attributes = value.p != NULL ? slice_trim(value) : SLICE_NONE;
	return map->uri.n > 0 ? 0 : -EBADMSG;
}

int sdp_silence_supp_parse(struct slice value, bool *on)
{
	struct slice first;

	value = slice_trim(value);
	first = sdp_take_field(&value);
	*on = slice_equal(first, SLICE("on"));
	return *on || slice_equal(first, SLICE("off")) || slice_equal(first, SLICE("-")) ? 0
											 : -EBADMSG;
}
