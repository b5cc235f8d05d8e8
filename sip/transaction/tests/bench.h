/* SPDX-License-Identifier: BSD-3-Clause */
/* A transaction layer on a network, opposite a peer that the test plays by hand. */
#ifndef SIP_TRANSACTION_TESTS_BENCH_H
#define SIP_TRANSACTION_TESTS_BENCH_H

#include "sip/transaction/tests/network.h"
#include "sip/transaction/transaction.h"

struct bench {
	struct network *net;
	struct network_node *us, *peer;
	struct sip_transactions *layer;
	/* what the TU was told */
	struct sip_transaction *server; /* of the last request */
	struct sip_transaction *cancelled;
	unsigned requests, acks, strays, responses, failures, terminated;
	unsigned last_status;
	unsigned heard; /* responses to ours, and where the last one's request went */
	struct sip_address heard_of;
	enum sip_failure failure;
	bool merged;
	unsigned reply;     /* status with which each request is answered at once, 0: not */
	unsigned stateless; /* the same, without a transaction */
};

void bench_open(struct bench *bench, uint32_t transactions_max);
void bench_open_limited(struct bench *bench, uint32_t transactions_max, uint32_t source_max,
			uint32_t remembered_max);
void bench_close(struct bench *bench);
extern const struct sip_transaction_user bench_user; /* arg: struct bench */

/* The peer sends. Lines end in \n; printf. */
void peer_send(struct bench *bench, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A request of the peer with this branch and Via, and of ours without Via. */
void peer_request(struct bench *bench, const char *method, const char *branch);
struct sip_transaction *our_request(struct bench *bench, const char *method);
/* The peer answers our nth packet that begins with `begins`. */
void peer_answer(struct bench *bench, const char *begins, unsigned nth, unsigned status,
		 const char *to_tag);
struct sip_transactions_stats bench_stats(const struct bench *bench);

#endif
