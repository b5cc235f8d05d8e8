/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/resolve/cares.h"

#include <ares.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#define HOSTS_TTL_S  60u  /* of what /etc/hosts says */
#define EDNS_SIZE    1232 /* what passes everywhere in one piece */
#define SERVERS_TEXT 2048

struct cares {
	struct sip_dns dns;
	uv_loop_t *loop;
	ares_channel channel;
	uv_timer_t *timer; /* a handle outlives this until the loop has let go of it */
	struct question *questions;
	bool closing;
};

struct question {
	struct cares *cares;
	struct question *next, **prev;
	enum dns_type type;
	dns_done *done; /* NULL: cancelled */
	void *arg;
};

/* A socket of c-ares' that the loop watches. */
struct watch {
	uv_poll_t poll;
	struct cares *cares;
};

static void free_handle(uv_handle_t *handle)
{
	free(handle);
}

/* --- the loop --- */

static void set_timer(struct cares *c);

static void on_timer(uv_timer_t *timer)
{
	struct cares *c = timer->data;

	ares_process_fd(c->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	set_timer(c);
}

static void set_timer(struct cares *c)
{
	struct timeval tv, *next = ares_timeout(c->channel, NULL, &tv);

	if (c->closing)
		return;
	if (next == NULL)
		uv_timer_stop(c->timer);
	else
		uv_timer_start(c->timer, on_timer,
			       (uint64_t)next->tv_sec * 1000 + (uint64_t)next->tv_usec / 1000 + 1,
			       0);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
	struct watch *watch = (struct watch *)poll;
	struct cares *c = watch->cares;
	uv_os_fd_t fd;

	if (uv_fileno((uv_handle_t *)poll, &fd) != 0)
		return;
	ares_process_fd(c->channel, status < 0 || (events & UV_READABLE) ? fd : ARES_SOCKET_BAD,
			status < 0 || (events & UV_WRITABLE) ? fd : ARES_SOCKET_BAD);
	set_timer(c);
}

struct find_watch {
	struct cares *cares;
	uv_os_fd_t fd;
	struct watch *found;
};

static void find_watch(uv_handle_t *handle, void *arg)
{
	struct find_watch *find = arg;
	uv_os_fd_t fd;

	if (handle->type == UV_POLL && handle->data == find->cares && !uv_is_closing(handle) &&
	    uv_fileno(handle, &fd) == 0 && fd == find->fd)
		find->found = (struct watch *)handle;
}

/* c-ares tells which of its few sockets it wants to hear of. */
static void on_socket(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct cares *c = arg;
	struct find_watch find = { .cares = c, .fd = fd };
	struct watch *watch;

	uv_walk(c->loop, find_watch, &find);
	watch = find.found;
	if (!readable && !writable) {
		if (watch != NULL) {
			uv_poll_stop(&watch->poll);
			uv_close((uv_handle_t *)&watch->poll, free_handle);
		}
		return;
	}
	if (watch == NULL) {
		watch = calloc(1, sizeof(*watch));
		if (watch == NULL || uv_poll_init(c->loop, &watch->poll, fd) != 0) {
			free(watch); /* the question times out */
			return;
		}
		watch->cares = c;
		watch->poll.data = c;
	}
	uv_poll_start(&watch->poll, (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0),
		      on_ready);
}

/* --- questions --- */

static void question_free(struct question *q)
{
	*q->prev = q->next;
	if (q->next != NULL)
		q->next->prev = q->prev;
	free(q);
}

static void on_answer(void *arg, int status, int timeouts, unsigned char *reply, int size)
{
	struct question *q = arg;
	struct dns_answer *answer = NULL;
	int error = -EAGAIN;

	(void)timeouts;
	if (q->done != NULL && reply != NULL && size > 0 &&
	    (status == ARES_SUCCESS || status == ARES_ENODATA || status == ARES_ENOTFOUND)) {
		answer = malloc(sizeof(*answer));
		error = answer == NULL ? -ENOMEM
				       : dns_answer_read(reply, (size_t)size, q->type, answer);
	}
	if (q->done != NULL)
		q->done(q->arg, error, error == 0 ? answer : NULL);
	free(answer);
	question_free(q);
}

/* What the machine's own file says comes before what servers say. */
static bool in_hosts_file(struct cares *c, const char *name, enum dns_type type, dns_done *done,
			  void *arg)
{
	const int family = type == DNS_A ? AF_INET : AF_INET6;
	struct hostent *host = NULL;
	struct dns_answer *answer;
	bool found = false;

	if (type != DNS_A && type != DNS_AAAA)
		return false;
	if (ares_gethostbyname_file(c->channel, name, family, &host) != ARES_SUCCESS)
		return false;
	answer = calloc(1, sizeof(*answer));
	if (answer != NULL) {
		answer->ttl_s = HOSTS_TTL_S;
		for (char **a = host->h_addr_list; *a != NULL && answer->count < DNS_RECORDS_MAX;
		     a++) {
			struct dns_record *record = &answer->records[answer->count++];

			record->type = (uint16_t)type;
			record->address.family = (uint16_t)family;
			memcpy(record->address.ip, *a, family == AF_INET ? 4 : 16);
		}
		found = answer->count > 0;
		if (found)
			done(arg, 0, answer);
	}
	free(answer);
	ares_free_hostent(host);
	return found;
}

static void ask(struct sip_dns *dns, const char *name, enum dns_type type, dns_done *done,
		void *arg)
{
	struct cares *c = (struct cares *)dns;
	struct question *q;

	if (in_hosts_file(c, name, type, done, arg))
		return;
	q = calloc(1, sizeof(*q));
	if (q == NULL) {
		done(arg, -ENOMEM, NULL);
		return;
	}
	*q = (struct question){ .cares = c, .type = type, .done = done, .arg = arg };
	q->next = c->questions;
	q->prev = &c->questions;
	if (q->next != NULL)
		q->next->prev = &q->next;
	c->questions = q;
	ares_query(c->channel, name, ns_c_in, (int)type, on_answer, q);
	set_timer(c);
}

static void cancel(struct sip_dns *dns, void *arg)
{
	struct cares *c = (struct cares *)dns;

	for (struct question *q = c->questions; q != NULL; q = q->next)
		if (q->arg == arg)
			q->done = NULL;
}

/* --- life --- */

static int set_servers(struct cares *c, const struct sip_cares_config *config, char *why,
		       size_t why_size)
{
	char csv[SERVERS_TEXT];
	size_t n = 0;
	int status;

	for (unsigned i = 0; i < config->server_count; i++) {
		n += (size_t)snprintf(csv + n, sizeof(csv) - n, "%s%s", i > 0 ? "," : "",
				      config->servers[i]);
		if (n >= sizeof(csv)) {
			snprintf(why, why_size, "too many name servers");
			return -EINVAL;
		}
	}
	if (n == 0)
		return 0;
	status = ares_set_servers_ports_csv(c->channel, csv);
	if (status == ARES_SUCCESS)
		return 0;
	snprintf(why, why_size, "name servers %s: %s", csv, ares_strerror(status));
	return -EINVAL;
}

int sip_cares_create(const struct sip_cares_config *config, struct sip_dns **dns, char *why,
		     size_t why_size)
{
	struct cares *c = calloc(1, sizeof(*c));
	struct ares_options options = {
		.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_EDNS,
		.timeout = (int)config->timeout_ms,
		.tries = (int)config->tries,
		.sock_state_cb = on_socket,
		.sock_state_cb_data = c,
		.ednspsz = EDNS_SIZE,
	};
	int status, rc = -ENOMEM;

	snprintf(why, why_size, "out of memory");
	if (c == NULL)
		return rc;
	c->dns = (struct sip_dns){ .ask = ask, .cancel = cancel };
	c->loop = config->loop;
	c->timer = calloc(1, sizeof(*c->timer));
	if (c->timer == NULL)
		goto no_timer;
	status = ares_library_init(ARES_LIB_INIT_ALL);
	if (status == ARES_SUCCESS)
		status = ares_init_options(&c->channel, &options,
					   ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
						   ARES_OPT_SOCK_STATE_CB | ARES_OPT_EDNSPSZ);
	if (status != ARES_SUCCESS) {
		snprintf(why, why_size, "c-ares: %s", ares_strerror(status));
		rc = status == ARES_ENOMEM ? -ENOMEM : -EINVAL;
		goto no_channel;
	}
	rc = set_servers(c, config, why, why_size);
	if (rc == 0)
		rc = uv_timer_init(c->loop, c->timer);
	if (rc != 0) {
		ares_destroy(c->channel);
		goto no_channel;
	}
	c->timer->data = c;
	*dns = &c->dns;
	return 0;
no_channel:
	free(c->timer);
no_timer:
	free(c);
	return rc;
}

void sip_cares_destroy(struct sip_dns *dns)
{
	struct cares *c = (struct cares *)dns;

	if (c == NULL)
		return;
	c->closing = true;
	for (struct question *q = c->questions; q != NULL; q = q->next)
		q->done = NULL;
	ares_destroy(c->channel); /* which answers all that is open */
	uv_timer_stop(c->timer);
	uv_close((uv_handle_t *)c->timer, free_handle);
	free(c);
}
