/* SPDX-License-Identifier: BSD-3-Clause */
/* Fax over UDPTL: the attributes of an m=image line, ITU-T T.38 annex D, table D.1. */
#include <errno.h>

#include "sip/sdp/internal.h"

enum kind { NUMBER8, NUMBER32, FLAG, RATE, CORRECTION };

static const struct {
	const char *name;
	enum kind kind;
	size_t at;
} fields[] = {
	{ "T38FaxVersion", NUMBER8, offsetof(struct sdp_t38, version) },
	{ "T38MaxBitRate", NUMBER32, offsetof(struct sdp_t38, max_bit_rate) },
	{ "T38FaxMaxBuffer", NUMBER32, offsetof(struct sdp_t38, max_buffer) },
	{ "T38FaxMaxDatagram", NUMBER32, offsetof(struct sdp_t38, max_datagram) },
	{ "T38FaxFillBitRemoval", FLAG, offsetof(struct sdp_t38, fill_bit_removal) },
	{ "T38FaxTranscodingMMR", FLAG, offsetof(struct sdp_t38, transcoding_mmr) },
	{ "T38FaxTranscodingJBIG", FLAG, offsetof(struct sdp_t38, transcoding_jbig) },
	{ "T38FaxRateManagement", RATE, 0 },
	{ "T38FaxUdpEC", CORRECTION, 0 },
};

static int take(struct sdp_t38 *t38, enum kind kind, size_t at, struct slice value)
{
	char *field = (char *)t38 + at;
	uint32_t number;

	switch (kind) {
	case NUMBER8:
	case NUMBER32:
		if (slice_to_u32(value, kind == NUMBER8 ? UINT8_MAX : UINT32_MAX, &number) != 0)
			return -EBADMSG;
		if (kind == NUMBER8)
			*(uint8_t *)field = (uint8_t)number;
		else
			memcpy(field, &number, sizeof(number));
		return 0;
	case FLAG: /* there, or ":0" and ":1" as many write it */
		*(bool *)field = !slice_equal(value, SLICE("0"));
		return 0;
	case RATE:
		t38->rate = slice_equal_nocase(value, SLICE("localTCF")) ? SDP_T38_LOCAL_TCF
									 : SDP_T38_TRANSFERRED_TCF;
		return slice_starts_nocase(value, SLICE("localTCF")) ||
				       slice_starts_nocase(value, SLICE("transferredTCF"))
			       ? 0
			       : -EBADMSG;
	default:
		t38->ec = slice_equal_nocase(value, SLICE("t38UDPFEC")) ? SDP_T38_EC_FEC
			  : slice_equal_nocase(value, SLICE("t38UDPRedundancy"))
				  ? SDP_T38_EC_REDUNDANCY
				  : SDP_T38_EC_NONE;
		return 0;
	}
}

int sdp_t38_parse(const struct sdp_media *media, struct sdp_t38 *t38)
{
	struct slice lines = media->lines;
	struct sdp_attribute a;

	*t38 = (struct sdp_t38){ 0 };
	if (!slice_equal_nocase(media->type, SLICE("image")) || media->protocol != SDP_UDPTL)
		return -EBADMSG;
	while (sdp_attribute_next(&lines, &a)) {
		for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
			if (slice_equal_nocase(a.name, slice_of(fields[i].name)) &&
			    take(t38, fields[i].kind, fields[i].at, slice_trim(a.value)) != 0)
				return -EBADMSG;
		}
	}
	return 0;
}
