/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/main/taps.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_ether.h>

#include "dataplane/client/client.h"
#include "dataplane/kernel/takeover.h"
#include "sip/base/log.h"

void taps_down(struct dataplane *dp)
{
	nexthop_table_use(dp->nexthops, NULL);
	for (unsigned i = 0; i < dp->ports.count; i++) {
		struct port *port = &dp->ports.port[i];

		while (port->vlan_count > 0)
			tap_destroy(&port->vlans[--port->vlan_count].tap);
		tap_destroy(&port->tap);
	}
	nexthop_table_destroy(dp->nexthops);
	dp->nexthops = NULL;
	netlink_close(dp->netlink);
	dp->netlink = NULL;
}

static int add_address(struct dataplane *dp, const struct tap *tap, const char *text)
{
	int error = netlink_address_add(dp->netlink, tap->ifindex, text, 0);

	if (error && error != -EEXIST) {
		LOG_ERROR("port", 0, "address %s cannot be put on %s: %s", text, tap->name,
			  strerror(-error));
		return error;
	}
	return 0;
}

static int add_addresses(struct dataplane *dp, const struct tap *tap, const char *const *addresses,
			 unsigned count)
{
	int error = 0;

	for (unsigned i = 0; i < count && !error; i++)
		error = add_address(dp, tap, addresses[i]);
	return error;
}

/* Is it on one of these networks? *has_it: it is one of these addresses itself. */
static bool is_on(const char *const *addresses, unsigned count, const struct dp_address *ip,
		  bool *has_it)
{
	const unsigned whole = ip->family == DP_FAMILY_IPV4 ? 32 : 128;
	bool found = false;

	for (unsigned i = 0; i < count; i++) {
		struct dp_address prefix;
		unsigned length;

		if (netlink_prefix_parse(addresses[i], &prefix, &length) != 0 ||
		    !netlink_prefix_holds(&prefix, length, ip))
			continue;
		*has_it |= netlink_prefix_holds(&prefix, whole, ip);
		found = true;
	}
	return found;
}

/* Where there is but one realm its media may come and go by any interface, as the routes say. */
static bool realms_are_apart(const struct dataplane *dp)
{
	return dp->config->dataplane.realms_count > 1;
}

/* The TAP on whose network a media address lies: of its realm, if that is one of several. */
static const struct tap *tap_of_media(struct dataplane *dp, const struct dp_address *ip, int realm,
				      bool *has_it)
{
	const struct config_dataplane *c = &dp->config->dataplane;
	const struct tap *of_realm = realms_are_apart(dp) ? dp->realm_tap[realm] : NULL;

	for (unsigned i = 0; i < c->realms_count; i++) {
		const struct tap *tap = dp->realm_tap[i];

		if ((!of_realm || tap == of_realm) &&
		    is_on(c->realms[i].addresses, c->realms[i].addresses_count, ip, has_it))
			return tap;
	}
	for (unsigned i = 0; i < c->ports_count; i++) {
		const struct tap *tap =
			taps_find(&dp->ports.port[i], c->ports[i].vlan, c->ports[i].outer_vlan);

		if ((!of_realm || tap == of_realm) &&
		    is_on(c->ports[i].addresses, c->ports[i].addresses_count, ip, has_it))
			return tap;
	}
	return of_realm;
}

/* The kernel answers ARP and ND for media addresses too, so it has to have them. */
static int add_media_addresses(struct dataplane *dp)
{
	const struct config_dataplane *config = &dp->config->dataplane;

	for (unsigned i = 0; i < config->media_count; i++) {
		const struct config_media *media = &config->media[i];
		const struct tap *tap;
		struct dp_address ip;
		bool has_it = false;
		int error = dp_address_parse(media->address, 0, &ip);

		if (error)
			return error;
		tap = tap_of_media(dp, &ip, config_realm_index(dp->config, media->realm), &has_it);
		if (!tap)
			LOG_WARN("port", 0,
				 "media address %s is on no port's network: routes to it and its "
				 "address must be set by hand",
				 media->address);
		if (!tap || has_it)
			continue;
		error = add_address(dp, tap, media->address);
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

/*
 * Of signalling only: nobody could do anything with media while the dataplane is away. And of those
 * without a VLAN only: the host has no interface for the others, and is not given one.
 */
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

void taps_name(const char *tap, uint16_t vlan, uint16_t outer_vlan, char name[16])
{
	char tags[16] = "";
	size_t room, length = strlen(tap);

	if (outer_vlan)
		snprintf(tags, sizeof(tags), ".%u.%u", outer_vlan, vlan);
	else if (vlan)
		snprintf(tags, sizeof(tags), ".%u", vlan);
	room = 15 - strlen(tags);
	snprintf(name, 16, "%s%s", length > room ? tap + length - room : tap, tags);
}

struct tap *taps_find(struct port *port, uint16_t vlan, uint16_t outer_vlan)
{
	if (vlan == 0)
		return &port->tap;
	for (unsigned i = 0; i < port->vlan_count; i++) {
		struct port_vlan *v = &port->vlans[i];

		if (v->vlan == vlan && v->outer_vlan == outer_vlan)
			return &v->tap;
	}
	return NULL;
}

static int make_tap(struct dataplane *dp, const struct port *port, const char *name,
		    struct tap *tap)
{
	int error = tap_create(dp->netlink, name, port->mac, port->config->mtu, tap);

	if (error)
		LOG_ERROR("port", 0, "%s: TAP %s cannot be made: %s", port->config->name, name,
			  strerror(-error));
	return error;
}

/* The TAP of these tags, made if it is not there yet. */
static int vlan_up(struct dataplane *dp, struct port *port, uint16_t vlan, uint16_t outer_vlan,
		   struct tap **tap)
{
	struct port_vlan *v = &port->vlans[port->vlan_count];
	char name[16];
	int error;

	*tap = taps_find(port, vlan, outer_vlan);
	if (*tap)
		return 0;
	if (port->vlan_count == PORT_VLANS_MAX)
		return -ENOSPC;
	*v = (struct port_vlan){ .vlan = vlan, .outer_vlan = outer_vlan };
	taps_name(port->tap.name, vlan, outer_vlan, name);
	error = make_tap(dp, port, name, &v->tap);
	if (error)
		return error;
	port->vlan_count++;
	*tap = &v->tap;
	return 0;
}

static int port_up(struct dataplane *dp, unsigned index)
{
	struct port *port = &dp->ports.port[index];
	const struct config_port *config = port->config;
	struct tap *tap;
	int error;

	port->vlan_count = 0;
	error = make_tap(dp, port, config->tap, &port->tap);
	if (!error)
		error = vlan_up(dp, port, config->vlan, config->outer_vlan, &tap);
	if (error)
		return error;
	snprintf(dp->segment.ports[index].tap, sizeof(dp->segment.ports[index].tap), "%s",
		 port->tap.name);
	error = add_addresses(dp, tap, config->addresses, config->addresses_count);
	if (!error && port->guard >= 0 && config->vlan == 0)
		add_standby_addresses(dp, port);
	return error;
}

static int realm_up(struct dataplane *dp, unsigned index)
{
	const struct config_realm *config = &dp->config->dataplane.realms[index];
	const struct config_port *on = config_port_find(dp->config, config->port);
	unsigned number = (unsigned)(on - dp->config->dataplane.ports);
	struct dp_realm_stats *stats = &dp->segment.realms[index];
	struct tap *tap;
	int error = vlan_up(dp, &dp->ports.port[number], config->vlan, config->outer_vlan, &tap);

	if (error)
		return error;
	dp->realm_tap[index] = tap;
	snprintf(stats->name, sizeof(stats->name), "%s", config->name);
	snprintf(stats->interface, sizeof(stats->interface), "%s", tap->name);
	stats->vlan = config->vlan;
	stats->outer_vlan = config->outer_vlan;
	stats->dscp = config->dscp;
	stats->port = (uint8_t)number;
	return add_addresses(dp, tap, config->addresses, config->addresses_count);
}

void taps_describe_realms(const struct dataplane *dp, struct flow_realm *realms)
{
	for (unsigned i = 0; i < dp->config->dataplane.realms_count; i++) {
		const struct config_realm *config = &dp->config->dataplane.realms[i];
		unsigned number = dp->segment.realms[i].port;

		realms[i] = (struct flow_realm){
			.ifindex = realms_are_apart(dp) ? dp->realm_tap[i]->ifindex : 0,
			.vlan = config->vlan,
			.outer_vlan = config->outer_vlan,
			.dscp = config->dscp,
			.port = realms_are_apart(dp) ? (uint8_t)dp->ports.port[number].id
						     : FLOW_PORT_ANY,
		};
	}
}

static void put_tag(struct nexthop_port *p, uint16_t protocol, uint16_t vlan)
{
	uint8_t *tag = p->tags + p->tags_size;

	tag[0] = (uint8_t)(protocol >> 8);
	tag[1] = (uint8_t)protocol;
	tag[2] = (uint8_t)(vlan >> 8);
	tag[3] = (uint8_t)vlan;
	p->tags_size += 4;
}

static void describe(const struct port *port, const struct tap *tap, uint16_t vlan,
		     uint16_t outer_vlan, struct nexthop_port *p)
{
	*p = (struct nexthop_port){ .ifindex = tap->ifindex,
				    .port = port->id,
				    .mtu = (uint16_t)port->config->mtu,
				    .checksums = port->checksums };
	memcpy(p->mac, port->mac, sizeof(p->mac));
	if (outer_vlan)
		put_tag(p, RTE_ETHER_TYPE_QINQ, outer_vlan);
	if (vlan)
		put_tag(p, RTE_ETHER_TYPE_VLAN, vlan);
}

static int make_nexthops(struct dataplane *dp)
{
	struct nexthop_port list[NEXTHOP_PORTS_MAX];
	unsigned count = 0;
	int error;

	static_assert(2 * DP_PORTS_MAX + DP_REALMS_MAX <= NEXTHOP_PORTS_MAX, "all TAPs");
	for (unsigned i = 0; i < dp->ports.count; i++) {
		const struct port *port = &dp->ports.port[i];

		describe(port, &port->tap, 0, 0, &list[count++]);
		for (unsigned k = 0; k < port->vlan_count; k++) {
			const struct port_vlan *v = &port->vlans[k];

			describe(port, &v->tap, v->vlan, v->outer_vlan, &list[count++]);
		}
	}
	error = nexthop_table_create(list, count, &dp->nexthops);
	if (error)
		return error;
	nexthop_table_use(dp->nexthops, dp->netlink);
	return 0;
}

int taps_up(struct dataplane *dp)
{
	struct netlink_handlers handlers = manager_netlink_handlers;
	int error;

	handlers.arg = dp;
	error = netlink_open(&handlers, &dp->netlink);
	if (error)
		return error;
	for (unsigned i = 0; i < dp->ports.count && !error; i++)
		error = port_up(dp, i);
	for (unsigned i = 0; i < dp->config->dataplane.realms_count && !error; i++)
		error = realm_up(dp, i);
	if (!error)
		error = add_media_addresses(dp);
	if (!error)
		error = make_nexthops(dp);
	if (error)
		taps_down(dp);
	return error;
}
