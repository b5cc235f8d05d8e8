/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Blocks of a pcapng file (draft-ietf-opsawg-pcapng). Workers make the packets' blocks with
 * rte_pcapng_copy(). The rest of rte_pcapng is not used: in DPDK 22.11 it can neither name
 * interfaces as the configuration does, nor comment on a packet, nor write without waiting.
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
/* The first one is interface 0. Ethernet; time stamps in nanoseconds, as rte_pcapng_copy() has. */
size_t pcapng_write_interface(uint8_t *out, size_t room, const char *name);
/* block: an enhanced packet block of rte_pcapng_copy(). comment: NULL: none. */
size_t pcapng_write_packet(uint8_t *out, size_t room, const uint8_t *block, size_t size,
			   uint32_t interface, const char *comment);

#endif
