/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of a session share: session.c (life), session_dialog.c (what its
 * dialog says), session_media.c (offers and answers),
 * session_record.c (store and CLI). */
#ifndef CONTROLPLANE_SESSION_SESSION_INTERNAL_H
#define CONTROLPLANE_SESSION_SESSION_INTERNAL_H

#include "controlplane/session/session.h"

#define SESSION_SDP_MAX 8192
#define SESSION_ID_TEXT 17

const char *session_id_text(const struct session *s, char text[SESSION_ID_TEXT]);
extern const struct sip_invite_user session_invite_user;
/* Copies what people want to see of the dialog. */
void session_keep_names(struct session *s);

/* Its dialog goes on by itself; for the call it is over. */
void session_let_go(struct session *s);
/* What other early dialogs have said. */
void session_forget_earlies(struct session *s);

/* By the table of offers; false (and logged) if that is not allowed now. */
bool session_offer_event(struct session *s, enum offer_event event);
/* The text that an answer would repeat is not needed any more. */
void session_forget_offer(struct session *s);
/* Bytes written, or -ENOTCONN: the seat has no address yet; -ENOSPC; -EBADMSG. */
int session_write(struct session *s, const struct description *what, bool answer, char *buffer,
		  size_t size);
/* 0, and s->remote has it. -EBADMSG, -ENOTSUP; -EPROTO: no offer of ours is open. */
int session_receive_answer(struct session *s, struct slice body);

#endif
