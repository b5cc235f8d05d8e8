/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/kernel/thread.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include <rte_ether.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include "dataplane/kernel/checksum.h"
#include "dataplane/kernel/tags.h"

#define BURST        32u
#define SEGMENTS_MAX 8u
#define QUIET_ROUNDS 20u /* empty rounds until it slows down */
#define FAST_NS      500000
#define SLOW_NS      4000000
#define TAPS_MAX     (2 * DP_PORTS_MAX + DP_REALMS_MAX) /* of all ports */

struct kernel_thread {
	pthread_t thread;
	int stop; /* eventfd */
	unsigned count;
	struct kernel_path paths[DP_PORTS_MAX];
	struct kernel_path_counters counters[DP_PORTS_MAX];
};

static void count(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/* The TAP of the frame's VLAN, which gets it without tags. */
static int tap_of(const struct kernel_path *path, struct rte_mbuf *m)
{
	struct tags tags;

	tags_read(m, &tags);
	for (unsigned i = 1; i < path->tap_count && tags.size > 0; i++) {
		const struct kernel_tap *tap = &path->taps[i];

		if (tap->vlan != tags.vlan || tap->outer_vlan != tags.outer_vlan)
			continue;
		tags_remove(m, tags.size);
		return tap->fd;
	}
	return path->taps[0].fd;
}

static void punt_one(const struct kernel_path *path, struct kernel_path_counters *counters,
		     struct rte_mbuf *m)
{
	struct iovec io[SEGMENTS_MAX];
	int n = 0, tap;

	if (!tags_restore(m)) {
		count(&counters->tap_full, 1);
		return;
	}
	tap = tap_of(path, m);

	if (m->nb_segs == 1) {
		switch (checksum_complete(rte_pktmbuf_mtod(m, uint8_t *), m->data_len)) {
		case CHECKSUM_COMPLETED:
			count(&counters->completed, 1);
			break;
		case CHECKSUM_BAD:
			count(&counters->bad_checksum, 1);
			break;
		case CHECKSUM_NONE:
		case CHECKSUM_GOOD:
			break;
		}
	}
	for (struct rte_mbuf *s = m; s && n < (int)SEGMENTS_MAX; s = s->next)
		io[n++] = (struct iovec){ rte_pktmbuf_mtod(s, void *), s->data_len };
	if (m->nb_segs <= SEGMENTS_MAX && writev(tap, io, n) >= 0)
		count(&counters->punted, 1);
	else
		count(&counters->tap_full, 1);
}

static unsigned punt(const struct kernel_path *path, struct kernel_path_counters *counters)
{
	struct rte_mbuf *packets[BURST];
	unsigned n = rte_ring_sc_dequeue_burst(path->punt, (void **)packets, BURST, NULL);

	for (unsigned i = 0; i < n; i++)
		punt_one(path, counters, packets[i]);
	rte_pktmbuf_free_bulk(packets, n);
	return n;
}

/* Reads one frame off a TAP, also when there is nowhere to put it. False: there is none. */
static bool inject_one(const struct kernel_path *path, const struct kernel_tap *tap,
		       struct kernel_path_counters *counters)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(path->pool);
	char nowhere[64];
	ssize_t size;

	if (!m) {
		if (read(tap->fd, nowhere, sizeof(nowhere)) < 0)
			return false;
		count(&counters->no_buffer, 1);
		return true;
	}
	size = read(tap->fd, rte_pktmbuf_mtod(m, void *), rte_pktmbuf_tailroom(m));
	if (size <= 0) {
		rte_pktmbuf_free(m);
		return false;
	}
	m->data_len = (uint16_t)size;
	m->pkt_len = (uint32_t)size;
	if (tags_insert(m, tap->vlan, tap->outer_vlan) &&
	    rte_ring_mp_enqueue(path->inject, m) == 0) {
		count(&counters->injected, 1);
	} else {
		rte_pktmbuf_free(m);
		count(&counters->ring_full, 1);
	}
	return true;
}

static unsigned inject(const struct kernel_path *path, const struct kernel_tap *tap,
		       struct kernel_path_counters *counters)
{
	unsigned n = 0;

	while (n < BURST && inject_one(path, tap, counters))
		n++;
	return n;
}

/* What poll() found on the TAPs of a path. *error: one is set down, and would end each pause. */
static unsigned inject_ready(const struct kernel_path *path, struct kernel_path_counters *counters,
			     struct pollfd *fds, bool *error)
{
	unsigned moved = 0;

	for (unsigned i = 0; i < path->tap_count; i++) {
		if (fds[i].revents)
			moved += inject(path, &path->taps[i], counters);
		*error |= (fds[i].revents & POLLERR) != 0;
		fds[i].revents = 0;
	}
	return moved;
}

static void *run(void *arg)
{
	struct kernel_thread *t = arg;
	struct pollfd fds[TAPS_MAX + 1];
	unsigned quiet = 0, taps = 0;

	/* An lcore id gives it a cache in the packet pools; it does without if there is none. */
	rte_thread_register();
	for (unsigned i = 0; i < t->count; i++)
		for (unsigned k = 0; k < t->paths[i].tap_count; k++)
			fds[taps++] =
				(struct pollfd){ .fd = t->paths[i].taps[k].fd, .events = POLLIN };
	fds[taps] = (struct pollfd){ .fd = t->stop, .events = POLLIN };

	while (!(fds[taps].revents & POLLIN)) {
		struct timespec pause = { 0, 0 };
		unsigned moved = 0, first = 0;
		bool error = false;

		for (unsigned i = 0; i < t->count; first += t->paths[i++].tap_count) {
			moved += punt(&t->paths[i], &t->counters[i]);
			moved += inject_ready(&t->paths[i], &t->counters[i], fds + first, &error);
		}
		quiet = moved ? 0 : quiet + 1;
		if (moved == 0)
			pause.tv_nsec = quiet < QUIET_ROUNDS ? FAST_NS : SLOW_NS;
		first = error ? taps : 0;
		if (ppoll(fds + first, taps + 1 - first, &pause, NULL) < 0 && errno != EINTR)
			break;
	}
	rte_thread_unregister();
	return NULL;
}

int kernel_thread_start(const struct kernel_path *paths, unsigned path_count,
			struct kernel_thread **thread)
{
	struct kernel_thread *t = calloc(1, sizeof(*t));
	unsigned taps = 0;
	int error;

	if (!t)
		return -ENOMEM;
	for (unsigned i = 0; i < path_count; i++)
		taps += paths[i].tap_count;
	if (path_count > DP_PORTS_MAX || taps > TAPS_MAX) {
		free(t);
		return -EINVAL;
	}
	t->count = path_count;
	memcpy(t->paths, paths, sizeof(*paths) * path_count);
	t->stop = eventfd(0, EFD_CLOEXEC);
	if (t->stop < 0) {
		error = -errno;
		free(t);
		return error;
	}
	/* A control thread keeps off the workers' cores. */
	error = rte_ctrl_thread_create(&t->thread, "tandem-kernel", NULL, run, t);
	if (error) {
		close(t->stop);
		free(t);
		return error;
	}
	*thread = t;
	return 0;
}

void kernel_thread_stop(struct kernel_thread *t)
{
	struct rte_mbuf *m;

	if (!t)
		return;
	eventfd_write(t->stop, 1);
	pthread_join(t->thread, NULL);
	for (unsigned i = 0; i < t->count; i++) {
		while (rte_ring_dequeue(t->paths[i].punt, (void **)&m) == 0)
			rte_pktmbuf_free(m);
		while (rte_ring_dequeue(t->paths[i].inject, (void **)&m) == 0)
			rte_pktmbuf_free(m);
	}
	close(t->stop);
	free(t);
}

void kernel_thread_counters(const struct kernel_thread *t, unsigned path,
			    struct kernel_path_counters *copy)
{
	const uint64_t *from = (const uint64_t *)&t->counters[path];
	uint64_t *to = (uint64_t *)copy;

	for (size_t i = 0; i < sizeof(*copy) / sizeof(*to); i++)
		to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}
