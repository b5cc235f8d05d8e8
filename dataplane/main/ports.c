/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/main/ports.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "dataplane/kernel/guard.h"
#include "dataplane/kernel/interface.h"
#include "dataplane/kernel/takeover.h"
#include "dataplane/main/eal.h"
#include "sip/base/log.h"

#define DESCRIPTORS  1024u
#define POOL_CACHE   256u
#define POOL_SPARE   4096u
#define FRAMES       2048u /* of an af_packet ring */
#define FRAME_MARGIN 148u  /* Ethernet, VLANs, and the ring's own header */
#define FRAME_WHOLE  8192u /* of fragments that were put together: a long SIP message */

static int take_interface(struct ports *ports, struct port *port)
{
	const char *name = port->config->device;
	short flags = 0;
	int error = interface_get_flags(name, &flags);

	if (error) {
		LOG_ERROR("port", 0, "%s: %s is no interface, PCI address or devargs here: %s",
			  port->config->name, name, strerror(-error));
		return error;
	}
	snprintf(port->interface, sizeof(port->interface), "%s", name);
	port->interface_flags = flags;
	port->ifindex = (int)if_nametoindex(name);
	port->guard = guard_attach(port->ifindex);
	if (port->guard < 0) {
		LOG_INFO("port", 0, "%s: no guard in this kernel (%s), kept off by settings", name,
			 strerror(-port->guard));
		takeover_by_settings(ports->journal, name);
	}
	if (!(flags & IFF_UP)) {
		flags |= IFF_UP;
		error = interface_set_flags(name, flags);
		if (error)
			LOG_ERROR("port", 0, "%s cannot be set up: %s", name, strerror(-error));
		return error;
	}
	return 0;
}

/* An af_packet socket gets fragments put together (the driver asks for it), however large. */
static unsigned frame_size(unsigned mtu, bool reassembled)
{
	unsigned size = reassembled ? FRAME_WHOLE : 2048;

	while (size < mtu + FRAME_MARGIN)
		size *= 2;
	return size;
}

static void write_devargs(const struct port *port, unsigned index, unsigned workers, char *text,
			  size_t size)
{
	const struct config_port *c = port->config;
	unsigned frame = frame_size(c->mtu, true);

	if (port->interface[0] == '\0')
		snprintf(text, size, "%s", c->device);
	else if (c->driver && strcmp(c->driver, "af_xdp") == 0)
		snprintf(text, size, "net_af_xdp%u,iface=%s,start_queue=0,queue_count=%u", index,
			 c->device, workers);
	else
		snprintf(text, size,
			 "net_af_packet%u,iface=%s,qpairs=%u,framesz=%u,blocksz=%u,framecnt=%u",
			 index, c->device, workers, frame, frame > 4096 ? frame : 4096, FRAMES);
}

static int find_port(const char *devargs, const char *name, uint16_t *id)
{
	struct rte_dev_iterator iterator;
	uint16_t i;

	if (rte_eth_dev_get_port_by_name(name, id) == 0)
		return 0;
	RTE_ETH_FOREACH_MATCHING_DEV(i, devargs, &iterator)
	{
		*id = i;
		rte_eth_iterator_cleanup(&iterator);
		return 0;
	}
	return -ENODEV;
}

static int probe(struct ports *ports, struct port *port, unsigned index, unsigned workers)
{
	char devargs[512];
	int error;

	if (eal_device_kind(port->config->device) == DEVICE_INTERFACE) {
		error = take_interface(ports, port);
		if (error)
			return error;
	}
	write_devargs(port, index, workers, devargs, sizeof(devargs));
	snprintf(port->name, sizeof(port->name), "%.*s", (int)strcspn(devargs, ","), devargs);
	/* EAL found those with a PCI address when it started. */
	error = rte_dev_probe(devargs);
	if (error && error != -EEXIST) {
		LOG_ERROR("port", 0, "%s: %s cannot be opened: %s", port->config->name, devargs,
			  rte_strerror(-error));
		return error;
	}
	error = find_port(devargs, port->name, &port->id);
	if (!error && port->id >= DP_PORTS_MAX)
		error = -ENOSPC;
	if (error) {
		LOG_ERROR("port", 0, "%s: no Ethernet port came of %s", port->config->name,
			  devargs);
		return error;
	}
	port->probed = true;
	return 0;
}

static int configure(struct port *port, unsigned workers, int home)
{
	const uint64_t rss = RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP;
	struct rte_eth_conf conf = { 0 };
	struct rte_eth_dev_info info;
	struct rte_ether_addr mac;
	int error = rte_eth_dev_info_get(port->id, &info);

	if (error)
		return error;
	snprintf(port->driver, sizeof(port->driver), "%s", info.driver_name);
	port->socket = rte_eth_dev_socket_id(port->id);
	if (port->socket < 0)
		port->socket = home;
	/* IPv4 does without a checksum of UDP, IPv6 may not (RFC 8200 §8.1). */
	port->checksums = (info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_UDP_CKSUM) != 0;
	if (port->checksums)
		conf.txmode.offloads |= RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
	if (info.max_tx_queues < workers) {
		LOG_ERROR("port", 0, "%s has %u transmit queues, which is fewer than %u workers",
			  port->config->name, info.max_tx_queues, workers);
		return -EINVAL;
	}
	port->rx_queues = (uint16_t)RTE_MIN(workers, info.max_rx_queues);
	if (port->rx_queues > 1 && (info.flow_type_rss_offloads & rss)) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf = info.flow_type_rss_offloads & rss;
	}
	conf.rxmode.mtu = port->config->mtu;
	error = rte_eth_dev_configure(port->id, port->rx_queues, (uint16_t)workers, &conf);
	if (error)
		return error;
	port->rx_descriptors = port->tx_descriptors = DESCRIPTORS;
	rte_eth_dev_adjust_nb_rx_tx_desc(port->id, &port->rx_descriptors, &port->tx_descriptors);
	error = rte_eth_macaddr_get(port->id, &mac);
	if (error)
		return error;
	/* Some devices have none (net_ring); a TAP must. */
	if (!rte_is_valid_assigned_ether_addr(&mac))
		rte_eth_random_addr(mac.addr_bytes);
	memcpy(port->mac, mac.addr_bytes, sizeof(port->mac));
	return 0;
}

/* All of them could come to lie on one node. */
static unsigned buffers_needed(const struct ports *ports, const struct ports_use *use, int socket)
{
	unsigned count = POOL_SPARE + use->buffers + (use->workers + 2) * (2 * POOL_CACHE);

	for (unsigned i = 0; i < ports->count; i++) {
		const struct port *p = &ports->port[i];

		if (p->socket == socket)
			count += p->rx_queues * p->rx_descriptors;
		count += use->workers * p->tx_descriptors;
	}
	return rte_align32pow2(count) - 1; /* what a mempool's ring holds best */
}

static int create_pools(struct ports *ports, const struct ports_use *use)
{
	unsigned mtu = 1500;
	bool reassembled = false;
	int error = 0;

	for (unsigned i = 0; i < ports->count; i++) {
		mtu = RTE_MAX(mtu, ports->port[i].config->mtu);
		reassembled |= strcmp(ports->port[i].driver, "net_af_packet") == 0;
	}
	for (unsigned i = 0; i < ports->count && !error; i++) {
		int socket = ports->port[i].socket;

		if (ports->pools.count > 0 && pools_of(&ports->pools, socket)->socket == socket)
			continue;
		error = pools_add(&ports->pools, socket, buffers_needed(ports, use, socket),
				  frame_size(mtu, reassembled) + RTE_PKTMBUF_HEADROOM, POOL_CACHE);
	}
	return error;
}

static int set_up_queues(struct ports *ports, struct port *port, unsigned workers)
{
	struct rte_mempool *pool = pools_of(&ports->pools, port->socket)->packets;
	const unsigned socket = (unsigned)port->socket;
	int error = 0;

	for (uint16_t q = 0; q < port->rx_queues && !error; q++)
		error = rte_eth_rx_queue_setup(port->id, q, port->rx_descriptors, socket, NULL,
					       pool);
	for (uint16_t q = 0; q < workers && !error; q++)
		error = rte_eth_tx_queue_setup(port->id, q, port->tx_descriptors, socket, NULL);
	if (error)
		LOG_ERROR("port", 0, "%s: queues cannot be set up: %s", port->config->name,
			  rte_strerror(-error));
	return error;
}

static void set_mtu(const struct port *port)
{
	uint16_t now;
	int error;

	if (rte_eth_dev_get_mtu(port->id, &now) == 0 && now == port->config->mtu)
		return;
	error = rte_eth_dev_set_mtu(port->id, (uint16_t)port->config->mtu);
	if (error)
		LOG_WARN("port", 0, "%s: MTU %u cannot be set: %s", port->config->name,
			 port->config->mtu, rte_strerror(-error));
}

int ports_open(struct ports *ports, const struct config_dataplane *config, const char *run_dir,
	       const struct ports_use *use)
{
	int error;

	*ports = (struct ports){ 0 };
	if (config->ports_count > DP_PORTS_MAX) {
		LOG_ERROR("port", 0, "%u ports: there can be %u", config->ports_count,
			  DP_PORTS_MAX);
		return -EINVAL;
	}
	snprintf(ports->journal, sizeof(ports->journal), "%s/interfaces.journal", run_dir);
	takeover_undo(ports->journal);
	for (unsigned i = 0; i < config->ports_count; i++) {
		struct port *port = &ports->port[i];

		port->config = &config->ports[i];
		port->tap.fd = -1;
		port->guard = -1;
		ports->count++;
		error = probe(ports, port, i, use->workers);
		if (error)
			return error;
		error = configure(port, use->workers, use->socket);
		if (error) {
			LOG_ERROR("port", 0, "%s cannot be configured: %s", port->config->name,
				  rte_strerror(-error));
			return error;
		}
	}
	error = create_pools(ports, use);
	for (unsigned i = 0; i < ports->count && !error; i++)
		error = set_up_queues(ports, &ports->port[i], use->workers);
	return error;
}

/* Multicast is how neighbours are found in IPv6, so all of it is let in. */
static void receive_multicast(const struct port *port)
{
	if (rte_eth_allmulticast_enable(port->id) != 0 && rte_eth_promiscuous_enable(port->id) != 0)
		LOG_WARN("port", 0, "%s: multicast may not be received", port->config->name);
}

int ports_start(struct ports *ports)
{
	for (unsigned i = 0; i < ports->count; i++) {
		struct port *port = &ports->port[i];
		int error;

		set_mtu(port);
		error = rte_eth_dev_start(port->id);
		if (error) {
			LOG_ERROR("port", 0, "%s cannot be started: %s", port->config->name,
				  rte_strerror(-error));
			return error;
		}
		port->started = true;
		if (strcmp(port->driver, "net_af_packet") == 0)
			packet_sockets_find(port->ifindex, &port->sockets);
		receive_multicast(port);
		LOG_INFO("port", 0, "%s: %s (%s), %u queues, %02x:%02x:%02x:%02x:%02x:%02x",
			 port->config->name, port->config->device, port->driver, port->rx_queues,
			 port->mac[0], port->mac[1], port->mac[2], port->mac[3], port->mac[4],
			 port->mac[5]);
	}
	return 0;
}

static void stop_listening(const struct port *port)
{
	rte_eth_promiscuous_disable(port->id);
	rte_eth_allmulticast_disable(port->id);
}

static void give_interface_back(const struct port *port)
{
	if (port->guard >= 0)
		close(port->guard);
	if (port->interface[0] && !(port->interface_flags & IFF_UP))
		interface_set_flags(port->interface, port->interface_flags);
}

static void port_close(struct port *port)
{
	struct rte_eth_dev_info info;
	bool have_info = port->probed && rte_eth_dev_info_get(port->id, &info) == 0;

	if (port->started) {
		stop_listening(port);
		rte_eth_dev_stop(port->id);
	}
	if (port->probed) {
		rte_eth_dev_close(port->id);
		if (have_info)
			rte_dev_remove(info.device);
	}
	give_interface_back(port);
}

void ports_close(struct ports *ports)
{
	while (ports->count > 0)
		port_close(&ports->port[--ports->count]);
	pools_free(&ports->pools);
	if (ports->journal[0])
		takeover_undo(ports->journal);
}

void ports_leave(struct ports *ports)
{
	for (unsigned i = 0; i < ports->count; i++) {
		if (ports->port[i].started)
			stop_listening(&ports->port[i]);
		give_interface_back(&ports->port[i]);
	}
	takeover_undo(ports->journal);
}

/* A kernel interface is asked itself: its driver says that the link is up as long as it runs. */
static bool link_is_up(const struct port *port, bool before)
{
	struct rte_eth_link link = { 0 };

	if (port->interface[0])
		return interface_has_carrier(port->interface);
	return rte_eth_link_get_nowait(port->id, &link) == 0 ? link.link_status : before;
}

static void read_counters(struct port *port, struct dp_port_stats *out)
{
	struct rte_eth_stats now;

	if (rte_eth_stats_get(port->id, &now) != 0)
		return;
	port->missed += packet_sockets_missed(&port->sockets);
	out->rx_packets = now.ipackets;
	out->rx_bytes = now.ibytes;
	out->tx_packets = now.opackets;
	out->tx_bytes = now.obytes;
	out->rx_missed = now.imissed + port->missed;
	out->rx_errors = now.ierrors;
	out->tx_errors = now.oerrors;
}

void ports_read(struct ports *ports, struct dp_port_stats *stats)
{
	for (unsigned i = 0; i < ports->count; i++) {
		struct port *port = &ports->port[i];
		bool up = link_is_up(port, stats[i].link_up);

		read_counters(port, &stats[i]);
		if (stats[i].link_up == up)
			continue;
		stats[i].link_up = up;
		tap_carrier(&port->tap, up);
		for (unsigned k = 0; k < port->vlan_count; k++)
			tap_carrier(&port->vlans[k].tap, up);
		LOG_INFO("port", 0, "%s: link is %s", port->config->name, up ? "up" : "down");
	}
}
