/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/monitor/monitor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "controlplane/monitor/calls.h"
#include "controlplane/monitor/file.h"
#include "sip/base/log.h"
#include "sip/message/message.h"
#include "sip/trace/hep.h"
#include "sip/trace/mask.h"

#define MESSAGE_MAX 65535u
#define FUTURE_NS   UINT64_C(1000000000)

struct monitor_listener {
	struct monitor_listener *next, **prev;
	bool secrets, gone;
	void (*message)(void *arg, const struct trace_record *record, const char *data);
	void *arg;
	struct trace_follow follow;
};

struct monitor {
	struct monitor_config config;
	uv_timer_t *timer;
	struct calls *calls;
	struct trace_file *file; /* NULL: none is wanted */
	struct trace_hep hep;
	int hep_socket; /* -1: none is wanted */
	bool said;      /* that the file cannot be written */
	bool running;   /* listeners stay where they are */
	struct monitor_listener *listeners;
	struct monitor_stats stats;
	char masked[MESSAGE_MAX];
	uint8_t packet[MESSAGE_MAX];
};

static bool is_wanted(const struct monitor *m)
{
	return m->file || m->hep_socket >= 0 || m->listeners;
}

static uint64_t wall_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* --- whom it goes to --- */

static void to_file(struct monitor *m, const struct trace_record *record, const char *data)
{
	int error = trace_file_write(m->file, record, data);

	if (!error) {
		m->stats.written++;
		m->said = false;
		return;
	}
	m->stats.write_errors++;
	if (!m->said)
		LOG_ERROR("monitor", 0, "%s: %s", m->config.config->sip_pcap.file,
			  strerror(-error));
	m->said = true;
}

static void to_collector(struct monitor *m, const struct trace_record *record, const char *data)
{
	size_t size = trace_hep_build(&m->hep, record, data, m->packet, sizeof(m->packet));

	if (size > 0 && send(m->hep_socket, m->packet, size, MSG_DONTWAIT) == (ssize_t)size)
		m->stats.hep_sent++;
	else
		m->stats.hep_errors++;
}

static void to_listeners(struct monitor *m, const struct trace_record *record,
			 const struct sip_msg *msg, const char *clear, const char *masked)
{
	for (struct monitor_listener *l = m->listeners; l; l = l->next) {
		if (!l->gone && trace_follow_wants(&l->follow, record, msg))
			l->message(l->arg, record, l->secrets ? clear : masked);
	}
}

static void pass_on(struct monitor *m, const struct trace_record *from, const char *data)
{
	struct trace_record record = *from;
	struct sip_parse_error error;
	struct sip_msg *msg = NULL;

	if (record.size > MESSAGE_MAX)
		return;
	m->stats.messages++;
	sip_msg_parse(data, record.size, NULL, &msg, &error);
	if (msg)
		record.call = calls_find(m->calls, sip_msg_value(msg, SIP_H_CALL_ID));
	memcpy(m->masked, data, record.size);
	trace_mask(m->masked, record.size);
	if (m->file)
		to_file(m, &record, m->masked);
	if (m->hep_socket >= 0)
		to_collector(m, &record, m->masked);
	to_listeners(m, &record, msg, data, m->masked);
	if (msg)
		sip_msg_unref(msg);
}

/* --- the rings --- */

struct reading {
	struct trace_ring *ring;
	uint64_t cursor, taken; /* behind the one that is looked at, behind what was passed on */
	const struct trace_record *record; /* NULL: no more */
	const char *data;
};

static void step(struct reading *r)
{
	r->taken = r->cursor;
	do
		r->record = trace_ring_next(r->ring, &r->cursor, &r->data);
	while (r->record && r->record->kind == TRACE_CALL);
	if (!r->record)
		r->taken = r->cursor;
}

/* Which call is whose is told after the first message of a leg. */
static void learn(struct monitor *m, struct trace_ring *ring)
{
	const struct trace_record *record;
	uint64_t cursor = 0;
	const char *data;

	while ((record = trace_ring_next(ring, &cursor, &data)))
		if (record->kind == TRACE_CALL)
			calls_learn(m->calls, (struct slice){ data, record->size }, record->call);
}

/* What is of a time to come was written before the clock was set back: it waits for nothing. */
static uint64_t due_ns(const struct reading *r, uint64_t until_ns)
{
	const uint64_t time_ns = r->record->time_ns;

	return time_ns > until_ns && time_ns - until_ns > FUTURE_NS ? 0 : time_ns;
}

static struct reading *earliest(struct reading *readings, unsigned count, uint64_t until_ns)
{
	struct reading *first = NULL;

	for (unsigned i = 0; i < count; i++)
		if (readings[i].record &&
		    (!first || due_ns(&readings[i], until_ns) < due_ns(first, until_ns)))
			first = &readings[i];
	return first;
}

static void read_rings(struct monitor *m, uint64_t until_ns)
{
	struct reading readings[16] = { { 0 } }, *r;
	unsigned count = 0;

	for (unsigned i = 0; i < m->config.tap_count; i++) {
		if (!m->config.taps[i]->ring)
			continue;
		readings[count].ring = m->config.taps[i]->ring;
		learn(m, readings[count].ring);
		step(&readings[count++]);
	}
	while ((r = earliest(readings, count, until_ns)) && due_ns(r, until_ns) < until_ns) {
		pass_on(m, r->record, r->data);
		step(r);
	}
	for (unsigned i = 0; i < count; i++)
		trace_ring_take(readings[i].ring, readings[i].taken);
	if (m->file)
		trace_file_flush(m->file);
}

static void forget_gone(struct monitor *m);

void monitor_run(struct monitor *m, uint64_t until_ns)
{
	m->running = true;
	read_rings(m, until_ns);
	m->running = false;
	forget_gone(m);
}

static void on_timer(uv_timer_t *timer)
{
	monitor_run(timer->data, wall_ns() - MONITOR_HOLD_MS * UINT64_C(1000000));
}

static int look(struct monitor *m)
{
	for (unsigned i = 0; i < m->config.tap_count; i++) {
		int error = tap_on(m->config.taps[i]);

		if (error)
			return error;
	}
	if (m->timer)
		uv_timer_start(m->timer, on_timer, MONITOR_PERIOD_MS, MONITOR_PERIOD_MS);
	return 0;
}

static void look_away(struct monitor *m)
{
	for (unsigned i = 0; i < m->config.tap_count; i++)
		tap_off(m->config.taps[i]);
	read_rings(m, UINT64_MAX);
	if (m->timer)
		uv_timer_stop(m->timer);
}

static void forget_gone(struct monitor *m)
{
	struct monitor_listener *l = m->listeners, *next;
	bool any = false;

	for (; l; l = next) {
		next = l->next;
		if (!l->gone)
			continue;
		*l->prev = next;
		if (next)
			next->prev = l->prev;
		free(l);
		m->stats.listeners--;
		any = true;
	}
	if (any && !is_wanted(m))
		look_away(m);
}

/* --- listeners --- */

int monitor_listen(struct monitor *m, const struct trace_filter *filter, bool secrets,
		   void (*message)(void *arg, const struct trace_record *record, const char *data),
		   void *arg, struct monitor_listener **listener)
{
	const bool wanted = is_wanted(m);
	struct monitor_listener *l = calloc(1, sizeof(*l));
	int error = l ? 0 : -ENOMEM;

	if (!error && !wanted)
		error = look(m);
	if (error) {
		free(l);
		return error;
	}
	l->follow.filter = *filter;
	l->secrets = secrets;
	l->message = message;
	l->arg = arg;
	l->next = m->listeners;
	l->prev = &m->listeners;
	if (l->next)
		l->next->prev = &l->next;
	m->listeners = l;
	m->stats.listeners++;
	*listener = l;
	return 0;
}

void monitor_unlisten(struct monitor *m, struct monitor_listener *l)
{
	l->gone = true;
	if (!m->running)
		forget_gone(m);
}

void monitor_know(struct monitor *m, uint64_t call, struct slice call_id)
{
	calls_learn(m->calls, call_id, call);
}

void monitor_stats(const struct monitor *m, struct monitor_stats *stats)
{
	*stats = m->stats;
	for (unsigned i = 0; i < m->config.tap_count; i++)
		if (m->config.taps[i]->ring)
			stats->dropped += trace_ring_dropped(m->config.taps[i]->ring);
}

/* --- life --- */

static int open_collector(struct monitor *m, char *why, size_t why_size)
{
	const struct config_hep *hep = &m->config.config->hep;
	struct sockaddr_storage name;
	struct sip_address address;
	socklen_t size;

	if (!hep->address)
		return 0;
	m->hep = (struct trace_hep){ hep->capture_id, hep->password };
	if (sip_address_parse(slice_of(hep->address), hep->port, &address) != 0) {
		snprintf(why, why_size, "monitor.hep.address: %s", hep->address);
		return -EINVAL;
	}
	size = sip_address_to(&address, &name);
	m->hep_socket = socket(address.family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (m->hep_socket < 0 ||
	    connect(m->hep_socket, (const struct sockaddr *)&name, size) != 0) {
		snprintf(why, why_size, "monitor.hep: %s: %s", hep->address, strerror(errno));
		return -errno;
	}
	return 0;
}

static int open_file(struct monitor *m, char *why, size_t why_size)
{
	const struct config_sip_pcap *pcap = &m->config.config->sip_pcap;
	int error;

	if (!pcap->file)
		return 0;
	error = trace_file_open(pcap->file, (uint64_t)pcap->size_mb << 20, &m->file);
	if (error)
		snprintf(why, why_size, "monitor.sip_pcap.file: %s: %s", pcap->file,
			 strerror(-error));
	return error;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle);
}

void monitor_destroy(struct monitor *m)
{
	if (!m)
		return;
	if (m->timer)
		uv_close((uv_handle_t *)m->timer, on_closed);
	if (m->calls)
		look_away(m);
	m->timer = NULL;
	while (m->listeners) {
		struct monitor_listener *l = m->listeners;

		m->listeners = l->next;
		free(l);
	}
	trace_file_close(m->file);
	if (m->hep_socket >= 0)
		close(m->hep_socket);
	for (unsigned i = 0; i < m->config.tap_count; i++)
		tap_destroy(m->config.taps[i]);
	calls_destroy(m->calls);
	free(m);
}

int monitor_create(const struct monitor_config *config, struct monitor **out, char *why,
		   size_t why_size)
{
	struct monitor *m = calloc(1, sizeof(*m));
	int error;

	if (!m)
		return -ENOMEM;
	error = 0;
	m->config = *config;
	m->hep_socket = -1;
	if (config->loop) {
		m->timer = calloc(1, sizeof(*m->timer));
		error = m->timer ? uv_timer_init(config->loop, m->timer) : -ENOMEM;
		if (error)
			goto failed;
		m->timer->data = m;
	}
	error = calls_create(&m->calls);
	if (!error)
		error = open_collector(m, why, why_size);
	if (!error)
		error = open_file(m, why, why_size);
	if (!error && is_wanted(m))
		error = look(m);
	if (error)
		goto failed;
	*out = m;
	return 0;
failed:
	monitor_destroy(m);
	return error;
}
