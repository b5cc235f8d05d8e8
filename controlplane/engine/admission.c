/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who may call. A peer is known by its address and needs no digest; whoever says to be a user of
 * one of our domains proves it; nobody else is let in.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "controlplane/engine/call.h"
#include "controlplane/events/events.h"
#include "controlplane/engine/headers.h"
#include "controlplane/registrar/registrar.h"
#include "sip/base/format.h"
#include "sip/base/log.h"

static_assert(ROUTE_AOR_MAX == REGISTRAR_AOR_MAX, "one AOR");

static int directory_aor(void *arg, const struct sip_uri *uri, char aor[ROUTE_AOR_MAX])
{
	return registrar_target(arg, uri, aor);
}

static bool directory_exists(void *arg, const char *aor)
{
	return registrar_user_exists(arg, aor);
}

static bool directory_registered(void *arg, const char *aor)
{
	struct registrar_contact contact;

	return registrar_lookup(arg, aor, &contact, 1) > 0;
}

const struct route_directory *engine_directory(struct engine *e, struct route_directory *d)
{
	*d = (struct route_directory){ .aor = directory_aor,
				       .exists = directory_exists,
				       .registered = directory_registered,
				       .arg = e->shard->registrar };
	return d;
}

/* An address is the peer's only in the peer's realm: elsewhere anybody may bear it. */
static int trunk_of(const struct config *config, const struct sip_path *from)
{
	for (unsigned i = 0; i < config->trunks_count; i++) {
		const struct config_trunk *trunk = &config->trunks[i];

		if (!trunk->inbound ||
		    !(route_listeners(config, trunk->realm) & UINT64_C(1) << (from->listener & 63)))
			continue;
		for (unsigned k = 0; k < trunk->addresses_count; k++) {
			struct sip_address address;

			if (sip_address_parse(slice_of(trunk->addresses[k]), 0, &address) == 0 &&
			    sip_address_same_host(&address, &from->remote))
				return (int)i;
		}
	}
	return -1;
}

/* --- without state --- */

static bool is_our_domain(const struct config *config, struct slice host)
{
	for (unsigned i = 0; i < config->sip.domains_count; i++)
		if (slice_equal_nocase(slice_of(config->sip.domains[i]), host))
			return true;
	return false;
}

/* The cases that are plain; all others are looked at with a transaction. aor: in whose domain. */
static bool needs_credentials(struct engine *e, const struct sip_msg *request,
			      const struct sip_path *from, char aor[ROUTE_AOR_MAX])
{
	const struct registrar *registrar = e->shard->registrar;

	if (sip_msg_header(request, SIP_H_REQUIRE) != NULL ||
	    config_is_open(e->shard->config, from->listener))
		return false;
	if (request->method == SIP_REGISTER)
		return is_our_domain(e->shard->config, request->uri.host) &&
		       registrar_aor(registrar, &request->to.uri, aor) == 0;
	return request->method == SIP_INVITE && request->to_tag.n == 0 &&
	       trunk_of(e->shard->config, from) < 0 &&
	       registrar_aor(registrar, &request->from.uri, aor) == 0;
}

bool engine_is_proven(struct engine *e, const struct sip_msg *request, const struct sip_path *from)
{
	char aor[ROUTE_AOR_MAX];
	struct digest_ask ask;

	if (!request->is_request || !needs_credentials(e, request, from, aor))
		return false;
	ask = (struct digest_ask){ .realm = slice_of(strrchr(aor, '@') + 1),
				   .proxy = request->method == SIP_INVITE,
				   .now_s = shard_wall_ms() / 1000,
				   .source = &from->remote,
				   .proven = from->kind != SIP_UDP };
	return digest_look(e->shard->digest, request, &ask) == DIGEST_OK;
}

bool engine_admit(struct engine *e, struct sip_msg *request, const struct sip_path *from)
{
	char buffer[ADMISSION_LINES], aor[ROUTE_AOR_MAX];
	struct digest_ask ask = { .proxy = request->method == SIP_INVITE,
				  .now_s = shard_wall_ms() / 1000,
				  .source = &from->remote,
				  .proven = from->kind != SIP_UDP };
	enum digest_verdict verdict;
	struct sip_build build;

	if (!needs_credentials(e, request, from, aor))
		return true;
	ask.realm = slice_of(strrchr(aor, '@') + 1);
	verdict = digest_look(e->shard->digest, request, &ask);
	if (verdict != DIGEST_MISSING && verdict != DIGEST_STALE)
		return true;
	sip_build_init(&build, buffer, sizeof(buffer) - 1);
	digest_challenge(e->shard->digest, request, &ask, verdict == DIGEST_STALE, &build);
	if (build.overflow)
		return true;
	buffer[build.used] = '\0';
	sip_transactions_reply(sip_ua_transactions(e->shard->ua), request, from,
			       ask.proxy ? 407 : 401, NULL, buffer);
	return false;
}

/* --- with a transaction --- */

/* The user that proved itself is the one in From: nobody calls in another's name. */
static bool is_user(const struct caller *caller, const char *username)
{
	size_t length = strlen(username);

	if (strcmp(caller->aor, username) == 0)
		return true;
	return length > 0 && strncmp(caller->aor, username, length) == 0 &&
	       caller->aor[length] == '@';
}

static void note(struct shard *shard, const struct sip_path *path, enum sip_note what,
		 const struct digest_ask *ask, const struct digest_result *result)
{
	registrar_note(shard->registrar, result->username, ask->realm, what,
		       result->proof.algorithm);
	sip_guard_note(shard->guard, &path->remote, what, slice_of(result->username),
		       timer_wheel_now(shard->wheel));
}

/* Its From names nobody (RFC 3323 §4.1.1.3), so its credentials do. */
static int name_after_credentials(struct engine *e, struct caller *caller, const char *username)
{
	const char *domain = strchr(username, '@') ? "" : e->shard->config->sip.domains[0];

	format_print(caller->aor, sizeof(caller->aor), "%.120s%s%.120s", username,
		     *domain ? "@" : "", domain);
	return registrar_user_exists(e->shard->registrar, caller->aor) ? 0 : -ENOENT;
}

static unsigned challenge(struct engine *e, const struct sip_msg *request,
			  const struct digest_ask *ask, bool stale, char lines[ADMISSION_LINES])
{
	struct sip_build build;

	sip_build_init(&build, lines, ADMISSION_LINES - 1);
	digest_challenge(e->shard->digest, request, ask, stale, &build);
	lines[build.overflow ? 0 : build.used] = '\0';
	return build.overflow ? 500 : 407;
}

/* Whether a request is of the user that it says. 0: it is; else the status to refuse with, and
 * lines for that response. */
static unsigned authenticate(struct engine *e, const struct sip_msg *request,
			     const struct sip_path *path, struct caller *caller,
			     char lines[ADMISSION_LINES])
{
	struct shard *shard = e->shard;
	/* Each domain is a realm of its own. */
	struct digest_ask ask = { .realm = slice_of(strrchr(caller->aor, '@') + 1),
				  .proxy = true,
				  .now_s = shard_wall_ms() / 1000,
				  .source = &path->remote,
				  .proven = path->kind != SIP_UDP };
	const char *method = sip_method_text(request->method);
	struct digest_users users;
	struct digest_result result;

	lines[0] = '\0';
	if (config_is_open(shard->config, path->listener)) {
		char source[SIP_ADDRESS_TEXT];

		event_publish(shard->events, EVENT_AUTH_BYPASSED, 0, 0, caller->aor,
			      sip_address_text(&path->remote, source), method);
		format_print(caller->auth, sizeof(caller->auth), "none");
		return 0;
	}
	registrar_users(shard->registrar, &users);
	digest_check(shard->digest, request, &ask, &users, &result);
	switch (result.verdict) {
	case DIGEST_OK:
		note(shard, path, SIP_NOTE_GOOD, &ask, &result);
		format_print(caller->auth, sizeof(caller->auth), "%s",
			     digest_algorithm_name(result.proof.algorithm));
		break;
	case DIGEST_MISSING:
		return challenge(e, request, &ask, false, lines);
	case DIGEST_STALE:
		return challenge(e, request, &ask, true, lines);
	case DIGEST_MALFORMED:
		return 400;
	default:
		note(shard, path, SIP_NOTE_WRONG_PASSWORD, &ask, &result);
		LOG_WARN("call", 0, "%s of %s: wrong credentials for %s", method, caller->aor,
			 result.username);
		return 403;
	}
	if (caller->anonymous && name_after_credentials(e, caller, result.username) == 0)
		return 0;
	if (is_user(caller, result.username))
		return 0;
	LOG_WARN("call", 0, "%s of %s with the credentials of %s", method, caller->aor,
		 result.username);
	return 403;
}

/* A peer that is believed says who it is that calls (RFC 3325 §5), whatever From says. */
static void take_asserted(const struct config *config, const struct sip_msg *request,
			  struct caller *caller)
{
	struct slice value = sip_msg_value(request, SIP_H_P_ASSERTED_IDENTITY);
	struct sip_addr addr;

	if (!config->trunks[caller->trunk].trusted || sip_addr_next(&value, &addr) != 0 ||
	    addr.uri.user.n == 0 || addr.uri.user.n >= sizeof(caller->user))
		return;
	slice_copy(addr.uri.user, caller->user, sizeof(caller->user));
	if (slice_copy(addr.display, caller->display, sizeof(caller->display)) != 0)
		caller->display[0] = '\0';
}

/* A caller on a trunk keeps its number and appears in our first domain. */
static void name_caller(const struct config *config, const char *user, struct caller *caller)
{
	format_print(caller->aor, sizeof(caller->aor), "%.120s@%.120s",
		     user[0] ? user : "anonymous", config->sip.domains[0]);
}

/* Who a request outside dialogs is of, as it says itself. 0, or the status to refuse with. */
static unsigned read_caller(struct engine *e, const struct sip_msg *request,
			    const struct sip_path *path, struct caller *caller)
{
	struct sip_addr from;
	int error;

	memset(caller, 0, sizeof(*caller));
	if (sip_msg_from(request, &from) ||
	    slice_copy(from.uri.user, caller->user, sizeof(caller->user)))
		return 400;
	if (slice_copy(from.display, caller->display, sizeof(caller->display)))
		caller->display[0] = '\0';
	caller->anonymous = headers_is_anonymous(&from.uri);
	caller->trunk = trunk_of(e->shard->config, path);
	if (caller->trunk >= 0) {
		format_print(caller->auth, sizeof(caller->auth), "peer %.40s",
			     e->shard->config->trunks[caller->trunk].name);
		take_asserted(e->shard->config, request, caller);
		name_caller(e->shard->config, caller->user, caller);
		return 0;
	}
	if (caller->anonymous) {
		/* Of the first domain, until it has said more. */
		name_caller(e->shard->config, "anonymous", caller);
		return 0;
	}
	error = registrar_aor(e->shard->registrar, &from.uri, caller->aor);
	if (error)
		LOG_INFO("call", 0, "%.*s of a stranger refused: %.*s",
			 SLICE_FMT(request->method_text), SLICE_FMT(from.uri.text));
	return !error ? 0 : error == -ENOENT ? 403 : 400;
}

unsigned admission_of(struct engine *e, const struct sip_msg *request, const struct sip_path *path,
		      struct caller *caller, char lines[ADMISSION_LINES])
{
	unsigned status = read_caller(e, request, path, caller);

	lines[0] = '\0';
	return status || caller->trunk >= 0 ? status
					    : authenticate(e, request, path, caller, lines);
}

unsigned admission_of_leg(struct engine *e, const struct sip_msg *request,
			  const struct sip_path *path, const struct caller *leg,
			  char lines[ADMISSION_LINES])
{
	struct caller caller = *leg;

	lines[0] = '\0';
	if (leg->trunk >= 0)
		return trunk_of(e->shard->config, path) == leg->trunk ? 0 : 403;
	if (!strrchr(leg->aor, '@'))
		return 403;
	/* Who it is, is known, whatever others are told: no credentials but his are his. */
	caller.anonymous = false;
	return authenticate(e, request, path, &caller, lines);
}

int admit(struct engine *e, struct sip_invite *invite, struct sip_msg *request,
	  const struct sip_path *path, struct caller *caller)
{
	char lines[ADMISSION_LINES];
	unsigned status = admission_of(e, request, path, caller, lines);

	if (!status)
		return 0;
	sip_invite_respond(invite, status, NULL, SLICE_NONE, slice_of(lines));
	return -EACCES;
}
