/* SPDX-License-Identifier: BSD-3-Clause */
/* REGISTER, in the steps of RFC 3261 §10.3. Start reading at registrar_handle(). */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "controlplane/events/events.h"
#include "controlplane/registrar/gruu.h"
#include "controlplane/registrar/internal.h"
#include "sip/base/format.h"
#include "sip/base/log.h"
#include "sip/base/random.h"

#define TAG_CHARS       12
#define UNSUPPORTED_MAX 256

/* One REGISTER on its way. */
struct handling {
	struct registrar *registrar;
	struct digest_server *digest;
	struct sip_transaction *server;
	const struct sip_msg *request;
	const struct sip_path *from;
	uint64_t now_ms;
	struct digest_ask ask;
	struct digest_result proof;
	bool gruu; /* its 200 tells them */
	char tag[TAG_CHARS + 1];
	char aor[REGISTRAR_AOR_MAX];
};

/* --- responses ------------------------------------------------------------------------------------ */

static int reply(struct handling *h, unsigned status, const char *reason, const char *extra)
{
	if (!reason)
		reason = sip_reason_text(status);
	LOG_DEBUG("registrar", 0, "REGISTER of %s: %u %s", h->aor[0] ? h->aor : "?", status,
		  reason);
	sip_transaction_reply(h->server, status, reason, slice_of(h->tag), extra);
	return -EACCES;
}

static void begin(struct handling *h, struct sip_build *b, unsigned status)
{
	char ip[SIP_ADDRESS_TEXT];

	sip_build_response(b, h->request, status, sip_reason_text(status), slice_of(h->tag), false,
			   sip_address_ip(&h->from->remote, ip), h->from->remote.port);
}

static void finish(struct handling *h, struct sip_build *b)
{
	struct slice response;

	sip_build_header(b, SIP_H_SERVER, "%s", h->registrar->config->sip.user_agent);
	if (sip_build_finish(b, SLICE_NONE, SLICE_NONE, &response))
		reply(h, 500, "Response Too Long", "");
	else
		sip_transaction_respond(h->server, response);
}

/* Room for what the request brings back (Via, From…) and `more` bytes. */
static char *response_buffer(const struct handling *h, size_t more, size_t *size)
{
	*size = h->request->raw.n + 2048 + more;
	return malloc(*size);
}

static int challenge(struct handling *h, bool stale)
{
	size_t size;
	char *buffer = response_buffer(h, 0, &size);
	struct sip_build b;

	if (!buffer)
		return reply(h, 500, NULL, "");
	sip_build_init(&b, buffer, size);
	begin(h, &b, 401);
	digest_challenge(h->digest, h->request, &h->ask, stale, &b);
	finish(h, &b);
	free(buffer);
	return -EACCES;
}

/* Thousandths with as many digits as there are: "1", "0.5", "0.25". */
static void q_text(unsigned q, char text[8])
{
	snprintf(text, 8, "%u.%03u", q / 1000, q % 1000);
	for (size_t n = 5; n > 1 && (text[n - 1] == '0' || text[n - 1] == '.'); n--) {
		bool point = text[n - 1] == '.';

		text[n - 1] = 0;
		if (point)
			break;
	}
}

/* RFC 5627 §5.3: both kinds for who asks, the temporary one new each time. */
static void add_gruus(const struct handling *h, const struct contact *c, char *text, size_t size)
{
	char public[GRUU_MAX], temporary[GRUU_MAX];

	text[0] = 0;
	if (!h->gruu || c->instance.n == 0 || c->epoch == 0 ||
	    !gruu_public(h->aor, c->instance, public) ||
	    !gruu_temporary(h->registrar->gruu, h->aor, c->epoch, temporary))
		return;
	format_print(text, size, ";pub-gruu=\"%s\";temp-gruu=\"%s\"", public, temporary);
}

static void add_contact(const struct handling *h, const struct contact *c, struct sip_build *b)
{
	char q[8], instance[160] = "", reg_id[24] = "", gruus[2 * GRUU_MAX + 32];

	q_text(c->q, q);
	if (c->instance.n > 0)
		format_print(instance, sizeof(instance), ";+sip.instance=\"<%.*s>\"",
			     SLICE_FMT(c->instance));
	if (c->reg_id > 0)
		format_print(reg_id, sizeof(reg_id), ";reg-id=%u", c->reg_id);
	add_gruus(h, c, gruus, sizeof(gruus));
	sip_build_header(b, SIP_H_CONTACT, "<%.*s>;expires=%u;q=%s%s%s%s", SLICE_FMT(c->uri),
			 (unsigned)((c->expires_ms - h->now_ms + 999) / 1000), q, instance, reg_id,
			 gruus);
}

/* What the extensions add to a 200. */
static void add_extensions(const struct handling *h, const struct update_request *update,
			   struct sip_build *b)
{
	const struct config_sip *sip = &h->registrar->config->sip;
	bool outbound = false;

	for (unsigned i = 0; i < update->count; i++)
		outbound = outbound || update->contacts[i].reg_id > 0;
	if (outbound) {
		/* RFC 5626 §6. How often an edge in between wants to hear of the phone it says. */
		sip_build_header(b, SIP_H_REQUIRE, "outbound");
		if (!update->route.p && sip->flow_timer_s > 0)
			sip_build_header(b, SIP_H_FLOW_TIMER, "%u", sip->flow_timer_s);
	}
	if (update->path && update->route.p) /* RFC 3327 §5.3 */
		sip_build_header_slice(b, SIP_H_PATH, update->route);
	if (sip->service_route) /* RFC 3608 */
		sip_build_header(b, SIP_H_SERVICE_ROUTE, "%s", sip->service_route);
	sip_build_header(b, SIP_H_SUPPORTED, "path, outbound, gruu");
	if (sip->authentication_info && h->proof.verdict == DIGEST_OK)
		digest_info(h->digest, &h->ask, &h->proof, SLICE_NONE, b);
}

/* Step 8: 200 with all that is there now. */
static void accept_register(struct handling *h, const struct update_request *update,
			    const struct update_result *result)
{
	const time_t now_s = (time_t)(h->now_ms / 1000);
	struct sip_build b;
	struct tm utc;
	char date[40], *buffer;
	size_t size, texts = update->route.n;

	h->gruu = update->gruu;
	for (unsigned i = 0; i < result->count; i++) {
		const struct contact *c = &result->entries[i].contact;

		texts += c->uri.n + c->instance.n + 96;
		if (h->gruu && c->instance.n > 0)
			texts += 2 * (3 * sizeof(h->aor) + 3 * c->instance.n);
	}
	buffer = response_buffer(h, texts, &size);
	if (!buffer) {
		reply(h, 500, NULL, "");
		return;
	}
	sip_build_init(&b, buffer, size);
	begin(h, &b, 200);
	for (unsigned i = 0; i < result->count; i++)
		if (update_is_live(&result->entries[i]))
			add_contact(h, &result->entries[i].contact, &b);
	gmtime_r(&now_s, &utc);
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &utc);
	sip_build_header(&b, SIP_H_DATE, "%s", date);
	add_extensions(h, update, &b);
	finish(h, &b);
	free(buffer);
}

/* --- steps ------------------------------------------------------------------------------------------ */

/* Step 1: is it for us? */
static int check_domain(struct handling *h)
{
	struct sip_uri uri;

	if (sip_uri_parse(h->request->request_uri, &uri))
		return reply(h, 400, "Bad Request-URI", "");
	if (uri.scheme != SIP_SCHEME_SIP && uri.scheme != SIP_SCHEME_SIPS)
		return reply(h, 416, NULL, "");
	if (!users_domain(h->registrar->users, uri.host))
		return reply(h, 404, "Not Our Domain", "");
	return 0;
}

static bool is_token(struct slice text)
{
	for (size_t i = 0; i < text.n; i++)
		if (!isalnum((unsigned char)text.p[i]) && !strchr("-.!%*_+`'~", text.p[i]))
			return false;
	return text.n > 0;
}

static bool is_known(struct slice tag)
{
	static const char *const tags[] = { "path", "outbound", "gruu" };

	for (size_t i = 0; i < sizeof(tags) / sizeof(*tags); i++)
		if (slice_equal_nocase(tag, slice_of(tags[i])))
			return true;
	return false;
}

/* Step 2: what is required that we do not have. */
static int check_require(struct handling *h)
{
	char extra[UNSUPPORTED_MAX + 32] = "Unsupported: ";
	const size_t first = strlen(extra);
	size_t used = first;
	bool known = false;

	for (const struct sip_header *header = sip_msg_header(h->request, SIP_H_REQUIRE); header;
	     header = sip_msg_next(h->request, header)) {
		struct slice rest = header->value;

		while (rest.n > 0) {
			struct slice tag = slice_trim(slice_split(&rest, ','));

			known = known || is_known(tag);
			if (is_token(tag) && !is_known(tag) && used + tag.n < UNSUPPORTED_MAX)
				used += (size_t)format_print(extra + used, sizeof(extra) - used,
							     "%s%.*s", used > first ? ", " : "",
							     SLICE_FMT(tag));
		}
	}
	if (!sip_msg_header(h->request, SIP_H_REQUIRE) || (used == first && known))
		return 0;
	if (used == first)
		return reply(h, 400, "Bad Require", "");
	format_print(extra + used, sizeof(extra) - used, "\r\n");
	return reply(h, 420, NULL, extra);
}

/* Is the user that proved itself the one whose contacts these are? */
static bool is_owner(const struct handling *h, const char *username)
{
	const char *at = strrchr(h->aor, '@');
	const size_t length = (size_t)(at - h->aor);

	return strcmp(username, h->aor) == 0 ||
	       (strlen(username) == length && memcmp(username, h->aor, length) == 0);
}

static void note(const struct handling *h, enum sip_note what)
{
	const struct registrar *r = h->registrar;

	registrar_note(r, h->proof.username, h->ask.realm, what, h->proof.proof.algorithm);
	if (r->note)
		r->note(r->note_arg, &h->from->remote, what, slice_of(h->proof.username));
}

/* sip.listeners[].unauthenticated: for tests, and on record. */
static int take_at_its_word(struct handling *h, const struct sip_uri *uri)
{
	struct registrar *r = h->registrar;
	char source[SIP_ADDRESS_TEXT];

	if (registrar_aor(r, uri, h->aor) || !registrar_user_exists(r, h->aor))
		return reply(h, 404, NULL, "");
	event_publish(r->events, EVENT_AUTH_BYPASSED, 0, 0, h->aor,
		      sip_address_text(&h->from->remote, source), "REGISTER");
	return 0;
}

/*
 * Steps 3 to 5: who is it, whose contacts are these, and may the one change the other's? Each
 * domain is a realm of its own; so the To says who may be asked for.
 */
static int check_user(struct handling *h)
{
	struct registrar *r = h->registrar;
	struct digest_users users;
	struct sip_addr to;
	const char *domain;
	int error;

	if (sip_msg_to(h->request, &to))
		return reply(h, 400, "Bad To", "");
	domain = users_domain(r->users, to.uri.host);
	if (!domain)
		return reply(h, 404, NULL, "");
	if (config_is_open(r->config, h->from->listener))
		return take_at_its_word(h, &to.uri);
	registrar_users(r, &users);
	h->ask = (struct digest_ask){ .realm = slice_of(domain),
				      .now_s = h->now_ms / 1000,
				      .source = &h->from->remote,
				      .proven = h->from->kind != SIP_UDP };
	digest_check(h->digest, h->request, &h->ask, &users, &h->proof);
	switch (h->proof.verdict) {
	case DIGEST_OK:
		break;
	case DIGEST_MALFORMED:
		return reply(h, 400, "Bad Authorization", "");
	case DIGEST_WRONG:
		note(h, SIP_NOTE_WRONG_PASSWORD);
		LOG_WARN("registrar", 0, "REGISTER of %.*s: wrong credentials for \"%s\"",
			 SLICE_FMT(to.uri.text), h->proof.username);
		return challenge(h, false);
	default:
		return challenge(h, h->proof.verdict == DIGEST_STALE);
	}
	error = registrar_aor(r, &to.uri, h->aor);
	if (error == -EINVAL)
		return reply(h, 400, "Bad Address Of Record", "");
	if (error || !registrar_user_exists(r, h->aor))
		return reply(h, 404, NULL, "");
	if (!is_owner(h, h->proof.username)) {
		LOG_WARN("registrar", 0, "REGISTER of %s with the credentials of \"%s\"", h->aor,
			 h->proof.username);
		return reply(h, 403, NULL, "");
	}
	note(h, SIP_NOTE_GOOD);
	return 0;
}

static int refuse(struct handling *h, const struct refusal *refusal)
{
	char extra[48] = "";

	if (refusal->status == 423)
		format_print(extra, sizeof(extra), "Min-Expires: %u\r\n",
			     h->registrar->config->sip.registration_min_s);
	return reply(h, refusal->status, refusal->reason, extra);
}

/* Steps 6 to 8. What the result points into stays until the read section ends. */
static void update_contacts(struct handling *h)
{
	struct registrar *r = h->registrar;
	const struct slice aor = slice_of(h->aor);
	struct update_request update;
	struct update_result result;
	struct refusal refusal = { 500, NULL };
	const struct binding *old;
	int error = update_read(h->request, h->from, &r->config->sip, &update, &refusal);

	if (error) {
		refuse(h, &refusal);
		return;
	}
	update.auth =
		CONTACT_AUTH_OF(h->proof.verdict == DIGEST_OK ? h->proof.proof.algorithm + 2u : 1u);
	location_read_begin();
	location_lock(r->location, aor);
	old = location_find(r->location, aor);
	error = update_apply(&update, old, h->now_ms, r->config->sip.contacts_max, &result,
			     &refusal);
	if (!error)
		error = registrar_commit(r, h->aor, old, h->now_ms, &result);
	location_unlock(r->location, aor);
	if (error) {
		refuse(h, &refusal);
	} else {
		registrar_tell(r, h->aor, &result);
		accept_register(h, &update, &result);
	}
	update_free(&result);
	location_read_end();
}

void registrar_handle(struct registrar *registrar, struct digest_server *digest,
		      struct sip_transaction *server, struct sip_msg *request,
		      const struct sip_path *from)
{
	struct handling h = {
		.registrar = registrar,
		.digest = digest,
		.server = server,
		.request = request,
		.from = from,
		.now_ms = registrar->now(),
		.proof = { .verdict = DIGEST_MISSING },
	};

	random_token(h.tag, TAG_CHARS);
	if (check_domain(&h) == 0 && check_require(&h) == 0 && check_user(&h) == 0)
		update_contacts(&h);
}
