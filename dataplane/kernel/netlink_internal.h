/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of netlink share. */
#ifndef DATAPLANE_KERNEL_NETLINK_INTERNAL_H
#define DATAPLANE_KERNEL_NETLINK_INTERNAL_H

#include <libmnl/libmnl.h>

#include "dataplane/kernel/netlink.h"

#define NETLINK_BUFFER 16384

struct netlink {
	struct netlink_handlers handlers;
	struct mnl_socket *request;
	struct mnl_socket *monitor;
	uint32_t sequence;
};

/* Sends a request and hands what comes back to `callback` until the acknowledgement. */
int netlink_talk(struct netlink *n, struct nlmsghdr *request, mnl_cb_t callback, void *arg);

/* A callback that tells the handlers. arg: struct netlink. */
int netlink_on_news(const struct nlmsghdr *message, void *arg);
void netlink_on_link(const struct netlink *n, const struct nlmsghdr *message);

#endif
