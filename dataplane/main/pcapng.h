/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Blocks of a pcapng file (draft-ietf-opsawg-pcapng). Workers make the packets' blocks with
 * rte_pcapng_copy(). The rest of rte_pcapng is not used: in DPDK 22.11 it can neither name
 * interfaces as the configuration does, nor comment on a packet, nor write without waiting; and
 * its time stamps are wrong for packets that came before its first copy, and never steered.
 *
 * Each writes one block and returns its bytes, 0: there is no room for it.
 */
#ifndef DATAPLANE_MAIN_PCAPNG_H
#define DATAPLANE_MAIN_PCAPNG_H

#include <stddef.h>
#include <stdint.h>

#define PCAPNG_TEXT_MAX   128u /* bytes of a name or comment; what is longer is cut */
#define PCAPNG_HEADER_MAX 256u /* of a header or interface */

size_t pcapng_write_header(uint8_t *out, size_t room, const char *application);
/* The first one is interface 0. Ethernet; time stamps in nanoseconds. */
size_t pcapng_write_interface(uint8_t *out, size_t room, const char *name);
/* By the worker that made the block: when the packet came or went, in place of the library's time. */
void pcapng_set_tsc(uint8_t *block, uint64_t tsc);
/* block: an enhanced packet block of rte_pcapng_copy() with its TSC set; the file gets the time of
 * day, by CLOCK_REALTIME as it is now. comment: NULL: none. */
size_t pcapng_write_packet(uint8_t *out, size_t room, const uint8_t *block, size_t size,
			   uint32_t interface, const char *comment);

#endif
