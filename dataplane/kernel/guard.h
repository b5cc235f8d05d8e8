/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keeps the host's own stack away from a kernel interface that a port has taken (af_packet sees
 * the frames before this point, the stack behind it).
 *
 * It is a two-instruction BPF program on the interface's tcx ingress hook (Linux 6.6), held by a
 * descriptor: the kernel takes it away when the process ends, however it ends. So while there is
 * no dataplane the host itself answers on its addresses, and SIP goes on.
 */
#ifndef DATAPLANE_KERNEL_GUARD_H
#define DATAPLANE_KERNEL_GUARD_H

/* Returns a descriptor to close, or -errno (-EINVAL, -ENOSYS: this kernel has no tcx). */
int guard_attach(int ifindex);

#endif
