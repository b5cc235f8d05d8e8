/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IP fragments for media addresses, of one worker: rte_ip_frag's table, bounded in datagrams and in
 * time. All fragments of a datagram come by one receive queue, because RSS hashes them by their
 * addresses alone, so by one worker.
 */
#ifndef DATAPLANE_NODES_REASSEMBLE_H
#define DATAPLANE_NODES_REASSEMBLE_H

#include "dataplane/nodes/graph.h"

#define REASSEMBLY_DATAGRAMS 128u  /* that may be unfinished at one time */
#define REASSEMBLY_MS        1000u /* that one may take */
/* Buffers that wait in the table at most; a datagram in more pieces is given up. */
#define REASSEMBLY_BUFFERS (REASSEMBLY_DATAGRAMS * RTE_LIBRTE_IP_FRAG_MAX_FRAG)

/* What a datagram is put together in where it is too large for a buffer of the port: a jumbo frame
 * with two tags. Whatever is larger is nothing that Tandem relays. */
#define REASSEMBLY_ROOM 9344u

struct reassembly;

int reassembly_create(int socket, struct reassembly **reassembly);
/* Frees what is in it. */
void reassembly_destroy(struct reassembly *reassembly);

/* Each millisecond or so: what has waited too long is dropped. */
void reassembly_expire(struct graph_context *c);

#endif
