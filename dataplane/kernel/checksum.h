/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * UDP and TCP checksums of frames for the kernel.
 *
 * A packet that a local socket sent over a virtual link arrives with a partial checksum: only the
 * sum of the pseudo-header, because the rest was left to a device that never came. The kernel
 * would drop it when it comes back through a TAP, so it is completed here.
 */
#ifndef DATAPLANE_KERNEL_CHECKSUM_H
#define DATAPLANE_KERNEL_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

enum checksum_verdict {
	CHECKSUM_NONE,      /* not UDP or TCP over IP, a fragment, or UDP without a checksum */
	CHECKSUM_GOOD,      /* left alone */
	CHECKSUM_COMPLETED, /* was partial */
	CHECKSUM_BAD,       /* neither; left for the kernel to drop and count */
};

/* frame: Ethernet, contiguous, writable. Any thread. */
enum checksum_verdict checksum_complete(uint8_t *frame, size_t size);

#endif
