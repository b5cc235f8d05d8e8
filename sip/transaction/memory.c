/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "sip/transaction/internal.h"

/* --- texts --- */

void kept_drop(struct sip_transactions *layer, struct kept *kept)
{
	text_pool_give(&layer->texts, kept->p, kept->n);
	*kept = (struct kept){ 0 };
}

int kept_set(struct sip_transactions *layer, struct kept *kept, struct slice text)
{
	char *copy = text_pool_take(&layer->texts, text.n);

	if (copy == NULL)
		return -ENOMEM;
	memcpy(copy, text.p, text.n);
	kept_drop(layer, kept);
	*kept = (struct kept){ copy, (uint32_t)text.n };
	return 0;
}

int transaction_store(struct sip_transaction *t, struct slice message)
{
	return kept_set(t->layer, &t->stored, message);
}

/* --- lists --- */

static void list_add(struct sip_transaction *t)
{
	struct sip_transactions *layer = t->layer;

	t->next = layer->all;
	t->prev = &layer->all;
	if (t->next != NULL)
		t->next->prev = &t->next;
	layer->all = t;
}

static void list_remove(struct sip_transaction *t)
{
	struct sip_transactions *layer = t->layer;

	*t->prev = t->next;
	if (t->next != NULL)
		t->next->prev = t->prev;
	else if (t->is_remembered)
		layer->remembered_end = t->prev;
	if (t->is_remembered)
		layer->remembered_count--;
}

/* --- life --- */

struct sip_transaction *transaction_new(struct sip_transactions *layer, enum machine_kind kind,
					const struct sip_path *path)
{
	struct sip_transaction *t = pool_take(&layer->transactions);

	if (t == NULL)
		return NULL;
	memset(t, 0, sizeof(*t));
	t->layer = layer;
	t->kind = kind;
	t->path = *path;
	t->reliable = path->kind != SIP_UDP;
	list_add(t);
	if (kind <= MACHINE_CLIENT) {
		layer->stats.clients++;
		layer->stats.clients_unfinished++;
	} else {
		layer->stats.servers++;
		layer->stats.servers_unfinished++;
	}
	return t;
}

static void drop_request(struct sip_transaction *t)
{
	if (t->request != NULL)
		sip_msg_unref(t->request);
	t->request = NULL;
	kept_drop(t->layer, &t->sent);
	kept_drop(t->layer, &t->cancel_headers);
}

void transaction_free(struct sip_transaction *t)
{
	struct sip_transactions *layer = t->layer;

	transaction_finish(t);
	layer_settle(layer);
	timer_cancel(layer->config.wheel, &t->resend);
	timer_cancel(layer->config.wheel, &t->life);
	pending_remove(t);
	list_remove(t);
	if (t->kind <= MACHINE_CLIENT) {
		hash_index_remove(&layer->clients, &t->node);
		layer->stats.clients--;
	} else {
		hash_index_remove(&layer->servers, &t->node);
		hash_index_remove(&layer->merges, &t->second);
		layer->stats.servers--;
	}
	kept_drop(layer, &t->stored);
	pool_give(&layer->transactions, t);
}

/* --- what is done --- */

static void settle_one(struct sip_transactions *layer, unsigned slot)
{
	if (layer->settling[slot] != NULL)
		drop_request(layer->settling[slot]);
	layer->settling[slot] = NULL;
}

void layer_settle(struct sip_transactions *layer)
{
	while (layer->settling_next > 0)
		settle_one(layer, --layer->settling_next);
}

/* Many that finish in one callback: those before the last few are not looked at any more. */
static void settle_later(struct sip_transaction *t)
{
	struct sip_transactions *layer = t->layer;

	if (layer->settling_next == SETTLING_MAX) {
		for (unsigned i = 0; i < SETTLING_MAX / 2; i++) {
			settle_one(layer, i);
			layer->settling[i] = layer->settling[i + SETTLING_MAX / 2];
			layer->settling[i + SETTLING_MAX / 2] = NULL;
		}
		layer->settling_next = SETTLING_MAX / 2;
	}
	layer->settling[layer->settling_next++] = t;
}

void transaction_finish(struct sip_transaction *t)
{
	struct sip_transactions *layer = t->layer;

	if (t->finished)
		return;
	t->finished = true;
	attempts_end(t);
	if (t->kind <= MACHINE_CLIENT) {
		layer->stats.clients_unfinished--;
		hash_index_remove(&layer->remotes, &t->second);
	} else {
		layer->stats.servers_unfinished--;
		source_give(layer, t->source);
		t->source = NULL;
	}
	settle_later(t);
}

static uint32_t remembered_max(const struct sip_transactions *layer)
{
	return layer->config.remembered_max != 0 ? layer->config.remembered_max : 262144;
}

void transaction_remember(struct sip_transaction *t)
{
	struct sip_transactions *layer = t->layer;

	if (t->is_remembered || t->state == STATE_TERMINATED)
		return;
	list_remove(t);
	t->is_remembered = true;
	t->next = NULL;
	t->prev = layer->remembered_end;
	*layer->remembered_end = t;
	layer->remembered_end = &t->next;
	layer->remembered_count++;
	if (layer->remembered_count <= remembered_max(layer))
		return;
	/* Never t itself, which the callers hold: remembered_max is at least 1. */
	t = layer->remembered;
	list_remove(t);
	t->is_remembered = false;
	list_add(t);
	layer->stats.forgotten++;
	transaction_terminate(t);
}
