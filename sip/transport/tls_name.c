/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Names of peers, and numbers for them that fit into a path.
 *
 *   number = generation << 12 | place;  a place is one of four that the name's hash leads to
 *
 * Peers may name domains that we then connect to, so what is remembered is bounded: of four places
 * that are taken, the one that was asked for longest ago gives way.
 */
#include <stdlib.h>

#include "sip/transport/tls_internal.h"

#define PLACE_BITS     12u
#define WAYS           4u
#define GENERATION_MAX (UINT32_MAX >> PLACE_BITS)

static_assert(SIP_TLS_NAMES == 1u << PLACE_BITS, "a place has so many bits");

struct place {
	char *name; /* NULL: free */
	uint64_t used;
	uint32_t generation; /* 0: never used; no number is 0 by that */
};

struct tls_names {
	uint64_t clock; /* of questions */
	struct place places[SIP_TLS_NAMES];
};

struct tls_names *tls_names_create(void)
{
	return calloc(1, sizeof(struct tls_names));
}

void tls_names_free(struct tls_names *names)
{
	for (uint32_t i = 0; names != NULL && i < SIP_TLS_NAMES; i++)
		free(names->places[i].name);
	free(names);
}

/* The one that has it, or a free one, or the one to be taken. */
static struct place *find(struct tls_names *names, struct slice domain, bool *has)
{
	struct place *set =
		&names->places[slice_hash_nocase(domain) % (SIP_TLS_NAMES / WAYS) * WAYS];
	struct place *oldest = set;

	for (struct place *p = set; p < set + WAYS; p++) {
		*has = p->name != NULL && slice_equal_nocase(slice_of(p->name), domain);
		if (*has)
			return p;
		if (p->used < oldest->used)
			oldest = p;
	}
	return oldest;
}

uint32_t tls_names_number(struct tls_names *names, struct slice domain)
{
	struct place *place;
	bool has;

	if (domain.n == 0 || domain.n >= TLS_NAME_MAX)
		return 0;
	place = find(names, domain, &has);
	if (!has) {
		char *copy = strndup(domain.p, domain.n);

		if (copy == NULL)
			return 0;
		free(place->name);
		place->name = copy;
		place->generation = place->generation % GENERATION_MAX + 1;
	}
	place->used = ++names->clock;
	return place->generation << PLACE_BITS | (uint32_t)(place - names->places);
}

bool tls_names_text(const struct tls_names *names, uint32_t number, char text[TLS_NAME_MAX])
{
	const struct place *place = &names->places[number % SIP_TLS_NAMES];

	text[0] = '\0';
	if (number == 0)
		return true;
	if (place->name == NULL || place->generation != number >> PLACE_BITS)
		return false;
	memcpy(text, place->name, strlen(place->name) + 1);
	return true;
}
