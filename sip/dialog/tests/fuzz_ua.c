/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Drives a whole user agent: the input is a script of datagrams, of what the user does, and of
 * time that passes. What the agent sends is not looked at; that nothing breaks and nothing is
 * left over is.
 *
 * The script: a byte tells the step. Below 0x80 a datagram follows, up to the next 0xff: its
 * placeholders $t, $r, $c become the local tag, remote tag and Call-ID of the last invite, $i and
 * $b the branch of the last INVITE and of the last message that was sent, so that the fuzzer gets
 * into dialogs and transactions.
 */
#include <stdio.h>
#include <stdlib.h>

#include "sip/dialog/dialog.h"

static struct {
	struct timer_wheel *wheel;
	uint64_t now;
	struct sip_ua *ua;
	struct sip_invite *invite; /* the last one that lives */
	unsigned invites;
	char branch[80], invite_branch[80];
} world;

static int send_nowhere(void *arg, const struct sip_path *to, const char *data, size_t size)
{
	const char *branch = memmem(data, size, "branch=", 7);
	size_t n = 0;

	(void)arg;
	(void)to;
	while (branch != NULL && branch + 7 + n < data + size && n + 1 < sizeof(world.branch) &&
	       branch[7 + n] != ';' && branch[7 + n] != '\r')
		n++;
	if (n > 0)
		memcpy(world.branch, branch + 7, n);
	world.branch[n] = '\0';
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

static void on_reoffered(void *arg, struct sip_dialog *dialog, struct sip_msg *request,
			 enum sip_offer_role role)
{
	(void)arg;
	(void)dialog;
	(void)request;
	(void)role;
}

static const struct sip_invite_user invite_user_2 = { .reoffered = on_reoffered,
						      .ended = on_ended };

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
	(void)request;
	(void)from;
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
	if (world.invite == NULL)
		return;
	if (step >= 0x90 && step < 0x98)
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
	else if (step == 0x85 && sip_invite_save(world.invite, text, sizeof(text)) == 0 &&
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sip_path peer = { .kind = SIP_UDP };
	struct sip_ua_config config = {
		.transactions = { .timers = sip_timers_default,
				  .send = send_nowhere,
				  .via_host = host,
				  .transactions_max = 50,
				  .token = "b" },
		.user = { .invite = on_invite, .request = on_request },
		.product = "fuzz",
		.contact_host = host,
		.invites_max = 20,
		.token = "t",
	};

	memset(&world, 0, sizeof(world));
	world.wheel = timer_wheel_create(0);
	config.transactions.wheel = world.wheel;
	sip_address_parse(SLICE("192.0.2.2"), 5060, &peer.remote);
	if (sip_ua_create(&config, &world.ua) != 0)
		abort();
	play(data, size, &peer);
	sip_ua_destroy(world.ua);
	if (timer_wheel_next(world.wheel) != UINT64_MAX)
		abort(); /* a timer of something that is gone */
	timer_wheel_destroy(world.wheel);
	return 0;
}
