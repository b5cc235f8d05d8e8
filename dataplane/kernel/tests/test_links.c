/* SPDX-License-Identifier: BSD-3-Clause */
/* Stacks of VLAN interfaces, and the kernel's words for them, without a kernel. */
#include <arpa/inet.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "dataplane/kernel/links.h"
#include "dataplane/kernel/netlink_internal.h"

static struct links links;

static bool tell(int ifindex, int parent, uint16_t vlan, uint16_t protocol)
{
	return links_take(&links, &(struct netlink_link){ .ifindex = ifindex,
							  .exists = true,
							  .mtu = 1496,
							  .parent = parent,
							  .vlan = vlan,
							  .protocol = protocol });
}

static void tear_down(void)
{
	links_destroy(&links);
}

TestSuite(links, .fini = tear_down);

Test(links, what_is_no_vlan_is_its_own_base)
{
	uint8_t tags[LINK_TAGS_SIZE], size = 9;
	uint16_t mtu = 77;

	cr_expect(not(tell(5, 0, 0, 0)));
	cr_expect(eq(int, links_base(&links, 5, tags, &size, &mtu), 5));
	cr_expect(eq(int, size, 0));
	cr_expect(eq(int, mtu, 77));
}

Test(links, tags_come_outermost_first)
{
	uint8_t tags[LINK_TAGS_SIZE], size;
	uint16_t mtu;

	cr_expect(tell(7, 6, 0x123, 0x8100)); /* in any order */
	cr_expect(tell(6, 5, 0xabc, 0x88a8));
	cr_expect(eq(int, links_base(&links, 7, tags, &size, &mtu), 5));
	cr_expect(eq(int, size, 8));
	cr_expect(eq(int, mtu, 1496));
	cr_expect(eq(int, memcmp(tags, "\x88\xa8\x0a\xbc\x81\x00\x01\x23", 8), 0));
	cr_expect(eq(int, links_base(&links, 6, tags, &size, &mtu), 5));
	cr_expect(eq(int, memcmp(tags, "\x88\xa8\x0a\xbc\0\0\0\0", 8), 0));
}

Test(links, a_circle_or_three_tags_have_no_base)
{
	uint8_t tags[LINK_TAGS_SIZE], size;
	uint16_t mtu;

	tell(6, 7, 1, 0x8100);
	tell(7, 6, 2, 0x8100);
	tell(8, 7, 3, 0x8100);
	cr_expect(eq(int, links_base(&links, 8, tags, &size, &mtu), 0));
	cr_expect(eq(int, links_base(&links, 6, tags, &size, &mtu), 0));
}

Test(links, many_come_and_go)
{
	uint8_t tags[LINK_TAGS_SIZE], size;
	uint16_t mtu;

	for (int i = 0; i < 5000; i++)
		cr_assert(tell(10 + i, 5, (uint16_t)(1 + i % 4094), 0x8100));
	for (int i = 0; i < 5000; i += 2)
		cr_assert(links_take(&links, &(struct netlink_link){ .ifindex = 10 + i }));
	cr_expect(not(links_take(&links, &(struct netlink_link){ .ifindex = 10 })));
	cr_expect(eq(int, links_base(&links, 10, tags, &size, &mtu), 10));
	cr_expect(eq(int, links_base(&links, 11, tags, &size, &mtu), 5));
	cr_expect(eq(u32, links.count, 2500));
}

static struct netlink_link told;

static void on_link(void *arg, const struct netlink_link *link)
{
	(void)arg;
	told = *link;
}

/* As `ip link add link 5 name v type vlan protocol 802.1ad id 300` makes the kernel say. */
static void hear(const char *kind, uint16_t type, bool elsewhere)
{
	const struct netlink n = { .handlers.link = on_link };
	char buffer[512];
	struct nlmsghdr *m = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg *header;
	struct nlattr *info, *data;

	m->nlmsg_type = type;
	header = mnl_nlmsg_put_extra_header(m, sizeof(*header));
	header->ifi_index = 9;
	header->ifi_flags = IFF_UP;
	mnl_attr_put_u32(m, IFLA_MTU, 1400);
	mnl_attr_put_u32(m, IFLA_LINK, 5);
	info = mnl_attr_nest_start(m, IFLA_LINKINFO);
	mnl_attr_put_strz(m, IFLA_INFO_KIND, kind);
	data = mnl_attr_nest_start(m, IFLA_INFO_DATA);
	mnl_attr_put_u16(m, IFLA_VLAN_ID, 300);
	mnl_attr_put_u16(m, IFLA_VLAN_PROTOCOL, htons(0x88a8));
	mnl_attr_nest_end(m, data);
	mnl_attr_nest_end(m, info);
	if (elsewhere)
		mnl_attr_put_u32(m, IFLA_LINK_NETNSID, 0);
	told = (struct netlink_link){ 0 };
	netlink_on_link(&n, m);
}

Test(links, what_the_kernel_says_of_a_vlan_is_understood)
{
	hear("vlan", RTM_NEWLINK, false);
	cr_expect(told.exists && told.up);
	cr_expect(eq(int, told.ifindex, 9));
	cr_expect(eq(int, told.parent, 5));
	cr_expect(eq(int, told.vlan, 300));
	cr_expect(eq(int, told.protocol, 0x88a8));
	cr_expect(eq(u32, told.mtu, 1400));
	hear("vlan", RTM_DELLINK, false);
	cr_expect(not(told.exists));
}

Test(links, what_is_no_vlan_here_has_no_parent)
{
	hear("veth", RTM_NEWLINK, false);
	cr_expect(eq(int, told.parent, 0));
	cr_expect(eq(int, told.ifindex, 9));
	hear("vlan", RTM_NEWLINK, true); /* its parent's number is one of another namespace */
	cr_expect(eq(int, told.parent, 0));
}
