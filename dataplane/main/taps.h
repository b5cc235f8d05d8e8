/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The kernel's interfaces to the ports, their addresses, and the netlink sockets that hear of them.
 * Start-up.
 *
 *   port, untagged                    tandem0
 *   vlan 100                          tandem0.100
 *   vlan 200, outer_vlan 300          tandem0.300.200
 *
 * Each is a TAP: tags are put on and taken off by the kernel thread, so the kernel need not know
 * VLANs. What arrives in a VLAN that has no TAP goes to the port's with its tags on, where VLAN
 * interfaces of an operator's own may wait for it.
 */
#ifndef DATAPLANE_MAIN_TAPS_H
#define DATAPLANE_MAIN_TAPS_H

#include "dataplane/main/dataplane.h"

/* 0 or -errno; logs why. Ports and segment are there, flows are not yet. */
int taps_up(struct dataplane *dp);
void taps_down(struct dataplane *dp);

/* The TAP of these tags; vlan 0: the port's. NULL: there is none. */
struct tap *taps_find(struct port *port, uint16_t vlan, uint16_t outer_vlan);

/* A name that would be too long for Linux loses the beginning of the port's. */
void taps_name(const char *tap, uint16_t vlan, uint16_t outer_vlan, char name[16]);

/* The realms of the configuration as the flow table knows them; DP_REALMS_MAX at most. */
void taps_describe_realms(const struct dataplane *dp, struct flow_realm *realms);

#endif
