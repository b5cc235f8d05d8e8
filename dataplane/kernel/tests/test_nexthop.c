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

static void on_link(void *arg, int ifindex, bool exists, bool up)
{
	(void)arg;
	(void)ifindex;
	(void)exists;
	(void)up;
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
	struct nexthop_port port = { .port = 3 };

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

/* Start-up may fail before there is one. */
Test(nexthop_table, there_may_be_none)
{
	nexthop_table_use(NULL, NULL);
	nexthop_table_destroy(NULL);
}
