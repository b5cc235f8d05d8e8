/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Drives a whole user agent: the input is a script of datagrams, of what the user does, and of
 * time that passes. What the agent sends is not looked at; that nothing breaks and nothing is
 * left over is. One agent lives through many scripts: at the end of each all calls are ended, and
 * when all timers had their time it must be empty; now and then it goes with all that lives in it.
 *
 * The script: a byte tells the step. Below 0x80 a datagram follows, up to the next 0xff: its
 * placeholders $t, $r, $c become the local tag, remote tag and Call-ID of the last invite, $s and $d
 * the tag and Call-ID of a subscription of ours, $q our last RSeq, $i and
 * $b the branch of the last INVITE and of the last message that was sent, so that the fuzzer gets
 * into dialogs and transactions.
 */
#include <stdio.h>

#include "sip/base/tests/fuzz.h"
#include "sip/dialog/internal.h"

#define INVITES_MAX 20u

static struct {
	struct timer_wheel *wheel;
	uint64_t now;
	struct sip_ua *ua;
	struct sip_invite *invite; /* the last one that lives */
	unsigned invites;
	struct sip_origin *origin; /* of a subscription */
	struct sip_usage usage;
	char branch[80], invite_branch[80], rseq[80];
} world;

/* What follows `name` in what was sent, up to the end of a word. */
static void keep_word(const char *data, size_t size, const char *name, char word[80])
{
	const char *p = memmem(data, size, name, strlen(name));
	size_t n = 0;

	if (p == NULL)
		return;
	for (p += strlen(name); p + n < data + size && n + 1 < 80; n++)
		if (p[n] == ';' || p[n] == '\r')
			break;
	memcpy(word, p, n);
	word[n] = '\0';
}

static int send_nowhere(void *arg, const struct sip_path *to, const char *data, size_t size)
{
	(void)arg;
	(void)to;
	keep_word(data, size, "branch=", world.branch);
	keep_word(data, size, "RSeq: ", world.rseq);
	if (size > 7 && memcmp(data, "INVITE ", 7) == 0)
		memcpy(world.invite_branch, world.branch, sizeof(world.branch));
	return size % 97 == 0 ? -1 : 0; /* some fail */
}

static const char *host(void *arg, const struct sip_path *path)
{
	(void)arg;
	(void)path;
	return "192.0.2.1:5060";
}

static void on_ended(void *arg, enum sip_end how, unsigned status, struct sip_msg *msg)
{
	(void)arg;
	(void)how;
	(void)status;
	(void)msg;
	world.invites--;
	world.invite = NULL;
}

static void on_inside(void *arg, struct sip_dialog *dialog, struct sip_transaction *server,
		      struct sip_msg *request)
{
	(void)arg;
	(void)dialog;
	if (request->body.n % 2 == 0)
		sip_transaction_reply(server, 200, NULL, SLICE_NONE, NULL);
}

static const struct sip_invite_user invite_user = { .request = on_inside, .ended = on_ended };

/* Answers what can be answered at once, or leaves it to the script. */
static void on_reoffered(void *arg, struct sip_dialog *dialog, struct sip_msg *request,
			 enum sip_offer_role role)
{
	(void)arg;
	if (request->body.n % 2 != 0)
		return;
	if (role == SIP_BODY_OFFER)
		sip_invite_answer(world.invite, dialog, SLICE("answer"));
	else
		sip_invite_refuse(world.invite, dialog, 488, SLICE_NONE);
}

static void on_progress(void *arg, struct sip_dialog *dialog, struct sip_msg *response,
			enum sip_offer_role role)
{
	(void)arg;
	if (role == SIP_BODY_OFFER && response->body.n % 2 == 0)
		sip_invite_answer(world.invite, dialog, SLICE("answer"));
	else if (dialog != NULL && response->body.n % 3 == 2)
		sip_invite_offer(world.invite, dialog, SLICE("offer"), SIP_BY_UPDATE);
}

static const struct sip_invite_user invite_user_2 = {
	.progress = on_progress,
	.reoffered = on_reoffered,
	.ended = on_ended,
};

/* --- a usage beside the INVITE's --- */

static bool on_notify(struct sip_usage *usage, struct sip_transaction *server,
		      struct sip_msg *request, const struct sip_path *from)
{
	(void)from;
	if (request->body.n % 2 != 0)
		return false;
	sip_dialog_respond(usage->dialog, server, 200, NULL, SLICE_NONE, SLICE_NONE, SLICE_NONE);
	sip_dialog_refresh(usage->dialog, request, from);
	return true;
}

static void on_dialog_ended(struct sip_usage *usage, unsigned status, struct sip_msg *msg)
{
	(void)status;
	(void)msg;
	sip_usage_remove(usage);
}

static const struct sip_usage_type usage_type = {
	.name = "fuzz",
	.methods = 1u << SIP_NOTIFY | 1u << SIP_SUBSCRIBE,
	.request = on_notify,
	.dialog_ended = on_dialog_ended,
};

static void use(struct sip_dialog *dialog)
{
	if (world.usage.dialog == NULL)
		sip_usage_add(dialog, &world.usage, &usage_type);
}

static void on_early_notify(void *arg, struct sip_origin *origin, struct sip_transaction *server,
			    struct sip_msg *request, const struct sip_path *from)
{
	struct sip_dialog *dialog;

	(void)arg;
	if (sip_dialog_create_uac(origin, request, from, &dialog) != 0) {
		sip_transaction_reply(server, 400, NULL, SLICE_NONE, NULL);
		return;
	}
	use(dialog);
	sip_dialog_respond(dialog, server, 200, NULL, SLICE_NONE, SLICE_NONE, SLICE_NONE);
	sip_dialog_drop(dialog);
}

static bool on_refer(void *arg, struct sip_dialog *dialog, struct sip_transaction *server,
		     struct sip_msg *request, const struct sip_path *from)
{
	(void)arg;
	(void)from;
	if (request->method != SIP_REFER)
		return false;
	use(dialog);
	sip_dialog_respond(dialog, server, 202, NULL, SLICE_NONE, SLICE_NONE, SLICE_NONE);
	return true;
}

static void subscribe(const struct sip_path *to)
{
	const struct sip_origin_start start = {
		.to = *to,
		.request_uri = SLICE("sip:b@192.0.2.2"),
		.from = SLICE("<sip:a@h>"),
		.to_header = SLICE("<sip:b@h>"),
	};
	const struct sip_request request = { .method = SIP_SUBSCRIBE, .contact = true };

	if (world.origin != NULL || sip_origin_create(world.ua, &start, &world.origin) != 0)
		return;
	sip_origin_on_request(world.origin, on_early_notify, NULL);
	sip_origin_send(world.origin, &request, NULL, NULL, NULL);
}

static void on_invite(void *arg, struct sip_invite *invite, struct sip_msg *request,
		      const struct sip_path *from)
{
	(void)arg;
	(void)from;
	if (request->body.n % 3 == 2)
		return;
	world.invite = invite;
	world.invites++;
	sip_invite_set_user(invite, request->body.n % 2 ? &invite_user : &invite_user_2, NULL);
}

static void on_request(void *arg, struct sip_transaction *server, struct sip_msg *request,
		       const struct sip_path *from)
{
	(void)arg;
	struct sip_dialog *dialog;

	if (request->method == SIP_SUBSCRIBE &&
	    sip_dialog_create_uas(world.ua, request, from, &dialog) == 0) {
		use(dialog);
		sip_dialog_respond(dialog, server, 200, NULL, SLICE_NONE, SLICE_NONE, SLICE_NONE);
		sip_dialog_drop(dialog);
		return;
	}
	sip_transaction_reply(server, 404, NULL, SLICE_NONE, NULL);
}

static void call_out(const struct sip_path *to)
{
	struct sip_invite_start start = {
		.to = *to,
		.request_uri = SLICE("sip:b@192.0.2.2"),
		.from = SLICE("<sip:a@h>"),
		.to_header = SLICE("<sip:b@h>"),
		.sdp = SLICE("offer"),
		.max_forwards = 70,
	};

	if (sip_invite_start(world.ua, &start, &invite_user, NULL, &world.invite) == 0)
		world.invites++;
}

static size_t expand(char *dst, size_t size, const uint8_t *data, size_t n)
{
	struct sip_invite *i = world.invite;
	size_t used = 0;

	for (size_t p = 0; p < n && used + 1 < size; p++) {
		struct slice s = { (const char *)data + p, 1 };

		if (data[p] == '$' && p + 1 < n) {
			switch (data[++p]) {
			case 't':
				s = i ? sip_invite_local_tag(i) : SLICE("t");
				break;
			case 'r':
				s = i ? sip_invite_remote_tag(i) : SLICE("r");
				break;
			case 'c':
				s = i ? sip_invite_call_id(i) : SLICE("c");
				break;
			case 's':
				s = world.origin ? sip_origin_local_tag(world.origin) : SLICE("s");
				break;
			case 'd':
				s = world.origin ? sip_origin_call_id(world.origin) : SLICE("d");
				break;
			case 'q':
				s = slice_of(world.rseq);
				break;
			case 'i':
				s = slice_of(world.invite_branch);
				break;
			default:
				s = slice_of(world.branch);
				break;
			}
		}
		if (s.n > size - used)
			break;
		if (s.n > 0)
			memcpy(dst + used, s.p, s.n);
		used += s.n;
	}
	return used;
}

static void user_step(uint8_t step, const struct sip_path *peer)
{
	static const unsigned statuses[] = { 100, 180, 183, 200, 302, 404, 486, 491 };
	char text[4096];

	if (step == 0x80)
		call_out(peer);
	else if (step == 0x8e)
		subscribe(peer);
	else if (step == 0x8f)
		sip_usage_remove(&world.usage);
	if (world.invite == NULL)
		return;
	if (step >= 0x98 && step < 0xa0)
		sip_invite_respond_reliably(world.invite, 180 + step % 4, NULL,
					    step & 4 ? SLICE("sdp") : SLICE_NONE, SLICE_NONE);
	else if (step >= 0x90 && step < 0x98)
		sip_invite_respond(world.invite, statuses[step - 0x90], NULL,
				   step & 1 ? SLICE("sdp") : SLICE_NONE, SLICE_NONE);
	else if (step == 0x81)
		sip_invite_end(world.invite, 486, SLICE_NONE);
	else if (step == 0x82)
		sip_invite_cancel(world.invite, SLICE_NONE);
	else if (step == 0x83)
		sip_invite_offer(world.invite, NULL, SLICE("offer"), SIP_BY_REINVITE);
	else if (step == 0x84)
		sip_invite_answer(world.invite, NULL, SLICE("answer"));
	else if (step == 0x86)
		sip_invite_offer(world.invite, NULL, SLICE("offer"), SIP_BY_UPDATE);
	else if (step == 0x87)
		sip_invite_offer(world.invite, NULL, SLICE("offer"), SIP_BY_BEST);
	else if (step == 0x88)
		sip_invite_offer(world.invite, NULL, SLICE_NONE, SIP_BY_REINVITE);
	else if (step == 0x89)
		sip_invite_refuse(world.invite, NULL, 504, SLICE_NONE);
	else if (step == 0x8a && sip_invite_replaces(world.invite) != NULL)
		sip_invite_end(sip_invite_replaces(world.invite), 0, SLICE_NONE);
	else if (step == 0x8b && sip_invite_dialog(world.invite) != NULL)
		sip_dialog_lost(sip_invite_dialog(world.invite), 404, NULL);
	else if (step == 0x8c)
		sip_invite_set_user(world.invite, &invite_user_2, NULL);
	else if (step == 0x85 && world.ua->invites < INVITES_MAX &&
		 sip_invite_save(world.invite, text, sizeof(text)) == 0 &&
		 sip_invite_restore(world.ua, text, &invite_user, NULL, &world.invite) == 0)
		world.invites++;
}

static void advance(uint64_t ms)
{
	world.now += ms;
	timer_wheel_advance(world.wheel, world.now);
}

static void play(const uint8_t *data, size_t size, const struct sip_path *peer)
{
	static char text[70000];

	while (size > 0) {
		uint8_t step = *data++;
		const uint8_t *end;

		size--;
		if (step >= 0xa0) {
			advance((uint64_t)(step - 0x9f) * (step & 1 ? 10 : 1000));
			continue;
		}
		if (step >= 0x80) {
			user_step(step, peer);
			continue;
		}
		end = memchr(data, 0xff, size);
		size_t n = end != NULL ? (size_t)(end - data) : size;
		sip_ua_receive(world.ua, text, expand(text, sizeof(text), data, n), peer);
		data += n;
		size -= n;
	}
}

static void open_world(void)
{
	struct sip_ua_config config = {
		.transactions = { .timers = sip_timers_default,
				  .send = send_nowhere,
				  .via_host = host,
				  .transactions_max = 50,
				  .token = "b" },
		.user = { .invite = on_invite, .request = on_request, .inside = on_refer },
		.session = { 200, 90 },
		.methods = 1u << SIP_INFO | 1u << SIP_SUBSCRIBE,
		.options = 1u << SIP_OPTION_REPLACES | 1u << SIP_OPTION_JOIN,
		.product = "fuzz",
		.contact_host = host,
		.invites_max = INVITES_MAX,
		.token = "t",
	};

	world.wheel = timer_wheel_create(world.now);
	config.transactions.wheel = world.wheel;
	MUST(sip_ua_create(&config, &world.ua) == 0);
}

/* With all that lives in it. */
static void destroy_world(void)
{
	sip_ua_destroy(world.ua);
	MUST(timer_wheel_next(world.wheel) == UINT64_MAX); /* a timer of something that is gone */
	timer_wheel_destroy(world.wheel);
	memset(&world, 0, sizeof(world));
}

static void end_all(void)
{
	struct sip_invite *all[INVITES_MAX];
	unsigned n = 0;

	for (struct sip_invite *i = world.ua->all; i != NULL; i = i->next) {
		MUST(n < INVITES_MAX);
		invite_hold(i);
		all[n++] = i;
	}
	for (unsigned i = 0; i < n; i++) {
		sip_invite_end(all[i], 0, SLICE_NONE);
		invite_release(all[i]);
	}
}

static void empty_world(void)
{
	struct sip_transactions_stats stats;

	for (unsigned round = 0; world.ua->all != NULL; round++) {
		MUST(round < 8);
		end_all();
		advance(40000);
	}
	for (unsigned i = 0; i < 10 && timer_wheel_next(world.wheel) != UINT64_MAX; i++)
		advance(40000);
	sip_transactions_stats(sip_ua_transactions(world.ua), &stats);
	MUST(timer_wheel_next(world.wheel) == UINT64_MAX);
	MUST(stats.clients == 0 && stats.servers == 0);
	MUST(world.ua->invites == 0 && world.invites == 0);
	MUST(world.ua->dialogs.count == 0 && world.ua->origins.count == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sip_path peer = { .kind = SIP_UDP };

	if (world.ua == NULL)
		open_world();
	world.branch[0] = world.invite_branch[0] = world.rseq[0] = '\0';
	world.invite = NULL;
	sip_address_parse(SLICE("192.0.2.2"), 5060, &peer.remote);
	play(data, size, &peer);
	sip_usage_remove(&world.usage);
	sip_origin_unref(world.origin);
	world.origin = NULL;
	if (size % 32 == 0)
		destroy_world();
	else
		empty_world();
	return 0;
}
