/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the dataplane says of a seat's termination, told to the session on it, the bus and the log.
 * Each of these comes once until it is over (dataplane/api/commands.h), so it is logged each time.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "controlplane/events/events.h"
#include "controlplane/main/shard.h"
#include "controlplane/session/bridge_internal.h"
#include "controlplane/session/session_internal.h"
#include "sip/base/log.h"

#define NUMBER_TEXT 24

/* The text of what an event names; empty where nobody sits yet. */
struct names {
	char session[SESSION_ID_TEXT], termination[HANDLE_TEXT];
};

static struct names names_of(const struct seat *seat)
{
	struct names n = { .session = "" };

	if (seat->session)
		session_id_text(seat->session, n.session);
	handle_text(media_termination_handle(seat->termination), n.termination);
	return n;
}

static struct event_bus *bus_of(const struct seat *seat)
{
	return seat->bridge->shard->events;
}

static const char *side_of(const struct seat *seat)
{
	return seat->side ? "callee" : "caller";
}

void seat_latched(void *arg, const struct dp_address *source)
{
	struct seat *seat = arg;
	struct session *s = seat->session;
	struct names n = names_of(seat);
	char address[DP_ADDRESS_TEXT];

	if (!s)
		return;
	event_publish(bus_of(seat), EVENT_MEDIA_LATCHED, s->call, 0, n.session, n.termination,
		      dp_address_format(source, address));
	s->user->media_latched(s->arg, s);
}

void seat_timeout(void *arg, uint32_t silent_ms)
{
	struct seat *seat = arg;
	struct session *s = seat->session;
	struct names n = names_of(seat);

	if (!s)
		return;
	event_publish(bus_of(seat), EVENT_MEDIA_FAILED, s->call, 0, n.session, "media-timeout");
	s->user->media_silent(s->arg, s, silent_ms);
}

void seat_resumed(void *arg)
{
	struct seat *seat = arg;
	struct names n = names_of(seat);

	LOG_INFO("media", seat->bridge->call, "media from the %s is back", side_of(seat));
	event_publish(bus_of(seat), EVENT_MEDIA_RESUMED, seat->bridge->call, 0, n.session,
		      n.termination);
}

void seat_foreign(void *arg, const struct dp_address *source, uint64_t packets)
{
	struct seat *seat = arg;
	struct names n = names_of(seat);
	char address[DP_ADDRESS_TEXT], count[NUMBER_TEXT];

	dp_address_format(source, address);
	snprintf(count, sizeof(count), "%" PRIu64, packets);
	LOG_WARN("media", seat->bridge->call,
		 "RTP of somebody else (%s) came to the port of the %s, %s packets: not forwarded",
		 address, side_of(seat), count);
	event_publish(bus_of(seat), EVENT_MEDIA_FOREIGN, seat->bridge->call, 0, n.session,
		      n.termination, address, count);
}

void seat_loop(void *arg, uint32_t ssrc)
{
	struct seat *seat = arg;
	struct names n = names_of(seat);
	char text[NUMBER_TEXT];

	snprintf(text, sizeof(text), "%08" PRIx32, ssrc);
	LOG_WARN("media", seat->bridge->call, "media goes in a circle: SSRC %s of the %s", text,
		 side_of(seat));
	event_publish(bus_of(seat), EVENT_MEDIA_LOOP, seat->bridge->call, 0, n.session,
		      n.termination, text);
}

/* --- quality --- */

/* As an event names a metric, with its unit, and how many of the contract's units make one. */
static const struct {
	const char *name;
	double unit;
} metrics[DP_QUALITY_METRICS] = {
	[DP_QUALITY_MOS] = { "mos", 100 },
	[DP_QUALITY_LOSS] = { "loss_percent", 100 },
	[DP_QUALITY_JITTER] = { "jitter_ms", 1000 },
};

void seat_quality(void *arg, const struct dp_ev_quality *q)
{
	struct seat *seat = arg;
	struct session *s = seat->session;
	struct names n = names_of(seat);
	char value[NUMBER_TEXT], threshold[NUMBER_TEXT], mos[NUMBER_TEXT];

	if (q->metric >= DP_QUALITY_METRICS)
		return;
	snprintf(value, sizeof(value), "%.2f", q->value / metrics[q->metric].unit);
	snprintf(threshold, sizeof(threshold), "%.2f", q->threshold / metrics[q->metric].unit);
	snprintf(mos, sizeof(mos), "%.2f", q->mos / metrics[DP_QUALITY_MOS].unit);
	if (q->raised)
		LOG_WARN("media", seat->bridge->call,
			 "bad media from the %s: %s %s (threshold %s), MOS %s", side_of(seat),
			 metrics[q->metric].name, value, threshold, mos);
	else
		LOG_INFO("media", seat->bridge->call, "media from the %s is good again: %s %s",
			 side_of(seat), metrics[q->metric].name, value);
	event_publish(bus_of(seat), EVENT_MEDIA_QUALITY, seat->bridge->call, 0, n.session,
		      metrics[q->metric].name, q->raised ? "raised" : "cleared", value, threshold,
		      mos);
	if (s)
		s->user->media_quality(s->arg, s, q->raised != 0);
}
