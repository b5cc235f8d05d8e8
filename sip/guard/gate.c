/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include "sip/base/random.h"
#include "sip/guard/internal.h"

#define SILENT_WAITS    16u /* a wait of so many targets: answering is too dear */
#define RETRY_AFTER_S   2u  /* where all but nothing is shed */
#define RETRY_AFTER_MAX 60u

int sip_gate_create(struct sip_guard *guard, uint64_t now_us, struct sip_gate **out)
{
	struct sip_gate *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return -ENOMEM;
	g->guard = guard;
	g->random = random_u64() | 1;
	g->in_calls = (uint32_t)now_us;
	sip_load_init(&g->load, guard->config.wait_target_ms, now_us);
	*out = g;
	return 0;
}

void sip_gate_destroy(struct sip_gate *gate)
{
	free(gate);
}

/* For spreading, not for secrets: xorshift64*. */
uint32_t gate_random(struct sip_gate *gate)
{
	uint64_t x = gate->random;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	gate->random = x;
	return (uint32_t)(x * UINT64_C(0x2545f4914f6cdd1d) >> 32);
}

static bool is_good(const struct guard_source *source, uint64_t now_ms)
{
	const uint32_t good_s = atomic_load_explicit(&source->good_s, memory_order_relaxed);

	return good_s > 0 && now_ms / 1000 + 1 - good_s < GUARD_GOOD_S;
}

/* --- what it is --- */

static bool is_in_list(const struct sip_guard_list *list, struct slice text)
{
	for (unsigned i = 0; i < list->count; i++)
		if (slice_equal_nocase(slice_of(list->items[i]), text))
			return true;
	return false;
}

/* "urn:service:sos.fire" of "urn:service:sos" (RFC 5031); "112" of sip:112@… and tel:112. */
static bool is_emergency(const struct sip_guard_list *list, struct slice uri)
{
	struct slice rest = uri, scheme = slice_split(&rest, ':'), user;

	if (slice_equal_nocase(scheme, SLICE("urn"))) {
		for (unsigned i = 0; i < list->count; i++) {
			const struct slice urn = slice_of(list->items[i]);

			if (slice_starts_nocase(uri, urn) &&
			    (uri.n == urn.n || uri.p[urn.n] == '.'))
				return true;
		}
		return false;
	}
	user = rest;
	for (user.n = 0; user.n < rest.n && user.p[user.n] != '@' && user.p[user.n] != ';';)
		user.n++;
	return is_in_list(list, user);
}

enum sip_class sip_gate_class(const struct sip_gate *gate, const struct sip_glance *g)
{
	if (!g->is_request || g->to_tag.n > 0)
		return SIP_CLASS_DIALOG;
	switch (g->method) {
	case SIP_ACK:
	case SIP_BYE:
	case SIP_CANCEL:
	case SIP_PRACK:
		return SIP_CLASS_DIALOG;
	case SIP_INVITE:
		return is_emergency(&gate->guard->config.emergency, g->uri) ? SIP_CLASS_EMERGENCY
									    : SIP_CLASS_CALL;
	case SIP_REGISTER:
		return SIP_CLASS_REGISTER;
	default:
		return SIP_CLASS_OTHER;
	}
}

static bool contains(struct slice text, struct slice what)
{
	for (; text.n >= what.n; text.p++, text.n--)
		if (slice_starts_nocase(text, what))
			return true;
	return false;
}

/* The tool's name as it is configured; SLICE_NONE: it is no scanner. */
static struct slice scanner_of(const struct sip_guard_list *scanners, const struct sip_glance *g)
{
	for (unsigned i = 0; i < scanners->count; i++) {
		const struct slice name = slice_of(scanners->items[i]);

		if (contains(g->user_agent, name) || contains(g->from, name))
			return name;
	}
	return SLICE_NONE;
}

/* --- the verdict --- */

static uint64_t add_to_hash(uint64_t hash, struct slice text)
{
	return (hash ^ slice_hash(text)) * UINT64_C(0x9e3779b97f4a7c15);
}

uint64_t gate_request_hash(const struct sip_glance *g)
{
	struct slice number = g->cseq;
	uint64_t hash = add_to_hash(0, g->via);

	hash = add_to_hash(hash, g->call_id);
	return add_to_hash(hash, slice_split(&number, ' '));
}

static bool was_admitted(const struct sip_gate *gate, uint64_t hash)
{
	return gate->admitted[hash % GATE_ADMITTED] == (uint32_t)(hash >> 32);
}

static enum sip_verdict drop(struct sip_gate *gate, enum sip_guard_counter why)
{
	gate->counters[why]++;
	return SIP_DROP;
}

static void note_flood(struct sip_gate *gate, struct guard_source *source,
		       const struct sip_address *address, enum sip_guard_counter why,
		       uint64_t now_ms)
{
	gate->counters[why]++;
	guard_tell_source(gate->guard, source, SIP_GUARD_TELL_FLOOD, address,
			  slice_of(sip_guard_counter_name(why)), now_ms);
}

static enum sip_verdict by_source(struct sip_gate *gate, struct guard_source *source,
				  const struct sip_arrival *arrival, uint64_t now_ms)
{
	if (guard_source_is_banned(source, now_ms))
		return drop(gate, SIP_GUARD_BANNED);
	if (guard_take(&source->messages, gate->guard->config.messages_per_s, now_ms))
		return SIP_PASS;
	note_flood(gate, source, arrival->source, SIP_GUARD_RATE, now_ms);
	return SIP_DROP;
}

/* Both tags stand in what belongs to a dialog, and credentials may be for a nonce of ours: that is
 * asked where dialogs and nonces are, and not more often than one source may send. */
static enum sip_verdict unless_proven(struct sip_gate *gate, const struct sip_glance *g,
				      bool banned, uint64_t now_ms)
{
	const enum sip_verdict verdict = g->to_tag.n > 0                 ? SIP_CALLS_ONLY
					 : !banned && g->has_credentials ? SIP_PROVEN_ONLY
									 : SIP_DROP;

	return verdict == SIP_DROP || guard_take(&gate->in_calls,
						 gate->guard->config.messages_per_s, now_ms)
		       ? verdict
		       : SIP_DROP;
}

static enum sip_verdict by_request(struct sip_gate *gate, struct guard_source *source,
				   const struct sip_arrival *arrival, const struct sip_glance *g,
				   uint64_t now_ms)
{
	struct slice tool;

	if (!guard_take(&source->requests, gate->guard->config.requests_per_s, now_ms)) {
		note_flood(gate, source, arrival->source, SIP_GUARD_REQUEST_RATE, now_ms);
		return unless_proven(gate, g, false, now_ms);
	}
	if (is_good(source, now_ms))
		return SIP_PASS;
	tool = scanner_of(&gate->guard->config.scanners, g);
	if (tool.n == 0)
		return SIP_PASS;
	guard_tell_source(gate->guard, source, SIP_GUARD_TELL_SCANNER, arrival->source, tool,
			  now_ms);
	if (arrival->reliable)
		guard_ban_source(gate->guard, source, arrival->source, GUARD_SCANNER, now_ms);
	return drop(gate, SIP_GUARD_SCANNER);
}

static enum sip_guard_counter shed_counter(enum sip_class class)
{
	return class == SIP_CLASS_CALL       ? SIP_GUARD_SHED_CALL
	       : class == SIP_CLASS_REGISTER ? SIP_GUARD_SHED_REGISTER
					     : SIP_GUARD_SHED_OTHER;
}

/* Who answers a challenge has been let in before: it is shed only where nearly all are. */
static bool has_room(struct sip_gate *gate, const struct sip_load *owner, enum sip_class class,
		     const struct sip_glance *g)
{
	const double share = sip_load_share(owner, class);

	return sip_load_admit(&gate->load, class, share) || (g->has_credentials && share > 0.1);
}

static enum sip_verdict by_load(struct sip_gate *gate, const struct sip_arrival *arrival,
				const struct sip_glance *g, enum sip_class class)
{
	const struct sip_guard_config *config = &gate->guard->config;
	const struct sip_load *owner = &(arrival->owner != NULL ? arrival->owner : gate)->load;
	const uint64_t hash = gate_request_hash(g);

	if (was_admitted(gate, hash))
		return SIP_PASS;
	if (class != SIP_CLASS_EMERGENCY) {
		/* Its sender has sent it again by now, or has given up. */
		if (!arrival->reliable && config->stale_ms > 0 &&
		    arrival->wait_us > config->stale_ms * UINT64_C(1000))
			return drop(gate, SIP_GUARD_STALE);
		if (!has_room(gate, owner, class, g)) {
			gate->counters[shed_counter(class)]++;
			if (arrival->wait_us < gate->load.target_us * (uint64_t)SILENT_WAITS)
				return SIP_REFUSE;
			return drop(gate, SIP_GUARD_SHED_SILENT);
		}
	}
	gate->admitted[hash % GATE_ADMITTED] = (uint32_t)(hash >> 32);
	gate->counters[SIP_GUARD_EMERGENCY] += class == SIP_CLASS_EMERGENCY;
	return SIP_PASS;
}

void sip_gate_in_call(struct sip_gate *gate)
{
	gate->counters[SIP_GUARD_IN_CALLS]++;
}

/* Whom nobody can forge takes from a rate that nobody else can use up: that of connections, which are
 * proven by themselves. */
bool sip_gate_proven(struct sip_gate *gate, const struct sip_address *address, uint64_t now_ms)
{
	struct guard_source *source = guard_sources_claim(gate->guard->sources, address, now_ms);

	if (source != NULL &&
	    !guard_take(&source->connections, gate->guard->config.connections_per_s, now_ms))
		return false;
	gate->counters[SIP_GUARD_PROVEN]++;
	return true;
}

enum sip_verdict sip_gate_receive(struct sip_gate *gate, const struct sip_arrival *arrival,
				  uint64_t now_ms, struct sip_glance *glance)
{
	struct guard_source *source =
		guard_sources_claim(gate->guard->sources, arrival->source, now_ms);
	enum sip_verdict verdict = SIP_PASS;
	enum sip_class class;

	if (source != NULL && guard_source_is_spared(source, now_ms))
		source = NULL;
	if (source != NULL)
		verdict = by_source(gate, source, arrival, now_ms);
	if (verdict != SIP_PASS) {
		sip_glance((struct slice){ arrival->data, arrival->size }, glance);
		return unless_proven(gate, glance, guard_source_is_banned(source, now_ms), now_ms);
	}
	sip_load_wait(&gate->load, arrival->wait_us);
	sip_glance_brief((struct slice){ arrival->data, arrival->size }, glance);
	class = sip_gate_class(gate, glance);
	if (class == SIP_CLASS_DIALOG) {
		/* The ACK to a refusal without state is for nobody. */
		const bool ours = glance->method == SIP_ACK &&
				  glance->to_tag.n == REFUSAL_TAG_CHARS &&
				  slice_starts_nocase(glance->to_tag, SLICE(REFUSAL_TAG));

		return ours ? SIP_DROP : SIP_PASS;
	}
	if (source != NULL)
		verdict = by_request(gate, source, arrival, glance, now_ms);
	return verdict == SIP_PASS ? by_load(gate, arrival, glance, class) : verdict;
}

bool sip_gate_connection(struct sip_gate *gate, const struct sip_address *address, uint64_t now_ms)
{
	struct guard_source *source = guard_sources_claim(gate->guard->sources, address, now_ms);

	if (source == NULL || guard_source_is_spared(source, now_ms))
		return true;
	if (guard_source_is_banned(source, now_ms)) {
		gate->counters[SIP_GUARD_BANNED]++;
		return false;
	}
	if (guard_take(&source->connections, gate->guard->config.connections_per_s, now_ms))
		return true;
	note_flood(gate, source, address, SIP_GUARD_CONNECTION_RATE, now_ms);
	return false;
}

/* A peer's address can be forged like any. */
bool sip_gate_keepalive(struct sip_gate *gate, const struct sip_address *address, uint64_t now_ms)
{
	struct guard_source *source = guard_sources_claim(gate->guard->sources, address, now_ms);

	if (source != NULL && guard_source_is_banned(source, now_ms)) {
		gate->counters[SIP_GUARD_BANNED]++;
		return false;
	}
	if (source == NULL ||
	    guard_take(&source->keepalives, gate->guard->config.keepalives_per_s, now_ms))
		return true;
	note_flood(gate, source, address, SIP_GUARD_KEEPALIVE_RATE, now_ms);
	return false;
}

unsigned sip_gate_retry_after(const struct sip_gate *gate, enum sip_class class)
{
	const double share = sip_load_share(&gate->load, class);
	const double seconds = share > 0 ? RETRY_AFTER_S / share : RETRY_AFTER_MAX;

	return seconds < RETRY_AFTER_MAX ? (unsigned)seconds : RETRY_AFTER_MAX;
}

void sip_gate_waited(struct sip_gate *gate, uint64_t wait_us)
{
	sip_load_wait(&gate->load, wait_us);
}

void sip_gate_turn(struct sip_gate *gate, uint64_t busy_us, uint64_t now_us)
{
	struct sip_guard_report report = { 0 };

	if (!sip_load_turn(&gate->load, busy_us, now_us))
		return;
	gate->counters[SIP_GUARD_OVERLOADS] += gate->load.engaged;
	report.action = gate->load.engaged ? SIP_GUARD_TELL_OVERLOAD : SIP_GUARD_TELL_CALM;
	report.wait_ms = (uint32_t)(gate->load.wait_us / 1000);
	report.busy_percent = (uint32_t)(gate->load.busy * 100);
	guard_tell(gate->guard, NULL, &report, now_us / 1000);
}

bool sip_gate_spares(struct sip_gate *gate, const struct sip_address *address,
		     enum sip_guard_counter what, uint64_t now_ms)
{
	struct guard_source *source = guard_sources_claim(gate->guard->sources, address, now_ms);

	if (source != NULL && guard_source_is_spared(source, now_ms))
		return true;
	if (source != NULL)
		note_flood(gate, source, address, what, now_ms);
	else
		gate->counters[what]++;
	return false;
}

void sip_gate_stats(const struct sip_gate *gate, struct sip_gate_stats *stats)
{
	memcpy(stats->counters, gate->counters, sizeof(stats->counters));
	stats->wait_us = gate->load.wait_us;
	stats->busy = gate->load.busy;
	stats->engaged = gate->load.engaged;
	for (unsigned i = 0; i < SIP_CLASSES; i++)
		stats->share[i] = sip_load_share(&gate->load, (enum sip_class)i);
}
