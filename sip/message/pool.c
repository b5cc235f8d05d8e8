/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/message/pool.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdlib.h>

#include "sip/base/sanitizer.h"
#include "sip/message/scan.h"

#define LEAST_BITS 11 /* 2 KiB */
#define CLASSES    8  /* up to 256 KiB */
#define UNPOOLED   CLASSES
#define POOL_KEPT  (1u << 20)

/* The sanitizer sees who uses a message that was released, and who reads beyond its end, only if
 * blocks come and go by themselves. */
#define POOLED (!ADDRESS_SANITIZER)

struct free_block {
	struct free_block *next;
};

struct pool {
	struct free_block *blocks[CLASSES];
	unsigned count[CLASSES];
	bool known; /* to the destructor of the thread */
	uint64_t allocations;
};

static __thread struct pool pool;
static pthread_key_t pool_key;
static bool have_key;

static void drain(void *arg)
{
	struct pool *p = arg;

	for (unsigned i = 0; i < CLASSES; i++) {
		while (p->blocks[i] != NULL) {
			struct free_block *block = p->blocks[i];

			p->blocks[i] = block->next;
			free(block);
		}
		p->count[i] = 0;
	}
	p->known = false;
}

__attribute__((constructor)) static void make_key(void)
{
	have_key = pthread_key_create(&pool_key, drain) == 0;
}

static unsigned bucket_of(size_t size)
{
	unsigned bucket = 0;

	while (bucket < CLASSES && (size_t)1 << (LEAST_BITS + bucket) < size)
		bucket++;
	return bucket;
}

/* A block of at least *size bytes, msg->pool set and nothing else; *size: what it has. */
static struct sip_msg *take(size_t *size)
{
	const unsigned bucket = POOLED ? bucket_of(*size) : UNPOOLED;
	struct sip_msg *msg;

	if (bucket < CLASSES) {
		*size = (size_t)1 << (LEAST_BITS + bucket);
		if (pool.blocks[bucket] != NULL) {
			msg = (struct sip_msg *)(void *)pool.blocks[bucket];
			pool.blocks[bucket] = pool.blocks[bucket]->next;
			pool.count[bucket]--;
			msg->pool = (uint8_t)bucket;
			return msg;
		}
	}
	pool.allocations++;
	msg = malloc(*size);
	if (msg != NULL)
		msg->pool = (uint8_t)bucket;
	return msg;
}

struct sip_msg *msg_create(const char *data, size_t size, unsigned *room)
{
	const size_t align = alignof(struct sip_header);
	size_t index = (sizeof(struct sip_msg) + size + SCAN_PADDING + align - 1) / align * align;
	size_t block = index + *room * sizeof(struct sip_header);
	struct sip_msg *msg = take(&block);
	uint8_t bucket;
	char *copy;

	if (msg == NULL)
		return NULL;
	bucket = msg->pool;
	memset(msg, 0, sizeof(*msg));
	msg->pool = bucket;
	msg->refs = 1;
	msg->max_forwards = -1;
	copy = (char *)(msg + 1);
	if (size > 0) /* the body of a NOTIFY may be none at all */
		memcpy(copy, data, size);
	memset(copy + size, 0, SCAN_PADDING);
	msg->headers = (struct sip_header *)(void *)((char *)msg + index);
	*room = (unsigned)((block - index) / sizeof(struct sip_header));
	return msg;
}

void msg_free(struct sip_msg *msg)
{
	const unsigned bucket = msg->pool;
	struct free_block *block = (struct free_block *)(void *)msg;

	if (!pool.known && have_key)
		pool.known = pthread_setspecific(pool_key, &pool) == 0;
	if (bucket >= CLASSES || !pool.known ||
	    pool.count[bucket] >= POOL_KEPT >> (LEAST_BITS + bucket)) {
		free(msg);
		return;
	}
	block->next = pool.blocks[bucket];
	pool.blocks[bucket] = block;
	pool.count[bucket]++;
}

uint64_t sip_msg_allocations(void)
{
	return pool.allocations;
}
