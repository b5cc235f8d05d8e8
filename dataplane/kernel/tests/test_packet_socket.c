/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packet sockets with a ring that is too small, in a network namespace of the test's own. Without
 * the right to make one the test is skipped.
 */
#include <arpa/inet.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include <criterion/criterion.h>

#include "dataplane/kernel/packet_socket.h"

#define FRAMES 8u

static int open_ring(int ifindex)
{
	struct tpacket_req ring = { .tp_block_size = 4096,
				    .tp_frame_size = 2048,
				    .tp_block_nr = FRAMES / 2,
				    .tp_frame_nr = FRAMES };
	struct sockaddr_ll address = { .sll_family = AF_PACKET,
				       .sll_protocol = htons(ETH_P_ALL),
				       .sll_ifindex = ifindex };
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	cr_assert_geq(fd, 0);
	cr_assert_eq(setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &ring, sizeof(ring)), 0);
	cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void send_frames(int ifindex, unsigned count)
{
	const struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = ifindex };
	const uint8_t frame[60] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, [12] = 0x88, 0xb5 };
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	for (unsigned i = 0; i < count; i++)
		cr_assert_eq(sendto(fd, frame, sizeof(frame), 0, (const struct sockaddr *)&to,
				    sizeof(to)),
			     (ssize_t)sizeof(frame));
	close(fd);
}

Test(packet_socket, what_a_full_ring_did_not_take_is_counted, .timeout = 30)
{
	struct packet_sockets sockets;
	uint64_t missed;
	time_t deadline;
	int fd;

	if (unshare(CLONE_NEWNET) != 0)
		cr_skip_test("needs the right to make network namespaces");
	cr_assert_eq(system("sysctl -qw net.ipv6.conf.default.disable_ipv6=1; "
			    "ip link add one type veth peer name two && "
			    "ip link set one up && ip link set two up"),
		     0);
	packet_sockets_find((int)if_nametoindex("one"), &sockets);
	cr_assert_eq(sockets.count, 0);
	fd = open_ring((int)if_nametoindex("one"));
	packet_sockets_find((int)if_nametoindex("two"), &sockets);
	cr_assert_eq(sockets.count, 0, "it is another interface's");
	packet_sockets_find((int)if_nametoindex("one"), &sockets);
	cr_assert_eq(sockets.count, 1);
	cr_assert_eq(sockets.fd[0], fd);
	send_frames((int)if_nametoindex("two"), FRAMES + 100);
	/* Delivery may take its time; what is missed is told once, so it is summed. */
	deadline = time(NULL) + 5;
	for (missed = 0; missed < 100 && time(NULL) < deadline; sched_yield())
		missed += packet_sockets_missed(&sockets);
	cr_assert_eq(missed, 100, "%u", (unsigned)missed);
	cr_assert_eq(packet_sockets_missed(&sockets), 0, "each once");
	close(fd);
}
