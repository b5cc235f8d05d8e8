/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "sip/resolve/internal.h"

static const struct {
	const char *param; /* of transport= */
	const char *srv;
	uint16_t port;
	bool secure;
} kinds[] = {
	[SIP_UDP] = { "udp", "_sip._udp.", 5060, false },
	[SIP_TCP] = { "tcp", "_sip._tcp.", 5060, false },
	[SIP_TLS] = { "tls", "_sips._tcp.", 5061, true },
	[SIP_WS] = { "ws", "_sip._ws.", 80, false },
	[SIP_WSS] = { "wss", "_sips._ws.", 443, true },
};

uint16_t sip_default_port(uint8_t kind)
{
	return kinds[kind].port;
}

const char *sip_srv_prefix(uint8_t kind)
{
	return kinds[kind].srv;
}

/* RFC 3261 §26.2.2: with sips the transport below TLS is named; transport=tls is of RFC 2543 and
 * still common. */
static int kind_of(struct slice transport, bool sips, uint8_t *kind)
{
	for (uint8_t k = SIP_UDP; k <= SIP_WSS; k++) {
		if (!slice_equal_nocase(transport, slice_of(kinds[k].param)))
			continue;
		if (sips && k == SIP_UDP)
			return -EPROTONOSUPPORT;
		*kind = k;
		if (sips && k == SIP_TCP)
			*kind = SIP_TLS;
		if (sips && k == SIP_WS)
			*kind = SIP_WSS;
		return 0;
	}
	return -EPROTONOSUPPORT;
}

int sip_next_hop_of(const struct sip_uri *uri, struct sip_next_hop *hop)
{
	struct slice transport, maddr;
	int rc;

	memset(hop, 0, sizeof(*hop));
	if (uri->scheme != SIP_SCHEME_SIP && uri->scheme != SIP_SCHEME_SIPS)
		return -EINVAL;
	hop->sips = uri->scheme == SIP_SCHEME_SIPS;
	hop->host = uri->host;
	hop->port = uri->port;
	if (sip_param_get(uri->params, "maddr", &maddr) && maddr.n > 0)
		hop->host = maddr;
	if (hop->host.n == 0 || hop->host.n >= DNS_NAME_MAX)
		return -EINVAL;
	hop->is_address = sip_address_parse(hop->host, 0, &hop->address) == 0;
	hop->has_kind = sip_param_get(uri->params, "transport", &transport);
	hop->kind = hop->sips ? SIP_TLS : SIP_UDP;
	if (hop->has_kind) {
		rc = kind_of(transport, hop->sips, &hop->kind);
		if (rc != 0)
			return rc;
	}
	hop->has_kind = hop->has_kind || hop->is_address;
	hop->address.port = hop->port != 0 ? hop->port : kinds[hop->kind].port;
	return 0;
}

static void swap(struct dns_record *a, struct dns_record *b)
{
	struct dns_record c = *a;

	*a = *b;
	*b = c;
}

static bool before(const struct dns_record *a, const struct dns_record *b)
{
	return a->priority != b->priority ? a->priority < b->priority : a->weight < b->weight;
}

/* Few records: straight insertion, which keeps the order of equal ones. */
void sip_naptr_sort(struct dns_record *records, unsigned count)
{
	for (unsigned i = 1; i < count; i++)
		for (unsigned k = i; k > 0 && before(&records[k], &records[k - 1]); k--)
			swap(&records[k], &records[k - 1]);
}

/* RFC 2782: of those of the lowest priority that are left, one by weight; those of weight 0 have a
 * very small chance while others have more. */
static unsigned pick(const struct dns_record *records, unsigned count,
		     uint32_t (*below)(uint32_t n))
{
	uint32_t sum = 0, at;
	unsigned i;

	for (i = 0; i < count; i++)
		sum += records[i].weight;
	if (sum == 0)
		return below(count);
	at = below(sum + 1);
	for (i = 0; i < count; i++)
		if (records[i].weight == 0 && at == 0)
			return i;
	for (i = 0; i + 1 < count && at > records[i].weight; i++)
		at -= records[i].weight;
	return i;
}

void sip_srv_sort(struct dns_record *records, unsigned count, uint32_t (*below)(uint32_t n))
{
	unsigned same;

	for (unsigned i = 0; i < count; i++) {
		for (unsigned k = i + 1; k < count; k++)
			if (records[k].priority < records[i].priority)
				swap(&records[i], &records[k]);
		for (same = i + 1; same < count; same++) {
			unsigned k = same;

			while (k < count && records[k].priority != records[i].priority)
				k++;
			if (k == count)
				break;
			swap(&records[same], &records[k]);
		}
		swap(&records[i], &records[i + pick(records + i, same - i, below)]);
	}
}
