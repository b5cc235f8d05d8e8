/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/kernel/interface.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int control(const char *name, unsigned long what, struct ifreq *request)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), error = 0;

	if (fd < 0)
		return -errno;
	snprintf(request->ifr_name, sizeof(request->ifr_name), "%s", name);
	if (ioctl(fd, what, request) != 0)
		error = -errno;
	close(fd);
	return error;
}

int interface_get_flags(const char *name, short *flags)
{
	struct ifreq request = { 0 };
	int error = control(name, SIOCGIFFLAGS, &request);

	if (!error)
		*flags = request.ifr_flags;
	return error;
}

int interface_set_flags(const char *name, short flags)
{
	struct ifreq request = { .ifr_flags = flags };

	return control(name, SIOCSIFFLAGS, &request);
}

bool interface_has_carrier(const char *name)
{
	struct ethtool_value link = { .cmd = ETHTOOL_GLINK };
	struct ifreq request = { .ifr_data = (char *)&link };
	short flags;

	if (interface_get_flags(name, &flags) != 0 || !(flags & IFF_UP))
		return false;
	/* IFF_RUNNING may come a second late. */
	if (control(name, SIOCETHTOOL, &request) == 0)
		return link.data != 0;
	return flags & IFF_RUNNING;
}
