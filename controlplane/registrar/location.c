/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/registrar/location.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct location {
	struct cds_lfht *table;
	pthread_mutex_t lock; /* of writers */
	_Atomic size_t count;
};

/* --- threads ------------------------------------------------------------------------------------ */

/* liburcu must know each thread that reads. They make themselves known at their first look-up, and
 * are forgotten when they end. */
static pthread_key_t leave_key;
static pthread_once_t leave_once = PTHREAD_ONCE_INIT;
static __thread bool known;

static void leave(void *unused)
{
	(void)unused;
	urcu_memb_unregister_thread();
	known = false;
}

static void make_key(void)
{
	pthread_key_create(&leave_key, leave);
}

static void make_known(void)
{
	pthread_once(&leave_once, make_key);
	urcu_memb_register_thread();
	pthread_setspecific(leave_key, &known); /* anything but NULL: the destructor runs */
	known = true;
}

void location_read_begin(void)
{
	if (!known)
		make_known();
	urcu_memb_read_lock();
}

void location_read_end(void)
{
	urcu_memb_read_unlock();
}

/* --- bindings ------------------------------------------------------------------------------------- */

static void free_binding(struct rcu_head *head)
{
	free(caa_container_of(head, struct binding, rcu));
}

static struct slice keep(char **room, struct slice text)
{
	struct slice kept = { *room, text.n };

	if (text.n)
		memcpy(*room, text.p, text.n);
	(*room)[text.n] = 0;
	*room += text.n + 1;
	return kept;
}

/* Highest q first; among equals the order stays. */
static void insert_by_q(struct binding *b, const struct contact *contact)
{
	unsigned at = b->count++;

	for (; at > 0 && b->contacts[at - 1].q < contact->q; at--)
		b->contacts[at] = b->contacts[at - 1];
	b->contacts[at] = *contact;
}

static struct binding *new_binding(struct slice aor, const struct contact *contacts, unsigned count)
{
	size_t size = sizeof(struct binding) + count * sizeof(*contacts), texts = aor.n + 1;
	struct binding *b;
	char *room;

	for (unsigned i = 0; i < count; i++)
		texts += contacts[i].uri.n + contacts[i].call_id.n + contacts[i].user_agent.n + 3;
	b = calloc(1, size + texts);
	if (!b)
		return NULL;
	room = (char *)b + size;
	cds_lfht_node_init(&b->node);
	b->aor = keep(&room, aor);
	b->soonest_ms = UINT64_MAX;
	for (unsigned i = 0; i < count; i++) {
		struct contact contact = contacts[i];

		contact.uri = keep(&room, contact.uri);
		contact.call_id = keep(&room, contact.call_id);
		contact.user_agent = keep(&room, contact.user_agent);
		if (contact.expires_ms < b->soonest_ms)
			b->soonest_ms = contact.expires_ms;
		insert_by_q(b, &contact);
	}
	return b;
}

/* --- the table -------------------------------------------------------------------------------------- */

static struct binding *binding_of(struct cds_lfht_node *node)
{
	return node ? caa_container_of(node, struct binding, node) : NULL;
}

static int is_aor(struct cds_lfht_node *node, const void *aor)
{
	return slice_equal(binding_of(node)->aor, *(const struct slice *)aor);
}

int location_create(size_t expected, struct location **location)
{
	struct location *l = calloc(1, sizeof(*l));
	size_t buckets = 64;

	*location = NULL;
	if (!l)
		return -ENOMEM;
	/* Users are known from the configuration: a fixed size spares liburcu's resize thread. */
	while (buckets < expected)
		buckets *= 2;
	l->table = cds_lfht_new_flavor(buckets, buckets, buckets, 0, &urcu_memb_flavor, NULL);
	if (!l->table) {
		free(l);
		return -ENOMEM;
	}
	pthread_mutex_init(&l->lock, NULL);
	*location = l;
	return 0;
}

void location_destroy(struct location *l)
{
	struct cds_lfht_iter iter;
	struct binding *b;

	location_read_begin();
	cds_lfht_for_each_entry(l->table, &iter, b, node)
	{
		cds_lfht_del(l->table, &b->node);
		urcu_memb_call_rcu(&b->rcu, free_binding);
	}
	location_read_end();
	urcu_memb_barrier();
	cds_lfht_destroy(l->table, NULL);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

static struct binding *find(struct location *l, struct slice aor, struct cds_lfht_iter *iter)
{
	cds_lfht_lookup(l->table, slice_hash(aor), is_aor, &aor, iter);
	return binding_of(cds_lfht_iter_get_node(iter));
}

const struct binding *location_find(struct location *location, struct slice aor)
{
	struct cds_lfht_iter iter;

	return find(location, aor, &iter);
}

void location_walk(struct location *location, void (*visit)(void *arg, const struct binding *b),
		   void *arg)
{
	struct cds_lfht_iter iter;
	struct binding *b;

	cds_lfht_for_each_entry(location->table, &iter, b, node) visit(arg, b);
}

size_t location_count(const struct location *location)
{
	return atomic_load_explicit(&location->count, memory_order_relaxed);
}

void location_lock(struct location *location)
{
	pthread_mutex_lock(&location->lock);
}

void location_unlock(struct location *location)
{
	pthread_mutex_unlock(&location->lock);
}

int location_set(struct location *l, struct slice aor, const struct contact *contacts,
		 unsigned count)
{
	struct binding *new = NULL, *old;
	struct cds_lfht_iter iter;

	if (count > 0) {
		new = new_binding(aor, contacts, count);
		if (!new)
			return -ENOMEM;
	}
	location_read_begin();
	old = find(l, aor, &iter);
	if (old && new)
		cds_lfht_replace(l->table, &iter, slice_hash(aor), is_aor, &aor, &new->node);
	else if (new)
		cds_lfht_add(l->table, slice_hash(aor), &new->node);
	else if (old)
		cds_lfht_del(l->table, &old->node);
	location_read_end();
	l->count += count;
	if (old) {
		l->count -= old->count;
		urcu_memb_call_rcu(&old->rcu, free_binding);
	}
	return 0;
}
