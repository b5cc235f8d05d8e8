/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/kernel/takeover.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/kernel/netlink.h"
#include "sip/base/log.h"

#define VALUE_SIZE 32

static void path_of(char path[256], const char *family, const char *interface, const char *key)
{
	snprintf(path, 256, "/proc/sys/net/%s/conf/%s/%s", family, interface, key);
}

static int read_value(const char *path, char value[VALUE_SIZE])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, value, VALUE_SIZE - 1);
	close(fd);
	if (n < 0)
		return -EIO;
	value[n] = '\0';
	value[strcspn(value, "\n")] = '\0';
	return 0;
}

static int write_value(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), error = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, value, strlen(value)) < 0)
		error = -errno;
	close(fd);
	return error;
}

int takeover_write_setting(const char *family, const char *interface, const char *key,
			   const char *value)
{
	char path[256];

	path_of(path, family, interface, key);
	return write_value(path, value);
}

/*
 * Lines of the journal, four words each:
 *   ipv4 eth0 rp_filter 2            the setting had this value before
 *   address eth0 198.18.0.10/24 -    the address was not there before
 */
static int note(const char *journal, const char *kind, const char *interface, const char *what,
		const char *before)
{
	FILE *f = fopen(journal, "ae");

	if (!f)
		return -errno;
	fprintf(f, "%s %s %s %s\n", kind, interface, what, before);
	return fclose(f) == 0 ? 0 : -errno;
}

/* The interface may be gone by now, and all that was done to it with it. */
static void undo_line(struct netlink *netlink, const char *kind, const char *interface,
		      const char *what, const char *before)
{
	if (strcmp(kind, "address") == 0) {
		int ifindex = (int)if_nametoindex(interface);

		if (ifindex != 0 && netlink)
			netlink_address_remove(netlink, ifindex, what);
	} else if ((strcmp(kind, "ipv4") == 0 || strcmp(kind, "ipv6") == 0) && !strchr(what, '/')) {
		takeover_write_setting(kind, interface, what, before);
	}
}

void takeover_undo(const char *journal)
{
	static const struct netlink_handlers none;
	FILE *f = fopen(journal, "re");
	char line[256], kind[8], interface[16], what[64], before[VALUE_SIZE];
	struct netlink *netlink = NULL;

	if (!f)
		return;
	if (netlink_open(&none, &netlink) != 0)
		netlink = NULL;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%7s %15s %63s %31s", kind, interface, what, before) == 4 &&
		    !strchr(interface, '/'))
			undo_line(netlink, kind, interface, what, before);
	}
	netlink_close(netlink);
	fclose(f);
	unlink(journal);
}

static int change_setting(const char *journal, const char *family, const char *interface,
			  const char *key, const char *value)
{
	char path[256], before[VALUE_SIZE];
	int error;

	path_of(path, family, interface, key);
	error = read_value(path, before);
	if (error || strcmp(before, value) == 0)
		return error;
	error = note(journal, family, interface, key, before);
	return error ? error : write_value(path, value);
}

int takeover_by_settings(const char *journal, const char *interface)
{
	static const struct {
		const char *family, *key, *value;
	} settings[] = {
		{ "ipv4", "arp_ignore", "8" }, /* no answer to any ARP request */
		{ "ipv4", "rp_filter", "1" },  /* the way back to any source is the TAP: dropped */
		{ "ipv6", "disable_ipv6", "1" },
	};
	int first = 0;

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		int error = change_setting(journal, settings[i].family, interface, settings[i].key,
					   settings[i].value);

		if (error == -ENOENT) /* a kernel without IPv6 */
			continue;
		if (error)
			LOG_WARN("port", 0, "%s: %s cannot be set: %s", interface, settings[i].key,
				 strerror(-error));
		if (error && !first)
			first = error;
	}
	return first;
}

int takeover_standby_address(const char *journal, struct netlink *netlink, const char *interface,
			     const char *text)
{
	int ifindex = (int)if_nametoindex(interface), error;

	if (ifindex == 0)
		return -ENODEV;
	error = netlink_address_add(netlink, ifindex, text, TAKEOVER_METRIC);
	if (error)
		return error;
	/* Noted late: what was there before must not be noted. */
	error = note(journal, "address", interface, text, "-");
	if (error)
		netlink_address_remove(netlink, ifindex, text);
	return error;
}
