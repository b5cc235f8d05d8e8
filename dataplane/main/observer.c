/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/main/observer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_pcapng.h>
#include <rte_ring_elem.h>

#include "dataplane/flow/flow.h"
#include "dataplane/main/capture.h"
#include "dataplane/nodes/observe.h"
#include "sip/base/log.h"

#define COPIES        4095u /* of packets, on their way to a file */
#define FRAME_MAX     2048u /* bytes kept of a packet: a copy is one buffer */
#define TRACE_IDLE_MS 1000u /* then what was to come of the traced packets is lost */
#define TRACE_DEAF_MS 5000u /* the owner does not read */

/* A capture as the operator asked for it. Its counts: main/capture.h. */
struct place {
	uint32_t id; /* 0: never used */
	uint32_t owner;
	struct dp_packet_filter filter;
	uint32_t snap_length;
	bool planned;         /* the workers look for it, or will */
	_Atomic bool leaving; /* workers may still copy for it */
	uint64_t lost_before; /* of observe.lost */
};

struct trace {
	uint32_t id, owner; /* owner 0: there is none */
	uint32_t packets, over;
	struct dp_packet_filter filter;
	bool ended[DP_TRACE_PACKETS_MAX + 1];
	struct dp_trace_record held; /* for which there was no room */
	bool holds;
	uint64_t moved_ms; /* a record came, or went, last */
};

struct observer {
	struct observe hooks;
	struct observer_config config;
	struct capture_writer *writer;
	struct rte_mempool *pool; /* made for the first capture */
	struct place places[DP_CAPTURES_MAX];
	uint32_t captures, traces; /* that there were */
	struct trace trace;
};

/* A plan on its way out. */
struct plan_box {
	struct observe_plan plan;
	struct observer *observer;
	bool leaves[DP_CAPTURES_MAX];
};

int observer_create(const struct observer_config *config, struct observer **observer)
{
	struct observer *o = calloc(1, sizeof(*o));
	struct capture_writer_config writer = { .workers = config->workers,
						.ports = config->ports };
	int error;

	if (!o)
		return -ENOMEM;
	o->config = *config;
	writer.copies = o->hooks.copies;
	for (unsigned i = 0; i < config->ports; i++) {
		writer.port_names[i] = config->port_names[i];
		if (config->port_ids[i] < DP_PORTS_MAX)
			writer.port_index[config->port_ids[i]] = (uint8_t)i;
	}
	error = observe_init();
	if (!error)
		error = capture_writer_create(&writer, &o->writer);
	if (error) {
		free(o);
		return error;
	}
	*observer = o;
	return 0;
}

int observer_leave(struct observer *o)
{
	return o ? capture_writer_destroy(o->writer) : 0;
}

int observer_destroy(struct observer *o)
{
	int error;

	if (!o)
		return 0;
	/* so that no plan's end comes after this */
	urcu_qsbr_barrier();
	error = capture_writer_destroy(o->writer);
	if (error)
		return error;
	for (unsigned i = 0; i < o->config.workers; i++) {
		rte_ring_free(o->hooks.copies[i]);
		rte_ring_free(o->hooks.records[i]);
	}
	rte_mempool_free(o->pool);
	free(atomic_load(&o->hooks.plan)
		     ? caa_container_of(atomic_load(&o->hooks.plan), struct plan_box, plan)
		     : NULL);
	free(o);
	return 0;
}

struct observe *observer_hooks(struct observer *o)
{
	return &o->hooks;
}

static struct rte_ring *make_ring(const char *kind, unsigned worker, unsigned element,
				  unsigned size)
{
	char name[32];

	snprintf(name, sizeof(name), "%s%u", kind, worker);
	return rte_ring_create_elem(name, element, size, SOCKET_ID_ANY,
				    RING_F_SP_ENQ | RING_F_SC_DEQ);
}

static int make_copies(struct observer *o)
{
	for (unsigned i = 0; i < o->config.workers; i++) {
		if (!o->hooks.copies[i])
			o->hooks.copies[i] =
				make_ring("copies", i, sizeof(void *), OBSERVE_COPIES_RING);
		if (!o->hooks.copies[i])
			return -ENOMEM;
	}
	/* The writer may lose its CPU while it gives buffers back: nobody is to wait for it. */
	if (!o->pool)
		o->pool = rte_pktmbuf_pool_create_by_ops(
			"copies", COPIES, 64, sizeof(struct observe_copy),
			(uint16_t)rte_pcapng_mbuf_size(FRAME_MAX + 64), SOCKET_ID_ANY,
			"ring_mt_rts");
	return o->pool ? 0 : -ENOMEM;
}

static int make_records(struct observer *o)
{
	for (unsigned i = 0; i < o->config.workers; i++) {
		if (!o->hooks.records[i])
			o->hooks.records[i] = make_ring(
				"records", i, sizeof(struct dp_trace_record), OBSERVE_RECORDS_RING);
		if (!o->hooks.records[i])
			return -ENOMEM;
	}
	return 0;
}

/* --- what the workers look for --- */

static uint16_t port_id(const struct observer *o, uint16_t index)
{
	return index == DP_PORT_ANY ? DP_PORT_ANY : o->config.port_ids[index];
}

/* Grace-period thread: each worker has ended the walk in which it could see the plan. */
static void plan_gone(struct rcu_head *head)
{
	struct plan_box *box = caa_container_of(head, struct plan_box, plan.rcu);
	struct observer *o = box->observer;

	for (unsigned i = 0; i < DP_CAPTURES_MAX; i++) {
		if (!box->leaves[i])
			continue;
		capture_stop(o->writer, i);
		atomic_store(&o->places[i].leaving, false);
	}
	free(box);
}

static bool fill_plan(const struct observer *o, struct observe_plan *plan)
{
	const struct trace *t = &o->trace;
	bool anything = t->owner != 0;

	plan->pool = o->pool;
	plan->any_call = anything; /* a trace begins at rx, where no call is known yet */
	for (unsigned i = 0; i < DP_CAPTURES_MAX; i++) {
		const struct place *p = &o->places[i];

		if (!p->planned)
			continue;
		anything = true;
		plan->any_call |= p->filter.label == 0;
		plan->captures[i] = (struct observe_capture){
			.id = p->id,
			.snap_length = RTE_MIN(p->snap_length, FRAME_MAX),
			.label = p->filter.label,
			.port = port_id(o, p->filter.port),
		};
	}
	if (t->owner)
		plan->trace = (struct observe_trace){ .id = t->id,
						      .packets = t->packets,
						      .label = t->filter.label,
						      .port = port_id(o, t->filter.port) };
	return anything;
}

/* What is not planned any more, and was, leaves with the plan that it replaces. */
static int publish(struct observer *o)
{
	const struct observe_plan *old = atomic_load(&o->hooks.plan);
	struct plan_box *box = calloc(1, sizeof(*box)), *gone;
	bool anything;

	if (!box)
		return -ENOMEM;
	box->observer = o;
	anything = fill_plan(o, &box->plan);
	atomic_store_explicit(&o->hooks.plan, anything ? &box->plan : NULL, memory_order_release);
	if (!anything)
		free(box);
	if (!old)
		return 0;
	gone = caa_container_of(old, struct plan_box, plan);
	for (unsigned i = 0; i < DP_CAPTURES_MAX; i++) {
		gone->leaves[i] = old->captures[i].id && !o->places[i].planned;
		if (gone->leaves[i])
			atomic_store(&o->places[i].leaving, true);
	}
	urcu_qsbr_call_rcu(&gone->plan.rcu, plan_gone);
	return 0;
}

static bool port_exists(const struct observer *o, uint16_t index)
{
	return index == DP_PORT_ANY || index < o->config.ports;
}

/* --- captures --- */

static void state_of(const struct observer *o, unsigned i, struct dp_capture_state *state)
{
	const struct place *p = &o->places[i];

	*state = (struct dp_capture_state){ .id = p->id, .filter = p->filter };
	state->snap_length = p->snap_length == UINT32_MAX ? 0 : p->snap_length;
	capture_read(o->writer, i, state);
	state->lost += atomic_load(&o->hooks.lost[i]) - p->lost_before;
	if (state->phase == DP_CAPTURE_RUNS && !p->planned)
		state->phase = DP_CAPTURE_CLOSING;
}

unsigned observer_captures(const struct observer *o,
			   struct dp_capture_state states[DP_CAPTURES_MAX])
{
	unsigned count = 0;

	for (unsigned i = 0; i < DP_CAPTURES_MAX; i++)
		if (o->places[i].id)
			state_of(o, i, &states[count++]);
	return count;
}

/* The place that ended longest ago, or was never used; -ENOSPC. */
static int find_place(const struct observer *o)
{
	int found = -ENOSPC;

	for (unsigned i = 0; i < DP_CAPTURES_MAX; i++) {
		const struct place *p = &o->places[i];
		struct dp_capture_state state;

		state_of(o, i, &state);
		if (state.phase != DP_CAPTURE_ENDED || p->planned || atomic_load(&p->leaving))
			continue;
		if (found < 0 || p->id < o->places[found].id)
			found = (int)i;
	}
	return found;
}

static int begin(struct observer *o, unsigned i, const struct observer_capture *capture, int fd)
{
	const struct capture_limits limits = { capture->packets_max, capture->bytes_max };
	struct place *p = &o->places[i];
	uint32_t id = o->captures + 1;
	int error = capture_start(o->writer, i, id, fd, &limits);

	if (error)
		return error;
	*p = (struct place){
		.id = id,
		.owner = capture->owner,
		.filter = capture->filter,
		.snap_length = capture->snap_length ? capture->snap_length : UINT32_MAX,
		.planned = true,
		.lost_before = atomic_load(&o->hooks.lost[i]),
	};
	o->captures = id;
	/* Where there are many contexts, or no memory for a flow now, the next ticks mark the rest. */
	flow_observe(o->config.flows, i, capture->filter.label);
	error = publish(o);
	if (error) {
		flow_observe(o->config.flows, i, 0);
		p->planned = false;
		capture_stop(o->writer, i);
	}
	return error;
}

int observer_capture_start(struct observer *o, const struct observer_capture *capture, int fd,
			   uint32_t *id)
{
	int place = find_place(o), error = capture_check_file(fd);

	if (!error && !port_exists(o, capture->filter.port))
		error = -ENODEV;
	if (!error && place < 0)
		error = place;
	if (!error)
		error = make_copies(o);
	if (error) {
		if (fd >= 0)
			close(fd);
		return error;
	}
	error = begin(o, (unsigned)place, capture, fd);
	if (error)
		return error;
	*id = o->places[place].id;
	LOG_INFO("capture", capture->filter.label, "capture %u begins", *id);
	return 0;
}

/* The new plan is the caller's. */
static void unplan(struct observer *o, unsigned i)
{
	o->places[i].planned = false;
	flow_observe(o->config.flows, i, 0);
}

static void log_end(const struct observer *o, unsigned i)
{
	struct dp_capture_state s;

	state_of(o, i, &s);
	LOG_INFO("capture", s.filter.label, "capture %u ends: %lu packets, %lu bytes, %lu lost%s%s",
		 s.id, s.packets, s.bytes, s.lost, s.error ? ", " : "",
		 s.error == -EDQUOT ? "limit reached"
		 : s.error          ? strerror(-s.error)
				    : "");
}

int observer_capture_stop(struct observer *o, uint32_t id)
{
	bool found = false, planned[DP_CAPTURES_MAX];
	int error = 0;

	for (unsigned i = 0; i < DP_CAPTURES_MAX; i++) {
		planned[i] = o->places[i].planned && (id == 0 || o->places[i].id == id);
		found |= planned[i] || (id && o->places[i].id == id);
		if (planned[i])
			o->places[i].planned = false;
	}
	if (!found)
		return id ? -ESTALE : 0;
	error = publish(o);
	for (unsigned i = 0; i < DP_CAPTURES_MAX; i++) {
		if (!planned[i])
			continue;
		o->places[i].planned = error != 0;
		if (error)
			continue;
		unplan(o, i);
		log_end(o, i);
	}
	return error;
}

void observer_tick(struct observer *o)
{
	for (unsigned i = 0; i < DP_CAPTURES_MAX; i++) {
		struct dp_capture_state state;

		if (!o->places[i].planned)
			continue;
		state_of(o, i, &state);
		if (state.phase != DP_CAPTURE_RUNS)
			observer_capture_stop(o, state.id);
	}
}

/* --- traces --- */

int observer_trace_start(struct observer *o, const struct dp_packet_filter *filter,
			 uint32_t packets, uint32_t owner)
{
	int error;

	if (!port_exists(o, filter->port))
		return -ENODEV;
	if (packets == 0 || packets > DP_TRACE_PACKETS_MAX)
		return -EINVAL;
	if (o->trace.owner)
		return -EBUSY;
	error = make_records(o);
	if (error)
		return error;
	o->trace = (struct trace){
		.id = ++o->traces, .owner = owner, .packets = packets, .filter = *filter
	};
	atomic_store(&o->hooks.traced, 0);
	flow_observe(o->config.flows, OBSERVE_TRACE_WATCH, filter->label);
	error = publish(o);
	if (error) {
		o->trace.owner = 0;
		flow_observe(o->config.flows, OBSERVE_TRACE_WATCH, 0);
	}
	return error;
}

static void trace_stop(struct observer *o)
{
	o->trace.owner = 0;
	publish(o); /* if it fails: workers note no packet beyond the number that was asked for */
	flow_observe(o->config.flows, OBSERVE_TRACE_WATCH, 0);
}

static uint16_t port_index(const struct observer *o, uint16_t id)
{
	for (unsigned i = 0; i < o->config.ports; i++)
		if (o->config.port_ids[i] == id)
			return (uint16_t)i;
	return DP_PORT_ANY;
}

static bool next_record(struct observer *o, struct dp_trace_record *record)
{
	struct trace *t = &o->trace;

	if (t->holds) {
		*record = t->held;
		t->holds = false;
		return true;
	}
	for (unsigned i = 0; i < o->config.workers; i++)
		while (rte_ring_sc_dequeue_elem(o->hooks.records[i], record, sizeof(*record)) == 0)
			if (record->trace == t->id && record->packet <= t->packets) {
				record->port = port_index(o, record->port);
				return true;
			}
	return false;
}

static void note_end(struct trace *t, const struct dp_trace_record *record)
{
	if (!record->left || t->ended[record->packet])
		return;
	t->ended[record->packet] = true;
	t->over++;
}

bool observer_trace_run(struct observer *o, uint64_t now_ms, uint32_t *owner,
			int (*send)(void *arg, uint32_t owner, const void *data, size_t size),
			void *arg)
{
	struct trace *t = &o->trace;
	struct dp_trace_record record;
	int error = 0;
	bool over;

	if (!t->owner)
		return false;
	*owner = t->owner;
	if (t->moved_ms == 0)
		t->moved_ms = now_ms;
	while (error == 0 && next_record(o, &record)) {
		error = send(arg, t->owner, &record, sizeof(record));
		if (error == -EAGAIN) {
			t->held = record;
			t->holds = true;
			break;
		}
		note_end(t, &record);
		t->moved_ms = now_ms;
	}
	if (error == -EAGAIN && now_ms - t->moved_ms < TRACE_DEAF_MS)
		return false;
	over = t->over == t->packets || (atomic_load(&o->hooks.traced) >= t->packets &&
					 now_ms - t->moved_ms > TRACE_IDLE_MS);
	if (!error && !over)
		return false;
	record = (struct dp_trace_record){ .magic = DP_SEGMENT_MAGIC, .last = 1, .trace = t->id };
	if (!error)
		error = send(arg, t->owner, &record, sizeof(record));
	trace_stop(o);
	return error == -EAGAIN;
}

void observer_owner_gone(struct observer *o, uint32_t owner)
{
	if (o->trace.owner == owner)
		trace_stop(o);
	for (unsigned i = 0; i < DP_CAPTURES_MAX; i++)
		if (o->places[i].planned && o->places[i].owner == owner)
			observer_capture_stop(o, o->places[i].id);
}
