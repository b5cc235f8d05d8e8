/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/engine/tests/world.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

#include "controlplane/registrar/registrar.h"
#include "sip/base/tests/starve.h"

struct world *world;

static const char *domains[] = { "tandem.lab" };
static struct config_listener listeners[] = {
	{ .transport = "udp", .address = "198.18.0.10", .port = 5060 }
};
static struct config_media media[] = { { "198.18.0.20", 16384, 32767, NULL },
				       { "2001:2::20", 16384, 32767, NULL } };
static const char *message_types[] = { "text/plain", "application/dtmf-relay" };
static const char *carrier_addresses[] = { "198.18.0.104" };
static struct config_trunk trunks[] = {
	{ .name = "carrier",
	  .addresses = carrier_addresses,
	  .addresses_count = 1,
	  .port = 5060,
	  .prefix = "9",
	  .inbound = true },
};

/* --- doubles of the registrar --- */

int registrar_aor(const struct registrar *registrar, const struct sip_uri *uri,
		  char aor[REGISTRAR_AOR_MAX])
{
	(void)registrar;
	if (!slice_equal_nocase(uri->host, SLICE("tandem.lab")))
		return -ENOENT;
	snprintf(aor, REGISTRAR_AOR_MAX, "%.*s@tandem.lab", SLICE_FMT(uri->user));
	return 0;
}

int registrar_target(const struct registrar *registrar, const struct sip_uri *uri,
		     char aor[REGISTRAR_AOR_MAX])
{
	return registrar_aor(registrar, uri, aor);
}

bool registrar_user_exists(const struct registrar *registrar, const char *aor)
{
	(void)registrar;
	return strncmp(aor, "alice@", 6) == 0 || strncmp(aor, "bob@", 4) == 0 ||
	       strncmp(aor, "carrol@", 7) == 0;
}

static bool find_password(void *arg, const char *user, struct slice realm,
			  enum digest_algorithm algorithm, unsigned char ha1[DIGEST_BYTES_MAX])
{
	(void)arg;
	return digest_ha1(algorithm, slice_of(user), realm, SLICE("secret"), ha1);
}

void registrar_note(const struct registrar *registrar, const char *name, struct slice realm,
		    enum sip_note note, enum digest_algorithm algorithm)
{
	(void)registrar;
	(void)name;
	(void)realm;
	(void)note;
	(void)algorithm;
}

void registrar_users(struct registrar *registrar, struct digest_users *users)
{
	(void)registrar;
	*users = (struct digest_users){ .find = find_password };
}

unsigned registrar_lookup(struct registrar *registrar, const char *aor,
			  struct registrar_contact *contacts, unsigned max)
{
	const bool bob = strncmp(aor, "bob@", 4) == 0, alice = strncmp(aor, "alice@", 6) == 0;
	const unsigned first = bob ? BOB + world->contacts_from : ALICE;
	unsigned n = bob ? world->contacts : alice && world->alice_is_there ? 1 : 0;

	(void)registrar;
	for (unsigned i = 0; i < n && i < max; i++) {
		const struct network_node *node = world->phones[first + i].node;

		snprintf(contacts[i].uri, sizeof(contacts[i].uri), "sip:%s@%s;line=%u",
			 bob ? "bob" : "alice", node->host, i);
		contacts[i].path = network_path(node);
		contacts[i].q = world->q[i];
		if (!world->flows)
			continue;
		contacts[i].reg_id = 2;
		snprintf(contacts[i].instance, sizeof(contacts[i].instance), "urn:x");
	}
	return n < max ? n : max;
}

/* The second flow of bob's phone is the first that he has registered. */
bool registrar_next_flow(struct registrar *registrar, const char *aor, const char *instance,
			 uint32_t tried, struct registrar_contact *contact)
{
	const struct network_node *node = world->phones[BOB2].node;

	(void)registrar;
	cr_expect_str_eq(aor, "bob@tandem.lab");
	cr_expect_str_eq(instance, "urn:x");
	snprintf(contact->uri, sizeof(contact->uri), "sip:bob@%s;line=1", node->host);
	snprintf(contact->instance, sizeof(contact->instance), "urn:x");
	contact->path = network_path(node);
	contact->reg_id = 1;
	return (tried & 1u << 2) && !(tried & 1u << 1);
}

void registrar_contact_lost(struct registrar *registrar, const char *aor,
			    const struct registrar_flow *flow)
{
	(void)registrar;
	cr_expect_str_eq(aor, "bob@tandem.lab");
	world->flows_lost |= 1u << flow->reg_id;
}

void registrar_handle(struct registrar *registrar, struct digest_server *digest,
		      struct sip_transaction *server, struct sip_msg *request,
		      const struct sip_path *from)
{
	(void)registrar;
	(void)digest;
	(void)request;
	(void)from;
	world->registers++;
	sip_transaction_reply(server, 200, NULL, SLICE("x"), "");
}

/* --- of the store --- */

int store_cdr_put(struct store *store, const struct cdr *cdr)
{
	(void)store;
	world->cdr = *cdr;
	snprintf(world->cdr_reason, sizeof(world->cdr_reason), "%s", cdr->reason);
	snprintf(world->cdr_ended_by, sizeof(world->cdr_ended_by), "%s", cdr->ended_by);
	snprintf(world->cdr_codec, sizeof(world->cdr_codec), "%s", cdr->codec);
	snprintf(world->cdr_to, sizeof(world->cdr_to), "%s", cdr->to);
	world->cdrs++;
	if (cdr->call == world->record_id) {
		free(world->record);
		world->record = NULL;
	}
	return 0;
}

int store_call_put(struct store *store, const struct store_call *call)
{
	(void)store;
	if (!call->text[0] && call->id != world->record_id)
		return 0; /* of one that is over */
	free(world->record);
	world->record = strdup(call->text);
	world->record_id = call->id;
	world->records++;
	return 0;
}

int store_calls_load(struct store *store, unsigned shard, unsigned shards,
		     void (*row)(void *arg, const struct store_call *call), void *arg)
{
	struct store_call call = { .id = world->record_id, .text = world->record };

	(void)store;
	(void)shard;
	(void)shards;
	if (call.text)
		row(arg, &call);
	return 0;
}

/* --- of the transport: there is one way to everywhere --- */

int sip_transport_path(const struct sip_transport *transport, enum sip_transport_kind kind,
		       uint64_t among, const struct sip_address *remote, struct sip_path *path)
{
	(void)transport;
	(void)kind;
	if (!among)
		return -ENETUNREACH;
	*path = (struct sip_path){ .remote = *remote, .listener = (uint8_t)__builtin_ctzll(among) };
	return 0;
}

/* --- user agents --- */

static struct sip_account accounts[PHONES];

static void engine_invite(void *arg, struct sip_invite *invite, struct sip_msg *request,
			  const struct sip_path *from)
{
	(void)arg;
	engine_on_invite(world->shard.engine, invite, request, from);
}

static void engine_request(void *arg, struct sip_transaction *server, struct sip_msg *request,
			   const struct sip_path *from)
{
	(void)arg;
	engine_on_request(world->shard.engine, server, request, from);
}

static bool engine_inside(void *arg, struct sip_dialog *dialog, struct sip_transaction *server,
			  struct sip_msg *request, const struct sip_path *from)
{
	(void)arg;
	return engine_on_inside(world->shard.engine, dialog, server, request, from);
}

static void receive(void *arg, const char *data, size_t size, const struct sip_path *from)
{
	struct sip_ua **ua = arg;
	const bool is_phone = ua != &world->shard.ua;

	if (!*ua)
		return;
	if (is_phone)
		starve_hold();
	sip_ua_receive(*ua, data, size, from);
	if (is_phone)
		starve_release();
}

static const char *contact_host(void *arg, const struct sip_path *path)
{
	for (unsigned i = 0; i < PHONES; i++)
		if (world->phones[i].node == arg && world->phones[i].contact_host)
			return world->phones[i].contact_host;
	return network_host(arg, path);
}

static void make_ua(struct network_node *node, struct sip_ua **ua, const struct sip_ua_user *user)
{
	struct sip_ua_config config = {
		.transactions = { .wheel = world->net->wheel,
				  .timers = sip_timers_default,
				  .send = network_send,
				  .send_arg = node,
				  .via_host = network_host,
				  .transactions_max = 1000,
				  .server_name = "test",
				  .token = "t00000-" },
		.user = *user,
		.product = "test",
		.contact_host = contact_host,
		.contact_arg = node,
		.invites_max = 1000,
		.methods = ENGINE_METHODS,
		.options = ENGINE_OPTIONS,
		.unsaid = ENGINE_UNSAID,
		.accept = "text/plain, application/dtmf-relay",
		.token = "t00000-",
	};

	cr_assert_eq(sip_ua_create(&config, ua), 0);
	node->receive = receive;
	node->arg = ua;
}

/* --- phones --- */

static void keep_sdp(struct phone *p, const struct sip_msg *msg)
{
	if (msg && msg->body.n)
		slice_copy(msg->body, p->sdp, sizeof(p->sdp));
}

static void on_progress(void *arg, struct sip_dialog *dialog, struct sip_msg *response,
			enum sip_offer_role role)
{
	struct phone *p = arg;

	(void)dialog;
	p->role = role;
	p->progress = response->status;
	p->progress_count++;
	keep_sdp(p, response);
}

static void on_answered(void *arg, struct sip_dialog *dialog, struct sip_msg *response,
			enum sip_offer_role role)
{
	struct phone *p = arg;

	(void)dialog;
	p->role = role;
	p->answered = true;
	p->final = response->status;
	keep_sdp(p, response);
}

static void on_acked(void *arg, struct sip_msg *ack, enum sip_offer_role role)
{
	struct phone *p = arg;

	p->role = role;
	p->acked = true;
	keep_sdp(p, ack);
}

static void on_reoffered(void *arg, struct sip_dialog *dialog, struct sip_msg *request,
			 enum sip_offer_role role)
{
	struct phone *p = arg;

	(void)dialog;
	p->role = role;
	p->reinvited = true;
	keep_sdp(p, request);
}

static void on_reanswered(void *arg, struct sip_dialog *dialog, unsigned status,
			  struct sip_msg *response, enum sip_offer_role role)
{
	struct phone *p = arg;

	(void)dialog;
	p->role = role;
	p->reanswered = status;
	keep_sdp(p, response);
}

static void on_pracked(void *arg, struct sip_msg *prack, enum sip_offer_role role)
{
	struct phone *p = arg;

	p->pracked++;
	p->role = role;
	keep_sdp(p, prack);
}

static void on_request(void *arg, struct sip_dialog *dialog, struct sip_transaction *server,
		       struct sip_msg *request)
{
	struct phone *p = arg;

	snprintf(p->request, sizeof(p->request), "%.*s %.*s", SLICE_FMT(request->method_text),
		 SLICE_FMT(request->body));
	if (p->reply_status)
		sip_dialog_respond(dialog, server, p->reply_status, NULL, SLICE_NONE,
				   SLICE("text/plain"), SLICE("heard"));
}

static void on_ended(void *arg, enum sip_end how, unsigned status, struct sip_msg *msg)
{
	struct phone *p = arg;

	p->invite = NULL;
	p->ended = true;
	p->how = how;
	if (!p->answered)
		p->final = status;
	p->headers[0] = '\0';
	if (msg)
		slice_copy((struct slice){ msg->raw.p, msg->raw.n < 1000 ? msg->raw.n : 1000 },
			   p->headers, sizeof(p->headers));
}

static const struct sip_invite_user phone_user = {
	.progress = on_progress,
	.answered = on_answered,
	.acked = on_acked,
	.pracked = on_pracked,
	.reoffered = on_reoffered,
	.reanswered = on_reanswered,
	.request = on_request,
	.ended = on_ended,
};

static void phone_invite(void *arg, struct sip_invite *invite, struct sip_msg *request,
			 const struct sip_path *from)
{
	struct phone *p = arg;

	(void)from;
	p->invite = invite;
	keep_sdp(p, request);
	sip_invite_set_user(invite, &phone_user, p);
	sip_invite_set_credentials(invite, p->credentials);
}

void phone_call(unsigned n, const char *to, const char *sdp)
{
	phone_call_with(n, to, sdp, "");
}

void phone_call_with(unsigned n, const char *to, const char *sdp, const char *headers)
{
	struct phone *p = &world->phones[n];
	char to_header[256];
	struct sip_invite_start start = {
		.to = network_path(world->tandem),
		.request_uri = slice_of(to),
		.from = n == CARRIER ? SLICE("\"Somebody\" <sip:+15550100@carrier.example>")
				     : SLICE("<sip:alice@tandem.lab>"),
		.contact_user = SLICE("me"),
		.sdp = sdp ? slice_of(sdp) : SLICE_NONE,
		.extra_headers = slice_of(headers),
		.max_forwards = 70,
		.credentials = p->credentials,
	};

	snprintf(to_header, sizeof(to_header), "<%s>", to);
	start.to_header = slice_of(to_header);
	cr_assert_eq(sip_invite_start(p->ua, &start, &phone_user, p, &p->invite), 0);
}

void phone_respond(unsigned n, unsigned status, const char *sdp)
{
	struct phone *p = &world->phones[n];

	cr_assert_not_null(p->invite);
	p->reinvited = false;
	cr_assert_eq(sip_invite_respond(p->invite, status, NULL, sdp ? slice_of(sdp) : SLICE_NONE,
					SLICE_NONE),
		     0);
}

void phone_respond_reliably(unsigned n, unsigned status, const char *sdp)
{
	cr_assert_eq(sip_invite_respond_reliably(world->phones[n].invite, status, NULL,
						 sdp ? slice_of(sdp) : SLICE_NONE, SLICE_NONE),
		     0);
}

void phone_answer(unsigned n, const char *sdp)
{
	struct phone *p = &world->phones[n];

	p->reinvited = false;
	cr_assert_eq(sip_invite_answer(p->invite, NULL, slice_of(sdp)), 0);
}

void phone_update(unsigned n, const char *sdp)
{
	cr_assert_eq(sip_invite_offer(world->phones[n].invite, NULL, slice_of(sdp), SIP_BY_UPDATE),
		     0);
}

static void on_reply(void *arg, struct sip_transaction *client, struct sip_msg *response)
{
	struct phone *p = arg;

	(void)client;
	p->replied = response->status;
	slice_copy(response->body, p->reply, sizeof(p->reply));
	slice_copy(sip_msg_value(response, SIP_H_ACCEPT), p->accept, sizeof(p->accept));
}

void phone_send_typed(unsigned n, enum sip_method method, const char *type, const char *body)
{
	static const struct sip_transaction_user user = { .response = on_reply };
	struct phone *p = &world->phones[n];
	const struct sip_request request = { .method = method,
					     .type = slice_of(type),
					     .body = slice_of(body) };

	cr_assert_eq(sip_dialog_send(sip_invite_dialog(p->invite), &request, &user, p, NULL), 0);
}

void phone_send(unsigned n, enum sip_method method, const char *body)
{
	phone_send_typed(n, method, "text/plain", body);
}

/* --- what they are told --- */

static void on_notify(void *arg, struct sip_subscriber *sub,
		      const struct sip_subscription_state *state, struct sip_msg *notify)
{
	struct phone *p = arg;

	(void)sub;
	p->notified++;
	p->substate = state->state;
	if (sip_frag_status(notify))
		p->frag = sip_frag_status(notify);
	p->body[0] = '\0';
	slice_copy(notify->body, p->body, sizeof(p->body));
}

static void on_over(void *arg, struct sip_subscriber *sub, unsigned status, struct sip_msg *msg)
{
	struct phone *p = arg;

	(void)msg;
	p->over++;
	p->over_status = status;
	if (p->subscriber == sub)
		p->subscriber = NULL;
}

const struct sip_subscriber_user phone_subscriber = { .notify = on_notify, .ended = on_over };

void phone_refer(unsigned n, const char *refer_to, bool sub)
{
	struct phone *p = &world->phones[n];
	const struct sip_refer_start start = { .refer_to = slice_of(refer_to),
					       .referred_by = SLICE("<sip:nobody@198.18.0.99>"),
					       .no_subscription = !sub };

	p->over_status = 0;
	starve_hold();
	cr_assert_eq(sip_refer_send(p->events, sip_invite_dialog(p->invite), &start,
				    &phone_subscriber, p, &p->subscriber),
		     0);
	starve_release();
	world_run(20);
}

const char *phone_replaces(unsigned n)
{
	static char text[512];
	const struct sip_invite *invite = world->phones[n].invite;

	snprintf(text, sizeof(text),
		 "<sip:x@tandem.lab?Replaces=%.*s%%3Bto-tag%%3D%.*s%%3Bfrom-tag%%3D%.*s>",
		 SLICE_FMT(sip_invite_call_id(invite)), SLICE_FMT(sip_invite_remote_tag(invite)),
		 SLICE_FMT(sip_invite_local_tag(invite)));
	return text;
}

void phone_bye(unsigned n)
{
	cr_assert_not_null(world->phones[n].invite);
	sip_invite_end(world->phones[n].invite, 480, SLICE_NONE);
}

void phone_reinvite(unsigned n, const char *sdp)
{
	cr_assert_eq(sip_invite_offer(world->phones[n].invite, NULL,
				      sdp ? slice_of(sdp) : SLICE_NONE, SIP_BY_REINVITE),
		     0);
}

const char *phone_sdp(unsigned n, unsigned port, const char *formats, const char *direction)
{
	static char text[4][512];
	static unsigned turn;
	char *t = text[turn++ % 4];

	snprintf(t, 512,
		 "v=0\r\no=- 1 1 IN IP4 198.18.0.%u\r\ns=-\r\nc=IN IP4 198.18.0.%u\r\nt=0 0\r\n"
		 "m=audio %u RTP/AVP %s\r\na=rtpmap:101 telephone-event/8000\r\na=%s\r\n",
		 101 + n, 101 + n, port, formats, direction);
	return t;
}

/* --- the world --- */

static void start_controlplane(void)
{
	static const struct sip_ua_user user = { .invite = engine_invite,
						 .request = engine_request,
						 .inside = engine_inside };
	struct digest_options digest = { .algorithms = { DIGEST_SHA256, DIGEST_MD5 },
					 .algorithm_count = 2,
					 .nonce_lifetime_s = 300 };
	struct shard *s = &world->shard;

	*s = (struct shard){ .count = 1, .config = &world->config, .wheel = world->net->wheel };
	cr_assert_eq(digest_server_create(&digest, &s->digest), 0);
	make_ua(world->tandem, &s->ua, &user);
	cr_assert_eq(media_create(s, &s->media), 0);
	cr_assert_eq(engine_create(s, &s->engine), 0);
	engine_restore(s->engine);
}

static void stop_controlplane(void)
{
	struct shard *s = &world->shard;

	engine_destroy(s->engine);
	media_destroy(s->media);
	sip_ua_destroy(s->ua);
	digest_server_destroy(s->digest);
	s->ua = NULL;
}

static void make_events(struct phone *p)
{
	const struct sip_events_config config = { .ua = p->ua,
						  .wheel = world->net->wheel,
						  .timers = sip_timers_default,
						  .subscriptions_max = 64 };

	cr_assert_eq(sip_events_create(&config, &p->events), 0);
}

static void give_password(struct phone *p, const char *user)
{
	const struct sip_account account = { .username = user, .password = "secret" };

	accounts[p - world->phones] = account;
	cr_assert_eq(sip_credentials_create(&accounts[p - world->phones], 1, &p->credentials), 0);
	sip_credentials_bind(p->credentials, &world->tandem->address);
}

void world_start(void)
{
	static const char *const names[PHONES] = { "alice", "bob", "bob", NULL };
	static const char *const addresses[PHONES] = { "198.18.0.101", "198.18.0.102",
						       "198.18.0.103", "198.18.0.104" };

	world = calloc(1, sizeof(*world));
	world->net = network_create(1);
	world->contacts = 1;
	world->config = (struct config){
		.sip = { .domains = domains,
			 .domains_count = 1,
			 .listeners = listeners,
			 .listeners_count = 1 },
		.dataplane = { .media = media, .media_count = 2 },
		.trunks = trunks,
		.trunks_count = 1,
		.calls = { .calls_max = 100,
			   .ring_timeout_s = 20,
			   .fork_next_s = 5,
			   .media_timeout_s = 60,
			   .message_types = message_types,
			   .message_types_count = 2,
			   .message_max = 64,
			   .dataplane_retry_after_s = 5 },
	};
	fake_start();
	world->tandem = network_node(world->net, "198.18.0.10", 5060);
	start_controlplane();
	media_attached(world->shard.media, fake_client(), fake_channel(), 1);
	for (unsigned i = 0; i < PHONES; i++) {
		struct phone *p = &world->phones[i];
		struct sip_ua_user user = { .invite = phone_invite, .arg = p };

		p->node = network_node(world->net, addresses[i], 5060);
		make_ua(p->node, &p->ua, &user);
		make_events(p);
		if (names[i])
			give_password(p, names[i]);
	}
}

void world_two_realms(void)
{
	static struct config_realm realms[] = { { .name = "access" }, { .name = "core" } };
	static struct config_listener two[] = {
		{ .transport = "udp", .address = "198.18.0.10", .port = 5060, .realm = "access" },
		{ .transport = "udp", .address = "198.19.0.10", .port = 5060, .realm = "core" }
	};
	static struct config_media addresses[] = { { "198.18.0.20", 16384, 32767, "access" },
						   { "198.19.0.20", 16384, 32767, "core" } };
	static const char *pbx_addresses[] = { "198.18.0.101" };
	static struct config_trunk both[2];

	both[0] = both[1] = trunks[0];
	both[0].realm = "core";
	both[1].name = "pbx";
	both[1].realm = "access";
	both[1].prefix = "";
	both[1].addresses = pbx_addresses;
	world->config.dataplane.realms = realms;
	world->config.dataplane.realms_count = 2;
	world->config.dataplane.media = addresses;
	world->config.dataplane.media_count = 2;
	world->config.sip.listeners = two;
	world->config.sip.listeners_count = 2;
	world->config.trunks = both;
	world->config.trunks_count = 2;
	world->phones[CARRIER].node->listener = 1;
	world_kill_controlplane();
}

void world_trust_carrier(void)
{
	static struct config_trunk trusted[1];

	trusted[0] = trunks[0];
	trusted[0].trusted = true;
	world->config.trunks = trusted;
}

void world_stop(void)
{
	for (unsigned i = 0; i < PHONES; i++) {
		sip_events_destroy(world->phones[i].events);
		sip_ua_destroy(world->phones[i].ua);
		sip_credentials_destroy(world->phones[i].credentials);
	}
	stop_controlplane();
	fake_stop();
	network_destroy(world->net);
	free(world->record);
	free(world);
}

void world_kill_controlplane(void)
{
	stop_controlplane();
	fake_client_died();
	start_controlplane();
	media_attached(world->shard.media, fake_client(), fake_channel(), 1);
	world_run(10);
}

void world_run(uint64_t ms)
{
	for (uint64_t done = 0; done <= ms;) {
		uint64_t step = ms > 1000 ? 50 : 1;

		network_run(world->net, step);
		done += step;
		do
			media_receive(world->shard.media);
		while (fake_run(FAKE_MAX) > 0);
		media_receive(world->shard.media);
	}
}

void world_bridged_call(void)
{
	phone_call(CARRIER, "sip:bob@tandem.lab", phone_sdp(CARRIER, 4000, "0 8 101", "sendrecv"));
	world_run(20);
	phone_respond(BOB, 180, NULL);
	world_run(20);
	phone_respond(BOB, 200, phone_sdp(BOB, 5000, "8 101", "sendrecv"));
	world_run(20);
	cr_assert(world->phones[CARRIER].answered);
	cr_assert(world->phones[BOB].acked);
}

void world_expect_nothing_left(void)
{
	struct media_stats stats;

	world_run(200);
	media_stats(world->shard.media, &stats);
	cr_expect_eq(engine_call_count(world->shard.engine), 0);
	cr_expect_null(world->shard.engine->dead);
	cr_expect_eq(stats.contexts, 0);
	cr_expect_eq(stats.terminations, 0);
	cr_expect_eq(stats.in_flight, 0);
	cr_expect_eq(fake_contexts(), 0);
	cr_expect_eq(fake_terminations(), 0);
	cr_expect_eq(world->shard.engine->trunk_calls[0], 0);
	cr_expect_null(world->record, "nothing on record");
}

struct dp_termination_record world_termination(unsigned side)
{
	for (unsigned i = 0; i < FAKE_MAX; i++) {
		if (fake->terminations[i].generation && fake->terminations[i].side == side)
			return fake->terminations[i];
	}
	cr_assert_fail("no termination of side %u", side);
	return (struct dp_termination_record){ 0 };
}

struct dp_termination_record world_call_termination(uint64_t call, unsigned side)
{
	for (unsigned i = 0; i < FAKE_MAX; i++) {
		if (fake->terminations[i].generation && fake->terminations[i].side == side &&
		    fake->terminations[i].label == call)
			return fake->terminations[i];
	}
	cr_assert_fail("no termination of side %u in the call", side);
	return (struct dp_termination_record){ 0 };
}

bool world_says(const struct network_node *from, const struct network_node *to, const char *text)
{
	for (unsigned i = 0; i < world->net->packet_count; i++) {
		const struct packet *p = &world->net->packets[i];

		if (p->from == from && p->to == to && packet_has(p, text))
			return true;
	}
	return false;
}
