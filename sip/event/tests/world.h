/* SPDX-License-Identifier: BSD-3-Clause */
/* Two agents with packages on a network in the process: alice .1, bob .2, and a peer .3 that the
 * test plays. */
#ifndef SIP_EVENT_TESTS_WORLD_H
#define SIP_EVENT_TESTS_WORLD_H

#include <criterion/criterion.h>
#include <stdio.h>

#include "sip/event/event.h"
#include "sip/transaction/tests/network.h"

struct agent {
	struct network_node *node;
	struct sip_ua *ua;
	struct sip_events *events;
	struct sip_invite *invite; /* the last one */

	/* as a notifier of "weather" */
	unsigned grant; /* what a SUBSCRIBE gets */
	char state[64];
	struct sip_subscription *sub; /* the last one, NULL: it ended */
	unsigned subscribed, ended;

	/* as a subscriber */
	struct sip_subscriber *subscriber;
	unsigned notified, over, over_status;
	enum sip_substate substate;
	char body[128], reason[32];

	/* as a referee */
	unsigned referred, refer_status; /* 0: it is accepted */
	char refer_to[128], replaces[64], referred_by[64];
	struct sip_subscription *refer;
	unsigned refer_ended;

	unsigned published;
	unsigned challenges; /* bits (1u << SIP_NOTIFY): what it wants a password for */
};

struct world {
	struct network *net;
	struct agent alice, bob;
	struct network_node *peer;
};
extern struct world *world;

void world_open(void);
/* All subscriptions are over, and no transaction is left, when all timers had their time. */
void world_close(void);
void world_run(uint64_t ms);
/* alice subscribes with bob. */
void subscribe(const char *event, uint32_t expires);
/* A call between them, so that there is a dialog. */
void connect_call(void);
struct sip_dialog *dialog_of(const struct agent *agent);
extern const struct sip_subscriber_user subscriber_user;

/* The peer says something to bob; printf, lines end in \n. */
void peer_says(const char *format, ...) __attribute__((format(printf, 1, 2)));

unsigned sent(const struct agent *agent, const char *begins);
const struct packet *sent_nth(const struct agent *agent, const char *begins, unsigned nth);

#endif
