/* SPDX-License-Identifier: BSD-3-Clause */
/* SDP from anywhere: parsed, negotiated, answered; the answer parses and has as many lines. */
#include <errno.h>
#include <stdlib.h>

#include "sip/sdp/sdp.h"

#define MUST(condition)           \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static const struct sdp_codec codecs[] = {
	{ "PCMA", 8000, 8, NULL },
	{ "PCMU", 8000, 0, NULL },
	{ "telephone-event", 8000, 101, "0-15" },
};

static void answer(const struct sdp *offer)
{
	static char buffer[100000];
	static struct sdp again;
	struct sdp_audio audio = { .rtp = { .family = 4, .port = 2 }, .direction = SDP_SENDRECV };
	struct sdp_error error;
	int line = sdp_find_audio(offer), n;

	if (line >= 0) {
		const struct sdp_media *media = &offer->media[line];

		MUST(media->rtp.port != 0 && media->rtp.family != 0);
		sdp_negotiate(media, codecs, 3, &audio);
		audio.direction = sdp_answer_direction(media->direction, SDP_SENDRECV);
	}
	n = sdp_write(buffer, sizeof(buffer), offer, (unsigned)line, &audio, 1, 1);
	MUST(n > 0);
	MUST(sdp_parse((struct slice){ buffer, (size_t)n }, &again, &error) == 0);
	MUST(again.media_count == offer->media_count);
	for (int i = 0; i < again.media_count; i++)
		MUST((again.media[i].rtp.port != 0) == (i == line && audio.codec_count > 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sdp sdp;
	struct sdp_error error = { 0 };
	int rc = sdp_parse((struct slice){ (const char *)data, size }, &sdp, &error);

	MUST(rc == 0 || (rc == -EBADMSG && error.what != NULL));
	for (unsigned i = 0; i < sdp.media_count; i++)
		MUST(sdp.media[i].format_count <= SDP_FORMATS_MAX);
	if (rc == 0)
		answer(&sdp);
	return 0;
}
