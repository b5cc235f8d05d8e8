/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/kernel/netlink.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <libmnl/libmnl.h>

#include "dataplane/kernel/netlink_internal.h"
#include "sip/base/log.h"

/* Many neighbours may change at once: at most so many bytes of news wait in the socket. */
#define MONITOR_BYTES (4 << 20)

static int family_of(const struct dp_address *address)
{
	return address->family == DP_FAMILY_IPV6 ? AF_INET6 : AF_INET;
}

static size_t size_of(const struct dp_address *address)
{
	return address->family == DP_FAMILY_IPV6 ? 16 : 4;
}

static void take_address(struct dp_address *address, int family, const struct nlattr *attr)
{
	size_t size = family == AF_INET6 ? 16 : 4;

	*address = (struct dp_address){ 0 };
	if (mnl_attr_get_payload_len(attr) < size)
		return;
	address->family = family == AF_INET6 ? DP_FAMILY_IPV6 : DP_FAMILY_IPV4;
	memcpy(address->ip, mnl_attr_get_payload(attr), size);
}

static void parse_neighbour(const struct netlink *n, const struct nlmsghdr *message)
{
	const struct ndmsg *nd = mnl_nlmsg_get_payload(message);
	const struct nlattr *attr;
	struct dp_address address = { 0 };
	const uint8_t *mac = NULL;

	if (nd->ndm_family != AF_INET && nd->ndm_family != AF_INET6)
		return;
	mnl_attr_for_each(attr, message, sizeof(*nd))
	{
		if (mnl_attr_get_type(attr) == NDA_DST)
			take_address(&address, nd->ndm_family, attr);
		else if (mnl_attr_get_type(attr) == NDA_LLADDR &&
			 mnl_attr_get_payload_len(attr) == 6)
			mac = mnl_attr_get_payload(attr);
	}
	if (address.family != DP_FAMILY_NONE)
		n->handlers.neighbour(n->handlers.arg, nd->ndm_ifindex, &address,
				      message->nlmsg_type == RTM_DELNEIGH ? 0 : nd->ndm_state, mac);
}

int netlink_on_news(const struct nlmsghdr *message, void *arg)
{
	const struct netlink *n = arg;
	const struct rtmsg *route;

	switch (message->nlmsg_type) {
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		if (mnl_nlmsg_get_payload_len(message) >= sizeof(struct ndmsg))
			parse_neighbour(n, message);
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		route = mnl_nlmsg_get_payload(message);
		/* Those of our own addresses and of multicast say nothing about the way out. */
		if (mnl_nlmsg_get_payload_len(message) >= sizeof(*route) &&
		    route->rtm_type != RTN_LOCAL && route->rtm_type != RTN_BROADCAST &&
		    route->rtm_type != RTN_ANYCAST && route->rtm_type != RTN_MULTICAST)
			n->handlers.routes_changed(n->handlers.arg);
		break;
	case RTM_NEWLINK:
	case RTM_DELLINK:
		netlink_on_link(n, message);
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

static int open_socket(struct mnl_socket **socket, unsigned groups, int flags)
{
	*socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | flags);
	if (!*socket || mnl_socket_bind(*socket, groups, MNL_SOCKET_AUTOPID) != 0)
		return -errno;
	return 0;
}

int netlink_open(const struct netlink_handlers *handlers, struct netlink **netlink)
{
	const unsigned groups = RTMGRP_NEIGH | RTMGRP_LINK | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE;
	const int bytes = MONITOR_BYTES;
	struct netlink *n = calloc(1, sizeof(*n));
	int error;

	if (!n)
		return -ENOMEM;
	n->handlers = *handlers;
	n->sequence = (uint32_t)time(NULL);
	error = open_socket(&n->request, 0, 0);
	if (!error)
		error = open_socket(&n->monitor, groups, SOCK_NONBLOCK);
	if (error) {
		netlink_close(n);
		return error;
	}
	setsockopt(mnl_socket_get_fd(n->monitor), SOL_SOCKET, SO_RCVBUFFORCE, &bytes,
		   sizeof(bytes));
	*netlink = n;
	return 0;
}

void netlink_close(struct netlink *n)
{
	if (!n)
		return;
	if (n->monitor)
		mnl_socket_close(n->monitor);
	if (n->request)
		mnl_socket_close(n->request);
	free(n);
}

int netlink_fd(const struct netlink *n)
{
	return mnl_socket_get_fd(n->monitor);
}

int netlink_talk(struct netlink *n, struct nlmsghdr *request, mnl_cb_t callback, void *arg)
{
	char buffer[NETLINK_BUFFER];
	unsigned port = mnl_socket_get_portid(n->request);
	int status = MNL_CB_OK;

	request->nlmsg_seq = ++n->sequence;
	if (mnl_socket_sendto(n->request, request, request->nlmsg_len) < 0)
		return -errno;
	while (status > MNL_CB_STOP) {
		ssize_t size = mnl_socket_recvfrom(n->request, buffer, sizeof(buffer));

		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0)
			return -errno;
		status = mnl_cb_run(buffer, (size_t)size, request->nlmsg_seq, port, callback, arg);
	}
	return status < 0 ? -errno : 0;
}

static int dump_neighbours(struct netlink *n)
{
	char buffer[256];
	struct nlmsghdr *m = mnl_nlmsg_put_header(buffer);
	struct ndmsg *nd;

	m->nlmsg_type = RTM_GETNEIGH;
	m->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nd = mnl_nlmsg_put_extra_header(m, sizeof(*nd));
	nd->ndm_family = AF_UNSPEC;
	return netlink_talk(n, m, netlink_on_news, n);
}

void netlink_read(struct netlink *n)
{
	char buffer[NETLINK_BUFFER];

	for (;;) {
		ssize_t size = mnl_socket_recvfrom(n->monitor, buffer, sizeof(buffer));

		if (size > 0) {
			mnl_cb_run(buffer, (size_t)size, 0, 0, netlink_on_news, n);
			continue;
		}
		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0 && errno == ENOBUFS) {
			LOG_WARN("netlink", 0, "news from the kernel was lost: reading all again");
			n->handlers.routes_changed(n->handlers.arg);
			netlink_links_read(n);
			dump_neighbours(n);
			continue;
		}
		return;
	}
}

static int change_address(struct netlink *n, uint16_t type, uint16_t flags, int ifindex,
			  const char *text, uint32_t metric)
{
	char buffer[256];
	struct nlmsghdr *m = mnl_nlmsg_put_header(buffer);
	struct dp_address address;
	struct ifaddrmsg *ifa;
	unsigned length;
	int error = netlink_prefix_parse(text, &address, &length);

	if (error)
		return error;
	m->nlmsg_type = type;
	m->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	ifa = mnl_nlmsg_put_extra_header(m, sizeof(*ifa));
	ifa->ifa_family = (uint8_t)family_of(&address);
	ifa->ifa_prefixlen = (uint8_t)length;
	ifa->ifa_flags = address.family == DP_FAMILY_IPV6 ? IFA_F_NODAD : 0;
	ifa->ifa_index = (unsigned)ifindex;
	mnl_attr_put(m, IFA_LOCAL, size_of(&address), address.ip);
	mnl_attr_put(m, IFA_ADDRESS, size_of(&address), address.ip);
	if (metric != 0)
		mnl_attr_put_u32(m, IFA_RT_PRIORITY, metric);
	return netlink_talk(n, m, NULL, NULL);
}

int netlink_address_add(struct netlink *n, int ifindex, const char *text, uint32_t metric)
{
	return change_address(n, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, ifindex, text, metric);
}

int netlink_address_remove(struct netlink *n, int ifindex, const char *text)
{
	return change_address(n, RTM_DELADDR, 0, ifindex, text, 0);
}

struct route {
	const struct dp_address *to;
	struct dp_address gateway;
	int ifindex;
	uint8_t type;
};

static int on_route(const struct nlmsghdr *message, void *arg)
{
	const struct rtmsg *rt = mnl_nlmsg_get_payload(message);
	struct route *route = arg;
	const struct nlattr *attr;

	if (message->nlmsg_type != RTM_NEWROUTE)
		return MNL_CB_OK;
	route->type = rt->rtm_type;
	mnl_attr_for_each(attr, message, sizeof(*rt))
	{
		switch (mnl_attr_get_type(attr)) {
		case RTA_OIF:
			route->ifindex = (int)mnl_attr_get_u32(attr);
			break;
		case RTA_GATEWAY:
			take_address(&route->gateway, rt->rtm_family, attr);
			break;
		case RTA_VIA: { /* an IPv4 route over an IPv6 neighbour (RFC 5549) */
			const struct rtvia *via = mnl_attr_get_payload(attr);

			if (mnl_attr_get_payload_len(attr) == sizeof(*via) + 16) {
				route->gateway = (struct dp_address){ .family = DP_FAMILY_IPV6 };
				memcpy(route->gateway.ip, via->rtvia_addr, 16);
			}
			break;
		}
		default:
			break;
		}
	}
	return MNL_CB_STOP;
}

int netlink_route_get(struct netlink *n, const struct dp_address *to, int *ifindex,
		      struct dp_address *gateway)
{
	char buffer[256];
	struct nlmsghdr *m = mnl_nlmsg_put_header(buffer);
	struct route route = { .to = to };
	struct rtmsg *rt;
	int error;

	m->nlmsg_type = RTM_GETROUTE;
	m->nlmsg_flags = NLM_F_REQUEST;
	rt = mnl_nlmsg_put_extra_header(m, sizeof(*rt));
	rt->rtm_family = (uint8_t)family_of(to);
	rt->rtm_dst_len = (uint8_t)(size_of(to) * 8);
	mnl_attr_put(m, RTA_DST, size_of(to), to->ip);
	if (*ifindex)
		mnl_attr_put_u32(m, RTA_OIF, (uint32_t)*ifindex);
	error = netlink_talk(n, m, on_route, &route);
	if (error)
		return error;
	if (route.type != RTN_UNICAST || route.ifindex == 0)
		return -ENETUNREACH;
	*ifindex = route.ifindex;
	*gateway = route.gateway;
	if (gateway->family == DP_FAMILY_NONE) {
		*gateway = *to;
		gateway->port = 0;
	}
	return 0;
}

static struct nlmsghdr *neighbour_message(char *buffer, uint16_t type, uint16_t flags, int ifindex,
					  const struct dp_address *address, struct ndmsg **nd)
{
	struct nlmsghdr *m = mnl_nlmsg_put_header(buffer);

	m->nlmsg_type = type;
	m->nlmsg_flags = NLM_F_REQUEST | flags;
	*nd = mnl_nlmsg_put_extra_header(m, sizeof(**nd));
	(*nd)->ndm_family = (uint8_t)family_of(address);
	(*nd)->ndm_ifindex = ifindex;
	mnl_attr_put(m, NDA_DST, size_of(address), address->ip);
	return m;
}

int netlink_neighbour_use(struct netlink *n, int ifindex, const struct dp_address *address)
{
	char buffer[256];
	struct ndmsg *nd;
	struct nlmsghdr *m = neighbour_message(buffer, RTM_NEWNEIGH, NLM_F_ACK | NLM_F_CREATE,
					       ifindex, address, &nd);

	/* As if a packet had been sent to it: see neigh_event_send() in the kernel. */
	nd->ndm_flags = NTF_USE;
	return netlink_talk(n, m, NULL, NULL);
}

static int on_neighbour(const struct nlmsghdr *message, void *arg)
{
	netlink_on_news(message, arg);
	return MNL_CB_STOP;
}

int netlink_neighbour_get(struct netlink *n, int ifindex, const struct dp_address *address)
{
	char buffer[256];
	struct ndmsg *nd;
	struct nlmsghdr *m = neighbour_message(buffer, RTM_GETNEIGH, 0, ifindex, address, &nd);

	return netlink_talk(n, m, on_neighbour, n);
}
