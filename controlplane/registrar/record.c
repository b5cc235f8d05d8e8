/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/registrar/record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const transports[] = {
	[SIP_UDP] = "udp", [SIP_TCP] = "tcp", [SIP_TLS] = "tls", [SIP_WS] = "ws", [SIP_WSS] = "wss",
};
#define TRANSPORTS (sizeof(transports) / sizeof(*transports))

/* --- writing ------------------------------------------------------------------------------------- */

/* Space, % and what is not printable ASCII as %xx. */
static size_t escape(char *dst, size_t room, struct slice text)
{
	size_t used = 0;

	for (size_t i = 0; i < text.n && used + 4 < room; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c > ' ' && c < 0x7f && c != '%')
			dst[used++] = (char)c;
		else
			used += (size_t)snprintf(dst + used, room - used, "%%%02x", c);
	}
	dst[used] = 0;
	return used;
}

static size_t write_text(char *dst, size_t room, const char *name, struct slice text)
{
	size_t used;

	if (text.n == 0)
		return 0;
	used = (size_t)snprintf(dst, room, " %s=", name);
	return used + escape(dst + used, room - used, text);
}

void record_write(const struct contact *contact, const struct config_sip *sip,
		  char text[RECORD_TEXT])
{
	char ip[SIP_ADDRESS_TEXT];
	size_t used;

	used = (size_t)snprintf(text, RECORD_TEXT, "1 q=%.3f cseq=%u remote=%s/%u",
				contact->q / 1000.0, contact->cseq,
				sip_address_ip(&contact->path.remote, ip),
				contact->path.remote.port);
	if (contact->path.listener < sip->listeners_count && contact->path.kind < TRANSPORTS)
		used += (size_t)snprintf(text + used, RECORD_TEXT - used, " local=%s/%s/%u",
					 transports[contact->path.kind],
					 sip->listeners[contact->path.listener].address,
					 sip->listeners[contact->path.listener].port);
	used += write_text(text + used, RECORD_TEXT - used, "call_id", contact->call_id);
	used += write_text(text + used, RECORD_TEXT - used, "user_agent", contact->user_agent);
	used += write_text(text + used, RECORD_TEXT - used, "route", contact->route);
	used += write_text(text + used, RECORD_TEXT - used, "instance", contact->instance);
	snprintf(text + used, RECORD_TEXT - used, " reg_id=%u epoch=%u flags=%u", contact->reg_id,
		 contact->epoch, contact->flags);
}

/* --- reading ------------------------------------------------------------------------------------- */

static struct slice unescape(struct slice value, char *dst, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < value.n && used + 1 < size; i++) {
		char hex[3] = "", c = value.p[i];

		if (c == '%' && value.n - i > 2) {
			memcpy(hex, value.p + i + 1, 2);
			c = (char)strtoul(hex, NULL, 16);
			i += 2;
		}
		dst[used++] = c;
	}
	dst[used] = 0;
	return (struct slice){ dst, used };
}

static int family_of(const char *ip)
{
	return strchr(ip, ':') ? AF_INET6 : AF_INET;
}

/* The listener that the phone was reached through; if the configuration has lost it, another one
 * of the same transport and family. */
static int find_listener(const struct config_sip *sip, struct slice local, struct sip_path *path)
{
	struct slice transport = slice_split(&local, '/'), ip = slice_split(&local, '/');
	uint32_t port = 0;
	int other = -1;

	slice_to_u32(local, UINT16_MAX, &port);
	for (path->kind = 0; path->kind < TRANSPORTS; path->kind++)
		if (slice_equal(transport, slice_of(transports[path->kind])))
			break;
	for (unsigned i = 0; i < sip->listeners_count; i++) {
		const struct config_listener *listener = &sip->listeners[i];

		if (!slice_equal(transport, slice_of(listener->transport)) ||
		    family_of(listener->address) != path->remote.family)
			continue;
		if (slice_equal(ip, slice_of(listener->address)) && port == listener->port) {
			path->listener = (uint8_t)i;
			return 0;
		}
		if (other < 0)
			other = (int)i;
	}
	if (other < 0)
		return -EINVAL;
	path->listener = (uint8_t)other;
	return 0;
}

static int read_remote(struct slice value, struct sip_path *path)
{
	struct slice ip = slice_split(&value, '/');
	uint32_t port;

	if (slice_to_u32(value, UINT16_MAX, &port))
		return -EINVAL;
	return sip_address_parse(ip, (uint16_t)port, &path->remote);
}

static void read_q(struct slice value, struct contact *contact)
{
	char number[16];
	float q;

	if (slice_copy(value, number, sizeof(number)))
		return;
	q = strtof(number, NULL);
	if (q >= 0 && q <= 1)
		contact->q = (uint16_t)(q * 1000 + .5f);
}

static void read_number(struct slice value, uint32_t *number)
{
	uint32_t read;

	if (slice_to_u32(value, UINT32_MAX, &read) == 0)
		*number = read;
}

static void aim_anew(const struct sip_uri *uri, struct contact *contact)
{
	struct sip_address said;

	if (contact->path.kind == SIP_UDP || contact->route.n > 0)
		return;
	if ((contact->flags & (CONTACT_OUTBOUND | CONTACT_NATTED)) == 0 &&
	    sip_address_parse(uri->host, uri->port ? uri->port : 5060, &said) == 0)
		contact->path.remote = said;
	else
		contact->path.flags |= SIP_PATH_FLOW_ONLY;
}

int record_read(const char *text, const struct sip_uri *uri, const struct config_sip *sip,
		struct contact *contact, struct record_texts *texts)
{
	struct slice rest = slice_of(text), local = SLICE("udp"), remote = SLICE_NONE;
	uint32_t flags = 0;

	*contact = (struct contact){ .q = 1000 };
	const struct {
		const char *name;
		struct slice *to;
		char *room;
		size_t size;
	} known[] = {
		{ "call_id", &contact->call_id, texts->call_id, sizeof(texts->call_id) },
		{ "user_agent", &contact->user_agent, texts->user_agent,
		  sizeof(texts->user_agent) },
		{ "route", &contact->route, texts->route, sizeof(texts->route) },
		{ "instance", &contact->instance, texts->instance, sizeof(texts->instance) },
	};
	const struct {
		const char *name;
		uint32_t *to;
	} numbers[] = { { "cseq", &contact->cseq },
			{ "reg_id", &contact->reg_id },
			{ "epoch", &contact->epoch },
			{ "flags", &flags } };

	if (!slice_equal(slice_split(&rest, ' '), SLICE("1")))
		return -EINVAL;
	while (rest.n > 0) {
		struct slice value = slice_split(&rest, ' '), name = slice_split(&value, '=');

		if (slice_equal(name, SLICE("q")))
			read_q(value, contact);
		else if (slice_equal(name, SLICE("remote")))
			remote = value;
		else if (slice_equal(name, SLICE("local")))
			local = value;
		for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
			if (slice_equal(name, slice_of(known[i].name)))
				*known[i].to = unescape(value, known[i].room, known[i].size);
		for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
			if (slice_equal(name, slice_of(numbers[i].name)))
				read_number(value, numbers[i].to);
	}
	contact->flags = (uint16_t)flags;
	if (read_remote(remote, &contact->path) || find_listener(sip, local, &contact->path))
		return -EINVAL;
	aim_anew(uri, contact);
	return 0;
}
