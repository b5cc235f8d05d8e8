/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/registrar/users.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "sip/base/hash_index.h"

struct user_entry {
	struct user user;
	struct hash_node node; /* in users->index */
	char aor[REGISTRAR_AOR_MAX];
};

struct users {
	const struct config *config;
	struct user_entry *entries;
	struct hash_index index; /* by AOR; only read after users_create(), so any thread may */
};

int users_create(const struct config *config, struct users **result)
{
	struct users *users = calloc(1, sizeof(*users));
	int error;

	*result = NULL;
	if (!users)
		return -ENOMEM;
	users->config = config;
	users->entries = calloc(config->users_count + 1, sizeof(*users->entries));
	error = users->entries ? hash_index_init(&users->index, config->users_count) : -ENOMEM;
	if (error) {
		free(users->entries);
		free(users);
		return error;
	}
	for (unsigned i = 0; i < config->users_count; i++) {
		struct user_entry *entry = &users->entries[i];

		snprintf(entry->aor, sizeof(entry->aor), "%s@%s", config->users[i].name,
			 config->users[i].domain);
		entry->user = (struct user){ &config->users[i], entry->aor };
		hash_index_insert(&users->index, &entry->node, slice_hash(slice_of(entry->aor)));
	}
	*result = users;
	return 0;
}

void users_destroy(struct users *users)
{
	if (!users)
		return;
	hash_index_free(&users->index);
	free(users->entries);
	free(users);
}

const char *users_domain(const struct users *users, struct slice host)
{
	const struct config_sip *sip = &users->config->sip;
	struct sip_address address, listener;

	for (unsigned i = 0; i < sip->domains_count; i++)
		if (slice_equal_nocase(host, slice_of(sip->domains[i])))
			return sip->domains[i];
	if (sip_address_parse(host, 0, &address))
		return NULL;
	for (unsigned i = 0; i < sip->listeners_count; i++)
		if (sip_address_parse(slice_of(sip->listeners[i].address), 0, &listener) == 0 &&
		    sip_address_equal(&address, &listener))
			return sip->domains[0];
	return NULL;
}

int users_aor(const struct users *users, const struct sip_uri *uri, char aor[REGISTRAR_AOR_MAX])
{
	const char *domain;
	size_t length;

	aor[0] = 0;
	if (uri->scheme != SIP_SCHEME_SIP && uri->scheme != SIP_SCHEME_SIPS)
		return -ENOENT;
	domain = users_domain(users, uri->host);
	if (!domain)
		return -ENOENT;
	if (uri->user.n == 0 || sip_uri_unescape(uri->user, aor, REGISTRAR_AOR_MAX))
		goto invalid;
	/* It goes into logs, the database and events. */
	for (const char *c = aor; *c; c++)
		if (iscntrl((unsigned char)*c))
			goto invalid;
	length = strlen(aor);
	if (length + 1 + strlen(domain) >= REGISTRAR_AOR_MAX)
		goto invalid;
	snprintf(aor + length, REGISTRAR_AOR_MAX - length, "@%s", domain);
	return 0;
invalid:
	aor[0] = 0;
	return -EINVAL;
}

const struct user *users_find(const struct users *users, const char *aor)
{
	for (struct hash_node *n = hash_index_first(&users->index, slice_hash(slice_of(aor))); n;
	     n = hash_index_next(n)) {
		const struct user_entry *entry =
			(struct user_entry *)((char *)n - offsetof(struct user_entry, node));
		if (strcmp(entry->aor, aor) == 0)
			return &entry->user;
	}
	return NULL;
}

const struct user *users_identify(const struct users *users, const char *name)
{
	const struct config_sip *sip = &users->config->sip;
	const struct user *found = NULL, *user;
	char aor[REGISTRAR_AOR_MAX];

	if (strchr(name, '@'))
		return users_find(users, name);
	for (unsigned i = 0; i < sip->domains_count; i++) {
		if ((size_t)snprintf(aor, sizeof(aor), "%s@%s", name, sip->domains[i]) >=
		    sizeof(aor))
			continue;
		user = users_find(users, aor);
		if (user && found)
			return NULL;
		if (user)
			found = user;
	}
	return found;
}
