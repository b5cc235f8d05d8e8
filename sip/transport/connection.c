/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "sip/transport/internal.h"
#include "sip/transport/quota.h"

struct sip_path connection_path(const struct connection *c)
{
	return (struct sip_path){
		.remote = c->remote,
		.flow = c->flow,
		.kind = c->kind,
		.listener = c->listener,
	};
}

void connection_hold(struct connection *c)
{
	c->holds++;
}

void connection_release(struct connection *c)
{
	if (--c->holds > 0 || c->state != CONNECTION_GONE)
		return;
	stream_free(c);
	free(c);
}

/* --- the epoll set --- */

static uint32_t events_wanted(const struct connection *c)
{
	switch (c->state) {
	case CONNECTION_CONNECTING:
		return EPOLLOUT;
	case CONNECTION_SHAKING:
		return EPOLLIN | (c->want_write ? EPOLLOUT : 0);
	default:
		return (c->last_words ? 0 : EPOLLIN) | (c->want_write ? EPOLLOUT : 0);
	}
}

static uint64_t event_data(const struct connection *c)
{
	return (uint64_t)c->flow.generation << 32 | c->flow.index;
}

static int listen_to(struct connection *c)
{
	struct epoll_event event = { .events = events_wanted(c), .data.u64 = event_data(c) };

	c->events = event.events;
	return epoll_ctl(c->transport->epoll, EPOLL_CTL_ADD, c->fd, &event) == 0 ? 0 : -errno;
}

static void update_events(struct connection *c)
{
	struct epoll_event event = { .events = events_wanted(c), .data.u64 = event_data(c) };

	if (event.events == c->events)
		return;
	c->events = event.events;
	epoll_ctl(c->transport->epoll, EPOLL_CTL_MOD, c->fd, &event);
}

/* --- time --- */

/* Not a word that it is there for, or a whole message begun but not ended. */
static uint64_t opening_since(const struct connection *c)
{
	if (c->state != CONNECTION_OPEN || (c->inbound && !c->heard))
		return c->made_ms;
	return c->partial_ms;
}

/* In time for a transaction to try elsewhere: timer B is 32 s. What is owed is looked at again a
 * little later, as it may be of a moment ago. */
#define UNACKNOWLEDGED_MS 20000u
#define LOOK_AGAIN_MS     4000u

static void on_time(struct timer *timer);

void connection_watch(struct connection *c)
{
	const struct sip_transport_limits *limits = &c->transport->limits;
	const uint64_t since = opening_since(c), now = transport_now(c->transport);
	uint64_t due = UINT64_MAX;

	if (c->state == CONNECTION_GONE)
		return;
	update_events(c);
	if (limits->idle_ms != 0)
		due = c->heard_ms + limits->idle_ms;
	if (since != 0 && since + limits->opening_ms < due)
		due = since + limits->opening_ms;
	if (c->stuck_ms != 0 && c->stuck_ms + limits->sending_ms < due)
		due = c->stuck_ms + limits->sending_ms;
	if (c->sent_ms != 0 && c->sent_ms + UNACKNOWLEDGED_MS < due)
		due = c->sent_ms + UNACKNOWLEDGED_MS;
	/* One that is set too early looks again when it fires: messages do not move timers. */
	if (due != UINT64_MAX && !(timer_is_set(&c->timer) && c->timer.due_ms <= due))
		timer_set(c->transport->config.wheel, &c->timer, due > now ? due - now : 1,
			  on_time);
}

static void time_out(struct connection *c, uint64_t *counter, const char *why)
{
	const struct sip_path path = connection_path(c);

	(*counter)++;
	transport_notice(c->transport, SIP_NOTICE_TIMEOUT, &path, why);
	connection_fail(c, -ETIMEDOUT);
}

static bool is_silent(struct connection *c, uint64_t now)
{
	bool silent, owes;

	if (c->sent_ms == 0 || now < c->sent_ms + UNACKNOWLEDGED_MS)
		return false;
	silent = tcp_is_silent(c->fd, UNACKNOWLEDGED_MS, &owes);
	c->sent_ms = owes ? now - UNACKNOWLEDGED_MS + LOOK_AGAIN_MS : 0;
	return silent;
}

static void on_time(struct timer *timer)
{
	struct connection *c =
		(struct connection *)((char *)timer - offsetof(struct connection, timer));
	struct sip_transport_stats *stats = &c->transport->stats;
	const struct sip_transport_limits *limits = &c->transport->limits;
	const uint64_t now = transport_now(c->transport), since = opening_since(c);

	if (since != 0 && now >= since + limits->opening_ms)
		time_out(c, &stats->timeouts_opening,
			 c->state == CONNECTION_CONNECTING ? "not connected in time"
			 : c->state == CONNECTION_SHAKING  ? "no handshake in time"
							   : "no whole message in time");
	else if (c->stuck_ms != 0 && now >= c->stuck_ms + limits->sending_ms)
		time_out(c, &stats->timeouts_sending, "takes nothing");
	else if (is_silent(c, now))
		time_out(c, &stats->timeouts_sending, "acknowledges nothing");
	else if (limits->idle_ms != 0 && now >= c->heard_ms + limits->idle_ms)
		time_out(c, &stats->timeouts_idle, "idle");
	else
		connection_watch(c);
}

/* --- the end --- */

static bool is_opening(const struct connection *c)
{
	return c->state != CONNECTION_OPEN || (c->inbound && !c->heard);
}

void connection_heard(struct connection *c)
{
	if (c->heard)
		return;
	c->transport->stats.opening -= is_opening(c);
	c->heard = true;
}

static void take_down(struct connection *c)
{
	struct sip_transport *transport = c->transport;

	transport->stats.opening -= is_opening(c);
	transport->stats.connections--;
	timer_cancel(transport->config.wheel, &c->timer);
	c->carrier->close(c);
	close(c->fd); /* leaves the epoll set by that */
	c->fd = -1;
	flow_remove(transport, c);
	if (c->counted)
		quota_leave(transport->config.quota, c->source);
	c->state = CONNECTION_GONE;
}

void connection_drop(struct connection *c)
{
	if (c->state == CONNECTION_GONE)
		return;
	connection_hold(c);
	take_down(c);
	connection_release(c);
}

static bool is_theirs(int error)
{
	return error == -ECONNRESET || error == -EPIPE || error == -EHOSTUNREACH;
}

/* Under each name that senders may have for it. alias: NULL: it had none. */
static void tell(const struct connection *c, const struct sip_address *alias, int error)
{
	const struct sip_transport_config *config = &c->transport->config;
	struct sip_path path = connection_path(c), other = path;

	if (config->flow_failed == NULL)
		return;
	config->flow_failed(config->arg, &path, error, c->shards);
	if (alias != NULL && !sip_address_equal(&c->known_as, alias)) {
		other.remote = *alias;
		config->flow_failed(config->arg, &other, error, c->shards);
	}
	if (c->known_as.family != 0 && !sip_address_equal(&c->known_as, &c->remote)) {
		path.remote = c->known_as;
		config->flow_failed(config->arg, &path, error, c->shards);
	}
	if (c->instead_of.index != 0) {
		path.flow = c->instead_of;
		config->flow_failed(config->arg, &path, error, c->shards);
	}
}

void connection_fail(struct connection *c, int error)
{
	struct sip_transport *transport = c->transport;
	struct sip_address alias;
	bool has_alias;

	if (c->state == CONNECTION_GONE)
		return;
	if (!c->inbound && c->state != CONNECTION_OPEN)
		transport->stats.connections_failed++;
	else if (is_theirs(error))
		transport->stats.connections_lost++;
	else
		transport->stats.connections_closed++;
	connection_hold(c);
	has_alias = alias_address(c, &alias);
	take_down(c);
	tell(c, has_alias ? &alias : NULL, error);
	connection_release(c);
}

/* --- the beginning --- */

static const struct connection_carrier *const carriers[SIP_TRANSPORT_KINDS] = {
	[SIP_TCP] = &tcp_carrier,
	[SIP_TLS] = &tls_carrier,
	[SIP_WS] = &tcp_carrier,
	[SIP_WSS] = &tls_carrier,
};

static struct connection *create(struct sip_transport *transport, int fd, unsigned listener,
				 const struct sip_address *remote)
{
	struct connection *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->transport = transport;
	c->kind = transport->listeners[listener].kind;
	c->carrier = carriers[c->kind];
	c->listener = (uint8_t)listener;
	c->remote = *remote;
	c->fd = fd;
	c->out_end = &c->out;
	c->made_ms = c->heard_ms = transport_now(transport);
	return c;
}

/* From here on it is closed by connection_fail(). */
static int admit(struct connection *c)
{
	struct sip_transport *transport = c->transport;
	int rc = flow_add(transport, c);

	if (rc != 0)
		return rc;
	rc = listen_to(c);
	if (rc != 0) {
		flow_remove(transport, c);
		return rc;
	}
	transport->stats.connections++;
	transport->stats.opening++;
	connection_watch(c);
	return 0;
}

static void begin(struct connection *c)
{
	int rc = c->carrier->shake(c);

	if (rc == -EAGAIN) {
		connection_watch(c);
		return;
	}
	if (rc != 0) {
		connection_fail(c, rc);
		return;
	}
	c->transport->stats.opening -= !c->inbound;
	c->state = CONNECTION_OPEN;
	connection_watch(c);
	if (c->out != NULL)
		stream_write(c);
}

static void refuse(struct sip_transport *transport, int fd, unsigned listener,
		   const struct sip_address *remote, uint64_t *counter, const char *why)
{
	const struct sip_path path = {
		.remote = *remote,
		.kind = transport->listeners[listener].kind,
		.listener = (uint8_t)listener,
	};

	(*counter)++;
	close(fd);
	transport_notice(transport, SIP_NOTICE_REFUSED, &path, why);
}

void connection_accept(struct sip_transport *transport, int fd, unsigned listener,
		       const struct sip_address *remote)
{
	struct sip_transport_stats *stats = &transport->stats;
	const struct sip_transport_config *config = &transport->config;
	struct quota_source *source = NULL;
	struct connection *c;
	int rc;

	if (config->welcome != NULL && !config->welcome(config->arg, remote)) {
		stats->refused_unwelcome++;
		close(fd);
		return;
	}
	rc = stats->opening >= transport->limits.opening_max
		     ? -EBUSY
		     : quota_enter(transport->config.quota, remote, &source);

	if (rc != 0) {
		refuse(transport, fd, listener, remote,
		       rc == -EBUSY    ? &stats->refused_opening
		       : rc == -EDQUOT ? &stats->refused_source
				       : &stats->refused_connections,
		       rc == -EBUSY    ? "too many that have sent nothing yet"
		       : rc == -EDQUOT ? "too many of this address"
				       : "too many");
		return;
	}
	c = create(transport, fd, listener, remote);
	if (c != NULL) {
		c->inbound = true;
		c->counted = true;
		c->source = source;
		c->state = CONNECTION_SHAKING;
	}
	if (c == NULL || admit(c) != 0) {
		free(c);
		quota_leave(transport->config.quota, source);
		refuse(transport, fd, listener, remote, &stats->refused_connections,
		       "out of memory");
		return;
	}
	stats->connections_accepted++;
	begin(c);
}

int connection_make(struct sip_transport *transport, const struct sip_path *to,
		    struct connection **made)
{
	const struct listener *listener = &transport->listeners[to->listener];
	struct quota_source *source;
	struct connection *c;
	int fd, rc;

	if (to->remote.family != listener->local.family || to->remote.port == 0)
		return -EAFNOSUPPORT;
	rc = quota_enter(transport->config.quota, NULL, &source);
	if (rc != 0)
		return rc;
	rc = tcp_connect(&listener->local, &to->remote, &fd);
	if (rc != 0) {
		transport->stats.connections_failed++;
		goto not_counted;
	}
	rc = -ENOMEM;
	c = create(transport, fd, to->listener, &to->remote);
	if (c == NULL)
		goto closed;
	c->counted = true;
	c->name = to->name;
	c->state = CONNECTION_CONNECTING;
	rc = admit(c);
	if (rc != 0)
		goto freed;
	transport->stats.connections_made++;
	*made = c;
	return 0;
freed:
	free(c);
closed:
	close(fd);
not_counted:
	quota_leave(transport->config.quota, NULL);
	return rc;
}

/* --- what the epoll set says --- */

static void on_connecting(struct connection *c)
{
	int rc = tcp_connected(c->fd);

	if (rc != 0) {
		connection_fail(c, rc);
		return;
	}
	c->state = CONNECTION_SHAKING;
	begin(c);
}

void connection_on_event(struct sip_transport *transport, uint64_t data, uint32_t events)
{
	const struct sip_flow flow = {
		.generation = (uint32_t)(data >> 32),
		.index = (uint32_t)data & FLOW_INDEX_MAX,
		.shard = transport->config.shard & UINT8_MAX,
	};
	struct connection *c = flow_find(transport, flow);

	if (c == NULL) /* closed by what another did in the same round */
		return;
	connection_hold(c);
	if (c->state == CONNECTION_CONNECTING)
		on_connecting(c);
	else if (c->state == CONNECTION_SHAKING)
		begin(c);
	if (c->state == CONNECTION_OPEN && (events & EPOLLOUT) != 0)
		stream_write(c);
	/* Not read any more, and the other side is gone: epoll would say so without end. */
	if (c->last_words && (events & (EPOLLHUP | EPOLLERR)) != 0)
		connection_fail(c, -ECONNRESET);
	if (c->state == CONNECTION_OPEN && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
		stream_read(c);
	connection_watch(c);
	connection_release(c);
}
