/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The dataplane's end of the segment: takes clients in, takes their commands, gives them replies
 * and events. It knows channels and nothing of what commands mean; needs no EAL.
 *
 * Manager thread only. The order of its loop:
 *
 *   server_handle_sockets()  when server_fd() is readable
 *   server_run()             until it returns false: nothing is left to do now
 *   server_arm()             before it sleeps; true: something came meanwhile, so do not
 */
#ifndef DATAPLANE_MAIN_SERVER_H
#define DATAPLANE_MAIN_SERVER_H

#include "dataplane/api/commands.h"
#include "dataplane/api/operator.h"
#include "dataplane/main/segment.h"

struct server;

struct server_config {
	const char *socket_path;
	const struct segment *segment;
	/* Carries out a command other than SYNC: fills in handle and local of the reply, returns its
	 * status. The command is a private copy whose sequence was checked. */
	int (*command)(void *arg, uint32_t channel, const struct dp_command *command,
		       struct dp_ev_reply *reply);
	/* A client is about to get channels, which are nobody's until then. May be NULL. */
	void (*coming)(void *arg);
	/* The channel's client is gone. */
	void (*gone)(void *arg, uint32_t channel);
	void *arg;
	/* An operator (by a number that is never used again) asks for something: fills in the reply,
	 * returns its status. fd: what came along, -1: nothing; the callee closes it. NULL: nobody
	 * is let in as operator. */
	int (*operation)(void *arg, uint32_t operator_id, const struct dp_operation *operation,
			 int fd, struct dp_operation_reply *reply);
	void (*operator_gone)(void *arg, uint32_t operator_id);
	void *operator_arg;
};

/* -EADDRINUSE: a dataplane answers at the socket. A socket that nobody listens on is replaced. */
int server_create(const struct server_config *config, struct server **server);
void server_destroy(struct server *server);

int server_fd(const struct server *server);
void server_handle_sockets(struct server *server);
bool server_run(struct server *server);
bool server_arm(struct server *server);

/* Sends away who connected and did not ask for anything. now_ms: any steady clock. */
void server_tick(struct server *server, uint64_t now_ms);

/*
 * An event that is not a reply: type, size and body are the caller's. Dropped when the channel has
 * no client, dropped and counted (events_lost) when its ring is full.
 */
void server_send_event(struct server *server, uint32_t channel, struct dp_event *event);

/* A message for an operator. -EAGAIN: he has not read what he was sent; -ENOTCONN: he is gone. */
int server_send_operator(struct server *server, uint32_t operator_id, const void *data,
			 size_t size);
/* Who he is, for a log. */
#define SERVER_OPERATOR_TEXT 64u
void server_operator_name(struct server *server, uint32_t operator_id,
			  char text[SERVER_OPERATOR_TEXT]);
/* Sends him away, without telling operator_gone(). */
void server_close_operator(struct server *server, uint32_t operator_id);

#endif
