/* SPDX-License-Identifier: BSD-3-Clause */
/* A user agent on a network, and what its user was told; opposite another, or a peer played by
 * hand. */
#ifndef SIP_DIALOG_TESTS_PARTY_H
#define SIP_DIALOG_TESTS_PARTY_H

#include "sip/dialog/dialog.h"
#include "sip/transaction/tests/network.h"

struct leg {
	struct party *party;
	struct sip_invite *invite; /* NULL: none, or ended */
	unsigned progress, answered, acked, pracked, early_ended, requests, ended;
	unsigned reoffered, reanswered;
	unsigned status; /* of the last response, or of the end */
	enum sip_end how;
	enum sip_offer_role role;        /* of the last body that came */
	struct sip_dialog *dialog;       /* of the last message told of, while it lives */
	struct sip_transaction *request; /* the last other request in the dialog, unanswered */
	char body[256];                  /* of the last message told of */
};

#define LEGS 256

struct party {
	struct network *net;
	struct network_node *node;
	struct sip_ua *ua;
	struct leg legs[LEGS]; /* in order of their beginning */
	unsigned leg_count;
	unsigned requests;                   /* outside dialogs, answered 200 */
	struct sip_credentials *credentials; /* of its calls */
	/* what it does by itself */
	unsigned ring, answer;             /* status for a new INVITE, 0: none */
	bool take;                         /* false: leaves INVITEs alone */
	bool accept_offers;                /* later ones */
	bool answer_requests;              /* in dialogs, 200 */
	struct sip_session_config session; /* after party_restart() */
	uint32_t options;                  /* likewise */
	bool (*inside)(void *arg, struct sip_dialog *dialog, struct sip_transaction *server,
		       struct sip_msg *request, const struct sip_path *from);
};

/* What the time of day is for all; it goes on by hand alone. */
extern uint64_t party_wall_ms;

void party_open(struct party *party, struct network *net, const char *ip);
void party_close(struct party *party);
/* Its process dies and starts anew: no call is known any more, and nobody is told. */
void party_restart(struct party *party);
/* What its legs are told through; arg: the leg. */
const struct sip_invite_user *party_user(void);
struct leg *party_call(struct party *party, const struct network_node *to, const char *sdp);
/* The only leg, or the last one. */
struct leg *party_leg(struct party *party);
/* Transactions and INVITE sessions alive. */
unsigned party_transactions(const struct party *party);
void party_respond(struct leg *leg, unsigned status, const char *sdp);
int party_reinvite(struct leg *leg, const char *sdp);

/* Two parties, and a node that the test plays. */
struct table {
	struct network *net;
	struct party alice, bob;
	struct network_node *peer; /* 192.0.2.3 */
};

void table_open(struct table *table);
/* Ends all calls; no transaction may be left once all timers had their time. */
void table_close(struct table *table);
/* alice calls bob, who rings and answers. */
void table_connect(struct table *table);

unsigned sent(const struct party *party, const char *begins);
const struct packet *sent_nth(const struct party *party, const char *begins, unsigned nth);

/* The peer says something to a party; printf, lines end in \n. */
void peer_says(struct table *table, struct party *to, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The peer answers the nth packet of a party that begins with `begins`. extra: header lines. */
void peer_answers(struct table *table, struct party *to, const char *begins, unsigned nth,
		  unsigned status, const char *to_tag, const char *extra);
void peer_answers_with(struct table *table, struct party *to, const char *begins, unsigned nth,
		       unsigned status, const char *to_tag, const char *extra, const char *body);

#endif
