/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <linux/neighbour.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "dataplane/client/client.h"
#include "dataplane/kernel/links.h"
#include "dataplane/kernel/nexthop_table.h"
#include "sip/base/log.h"

#define HASH_SIZE       (NEXTHOPS_MAX * 2)
#define CACHE_SIZE      16384u
#define SWEEP           1024u /* next hops looked at in a tick */
#define CONFIRM_SPACING 5000u /* ms between two questions about one that is stale */
#define WANTED_SPACING  200u  /* ms between two questions about one that is unresolved */
#define ASKS_PER_TICK   16u

/* The kernel may use the link-layer address of a neighbour in these states. */
#define NUD_USABLE (NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY)

/* What only the manager knows of a next hop. */
struct private
{
	uint64_t asked_ms;
	uint16_t kernel_state; /* NUD_*; 0: the kernel knows nothing of it */
};

struct cached {
	struct dp_address remote; /* family NONE: empty */
	int ifindex;              /* that was asked for */
	const struct nexthop *nexthop;
};

struct nexthop_table {
	struct netlink *netlink;
	struct nexthop_port ports[NEXTHOP_PORTS_MAX];
	uint16_t tap_mtu[NEXTHOP_PORTS_MAX]; /* as the kernel has it */
	unsigned port_count;
	struct links links;
	struct nexthop no_route;
	struct nexthop *hops; /* NEXTHOPS_MAX, reserved, not touched until used */
	struct private *privates;
	unsigned count;
	unsigned swept;
	uint64_t now_ms;
	bool full_reported;
	uint32_t hash[HASH_SIZE]; /* index + 1 into hops; open addressing, nothing is removed */
	struct cached cache[CACHE_SIZE];
};

static void *reserve(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

int nexthop_table_create(const struct nexthop_port *ports, unsigned count,
			 struct nexthop_table **table)
{
	struct nexthop_table *t;

	if (count > NEXTHOP_PORTS_MAX)
		return -EINVAL;
	t = reserve(sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->hops = reserve(sizeof(*t->hops) * NEXTHOPS_MAX);
	t->privates = reserve(sizeof(*t->privates) * NEXTHOPS_MAX);
	if (!t->hops || !t->privates) {
		nexthop_table_destroy(t);
		return -ENOMEM;
	}
	memcpy(t->ports, ports, sizeof(*ports) * count);
	memset(t->tap_mtu, 0xff, sizeof(t->tap_mtu)); /* as large as the port's, until it tells */
	t->port_count = count;
	*table = t;
	return 0;
}

void nexthop_table_destroy(struct nexthop_table *t)
{
	if (!t)
		return;
	if (t->hops)
		munmap(t->hops, sizeof(*t->hops) * NEXTHOPS_MAX);
	if (t->privates)
		munmap(t->privates, sizeof(*t->privates) * NEXTHOPS_MAX);
	links_destroy(&t->links);
	munmap(t, sizeof(*t));
}

void nexthop_table_use(struct nexthop_table *table, struct netlink *netlink)
{
	if (table)
		table->netlink = netlink;
}

unsigned nexthop_count(const struct nexthop_table *table)
{
	return table->count;
}

static uint32_t hash_of(const struct dp_address *address, uint32_t seed)
{
	uint64_t words[2], h;

	memcpy(words, address->ip, sizeof(words));
	h = (words[0] ^ seed ^ address->family) * UINT64_C(0x9e3779b97f4a7c15);
	h = (h ^ h >> 32 ^ words[1]) * UINT64_C(0xbf58476d1ce4e5b9);
	return (uint32_t)(h >> 32);
}

static struct nexthop_port *port_of(struct nexthop_table *t, int ifindex)
{
	for (unsigned i = 0; i < t->port_count; i++) {
		if (t->ports[i].ifindex == ifindex)
			return &t->ports[i];
	}
	return NULL;
}

static uint16_t smaller(uint16_t a, unsigned b)
{
	return a < b ? a : (uint16_t)b;
}

/* How packets leave that go out of an interface: all of the next hop but the neighbour. False: by
 * none of our ports. */
static bool aim(struct nexthop_table *t, int ifindex, struct nexthop *hop)
{
	uint8_t tags[LINK_TAGS_SIZE], tags_size;
	uint16_t mtu = UINT16_MAX;
	const struct nexthop_port *port =
		port_of(t, links_base(&t->links, ifindex, tags, &tags_size, &mtu));

	static_assert(sizeof(hop->tags) == LINK_TAGS_SIZE, "the same tags");
	if (!port || port->tags_size + tags_size > LINK_TAGS_SIZE)
		return false;
	memcpy(hop->ether + 6, port->mac, 6);
	hop->port = port->port;
	memcpy(hop->tags, port->tags, port->tags_size);
	memcpy(hop->tags + port->tags_size, tags, tags_size);
	hop->tags_size = (uint8_t)(port->tags_size + tags_size);
	hop->mtu = smaller(smaller(mtu, t->tap_mtu[port - t->ports]), port->mtu);
	hop->checksums = port->checksums;
	hop->ifindex = ifindex;
	return true;
}

/* The slot of (ifindex, gateway), or the empty one where it would be. */
static uint32_t *slot_of(struct nexthop_table *t, int ifindex, const struct dp_address *gateway)
{
	uint32_t i = hash_of(gateway, (uint32_t)ifindex) % HASH_SIZE;

	for (;; i = (i + 1) % HASH_SIZE) {
		const struct nexthop *hop;

		if (t->hash[i] == 0)
			return &t->hash[i];
		hop = &t->hops[t->hash[i] - 1];
		if (hop->ifindex == ifindex && dp_address_same_ip(&hop->gateway, gateway))
			return &t->hash[i];
	}
}

static void publish(struct nexthop *hop, const uint8_t mac[6])
{
	if (atomic_load_explicit(&hop->state, memory_order_relaxed) == NEXTHOP_REACHABLE &&
	    memcmp(hop->ether, mac, 6) == 0)
		return;
	nexthop_set_mac(hop, mac);
	atomic_store_explicit(&hop->state, NEXTHOP_REACHABLE, memory_order_release);
}

static void ask(struct nexthop_table *t, struct nexthop *hop)
{
	struct private *p = &t->privates[hop - t->hops];
	char ip[DP_ADDRESS_TEXT] = "";
	int error;

	p->asked_ms = t->now_ms;
	if (atomic_load_explicit(&hop->state, memory_order_relaxed) == NEXTHOP_UNREACHABLE)
		atomic_store_explicit(&hop->state, NEXTHOP_PROBING, memory_order_relaxed);
	if (!t->netlink)
		return;
	error = netlink_neighbour_use(t->netlink, hop->ifindex, &hop->gateway);
	if (error)
		LOG_WARN("netlink", 0, "neighbour %s cannot be asked for: %s",
			 dp_address_format(&hop->gateway, ip), strerror(-error));
}

const struct nexthop *nexthop_find(struct nexthop_table *t, int ifindex,
				   const struct dp_address *gateway)
{
	struct nexthop aimed = { 0 }, *hop;
	uint32_t *slot;

	if (!aim(t, ifindex, &aimed))
		return &t->no_route;
	slot = slot_of(t, ifindex, gateway);
	if (*slot != 0)
		return &t->hops[*slot - 1];
	if (t->count == NEXTHOPS_MAX) {
		if (!t->full_reported)
			LOG_ERROR("netlink", 0, "more than %u neighbours: media to others is lost",
				  NEXTHOPS_MAX);
		t->full_reported = true;
		return &t->no_route;
	}
	hop = &t->hops[t->count++];
	*slot = t->count;
	*hop = aimed;
	hop->gateway = *gateway;
	hop->gateway.port = 0;
	/* The kernel may know it already, and would then have no news to tell. */
	if (!t->netlink || netlink_neighbour_get(t->netlink, ifindex, gateway) != 0 ||
	    atomic_load_explicit(&hop->state, memory_order_relaxed) != NEXTHOP_REACHABLE)
		ask(t, hop);
	return hop;
}

const struct nexthop *nexthop_resolve(void *arg, const struct dp_address *remote, int ifindex)
{
	struct nexthop_table *t = arg;
	struct cached *cached = &t->cache[hash_of(remote, (uint32_t)ifindex) % CACHE_SIZE];
	struct dp_address gateway;
	int out = ifindex;

	if (cached->nexthop && cached->ifindex == ifindex &&
	    dp_address_same_ip(&cached->remote, remote))
		return cached->nexthop;
	if (!t->netlink || netlink_route_get(t->netlink, remote, &out, &gateway) != 0)
		return &t->no_route;
	cached->remote = *remote;
	cached->ifindex = ifindex;
	cached->nexthop = nexthop_find(t, out, &gateway);
	return cached->nexthop;
}

void nexthop_forget_routes(struct nexthop_table *t)
{
	memset(t->cache, 0, sizeof(t->cache));
}

bool nexthop_link_news(struct nexthop_table *t, const struct netlink_link *link)
{
	const struct nexthop_port *port = port_of(t, link->ifindex);
	struct nexthop aimed;

	if (!port && !links_take(&t->links, link))
		return false;
	if (link->mtu == 0 || !link->exists)
		return true;
	if (port)
		t->tap_mtu[port - t->ports] = smaller(UINT16_MAX, link->mtu);
	for (unsigned i = 0; i < t->count; i++) {
		if (aim(t, t->hops[i].ifindex, &aimed))
			__atomic_store_n(&t->hops[i].mtu, aimed.mtu, __ATOMIC_RELAXED);
	}
	return true;
}

void nexthop_neighbour_news(void *arg, int ifindex, const struct dp_address *address,
			    uint16_t state, const uint8_t mac[6])
{
	struct nexthop_table *t = arg;
	uint32_t slot = *slot_of(t, ifindex, address);
	struct nexthop *hop;

	if (slot == 0)
		return;
	hop = &t->hops[slot - 1];
	t->privates[slot - 1].kernel_state = state;
	if (mac && (state & NUD_USABLE))
		publish(hop, mac);
	else if (state & NUD_FAILED)
		atomic_store_explicit(&hop->state, NEXTHOP_UNREACHABLE, memory_order_release);
	/* Forgotten or asked anew: what was known is used until the kernel knows better. */
}

/* What a next hop needs now: true if the kernel is to be asked. */
static bool wants_asking(struct nexthop_table *t, struct nexthop *hop, const struct private *p)
{
	uint64_t since = t->now_ms - p->asked_ms;

	if (atomic_load_explicit(&hop->state, memory_order_relaxed) == NEXTHOP_REACHABLE)
		return (p->kernel_state == 0 || (p->kernel_state & NUD_STALE)) &&
		       since >= CONFIRM_SPACING;
	if (atomic_load_explicit(&hop->wanted, memory_order_relaxed) == 0 || since < WANTED_SPACING)
		return false;
	atomic_store_explicit(&hop->wanted, 0, memory_order_relaxed);
	return true;
}

void nexthop_table_tick(struct nexthop_table *t, uint64_t now_ms)
{
	unsigned asks = 0;

	t->now_ms = now_ms;
	for (unsigned i = 0; i < SWEEP && i < t->count && asks < ASKS_PER_TICK; i++) {
		struct nexthop *hop;

		if (++t->swept >= t->count)
			t->swept = 0;
		hop = &t->hops[t->swept];
		if (!wants_asking(t, hop, &t->privates[t->swept]))
			continue;
		ask(t, hop);
		asks++;
	}
}
