/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * REFER: a request to make a request, whose outcome is told by NOTIFYs of the package "refer"
 * (RFC 3515), unless nobody wants to know (RFC 4488).
 */
#include "sip/event/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define REFER_SECONDS 300 /* that a referred request may take; RFC 3515 §2.4.4 leaves it to us */

/* The context of its subscription. */
struct progress {
	unsigned status;
	char reason[64];
	void (*ended)(void *arg);
	void *arg;
};

static size_t write_state(void *arg, struct sip_subscription *sub, const char **type, char *body,
			  size_t size)
{
	const struct progress *progress = sip_subscription_context(sub);
	int n;

	(void)arg;
	*type = "message/sipfrag;version=2.0";
	n = snprintf(body, size, "SIP/2.0 %u %s\r\n", progress->status, progress->reason);
	return (size_t)n;
}

static void on_ended(void *arg, struct sip_subscription *sub)
{
	struct progress *progress = sip_subscription_context(sub);

	(void)arg;
	if (progress == NULL)
		return;
	if (progress->ended != NULL)
		progress->ended(progress->arg);
	free(progress);
}

/* It is not in the table of what can be subscribed to: RFC 3515 §2.4.4 forbids to. */
const struct sip_event_package refer_package = {
	.name = "refer",
	.types = "message/sipfrag",
	.expires = REFER_SECONDS,
	.expires_min = 1,
	.expires_max = REFER_SECONDS,
	.state = write_state,
	.ended = on_ended,
};

/* --- received ------------------------------------------------------------------------------------- */

/* RFC 4488 §4 */
static bool wants_subscription(const struct sip_msg *request)
{
	struct slice value = sip_msg_value(request, SIP_H_REFER_SUB);

	return !slice_equal_nocase(slice_trim(slice_split(&value, ';')), SLICE("false"));
}

/* What the request asks for; the status that refuses it, or 0. */
static unsigned read_refer(struct sip_msg *request, struct sip_refer *refer)
{
	const struct sip_header *to = sip_msg_header(request, SIP_H_REFER_TO);
	int rc;

	/* RFC 3515 §2.4.2: exactly one */
	if (to == NULL || to->next != 0 || sip_msg_refer_to(request, &refer->to) != 0 ||
	    refer->to.star)
		return 400;
	rc = sip_msg_referred_by(request, &refer->by);
	if (rc == -ENOENT)
		refer->by = (struct sip_referred_by){ 0 };
	else if (rc != 0)
		return 400;
	rc = sip_uri_header_get(&refer->to.uri, "Replaces", refer->text, sizeof(refer->text));
	refer->replaces = rc == 0;
	if (rc != -ENOENT &&
	    (rc != 0 || sip_replaces_parse(slice_of(refer->text), &refer->replaced) != 0))
		return 400;
	refer->wants_subscription = wants_subscription(request);
	return 0;
}

void refer_receive(struct sip_events *events, struct sip_dialog *dialog,
		   struct sip_transaction *server, struct sip_msg *request,
		   const struct sip_path *from)
{
	struct sip_refer refer = { .server = server,
				   .events = events,
				   .request = request,
				   .from = from,
				   .dialog = dialog };
	unsigned status;

	if (events->config.refer == NULL) {
		char allow[HEADERS_MAX];

		snprintf(allow, sizeof(allow), "Allow: %s\r\n", sip_ua_allow(events->config.ua));
		events_reply(events, dialog, server, 405, allow);
		return;
	}
	status = read_refer(request, &refer);
	if (status == 0)
		status = events->config.refer(events->config.arg, dialog, &refer, request, from);
	if (status >= 300)
		events_reply(events, dialog, server, status, NULL);
}

/* RFC 3515 §2.4.6: the subscriptions of several REFERs in a dialog are told apart by their CSeq. */
static void event_of(const struct sip_refer *refer, char *text, size_t size)
{
	if (refer->dialog != NULL && notifier_count(refer->dialog, &refer_package) > 0)
		snprintf(text, size, "refer;id=%u", refer->request->cseq.number);
	else
		snprintf(text, size, "refer");
}

int sip_refer_accept(const struct sip_refer *refer, void (*ended)(void *arg), void *arg,
		     struct sip_subscription **sub)
{
	char event[EVENT_MAX];
	struct subscription_start start = { .package = &refer_package,
					    .expires = REFER_SECONDS,
					    .status = 200 };
	struct progress *progress;
	int rc;

	*sub = NULL;
	if (!refer->wants_subscription) {
		events_reply(refer->events, refer->dialog, refer->server, 200,
			     "Refer-Sub: false\r\n");
		return 0;
	}
	event_of(refer, event, sizeof(event));
	start.event = slice_of(event);
	progress = calloc(1, sizeof(*progress));
	if (progress == NULL)
		return -ENOMEM;
	*progress = (struct progress){ 100, "Trying", ended, arg };
	rc = notifier_create(refer->events, refer->dialog, refer->request, refer->from, &start,
			     sub);
	if (rc != 0) {
		free(progress);
		return rc;
	}
	sip_subscription_set_context(*sub, progress);
	start.accepted = true;
	notifier_begin(*sub, refer->server, &start);
	return 0;
}

void sip_refer_progress(struct sip_subscription *sub, unsigned status, const char *reason)
{
	struct progress *progress = sip_subscription_context(sub);

	progress->status = status;
	snprintf(progress->reason, sizeof(progress->reason), "%s",
		 reason != NULL ? reason : sip_reason_text(status));
	if (status >= 200)
		sip_subscription_end(sub, "noresource", 0);
	else
		sip_subscription_changed(sub);
}

/* --- heard --------------------------------------------------------------------------------------- */

unsigned sip_frag_status(const struct sip_msg *notify)
{
	struct slice rest = notify->body, version, code;
	uint32_t status;

	if (!sip_content_type_is(notify, SLICE("message/sipfrag")))
		return 0;
	version = slice_split(&rest, ' ');
	if (!slice_equal_nocase(version, SLICE("SIP/2.0")) || rest.n < 3)
		return 0;
	code = (struct slice){ rest.p, 3 };
	return slice_to_u32(code, 699, &status) == 0 && status >= 100 ? status : 0;
}
