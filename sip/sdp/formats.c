/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/sdp/internal.h"

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
