/* SPDX-License-Identifier: BSD-3-Clause */
#include "pktgen_tests/rtpgen/port.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_pci.h>

#define DESCRIPTORS    1024u
#define CACHE          256u
#define TX_BUFFERS     8191u
#define RX_BUFFERS     8191u
#define EXTRA_FRAMES   4096u
#define START_S        5u
#define START_AGAIN_US 100000u
#define BUFFER_ROOM    (2048u + RTE_PKTMBUF_HEADROOM)

static bool is_pci(const char *device)
{
	struct rte_pci_addr address;

	return rte_pci_addr_parse(device, &address) == 0;
}

static bool is_interface(const char *device)
{
	return !is_pci(device) && strncmp(device, "net_", 4) != 0 && !strpbrk(device, ",=");
}

/* Without --cores threads float over all CPUs of ours: lcore ids are only names then. */
static void write_lcores(const struct options *o, char *text, size_t size)
{
	unsigned workers = o->cores ? o->cores - 1 : 1;
	size_t n = 0;

	for (unsigned i = 0; i <= workers && n < size; i++) {
		if (o->cores)
			n += (size_t)snprintf(text + n, size - n, "%s%u@%u", i ? "," : "", i,
					      o->core[i]);
		else
			n += (size_t)snprintf(text + n, size - n, "%s%u@(0-%ld)", i ? "," : "", i,
					      sysconf(_SC_NPROCESSORS_ONLN) - 1);
	}
}

int port_start_eal(const struct options *o)
{
	char lcores[256], memory[16];
	char *args[20] = { "rtpgen",
			   "--no-telemetry",
			   "--file-prefix",
			   (char *)(uintptr_t)o->file_prefix,
			   "--lcores",
			   lcores,
			   "-m",
			   memory,
			   "--log-level",
			   "error",
			   "--main-lcore",
			   "0" };
	int count = 12;

	snprintf(memory, sizeof(memory), "%u", o->memory_mb);
	write_lcores(o, lcores, sizeof(lcores));
	/* Both leave no files behind; DPDK does not take them together. */
	args[count++] = o->hugepages ? "--in-memory" : "--no-shconf";
	if (!o->hugepages)
		args[count++] = "--no-huge";
	if (is_pci(o->port)) {
		args[count++] = "-a";
		args[count++] = (char *)(uintptr_t)o->port;
	} else {
		args[count++] = "--no-pci";
	}
	if (rte_eal_init(count, args) >= 0)
		return 0;
	fprintf(stderr, "rtpgen: DPDK does not start: %s%s\n", rte_strerror(rte_errno),
		o->hugepages ? " (are there hugepages? --hugepages no does without)" : "");
	return -rte_errno;
}

static int probe(struct generator *g, const char *device)
{
	char devargs[512], name[64];
	int error;

	if (is_interface(device))
		snprintf(devargs, sizeof(devargs),
			 "net_af_packet0,iface=%s,framesz=2048,blocksz=4096,framecnt=4096", device);
	else
		snprintf(devargs, sizeof(devargs), "%s", device);
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(devargs, ","), devargs);
	error = rte_dev_probe(devargs);
	if (error && error != -EEXIST)
		return error;
	return rte_eth_dev_get_port_by_name(name, &g->port);
}

static void fill_buffer(struct rte_mempool *pool, void *format, void *object, unsigned index)
{
	struct rte_mbuf *m = object;

	(void)pool;
	(void)index;
	packet_fill(format, (uint8_t *)m->buf_addr + RTE_PKTMBUF_HEADROOM + RTE_ETHER_HDR_LEN + 28 +
				    PACKET_RTP_SIZE);
}

static int create_pools(struct generator *g)
{
	g->tx_pool =
		rte_pktmbuf_pool_create("sent", TX_BUFFERS, CACHE, 0, BUFFER_ROOM, SOCKET_ID_ANY);
	g->rx_pool = rte_pktmbuf_pool_create("received", RX_BUFFERS, CACHE, 0, BUFFER_ROOM,
					     SOCKET_ID_ANY);
	g->extra = rte_ring_create("extra", EXTRA_FRAMES, SOCKET_ID_ANY, RING_F_SC_DEQ);
	if (!g->tx_pool || !g->rx_pool || !g->extra)
		return -ENOMEM;
	rte_mempool_obj_iter(g->tx_pool, fill_buffer, &g->streams.format);
	return 0;
}

static int set_up(struct generator *g)
{
	const struct rte_eth_conf conf = { 0 };
	uint16_t rx = DESCRIPTORS, tx = DESCRIPTORS;
	struct rte_ether_addr mac;
	int error = rte_eth_dev_configure(g->port, 1, 1, &conf);

	if (!error)
		error = rte_eth_dev_adjust_nb_rx_tx_desc(g->port, &rx, &tx);
	if (!error)
		error = rte_eth_rx_queue_setup(g->port, 0, rx, SOCKET_ID_ANY, NULL, g->rx_pool);
	if (!error)
		error = rte_eth_tx_queue_setup(g->port, 0, tx, SOCKET_ID_ANY, NULL);
	if (!error)
		error = rte_eth_macaddr_get(g->port, &mac);
	if (!error)
		memcpy(g->neighbour.mac, mac.addr_bytes, 6);
	return error;
}

/* The other side of memif may be about to come. */
static int start_when_there(struct generator *g)
{
	uint64_t end = rte_rdtsc() + START_S * rte_get_tsc_hz();
	int error = set_up(g);

	if (error)
		return error;
	while ((error = rte_eth_dev_start(g->port)) != 0 && rte_rdtsc() < end)
		usleep(START_AGAIN_US);
	if (error)
		return error;
	/* Neighbour discovery comes by multicast; where that cannot be had, IPv4 still works. */
	if (rte_eth_allmulticast_enable(g->port) != 0)
		rte_eth_promiscuous_enable(g->port);
	return 0;
}

int port_open(struct generator *g, const struct options *o)
{
	int error;

	if (is_interface(o->port) && if_nametoindex(o->port) == 0) {
		fprintf(stderr, "rtpgen: no such interface: %s\n", o->port);
		return -ENODEV;
	}
	error = probe(g, o->port);
	if (error) {
		fprintf(stderr, "rtpgen: %s cannot be opened: %s\n", o->port, strerror(-error));
		return error;
	}
	error = create_pools(g);
	if (error) {
		fprintf(stderr, "rtpgen: packet buffers do not fit into %u MB (--memory)\n",
			o->memory_mb);
		return error;
	}
	error = start_when_there(g);
	if (error)
		fprintf(stderr, "rtpgen: %s cannot be started (is the other side there?): %s\n",
			o->port, strerror(-error));
	return error;
}

int port_wait_link(const struct generator *g, unsigned seconds, const bool *interrupted)
{
	uint64_t end = rte_rdtsc() + seconds * rte_get_tsc_hz();
	struct rte_eth_link link;

	while (rte_rdtsc() < end && !*interrupted) {
		if (rte_eth_link_get_nowait(g->port, &link) == 0 && link.link_status)
			return 0;
		usleep(10000);
	}
	fprintf(stderr, "rtpgen: the link did not come up\n");
	return -ETIMEDOUT;
}

void port_close(struct generator *g)
{
	rte_eth_dev_stop(g->port);
	rte_eth_dev_close(g->port);
	rte_ring_free(g->extra);
	rte_mempool_free(g->tx_pool);
	rte_mempool_free(g->rx_pool);
}
