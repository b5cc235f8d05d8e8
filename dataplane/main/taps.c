/* SPDX-License-Identifier: BSD-3-Clause */
/* A TAP for each port, with its addresses, and the netlink sockets that hear of them. */
#include "dataplane/main/taps.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dataplane/client/client.h"
#include "dataplane/kernel/takeover.h"
#include "sip/base/log.h"

void taps_down(struct dataplane *dp)
{
	nexthop_table_use(dp->nexthops, NULL);
	for (unsigned i = 0; i < dp->ports.count; i++)
		tap_destroy(&dp->ports.port[i].tap);
	nexthop_table_destroy(dp->nexthops);
	dp->nexthops = NULL;
	netlink_close(dp->netlink);
	dp->netlink = NULL;
}

static int add_address(struct dataplane *dp, const struct port *port, const char *text)
{
	int error = netlink_address_add(dp->netlink, port->tap.ifindex, text, 0);

	if (error && error != -EEXIST) {
		LOG_ERROR("port", 0, "%s: address %s cannot be put on %s: %s", port->config->name,
			  text, port->tap.name, strerror(-error));
		return error;
	}
	return 0;
}

/* The port on whose network a media address lies. */
static const struct port *port_of_media(const struct dataplane *dp, const struct dp_address *ip,
					bool *has_it)
{
	for (unsigned i = 0; i < dp->ports.count; i++) {
		const struct config_port *c = dp->ports.port[i].config;

		for (unsigned j = 0; j < c->addresses_count; j++) {
			struct dp_address prefix;
			unsigned length;

			if (netlink_prefix_parse(c->addresses[j], &prefix, &length) != 0 ||
			    !netlink_prefix_holds(&prefix, length, ip))
				continue;
			*has_it = netlink_prefix_holds(&prefix, 128, ip) ||
				  (ip->family == DP_FAMILY_IPV4 &&
				   netlink_prefix_holds(&prefix, 32, ip));
			return &dp->ports.port[i];
		}
	}
	return NULL;
}

/* The kernel answers ARP and ND for media addresses too, so it has to have them. */
static int add_media_addresses(struct dataplane *dp)
{
	const struct config_dataplane *config = &dp->config->dataplane;

	for (unsigned i = 0; i < config->media_count; i++) {
		const struct port *port;
		struct dp_address ip;
		bool has_it = false;
		int error = dp_address_parse(config->media[i].address, 0, &ip);

		if (error)
			return error;
		port = port_of_media(dp, &ip, &has_it);
		if (!port)
			LOG_WARN("port", 0,
				 "media address %s is on no port's network: routes to it and its "
				 "address must be set by hand",
				 config->media[i].address);
		if (!port || has_it)
			continue;
		error = add_address(dp, port, config->media[i].address);
		if (error)
			return error;
	}
	return 0;
}

static bool is_media_address(const struct dataplane *dp, const struct dp_address *ip)
{
	const struct config_dataplane *config = &dp->config->dataplane;
	struct dp_address media;

	for (unsigned i = 0; i < config->media_count; i++) {
		if (dp_address_parse(config->media[i].address, 0, &media) == 0 &&
		    dp_address_equal(&media, ip))
			return true;
	}
	return false;
}

/* Of signalling only: nobody could do anything with media while the dataplane is away. */
static void add_standby_addresses(struct dataplane *dp, const struct port *port)
{
	for (unsigned i = 0; i < port->config->addresses_count; i++) {
		const char *text = port->config->addresses[i];
		struct dp_address ip;
		unsigned length;
		int error;

		if (netlink_prefix_parse(text, &ip, &length) != 0 || is_media_address(dp, &ip))
			continue;
		error = takeover_standby_address(dp->ports.journal, dp->netlink, port->interface,
						 text);
		if (error == -EEXIST)
			LOG_WARN("port", 0,
				 "%s: %s has %s already: unless its route has a metric, the host "
				 "sends past the port",
				 port->config->name, port->interface, text);
		else if (error)
			LOG_INFO("port", 0,
				 "%s: %s takes no standby address %s (%s): the host is silent "
				 "there while the dataplane is away",
				 port->config->name, port->interface, text, strerror(-error));
	}
}

static int tap_up(struct dataplane *dp, unsigned index)
{
	struct port *port = &dp->ports.port[index];
	const char *name = port->config->tap;
	int error;

	error = tap_create(dp->netlink, name, port->mac, port->config->mtu, &port->tap);
	if (error) {
		LOG_ERROR("port", 0, "%s: TAP %s cannot be made: %s", port->config->name, name,
			  strerror(-error));
		return error;
	}
	snprintf(dp->segment.ports[index].tap, sizeof(dp->segment.ports[index].tap), "%s",
		 port->tap.name);
	for (unsigned i = 0; i < port->config->addresses_count && !error; i++)
		error = add_address(dp, port, port->config->addresses[i]);
	if (!error && port->guard >= 0)
		add_standby_addresses(dp, port);
	return error;
}

int taps_up(struct dataplane *dp)
{
	struct netlink_handlers handlers = manager_netlink_handlers;
	struct nexthop_port ports[DP_PORTS_MAX];
	int error;

	handlers.arg = dp;
	error = netlink_open(&handlers, &dp->netlink);
	if (error)
		return error;
	for (unsigned i = 0; i < dp->ports.count && !error; i++) {
		error = tap_up(dp, i);
		ports[i] = (struct nexthop_port){ .ifindex = dp->ports.port[i].tap.ifindex,
						  .port = dp->ports.port[i].id };
		memcpy(ports[i].mac, dp->ports.port[i].mac, sizeof(ports[i].mac));
	}
	if (!error)
		error = add_media_addresses(dp);
	if (!error)
		error = nexthop_table_create(ports, dp->ports.count, &dp->nexthops);
	if (!error)
		nexthop_table_use(dp->nexthops, dp->netlink);
	else
		taps_down(dp);
	return error;
}
