/* SPDX-License-Identifier: BSD-3-Clause */
/* INFO with packages (RFC 6086), and MESSAGE (RFC 3428): requests that carry a body and no state. */
#ifndef SIP_EVENT_INFO_H
#define SIP_EVENT_INFO_H

#include "sip/dialog/dialog.h"
#include "sip/dialog/usage.h"
#include "sip/message/multipart.h"

struct sip_info {
	struct slice package; /* p is NULL: an INFO without one, as RFC 2976 had them */
	struct sip_params params;
	struct sip_part body; /* the part of the package (RFC 6086 §8.4); body.p is NULL: none */
};

/* What an INFO carries. packages: of ours, "dtmf, conference"; "" or NULL: none. 0, or the status that
 * it gets: 469 with sip_info_recv() in the answer, 400. */
unsigned sip_info_read(const struct sip_msg *request, const char *packages, struct sip_info *info);
/* "Recv-Info: …" CRLF for INVITEs, their 2xx, UPDATE and 469 (§4.2); -ENOSPC. */
int sip_info_recv(const char *packages, char *line, size_t size);
/* Did the other side say that it takes the package (its INVITE, 2xx, ACK, UPDATE; §4.2.2)? */
bool sip_info_taken(const struct sip_msg *msg, struct slice package);
/* In a dialog. -EINVAL: the name of the package is too long. */
int sip_info_send(struct sip_dialog *dialog, struct slice package, struct slice type,
		  struct slice body, const struct sip_transaction_user *user, void *arg,
		  struct sip_transaction **client);

/* A MESSAGE outside any dialog; no dialog comes of it, and it has no Contact (RFC 3428 §4). -EMSGSIZE:
 * with its headers it might pass 1300 bytes, which must not be (§8). */
int sip_message_send(struct sip_ua *ua, const struct sip_origin_start *start, struct slice type,
		     struct slice body, const struct sip_transaction_user *user, void *arg,
		     struct sip_transaction **client);

#endif
