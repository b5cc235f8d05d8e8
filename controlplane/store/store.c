/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The queue between those who write and the writer thread.
 *
 * The writer lets writes gather for GATHER_MS from the first one, or until there are GATHER_MAX,
 * and carries them out in one transaction: a transaction costs more than ten writes in it. So what
 * kill -9 can take is what was written in the last GATHER_MS, in whole writes and from the end:
 * never the first part of a call's history without what came before it. What a later write of the
 * same batch overtakes is not carried out at all (overtake()).
 *
 * When the disk is full or the database locked it keeps the batch and tries again each second,
 * while the queue grows to its bound and then refuses.
 */
#include "controlplane/store/store.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "controlplane/store/database.h"
#include "sip/base/log.h"

#define QUEUE_MAX 65536u
#define BATCH_MAX 4096u
#define TEXTS_MAX (64u << 10) /* bytes of one write */
#define RETRY_MS  1000u

#define GATHER_MS  20u
#define GATHER_MAX 1024u

/* The last write about each call of a batch, found by the call's id. */
struct overtaken {
	struct {
		struct write *last;
		uint32_t batch; /* the entry is of this one, or free */
	} entries[2 * BATCH_MAX];
	uint32_t batch;
};

struct store {
	struct database *database;
	pthread_t writer;
	pthread_mutex_t lock; /* all below */
	pthread_cond_t more;  /* for the writer */
	pthread_cond_t done;  /* for store_flush() */
	struct write *first, **last;
	uint32_t queued;
	uint64_t put,
		carried_out;  /* writes since the start; carried_out also counts skipped ones */
	uint64_t flush_until; /* as `put`: somebody waits for it to be carried out */
	uint64_t failures;    /* transactions that failed */
	bool closing, failing, refusing;
	struct store_stats stats;
	struct overtaken calls; /* the writer's */
};

/*
 * Of several records of a call in progress only the last counts, and none once its CDR is there:
 * in one batch the others need not reach the disk. The CDR itself goes on removing the record of
 * an earlier batch.
 */
static void overtake(struct overtaken *o, struct write *list, size_t count)
{
	const uint32_t mask = 2 * BATCH_MAX - 1;

	o->batch++;
	for (struct write *w = list; count > 0; count--, w = count > 0 ? w->next : NULL) {
		uint32_t i;

		if (w->type != WRITE_CALL_PUT && w->type != WRITE_CDR)
			continue;
		i = (uint32_t)((w->numbers[0] * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & mask;
		while (o->entries[i].batch == o->batch &&
		       o->entries[i].last->numbers[0] != w->numbers[0])
			i = (i + 1) & mask;
		/* After a CDR a record is refused, and the first CDR stands: nothing to save. */
		if (o->entries[i].batch == o->batch && o->entries[i].last->type == WRITE_CALL_PUT)
			o->entries[i].last->overtaken = true;
		o->entries[i].last = w;
		o->entries[i].batch = o->batch;
	}
}

/* --- the writer thread ---------------------------------------------------------------------------- */

/* Frees what stands before `end` in the list. */
static void free_list(struct write *list, const struct write *end)
{
	while (list != end) {
		struct write *next = list->next;
		free(list);
		list = next;
	}
}

/* Waits for a signal or the end of so many milliseconds; true: the time is up. */
static bool wait_until(struct store *s, const struct timespec *until)
{
	return pthread_cond_timedwait(&s->more, &s->lock, until) == ETIMEDOUT;
}

static struct timespec in_ms(unsigned ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += (long)(ms % 1000) * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return t;
}

static void wait_to_retry(struct store *s)
{
	const struct timespec until = in_ms(RETRY_MS);

	while (!s->closing && !wait_until(s, &until))
		;
}

/* There is a first write; others shall be in its transaction. */
static void wait_for_more(struct store *s)
{
	const struct timespec until = in_ms(GATHER_MS);

	while (!s->closing && s->flush_until <= s->carried_out && s->queued < GATHER_MAX)
		if (wait_until(s, &until))
			break;
}

/* One transaction; called and returns with the lock. False: it failed. */
static bool write_batch(struct store *s)
{
	struct write *list = s->first, *end = list;
	size_t count = 0, skipped;
	char why[256];
	int error;

	for (; end && count < BATCH_MAX; count++)
		end = end->next;
	/* The writer alone takes writes off the list, and others touch no more than the `next` of
	 * the last: the batch may be read without the lock. */
	pthread_mutex_unlock(&s->lock);
	overtake(&s->calls, list, count);
	error = database_write(s->database, list, count, &skipped, why, sizeof(why));
	pthread_mutex_lock(&s->lock);

	if (error) {
		s->stats.errors++;
		s->failures++;
		if (!s->failing)
			LOG_ERROR("store", 0, "cannot write: %s; trying again", why);
		s->failing = true;
		pthread_cond_broadcast(&s->done);
		return false;
	}
	if (s->failing)
		LOG_INFO("store", 0, "writes again");
	s->failing = s->refusing = false;
	s->stats.transactions++;
	s->stats.writes += count - skipped;
	s->stats.errors += skipped;
	/* `end` may have been NULL and have got a successor meanwhile. */
	for (end = list; count > 0; count--, s->queued--, s->carried_out++)
		end = end->next;
	s->first = end;
	if (!s->first)
		s->last = &s->first;
	pthread_cond_broadcast(&s->done);
	free_list(list, end);
	return true;
}

static void *writer_main(void *arg)
{
	struct store *s = arg;

	pthread_mutex_lock(&s->lock);
	for (;;) {
		while (!s->first && !s->closing)
			pthread_cond_wait(&s->more, &s->lock);
		if (!s->first)
			break;
		wait_for_more(s);
		if (write_batch(s))
			continue;
		if (s->closing) {
			LOG_ERROR("store", 0, "closed with %u writes not carried out", s->queued);
			break;
		}
		wait_to_retry(s);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* --- open, close, flush --------------------------------------------------------------------------- */

int store_open(const char *dir, struct store **store, char *why, size_t why_size)
{
	struct store *s = calloc(1, sizeof(*s));
	pthread_condattr_t monotonic;
	int error;

	*store = NULL;
	if (!s) {
		snprintf(why, why_size, "no memory");
		return -ENOMEM;
	}
	error = database_open(dir, &s->database, why, why_size);
	if (error) {
		free(s);
		return error;
	}
	s->last = &s->first;
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&s->more, &monotonic);
	pthread_cond_init(&s->done, &monotonic);
	pthread_condattr_destroy(&monotonic);
	error = pthread_create(&s->writer, NULL, writer_main, s);
	if (error) {
		snprintf(why, why_size, "no thread for the store: %s", strerror(error));
		database_close(s->database);
		free(s);
		return -error;
	}
	*store = s;
	return 0;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	pthread_mutex_lock(&store->lock);
	store->closing = true;
	pthread_cond_signal(&store->more);
	pthread_mutex_unlock(&store->lock);
	pthread_join(store->writer, NULL);
	free_list(store->first, NULL);
	database_close(store->database);
	pthread_cond_destroy(&store->more);
	pthread_cond_destroy(&store->done);
	pthread_mutex_destroy(&store->lock);
	free(store);
}

void store_flush(struct store *store)
{
	pthread_mutex_lock(&store->lock);
	uint64_t until = store->put, failures = store->failures;
	if (store->flush_until < until)
		store->flush_until = until;
	pthread_cond_signal(&store->more);
	while (store->carried_out < until && store->failures == failures)
		pthread_cond_wait(&store->done, &store->lock);
	pthread_mutex_unlock(&store->lock);
}

void store_stats(struct store *store, struct store_stats *stats)
{
	pthread_mutex_lock(&store->lock);
	*stats = store->stats;
	stats->queued = store->queued;
	pthread_mutex_unlock(&store->lock);
}

/* --- writes ----------------------------------------------------------------------------------------- */

static struct write *new_write(enum write_type type, const uint64_t *numbers,
			       const char *const *texts)
{
	size_t lengths[WRITE_TEXTS_MAX], total = 0;
	struct write *w;
	char *text;

	for (unsigned i = 0; i < database_write_texts(type); i++) {
		lengths[i] = texts[i] ? strlen(texts[i]) : 0;
		total += lengths[i] + 1;
	}
	if (total > TEXTS_MAX) {
		errno = EMSGSIZE;
		return NULL;
	}
	w = malloc(sizeof(*w) + total);
	if (!w)
		return NULL;
	*w = (struct write){ .type = type };
	if (database_write_numbers(type))
		memcpy(w->numbers, numbers, database_write_numbers(type) * sizeof(*numbers));
	text = (char *)(w + 1);
	for (unsigned i = 0; i < database_write_texts(type); i++) {
		w->texts[i] = text;
		memcpy(text, texts[i] ? texts[i] : "", lengths[i] + 1);
		text += lengths[i] + 1;
	}
	return w;
}

static int put(struct store *s, enum write_type type, const uint64_t *numbers,
	       const char *const *texts)
{
	struct write *w = new_write(type, numbers, texts);
	int error = 0;

	if (!w)
		return -errno;
	pthread_mutex_lock(&s->lock);
	if (s->queued >= QUEUE_MAX) {
		s->stats.refused++;
		if (!s->refusing)
			LOG_ERROR("store", 0, "queue is full (%u): writes are refused", QUEUE_MAX);
		s->refusing = true;
		error = -EAGAIN;
	} else {
		*s->last = w;
		s->last = &w->next;
		s->queued++;
		s->put++;
		w = NULL;
		/* In between the writer sleeps until its time is up. */
		if (s->queued == 1 || s->queued == GATHER_MAX)
			pthread_cond_signal(&s->more);
	}
	pthread_mutex_unlock(&s->lock);
	free(w);
	return error;
}

int store_contact_put(struct store *store, const struct store_contact *c)
{
	return put(store, WRITE_CONTACT_PUT, (uint64_t[]){ c->expires_ms },
		   (const char *[]){ c->aor, c->uri, c->text });
}

int store_contact_delete(struct store *store, const char *aor, const char *uri)
{
	return put(store, WRITE_CONTACT_DELETE, NULL, (const char *[]){ aor, uri });
}

int store_call_put(struct store *store, const struct store_call *call)
{
	return put(store, WRITE_CALL_PUT, (uint64_t[]){ call->id }, (const char *[]){ call->text });
}

int store_cdr_put(struct store *store, const struct cdr *cdr)
{
#define X(name) cdr->caller.name, cdr->callee.name,
	return put(store, WRITE_CDR,
		   (uint64_t[]){ cdr->call, cdr->started_ms, cdr->ringing_ms, cdr->answered_ms,
				 cdr->ended_ms, cdr->cause, CDR_MEDIA(X) },
		   (const char *[]){ cdr->from, cdr->to, cdr->caller_address, cdr->callee_address,
				     cdr->trunk_in, cdr->trunk_out, cdr->reason, cdr->ended_by,
				     cdr->codec });
#undef X
}

/* --- reads -------------------------------------------------------------------------------------------- */

int store_contacts_load(struct store *store, void (*row)(void *arg, const struct store_contact *c),
			void *arg)
{
	return database_contacts(store->database, row, arg);
}

int store_calls_load(struct store *store, unsigned shard, unsigned shards,
		     void (*row)(void *arg, const struct store_call *call), void *arg)
{
	return database_calls(store->database, shard, shards, row, arg);
}

int store_cdrs_load(struct store *store, unsigned offset, unsigned limit,
		    void (*row)(void *arg, const struct cdr *cdr), void *arg)
{
	return database_cdrs(store->database, offset, limit, row, arg);
}
