/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Taking an interface over and giving it back, in a network namespace of the test's own. Without
 * the right to make one the tests are skipped.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "dataplane/kernel/netlink.h"
#include "dataplane/kernel/takeover.h"

static char journal[64];

static void run(const char *command)
{
	cr_assert(system(command) == 0, "%s", command);
}

static void set_up(void)
{
	if (unshare(CLONE_NEWNET) != 0)
		cr_skip_test("needs the right to make network namespaces");
	snprintf(journal, sizeof(journal), "/tmp/tandem-test-%d.journal", (int)getpid());
	run("ip link add taken0 type veth peer name other0");
	run("ip link set taken0 up");
	run("ip link set other0 up");
}

static void tear_down(void)
{
	unlink(journal);
}

TestSuite(takeover, .init = set_up, .fini = tear_down, .timeout = 30);

Test(takeover, settings_are_given_back)
{
	run("echo 2 > /proc/sys/net/ipv4/conf/taken0/rp_filter");
	cr_expect(eq(int, takeover_by_settings(journal, "taken0"), 0));
	run("grep -qx 1 /proc/sys/net/ipv4/conf/taken0/rp_filter");
	run("grep -qx 8 /proc/sys/net/ipv4/conf/taken0/arp_ignore");

	/* A second start without an end between: the first values stay the right ones. */
	cr_expect(eq(int, takeover_by_settings(journal, "taken0"), 0));
	takeover_undo(journal);
	run("grep -qx 2 /proc/sys/net/ipv4/conf/taken0/rp_filter");
	run("grep -qx 0 /proc/sys/net/ipv4/conf/taken0/arp_ignore");
	cr_expect(eq(int, access(journal, F_OK), -1));
}

Test(takeover, standby_addresses_come_second_and_go_again)
{
	static const struct netlink_handlers none;
	struct netlink *netlink;

	cr_assert(eq(int, netlink_open(&none, &netlink), 0));
	run("ip addr add 203.0.113.1/24 dev taken0");
	cr_expect(
		eq(int, takeover_standby_address(journal, netlink, "taken0", "198.18.0.10/24"), 0));
	cr_expect(eq(int, takeover_standby_address(journal, netlink, "taken0", "203.0.113.1/24"),
		     -EEXIST));
	cr_expect(eq(int, takeover_standby_address(journal, netlink, "gone0", "198.18.0.10/24"),
		     -ENODEV));
	/* Added later, and all the same the better way. */
	run("ip addr add 198.18.0.11/24 dev other0");
	run("ip route get 198.18.0.99 | grep -q 'dev other0'");
	takeover_undo(journal);
	run("! ip addr show dev taken0 | grep -q 198.18.0.10");
	run("ip addr show dev taken0 | grep -q 203.0.113.1"); /* was not ours */
	netlink_close(netlink);
}

Test(takeover, a_journal_full_of_nonsense_is_survived)
{
	char command[160];

	snprintf(
		command, sizeof(command),
		"printf 'ipv4\\nipv4 ../../x y z\\n\\nfoo a b c\\naddress nope 1.2.3.4/5 -\\n' > %s",
		journal);
	run(command);
	takeover_undo(journal);
	cr_expect(eq(int, access(journal, F_OK), -1));
}
