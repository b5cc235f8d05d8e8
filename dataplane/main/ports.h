/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ports: DPDK devices, and kernel interfaces that are taken over.
 *
 * How the host's own stack is kept off a taken interface: dataplane/kernel/takeover.h. All of it
 * is undone when the port closes.
 */
#ifndef DATAPLANE_MAIN_PORTS_H
#define DATAPLANE_MAIN_PORTS_H

#include "config/config.h"
#include "dataplane/api/counters.h"
#include "dataplane/kernel/packet_socket.h"
#include "dataplane/kernel/tap.h"
#include "dataplane/main/pools.h"

/* The kernel's interface to a VLAN of a port. */
struct port_vlan {
	uint16_t vlan;       /* 802.1Q */
	uint16_t outer_vlan; /* 802.1ad tag around it, 0: none */
	struct tap tap;
};

#define PORT_VLANS_MAX (DP_REALMS_MAX + 1) /* the port's own, and one of each realm */

struct port {
	const struct config_port *config;
	uint16_t id;
	int socket;     /* NUMA node */
	bool checksums; /* it computes those of UDP */
	uint16_t rx_queues;
	uint16_t rx_descriptors, tx_descriptors;
	uint8_t mac[6];
	bool probed, started;
	char name[64]; /* of the DPDK device */
	char driver[32];
	char interface[16];            /* that was taken over; empty: none */
	int ifindex;                   /* of it */
	short interface_flags;         /* as it was */
	int guard;                     /* descriptor; -1: the interface is kept off by settings */
	struct packet_sockets sockets; /* of the driver, where it is af_packet */
	uint64_t missed;               /* by them, so far */
	struct tap tap; /* of what is untagged, or in a VLAN that has none of its own */
	unsigned vlan_count;
	struct port_vlan vlans[PORT_VLANS_MAX];
};

struct ports {
	unsigned count;
	struct port port[DP_PORTS_MAX];
	struct pools pools;
	char journal[256]; /* dataplane/kernel/takeover.h */
};

/* What ports_open() needs to know of the workers. */
struct ports_use {
	unsigned workers;
	unsigned buffers; /* that may lie in rings and tables */
	int socket;       /* NUMA node of ports that are on none */
};

/* Opens all and leaves them stopped. 0 or -errno; logs why. */
int ports_open(struct ports *ports, const struct config_dataplane *config, const char *run_dir,
	       const struct ports_use *use);
int ports_start(struct ports *ports);
/* Undoes what was done, however far it got. */
void ports_close(struct ports *ports);
/* Instead, while somebody may be inside a driver: gives the kernel's interfaces back as they were,
 * and leaves the rest to the end of the process. */
void ports_leave(struct ports *ports);

/* Copies the driver's counters and the link state. Manager thread. */
void ports_read(struct ports *ports, struct dp_port_stats *stats);

#endif
