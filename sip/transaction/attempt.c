/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A request with several targets (RFC 3263 §4.3). The transaction that its user holds begins anew
 * with each: another branch, another path, the same request. What the one before still has to do
 * (the ACK to a 503, the CANCEL to what answers too late) is left to another transaction that
 * nobody holds.
 *
 *   resolving ─→ target 1 ─(503, silence, cannot be sent)─→ target 2 ─→ … ─→ the user is told
 */
#include <errno.h>

#include "sip/transaction/internal.h"

#define LINES_TEXT 1024
#define VIA_USUAL  100u /* bytes, to judge the size before there is one */

static void attempt_late(struct timer *timer);

/* --- the way to a target --- */

static int make_path(const struct attempts *a, uint8_t kind, const struct sip_address *address,
		     struct sip_path *path)
{
	const struct sip_transactions_config *config = &a->t->layer->config;

	const int rc = config->path(config->send_arg, kind, a->listeners, address, path);

	if (rc == 0 && kind == SIP_TLS && a->targets.by_name && config->tls_name != NULL)
		path->name = config->tls_name(config->send_arg, slice_of(a->targets.domain));
	return rc;
}

/* RFC 3261 §18.1.1 */
static bool wants_stream(const struct sip_transaction *t, const struct sip_target *target)
{
	const struct attempts *a = t->attempts;
	const struct sip_transactions_config *config = &t->layer->config;
	const struct sip_target stream = { .address = target->address, .kind = SIP_TCP };

	return target->kind == SIP_UDP && a->may_switch && !a->plain && config->datagram_max != 0 &&
	       t->sent.n - (t->rest - t->via) + VIA_USUAL > config->datagram_max &&
	       sip_resolver_state(config->resolver, &stream) == SIP_TARGET_OK;
}

/* The next one. false: there is none. */
static bool next_way(struct sip_transaction *t, struct sip_path *path)
{
	struct attempts *a = t->attempts;

	for (;;) {
		if (a->switched) {
			a->switched = false;
			a->plain = true;
		} else if (a->begun) {
			a->at++;
			a->plain = false;
		}
		a->begun = true;
		if (a->at >= a->targets.count)
			return false;
		const struct sip_target *target = &a->targets.list[a->at];

		a->switched = wants_stream(t, target) &&
			      make_path(a, SIP_TCP, &target->address, path) == 0;
		if (a->switched || make_path(a, target->kind, &target->address, path) == 0)
			return true;
	}
}

static bool has_more(const struct attempts *a)
{
	return a->switched || a->at + 1 < a->targets.count;
}

static void report(const struct sip_transaction *t, enum sip_target_state state,
		   unsigned retry_after_s)
{
	const struct sip_target target = { .address = t->path.remote, .kind = t->path.kind };
	struct sip_resolver *resolver = t->layer->config.resolver;

	if (resolver != NULL &&
	    (state != SIP_TARGET_OK || sip_resolver_state(resolver, &target) != SIP_TARGET_OK))
		sip_resolver_report(resolver, &target, state, retry_after_s);
}

/* --- one attempt --- */

static int send_once(struct sip_transaction *t, const struct sip_path *path, struct kept *whole)
{
	const int rc = layer_send(t->layer, path, (struct slice){ whole->p, whole->n });

	t->layer->stats.requests_out[t->method]++;
	kept_drop(t->layer, whole);
	return rc;
}

static int attempt(struct sip_transaction *t, const struct sip_path *path)
{
	struct sip_transactions *layer = t->layer;
	struct attempts *a = t->attempts;
	const struct slice first = { t->sent.p, t->via };
	const struct slice rest = { t->sent.p + t->rest, t->sent.n - t->rest };
	char branch[BRANCH_TEXT], buffer[LINES_TEXT];
	struct sip_build lines;
	struct kept whole;
	uint32_t rest_at;
	int rc;

	if (client_is_held(layer, path, (struct slice){ t->sent.p, t->sent.n }))
		return -EBUSY;
	sip_build_init(&lines, buffer, sizeof(buffer));
	if (a->lines != NULL)
		a->lines(a->lines_arg, path, &lines);
	layer_mint_branch(layer, branch);
	rc = lines.overflow ? -EINVAL
			    : assemble(layer, path, first, (struct slice){ buffer, lines.used },
				       rest, branch, &whole, &rest_at);
	if (rc != 0)
		return rc;
	if (t->method == SIP_ACK)
		return send_once(t, path, &whole);
	client_set(t, path, slice_of(branch), &whole);
	t->rest = rest_at;
	t->state = STATE_NONE;
	t->send_error = 0;
	transaction_step_quiet(t, EVENT_START, NULL);
	rc = t->send_error;
	t->send_error = 0;
	if (rc != 0) {
		t->state = STATE_NONE;
		return rc;
	}
	layer->stats.requests_out[t->method]++;
	if (has_more(a) && layer->config.attempt_ms != 0)
		timer_set(layer->config.wheel, &a->timer, layer->config.attempt_ms, attempt_late);
	return 0;
}

/* Tries those that are left until one can be sent to. */
static int go_on(struct sip_transaction *t)
{
	struct sip_path path;
	int rc = -ENETUNREACH;

	timer_cancel(t->layer->config.wheel, &t->attempts->timer);
	timer_cancel(t->layer->config.wheel, &t->resend);
	timer_cancel(t->layer->config.wheel, &t->life);
	while (next_way(t, &path)) {
		rc = attempt(t, &path);
		if (rc == 0 || rc == -ENOMEM)
			return rc;
		report(t, rc == -EBUSY ? SIP_TARGET_BUSY : SIP_TARGET_DEAD, 0);
	}
	return rc;
}

/* --- what an attempt leaves behind --- */

static void on_late(void *arg, struct sip_transaction *client, struct sip_msg *response)
{
	const struct sip_tu *tu = &((struct sip_transactions *)arg)->config.tu;

	if (response->status >= 200 && response->status < 300 && tu->late_success != NULL)
		tu->late_success(tu->arg, response, sip_transaction_path(client));
}

static const struct sip_transaction_user late_user = { .response = on_late };

/* An INVITE that was refused repeats its ACK; one that nobody has answered is cancelled if
 * somebody does. */
static void leave_behind(struct sip_transaction *t)
{
	struct sip_transactions *layer = t->layer;
	struct sip_transaction *rest;

	if (t->kind != MACHINE_INVITE_CLIENT ||
	    (t->state != STATE_CALLING && (t->state != STATE_COMPLETED || t->reliable)))
		return;
	rest = transaction_new(layer, t->kind, &t->path);
	if (rest == NULL)
		return;
	rest->method = t->method;
	rest->state = t->state;
	rest->via = t->via;
	rest->rest = t->rest;
	hash_index_remove(&layer->clients, &t->node);
	hash_index_insert(&layer->clients, &rest->node, t->node.hash);
	if (t->state == STATE_COMPLETED) {
		rest->stored = t->stored;
		t->stored = (struct kept){ 0 };
		transaction_start_timer(rest, ACTION_TIMER_D);
		transaction_finish(rest);
		transaction_remember(rest);
		return;
	}
	rest->cancel_wanted = true;
	rest->user = &late_user;
	rest->arg = layer;
	if (kept_set(layer, &rest->sent, (struct slice){ t->sent.p, t->sent.n }) != 0) {
		transaction_free(rest);
		return;
	}
	transaction_start_timer(rest, ACTION_TIMER_B);
}

static bool is_cancelled(const struct sip_transaction *t)
{
	return t->cancel_wanted || t->cancel_sent;
}

/* true: it goes on, or has failed for good and its user knows. */
static bool move_on(struct sip_transaction *t)
{
	leave_behind(t);
	kept_drop(t->layer, &t->stored);
	t->layer->stats.failed_over++;
	if (go_on(t) != 0)
		transaction_fail(t, SIP_FAILURE_TRANSPORT);
	return true;
}

static void attempt_late(struct timer *timer)
{
	struct attempts *a = (struct attempts *)((char *)timer - offsetof(struct attempts, timer));
	struct sip_transaction *t = a->t;

	layer_settle(t->layer);
	if (t->state == STATE_NONE) /* cancelled before anything was sent */
		transaction_fail(t, SIP_FAILURE_TIMEOUT);
	else if (t->state <= STATE_TRYING && !is_cancelled(t)) {
		report(t, SIP_TARGET_DEAD, 0);
		move_on(t);
	}
}

bool attempts_response(struct sip_transaction *t, const struct sip_msg *response)
{
	struct attempts *a = t->attempts;
	uint32_t retry_after_s = 0;

	timer_cancel(t->layer->config.wheel, &a->timer);
	if (response->status != 503) {
		report(t, SIP_TARGET_OK, 0);
		return false;
	}
	/* "120;duration=3600 (maintenance)" */
	struct slice value = sip_msg_value(response, SIP_H_RETRY_AFTER);
	struct slice number = slice_split(&value, ';');

	number = slice_trim(slice_split(&number, '('));
	if (slice_to_u32(number, UINT32_MAX, &retry_after_s) != 0)
		retry_after_s = 0;
	report(t, SIP_TARGET_BUSY, retry_after_s);
	return has_more(a) && !is_cancelled(t) && move_on(t);
}

bool attempts_failed(struct sip_transaction *t)
{
	struct attempts *a = t->attempts;

	if (is_cancelled(t))
		return false;
	report(t, SIP_TARGET_DEAD, 0);
	return has_more(a) && move_on(t);
}

/* --- life --- */

void attempts_end(struct sip_transaction *t)
{
	struct attempts *a = t->attempts;

	if (a == NULL)
		return;
	if (a->query != NULL)
		sip_query_cancel(a->query);
	timer_cancel(t->layer->config.wheel, &a->timer);
	t->attempts = NULL;
	pool_give(&t->layer->attempt_pool, a);
}

void attempts_detach(struct sip_transaction *t)
{
	if (t->attempts != NULL)
		t->attempts->lines = NULL;
}

void attempts_cancel(struct sip_transaction *t)
{
	struct attempts *a = t->attempts;

	if (a->query != NULL)
		sip_query_cancel(a->query);
	a->query = NULL;
	timer_set(t->layer->config.wheel, &a->timer, 0, attempt_late);
}

/* Without an address for the URI the path serves, if there is one. */
static int begin(struct sip_transaction *t, int error)
{
	struct attempts *a = t->attempts;
	int rc;

	if (error == 0)
		return go_on(t);
	a->targets.count = 0;
	if (a->fallback.remote.family == 0 || error == -EBUSY)
		return error;
	rc = attempt(t, &a->fallback);
	return rc;
}

static void on_resolved(void *arg, int error, const struct sip_targets *targets)
{
	struct sip_transaction *t = arg;
	struct attempts *a = t->attempts;

	layer_settle(t->layer);
	a->query = NULL;
	if (error == 0)
		a->targets = *targets;
	error = begin(t, error);
	if (t->method == SIP_ACK)
		transaction_free(t);
	else if (error != 0)
		transaction_fail(t, SIP_FAILURE_TRANSPORT);
}

/* What listeners there are decides what can be reached. */
static struct sip_reach reach_of(const struct attempts *a)
{
	static const struct sip_address families[] = { { .family = AF_INET, .port = 1 },
						       { .family = AF_INET6, .port = 1 } };
	struct sip_reach reach = { 0, 0 };
	struct sip_path path;

	for (uint8_t kind = SIP_UDP; kind <= SIP_WSS; kind++) {
		if (make_path(a, kind, &families[0], &path) == 0)
			reach.ipv4 |= (uint8_t)(1u << kind);
		if (make_path(a, kind, &families[1], &path) == 0)
			reach.ipv6 |= (uint8_t)(1u << kind);
	}
	return reach;
}

static int create(struct sip_transactions *layer, const struct sip_destination *to,
		  struct slice message, enum sip_method method, struct sip_transaction **created)
{
	struct sip_transaction *t = transaction_new(
		layer, method == SIP_INVITE ? MACHINE_INVITE_CLIENT : MACHINE_CLIENT, &to->path);
	struct slice rest = message;

	if (t == NULL)
		return -ENOMEM;
	t->method = method;
	t->attempts = pool_take(&layer->attempt_pool);
	if (t->attempts == NULL || kept_set(layer, &t->sent, message) != 0) {
		transaction_free(t);
		return -ENOMEM;
	}
	memset(t->attempts, 0, offsetof(struct attempts, targets));
	t->attempts->targets.count = 0;
	t->attempts->t = t;
	t->attempts->fallback = to->path;
	t->attempts->listeners = to->listeners;
	t->attempts->lines = to->lines;
	t->attempts->lines_arg = to->lines_arg;
	t->via = (uint32_t)slice_split(&rest, '\n').n + 1;
	t->rest = t->via;
	*created = t;
	return 0;
}

static int resolve(struct sip_transaction *t, struct slice text)
{
	struct sip_transactions_config *config = &t->layer->config;
	struct attempts *a = t->attempts;
	struct slice transport;
	struct sip_uri uri;

	if (text.n == 0 || config->resolver == NULL || config->path == NULL ||
	    sip_uri_parse(text, &uri) != 0)
		return -ENOENT;
	a->may_switch = !sip_param_get(uri.params, "transport", &transport);
	return sip_resolve(config->resolver, &uri, reach_of(a), &a->targets, on_resolved, t,
			   &a->query);
}

int sip_transaction_start_to(struct sip_transactions *layer, const struct sip_destination *to,
			     struct slice message, const struct sip_transaction_user *user,
			     void *arg, struct sip_transaction **client)
{
	struct sip_transaction *t;
	enum sip_method method;
	struct slice text;
	int rc;

	if (!method_of(message, &text, &method) || method == SIP_ACK)
		return -EINVAL;
	if (over_client_limit(layer, method))
		return -EBUSY;
	rc = create(layer, to, message, method, &t);
	if (rc != 0)
		return rc;
	t->user = user;
	t->arg = arg;
	rc = resolve(t, to->uri);
	if (rc != -EINPROGRESS)
		rc = begin(t, rc);
	else
		rc = 0;
	if (rc != 0)
		transaction_free(t);
	else if (client != NULL)
		*client = t;
	return rc;
}

int sip_transactions_send_to(struct sip_transactions *layer, const struct sip_destination *to,
			     struct slice message)
{
	struct sip_transaction *t;
	enum sip_method method;
	struct slice text;
	int rc;

	if (!method_of(message, &text, &method) || method != SIP_ACK)
		return -EINVAL;
	rc = create(layer, to, message, method, &t);
	if (rc != 0)
		return rc;
	rc = resolve(t, to->uri);
	if (rc == -EINPROGRESS)
		return 0;
	rc = begin(t, rc);
	transaction_free(t);
	return rc;
}
