/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Settings of kernel interfaces that a port takes over: the host's own stack must not answer the
 * frames that the port receives. What was changed is noted in a journal file before it is changed,
 * so that it can be undone at the end, or by the next start if there was no orderly end.
 */
#ifndef DATAPLANE_KERNEL_SYSCTL_H
#define DATAPLANE_KERNEL_SYSCTL_H

/* family: "ipv4" or "ipv6". 0 or -errno. */
int sysctl_write(const char *family, const char *interface, const char *key, const char *value);

/* Undoes what an earlier process left in the journal. Call before the first sysctl_change(). */
void sysctl_recover(const char *journal);
/* Changes a value, and notes the old one if it was another. 0 or -errno. */
int sysctl_change(const char *journal, const char *family, const char *interface, const char *key,
		  const char *value);

#endif
