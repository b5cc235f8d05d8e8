/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/main/dispatch.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>

#include "controlplane/main/shard.h"

void dispatch_token(char token[DISPATCH_TOKEN_SIZE], unsigned node, unsigned shard)
{
	snprintf(token, DISPATCH_TOKEN_SIZE, "t0%02x%02x-", node & 0xff, shard & 0xff);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int dispatch_token_shard(struct slice text)
{
	int digits[4];

	if (text.n < 7 || text.p[0] != 't' || text.p[1] != '0' || text.p[6] != '-')
		return -1;
	for (int i = 0; i < 4; i++) {
		digits[i] = hex_digit(text.p[2 + i]);
		if (digits[i] < 0)
			return -1;
	}
	return digits[2] << 4 | digits[3];
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_space(char c)
{
	return is_blank(c) || c == '\r' || c == '\n';
}

static struct slice trim(struct slice s)
{
	while (s.n > 0 && is_space(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

/* Takes a line with its continuation lines (RFC 3261 §7.3.1) off *rest. */
static struct slice take_line(struct slice *rest)
{
	struct slice line = { rest->p, 0 };

	while (line.n < rest->n) {
		const char *end = memchr(rest->p + line.n, '\n', rest->n - line.n);

		if (!end) {
			line.n = rest->n;
			break;
		}
		line.n = (size_t)(end - rest->p) + 1;
		/* An empty line ends the headers and is not continued. */
		if (trim(line).n == 0 || line.n == rest->n || !is_blank(rest->p[line.n]))
			break;
	}
	rest->p += line.n;
	rest->n -= line.n;
	return line;
}

/* Value of a header's tag parameter: outside quoted names and angle brackets. */
static struct slice tag_of(struct slice value)
{
	bool quoted = false, bracketed = false;

	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];
		struct slice parameter;
		size_t n = 0;

		if (quoted) {
			if (c == '\\')
				i++;
			else if (c == '"')
				quoted = false;
			continue;
		}
		if (bracketed) {
			bracketed = c != '>';
			continue;
		}
		quoted = c == '"';
		bracketed = c == '<';
		if (c != ';')
			continue;
		parameter = trim((struct slice){ value.p + i + 1, value.n - i - 1 });
		if (!slice_starts_nocase(parameter, SLICE("tag")))
			continue;
		parameter = trim((struct slice){ parameter.p + 3, parameter.n - 3 });
		if (parameter.n == 0 || parameter.p[0] != '=')
			continue;
		parameter = trim((struct slice){ parameter.p + 1, parameter.n - 1 });
		while (n < parameter.n && parameter.p[n] != ';' && !is_space(parameter.p[n]))
			n++;
		return (struct slice){ parameter.p, n };
	}
	return SLICE_NONE;
}

static void look_at_line(struct slice line, struct dispatch_headers *headers)
{
	const char *colon = memchr(line.p, ':', line.n);
	struct slice name, value;

	if (!colon)
		return;
	name = trim((struct slice){ line.p, (size_t)(colon - line.p) });
	value = trim((struct slice){ colon + 1, line.n - (size_t)(colon - line.p) - 1 });
	if (name.n == 0 || value.n == 0)
		return;
	if (headers->call_id.n == 0 &&
	    (slice_equal_nocase(name, SLICE("call-id")) || slice_equal_nocase(name, SLICE("i"))))
		headers->call_id = value;
	else if (headers->via.n == 0 &&
		 (slice_equal_nocase(name, SLICE("via")) || slice_equal_nocase(name, SLICE("v"))))
		headers->via = value;
	else if (headers->to_tag.n == 0 &&
		 (slice_equal_nocase(name, SLICE("to")) || slice_equal_nocase(name, SLICE("t"))))
		headers->to_tag = tag_of(value);
	else if (headers->from_tag.n == 0 &&
		 (slice_equal_nocase(name, SLICE("from")) || slice_equal_nocase(name, SLICE("f"))))
		headers->from_tag = tag_of(value);
	else if (headers->dialog.n == 0 && (slice_equal_nocase(name, SLICE("replaces")) ||
					    slice_equal_nocase(name, SLICE("join")) ||
					    slice_equal_nocase(name, SLICE("target-dialog"))))
		headers->dialog = value;
}

void dispatch_scan(struct slice message, struct dispatch_headers *headers)
{
	*headers = (struct dispatch_headers){ 0 };
	while (message.n > 0 && is_space(message.p[0])) {
		message.p++;
		message.n--;
	}
	take_line(&message); /* request or status line */
	while (message.n > 0) {
		struct slice line = take_line(&message);

		if (trim(line).n == 0)
			return;
		look_at_line(line, headers);
	}
}

bool dispatch_is_new(struct slice message)
{
	static const char *const methods[] = { "INVITE ",  "REGISTER ", "OPTIONS ", "SUBSCRIBE ",
					       "PUBLISH ", "MESSAGE ",  "REFER " };
	struct dispatch_headers headers;
	struct slice uri = message;

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		const struct slice method = slice_of(methods[i]);

		if (message.n < method.n || memcmp(message.p, method.p, method.n) != 0)
			continue;
		uri.p += method.n;
		uri.n -= method.n;
		if (slice_starts_nocase(uri, SLICE("urn:service:sos"))) /* RFC 5031 */
			return false;
		dispatch_scan(message, &headers);
		return headers.to_tag.n == 0;
	}
	return false;
}

/* --- dialogs that were taken elsewhere --- */

/* The hash of a Call-ID, and in its lowest byte the shard and 1; 0: free. */
#define TAKEN_MAX  4096u
#define TAKEN_NEAR 16u /* slots in which one may be */
static _Atomic uint64_t taken[TAKEN_MAX];
static _Atomic unsigned taken_count;

static uint64_t taken_entry(uint64_t hash, unsigned shard)
{
	return (hash & ~0xffull) | (shard + 1u);
}

static _Atomic uint64_t *taken_slot(uint64_t hash, unsigned nth)
{
	return &taken[((hash >> 8) + nth) % TAKEN_MAX];
}

/* NULL: it is where its tags say. */
static _Atomic uint64_t *find_taken(uint64_t hash)
{
	for (unsigned i = 0; i < TAKEN_NEAR; i++) {
		_Atomic uint64_t *slot = taken_slot(hash, i);
		const uint64_t entry = atomic_load_explicit(slot, memory_order_relaxed);

		if (entry != 0 && ((entry ^ hash) & ~0xffull) == 0)
			return slot;
	}
	return NULL;
}

int shard_take_dialog(struct slice call_id, unsigned shard)
{
	const uint64_t hash = slice_hash(call_id);
	_Atomic uint64_t *slot = find_taken(hash);

	if (slot) {
		atomic_store(slot, taken_entry(hash, shard));
		return 0;
	}
	for (unsigned i = 0; i < TAKEN_NEAR; i++) {
		uint64_t free = 0;

		if (!atomic_compare_exchange_strong(taken_slot(hash, i), &free,
						    taken_entry(hash, shard)))
			continue;
		atomic_fetch_add(&taken_count, 1);
		return 0;
	}
	return -ENOSPC;
}

void shard_leave_dialog(struct slice call_id)
{
	_Atomic uint64_t *slot = find_taken(slice_hash(call_id));

	if (!slot)
		return;
	atomic_store(slot, 0);
	atomic_fetch_sub(&taken_count, 1);
}

int shard_of_token(struct slice text)
{
	return dispatch_token_shard(text);
}

/* -1: it was not. */
static int shard_taken(struct slice call_id)
{
	const _Atomic uint64_t *slot;

	if (atomic_load_explicit(&taken_count, memory_order_relaxed) == 0)
		return -1;
	slot = find_taken(slice_hash(call_id));
	return slot ? (int)(atomic_load_explicit(slot, memory_order_relaxed) & 0xff) - 1 : -1;
}

int shard_of_dialog(struct slice call_id, struct slice local_tag)
{
	int shard = shard_taken(call_id);

	if (shard < 0)
		shard = dispatch_token_shard(call_id);
	return shard < 0 ? dispatch_token_shard(local_tag) : shard;
}

/* --- dialogs that are named --- */

/* The shard of "call-id;to-tag=…;from-tag=…"; -1: nothing in it is ours. */
static int shard_of_named(struct slice value)
{
	struct slice rest = value;
	const int elsewhere = shard_taken(trim(slice_split(&rest, ';')));

	if (elsewhere >= 0)
		return elsewhere;
	while (value.n > 0) {
		struct slice part = trim(slice_split(&value, ';')), name = part;
		int shard = dispatch_token_shard(part);

		if (shard < 0) {
			name = trim(slice_split(&part, '='));
			if (name.n > 3 &&
			    slice_equal_nocase((struct slice){ name.p + name.n - 3, 3 },
					       SLICE("tag")))
				shard = dispatch_token_shard(trim(part));
		}
		if (shard >= 0)
			return shard;
	}
	return -1;
}

/* INVITEs that went where a named dialog is: the hash of their Call-ID, and in its lowest byte the
 * shard and 1. Any shard writes; a newer one may take the place of an older one. */
#define LED_MAX 1024u
static _Atomic uint64_t led[LED_MAX];

static _Atomic uint64_t *led_slot(uint64_t hash)
{
	return &led[(hash >> 8) % LED_MAX];
}

static bool is_request(struct slice message, struct slice method)
{
	return slice_starts_nocase(message, method) && message.n > method.n &&
	       message.p[method.n] == ' ';
}

/* An INVITE that names a dialog; its CANCEL will not. */
static void remember_led(struct slice call_id, unsigned shard)
{
	const uint64_t hash = slice_hash(call_id);

	atomic_store_explicit(led_slot(hash), (hash & ~0xffull) | (shard + 1u),
			      memory_order_relaxed);
}

static int recall_led(struct slice call_id)
{
	const uint64_t hash = slice_hash(call_id);
	const uint64_t known = atomic_load_explicit(led_slot(hash), memory_order_relaxed);

	return (known & 0xff) > 0 && ((known ^ hash) & ~0xffull) == 0 ? (int)(known & 0xff) - 1
								      : -1;
}

/* -1: it is no request for which this decides. */
static int shard_by_name(struct slice message, const struct dispatch_headers *headers)
{
	int shard;

	if (headers->to_tag.n > 0)
		return -1;
	message = trim(message);
	if (headers->dialog.n == 0)
		return is_request(message, SLICE("CANCEL")) ? recall_led(headers->call_id) : -1;
	shard = shard_of_named(headers->dialog);
	if (shard >= 0 && is_request(message, SLICE("INVITE")))
		remember_led(headers->call_id, (unsigned)shard);
	return shard;
}

unsigned dispatch_owner(struct slice message, unsigned shards)
{
	struct dispatch_headers headers;
	int shard;

	if (shards <= 1)
		return 0;
	dispatch_scan(message, &headers);
	shard = shard_taken(headers.call_id);
	if (shard < 0)
		shard = shard_by_name(message, &headers);
	if (shard < 0)
		shard = dispatch_token_shard(headers.call_id);
	if (shard < 0)
		shard = dispatch_token_shard(headers.to_tag);
	if (shard < 0)
		shard = dispatch_token_shard(headers.from_tag);
	if (shard >= 0)
		return (unsigned)shard % shards;
	return (unsigned)(slice_hash(headers.call_id) % shards);
}
