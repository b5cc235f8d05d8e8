/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/registrar/location.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "sip/base/timer.h"

#define STRIPES 32u /* a power of two */
/* Bindings that are let go of wait for so many more: each time that liburcu is asked to free
 * something, it wakes a thread. */
#define RETIRED_MAX 64u

struct place {
	struct cds_lfht_node node; /* in location->table */
	struct rcu_head rcu;
	struct timer timer; /* in its stripe's wheel */
	struct place *due;  /* the next one that is due */
	struct stripe *stripe;
	struct binding *binding; /* under RCU; never NULL in the table */
};

struct stripe {
	pthread_mutex_t lock;
	struct timer_wheel *wheel;
	struct place *due; /* while the wheel is moved */
	struct binding *retired;
	unsigned retired_count;
};

struct way {
	struct cds_lfht_node node; /* in location->ways */
	struct rcu_head rcu;
	struct sip_flow flow;
	char aor[];
};

struct location {
	struct cds_lfht *table; /* struct place, by AOR */
	struct cds_lfht *ways;  /* struct way, by connection */
	_Atomic size_t count;
	struct stripe stripes[STRIPES];
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
	struct binding *b = caa_container_of(head, struct binding, rcu);

	while (b) {
		struct binding *next = b->retired;

		free(b);
		b = next;
	}
}

static void free_retired(struct stripe *stripe)
{
	if (stripe->retired)
		urcu_memb_call_rcu(&stripe->retired->rcu, free_binding);
	stripe->retired = NULL;
	stripe->retired_count = 0;
}

static void retire(struct stripe *stripe, struct binding *b)
{
	b->retired = stripe->retired;
	stripe->retired = b;
	if (++stripe->retired_count == RETIRED_MAX)
		free_retired(stripe);
}

static void free_place(struct rcu_head *head)
{
	free(caa_container_of(head, struct place, rcu));
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

#define CONTACT_TEXTS 5

static void texts_of(struct contact *contact, struct slice *texts[CONTACT_TEXTS])
{
	texts[0] = &contact->uri;
	texts[1] = &contact->call_id;
	texts[2] = &contact->user_agent;
	texts[3] = &contact->route;
	texts[4] = &contact->instance;
}

/* Highest q first; among equals the order stays. */
static void insert_by_q(struct binding *b, const struct contact *contact)
{
	unsigned at = b->count++;

	for (; at > 0 && b->contacts[at - 1].q < contact->q; at--)
		b->contacts[at] = b->contacts[at - 1];
	b->contacts[at] = *contact;
}

static struct binding *new_binding(struct slice aor, const struct contact *const *contacts,
				   unsigned count)
{
	size_t size = sizeof(struct binding) + count * sizeof(**contacts), room = aor.n + 1;
	struct slice *texts[CONTACT_TEXTS];
	struct binding *b;
	char *at;

	for (unsigned i = 0; i < count; i++) {
		struct contact contact = *contacts[i];

		texts_of(&contact, texts);
		for (unsigned k = 0; k < CONTACT_TEXTS; k++)
			room += texts[k]->n + 1;
	}
	b = malloc(size + room);
	if (!b)
		return NULL;
	at = (char *)b + size;
	b->count = 0;
	b->aor = keep(&at, aor);
	for (unsigned i = 0; i < count; i++) {
		struct contact contact = *contacts[i];

		texts_of(&contact, texts);
		for (unsigned k = 0; k < CONTACT_TEXTS; k++)
			*texts[k] = keep(&at, *texts[k]);
		insert_by_q(b, &contact);
	}
	return b;
}

/* --- the table -------------------------------------------------------------------------------------- */

static struct place *place_of(struct cds_lfht_node *node)
{
	return node ? caa_container_of(node, struct place, node) : NULL;
}

static int is_aor(struct cds_lfht_node *node, const void *aor)
{
	return slice_equal(rcu_dereference(place_of(node)->binding)->aor,
			   *(const struct slice *)aor);
}

static struct stripe *stripe_of(struct location *l, struct slice aor)
{
	return &l->stripes[slice_hash(aor) >> 32 & (STRIPES - 1)];
}

/* --- connections ------------------------------------------------------------------------------------ */

static uint64_t flow_hash(struct sip_flow flow)
{
	return slice_hash((struct slice){ (const char *)&flow, sizeof(flow) });
}

static struct way *way_of(struct cds_lfht_node *node)
{
	return node ? caa_container_of(node, struct way, node) : NULL;
}

static int is_flow(struct cds_lfht_node *node, const void *flow)
{
	return sip_flow_equal(way_of(node)->flow, *(const struct sip_flow *)flow);
}

static struct way *find_way(struct location *l, struct sip_flow flow)
{
	struct cds_lfht_iter iter;

	cds_lfht_lookup(l->ways, flow_hash(flow), is_flow, &flow, &iter);
	return way_of(cds_lfht_iter_get_node(&iter));
}

/* A connection may be that of several users: a gateway's, or of a phone with two lines. */
static struct way *find_way_of(struct location *l, struct sip_flow flow, struct slice aor)
{
	struct cds_lfht_iter iter;
	struct way *way;

	cds_lfht_lookup(l->ways, flow_hash(flow), is_flow, &flow, &iter);
	while ((way = way_of(cds_lfht_iter_get_node(&iter))) != NULL &&
	       !slice_equal(slice_of(way->aor), aor))
		cds_lfht_next_duplicate(l->ways, is_flow, &flow, &iter);
	return way;
}

static void free_way(struct rcu_head *head)
{
	free(caa_container_of(head, struct way, rcu));
}

static bool has_way(const struct contact *c)
{
	return contact_is_bound(c) && c->path.flow.index != 0;
}

static void forget_ways(struct location *l, const struct binding *b)
{
	for (unsigned i = 0; i < b->count; i++) {
		struct way *way = has_way(&b->contacts[i])
					  ? find_way_of(l, b->contacts[i].path.flow, b->aor)
					  : NULL;

		if (way && cds_lfht_del(l->ways, &way->node) == 0)
			urcu_memb_call_rcu(&way->rcu, free_way);
	}
}

/* One that there is no memory for is not told of its end: its contact expires instead. */
static void note_ways(struct location *l, const struct binding *b)
{
	for (unsigned i = 0; i < b->count; i++) {
		const struct sip_flow flow = b->contacts[i].path.flow;
		struct way *way;

		if (!has_way(&b->contacts[i]) || find_way_of(l, flow, b->aor))
			continue;
		way = malloc(sizeof(*way) + b->aor.n + 1);
		if (!way)
			continue;
		way->flow = flow;
		memcpy(way->aor, b->aor.p, b->aor.n + 1);
		cds_lfht_node_init(&way->node);
		cds_lfht_add(l->ways, flow_hash(flow), &way->node);
	}
}

bool location_of_flow(struct location *location, struct sip_flow flow, char *aor, size_t size)
{
	const struct way *way;
	bool found;

	location_read_begin();
	way = find_way(location, flow);
	found = way && slice_copy(slice_of(way->aor), aor, size) == 0;
	location_read_end();
	return found;
}

/* --- life --------------------------------------------------------------------------------------------- */

static void close_stripes(struct location *l)
{
	for (unsigned i = 0; i < STRIPES; i++) {
		if (l->stripes[i].wheel) {
			timer_wheel_destroy(l->stripes[i].wheel);
			pthread_mutex_destroy(&l->stripes[i].lock);
		}
	}
}

static int open_stripes(struct location *l, uint64_t now_ms)
{
	for (unsigned i = 0; i < STRIPES; i++) {
		l->stripes[i].wheel = timer_wheel_create(now_ms);
		if (!l->stripes[i].wheel)
			return -ENOMEM;
		pthread_mutex_init(&l->stripes[i].lock, NULL);
	}
	return 0;
}

int location_create(size_t expected, uint64_t now_ms, struct location **location)
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
	l->ways = cds_lfht_new_flavor(buckets, buckets, buckets, 0, &urcu_memb_flavor, NULL);
	if (!l->table || !l->ways || open_stripes(l, now_ms)) {
		close_stripes(l);
		if (l->ways)
			cds_lfht_destroy(l->ways, NULL);
		if (l->table)
			cds_lfht_destroy(l->table, NULL);
		free(l);
		return -ENOMEM;
	}
	*location = l;
	return 0;
}

static void remove_place(struct location *l, struct place *p)
{
	timer_cancel(p->stripe->wheel, &p->timer);
	cds_lfht_del(l->table, &p->node);
	forget_ways(l, p->binding);
	retire(p->stripe, p->binding);
	urcu_memb_call_rcu(&p->rcu, free_place);
}

void location_destroy(struct location *l)
{
	struct cds_lfht_iter iter;
	struct place *p = NULL;

	location_read_begin();
	cds_lfht_for_each_entry(l->table, &iter, p, node)
	{
		remove_place(l, p);
	}
	location_read_end();
	for (unsigned i = 0; i < STRIPES; i++)
		free_retired(&l->stripes[i]);
	urcu_memb_barrier();
	cds_lfht_destroy(l->table, NULL);
	cds_lfht_destroy(l->ways, NULL);
	close_stripes(l);
	free(l);
}

static struct place *find(struct location *l, struct slice aor)
{
	struct cds_lfht_iter iter;

	cds_lfht_lookup(l->table, slice_hash(aor), is_aor, &aor, &iter);
	return place_of(cds_lfht_iter_get_node(&iter));
}

const struct binding *location_find(struct location *location, struct slice aor)
{
	struct place *p = find(location, aor);

	return p ? rcu_dereference(p->binding) : NULL;
}

static int is_any(struct cds_lfht_node *node, const void *key)
{
	(void)node, (void)key;
	return 1;
}

const struct binding *location_find_hash(struct location *location, uint64_t hash)
{
	struct cds_lfht_iter iter;
	struct place *p;

	cds_lfht_lookup(location->table, hash, is_any, NULL, &iter);
	p = place_of(cds_lfht_iter_get_node(&iter));
	return p ? rcu_dereference(p->binding) : NULL;
}

void location_walk(struct location *location, void (*visit)(void *arg, const struct binding *b),
		   void *arg)
{
	struct cds_lfht_iter iter;
	struct place *p = NULL;

	cds_lfht_for_each_entry(location->table, &iter, p, node)
	{
		visit(arg, rcu_dereference(p->binding));
	}
}

size_t location_count(const struct location *location)
{
	return atomic_load_explicit(&location->count, memory_order_relaxed);
}

/* --- writers -------------------------------------------------------------------------------------- */

void location_lock(struct location *location, struct slice aor)
{
	pthread_mutex_lock(&stripe_of(location, aor)->lock);
}

void location_unlock(struct location *location, struct slice aor)
{
	pthread_mutex_unlock(&stripe_of(location, aor)->lock);
}

static int add_place(struct location *l, struct slice aor, struct binding *binding)
{
	struct place *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->stripe = stripe_of(l, aor);
	p->binding = binding;
	cds_lfht_node_init(&p->node);
	cds_lfht_add(l->table, slice_hash(aor), &p->node);
	return 0;
}

int location_set(struct location *l, struct slice aor, const struct contact *const *contacts,
		 unsigned count)
{
	struct binding *new = NULL, *old;
	unsigned had = 0;
	struct place *p;
	int error = 0;

	if (count > 0) {
		new = new_binding(aor, contacts, count);
		if (!new)
			return -ENOMEM;
	}
	location_read_begin();
	p = find(l, aor);
	if (p) {
		old = p->binding;
		had = old->count;
	}
	if (p && new) {
		forget_ways(l, old);
		rcu_assign_pointer(p->binding, new);
		retire(p->stripe, old);
	} else if (new) {
		error = add_place(l, aor, new);
	} else if (p) {
		remove_place(l, p);
	}
	if (new && !error)
		note_ways(l, new);
	location_read_end();
	if (error) {
		free(new);
		return error;
	}
	l->count += count;
	l->count -= had;
	return 0;
}

void location_refresh(const struct contact *at, const struct contact *to)
{
	/* The block is the table's own; it is const for those who read. */
	struct contact *c = (struct contact *)at;

	__atomic_store_n(&c->expires_ms, to->expires_ms, __ATOMIC_RELAXED);
	__atomic_store_n(&c->updated_ms, to->updated_ms, __ATOMIC_RELAXED);
	__atomic_store_n(&c->cseq, to->cseq, __ATOMIC_RELAXED);
	__atomic_store_n(&c->missed, to->missed, __ATOMIC_RELAXED);
	c->stored_ms = to->stored_ms;
}

/* --- time ------------------------------------------------------------------------------------------- */

static void on_due(struct timer *timer)
{
	struct place *p = caa_container_of(timer, struct place, timer);

	p->due = p->stripe->due;
	p->stripe->due = p;
}

void location_arm(struct location *l, struct slice aor, uint64_t due_ms)
{
	struct place *p;

	location_read_begin();
	p = find(l, aor);
	if (p) {
		uint64_t now_ms = timer_wheel_now(p->stripe->wheel);

		timer_set(p->stripe->wheel, &p->timer, due_ms > now_ms ? due_ms - now_ms : 0,
			  on_due);
	}
	location_read_end();
}

void location_advance(struct location *l, uint64_t now_ms,
		      void (*visit)(void *arg, const char *aor), void *arg)
{
	for (unsigned i = 0; i < STRIPES; i++) {
		struct stripe *stripe = &l->stripes[i];

		/* A place that is due may leave the table before its turn, but not the read
		 * section. Its timer is not set, so it gets no second time into the list. */
		location_read_begin();
		pthread_mutex_lock(&stripe->lock);
		stripe->due = NULL;
		timer_wheel_advance(stripe->wheel, now_ms);
		free_retired(stripe);
		struct place *due = stripe->due;
		pthread_mutex_unlock(&stripe->lock);
		for (; due; due = due->due)
			visit(arg, rcu_dereference(due->binding)->aor.p);
		location_read_end();
	}
}
