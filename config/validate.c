/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks that need more than one value: what must agree, and what must not be there twice. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/loader.h"

/* --- what must be there once -------------------------------------------------------------------- */

/* One value that must be unique among others, and the key it has in the file. */
struct entry {
	char text[208]; /* two values in one comparison form; longest: user@domain */
	unsigned i, j;  /* indices in its path */
};

struct entries {
	struct entry *list;
	size_t count, room;
};

static struct entry *add(struct entries *entries, unsigned i, unsigned j)
{
	if (entries->count == entries->room) {
		size_t room = entries->room ? entries->room * 2 : 64;
		struct entry *list = realloc(entries->list, room * sizeof(*list));
		if (!list)
			return NULL;
		entries->list = list;
		entries->room = room;
	}
	entries->list[entries->count].i = i;
	entries->list[entries->count].j = j;
	return &entries->list[entries->count++];
}

static int by_text(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int order = strcmp(x->text, y->text);

	if (order == 0)
		order = x->i != y->i ? (x->i < y->i ? -1 : 1) : x->j < y->j ? -1 : x->j > y->j;
	return order;
}

/* "users[3].name", or with a list below: "trunks[0].addresses[1]". */
struct place {
	const char *list, *key;
	bool below;
};

static const char *place_path(char path[CONFIG_KEY_PATH_MAX], const struct place *place,
			      const struct entry *entry)
{
	if (place->below)
		return config_path(path, "%s[%u]%s[%u]", place->list, entry->i, place->key,
				   entry->j);
	return config_path(path, "%s[%u]%s", place->list, entry->i, place->key);
}

/* Frees the entries. */
static int check_unique(struct config_loader *l, struct entries *entries, const struct place *place)
{
	char first[CONFIG_KEY_PATH_MAX], second[CONFIG_KEY_PATH_MAX];
	int error = 0;

	if (entries->count > 1)
		qsort(entries->list, entries->count, sizeof(*entries->list), by_text);
	for (size_t k = 1; k < entries->count && !error; k++) {
		const struct entry *a = &entries->list[k - 1], *b = &entries->list[k];
		if (strcmp(a->text, b->text) != 0)
			continue;
		place_path(first, place, a);
		error = config_fail(l, place_path(second, place, b),
				    "%s is there already in line %zu (%s)", b->text,
				    config_line(l, first), first);
	}
	free(entries->list);
	*entries = (struct entries){ 0 };
	return error;
}

static int no_memory(struct config_loader *l, struct entries *entries)
{
	free(entries->list);
	config_fail(l, "", "no memory to check it");
	return -ENOMEM;
}

/* The same address has many spellings in IPv6. */
static const char *canonical_ip(const char *ip, char text[INET6_ADDRSTRLEN])
{
	struct in6_addr v6;

	if (inet_pton(AF_INET6, ip, &v6) != 1)
		return ip;
	return inet_ntop(AF_INET6, &v6, text, INET6_ADDRSTRLEN);
}

/* --- dataplane -------------------------------------------------------------------------------- */

static int check_ports(struct config_loader *l, const struct config_dataplane *d)
{
	static const struct {
		size_t offset;
		const char *key;
	} unique[] = {
		{ offsetof(struct config_port, name), ".name" },
		{ offsetof(struct config_port, device), ".device" },
		{ offsetof(struct config_port, tap), ".tap" },
	};
	struct entries entries = { 0 };

	for (size_t u = 0; u < sizeof(unique) / sizeof(*unique); u++) {
		for (unsigned i = 0; i < d->ports_count; i++) {
			const char *port = (const char *)&d->ports[i];
			struct entry *e = add(&entries, i, 0);
			if (!e)
				return no_memory(l, &entries);
			/* A device may be longer; such are told apart by their beginning. */
			snprintf(e->text, sizeof(e->text), "%.200s",
				 *(const char *const *)(port + unique[u].offset));
		}
		int error = check_unique(
			l, &entries, &(struct place){ "dataplane.ports", unique[u].key, false });
		if (error)
			return error;
	}
	return 0;
}

/* "198.18.0.10/24" without its length, in the canonical spelling. */
static const char *ip_of_prefix(const char *prefix, char text[INET6_ADDRSTRLEN])
{
	char ip[INET6_ADDRSTRLEN];

	snprintf(ip, sizeof(ip), "%.*s", (int)strcspn(prefix, "/"), prefix);
	if (canonical_ip(ip, text) != text)
		snprintf(text, INET6_ADDRSTRLEN, "%s", ip);
	return text;
}

static int check_port_addresses(struct config_loader *l, const struct config_dataplane *d)
{
	struct entries entries = { 0 };

	for (unsigned i = 0; i < d->ports_count; i++) {
		for (unsigned j = 0; j < d->ports[i].addresses_count; j++) {
			struct entry *e = add(&entries, i, j);
			if (!e)
				return no_memory(l, &entries);
			ip_of_prefix(d->ports[i].addresses[j], e->text);
		}
	}
	return check_unique(l, &entries, &(struct place){ "dataplane.ports", ".addresses", true });
}

/* Is it on a port, as far as the file can tell? One whose addresses others set may have any. */
static bool may_be_on_a_port(const struct config_dataplane *d, const char *ip)
{
	char wanted[INET6_ADDRSTRLEN], has[INET6_ADDRSTRLEN];

	ip = canonical_ip(ip, wanted);
	for (unsigned i = 0; i < d->ports_count; i++) {
		if (d->ports[i].addresses_count == 0)
			return true;
		for (unsigned j = 0; j < d->ports[i].addresses_count; j++)
			if (strcmp(ip_of_prefix(d->ports[i].addresses[j], has), ip) == 0)
				return true;
	}
	for (unsigned i = 0; i < d->realms_count; i++)
		for (unsigned j = 0; j < d->realms[i].addresses_count; j++)
			if (strcmp(ip_of_prefix(d->realms[i].addresses[j], has), ip) == 0)
				return true;
	return false;
}

static int check_media(struct config_loader *l, const struct config_dataplane *d)
{
	char path[CONFIG_KEY_PATH_MAX], canonical[INET6_ADDRSTRLEN];
	struct entries entries = { 0 };

	for (unsigned i = 0; i < d->media_count; i++) {
		const struct config_media *m = &d->media[i];

		if (m->port_first % 2 != 0)
			return config_fail(
				l, config_path(path, "dataplane.media[%u].port_first", i),
				"%u is odd; RTP takes the even port of a pair", m->port_first);
		if (m->port_last % 2 == 0)
			return config_fail(l, config_path(path, "dataplane.media[%u].port_last", i),
					   "%u is even; the last port is RTCP's, which is odd",
					   m->port_last);
		if (m->port_last < m->port_first)
			return config_fail(l, config_path(path, "dataplane.media[%u].port_last", i),
					   "%u is below port_first (%u)", m->port_last,
					   m->port_first);
		if (!may_be_on_a_port(d, m->address))
			return config_fail(
				l, config_path(path, "dataplane.media[%u].address", i),
				"%s is on no port: add it to dataplane.ports[].addresses",
				m->address);
	}
	for (unsigned i = 0; i < d->media_count; i++) {
		struct entry *e = add(&entries, i, 0);
		if (!e)
			return no_memory(l, &entries);
		snprintf(e->text, sizeof(e->text), "%s",
			 canonical_ip(d->media[i].address, canonical));
	}
	return check_unique(l, &entries, &(struct place){ "dataplane.media", ".address", false });
}

static int check_cores(struct config_loader *l, const struct config_dataplane *d)
{
	struct entries entries = { 0 };

	if (d->cores_count == 0)
		return 0;
	if (d->cores_count != d->workers)
		return config_fail(l, "dataplane.cores", "%u cores for %u workers: one each",
				   d->cores_count, d->workers);
	for (unsigned i = 0; i < d->cores_count; i++) {
		struct entry *e = add(&entries, i, 0);
		if (!e)
			return no_memory(l, &entries);
		snprintf(e->text, sizeof(e->text), "%u", d->cores[i]);
	}
	return check_unique(l, &entries, &(struct place){ "dataplane.cores", "", false });
}

/* --- SIP ---------------------------------------------------------------------------------------- */

static int check_domains(struct config_loader *l, const struct config_sip *s)
{
	struct entries entries = { 0 };
	int error;

	for (unsigned i = 0; i < s->domains_count; i++) {
		struct entry *e = add(&entries, i, 0);
		if (!e)
			return no_memory(l, &entries);
		snprintf(e->text, sizeof(e->text), "%s", s->domains[i]);
	}
	error = check_unique(l, &entries, &(struct place){ "sip.domains", "", false });
	for (unsigned i = 0; !error && i < s->digest_count; i++) {
		struct entry *e = add(&entries, i, 0);
		if (!e)
			return no_memory(l, &entries);
		snprintf(e->text, sizeof(e->text), "%s", s->digest[i]);
	}
	return error ? error
		     : check_unique(l, &entries, &(struct place){ "sip.digest", "", false });
}

static int check_listeners(struct config_loader *l, const struct config *c)
{
	char path[CONFIG_KEY_PATH_MAX], canonical[INET6_ADDRSTRLEN], other[INET6_ADDRSTRLEN];
	const struct config_sip *s = &c->sip;
	struct entries entries = { 0 };

	for (unsigned i = 0; i < s->listeners_count; i++) {
		const struct config_listener *a = &s->listeners[i];
		struct entry *e = add(&entries, i, 0);
		if (!e)
			return no_memory(l, &entries);
		/* All but UDP run over TCP, and share its ports. */
		snprintf(e->text, sizeof(e->text), "%s %s port %u",
			 strcmp(a->transport, "udp") == 0 ? "udp" : "tcp",
			 canonical_ip(a->address, canonical), a->port);
		if (s->tls.certificates_count == 0 &&
		    (strcmp(a->transport, "tls") == 0 || strcmp(a->transport, "wss") == 0)) {
			free(entries.list);
			return config_fail(l, config_path(path, "sip.listeners[%u].transport", i),
					   "%s needs sip.tls.certificates", a->transport);
		}
		if (strcmp(a->transport, "udp") != 0)
			continue;
		for (unsigned j = 0; j < c->dataplane.media_count; j++) {
			const struct config_media *m = &c->dataplane.media[j];
			if (a->port < m->port_first || a->port > m->port_last ||
			    strcmp(canonical_ip(a->address, canonical),
				   canonical_ip(m->address, other)) != 0)
				continue;
			free(entries.list);
			return config_fail(
				l, config_path(path, "sip.listeners[%u].port", i),
				"%u is one of the media ports of %s (dataplane.media[%u])", a->port,
				a->address, j);
		}
	}
	return check_unique(l, &entries, &(struct place){ "sip.listeners", "", false });
}

static int check_registration(struct config_loader *l, const struct config_sip *s)
{
	if (s->registration_max_s < s->registration_min_s)
		return config_fail(l, "sip.registration_max_s",
				   "%u is below registration_min_s (%u)", s->registration_max_s,
				   s->registration_min_s);
	if (s->registration_default_s < s->registration_min_s ||
	    s->registration_default_s > s->registration_max_s)
		return config_fail(l, "sip.registration_default_s",
				   "%u is not between registration_min_s (%u) and "
				   "registration_max_s (%u)",
				   s->registration_default_s, s->registration_min_s,
				   s->registration_max_s);
	return 0;
}

static int check_session(struct config_loader *l, const struct config_sip *s)
{
	if (s->session_expires_s != 0 && s->session_expires_s < s->session_min_s)
		return config_fail(l, "sip.session_expires_s", "%u is below session_min_s (%u)",
				   s->session_expires_s, s->session_min_s);
	return 0;
}

/* --- realms --------------------------------------------------------------------------------------- */

static int check_realm_name(struct config_loader *l, const struct config *c, const char *list,
			    unsigned i, const char *realm)
{
	char path[CONFIG_KEY_PATH_MAX];

	if (config_realm_index(c, realm) >= 0)
		return 0;
	return config_fail(l, config_path(path, "%s[%u].realm", list, i),
			   "%s is none of dataplane.realms", realm);
}

/* Calls over a listener need a media address of its realm; calls to a trunk a listener of its. */
static int check_realm_is_served(struct config_loader *l, const struct config *c)
{
	char path[CONFIG_KEY_PATH_MAX];

	for (unsigned i = 0; i < c->sip.listeners_count; i++) {
		const char *realm = c->sip.listeners[i].realm;
		bool found = c->dataplane.media_count == 0;

		for (unsigned j = 0; j < c->dataplane.media_count && !found; j++)
			found = strcmp(c->dataplane.media[j].realm, realm) == 0;
		if (!found)
			return config_fail(l, config_path(path, "sip.listeners[%u].realm", i),
					   "no address of dataplane.media is in %s", realm);
	}
	for (unsigned i = 0; i < c->trunks_count; i++) {
		const char *realm = c->trunks[i].realm;
		bool found = false;

		for (unsigned j = 0; j < c->sip.listeners_count && !found; j++)
			found = strcmp(c->sip.listeners[j].realm, realm) == 0;
		if (!found)
			return config_fail(l, config_path(path, "trunks[%u].realm", i),
					   "none of sip.listeners is in %s", realm);
	}
	return 0;
}

static int check_realms(struct config_loader *l, const struct config *c)
{
	const struct config_dataplane *d = &c->dataplane;
	char path[CONFIG_KEY_PATH_MAX];
	struct entries entries = { 0 };
	int error = 0;

	for (unsigned i = 0; i < d->realms_count; i++) {
		struct entry *e = add(&entries, i, 0);
		if (!e)
			return no_memory(l, &entries);
		snprintf(e->text, sizeof(e->text), "%s", d->realms[i].name);
		if (d->realms[i].port && !config_port_find(c, d->realms[i].port)) {
			free(entries.list);
			return config_fail(l, config_path(path, "dataplane.realms[%u].port", i),
					   "%s is none of dataplane.ports", d->realms[i].port);
		}
		if (d->realms[i].outer_vlan && !d->realms[i].vlan) {
			free(entries.list);
			return config_fail(l,
					   config_path(path, "dataplane.realms[%u].outer_vlan", i),
					   "there is no vlan inside of it");
		}
	}
	error = check_unique(l, &entries, &(struct place){ "dataplane.realms", ".name", false });
	for (unsigned i = 0; i < d->media_count && !error; i++)
		error = check_realm_name(l, c, "dataplane.media", i, d->media[i].realm);
	for (unsigned i = 0; i < c->sip.listeners_count && !error; i++)
		error = check_realm_name(l, c, "sip.listeners", i, c->sip.listeners[i].realm);
	for (unsigned i = 0; i < c->trunks_count && !error; i++)
		error = check_realm_name(l, c, "trunks", i, c->trunks[i].realm);
	return error ? error : check_realm_is_served(l, c);
}

/* --- users, trunks ------------------------------------------------------------------------------- */

static bool is_domain(const struct config_sip *s, const char *domain)
{
	for (unsigned i = 0; i < s->domains_count; i++)
		if (strcasecmp(s->domains[i], domain) == 0)
			return true;
	return false;
}

static int check_users(struct config_loader *l, const struct config *c)
{
	char path[CONFIG_KEY_PATH_MAX];
	struct entries entries = { 0 };

	for (unsigned i = 0; i < c->users_count; i++) {
		const struct config_user *u = &c->users[i];
		struct entry *e = add(&entries, i, 0);
		if (!e)
			return no_memory(l, &entries);
		snprintf(e->text, sizeof(e->text), "%s@%s", u->name, u->domain);
		if (!is_domain(&c->sip, u->domain)) {
			free(entries.list);
			return config_fail(l, config_path(path, "users[%u].domain", i),
					   "%s is none of sip.domains", u->domain);
		}
	}
	return check_unique(l, &entries, &(struct place){ "users", ".name", false });
}

static int check_trunk_addresses(struct config_loader *l, const struct config *c)
{
	char canonical[INET6_ADDRSTRLEN];
	struct entries entries = { 0 };

	for (unsigned i = 0; i < c->trunks_count; i++) {
		for (unsigned j = 0; j < c->trunks[i].addresses_count; j++) {
			struct entry *e = add(&entries, i, j);
			if (!e)
				return no_memory(l, &entries);
			snprintf(e->text, sizeof(e->text), "%s port %u",
				 canonical_ip(c->trunks[i].addresses[j], canonical),
				 c->trunks[i].port);
		}
	}
	return check_unique(l, &entries, &(struct place){ "trunks", ".addresses", true });
}

/* Is there a listener that can reach one of its addresses? */
static int check_trunk_reach(struct config_loader *l, const struct config *c)
{
	char path[CONFIG_KEY_PATH_MAX];

	for (unsigned i = 0; i < c->trunks_count; i++) {
		const struct config_trunk *t = &c->trunks[i];
		bool reached = false;

		if (t->addresses_count == 0 && t->uri)
			continue;
		if (t->addresses_count == 0)
			return config_fail(l, config_path(path, "trunks[%u].addresses", i),
					   "it has neither addresses nor a uri");
		for (unsigned j = 0; j < t->addresses_count; j++)
			for (unsigned k = 0; k < c->sip.listeners_count; k++)
				reached |= !strchr(t->addresses[j], ':') ==
					   !strchr(c->sip.listeners[k].address, ':');
		if (!reached)
			return config_fail(l, config_path(path, "trunks[%u].addresses", i),
					   "sip.listeners has none for %s",
					   strchr(t->addresses[0], ':') ? "IPv6" : "IPv4");
	}
	return 0;
}

static int check_trunks(struct config_loader *l, const struct config *c)
{
	char path[CONFIG_KEY_PATH_MAX];
	struct entries entries = { 0 };
	int error;

	for (unsigned i = 0; i < c->trunks_count; i++) {
		struct entry *e = add(&entries, i, 0);
		if (!e)
			return no_memory(l, &entries);
		snprintf(e->text, sizeof(e->text), "%s", c->trunks[i].name);
	}
	error = check_unique(l, &entries, &(struct place){ "trunks", ".name", false });
	for (unsigned i = 0; !error && i < c->trunks_count; i++) {
		const struct config_trunk *t = &c->trunks[i];

		if (!t->username != !t->password)
			return config_fail(l, config_path(path, "trunks[%u].username", i),
					   "username and password go together");
		if (t->register_s > 0 && !t->username)
			return config_fail(l, config_path(path, "trunks[%u].register_s", i),
					   "needs username and password");
	}
	for (unsigned i = 0; !error && i < c->trunks_count; i++) {
		struct entry *e;
		if (!*c->trunks[i].prefix)
			continue;
		e = add(&entries, i, 0);
		if (!e)
			return no_memory(l, &entries);
		snprintf(e->text, sizeof(e->text), "%s", c->trunks[i].prefix);
	}
	if (!error)
		error = check_unique(l, &entries, &(struct place){ "trunks", ".prefix", false });
	if (!error)
		error = check_trunk_addresses(l, c);
	return error ? error : check_trunk_reach(l, c);
}

static int check_rules(struct config_loader *l, const struct config *c)
{
	char path[CONFIG_KEY_PATH_MAX];

	for (unsigned i = 0; i < c->rules_count; i++) {
		const struct config_rule *rule = &c->rules[i];
		bool found = !rule->trunk;

		if (rule->realm && config_realm_index(c, rule->realm) < 0)
			return config_fail(l, config_path(path, "rules[%u].realm", i),
					   "no realm of dataplane.realms is called %s",
					   rule->realm);
		for (unsigned k = 0; k < c->trunks_count && !found; k++)
			found = strcmp(c->trunks[k].name, rule->trunk) == 0;
		if (!found)
			return config_fail(l, config_path(path, "rules[%u].trunk", i),
					   "no trunk is called %s", rule->trunk);
	}
	return 0;
}

int config_validate(struct config_loader *loader, const struct config *config)
{
	const struct config_dataplane *d = &config->dataplane;
	int error = check_ports(loader, d);

	if (!error)
		error = check_port_addresses(loader, d);
	if (!error)
		error = check_media(loader, d);
	if (!error)
		error = check_cores(loader, d);
	if (!error)
		error = check_domains(loader, &config->sip);
	if (!error)
		error = check_listeners(loader, config);
	if (!error)
		error = check_realms(loader, config);
	if (!error)
		error = check_registration(loader, &config->sip);
	if (!error)
		error = check_session(loader, &config->sip);
	if (!error)
		error = check_users(loader, config);
	if (!error)
		error = check_trunks(loader, config);
	if (!error)
		error = check_rules(loader, config);
	return error;
}
