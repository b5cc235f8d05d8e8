/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/main/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <rte_mbuf.h>
#include <rte_ring.h>

#include "dataplane/main/pcapng.h"
#include "dataplane/nodes/observe.h"
#include "sip/base/log.h"

#define BUFFER       (1u << 20) /* bytes of a capture that wait for its file */
#define BURST        64u
#define ROUND_BURSTS 16u     /* of a worker, before the files are written */
#define ROUND_NS     1000000 /* between two looks at the rings */
#define CLOSING_MS   1000u   /* that a pipe may take for what is left */
#define DESTROY_S    3

/* Written by the manager before phase says RUNS, then by the writer; capture_read() looks on. */
struct capture {
	_Atomic uint32_t phase; /* enum dp_capture_phase */
	_Atomic bool stop;
	_Atomic uint64_t packets, bytes, lost;
	_Atomic int error;
	uint32_t id;
	int fd; /* -1: closed */
	struct capture_limits limits;
	uint8_t *buffer;
	size_t filled, written; /* of the buffer */
	uint64_t closing_ms;    /* since when */
};

struct capture_writer {
	struct capture_writer_config config;
	pthread_t thread;
	int wake; /* eventfd */
	_Atomic bool end;
	struct capture captures[DP_CAPTURES_MAX];
};

static const char *const drop_names[DP_DROP_REASONS] = {
#define X(id, name, text) [DP_DROP_##id] = "drop: " name,
	DP_DROPS(X)
#undef X
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static uint32_t phase_of(const struct capture *c)
{
	return atomic_load_explicit(&c->phase, memory_order_acquire);
}

/* Takes no more; what it has is written still. */
static void end_taking(struct capture *c, int error)
{
	if (phase_of(c) != DP_CAPTURE_RUNS)
		return;
	atomic_store(&c->error, error);
	c->closing_ms = now_ms();
	atomic_store_explicit(&c->phase, DP_CAPTURE_CLOSING, memory_order_release);
}

static void close_file(struct capture *c)
{
	if (close(c->fd) != 0 && atomic_load(&c->error) == 0)
		atomic_store(&c->error,
			     -errno); /* some file systems say only now that it is full */
	c->fd = -1;
	free(c->buffer);
	c->buffer = NULL;
	atomic_store_explicit(&c->phase, DP_CAPTURE_ENDED, memory_order_release);
}

/* --- packets --- */

/* By now an earlier write may have made room. */
static void make_room(struct capture *c)
{
	if (c->written == 0)
		return;
	memmove(c->buffer, c->buffer + c->written, c->filled - c->written);
	c->filled -= c->written;
	c->written = 0;
}

static void take(struct capture_writer *w, struct capture *c, const struct rte_mbuf *m,
		 const struct observe_copy *info)
{
	const char *comment =
		info->drop && info->drop <= DP_DROP_REASONS ? drop_names[info->drop - 1] : NULL;
	size_t size = 0, most = rte_pktmbuf_data_len(m) + PCAPNG_TEXT_MAX;
	uint64_t bytes = atomic_load(&c->bytes);

	if (c->filled + most > BUFFER)
		make_room(c);
	if (c->filled + most <= BUFFER)
		size = pcapng_write_packet(c->buffer + c->filled, BUFFER - c->filled,
					   rte_pktmbuf_mtod(m, const uint8_t *),
					   rte_pktmbuf_data_len(m), w->config.port_index[m->port],
					   comment);
	if (size == 0) {
		atomic_fetch_add(&c->lost, 1);
		return;
	}
	if (c->limits.bytes && bytes + size > c->limits.bytes) {
		end_taking(c, -EDQUOT);
		return;
	}
	c->filled += size;
	atomic_store(&c->bytes, bytes + size);
	if (atomic_fetch_add(&c->packets, 1) + 1 == c->limits.packets)
		end_taking(c, -EDQUOT);
}

static void take_burst(struct capture_writer *w, struct rte_mbuf **m, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		const struct observe_copy *info = rte_mbuf_to_priv(m[i]);
		struct capture *c = &w->captures[info->place % DP_CAPTURES_MAX];

		if (phase_of(c) == DP_CAPTURE_RUNS && c->id == info->capture &&
		    m[i]->port < DP_PORTS_MAX)
			take(w, c, m[i], info);
	}
	rte_pktmbuf_free_bulk(m, count);
}

static bool drain(struct capture_writer *w)
{
	struct rte_mbuf *m[BURST];
	bool more = false;

	for (unsigned i = 0; i < w->config.workers; i++) {
		unsigned n = BURST;

		for (unsigned k = 0; k < ROUND_BURSTS && n == BURST; k++) {
			n = rte_ring_sc_dequeue_burst(w->config.copies[i], (void **)m, BURST, NULL);
			take_burst(w, m, n);
		}
		more |= n == BURST;
	}
	return more;
}

/* --- files --- */

/* 0: all of it, or all that there is room for now. */
static int write_file(struct capture *c)
{
	while (c->written < c->filled) {
		ssize_t n = write(c->fd, c->buffer + c->written, c->filled - c->written);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		c->written += (size_t)n;
	}
	c->written = c->filled = 0;
	return 0;
}

static void serve_file(struct capture *c)
{
	int error = write_file(c);

	if (error) {
		end_taking(c, error);
		if (atomic_load(&c->error) == 0 || atomic_load(&c->error) == -EDQUOT)
			atomic_store(&c->error, error);
		close_file(c);
		return;
	}
	if (phase_of(c) != DP_CAPTURE_CLOSING)
		return;
	if (c->filled > 0 && now_ms() - c->closing_ms > CLOSING_MS)
		atomic_store(&c->error, -ETIMEDOUT);
	else if (c->filled > 0)
		return;
	close_file(c);
}

/* One look at all rings and files. False: there is nothing to wait for. */
static bool serve(struct capture_writer *w)
{
	bool stops[DP_CAPTURES_MAX], busy = false, more;

	/* Asked before the rings are emptied: what was copied until then is in them. And only of a
	 * place that is in use: what an idle one still says is of the capture that ended, and the
	 * next one may begin there meanwhile. */
	for (unsigned i = 0; i < DP_CAPTURES_MAX; i++) {
		struct capture *c = &w->captures[i];
		bool used = phase_of(c) != DP_CAPTURE_ENDED;

		stops[i] = used && atomic_load(&c->stop);
		busy |= used;
	}
	if (!busy)
		return false;
	more = drain(w);
	for (unsigned i = 0; i < DP_CAPTURES_MAX; i++) {
		struct capture *c = &w->captures[i];

		if (phase_of(c) == DP_CAPTURE_ENDED)
			continue;
		if (stops[i] && !more)
			end_taking(c, 0);
		serve_file(c);
	}
	return true;
}

static void *run(void *arg)
{
	struct capture_writer *w = arg;
	struct pollfd p = { .fd = w->wake, .events = POLLIN };
	const struct timespec pause = { .tv_nsec = ROUND_NS };
	uint64_t ignored;

	for (;;) {
		bool busy = serve(w);

		if (!busy && atomic_load(&w->end))
			return NULL;
		if (ppoll(&p, 1, busy ? &pause : NULL, NULL) > 0 &&
		    read(w->wake, &ignored, sizeof(ignored)) < 0 && errno != EAGAIN)
			return NULL;
	}
}

static void wake(struct capture_writer *w)
{
	eventfd_write(w->wake, 1);
}

/* --- for the manager --- */

int capture_writer_create(const struct capture_writer_config *config,
			  struct capture_writer **writer)
{
	struct capture_writer *w = calloc(1, sizeof(*w));
	int error;

	if (!w)
		return -ENOMEM;
	w->config = *config;
	for (unsigned i = 0; i < DP_CAPTURES_MAX; i++) {
		w->captures[i].fd = -1;
		w->captures[i].phase = DP_CAPTURE_ENDED;
	}
	w->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	error = w->wake < 0 ? errno : pthread_create(&w->thread, NULL, run, w);
	if (error) {
		if (w->wake >= 0)
			close(w->wake);
		free(w);
		return -error;
	}
	pthread_setname_np(w->thread, "capture");
	*writer = w;
	return 0;
}

int capture_writer_destroy(struct capture_writer *w)
{
	struct timespec until;

	if (!w)
		return 0;
	for (unsigned i = 0; i < DP_CAPTURES_MAX; i++)
		atomic_store(&w->captures[i].stop, true);
	atomic_store(&w->end, true);
	wake(w);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += DESTROY_S;
	if (pthread_timedjoin_np(w->thread, NULL, &until) != 0) {
		LOG_WARN("capture", 0, "a capture's file does not take what is written: left");
		return -ETIMEDOUT;
	}
	close(w->wake);
	free(w);
	return 0;
}

static size_t write_head(const struct capture_writer *w, uint8_t *buffer)
{
	size_t size = pcapng_write_header(buffer, BUFFER, "Tandem " TANDEM_VERSION);

	for (unsigned i = 0; i < w->config.ports; i++)
		size += pcapng_write_interface(buffer + size, BUFFER - size,
					       w->config.port_names[i]);
	return size;
}

int capture_start(struct capture_writer *w, unsigned place, uint32_t id, int fd,
		  const struct capture_limits *limits)
{
	struct capture *c = &w->captures[place];
	uint8_t *buffer = malloc(BUFFER);

	if (!buffer) {
		close(fd);
		return -ENOMEM;
	}
	c->id = id;
	c->fd = fd;
	c->limits = *limits;
	c->buffer = buffer;
	c->filled = write_head(w, buffer);
	c->written = 0;
	atomic_store(&c->stop, false);
	atomic_store(&c->packets, 0);
	atomic_store(&c->bytes, c->filled);
	atomic_store(&c->lost, 0);
	atomic_store(&c->error, 0);
	atomic_store_explicit(&c->phase, DP_CAPTURE_RUNS, memory_order_release);
	wake(w);
	return 0;
}

void capture_stop(struct capture_writer *w, unsigned place)
{
	atomic_store(&w->captures[place].stop, true);
	wake(w);
}

void capture_read(const struct capture_writer *w, unsigned place, struct dp_capture_state *state)
{
	const struct capture *c = &w->captures[place];

	state->phase = phase_of(c);
	state->packets = atomic_load(&c->packets);
	state->bytes = atomic_load(&c->bytes);
	state->lost = atomic_load(&c->lost);
	state->error = atomic_load(&c->error);
}

int capture_check_file(int fd)
{
	struct stat st;
	int flags = fcntl(fd, F_GETFL);

	if (fd < 0 || flags < 0 || fstat(fd, &st) != 0)
		return -EBADF;
	if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode))
		return -EINVAL;
	if ((flags & O_PATH) || (flags & O_ACCMODE) == O_RDONLY)
		return -EBADF;
	if (S_ISFIFO(st.st_mode) && fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
		return -errno;
	return 0;
}
