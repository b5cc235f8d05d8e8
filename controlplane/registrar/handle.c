/* SPDX-License-Identifier: BSD-3-Clause */
/* REGISTER, in the steps of RFC 3261 §10.3. Start reading at registrar_handle(). */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "controlplane/registrar/internal.h"
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

/* Step 8: 200 with all that is there now. */
static void accept_register(struct handling *h, const struct contact *contacts, unsigned count)
{
	const time_t now_s = (time_t)(h->now_ms / 1000);
	struct sip_build b;
	struct tm utc;
	char date[40], *buffer;
	size_t size, texts = 0;

	for (unsigned i = 0; i < count; i++)
		texts += contacts[i].uri.n + 64;
	buffer = response_buffer(h, texts, &size);
	if (!buffer) {
		reply(h, 500, NULL, "");
		return;
	}
	sip_build_init(&b, buffer, size);
	begin(h, &b, 200);
	for (unsigned i = 0; i < count; i++)
		sip_build_header(&b, SIP_H_CONTACT, "<%.*s>;expires=%u;q=%.3g",
				 SLICE_FMT(contacts[i].uri),
				 (unsigned)((contacts[i].expires_ms - h->now_ms + 999) / 1000),
				 contacts[i].q);
	gmtime_r(&now_s, &utc);
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &utc);
	sip_build_header(&b, SIP_H_DATE, "%s", date);
	if (h->registrar->config->sip.authentication_info)
		digest_info(h->digest, &h->ask, &h->proof, SLICE_NONE, &b);
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

/* Step 2: no extension of registration is supported yet, so each that is required is too many. */
static int check_require(struct handling *h)
{
	char extra[UNSUPPORTED_MAX + 32] = "Unsupported: ";
	const size_t first = strlen(extra);
	size_t used = first;

	for (const struct sip_header *header = sip_msg_header(h->request, SIP_H_REQUIRE); header;
	     header = sip_msg_next(h->request, header)) {
		struct slice rest = header->value;

		while (rest.n > 0) {
			struct slice tag = slice_trim(slice_split(&rest, ','));

			if (is_token(tag) && used + tag.n < UNSUPPORTED_MAX)
				used += (size_t)snprintf(extra + used, sizeof(extra) - used,
							 "%s%.*s", used > first ? ", " : "",
							 SLICE_FMT(tag));
		}
	}
	if (!sip_msg_header(h->request, SIP_H_REQUIRE))
		return 0;
	if (used == first)
		return reply(h, 400, "Bad Require", "");
	snprintf(extra + used, sizeof(extra) - used, "\r\n");
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

/*
 * Steps 3 to 5: who is it, whose contacts are these, and may the one change the other's? Each
 * domain is a realm of its own; so the To says who may be asked for.
 */
static void note(const struct handling *h, enum sip_note what)
{
	const struct registrar *r = h->registrar;

	if (r->note)
		r->note(r->note_arg, &h->from->remote, what, slice_of(h->proof.username));
}

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
	registrar_users(r, &users);
	h->ask = (struct digest_ask){ .realm = slice_of(domain), .now_s = h->now_ms / 1000 };
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
		snprintf(extra, sizeof(extra), "Min-Expires: %u\r\n",
			 h->registrar->config->sip.registration_min_s);
	return reply(h, refusal->status, refusal->reason, extra);
}

/* Steps 6 to 8. */
static void update_contacts(struct handling *h)
{
	struct contact live[2 * UPDATE_CONTACTS_MAX];
	struct registrar *r = h->registrar;
	struct update_request update;
	struct update_result result;
	struct refusal refusal = { 500, NULL };
	unsigned count = 0;
	int error = update_read(h->request, h->from, &r->config->sip, &update, &refusal);

	if (error) {
		refuse(h, &refusal);
		return;
	}
	/* The result points into what was there until the read section ends. */
	location_read_begin();
	location_lock(r->location);
	error = update_apply(&update, location_find(r->location, slice_of(h->aor)), h->now_ms,
			     r->config->sip.contacts_max, &result, &refusal);
	if (!error)
		error = registrar_commit(r, h->aor, &result);
	location_unlock(r->location);
	for (unsigned i = 0; i < result.count; i++)
		if (update_is_live(&result.entries[i]))
			live[count++] = result.entries[i].contact;
	if (error)
		refuse(h, &refusal);
	else
		accept_register(h, live, count);
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
	};

	random_token(h.tag, TAG_CHARS);
	if (check_domain(&h) == 0 && check_require(&h) == 0 && check_user(&h) == 0)
		update_contacts(&h);
}
