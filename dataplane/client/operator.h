/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An operator's side of dataplane.sock: what dataplane/api/operator.h lists, one request at a time.
 * One thread.
 */
#ifndef DATAPLANE_CLIENT_OPERATOR_H
#define DATAPLANE_CLIENT_OPERATOR_H

#include "dataplane/api/operator.h"
#include "dataplane/client/client.h"

/* An observer that may ask. Errors as of dp_client_open(); closed with dp_client_close(). */
int dp_operator_open(const char *socket_path, const char *name, int timeout_ms,
		     struct dp_client **client, char *why, size_t why_size);

/*
 * Asks and waits for the answer: 0 or what the dataplane says (-errno). operation: verb and its
 * part of the union are the caller's. fd: a descriptor to hand over, -1: none; it stays the
 * caller's. -ETIMEDOUT; -ECONNRESET: the dataplane is gone, or sent this operator away.
 */
int dp_operator_ask(struct dp_client *client, struct dp_operation *operation, int fd,
		    int timeout_ms, struct dp_operation_reply *reply);

/* The next record of a trace. -ETIMEDOUT, -ECONNRESET as above; -EINTR: a signal came. */
int dp_operator_trace(struct dp_client *client, int timeout_ms, struct dp_trace_record *record);

#endif
