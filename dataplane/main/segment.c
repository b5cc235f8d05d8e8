/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/main/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <rte_ring_elem.h>

#define HUGE_PAGE ((size_t)2 << 20)

/* Memory as it is laid out: each piece begins on a cache line. */
static uint64_t lay(uint64_t *size, uint64_t bytes)
{
	uint64_t offset = (*size + 63) & ~UINT64_C(63);

	*size = offset + bytes;
	return offset;
}

static int area_create(const char *name, size_t *size, unsigned huge, int *fd, void **memory)
{
	size_t page = huge ? HUGE_PAGE : (size_t)sysconf(_SC_PAGESIZE);
	size_t rounded = (*size + page - 1) / page * page;
	int error;

	*fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | huge);
	if (*fd < 0)
		return -errno;
	if (ftruncate(*fd, (off_t)rounded) != 0)
		goto fail;
	/* Populated now: a hugepage that runs out later would be a bus error. */
	*memory = mmap(NULL, rounded, PROT_READ | PROT_WRITE,
		       MAP_SHARED | (huge ? MAP_POPULATE : 0), *fd, 0);
	if (*memory == MAP_FAILED)
		goto fail;
	if (fcntl(*fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) != 0) {
		error = -errno;
		munmap(*memory, rounded);
		close(*fd);
		return error;
	}
	*size = rounded;
	return 0;
fail:
	error = -errno;
	close(*fd);
	return error;
}

/* A second descriptor of the same file that may only read; the first is closed. */
static int make_read_only(int *fd)
{
	char path[64];
	int reader, error;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", *fd);
	reader = open(path, O_RDONLY | O_CLOEXEC);
	if (reader < 0)
		return -errno;
	/* Whoever opens it anew through /proc finds that it takes no writers either. */
	if (fcntl(*fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) != 0) {
		error = -errno;
		close(reader);
		return error;
	}
	close(*fd);
	*fd = reader;
	return 0;
}

static int statistics_create(const struct segment_config *c, struct segment *s)
{
	struct dp_stats_header h = {
		.magic = DP_SEGMENT_MAGIC,
		.layout_version = DP_LAYOUT_VERSION,
		.pid = (uint32_t)getpid(),
		.boot_id = s->boot_id,
		.tsc_hz = c->tsc_hz,
		.version = TANDEM_VERSION,
		.ports = c->ports,
		.workers = c->workers,
		.nodes = c->nodes,
		.pools = c->pools,
		.realms = c->realms,
		.contexts_max = c->terminations_max,
		.terminations_max = c->terminations_max,
	};
	struct timespec now;
	uint64_t size = sizeof(h);
	void *memory = NULL;
	uint8_t *base;
	int error = -ENOMEM;

	h.port_offset = lay(&size, sizeof(*s->ports) * c->ports);
	h.worker_offset = lay(&size, sizeof(*s->workers) * c->workers);
	h.node_offset = lay(&size, sizeof(*s->nodes) * c->workers * DP_NODES_MAX);
	h.pool_offset = lay(&size, sizeof(*s->pools) * c->pools);
	h.realm_offset = lay(&size, sizeof(*s->realms) * c->realms);
	h.context_offset = lay(&size, sizeof(*s->contexts) * c->terminations_max);
	h.termination_offset = lay(&size, sizeof(*s->terminations) * c->terminations_max);
	h.counters_offset = lay(&size, sizeof(*s->counters) * c->terminations_max);

	s->statistics_size = size;
	if (c->hugepages)
		error = area_create("tandem-statistics", &s->statistics_size, MFD_HUGETLB,
				    &s->statistics_fd, &memory);
	s->hugepages = error == 0;
	if (error)
		error = area_create("tandem-statistics", &s->statistics_size, 0, &s->statistics_fd,
				    &memory);
	if (error)
		return error;
	error = make_read_only(&s->statistics_fd);
	if (error) {
		munmap(memory, s->statistics_size);
		close(s->statistics_fd);
		return error;
	}

	clock_gettime(CLOCK_REALTIME, &now);
	h.started = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	h.size = s->statistics_size;
	base = memory;
	s->stats = memory;
	*s->stats = h;
	s->ports = (void *)(base + h.port_offset);
	s->workers = (void *)(base + h.worker_offset);
	s->nodes = (void *)(base + h.node_offset);
	s->pools = (void *)(base + h.pool_offset);
	s->realms = (void *)(base + h.realm_offset);
	s->contexts = (void *)(base + h.context_offset);
	s->terminations = (void *)(base + h.termination_offset);
	s->counters = (void *)(base + h.counters_offset);
	return 0;
}

static size_t ring_bytes(unsigned count)
{
	return (size_t)rte_ring_get_memsize_elem(sizeof(struct dp_command), count);
}

static uint64_t command_ring_offset(unsigned channel)
{
	uint64_t first = (sizeof(struct dp_segment_header) +
			  DP_CHANNELS_MAX * sizeof(struct dp_channel) + 4095) &
			 ~UINT64_C(4095);

	return first +
	       channel * (ring_bytes(DP_COMMAND_RING_SIZE) + ring_bytes(DP_EVENT_RING_SIZE));
}

static uint64_t event_ring_offset(unsigned channel)
{
	return command_ring_offset(channel) + ring_bytes(DP_COMMAND_RING_SIZE);
}

static int channels_create(struct segment *s)
{
	struct dp_segment_header *header;
	int error;

	s->channel_size = command_ring_offset(DP_CHANNELS_MAX);
	error = area_create("tandem-channels", &s->channel_size, 0, &s->channel_fd,
			    &s->channel_area);
	if (error)
		return error;
	header = s->channel_area;
	*header = (struct dp_segment_header){
		.magic = DP_SEGMENT_MAGIC,
		.layout_version = DP_LAYOUT_VERSION,
		.channels = DP_CHANNELS_MAX,
		.size = s->channel_size,
		.channel_offset = (sizeof(*header) + 63) & ~UINT64_C(63),
		.boot_id = s->boot_id,
	};
	s->channels = (void *)((uint8_t *)s->channel_area + header->channel_offset);
	for (unsigned i = 0; i < DP_CHANNELS_MAX; i++) {
		s->channels[i].command_ring_offset = command_ring_offset(i);
		s->channels[i].event_ring_offset = event_ring_offset(i);
	}
	return 0;
}

int segment_create(const struct segment_config *config, struct segment *segment)
{
	int error;

	*segment = (struct segment){ .statistics_fd = -1, .channel_fd = -1 };
	if (getrandom(&segment->boot_id, sizeof(segment->boot_id), 0) < 0)
		return -errno;
	error = statistics_create(config, segment);
	if (error)
		return error;
	error = channels_create(segment);
	if (error) {
		munmap(segment->stats, segment->statistics_size);
		close(segment->statistics_fd);
	}
	return error;
}

void segment_destroy(struct segment *segment)
{
	munmap(segment->channel_area, segment->channel_size);
	close(segment->channel_fd);
	munmap(segment->stats, segment->statistics_size);
	close(segment->statistics_fd);
}

void *segment_command_ring(const struct segment *segment, unsigned channel)
{
	return (uint8_t *)segment->channel_area + command_ring_offset(channel);
}

void *segment_event_ring(const struct segment *segment, unsigned channel)
{
	return (uint8_t *)segment->channel_area + event_ring_offset(channel);
}
