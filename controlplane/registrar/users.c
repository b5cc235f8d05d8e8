/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/registrar/users.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "controlplane/registrar/location.h"
#include "sip/base/format.h"

#define BUCKETS_MIN 1024u /* some users are added later */

struct users {
	const struct config *config;
	struct cds_lfht *table;  /* struct user, by AOR */
	struct cds_lfht *hashed; /* struct user_hash; NULL unless sip.user_hash */
};

static struct user *user_of(struct cds_lfht_node *node)
{
	return node ? caa_container_of(node, struct user, node) : NULL;
}

static void free_user(struct user *user)
{
	for (unsigned i = 0; i < DIGEST_ALGORITHMS; i++)
		free(atomic_load(&user->ha1[i]));
	if (user->keys)
		OPENSSL_cleanse((void *)user->keys, sizeof(*user->keys));
	free((void *)user->keys);
	free(user->hashes);
	free(user);
}

static void reclaim(struct rcu_head *head)
{
	free_user(caa_container_of(head, struct user, rcu));
}

/* The hash is one already. */
static uint64_t key_of(const unsigned char hash[DIGEST_BYTES_MAX])
{
	uint64_t key;

	memcpy(&key, hash, sizeof(key));
	return key;
}

static int make_hashes(struct user *user)
{
	const char *at = strrchr(user->aor, '@');
	struct slice parts[] = { { user->aor, (size_t)(at - user->aor) }, slice_of(at + 1) };

	user->hashes = calloc(DIGEST_ALGORITHMS, sizeof(*user->hashes));
	if (!user->hashes)
		return -ENOMEM;
	for (unsigned i = 0; i < DIGEST_ALGORITHMS; i++) {
		struct user_hash *h = &user->hashes[i];

		h->user = user;
		/* An algorithm that libcrypto lacks is not offered. */
		digest_hash((enum digest_algorithm)i, parts, 2, h->hash);
		cds_lfht_node_init(&h->node);
	}
	return 0;
}

static struct user *new_user(const struct users *users, const char *name, const char *domain)
{
	size_t size = strlen(name) + strlen(domain) + 2;
	struct user *user = calloc(1, sizeof(*user) + size);

	if (!user)
		return NULL;
	format_print(user->text, size, "%s@%s", name, domain);
	user->aor = user->text;
	cds_lfht_node_init(&user->node);
	if (!users->hashed || make_hashes(user) == 0)
		return user;
	free_user(user);
	return NULL;
}

static void add_hashes(struct users *users, struct user *user)
{
	for (unsigned i = 0; user->hashes && i < DIGEST_ALGORITHMS; i++)
		cds_lfht_add(users->hashed, key_of(user->hashes[i].hash), &user->hashes[i].node);
}

static int add(struct users *users, const struct config_user *config)
{
	struct user *user =
		new_user(users, config->name,
			 config->domain ? config->domain : users->config->sip.domains[0]);

	if (!user)
		return -ENOMEM;
	user->password = config->password;
	cds_lfht_add(users->table, slice_hash(slice_of(user->aor)), &user->node);
	add_hashes(users, user);
	return 0;
}

/* A fixed size spares liburcu's resize thread. */
static struct cds_lfht *new_table(size_t expected)
{
	size_t buckets = BUCKETS_MIN;

	while (buckets < expected)
		buckets *= 2;
	return cds_lfht_new_flavor(buckets, buckets, buckets, 0, &urcu_memb_flavor, NULL);
}

int users_create(const struct config *config, struct users **result)
{
	struct users *users = calloc(1, sizeof(*users));
	int error = 0;

	*result = NULL;
	if (!users)
		return -ENOMEM;
	users->config = config;
	users->table = new_table(config->users_count);
	if (config->sip.user_hash)
		users->hashed = new_table((size_t)config->users_count * DIGEST_ALGORITHMS);
	if (!users->table || (config->sip.user_hash && !users->hashed)) {
		users_destroy(users);
		return -ENOMEM;
	}
	location_read_begin();
	for (unsigned i = 0; i < config->users_count && !error; i++)
		error = add(users, &config->users[i]);
	location_read_end();
	if (error) {
		users_destroy(users);
		return error;
	}
	*result = users;
	return 0;
}

/* Its hashes go, and its memory when nobody looks at it any more. */
static void retire(struct users *users, struct user *user)
{
	for (unsigned i = 0; user->hashes && i < DIGEST_ALGORITHMS; i++)
		cds_lfht_del(users->hashed, &user->hashes[i].node);
	urcu_memb_call_rcu(&user->rcu, reclaim);
}

static void drop(struct users *users, struct user *user)
{
	cds_lfht_del(users->table, &user->node);
	retire(users, user);
}

static void drop_all(struct users *users)
{
	struct cds_lfht_iter iter;
	struct user *user = NULL;

	location_read_begin();
	cds_lfht_for_each_entry(users->table, &iter, user, node)
	{
		drop(users, user);
	}
	location_read_end();
	urcu_memb_barrier();
	cds_lfht_destroy(users->table, NULL);
}

void users_destroy(struct users *users)
{
	if (!users)
		return;
	if (users->table)
		drop_all(users);
	if (users->hashed)
		cds_lfht_destroy(users->hashed, NULL);
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
	format_print(aor + length, REGISTRAR_AOR_MAX - length, "@%s", domain);
	return 0;
invalid:
	aor[0] = 0;
	return -EINVAL;
}

static int is_aor(struct cds_lfht_node *node, const void *aor)
{
	return strcmp(user_of(node)->aor, aor) == 0;
}

const struct user *users_find(const struct users *users, const char *aor)
{
	struct cds_lfht_iter iter;

	cds_lfht_lookup(users->table, slice_hash(slice_of(aor)), is_aor, aor, &iter);
	return user_of(cds_lfht_iter_get_node(&iter));
}

/* --- changes -------------------------------------------------------------------------------------- */

int users_put(struct users *users, const char *aor, const struct user_keys *keys)
{
	struct cds_lfht_node *old;
	const struct user *known;
	struct user_keys *kept = malloc(sizeof(*kept));
	const char *at = strrchr(aor, '@');
	char name[REGISTRAR_AOR_MAX];
	struct user *user = NULL;
	int error = -ENOMEM;

	snprintf(name, sizeof(name), "%.*s", (int)(at - aor), aor);
	location_read_begin();
	known = users_find(users, aor);
	if (known && !known->keys)
		error = -EEXIST;
	else if (kept)
		user = new_user(users, name, at + 1);
	if (!user) {
		location_read_end();
		free(kept);
		return error;
	}
	*kept = *keys;
	user->keys = kept;
	old = cds_lfht_add_replace(users->table, slice_hash(slice_of(aor)), is_aor, aor,
				   &user->node);
	add_hashes(users, user);
	if (old)
		retire(users, user_of(old));
	location_read_end();
	return 0;
}

int users_drop(struct users *users, const char *aor)
{
	struct user *user;
	int error = 0;

	location_read_begin();
	user = (struct user *)users_find(users, aor);
	if (!user)
		error = -ENOENT;
	else if (!user->keys)
		error = -EEXIST;
	else
		drop(users, user);
	location_read_end();
	return error;
}

void users_each(const struct users *users, void (*visit)(void *arg, const struct user *user),
		void *arg)
{
	struct cds_lfht_iter iter;
	struct user *user;

	cds_lfht_for_each_entry(users->table, &iter, user, node)
	{
		visit(arg, user);
	}
}

/* --- credentials ---------------------------------------------------------------------------------- */

static bool has_domain(const char *name)
{
	return strchr(name, '@') != NULL;
}

const struct user *users_identify(const struct users *users, const char *name, struct slice realm)
{
	const char *at = strrchr(name, '@');
	char aor[REGISTRAR_AOR_MAX];

	if (at)
		return slice_equal(slice_of(at + 1), realm) ? users_find(users, name) : NULL;
	if ((size_t)format_print(aor, sizeof(aor), "%s@%.*s", name, SLICE_FMT(realm)) >=
	    sizeof(aor))
		return NULL;
	return users_find(users, aor);
}

static bool make_ha1(const struct user *user, const char *name, struct slice realm,
		     enum digest_algorithm algorithm, unsigned char ha1[DIGEST_BYTES_MAX])
{
	return digest_ha1(algorithm, slice_of(name), realm, slice_of(user->password), ha1);
}

/* Threads that make the same one at a time lose theirs but for the first. */
static void remember(struct user *user, enum digest_algorithm algorithm,
		     const unsigned char ha1[DIGEST_BYTES_MAX])
{
	const unsigned size = digest_algorithm_size(algorithm);
	unsigned char *kept = malloc(size), *none = NULL;

	if (!kept)
		return;
	memcpy(kept, ha1, size);
	if (!atomic_compare_exchange_strong(&user->ha1[algorithm], &none, kept))
		free(kept);
}

bool users_ha1(void *arg, const char *name, struct slice realm, enum digest_algorithm algorithm,
	       unsigned char ha1[DIGEST_BYTES_MAX])
{
	const unsigned char *kept;
	struct user *user;
	bool known = false;

	location_read_begin();
	user = (struct user *)users_identify(arg, name, realm);
	if (!user)
		goto done;
	if (user->keys) {
		memcpy(ha1, user->keys->ha1[has_domain(name) ? USER_ADDRESS : USER_NAME][algorithm],
		       digest_algorithm_size(algorithm));
		known = true;
		goto done;
	}
	kept = atomic_load_explicit(&user->ha1[algorithm], memory_order_acquire);
	if (kept && !has_domain(name)) {
		memcpy(ha1, kept, digest_algorithm_size(algorithm));
		known = true;
		goto done;
	}
	known = make_ha1(user, name, realm, algorithm, ha1);
	if (known && !has_domain(name))
		remember(user, algorithm, ha1);
done:
	location_read_end();
	return known;
}

void users_note(const struct users *users, const char *name, struct slice realm, bool right,
		enum digest_algorithm algorithm, uint64_t now_s)
{
	struct user *user;

	location_read_begin();
	user = (struct user *)users_identify(users, name, realm);
	if (user && right) {
		atomic_store_explicit(&user->state.right_s, now_s, memory_order_relaxed);
		atomic_store_explicit(&user->state.algorithm, algorithm, memory_order_relaxed);
		atomic_fetch_add_explicit(&user->state.rights, 1, memory_order_relaxed);
	} else if (user) {
		atomic_store_explicit(&user->state.wrong_s, now_s, memory_order_relaxed);
		atomic_fetch_add_explicit(&user->state.wrongs, 1, memory_order_relaxed);
	}
	location_read_end();
}

struct wanted_hash {
	enum digest_algorithm algorithm;
	struct slice realm;
	unsigned char hash[DIGEST_BYTES_MAX];
};

static struct user_hash *hash_of(struct cds_lfht_node *node)
{
	return node ? caa_container_of(node, struct user_hash, node) : NULL;
}

static int is_hash(struct cds_lfht_node *node, const void *key)
{
	const struct user_hash *h = hash_of(node);
	const struct wanted_hash *wanted = key;

	return (unsigned)(h - h->user->hashes) == wanted->algorithm &&
	       memcmp(h->hash, wanted->hash, digest_algorithm_size(wanted->algorithm)) == 0 &&
	       slice_equal(slice_of(strrchr(h->user->aor, '@') + 1), wanted->realm);
}

bool users_unhash(void *arg, const char *hash, struct slice realm, enum digest_algorithm algorithm,
		  char name[DIGEST_USER_MAX])
{
	struct wanted_hash wanted = { .algorithm = algorithm, .realm = realm };
	const unsigned size = digest_algorithm_size(algorithm);
	const struct users *users = arg;
	const struct user_hash *found;
	struct cds_lfht_iter iter;

	if (!users->hashed || strlen(hash) != 2 * (size_t)size)
		return false;
	for (unsigned i = 0; i < size; i++)
		if (sscanf(hash + 2 * i, "%2hhx", &wanted.hash[i]) != 1)
			return false;
	location_read_begin();
	cds_lfht_lookup(users->hashed, key_of(wanted.hash), is_hash, &wanted, &iter);
	found = hash_of(cds_lfht_iter_get_node(&iter));
	if (found)
		format_print(name, DIGEST_USER_MAX, "%.*s",
			     (int)(strrchr(found->user->aor, '@') - found->user->aor),
			     found->user->aor);
	location_read_end();
	return found != NULL;
}
