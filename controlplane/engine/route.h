/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a request goes: a pure function of the configuration, the directory of users, and the
 * request. No side effects, so a decision can be asked for and explained without a call.
 */
#ifndef CONTROLPLANE_ENGINE_ROUTE_H
#define CONTROLPLANE_ENGINE_ROUTE_H

#include "config/config.h"
#include "sip/message/typed.h"

#define ROUTE_AOR_MAX 256

/* What is asked about users. The registrar in the process, a table in tests. */
struct route_directory {
	/* AOR of a URI in one of our domains; -ENOENT: it is not ours */
	int (*aor)(void *arg, const struct sip_uri *uri, char aor[ROUTE_AOR_MAX]);
	bool (*exists)(void *arg, const char *aor);
	bool (*registered)(void *arg, const char *aor);
	void *arg;
};

enum route_kind {
	ROUTE_REFUSE, /* with status and reason */
	ROUTE_USER,   /* to the contacts of aor */
	ROUTE_TRUNK,  /* to trunks[trunk], as `number` */
};

struct route {
	enum route_kind kind;
	unsigned status;
	const char *reason; /* why it is refused, for the CDR and the log */
	unsigned trunk;
	bool emergency;             /* goes over every limit, and is marked */
	const char *rule;           /* name of the one that denies it; NULL: none does */
	char aor[ROUTE_AOR_MAX];    /* of the callee; for numbers "9001@domain" */
	char number[ROUTE_AOR_MAX]; /* as the trunk is to be asked for it, characters of a URI */
};

struct route_request {
	struct slice request_uri;
	int from_trunk;    /* index, -1: from a user */
	const char *from;  /* AOR of who asks, for the rules; NULL: none is asked (an operator) */
	const char *realm; /* of the listener that it comes by; NULL: not known */
};

/* The realm of a listener, as the dataplane names it; DP_REALM_ANY: it has none. */
uint8_t route_realm(const struct config *config, unsigned listener);
/* Its name; NULL: it has none. */
const char *route_realm_name(const struct config *config, unsigned listener);
/* The listeners of a realm: bits 1 << index. */
uint64_t route_listeners(const struct config *config, const char *realm);

void route_find(const struct config *config, const struct route_directory *directory,
		const struct route_request *request, struct route *route);

#endif
