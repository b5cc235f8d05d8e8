/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Session timers (RFC 4028): what two sides agree on, as rules without state, clock or network.
 */
#ifndef SIP_DIALOG_SESSION_TIMER_H
#define SIP_DIALOG_SESSION_TIMER_H

#include "sip/message/message.h"

#define SESSION_TIMER_LEAST_S 90u     /* RFC 4028 §5: no Min-SE is smaller */
#define SESSION_TIMER_MOST_S  604800u /* a week: more is as good as none, and fits any clock */

/* What we want. */
struct sip_session_config {
	uint32_t expires_s; /* asked for; 0: we ask for none, and still take what others ask for */
	uint32_t min_s;     /* the least that is taken; 0: 90 */
};

enum session_refresher { REFRESHER_OPEN, REFRESHER_UAC, REFRESHER_UAS };

/* What a message says. */
struct session_said {
	bool supported;   /* its sender knows of session timers */
	uint32_t expires; /* s; 0: no Session-Expires */
	uint32_t min_se;  /* s; 0: no Min-SE */
	enum session_refresher refresher;
};

/* What was agreed, as seen from a transaction: who sent the request is its UAC. */
struct session_terms {
	uint32_t interval; /* s; 0: no timer */
	enum session_refresher refresher;
};

void session_timer_read(const struct sip_msg *msg, struct session_said *said);
/* 422: the request wants less than is taken (§9); else 0. */
unsigned session_timer_judge(const struct sip_session_config *config,
			     const struct session_said *request);
/* As the UAS of a request that was not refused. now: what is agreed so far, seen from this
 * transaction. */
struct session_terms session_timer_answer(const struct sip_session_config *config,
					  const struct session_said *request,
					  const struct session_terms *now);
/* As the UAC: from the 2xx to a request that asked for `asked`. */
struct session_terms session_timer_agree(const struct session_said *response,
					 const struct session_terms *asked);
/* When it is refreshed, and when given up, ms after it was agreed (§10). */
uint64_t session_timer_refresh_ms(uint32_t interval);
uint64_t session_timer_give_up_ms(uint32_t interval);

#endif
