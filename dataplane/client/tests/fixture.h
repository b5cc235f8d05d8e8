/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A server on a socket in a directory of its own, driven by a thread of its own or by hand. Its
 * commands do nothing but note what came.
 */
#ifndef DATAPLANE_CLIENT_TESTS_FIXTURE_H
#define DATAPLANE_CLIENT_TESTS_FIXTURE_H

#include <pthread.h>

#include "dataplane/client/client.h"
#include "dataplane/main/server.h"

struct fixture {
	char directory[64];
	char path[108];
	struct segment segment;
	struct server *server;
	/* by the server's side */
	_Atomic uint64_t commands;     /* carried out, without SYNC */
	_Atomic uint64_t last_label;   /* of the last CONTEXT_ADD */
	_Atomic uint64_t out_of_order; /* labels that did not follow the one before */
	_Atomic uint64_t gone;         /* channels whose client went away */
	dp_handle_t asked_for;         /* context of the last TERMINATION_ADD */
	_Atomic uint32_t operator_id, operations, operators_gone;
	_Atomic uint32_t
		send_latched_to; /* channel + 1: each command is followed by an event for it */
	/* its thread */
	pthread_t thread;
	bool running;
	int stop;
};

void fixture_open(struct fixture *f);
void fixture_close(struct fixture *f);
/* Serves in a thread, until the close or until stopped. */
void fixture_start(struct fixture *f);
void fixture_stop(struct fixture *f);
/* One turn of the server by hand; waits for something to do at most wait_ms. */
void fixture_turn(struct fixture *f, int wait_ms);

/* A client of so many channels, which must succeed. */
struct dp_client *fixture_client(struct fixture *f, unsigned channels);
/* Waits for one event, which must come within 5 s. */
void fixture_receive(struct dp_client_channel *channel, struct dp_event *event);
/* The conversation by hand: returns the socket; fds has room for 40. */
int fixture_attach(struct fixture *f, const struct dp_attach_request *request, size_t size,
		   struct dp_attach_reply *reply, int *fds, unsigned *fd_count);

#endif
