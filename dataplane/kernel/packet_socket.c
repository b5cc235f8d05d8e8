/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/kernel/packet_socket.h"

#include <dirent.h>
#include <linux/if_packet.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>

static bool is_bound_to(int fd, int ifindex)
{
	struct sockaddr_ll address = { 0 };
	socklen_t size = sizeof(address);

	return getsockname(fd, (struct sockaddr *)&address, &size) == 0 &&
	       address.sll_family == AF_PACKET && address.sll_ifindex == ifindex;
}

void packet_sockets_find(int ifindex, struct packet_sockets *sockets)
{
	DIR *directory = opendir("/proc/self/fd");
	const struct dirent *entry;

	sockets->count = 0;
	if (!directory)
		return;
	while ((entry = readdir(directory)) && sockets->count < PACKET_SOCKETS_MAX) {
		int fd = atoi(entry->d_name);

		if (entry->d_name[0] != '.' && is_bound_to(fd, ifindex))
			sockets->fd[sockets->count++] = fd;
	}
	closedir(directory);
}

uint64_t packet_sockets_missed(const struct packet_sockets *sockets)
{
	uint64_t missed = 0;

	for (unsigned i = 0; i < sockets->count; i++) {
		struct tpacket_stats stats = { 0 };
		socklen_t size = sizeof(stats);

		/* Asking sets the kernel's own count back to zero. */
		if (getsockopt(sockets->fd[i], SOL_PACKET, PACKET_STATISTICS, &stats, &size) == 0)
			missed += stats.tp_drops;
	}
	return missed;
}
