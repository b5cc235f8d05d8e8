/* SPDX-License-Identifier: BSD-3-Clause */
/* A transfer as transfer.c keeps it; what calls may ask of one stands in call.h. */
#ifndef CONTROLPLANE_ENGINE_TRANSFER_H
#define CONTROLPLANE_ENGINE_TRANSFER_H

#include "controlplane/engine/call.h"

enum transfer_state {
	TRANSFER_DIALING,   /* the target is called */
	TRANSFER_WAITING,   /* it is there; somebody is in the midst of an exchange */
	TRANSFER_MOVING,    /* the party was offered its place in `to` */
	TRANSFER_RETURNING, /* … which is no more */
	TRANSFER_TELLING,   /* it is done; the transferor is told, and then goes */
	TRANSFER_OVER,
	TRANSFER_STATES
};

enum transfer_event {
	TRANSFER_ON_READY, /* the target is there */
	TRANSFER_ON_AGAIN, /* time to try again */
	TRANSFER_ON_AGREED,
	TRANSFER_ON_REFUSED, /* by the party */
	TRANSFER_ON_LOST,    /* `to` has ended */
	TRANSFER_ON_GONE,    /* `from` has ended: the party has hung up */
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
	struct other *kept;           /* for `leaving`, when it has no place in `to` any more */
	struct seat *there;           /* that the party is to have in `to` */
	struct seat *before;          /* that it has in `from`, while it is offered the other */
	struct sip_subscription *sub; /* of the transferor; NULL: nobody, or it is over */
	unsigned told;                /* the status that it heard last */
	unsigned status;              /* that it failed with */
	unsigned tries;
	struct timer timer;
};

#endif
