/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/sdp/internal.h"

#define PAYLOAD_TYPES 128

/* RFC 3551 §6, tables 4 and 5: payload type, encoding, clock rate, channels. */
#define STATIC_FORMATS(X)       \
	X(0, "PCMU", 8000, 1)   \
	X(3, "GSM", 8000, 1)    \
	X(4, "G723", 8000, 1)   \
	X(5, "DVI4", 8000, 1)   \
	X(6, "DVI4", 16000, 1)  \
	X(7, "LPC", 8000, 1)    \
	X(8, "PCMA", 8000, 1)   \
	X(9, "G722", 8000, 1)   \
	X(10, "L16", 44100, 2)  \
	X(11, "L16", 44100, 1)  \
	X(12, "QCELP", 8000, 1) \
	X(13, "CN", 8000, 1)    \
	X(14, "MPA", 90000, 1)  \
	X(15, "G728", 8000, 1)  \
	X(16, "DVI4", 11025, 1) \
	X(17, "DVI4", 22050, 1) \
	X(18, "G729", 8000, 1)  \
	X(25, "CelB", 90000, 1) \
	X(26, "JPEG", 90000, 1) \
	X(28, "nv", 90000, 1)   \
	X(31, "H261", 90000, 1) \
	X(32, "MPV", 90000, 1)  \
	X(33, "MP2T", 90000, 1) \
	X(34, "H263", 90000, 1)

struct sdp_format sdp_static_format(uint8_t payload_type)
{
	static const struct sdp_format formats[35] = {
#define X(type, name, rate, count)                         \
	[type] = { .encoding = { name, sizeof(name) - 1 }, \
		   .clock_rate = (rate),                   \
		   .channels = (count) },
		STATIC_FORMATS(X)
#undef X
	};
	struct sdp_format format = { .channels = 1 };

	if (payload_type < sizeof(formats) / sizeof(formats[0]) &&
	    formats[payload_type].encoding.n > 0)
		format = formats[payload_type];
	format.payload_type = payload_type;
	return format;
}

unsigned sdp_formats(const struct sdp_media *media, struct sdp_format formats[SDP_FORMATS_MAX])
{
	uint8_t slot[PAYLOAD_TYPES] = { 0 }; /* index of a payload type plus one */
	struct slice rest = media->formats, lines = media->lines, text, format, parameters;
	struct sdp_attribute a;
	struct sdp_rtpmap map;
	unsigned count = 0;
	uint32_t type;
	char letter;

	if (!sdp_protocol_is_rtp(media->protocol))
		return 0;
	while (rest.p != NULL && count < SDP_FORMATS_MAX) {
		if (slice_to_u32(sdp_take_field(&rest), PAYLOAD_TYPES - 1, &type) != 0 ||
		    slot[type] != 0)
			continue;
		formats[count++] = sdp_static_format((uint8_t)type);
		slot[type] = (uint8_t)count;
	}
	while (sdp_line_next(&lines, &letter, &text)) {
		if (letter != 'a' || text.n == 0 || (text.p[0] != 'r' && text.p[0] != 'f'))
			continue;
		a = sdp_attribute_of(text);
		if (a.id == SDP_A_RTPMAP && sdp_rtpmap_parse(a.value, &map) == 0 &&
		    slot[map.payload_type] != 0) {
			struct sdp_format *f = &formats[slot[map.payload_type] - 1];

			f->encoding = map.encoding;
			f->clock_rate = map.clock_rate;
			f->channels = map.channels;
		} else if (a.id == SDP_A_FMTP &&
			   sdp_fmtp_parse(a.value, &format, &parameters) == 0 &&
			   slice_to_u32(format, PAYLOAD_TYPES - 1, &type) == 0 && slot[type] != 0) {
			formats[slot[type] - 1].fmtp = parameters;
		}
	}
	return count;
}

bool sdp_format_same(const struct sdp_format *a, const struct sdp_format *b)
{
	return a->clock_rate == b->clock_rate && a->channels == b->channels && a->encoding.n > 0 &&
	       slice_equal_nocase(a->encoding, b->encoding);
}
