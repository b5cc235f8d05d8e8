/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/dialog/session_timer.h"

#include "sip/dialog/usage.h"
#include "sip/message/headers.h"

#define REFRESH_LEAST_MS 10000u

static uint32_t seconds(uint32_t s)
{
	return s < SESSION_TIMER_MOST_S ? s : SESSION_TIMER_MOST_S;
}

void session_timer_read(const struct sip_msg *msg, struct session_said *said)
{
	static const uint8_t refreshers[] = {
		[SIP_REFRESHER_NONE] = REFRESHER_OPEN,
		[SIP_REFRESHER_UAC] = REFRESHER_UAC,
		[SIP_REFRESHER_UAS] = REFRESHER_UAS,
	};
	struct sip_session_expires value;

	*said = (struct session_said){ .supported = sip_msg_supports(msg, SIP_OPTION_TIMER) };
	if (sip_session_expires_parse(sip_msg_value(msg, SIP_H_SESSION_EXPIRES), &value) == 0) {
		said->expires = seconds(value.delta);
		said->refresher = (enum session_refresher)refreshers[value.refresher];
	}
	if (sip_session_expires_parse(sip_msg_value(msg, SIP_H_MIN_SE), &value) == 0)
		said->min_se = seconds(value.delta);
}

static uint32_t least(const struct sip_session_config *config)
{
	return config->min_s > SESSION_TIMER_LEAST_S ? config->min_s : SESSION_TIMER_LEAST_S;
}

/* Who does not know of timers would not understand it either. */
unsigned session_timer_judge(const struct sip_session_config *config,
			     const struct session_said *request)
{
	return request->supported && request->expires != 0 && request->expires < least(config) ? 422
											       : 0;
}

/* §9: never more than was asked for, never less than its sender and we take. */
static uint32_t interval_of(const struct sip_session_config *config,
			    const struct session_said *request)
{
	uint32_t floor = least(config) > request->min_se ? least(config) : request->min_se;
	uint32_t interval = config->expires_s;

	if (request->expires != 0 && (interval == 0 || interval > request->expires))
		interval = request->expires;
	if (interval == 0)
		return 0;
	if (request->expires != 0 && floor > request->expires)
		floor = request->expires;
	return interval > floor ? interval : floor;
}

/* §9 table 2; who refreshes so far goes on to. */
struct session_terms session_timer_answer(const struct sip_session_config *config,
					  const struct session_said *request,
					  const struct session_terms *now)
{
	struct session_terms terms = { interval_of(config, request), REFRESHER_OPEN };

	if (terms.interval == 0)
		return terms;
	if (!request->supported)
		terms.refresher = REFRESHER_UAS;
	else if (request->expires != 0 && request->refresher != REFRESHER_OPEN)
		terms.refresher = request->refresher;
	else
		terms.refresher = now->refresher != REFRESHER_OPEN ? now->refresher : REFRESHER_UAC;
	return terms;
}

/* §7.2: a 2xx without Session-Expires means that there is no timer. */
struct session_terms session_timer_agree(const struct session_said *response,
					 const struct session_terms *asked)
{
	struct session_terms terms = { response->expires, response->refresher };

	if (terms.interval == 0)
		return (struct session_terms){ 0, REFRESHER_OPEN };
	if (terms.refresher == REFRESHER_OPEN)
		terms.refresher =
			asked->refresher != REFRESHER_OPEN ? asked->refresher : REFRESHER_UAC;
	return terms;
}

/* Below 90 s nothing is allowed (§4), and some say so all the same; but nobody has us refresh each
 * moment. */
uint64_t session_timer_refresh_ms(uint32_t interval)
{
	const uint64_t half = (uint64_t)interval * 1000 / 2;

	return half > REFRESH_LEAST_MS ? half : REFRESH_LEAST_MS;
}

uint64_t session_timer_give_up_ms(uint32_t interval)
{
	const uint32_t third = interval / 3;

	return (uint64_t)(interval - (third < 32 ? third : 32)) * 1000;
}
