/* SPDX-License-Identifier: BSD-3-Clause */
/* Interfaces by rtnetlink: what there is, and what it is stacked on. */
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include "dataplane/kernel/netlink_internal.h"

#define PROTOCOL_8021Q 0x8100 /* where the kernel names none: it is older than 3.10 */

static void take_vlan(struct netlink_link *link, const struct nlattr *data)
{
	const struct nlattr *attr;

	link->protocol = PROTOCOL_8021Q;
	mnl_attr_for_each_nested(attr, data)
	{
		if (mnl_attr_get_payload_len(attr) < sizeof(uint16_t))
			continue;
		if (mnl_attr_get_type(attr) == IFLA_VLAN_ID)
			link->vlan = mnl_attr_get_u16(attr);
		else if (mnl_attr_get_type(attr) == IFLA_VLAN_PROTOCOL)
			link->protocol = be16toh(mnl_attr_get_u16(attr));
	}
}

static bool take_info(struct netlink_link *link, const struct nlattr *info)
{
	const struct nlattr *attr, *data = NULL;
	bool vlan = false;

	mnl_attr_for_each_nested(attr, info)
	{
		if (mnl_attr_get_type(attr) == IFLA_INFO_KIND)
			vlan = mnl_attr_get_payload_len(attr) >= sizeof("vlan") &&
			       strcmp(mnl_attr_get_str(attr), "vlan") == 0;
		else if (mnl_attr_get_type(attr) == IFLA_INFO_DATA)
			data = attr;
	}
	if (!vlan || !data)
		return false;
	take_vlan(link, data);
	return link->vlan != 0;
}

void netlink_on_link(const struct netlink *n, const struct nlmsghdr *message)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
	struct netlink_link link = { .exists = message->nlmsg_type == RTM_NEWLINK };
	const struct nlattr *attr;
	bool vlan = false, elsewhere = false;

	/* Bridges tell of their ports in the same words. */
	if (mnl_nlmsg_get_payload_len(message) < sizeof(*info) || info->ifi_family != AF_UNSPEC)
		return;
	link.ifindex = info->ifi_index;
	link.up = (info->ifi_flags & IFF_UP) != 0;
	mnl_attr_for_each(attr, message, sizeof(*info))
	{
		if (mnl_attr_get_type(attr) == IFLA_MTU)
			link.mtu = mnl_attr_get_u32(attr);
		else if (mnl_attr_get_type(attr) == IFLA_LINK)
			link.parent = (int)mnl_attr_get_u32(attr);
		else if (mnl_attr_get_type(attr) == IFLA_LINK_NETNSID)
			elsewhere = true; /* the parent's index is one of another namespace */
		else if (mnl_attr_get_type(attr) == IFLA_LINKINFO)
			vlan = take_info(&link, attr);
	}
	if (!vlan || elsewhere)
		link.parent = link.vlan = link.protocol = 0;
	n->handlers.link(n->handlers.arg, &link);
}

int netlink_links_read(struct netlink *n)
{
	char buffer[256];
	struct nlmsghdr *m = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg *link;

	m->nlmsg_type = RTM_GETLINK;
	m->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	link = mnl_nlmsg_put_extra_header(m, sizeof(*link));
	link->ifi_family = AF_UNSPEC;
	return netlink_talk(n, m, netlink_on_news, n);
}

int netlink_link_set(struct netlink *n, int ifindex, const uint8_t mac[6], unsigned mtu, bool up)
{
	char buffer[256];
	struct nlmsghdr *m = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg *link;

	m->nlmsg_type = RTM_NEWLINK;
	m->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	link = mnl_nlmsg_put_extra_header(m, sizeof(*link));
	link->ifi_family = AF_UNSPEC;
	link->ifi_index = ifindex;
	link->ifi_change = IFF_UP;
	link->ifi_flags = up ? IFF_UP : 0;
	mnl_attr_put(m, IFLA_ADDRESS, 6, mac);
	mnl_attr_put_u32(m, IFLA_MTU, mtu);
	return netlink_talk(n, m, NULL, NULL);
}
