/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Next hops on a real TAP, in a network namespace of the test's own. Without the right to make
 * one the tests are skipped.
 *
 *   tandem0 198.18.0.10/24, 2001:2::10/48 ── nobody (the test answers by setting neighbours)
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/neighbour.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "dataplane/client/client.h"
#include "dataplane/kernel/netlink.h"
#include "dataplane/kernel/nexthop_table.h"
#include "dataplane/kernel/tap.h"

static const uint8_t our_mac[6] = { 2, 0, 0, 0, 0, 1 };
static const uint8_t peer_mac[6] = { 2, 0, 0, 0, 0, 0x65 };

static struct netlink *netlink;
static struct nexthop_table *table;
static struct tap tap = { .fd = -1 };
static unsigned route_news;

static void on_neighbour(void *arg, int ifindex, const struct dp_address *address, uint16_t state,
			 const uint8_t mac[6])
{
	(void)arg;
	if (table)
		nexthop_neighbour_news(table, ifindex, address, state, mac);
}

static void on_routes(void *arg)
{
	(void)arg;
	route_news++;
	if (table)
		nexthop_forget_routes(table);
}

static void on_link(void *arg, const struct netlink_link *link)
{
	(void)arg;
	if (table)
		nexthop_link_news(table, link);
}

static void run(const char *command)
{
	cr_assert(system(command) == 0, "%s", command);
}

static void set_up(void)
{
	const struct netlink_handlers handlers = { .neighbour = on_neighbour,
						   .routes_changed = on_routes,
						   .link = on_link };
	struct nexthop_port port = { .port = 3, .mtu = 1400 };

	if (unshare(CLONE_NEWNET) != 0 || access("/dev/net/tun", R_OK | W_OK) != 0)
		cr_skip_test("needs the right to make network namespaces");
	cr_assert(eq(int, netlink_open(&handlers, &netlink), 0));
	cr_assert(eq(int, tap_create(netlink, "tandem0", our_mac, 1400, &tap), 0));
	cr_assert(eq(int, netlink_address_add(netlink, tap.ifindex, "198.18.0.10/24", 0), 0));
	cr_assert(eq(int, netlink_address_add(netlink, tap.ifindex, "2001:2::10/48", 0), 0));
	netlink_read(netlink);
	route_news = 0;
	port.ifindex = tap.ifindex;
	memcpy(port.mac, our_mac, sizeof(port.mac));
	cr_assert(eq(int, nexthop_table_create(&port, 1, &table), 0));
	nexthop_table_use(table, netlink);
}

static void tear_down(void)
{
	nexthop_table_destroy(table);
	tap_destroy(&tap);
	netlink_close(netlink);
}

TestSuite(nexthop, .init = set_up, .fini = tear_down, .timeout = 30);

/* Takes the kernel's news until the next hop has the state. */
static void wait_state(const struct nexthop *hop, enum nexthop_state state)
{
	while (atomic_load(&hop->state) != state) {
		struct pollfd p = { .fd = netlink_fd(netlink), .events = POLLIN };

		cr_assert(eq(int, poll(&p, 1, 10000), 1));
		netlink_read(netlink);
	}
}

static const struct nexthop *resolve(const char *ip)
{
	struct dp_address address;

	cr_assert(eq(int, dp_address_parse(ip, 4000, &address), 0));
	return nexthop_resolve(table, &address, 0);
}

Test(nexthop, tap_has_what_it_was_given)
{
	run("ip link show dev tandem0 | grep -q 'mtu 1400'");
	run("ip link show dev tandem0 | grep -q 02:00:00:00:00:01");
	run("ip addr show dev tandem0 | grep -q 'inet 198.18.0.10/24'");
	run("ip addr show dev tandem0 | grep -q 'inet6 2001:2::10/48.*nodad'");
	cr_expect(eq(int, netlink_address_add(netlink, tap.ifindex, "198.18.0.10/24", 0), -EEXIST));
}

Test(nexthop, on_the_link_the_neighbour_is_the_remote_itself)
{
	const struct nexthop *hop = resolve("198.18.0.101");

	cr_expect(eq(int, atomic_load(&hop->state), NEXTHOP_PROBING));
	cr_expect(eq(int, hop->port, 3));
	cr_expect(eq(int, memcmp(hop->ether + 6, our_mac, 6), 0));
	run("ip neigh show dev tandem0 | grep -q '^198.18.0.101 .*INCOMPLETE'"); /* it asks */
	run("ip neigh replace 198.18.0.101 lladdr 02:00:00:00:00:65 nud reachable dev tandem0");
	wait_state(hop, NEXTHOP_REACHABLE);
	cr_expect(eq(int, memcmp(hop->ether, peer_mac, 6), 0));
	cr_expect(resolve("198.18.0.101") == hop);
	cr_expect(eq(u32, nexthop_count(table), 1));
}

Test(nexthop, the_kernel_asks_on_the_wire)
{
	uint8_t frame[2048];
	ssize_t n;

	resolve("198.18.0.101");
	do {
		struct pollfd p = { .fd = tap.fd, .events = POLLIN };

		cr_assert(eq(int, poll(&p, 1, 5000), 1));
		n = read(tap.fd, frame, sizeof(frame));
	} while (n < 42 || frame[12] != 8 || frame[13] != 6 ||
		 memcmp(frame + 38, (uint8_t[]){ 198, 18, 0, 101 }, 4) != 0);
}

Test(nexthop, ipv6_neighbours_too)
{
	const struct nexthop *hop = resolve("2001:2::101");

	run("ip neigh replace 2001:2::101 lladdr 02:00:00:00:00:65 nud reachable dev tandem0");
	wait_state(hop, NEXTHOP_REACHABLE);
	cr_expect(eq(int, memcmp(hop->ether, peer_mac, 6), 0));
	cr_expect(resolve("198.18.0.101") != hop);
}

Test(nexthop, what_the_kernel_knew_before_is_used_at_once)
{
	run("ip neigh add 198.18.0.102 lladdr 02:00:00:00:00:65 nud permanent dev tandem0");
	netlink_read(netlink);
	cr_expect(eq(int, atomic_load(&resolve("198.18.0.102")->state), NEXTHOP_REACHABLE));
}

Test(nexthop, behind_a_gateway_all_share_it)
{
	const struct nexthop *hop;

	cr_expect(eq(int, atomic_load(&resolve("203.0.113.1")->state), NEXTHOP_UNREACHABLE));
	cr_expect(eq(u32, nexthop_count(table), 0));
	run("ip route add 203.0.113.0/24 via 198.18.0.1");
	netlink_read(netlink);
	cr_expect(route_news > 0);
	hop = resolve("203.0.113.1");
	cr_expect(resolve("203.0.113.77") == hop);
	cr_expect(eq(int, hop->gateway.ip[3], 1));
	cr_expect(eq(u32, nexthop_count(table), 1));

	/* The way changes: what was cached is forgotten. */
	run("ip route replace 203.0.113.0/24 via 198.18.0.2");
	netlink_read(netlink);
	cr_expect(eq(int, resolve("203.0.113.1")->gateway.ip[3], 2));
}

Test(nexthop, ipv4_over_an_ipv6_gateway)
{
	run("ip route add 203.0.113.0/24 via inet6 2001:2::1 dev tandem0");
	netlink_read(netlink);
	cr_expect(eq(int, resolve("203.0.113.1")->gateway.family, DP_FAMILY_IPV6));
}

Test(nexthop, a_way_that_leaves_through_no_port_is_no_way)
{
	run("ip link set lo up");
	cr_expect(eq(int, atomic_load(&resolve("127.0.0.1")->state), NEXTHOP_UNREACHABLE));
	cr_expect(eq(int, atomic_load(&resolve("198.18.0.10")->state), NEXTHOP_UNREACHABLE));
	cr_expect(eq(u32, nexthop_count(table), 0));
}

Test(nexthop, a_new_link_layer_address_is_taken_over)
{
	const struct nexthop *hop = resolve("198.18.0.101");

	run("ip neigh replace 198.18.0.101 lladdr 02:00:00:00:00:65 nud reachable dev tandem0");
	wait_state(hop, NEXTHOP_REACHABLE);
	run("ip neigh replace 198.18.0.101 lladdr 02:00:00:00:00:66 nud reachable dev tandem0");
	netlink_read(netlink);
	cr_expect(eq(int, hop->ether[5], 0x66));
	cr_expect(eq(int, atomic_load(&hop->state), NEXTHOP_REACHABLE));
}

Test(nexthop, a_stale_or_forgotten_neighbour_is_used_and_asked_for_again)
{
	struct nexthop *hop = (struct nexthop *)(uintptr_t)resolve("198.18.0.101");

	run("ip neigh replace 198.18.0.101 lladdr 02:00:00:00:00:65 nud stale dev tandem0");
	wait_state(hop, NEXTHOP_REACHABLE);
	nexthop_table_tick(table, 10000);
	run("ip neigh show dev tandem0 | grep -q '^198.18.0.101 .*DELAY'");

	/* The kernel's table was full, say: it tells that it has forgotten. */
	run("ip neigh flush dev tandem0");
	nexthop_neighbour_news(table, tap.ifindex, &hop->gateway, NUD_REACHABLE, peer_mac);
	nexthop_neighbour_news(table, tap.ifindex, &hop->gateway, 0, NULL);
	cr_expect(eq(int, atomic_load(&hop->state), NEXTHOP_REACHABLE));
	nexthop_table_tick(table, 20000);
	run("ip neigh show dev tandem0 | grep -q '^198.18.0.101 .*INCOMPLETE'");
}

Test(nexthop, a_dead_neighbour_is_asked_for_when_a_worker_wants_it)
{
	struct nexthop *hop = (struct nexthop *)(uintptr_t)resolve("198.18.0.101");

	/* Fails at the first question that nobody answers, half a second from now. */
	run("ip neigh del 198.18.0.101 dev tandem0");
	run("echo 1 > /proc/sys/net/ipv4/neigh/tandem0/mcast_solicit");
	run("echo 100 > /proc/sys/net/ipv4/neigh/tandem0/retrans_time_ms");
	netlink_read(netlink);
	netlink_neighbour_use(netlink, tap.ifindex, &hop->gateway);
	wait_state(hop, NEXTHOP_UNREACHABLE);

	nexthop_table_tick(table, 50000);
	cr_expect(eq(int, atomic_load(&hop->state), NEXTHOP_UNREACHABLE)); /* nobody wants it */
	atomic_store(&hop->wanted, 1);
	nexthop_table_tick(table, 60000);
	cr_expect(eq(int, atomic_load(&hop->state), NEXTHOP_PROBING));
	cr_expect(eq(u32, atomic_load(&hop->wanted), 0));
	run("ip neigh show dev tandem0 | grep -q '^198.18.0.101 .*INCOMPLETE'");
}

/* VLAN interfaces as an operator makes them, where the kernel has such. */
static void add_vlan(const char *parent, const char *name, const char *tag, const char *address)
{
	char command[256];

	snprintf(command, sizeof(command), "ip link add link %s name %s type vlan %s 2>&1", parent,
		 name, tag);
	if (system(command) != 0)
		cr_skip_test("needs a kernel with 802.1Q");
	snprintf(command, sizeof(command), "ip addr add %s dev %s && ip link set %s up", address,
		 name, name);
	run(command);
	netlink_read(netlink);
}

Test(nexthop, out_of_a_vlan_packets_are_tagged)
{
	const struct nexthop *hop;

	add_vlan("tandem0", "v100", "id 100", "198.19.0.10/24");
	hop = resolve("198.19.0.101");
	cr_expect(eq(int, hop->port, 3));
	cr_expect(eq(int, memcmp(hop->ether + 6, our_mac, 6), 0));
	cr_expect(eq(int, hop->tags_size, 4));
	cr_expect(eq(int, memcmp(hop->tags, (uint8_t[]){ 0x81, 0, 0, 100 }, 4), 0));
	cr_expect(eq(int, hop->mtu, 1400));
	cr_expect(eq(int, resolve("198.18.0.101")->tags_size, 0));
	run("ip neigh replace 198.19.0.101 lladdr 02:00:00:00:00:65 nud reachable dev v100");
	wait_state(hop, NEXTHOP_REACHABLE);
}

Test(nexthop, the_service_tag_is_the_outer_one)
{
	const uint8_t tags[8] = { 0x88, 0xa8, 0x0f, 0xfe, 0x81, 0, 0, 200 };
	const struct nexthop *hop;

	add_vlan("tandem0", "outer", "protocol 802.1ad id 4094", "198.19.2.10/24");
	add_vlan("outer", "inner", "id 200", "198.19.0.10/24");
	add_vlan("inner", "third", "id 7", "198.19.1.10/24");
	hop = resolve("198.19.0.101");
	cr_assert(eq(int, hop->tags_size, 8));
	cr_expect(eq(int, memcmp(hop->tags, tags, 8), 0));
	/* no frame of ours has room for three */
	cr_expect(eq(int, atomic_load(&resolve("198.19.1.101")->state), NEXTHOP_UNREACHABLE));
}

Test(nexthop, an_mtu_that_changes_is_followed)
{
	const struct nexthop *hop = resolve("198.18.0.101");

	cr_expect(eq(int, hop->mtu, 1400));
	run("ip link set tandem0 mtu 1350");
	netlink_read(netlink);
	cr_expect(eq(int, hop->mtu, 1350));
	cr_expect(eq(int, resolve("198.18.0.102")->mtu, 1350));
	run("ip link set tandem0 mtu 9000"); /* more than the port can */
	netlink_read(netlink);
	cr_expect(eq(int, hop->mtu, 1400));
}

Test(nexthop, a_vlan_that_is_removed_leads_nowhere)
{
	add_vlan("tandem0", "v100", "id 100", "198.19.0.10/24");
	cr_assert(eq(int, resolve("198.19.0.101")->tags_size, 4));
	run("ip link del v100");
	netlink_read(netlink);
	nexthop_forget_routes(table); /* as the manager does */
	cr_expect(eq(int, atomic_load(&resolve("198.19.0.101")->state), NEXTHOP_UNREACHABLE));
}

/* What the kernel would tell, told to a table that stands on two TAPs. */
Test(nexthop, tags_of_the_tap_and_of_what_is_stacked_on_it_are_added_up)
{
	const struct netlink_link stacked = { .ifindex = 77,
					      .exists = true,
					      .up = true,
					      .mtu = 1300,
					      .parent = 78,
					      .vlan = 200,
					      .protocol = 0x8100 };
	const uint8_t tags[8] = { 0x88, 0xa8, 1, 44, 0x81, 0, 0, 200 };
	struct nexthop_port port = { .ifindex = 78,
				     .port = 5,
				     .tags_size = 4,
				     .tags = { 0x88, 0xa8, 1, 44 },
				     .mtu = 1500,
				     .checksums = 1 };
	struct nexthop_table *t;
	struct dp_address gateway;
	const struct nexthop *hop;

	cr_assert(eq(int, dp_address_parse("198.19.0.1", 0, &gateway), 0));
	cr_assert(eq(int, nexthop_table_create(&port, 1, &t), 0));
	cr_expect(nexthop_link_news(t, &stacked));
	hop = nexthop_find(t, 77, &gateway);
	cr_expect(eq(int, hop->tags_size, 8));
	cr_expect(eq(int, memcmp(hop->tags, tags, 8), 0));
	cr_expect(eq(int, hop->mtu, 1300));
	cr_expect(eq(int, hop->port, 5));
	cr_expect(eq(int, hop->checksums, 1));
	cr_expect(eq(int, nexthop_find(t, 78, &gateway)->tags_size, 4));
	cr_expect(eq(int, nexthop_find(t, 78, &gateway)->mtu, 1500));
	nexthop_table_destroy(t);
}

/* Two networks may use the same addresses: the interface says which one is meant. */
Test(nexthop, the_interface_that_is_asked_for_is_the_way)
{
	struct dp_address remote;
	struct tap other;

	cr_assert(eq(int, tap_create(netlink, "tandem1", our_mac, 1400, &other), 0));
	run("ip addr add 198.18.0.11/24 dev tandem1");
	cr_assert(eq(int, dp_address_parse("198.18.0.101", 4000, &remote), 0));
	cr_expect(eq(int, nexthop_resolve(table, &remote, tap.ifindex)->ifindex, tap.ifindex));
	/* it is none of the table's, and not replaced by one that is */
	cr_expect(eq(int, nexthop_resolve(table, &remote, other.ifindex)->ifindex, 0));
	tap_destroy(&other);
}

/* Start-up may fail before there is one. */
Test(nexthop_table, there_may_be_none)
{
	nexthop_table_use(NULL, NULL);
	nexthop_table_destroy(NULL);
}
