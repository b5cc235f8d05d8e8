/* SPDX-License-Identifier: BSD-3-Clause */
/* What an offer and its answer have to do with each other (RFC 3264), for a relay. */
#include "sip/sdp/sdp.h"

static const char *const protocol_texts[SDP_PROTOCOL_COUNT] = { [SDP_PROTOCOL_OTHER] = "",
#define X(id, text) [SDP_##id] = (text),
								SDP_PROTOCOLS(X)
#undef X
};

const char *sdp_protocol_text(enum sdp_protocol protocol)
{
	return protocol < SDP_PROTOCOL_COUNT ? protocol_texts[protocol] : "";
}

bool sdp_protocol_is_rtp(enum sdp_protocol protocol)
{
	return protocol >= SDP_RTP_AVP && protocol <= SDP_UDP_TLS_RTP_SAVPF;
}

enum sdp_direction sdp_reverse(enum sdp_direction direction)
{
	unsigned bits = direction;

	return (enum sdp_direction)((bits & 1u) << 1 | (bits & 2u) >> 1);
}

enum sdp_direction sdp_answer_direction(enum sdp_direction offered, enum sdp_direction ours)
{
	return (enum sdp_direction)((unsigned)sdp_reverse(offered) & (unsigned)ours);
}

int sdp_find_audio(const struct sdp *sdp)
{
	for (unsigned i = 0; i < sdp->media_count; i++) {
		const struct sdp_media *media = &sdp->media[i];

		if (slice_equal_nocase(media->type, SLICE("audio")) &&
		    (media->protocol == SDP_RTP_AVP || media->protocol == SDP_RTP_AVPF) &&
		    media->rtp.port != 0 && media->rtp.family != 0)
			return (int)i;
	}
	return -1;
}
