/* SPDX-License-Identifier: BSD-3-Clause */
/* Sources, and media lines that belong together. */
#include <errno.h>

#include "sip/sdp/internal.h"

int sdp_ssrc_parse(struct slice value, struct sdp_ssrc *ssrc)
{
	value = slice_trim(value);
	if (slice_to_u32(sdp_take_field(&value), UINT32_MAX, &ssrc->ssrc) != 0 || value.p == NULL)
		return -EBADMSG;
	ssrc->value = slice_trim(value);
	ssrc->attribute = slice_split(&ssrc->value, ':');
	return sdp_is_token(ssrc->attribute) ? 0 : -EBADMSG;
}

int sdp_group_parse(struct slice value, struct sdp_group *group)
{
	value = slice_trim(value);
	group->semantics = sdp_take_field(&value);
	group->members = value;
	return sdp_is_token(group->semantics) ? 0 : -EBADMSG;
}

bool sdp_group_next(struct slice *members, struct slice *member)
{
	if (members->p == NULL)
		return false;
	*member = sdp_take_field(members);
	return member->n > 0;
}

int sdp_msid_parse(struct slice value, struct slice *stream, struct slice *track)
{
	value = slice_trim(value);
	*stream = sdp_take_field(&value);
	*track = value.p != NULL ? slice_trim(value) : SLICE_NONE;
	return stream->n > 0 ? 0 : -EBADMSG;
}

static bool has_member(struct slice members, struct slice mid)
{
	struct slice member;

	/* As many as there can be media lines; the text may name more. */
	for (unsigned i = 0; i < SDP_BUNDLED_MAX && sdp_group_next(&members, &member); i++) {
		if (slice_equal(member, mid))
			return true;
	}
	return false;
}

/* The first media line that a group names, if it is in use. */
static int first_of(const struct sdp *sdp, struct slice members)
{
	struct slice member;

	for (unsigned n = 0; n < SDP_BUNDLED_MAX && sdp_group_next(&members, &member); n++) {
		for (unsigned i = 0; i < sdp->media_count; i++) {
			const struct sdp_media *media = &sdp->media[i];

			if (slice_equal(media->mid, member) && media->rtp.port != 0)
				return (int)i;
		}
	}
	return -1;
}

unsigned sdp_bundle_of(const struct sdp *sdp, unsigned media)
{
	struct slice lines = sdp->lines, mid = sdp->media[media].mid;
	struct sdp_attribute a;
	struct sdp_group group;

	while (mid.n > 0 && sdp_attribute_next(&lines, &a)) {
		int first;

		if (a.id != SDP_A_GROUP || sdp_group_parse(a.value, &group) != 0 ||
		    !slice_equal(group.semantics, SLICE("BUNDLE")) ||
		    !has_member(group.members, mid))
			continue;
		first = first_of(sdp, group.members);
		return first >= 0 ? (unsigned)first : media;
	}
	return media;
}
