/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is done to a kernel interface that a port takes over. The host's own stack sees the same
 * frames as the port, and must not answer them.
 *
 *   with a guard (guard.h)   everything is dropped behind the point where the port taps it. The
 *                            port's addresses are put on the interface too, as a standby: should
 *                            the dataplane die, guard and TAP go with it, and the host answers
 *                            for itself until it is back (SIP says 503 then)
 *   without (old kernels)    settings: arp_ignore, rp_filter, disable_ipv6
 *
 * What is changed is noted in a journal file before it is changed, so that it can be undone at the
 * end, or by the next start if there was no orderly end.
 */
#ifndef DATAPLANE_KERNEL_TAKEOVER_H
#define DATAPLANE_KERNEL_TAKEOVER_H

struct netlink;

/* Of the routes of standby addresses: any other way to the same network is better. */
#define TAKEOVER_METRIC 4096u

/* net.FAMILY.conf.INTERFACE.KEY, family "ipv4" or "ipv6"; not noted anywhere. 0 or -errno. */
int takeover_write_setting(const char *family, const char *interface, const char *key,
			   const char *value);

/* Undoes what the journal says, and removes it. */
void takeover_undo(const char *journal);
/* Keeps the host's stack off by settings. 0 or -errno of the first that failed. */
int takeover_by_settings(const char *journal, const char *interface);
/* text: "198.18.0.10/24". 0 or -errno; -EEXIST: the interface had it before. */
int takeover_standby_address(const char *journal, struct netlink *netlink, const char *interface,
			     const char *text);

#endif
