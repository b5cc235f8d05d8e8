/* SPDX-License-Identifier: BSD-3-Clause */
/* A transfer as transfer.c keeps it; what calls may ask of one stands in call.h. */
#ifndef CONTROLPLANE_ENGINE_TRANSFER_H
#define CONTROLPLANE_ENGINE_TRANSFER_H

#include "controlplane/engine/call.h"

enum transfer_state {
	TRANSFER_DIALING,   /* the target is called */
	TRANSFER_WAITING,   /* it is there; somebody is in the midst of an exchange */
	TRANSFER_ABROAD,    /* the party's leg has gone to another shard (transfer_abroad.c) */
	TRANSFER_MOVING,    /* the party was offered its place in `to` */
	TRANSFER_RETURNING, /* … which is no more, or nobody waits for its answer */
	TRANSFER_TELLING,   /* it is done; the transferor is told, and then goes */
	TRANSFER_OVER,
	TRANSFER_STATES
};

enum transfer_event {
	TRANSFER_ON_READY, /* the target is there */
	TRANSFER_ON_AGAIN, /* time to try again, or time is up */
	TRANSFER_ON_AGREED,
	TRANSFER_ON_REFUSED, /* by the party */
	TRANSFER_ON_LOST,    /* `to` has ended */
	TRANSFER_ON_GONE,    /* `from` has ended: the party has hung up */
	TRANSFER_ON_ARRIVED, /* in the other shard */
	TRANSFER_ON_RETURNED,
	TRANSFER_EVENTS
};

struct transfer {
	struct engine *engine;
	unsigned refs; /* of its two calls, of its subscription, of who works on it */
	uint8_t state;
	struct call *from, *to; /* NULL: over, or ended */
	uint64_t from_id, to_id;
	struct session *party;
	struct session *transferor; /* its leg in `from`; NULL: an operator */
	struct session *leaving;    /* its leg in `to`; NULL: `to` is a new call */
	bool transferor_left, leaving_left;
	struct other *kept; /* for `leaving`, when it has no place in `to` any more */
	struct seat *there; /* that the party is to have in `to` */
	bool spare; /* that of `leaving` is of another network or family: it is another one */
	struct seat *before;          /* that it has in `from`, while it is offered the other */
	struct sip_subscription *sub; /* of the transferor; NULL: nobody, or it is over */
	unsigned told;                /* the status that it heard last */
	unsigned status;              /* that it failed with */
	unsigned tries;
	struct timer timer;
	/* Before it leaves: what it will carry. In the other shard: what the outcome goes home with. */
	struct errand *errand;
};

/* --- transfer.c --- */
/* By the table. What is under the hands of a step is not freed. */
void transfer_step(struct transfer *t, enum transfer_event event, unsigned status);
void transfer_release(struct transfer *t);
/* Neither call knows of it any more. Whoever calls this holds it. */
void transfer_let_go(struct transfer *t);
/* The bus is told, and the transferor. */
void transfer_tell(struct transfer *t, unsigned status, const char *state);
/* "caller", "callee"; "system" for nobody */
const char *transfer_side_of(const struct call *call, const struct session *s);

/* --- transfer_begin.c --- */
/* May the party have the place? 0, or the status. */
unsigned transfer_check_place(const struct transfer_start *start);
/* The errand is over. with_leg: the party is here again. */
void transfer_returned(struct transfer *t, unsigned status, bool with_leg);

/* --- refer.c --- */
/* 0: start has the call whose leg is to be replaced, which `who` may do; or the status. */
unsigned transfer_find_replaced(struct engine *engine, const struct sip_dialog_id *id,
				const struct caller *who, struct transfer_start *start);

/* --- transfer_abroad.c --- */
/* For a dialog of another shard; NULL: it is of none. */
struct errand *errand_create(struct engine *engine, const struct sip_dialog_id *replaced);
void errand_drop(struct errand *errand);
/* Leaves with the party's leg; the transfer is held until it is back. Else all is as before. */
int errand_leave(struct errand *errand, struct transfer *t);
/* In the other shard: goes home with the outcome, and with the leg unless that has found its place. */
void errand_return(struct errand *errand, struct call *guest, unsigned status);

#endif
