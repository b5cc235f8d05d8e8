/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/kernel/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "dataplane/kernel/netlink.h"
#include "dataplane/kernel/takeover.h"

int tap_create(struct netlink *netlink, const char *name, const uint8_t mac[6], unsigned mtu,
	       struct tap *tap)
{
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int error;

	if (strlen(name) >= sizeof(request.ifr_name))
		return -ENAMETOOLONG;
	*tap = (struct tap){ .fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK) };
	if (tap->fd < 0)
		return -errno;
	strcpy(request.ifr_name, name);
	if (ioctl(tap->fd, TUNSETIFF, &request) != 0)
		goto fail;
	snprintf(tap->name, sizeof(tap->name), "%s", request.ifr_name);
	tap->ifindex = (int)if_nametoindex(tap->name);
	if (tap->ifindex == 0)
		goto fail;
	/* Nobody else is on the way to this interface: its link-local address is ours. */
	takeover_write_setting("ipv6", tap->name, "accept_dad", "0");
	/* Whoever sets it down and up again finds all addresses there, as IPv4 has it anyway. */
	takeover_write_setting("ipv6", tap->name, "keep_addr_on_down", "1");
	error = netlink_link_set(netlink, tap->ifindex, mac, mtu, true);
	if (error) {
		errno = -error;
		goto fail;
	}
	return 0;
fail:
	error = -errno;
	tap_destroy(tap);
	return error;
}

void tap_destroy(struct tap *tap)
{
	if (tap->fd >= 0)
		close(tap->fd);
	tap->fd = -1;
}

void tap_carrier(const struct tap *tap, int up)
{
	if (tap->fd >= 0)
		ioctl(tap->fd, TUNSETCARRIER, &up);
}
