/* SPDX-License-Identifier: BSD-3-Clause */
/* A TAP interface: the port as the kernel sees it. It lives as long as its descriptor. */
#ifndef DATAPLANE_KERNEL_TAP_H
#define DATAPLANE_KERNEL_TAP_H

#include <stdbool.h>
#include <stdint.h>

struct netlink;

struct tap {
	int fd;
	int ifindex;
	char name[16];
	bool up; /* as netlink told last */
};

/* Makes it, with the port's MAC and MTU, up, without addresses. 0 or -errno. */
int tap_create(struct netlink *netlink, const char *name, const uint8_t mac[6], unsigned mtu,
	       struct tap *tap);
void tap_destroy(struct tap *tap);
/* The kernel sees the port's link state as carrier. */
void tap_carrier(const struct tap *tap, int up);

#endif
