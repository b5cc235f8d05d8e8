/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "sip/transaction/internal.h"

static struct source *find(const struct sip_transactions *layer, const struct sip_address *address,
			   uint64_t hash)
{
	struct hash_node *node = hash_index_first(&layer->sources, hash);

	for (; node != NULL; node = hash_index_next(node)) {
		struct source *source =
			(struct source *)((char *)node - offsetof(struct source, node));

		if (sip_address_same_host(&source->address, address))
			return source;
	}
	return NULL;
}

int source_take(struct sip_transactions *layer, const struct sip_address *address,
		struct source **source)
{
	const uint64_t hash = sip_address_host_hash(address);
	const uint32_t max = layer->config.source_max;
	struct source *s = find(layer, address, hash);

	if (s != NULL && max != 0 && s->unfinished >= max &&
	    (layer->config.source_spared == NULL ||
	     !layer->config.source_spared(layer->config.source_arg, address)))
		return -EBUSY;
	if (s == NULL) {
		s = pool_take(&layer->source_pool);
		if (s == NULL)
			return -ENOMEM;
		*s = (struct source){ .address = *address };
		hash_index_insert(&layer->sources, &s->node, hash);
	}
	s->unfinished++;
	*source = s;
	return 0;
}

void source_give(struct sip_transactions *layer, struct source *source)
{
	if (source == NULL || --source->unfinished > 0)
		return;
	hash_index_remove(&layer->sources, &source->node);
	pool_give(&layer->source_pool, source);
}

uint32_t sip_transactions_of_source(const struct sip_transactions *layer,
				    const struct sip_address *source)
{
	const struct source *s = find(layer, source, sip_address_host_hash(source));

	return s != NULL ? s->unfinished : 0;
}
