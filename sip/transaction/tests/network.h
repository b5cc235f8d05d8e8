/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A network in the process, for tests: nodes with addresses, packets that travel on timers of one
 * wheel, losses, duplicates and delays by seed. The clock moves only in network_run().
 * All that is sent is kept, so tests can look back.
 */
#ifndef SIP_TRANSACTION_TESTS_NETWORK_H
#define SIP_TRANSACTION_TESTS_NETWORK_H

#include <stdarg.h>

#include "sip/base/timer.h"
#include "sip/message/typed.h"
#include "sip/transport/transport.h"

struct network_node {
	struct network *net;
	struct sip_address address;
	char host[SIP_ADDRESS_TEXT + 8]; /* "ip:port" */
	void (*receive)(void *arg, const char *data, size_t size, const struct sip_path *from);
	void *arg;
	uint8_t kind;     /* transport that its packets seem to come by */
	uint8_t listener; /* of whom they reach */
	int send_error;   /* what sending returns, 0: it works */
};

struct packet {
	uint64_t sent_ms;
	struct network_node *from, *to; /* to NULL: nobody there */
	char *data;
	size_t size;
	bool lost;
};

struct network {
	struct timer_wheel *wheel;
	uint64_t start_ms;
	uint64_t random;
	unsigned loss, duplicate;      /* percent */
	unsigned delay_min, delay_max; /* ms; different ones reorder */
	/* true: this one is lost; for single packets */
	bool (*drop)(void *arg, const struct packet *packet);
	void *drop_arg;
	struct network_node *nodes[8];
	unsigned node_count;
	struct packet *packets; /* all that were sent, in order */
	unsigned packet_count, packet_room;
	unsigned travelling;
};

struct network *network_create(uint64_t seed);
void network_destroy(struct network *net);
struct network_node *network_node(struct network *net, const char *ip, uint16_t port);

/* Moves the clock by ms, and delivers on the way. */
void network_run(struct network *net, uint64_t ms);
uint64_t network_ms(const struct network *net); /* since the beginning */

/* The signatures of struct sip_transactions_config; arg: struct network_node. */
int network_send(void *arg, const struct sip_path *to, const char *data, size_t size);
const char *network_host(void *arg, const struct sip_path *path);

/* A path from a node to another. */
struct sip_path network_path(const struct network_node *to);
void network_send_text(struct network_node *from, const struct network_node *to, const char *text);
/* printf; lines end in \n. */
void network_say(struct network_node *from, const struct network_node *to, const char *format,
		 va_list args);

/* How many packets of a node begin with this text ("INVITE ", "SIP/2.0 200"); the nth, from 0. */
unsigned network_count(const struct network *net, const struct network_node *from,
		       const char *begins);
const struct packet *network_nth(const struct network *net, const struct network_node *from,
				 const char *begins, unsigned nth);
/* When the nth was sent, ms since the beginning; UINT64_MAX: there is none. */
uint64_t network_when(const struct network *net, const struct network_node *from,
		      const char *begins, unsigned nth);
/* The nth, parsed; the caller unrefs. */
struct sip_msg *network_parse(const struct network *net, const struct network_node *from,
			      const char *begins, unsigned nth);
/* Does a packet hold the text? */
bool packet_has(const struct packet *packet, const char *text);

#endif
