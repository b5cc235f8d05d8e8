/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/kernel/links.h"

#include <stdlib.h>
#include <string.h>

#define TAG_SIZE 4u

void links_destroy(struct links *links)
{
	free(links->list);
	*links = (struct links){ 0 };
}

static struct netlink_link *find(const struct links *links, int ifindex)
{
	for (unsigned i = 0; i < links->count; i++) {
		if (links->list[i].ifindex == ifindex)
			return &links->list[i];
	}
	return NULL;
}

static struct netlink_link *add(struct links *links)
{
	if (links->count == links->room) {
		unsigned room = links->room ? 2 * links->room : 16;
		struct netlink_link *list;

		if (room > LINKS_MAX)
			return NULL;
		list = realloc(links->list, room * sizeof(*list));
		if (!list)
			return NULL;
		links->list = list;
		links->room = room;
	}
	return &links->list[links->count++];
}

bool links_take(struct links *links, const struct netlink_link *news)
{
	struct netlink_link *known = find(links, news->ifindex);

	if (!news->exists) {
		if (!known)
			return false;
		*known = links->list[--links->count];
		return true;
	}
	if (news->parent == 0)
		return false;
	if (!known)
		known = add(links);
	if (!known)
		return false;
	*known = *news;
	return true;
}

static void put_tag(uint8_t *to, const struct netlink_link *link)
{
	to[0] = (uint8_t)(link->protocol >> 8);
	to[1] = (uint8_t)link->protocol;
	to[2] = (uint8_t)(link->vlan >> 8);
	to[3] = (uint8_t)link->vlan;
}

int links_base(const struct links *links, int ifindex, uint8_t tags[LINK_TAGS_SIZE],
	       uint8_t *tags_size, uint16_t *mtu)
{
	const struct netlink_link *link = find(links, ifindex);

	*tags_size = 0;
	memset(tags, 0, LINK_TAGS_SIZE);
	if (link)
		*mtu = link->mtu < UINT16_MAX ? (uint16_t)link->mtu : UINT16_MAX;
	for (; link; link = find(links, ifindex)) {
		if (*tags_size + TAG_SIZE > LINK_TAGS_SIZE)
			return 0;
		memmove(tags + TAG_SIZE, tags, *tags_size);
		put_tag(tags, link);
		*tags_size += TAG_SIZE;
		ifindex = link->parent;
	}
	return ifindex;
}
