/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RFC 7339: a server tells in the Via of its responses by how many per cent what it is sent is to
 * be reduced (algorithm "loss"), and the client does so until the time is over.
 */
#include <inttypes.h>
#include <stdio.h>

#include "sip/guard/internal.h"

#define VALIDITY_MS     1000u /* told with each response, so it need not be long */
#define VALIDITY_MAX_MS 60000u
#define SEQ_MASK        0xffffffu /* milliseconds: 4 hours of order */

bool oc_is_param(struct slice name)
{
	static const char *const names[] = { "oc", "oc-algo", "oc-validity", "oc-seq" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (slice_equal_nocase(name, slice_of(names[i])))
			return true;
	return false;
}

static bool has_loss(struct sip_params params)
{
	struct slice list;

	if (!sip_param_get(params, "oc-algo", &list))
		return false;
	while (list.n > 0)
		if (slice_equal_nocase(slice_trim(slice_split(&list, ',')), SLICE("loss")))
			return true;
	return false;
}

const char *sip_gate_oc(struct sip_gate *gate, const struct sip_via *via, uint64_t now_ms,
			char text[SIP_OC_TEXT])
{
	struct slice value;
	double share;

	text[0] = '\0';
	/* A value is one that somebody else has told. */
	if (!sip_param_get(via->params, "oc", &value) || value.n > 0 || !has_loss(via->params))
		return text;
	share = sip_load_share(&gate->load, SIP_CLASS_CALL);
	snprintf(text, SIP_OC_TEXT,
		 ";oc=%u;oc-algo=\"loss\";oc-validity=%u;oc-seq=%" PRIu64 ".%03u",
		 (unsigned)(100 * (1 - share) + 0.5), VALIDITY_MS, now_ms / 1000,
		 (unsigned)(now_ms % 1000));
	gate->counters[SIP_GUARD_OC_SENT]++;
	return text;
}

/* struct guard_source.oc: until (ms, 32 bits) | sequence (24) | per cent (8); 0: nothing was told. */
static uint64_t pack(uint64_t until_ms, uint32_t seq, uint32_t percent)
{
	return (uint64_t)(uint32_t)until_ms << 32 | (uint64_t)(seq & SEQ_MASK) << 8 | percent;
}

static bool is_over(uint64_t word, uint64_t now_ms)
{
	return word == 0 || (int32_t)((uint32_t)(word >> 32) - (uint32_t)now_ms) <= 0;
}

/* "1282321615.782": the order in which the server told them. */
static bool take_seq(struct sip_params params, uint32_t *seq)
{
	struct slice text, seconds;
	uint32_t s, ms = 0;

	if (!sip_param_get(params, "oc-seq", &text))
		return false;
	seconds = slice_split(&text, '.');
	if (slice_to_u32(seconds, UINT32_MAX, &s) != 0 ||
	    (text.n > 0 && slice_to_u32(text, 999999, &ms) != 0))
		return false;
	*seq = (s * 1000u + ms) & SEQ_MASK;
	return true;
}

static bool is_older(uint32_t seq, uint32_t than)
{
	return ((seq - than) & SEQ_MASK) > SEQ_MASK / 2;
}

void sip_gate_oc_received(struct sip_gate *gate, const struct sip_address *peer,
			  const struct sip_via *via, uint64_t now_ms)
{
	uint32_t percent, seq, validity_ms = 500; /* RFC 7339 §4.3 */
	struct guard_source *source;
	struct slice value;
	uint64_t before;

	if (!sip_param_get(via->params, "oc", &value) || value.n == 0 ||
	    slice_to_u32(value, 100, &percent) != 0 || !has_loss(via->params) ||
	    !take_seq(via->params, &seq))
		return;
	if (sip_param_get(via->params, "oc-validity", &value) &&
	    slice_to_u32(value, UINT32_MAX, &validity_ms) != 0)
		return;
	if (validity_ms > VALIDITY_MAX_MS)
		validity_ms = VALIDITY_MAX_MS;
	source = percent > 0 || guard_sources_find(gate->guard->sources, peer) != NULL
			 ? guard_sources_claim(gate->guard->sources, peer, now_ms)
			 : NULL;
	if (source == NULL)
		return;
	before = atomic_load_explicit(&source->oc, memory_order_relaxed);
	if (!is_over(before, now_ms) && is_older(seq, (uint32_t)(before >> 8) & SEQ_MASK))
		return;
	atomic_store_explicit(&source->oc,
			      validity_ms == 0 ? 0 : pack(now_ms + validity_ms, seq, percent),
			      memory_order_relaxed);
}

/* Most have none: cheaper than a search for a text. */
static bool may_have_oc(struct slice via)
{
	while (via.p != NULL) {
		slice_split(&via, ';');
		if (slice_starts_nocase(via, SLICE("oc")))
			return true;
	}
	return false;
}

/* Without the parameters that are ours to tell; returns its size, 0: it does not fit. */
static size_t copy_without_oc(const struct sip_via *via, char *buffer, size_t size)
{
	struct sip_params rest = via->params;
	struct slice name, value;
	size_t used = (size_t)(rest.text.p - via->text.p);

	if (via->text.n + 1 > size)
		return 0;
	memcpy(buffer, via->text.p, used);
	while (used > 0 && (buffer[used - 1] == ';' || buffer[used - 1] == ' '))
		used--;
	while (sip_param_next(&rest, &name, &value)) {
		const char *end = value.p != NULL ? value.p + value.n + (value.p[-1] == '"')
						  : name.p + name.n;
		const size_t n = (size_t)(end - name.p);

		if (oc_is_param(name) || used + n + 1 > size)
			continue;
		buffer[used++] = ';';
		memcpy(buffer + used, name.p, n);
		used += n;
	}
	return used;
}

size_t sip_gate_oc_response(struct sip_gate *gate, struct slice response, uint64_t now_ms,
			    char *buffer, size_t size)
{
	struct slice rest = response, line, value;
	char text[SIP_OC_TEXT];
	struct sip_via via;
	size_t used, n;

	if (!slice_starts_nocase(response, SLICE("SIP/2.0 ")))
		return 0;
	slice_split(&rest, '\n');
	line = slice_split(&rest, '\n');
	if (!slice_starts_nocase(line, SLICE("Via: ")) || !may_have_oc(line))
		return 0;
	value = slice_trim((struct slice){ line.p + 5, line.n - 5 });
	if (sip_via_next(&value, &via) != 0 || sip_gate_oc(gate, &via, now_ms, text)[0] == '\0' ||
	    response.n + SIP_OC_TEXT > size)
		return 0;
	used = (size_t)(via.text.p - response.p);
	memcpy(buffer, response.p, used);
	used += copy_without_oc(&via, buffer + used, size - used);
	memcpy(buffer + used, text, strlen(text));
	used += strlen(text);
	n = (size_t)(response.p + response.n - (via.text.p + via.text.n));
	memcpy(buffer + used, via.text.p + via.text.n, n);
	return used + n;
}

static uint64_t told_by(const struct sip_gate *gate, const struct sip_address *peer,
			uint64_t now_ms)
{
	const struct guard_source *source = guard_sources_find(gate->guard->sources, peer);
	const uint64_t word =
		source != NULL ? atomic_load_explicit(&source->oc, memory_order_relaxed) : 0;

	return is_over(word, now_ms) ? 0 : word;
}

bool sip_gate_has_oc(const struct sip_gate *gate, const struct sip_address *peer, uint64_t now_ms)
{
	return told_by(gate, peer, now_ms) != 0;
}

bool sip_gate_may_send(struct sip_gate *gate, const struct sip_address *peer, enum sip_class class,
		       uint64_t now_ms)
{
	uint64_t word;

	if (class < SIP_CLASS_CALL)
		return true;
	word = told_by(gate, peer, now_ms);
	if (word == 0 || gate_random(gate) % 100 >= (word & 0xff))
		return true;
	gate->counters[SIP_GUARD_OC_HELD]++;
	return false;
}
