/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The thread that writes log lines, so that who logs never waits for the descriptor: a terminal,
 * a full pipe, a journal that is busy.
 *
 *   thread ──▶ its ring (one producer, one consumer) ─┐
 *   thread ──▶ its ring ──────────────────────────────┴─▶ writer: in order of number ──▶ stderr
 *
 * A line that finds its ring full is lost, counted, and the count is told in the log. The writer
 * sleeps until somebody hands it a line, and then lets lines gather for a moment, so that a busy
 * process pays for a few writes a second and an idle one for none.
 */
#include "sip/base/log_writer.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RING_SIZE (256u << 10) /* bytes of a thread; a power of two */
#define GATHER_MS 10

/* In front of each line in a ring; lines begin at multiples of its size. */
struct head {
	uint64_t number; /* of the line, over all threads */
	uint32_t size;
	uint32_t reserved;
};

struct ring {
	struct ring *next;
	atomic_bool taken;              /* by a thread that lives */
	_Alignas(64) atomic_size_t end; /* the producer's: bytes ever put */
	atomic_uint_least64_t lost;
	_Alignas(64) atomic_size_t begin; /* the writer's: bytes ever taken */
	uint64_t lost_told;
	char bytes[RING_SIZE];
};

/* What the writer does: nothing for lack of lines; wait for more; write. */
enum rest { AWAKE, ASLEEP, GATHERING };

static struct {
	struct ring *_Atomic rings;
	atomic_uint_least64_t number;
	atomic_bool running;
	atomic_uint rest; /* enum rest */
	bool stop;        /* lock */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_key_t key; /* gives the ring of a thread that ends to the next one */
} writer = { .lock = PTHREAD_MUTEX_INITIALIZER };

static _Thread_local struct ring *mine;

/* --- producers --- */

static void give_up(void *ring)
{
	atomic_store_explicit(&((struct ring *)ring)->taken, false, memory_order_release);
}

static struct ring *take_ring(void)
{
	struct ring *ring = atomic_load_explicit(&writer.rings, memory_order_acquire);

	while (ring && atomic_exchange_explicit(&ring->taken, true, memory_order_acquire))
		ring = ring->next;
	if (!ring) {
		ring = aligned_alloc(64, sizeof(*ring));
		if (!ring)
			return NULL;
		memset(ring, 0, sizeof(*ring));
		atomic_init(&ring->taken, true);
		ring->next = atomic_load_explicit(&writer.rings, memory_order_relaxed);
		while (!atomic_compare_exchange_weak_explicit(&writer.rings, &ring->next, ring,
							      memory_order_release,
							      memory_order_relaxed))
			;
	}
	pthread_setspecific(writer.key, ring);
	return ring;
}

static void copy_in(struct ring *ring, size_t at, const void *from, size_t n)
{
	size_t offset = at % RING_SIZE, first = RING_SIZE - offset < n ? RING_SIZE - offset : n;

	memcpy(ring->bytes + offset, from, first);
	memcpy(ring->bytes, (const char *)from + first, n - first);
}

static size_t room_of(size_t size)
{
	return sizeof(struct head) +
	       (size + sizeof(struct head) - 1) / sizeof(struct head) * sizeof(struct head);
}

static void wake_up(size_t waiting)
{
	enum rest rest;

	/* With the fence of wait_for_lines(): either it sees the line, or we see it asleep. */
	atomic_thread_fence(memory_order_seq_cst);
	rest = atomic_load_explicit(&writer.rest, memory_order_relaxed);
	if (rest == AWAKE || (rest == GATHERING && waiting < RING_SIZE / 2))
		return;
	pthread_mutex_lock(&writer.lock);
	pthread_cond_signal(&writer.wake);
	pthread_mutex_unlock(&writer.lock);
}

bool log_writer_put(const char *line, size_t size)
{
	struct head head = { .size = (uint32_t)size };
	size_t end, waiting;

	if (!atomic_load_explicit(&writer.running, memory_order_acquire))
		return false;
	if (!mine && !(mine = take_ring()))
		return false;
	end = atomic_load_explicit(&mine->end, memory_order_relaxed);
	waiting = end - atomic_load_explicit(&mine->begin, memory_order_acquire);
	if (room_of(size) > RING_SIZE - waiting) {
		atomic_fetch_add_explicit(&mine->lost, 1, memory_order_relaxed);
		return true;
	}
	head.number = atomic_fetch_add_explicit(&writer.number, 1, memory_order_relaxed);
	copy_in(mine, end, &head, sizeof(head));
	copy_in(mine, end + sizeof(head), line, size);
	atomic_store_explicit(&mine->end, end + room_of(size), memory_order_release);
	wake_up(waiting);
	return true;
}

/* --- the writer --- */

static void copy_out(const struct ring *ring, size_t at, void *to, size_t n)
{
	size_t offset = at % RING_SIZE, first = RING_SIZE - offset < n ? RING_SIZE - offset : n;

	memcpy(to, ring->bytes + offset, first);
	memcpy((char *)to + first, ring->bytes, n - first);
}

void log_writer_write(const char *bytes, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = write(STDERR_FILENO, bytes + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		/* Nobody is left to be told that the log cannot be written. */
		if (n <= 0)
			return;
		done += (size_t)n;
	}
}

/* The ring with the line that was handed over first; NULL: all are empty. */
static struct ring *oldest(struct head *head)
{
	struct ring *found = NULL;

	for (struct ring *r = atomic_load_explicit(&writer.rings, memory_order_acquire); r;
	     r = r->next) {
		size_t begin = atomic_load_explicit(&r->begin, memory_order_relaxed);
		struct head h;

		if (begin == atomic_load_explicit(&r->end, memory_order_acquire))
			continue;
		copy_out(r, begin, &h, sizeof(h));
		if (!found || h.number < head->number) {
			found = r;
			*head = h;
		}
	}
	return found;
}

static void tell_lost(void)
{
	for (struct ring *r = atomic_load_explicit(&writer.rings, memory_order_acquire); r;
	     r = r->next) {
		uint64_t lost = atomic_load_explicit(&r->lost, memory_order_relaxed);
		char text[80];
		int n;

		if (lost == r->lost_told)
			continue;
		n = snprintf(text, sizeof(text),
			     "log: %llu lines lost: they are not taken fast "
			     "enough\n",
			     (unsigned long long)(lost - r->lost_told));
		r->lost_told = lost;
		log_writer_write(text, (size_t)n);
	}
}

/* Whole lines together, as many as a pipe takes in one piece: others may write to it as well. */
static bool write_all(void)
{
	char chunk[PIPE_BUF];
	size_t used = 0;
	struct ring *ring;
	struct head head;
	bool any = false;

	while ((ring = oldest(&head))) {
		size_t begin = atomic_load_explicit(&ring->begin, memory_order_relaxed);

		if (used + head.size > sizeof(chunk)) {
			log_writer_write(chunk, used);
			used = 0;
		}
		copy_out(ring, begin + sizeof(head), chunk + used, head.size);
		used += head.size;
		atomic_store_explicit(&ring->begin, begin + room_of(head.size),
				      memory_order_release);
		any = true;
	}
	log_writer_write(chunk, used);
	tell_lost();
	return any;
}

static bool is_empty(void)
{
	struct head head;

	return oldest(&head) == NULL;
}

/* With the lock. */
static void wait_for_lines(void)
{
	atomic_store_explicit(&writer.rest, ASLEEP, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
	while (!writer.stop && is_empty())
		pthread_cond_wait(&writer.wake, &writer.lock);
	atomic_store_explicit(&writer.rest, AWAKE, memory_order_relaxed);
}

/* With the lock. More lines will follow the first; a ring that is half full ends it. */
static void let_gather(void)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += GATHER_MS * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	atomic_store_explicit(&writer.rest, GATHERING, memory_order_relaxed);
	if (!writer.stop)
		pthread_cond_timedwait(&writer.wake, &writer.lock, &until);
	atomic_store_explicit(&writer.rest, AWAKE, memory_order_relaxed);
}

static void *writer_main(void *arg)
{
	pthread_mutex_lock(&writer.lock);
	while (!writer.stop) {
		wait_for_lines();
		pthread_mutex_unlock(&writer.lock);
		write_all();
		pthread_mutex_lock(&writer.lock);
		let_gather();
	}
	pthread_mutex_unlock(&writer.lock);
	return arg;
}

/* --- life --- */

void log_writer_stop(void)
{
	if (!atomic_exchange(&writer.running, false))
		return;
	pthread_mutex_lock(&writer.lock);
	writer.stop = true;
	pthread_cond_signal(&writer.wake);
	pthread_mutex_unlock(&writer.lock);
	pthread_join(writer.thread, NULL);
	write_all();
}

int log_writer_start(void)
{
	static bool once;
	pthread_condattr_t monotonic;
	int error;

	if (!once) {
		once = true;
		pthread_condattr_init(&monotonic);
		pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
		pthread_cond_init(&writer.wake, &monotonic);
		pthread_condattr_destroy(&monotonic);
		pthread_key_create(&writer.key, give_up);
		atexit(log_writer_stop);
	}
	writer.stop = false;
	error = pthread_create(&writer.thread, NULL, writer_main, NULL);
	if (error)
		return -error;
	pthread_setname_np(writer.thread, "log");
	atomic_store_explicit(&writer.running, true, memory_order_release);
	return 0;
}
