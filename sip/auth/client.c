/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/auth/client.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>

#include "sip/auth/internal.h"
#include "sip/base/random.h"
#include "sip/message/chars.h"

#define REALM_MAX   128
#define NONCE_MAX   512 /* some carry a ticket in it */
#define OPAQUE_MAX  256
#define CNONCE_SIZE 20

/* A realm's challenge, as it goes into our credentials: its texts keep their escapes. */
struct challenge {
	const struct sip_account *account; /* NULL: the place is free */
	bool proxy;
	bool user_hash;
	enum digest_algorithm algorithm;
	enum digest_qop qop;
	uint32_t count; /* nc of the last use */
	char realm[REALM_MAX], nonce[NONCE_MAX], opaque[OPAQUE_MAX];
	unsigned char ha1[DIGEST_BYTES_MAX];
};

struct sip_credentials {
	const struct sip_account *accounts;
	unsigned account_count;
	unsigned next; /* the place that gives way when all are taken */
	struct challenge challenges[SIP_CREDENTIALS_REALMS];
	unsigned host_count, next_host;
	struct sip_address hosts[SIP_CREDENTIALS_HOSTS];
};

int sip_credentials_create(const struct sip_account *accounts, unsigned count,
			   struct sip_credentials **credentials)
{
	struct sip_credentials *c = calloc(1, sizeof(*c));

	*credentials = c;
	if (c == NULL)
		return -ENOMEM;
	c->accounts = accounts;
	c->account_count = count;
	return 0;
}

void sip_credentials_destroy(struct sip_credentials *credentials)
{
	if (credentials == NULL)
		return;
	OPENSSL_cleanse(credentials, sizeof(*credentials));
	free(credentials);
}

/* --- hosts ------------------------------------------------------------------------------------ */

static bool are_for(const struct sip_credentials *c, const struct sip_address *host)
{
	if (host == NULL)
		return true;
	for (unsigned i = 0; i < c->host_count; i++)
		if (sip_address_same_host(&c->hosts[i], host))
			return true;
	return false;
}

void sip_credentials_bind(struct sip_credentials *c, const struct sip_address *host)
{
	if (are_for(c, host))
		return;
	if (c->host_count < SIP_CREDENTIALS_HOSTS)
		c->hosts[c->host_count++] = *host;
	else
		c->hosts[c->next_host++ % SIP_CREDENTIALS_HOSTS] = *host;
}

/* --- challenges ------------------------------------------------------------------------------- */

static const struct sip_account *account_of(const struct sip_credentials *c, struct slice realm)
{
	for (unsigned i = 0; i < c->account_count; i++)
		if (c->accounts[i].realm == NULL ||
		    slice_equal(realm, slice_of(c->accounts[i].realm)))
			return &c->accounts[i];
	return NULL;
}

static struct challenge *find(struct sip_credentials *c, struct slice realm, bool proxy)
{
	for (unsigned i = 0; i < SIP_CREDENTIALS_REALMS; i++)
		if (c->challenges[i].account != NULL && c->challenges[i].proxy == proxy &&
		    slice_equal(realm, slice_of(c->challenges[i].realm)))
			return &c->challenges[i];
	return NULL;
}

static struct challenge *place(struct sip_credentials *c)
{
	for (unsigned i = 0; i < SIP_CREDENTIALS_REALMS; i++)
		if (c->challenges[i].account == NULL)
			return &c->challenges[i];
	return &c->challenges[c->next++ % SIP_CREDENTIALS_REALMS];
}

/* qop is a list; auth suffices where it is offered, since proxies and NATs change bodies. */
static bool choose_qop(struct slice list, enum digest_qop *qop)
{
	bool whole = false;

	*qop = DIGEST_QOP_NONE;
	if (list.p == NULL)
		return true;
	while (list.n > 0) {
		struct slice word = slice_trim(slice_split(&list, ','));

		if (slice_equal_nocase(word, SLICE("auth"))) {
			*qop = DIGEST_QOP_AUTH;
			return true;
		}
		whole = whole || slice_equal_nocase(word, SLICE("auth-int"));
	}
	*qop = DIGEST_QOP_AUTH_INT;
	return whole;
}

static bool fits(const struct digest_params *p)
{
	return p->realm.p != NULL && p->realm.n < REALM_MAX && p->nonce.n > 0 &&
	       p->nonce.n < NONCE_MAX && p->opaque.n < OPAQUE_MAX;
}

/* What H(user:realm:password) is made of has no escapes (RFC 7616 §3.4.2: unq). */
static struct slice unquote(struct slice text, char *to)
{
	size_t used = 0;

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\\' && i + 1 < text.n)
			i++;
		to[used++] = text.p[i];
	}
	return (struct slice){ to, used };
}

static int keep(struct sip_credentials *c, const struct digest_params *p, bool proxy,
		enum digest_algorithm algorithm, enum digest_qop qop, struct challenge **kept)
{
	const struct sip_account *account;
	struct challenge *ch = find(c, p->realm, proxy);
	char realm[REALM_MAX];
	struct slice plain = unquote(p->realm, realm);

	account = account_of(c, plain);
	if (account == NULL)
		return -ENOENT;
	if (ch == NULL)
		ch = place(c);
	*ch = (struct challenge){ .account = account,
				  .proxy = proxy,
				  .user_hash = slice_equal_nocase(p->userhash, SLICE("true")),
				  .algorithm = algorithm,
				  .qop = qop };
	slice_copy(p->realm, ch->realm, sizeof(ch->realm));
	slice_copy(p->nonce, ch->nonce, sizeof(ch->nonce));
	slice_copy(p->opaque, ch->opaque, sizeof(ch->opaque));
	if (!digest_ha1(algorithm, slice_of(account->username), plain, slice_of(account->password),
			ch->ha1)) {
		ch->account = NULL;
		return -ENOTSUP;
	}
	*kept = ch;
	return 0;
}

/* The realm that bit n stands for in `attempt` is that of place n: places change hands only when
 * more realms than there are places ask, and then to refuse is right as well. */
static int count_try(struct sip_credentials *c, const struct challenge *ch, bool stale,
		     struct sip_challenge_try *attempt)
{
	uint8_t bit = (uint8_t)(1u << (ch - c->challenges));

	if ((attempt->answered & bit) == 0) {
		attempt->answered |= bit;
		return 0;
	}
	if (!stale || (attempt->again & bit) != 0)
		return -EACCES;
	attempt->again |= bit;
	return 0;
}

static bool may_use(const struct sip_credentials *c, const struct digest_params *p,
		    enum digest_algorithm algorithm)
{
	const struct sip_account *account;
	char realm[REALM_MAX];

	account = account_of(c, unquote(p->realm, realm));
	return account == NULL || account->algorithms == 0 ||
	       (account->algorithms >> algorithm & 1u) != 0;
}

/* One challenge of a response. 1: passed over, a better one of its realm was taken. */
static int take(struct sip_credentials *c, struct slice value, bool proxy, uint8_t *taken,
		struct sip_challenge_try *attempt)
{
	enum digest_algorithm algorithm;
	struct digest_params p;
	struct challenge *ch;
	enum digest_qop qop;
	bool again;
	int rc;

	if (!digest_scheme_take(&value))
		return -ENOTSUP;
	if (!digest_params_read(value, &p) || !fits(&p))
		return -EBADMSG;
	if (!digest_algorithm_parse(p.algorithm, &algorithm) || !may_use(c, &p, algorithm) ||
	    !choose_qop(p.qop, &qop))
		return -ENOTSUP;
	ch = find(c, p.realm, proxy);
	again = ch != NULL && (*taken & 1u << (ch - c->challenges)) != 0;
	if (again && algorithm <= ch->algorithm)
		return 1;
	rc = keep(c, &p, proxy, algorithm, qop, &ch);
	if (rc != 0 || again)
		return rc;
	*taken |= (uint8_t)(1u << (ch - c->challenges));
	rc = count_try(c, ch, slice_equal_nocase(p.stale, SLICE("true")), attempt);
	if (rc != 0) /* not to be sent unasked with the next request */
		ch->account = NULL;
	return rc;
}

int sip_credentials_take(struct sip_credentials *c, const struct sip_msg *response,
			 const struct sip_address *host, struct sip_challenge_try *attempt)
{
	static const struct {
		enum sip_header_id id;
		bool proxy;
	} kinds[] = { { SIP_H_WWW_AUTHENTICATE, false }, { SIP_H_PROXY_AUTHENTICATE, true } };
	uint8_t taken = 0;
	int worst = -EBADMSG;

	if (!are_for(c, host))
		return -EPERM;
	for (unsigned i = 0; i < 2; i++) {
		for (const struct sip_header *h = sip_msg_header(response, kinds[i].id); h != NULL;
		     h = sip_msg_next(response, h)) {
			int rc = take(c, h->value, kinds[i].proxy, &taken, attempt);

			if (rc == -EACCES)
				return rc;
			if (rc < 0)
				worst = rc;
		}
	}
	/* Of several realms (RFC 3261 §22.3) those that we know are answered. */
	return taken != 0 ? 0 : worst;
}

/* --- credentials ------------------------------------------------------------------------------ */

static void user_text(const struct challenge *ch, struct slice realm, char *text, size_t size)
{
	struct slice parts[] = { slice_of(ch->account->username), realm };
	size_t used = 0;

	if (ch->user_hash && size > DIGEST_HEX_MAX) {
		digest_hash_hex(ch->algorithm, parts, 2, text);
		return;
	}
	for (const char *p = ch->account->username; *p != '\0' && used + 3 < size; p++) {
		if (*p == '"' || *p == '\\')
			text[used++] = '\\';
		text[used++] = *p;
	}
	text[used] = '\0';
}

static void write_one(struct challenge *ch, const struct sip_authorized_request *request,
		      struct sip_build *build)
{
	char hex[DIGEST_HEX_MAX + 1], cnonce[CNONCE_SIZE + 1], nc[9], user[2 * DIGEST_HEX_MAX];
	char realm[REALM_MAX], qop[80] = "", opaque[OPAQUE_MAX + 16] = "";
	const char *qop_text = ch->qop == DIGEST_QOP_AUTH_INT ? "auth-int" : "auth";
	struct digest_parts parts = {
		.algorithm = ch->algorithm,
		.qop = ch->qop,
		.ha1 = ch->ha1,
		.method = request->method,
		.uri = request->uri,
		.nonce = slice_of(ch->nonce),
		.qop_text = slice_of(qop_text),
		.body = request->body,
	};

	random_token(cnonce, CNONCE_SIZE);
	snprintf(nc, sizeof(nc), "%08x", ++ch->count);
	parts.nc = slice_of(nc);
	parts.cnonce = slice_of(cnonce);
	if (!digest_response(&parts, hex))
		return;
	user_text(ch, unquote(slice_of(ch->realm), realm), user, sizeof(user));
	if (ch->qop != DIGEST_QOP_NONE)
		snprintf(qop, sizeof(qop), ", qop=%s, nc=%s, cnonce=\"%s\"", qop_text, nc, cnonce);
	if (ch->opaque[0] != '\0')
		snprintf(opaque, sizeof(opaque), ", opaque=\"%s\"", ch->opaque);
	sip_build_header(build, ch->proxy ? SIP_H_PROXY_AUTHORIZATION : SIP_H_AUTHORIZATION,
			 "Digest username=\"%s\", realm=\"%s\", nonce=\"%s\", uri=\"%.*s\", "
			 "response=\"%s\", algorithm=%s%s%s%s",
			 user, ch->realm, ch->nonce, SLICE_FMT(request->uri), hex,
			 digest_algorithm_name(ch->algorithm), qop, opaque,
			 ch->user_hash ? ", userhash=true" : "");
}

void sip_credentials_write(struct sip_credentials *credentials,
			   const struct sip_authorized_request *request, struct sip_build *build)
{
	if (!are_for(credentials, request->host))
		return;
	for (unsigned i = 0; i < SIP_CREDENTIALS_REALMS; i++) {
		struct challenge *ch = &credentials->challenges[i];

		if (ch->account == NULL)
			continue;
		/* A nonce without qop is good once (RFC 3261 §22.4). */
		if (ch->qop == DIGEST_QOP_NONE && ch->count > 0)
			ch->account = NULL;
		else
			write_one(ch, request, build);
	}
}

int sip_credentials_lines(struct sip_credentials *credentials,
			  const struct sip_authorized_request *request, char *lines, size_t size)
{
	struct sip_build build;

	sip_build_init(&build, lines, size);
	sip_credentials_write(credentials, request, &build);
	return build.overflow ? -ENOSPC : (int)build.used;
}

void sip_credentials_note(struct sip_credentials *credentials, const struct sip_msg *response)
{
	struct slice text = sip_msg_value(response, SIP_H_AUTHENTICATION_INFO), name, value;

	while (sip_param_take(&text, ',', &name, &value) > 0) {
		if (!slice_equal_nocase(name, SLICE("nextnonce")) || value.n == 0 ||
		    value.n >= NONCE_MAX)
			continue;
		/* It names no realm: it is of the one that was asked for Authorization. */
		for (unsigned i = 0; i < SIP_CREDENTIALS_REALMS; i++) {
			struct challenge *ch = &credentials->challenges[i];

			if (ch->account == NULL || ch->proxy)
				continue;
			slice_copy(value, ch->nonce, sizeof(ch->nonce));
			ch->count = 0;
			return;
		}
	}
}
