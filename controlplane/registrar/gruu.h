/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * GRUUs (RFC 5627): URIs of one phone of a user rather than of all.
 *
 *   public      sip:alice@tandem.lab;gr=urn:uuid:…      says who and which phone
 *   temporary   sip:tgruu.4f1c…@tandem.lab;gr           says neither
 *
 * A temporary one is not remembered: what it stands for (the user, and the epoch of the phone's
 * registration) is sealed in it with AES-SIV under a key of ours, with a random part, so that no
 * two look alike. It is good as long as a contact with that epoch is there. Any thread.
 */
#ifndef CONTROLPLANE_REGISTRAR_GRUU_H
#define CONTROLPLANE_REGISTRAR_GRUU_H

#include "sip/base/slice.h"

#define GRUU_MAX 1024u

struct gruu;

/* The key lies in state_dir and is made there when there is none; NULL: it ends with the process.
 * -errno of the file. */
int gruu_create(const char *state_dir, struct gruu **gruu);
void gruu_destroy(struct gruu *gruu);

/* false: it has no room, or cannot be sealed. */
bool gruu_public(const char *aor, struct slice instance, char text[GRUU_MAX]);
bool gruu_temporary(const struct gruu *gruu, const char *aor, uint32_t epoch, char text[GRUU_MAX]);
/* The user part and the domain of a temporary GRUU → the user's name. false: none of ours. */
bool gruu_open(const struct gruu *gruu, struct slice user, const char *domain, char *name,
	       size_t size, uint32_t *epoch);

#endif
