/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/registrar/tests/world.h"

#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "controlplane/events/events.h"

struct world world;
uint64_t world_now_ms;

static uint64_t now(void)
{
	return world_now_ms;
}

/* Takes the place of the bus. */
bool event_is_wanted(struct event_bus *bus, enum event_type type)
{
	(void)bus, (void)type;
	return true;
}

uint64_t event_put(struct event_bus *bus, enum event_type type, uint64_t call, uint64_t cause, ...)
{
	size_t used = strlen(world.events);
	const char *fields[3] = { "", "", "" };
	va_list args;

	(void)bus, (void)call, (void)cause;
	va_start(args, cause);
	const bool two = type == EVENT_REGISTRATION_ADDED || type == EVENT_REGISTRATION_REACHABLE ||
			 type == EVENT_REGISTRATION_UNREACHABLE || type == EVENT_USER_CHANGED;

	for (int i = 0; i < (two ? 2 : 3); i++)
		fields[i] = va_arg(args, const char *);
	va_end(args);
	snprintf(world.events + used, sizeof(world.events) - used, "%s %s %s%s%s\n",
		 type == EVENT_REGISTRATION_ADDED         ? "added"
		 : type == EVENT_REGISTRATION_UNREACHABLE ? "unreachable"
		 : type == EVENT_REGISTRATION_REACHABLE   ? "reachable"
		 : type == EVENT_NAT_ALG                  ? "alg"
		 : type == EVENT_AUTH_BYPASSED            ? "bypassed"
		 : type == EVENT_USER_CHANGED             ? "user"
							  : "removed",
		 fields[0], fields[1], *fields[2] ? " " : "", fields[2]);
	return 1;
}

/* --- the parts around the registrar -------------------------------------------------------------- */

static void on_request(void *arg, struct sip_transaction *server, struct sip_msg *request,
		       const struct sip_path *from, struct sip_transaction *cancelled)
{
	(void)arg, (void)cancelled;
	registrar_handle(world.registrar, world.digest, server, request, from);
}

static int on_send(void *arg, const struct sip_path *to, const char *data, size_t size)
{
	(void)arg, (void)to;
	cr_assert_lt(size, sizeof(world.answer));
	memcpy(world.answer, data, size);
	world.answer[size] = 0;
	world.answers++;
	return 0;
}

static const char *via_host(void *arg, const struct sip_path *path)
{
	(void)arg, (void)path;
	return "198.18.0.10:5060";
}

static const char *domains[] = { "tandem.lab", "other.lab" };
static struct config_listener listeners[] = {
	{ .transport = "udp", .address = "198.18.0.10", .port = 5060 },
	{ .transport = "udp", .address = "2001:2::10", .port = 5060 },
	{ .transport = "tcp", .address = "198.18.0.10", .port = 5060 },
};
static struct config_user users[] = {
	{ "alice", "alice-secret", "tandem.lab", NULL },
	{ "bob", "bob-secret", "tandem.lab", NULL },
	{ "dave", "dave-secret", "other.lab", NULL },
	{ "twin", "one-secret", "tandem.lab", NULL },
	{ "twin", "two-secret", "other.lab", NULL },
};

static void open_registrar(void)
{
	char why[256];

	cr_assert_eq(store_open(world.dir, &world.store, why, sizeof(why)), 0, "%s", why);
	/* the bus is never looked into */
	cr_assert_eq(registrar_create(&world.config, world.store, (struct event_bus *)&world, now,
				      &world.registrar),
		     0);
}

void world_open(void)
{
	struct digest_options options = {
		.algorithms = { DIGEST_SHA256, DIGEST_MD5 },
		.algorithm_count = 2,
		.nonce_lifetime_s = 300,
	};
	struct sip_transactions_config layer = {
		.timers = sip_timers_default,
		.tu = { .request = on_request },
		.send = on_send,
		.via_host = via_host,
		.limits = &sip_limits_default,
		.transactions_max = 100000,
		.server_name = "Tandem",
		.token = "t",
	};

	world = (struct world){
		.config = {
			.sip = {
				.domains = domains,
				.domains_count = 2,
				.listeners = listeners,
				.listeners_count = 3,
				.registration_min_s = 60,
				.registration_max_s = 7200,
				.registration_default_s = 1800,
				.contacts_max = 3,
				.user_agent = "Tandem",
			},
			.users = users,
			.users_count = 5,
		},
		.source = "198.18.0.101",
		.via = "10.0.0.1:5060",
	};
	world_now_ms = 1700000000000;
	strcpy(world.dir, "/tmp/tandem-registrar-XXXXXX");
	cr_assert_not_null(mkdtemp(world.dir));
	world.config.controlplane.state_dir = world.dir;
	world.wheel = timer_wheel_create(0);
	layer.wheel = world.wheel;
	cr_assert_eq(sip_transactions_create(&layer, &world.layer), 0);
	cr_assert_eq(digest_server_create(&options, &world.digest), 0);
	open_registrar();
}

void world_unauthenticated(bool yes)
{
	for (unsigned i = 0; i < world.config.sip.listeners_count; i++)
		listeners[i].unauthenticated = yes;
}

static void close_registrar(void)
{
	registrar_destroy(world.registrar);
	store_close(world.store);
}

void world_restart(void)
{
	close_registrar();
	open_registrar();
}

void world_close(void)
{
	static const char *const names[] = { "tandem.db",   "tandem.db-wal", "tandem.db-shm",
					     "tandem.lock", "gruu.key",      "users",
					     "users.new" };
	char name[160];

	close_registrar();
	sip_transactions_destroy(world.layer);
	digest_server_destroy(world.digest);
	timer_wheel_destroy(world.wheel);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(name, sizeof(name), "%s/%s", world.dir, names[i]);
		unlink(name);
	}
	rmdir(world.dir);
}

/* --- the phone ------------------------------------------------------------------------------------ */

static void md5(char hex[33], const char *format, ...) __attribute__((format(printf, 2, 3)));
static void md5(char hex[33], const char *format, ...)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	char text[1024];
	va_list args;

	va_start(args, format);
	int n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	cr_assert_eq(EVP_Digest(text, (size_t)n, digest, NULL, EVP_md5(), NULL), 1);
	for (int i = 0; i < 16; i++)
		sprintf(hex + 2 * i, "%02x", digest[i]);
}

static unsigned deliver(const struct parts *parts, const char *authorization)
{
	static char text[65536];
	static unsigned branch;
	struct sip_path from = { 0 };
	unsigned status = 0, before = world.answers;
	int n = snprintf(text, sizeof(text),
			 "REGISTER %s SIP/2.0\r\n"
			 "Via: SIP/2.0/UDP %s;rport;branch=z9hG4bK%u\r\n"
			 "Max-Forwards: 70\r\nFrom: <%s>;tag=1\r\nTo: <%s>\r\nCall-ID: %s\r\n"
			 "CSeq: %u REGISTER\r\nUser-Agent: phone \xe9 1.0\r\n"
			 "%s%sContent-Length: 0\r\n\r\n",
			 parts->request_uri, world.via, ++branch, parts->to, parts->to,
			 parts->call_id, parts->cseq, authorization, parts->headers);

	cr_assert_lt(n, (int)sizeof(text));
	cr_assert_eq(sip_address_parse(slice_of(world.source), 40000, &from.remote), 0);
	from.listener = strchr(world.source, ':') != NULL;
	from.flow = world.flow;
	if (world.flow.index != 0) {
		from.kind = SIP_TCP;
		from.listener = 2;
	}
	sip_transactions_receive(world.layer, text, (size_t)n, &from);
	cr_assert_eq(world.answers, before + 1, "no answer to %s", text);
	cr_assert_eq(sscanf(world.answer, "SIP/2.0 %u", &status), 1, "%s", world.answer);
	return status;
}

unsigned send_parts(const struct parts *parts)
{
	char a1[33], a2[33], response[33], authorization[1024], nonce[256] = "", realm[64] = "";
	const char *md5_challenge, *at;

	if (!parts->username)
		return deliver(parts, "");
	if (deliver(parts, "") != 401)
		return (unsigned)atoi(world.answer + 8);
	md5_challenge = strstr(world.answer, "algorithm=MD5");
	at = strstr(world.answer, "nonce=\"");
	cr_assert(md5_challenge && at, "%s", world.answer);
	sscanf(at, "nonce=\"%255[^\"]", nonce);
	sscanf(strstr(world.answer, "realm="), "realm=\"%63[^\"]", realm);
	md5(a1, "%s:%s:%s", parts->username, realm, parts->password);
	md5(a2, "REGISTER:%s", parts->request_uri);
	md5(response, "%s:%s:00000001:c:auth:%s", a1, nonce, a2);
	snprintf(
		authorization, sizeof(authorization),
		"Authorization: Digest username=\"%s\", realm=\"%s\", nonce=\"%s\", "
		"uri=\"%s\", response=\"%s\", algorithm=MD5, qop=auth, nc=00000001, cnonce=\"c\"\r\n",
		parts->username, realm, nonce, parts->request_uri, response);
	return deliver(parts, authorization);
}

unsigned send_register(const char *user, const char *call_id, unsigned cseq, const char *headers)
{
	char to[128], password[64];

	snprintf(to, sizeof(to), "sip:%s@tandem.lab", user);
	snprintf(password, sizeof(password), "%s-secret", user);
	return send_parts(&(struct parts){ .request_uri = "sip:tandem.lab",
					   .to = to,
					   .username = user,
					   .password = password,
					   .call_id = call_id,
					   .cseq = cseq,
					   .headers = headers });
}

unsigned send_registerf(const char *user, const char *call_id, unsigned cseq, const char *format,
			...)
{
	static char headers[60000];
	va_list args;

	va_start(args, format);
	vsnprintf(headers, sizeof(headers), format, args);
	va_end(args);
	return send_register(user, call_id, cseq, headers);
}

bool answer_has(const char *text)
{
	return strstr(world.answer, text) != NULL;
}

const char *contacts_of(const char *aor)
{
	static char text[8192];
	struct registrar_contact contacts[16];
	unsigned n = registrar_lookup(world.registrar, aor, contacts, 16);
	size_t used = 0;

	text[0] = 0;
	for (unsigned i = 0; i < n; i++)
		used += (size_t)snprintf(
			text + used, sizeof(text) - used, "%s %llu %g\n", contacts[i].uri,
			(unsigned long long)(contacts[i].expires_ms - world_now_ms) / 1000,
			(double)contacts[i].q);
	return text;
}
