/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK: its environment, the one port, and the packet buffers. Main thread. */
#ifndef PKTGEN_TESTS_RTPGEN_PORT_H
#define PKTGEN_TESTS_RTPGEN_PORT_H

#include "pktgen_tests/rtpgen/generator.h"
#include "pktgen_tests/rtpgen/options.h"

/* Errors are told on standard error. 0 or -errno. */
int port_start_eal(const struct options *o);
/* Opens and starts the port; its buffers carry the pattern of g->streams.format. */
int port_open(struct generator *g, const struct options *o);
/* Waits for the link; a peer of memif may come later. -ETIMEDOUT. */
int port_wait_link(const struct generator *g, unsigned seconds, const bool *interrupted);
void port_close(struct generator *g);

#endif
