/* SPDX-License-Identifier: BSD-3-Clause */
/* What a client asks, checked. */
#ifndef CONTROLPLANE_API_REQUEST_H
#define CONTROLPLANE_API_REQUEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "controlplane/api/commands.h"
#include "controlplane/monitor/filter.h"
#include "sip/base/address.h"

struct request {
	enum command_id command;
	uint64_t id;                  /* ID: of a call */
	uint64_t call;                /* --call ID, 0: not given */
	uint32_t limit, offset;       /* --limit N, --offset N */
	struct sip_address address;   /* ADDRESS; the port is 0 */
	uint32_t seconds;             /* --seconds N, 0: not given */
	struct trace_filter filter;   /* sip trace */
	bool secrets;                 /* likewise */
	bool callee;                  /* --leg b */
	char user[USER_TEXT];         /* USER */
	char password[PASSWORD_TEXT]; /* --password PASSWORD; "": not given */
};

/* One line. On error a status and a text for the client. Depth and size are bounded. */
enum command_status request_parse(const char *line, size_t size, struct request *request, char *why,
				  size_t why_size);

/* Up to 16 hex digits, not zero. */
bool request_call_id(const char *text, uint64_t *id);

#endif
