/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/main/operator.h"

#include <errno.h>
#include <unistd.h>

#include "dataplane/main/dataplane.h"
#include "dataplane/main/observer.h"
#include "sip/base/log.h"

#define RECLAIM_AFTER_S 3600u /* where the sweep itself reclaims nothing */

/* A call that is not there is more likely a slip of the pen than one that is to come. */
static int check_filter(const struct dataplane *dp, const struct dp_packet_filter *filter)
{
	const struct dp_stats_header *stats = dp->segment.stats;

	for (size_t i = 0; i < sizeof(filter->reserved); i++)
		if (filter->reserved[i])
			return -EINVAL;
	if (filter->label == 0)
		return 0;
	for (uint32_t i = 0; i < stats->contexts_max; i++)
		if (dp->segment.contexts[i].generation &&
		    dp->segment.contexts[i].label == filter->label)
			return 0;
	return -ESTALE;
}

static int capture_begin(struct dataplane *dp, uint32_t operator_id, const struct dp_operation *o,
			 int fd, struct dp_operation_reply *reply)
{
	const struct observer_capture capture = {
		.filter = o->capture_start.filter,
		.snap_length = o->capture_start.snap_length,
		.packets_max = o->capture_start.packets_max,
		.bytes_max = o->capture_start.bytes_max,
		.owner = o->capture_start.flags & DP_CAPTURE_TIED ? operator_id : 0,
	};
	uint32_t id = 0;
	int error = check_filter(dp, &capture.filter);

	if (!error && (o->capture_start.flags & ~DP_CAPTURE_TIED || o->capture_start.reserved))
		error = -EINVAL;
	if (error) {
		if (fd >= 0)
			close(fd);
		return error;
	}
	error = observer_capture_start(dp->observer, &capture, fd, &id);
	if (error)
		return error;
	reply->count = 1;
	reply->capture[0].id = id;
	return 0;
}

static int capture_end(struct dataplane *dp, const struct dp_operation *o,
		       struct dp_operation_reply *reply)
{
	int error = observer_capture_stop(dp->observer, o->capture_stop.capture);

	reply->count = observer_captures(dp->observer, reply->capture);
	return error;
}

static int trace_begin(struct dataplane *dp, uint32_t operator_id, const struct dp_operation *o)
{
	int error = check_filter(dp, &o->trace.filter);

	return error ? error
		     : observer_trace_start(dp->observer, &o->trace.filter, o->trace.packets,
					    operator_id);
}

static uint64_t reclaim_age_s(const struct dataplane *dp, const struct dp_operation *o)
{
	if (o->reclaim.unclaimed_s != DP_RECLAIM_DEFAULT)
		return o->reclaim.unclaimed_s;
	if (!dp_handle_is_none(o->reclaim.context))
		return 0;
	return dp->config->dataplane.reclaim_after_s ? dp->config->dataplane.reclaim_after_s
						     : RECLAIM_AFTER_S;
}

static int reclaim(struct dataplane *dp, uint32_t operator_id, const struct dp_operation *o,
		   struct dp_operation_reply *reply)
{
	uint64_t age_s = reclaim_age_s(dp, o), ms = age_s * 1000;
	bool force = o->reclaim.flags & DP_RECLAIM_FORCE;
	char who[SERVER_OPERATOR_TEXT];
	int error;

	if (o->reclaim.flags & ~DP_RECLAIM_FORCE)
		return -EINVAL;
	error = flow_reclaim_unclaimed(dp->flows, o->reclaim.context,
				       ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX, force,
				       &reply->count);
	if (error || reply->count == 0)
		return error;
	server_operator_name(dp->server, operator_id, who);
	if (dp_handle_is_none(o->reclaim.context))
		LOG_WARN("flow", 0, "%s reclaimed %u context%s, unclaimed for %llu s%s", who,
			 reply->count, reply->count == 1 ? "" : "s", (unsigned long long)age_s,
			 force ? ", by force" : "");
	else
		LOG_WARN("flow", 0, "%s reclaimed context %u.%u%s", who, o->reclaim.context.index,
			 o->reclaim.context.generation, force ? " by force" : "");
	return 0;
}

int operator_operation(void *arg, uint32_t operator_id, const struct dp_operation *o, int fd,
		       struct dp_operation_reply *reply)
{
	struct dataplane *dp = arg;

	if (o->verb == DP_OPERATION_CAPTURE_START)
		return capture_begin(dp, operator_id, o, fd, reply);
	if (fd >= 0) {
		close(fd);
		return -EINVAL;
	}
	switch (o->verb) {
	case DP_OPERATION_CAPTURE_STOP:
		return capture_end(dp, o, reply);
	case DP_OPERATION_CAPTURE_STATUS:
		reply->count = observer_captures(dp->observer, reply->capture);
		return 0;
	case DP_OPERATION_TRACE:
		return trace_begin(dp, operator_id, o);
	case DP_OPERATION_RECLAIM:
		return reclaim(dp, operator_id, o, reply);
	default:
		return -ENOSYS;
	}
}

void operator_gone(void *arg, uint32_t operator_id)
{
	struct dataplane *dp = arg;

	observer_owner_gone(dp->observer, operator_id);
}

static int send_record(void *arg, uint32_t operator_id, const void *data, size_t size)
{
	return server_send_operator(arg, operator_id, data, size);
}

void operator_tick(struct dataplane *dp, uint64_t now_ms)
{
	uint32_t owner;

	observer_tick(dp->observer);
	if (observer_trace_run(dp->observer, now_ms, &owner, send_record, dp->server))
		server_close_operator(dp->server, owner);
}
