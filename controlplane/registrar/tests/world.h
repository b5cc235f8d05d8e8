/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A registrar behind a real transaction layer and digest server, with a phone that the test
 * plays: requests go in as text, the last response comes out as text. Time stands still but when
 * a test moves it.
 */
#ifndef CONTROLPLANE_REGISTRAR_TESTS_WORLD_H
#define CONTROLPLANE_REGISTRAR_TESTS_WORLD_H

#include <criterion/criterion.h>

#include "controlplane/registrar/registrar.h"
#include "controlplane/store/store.h"

struct world {
	struct config config;
	struct registrar *registrar;
	struct store *store;
	struct timer_wheel *wheel;
	struct sip_transactions *layer;
	struct digest_server *digest;
	char answer[65536];
	unsigned answers;
	char events[4096];    /* a line per event */
	const char *source;   /* IP that the next requests come from */
	const char *via;      /* sent-by of their Via */
	struct sip_flow flow; /* connection of TCP that they come over; none: they come over UDP */
	char dir[64];
};
extern struct world world;
extern uint64_t world_now_ms;

void world_open(void);
void world_close(void);
/* Nobody is asked for a password at the listeners any more, or again. */
void world_unauthenticated(bool yes);
/* As a restart of the process: only what the store has remains. */
void world_restart(void);

/* Sends a REGISTER of user to the registrar, with credentials. headers: lines that end in \r\n.
 * Returns the status. The printf form of it for loops. */
unsigned send_register(const char *user, const char *call_id, unsigned cseq, const char *headers);
unsigned send_registerf(const char *user, const char *call_id, unsigned cseq, const char *format,
			...) __attribute__((format(printf, 4, 5)));
/* The same with each part as it is given; credentials NULL: none. */
struct parts {
	const char *request_uri, *to;
	const char *username, *password; /* username NULL: no credentials */
	const char *call_id;
	unsigned cseq;
	const char *headers;
};
unsigned send_parts(const struct parts *parts);

bool answer_has(const char *text);
/* "uri expires_s q\n" for each live contact, as look-up gives them. */
const char *contacts_of(const char *aor);

#endif
