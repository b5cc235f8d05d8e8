/* SPDX-License-Identifier: BSD-3-Clause */
/* Our half of dialogs, and requests outside them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "sip/base/format.h"
#include "sip/dialog/internal.h"

/* --- its texts, in one block --- */

static char *put(char **p, struct slice s)
{
	char *text = *p;

	if (s.n > 0)
		memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	*p += s.n + 1;
	return text;
}

static size_t name_addr_room(const struct sip_addr *addr)
{
	return addr->display.n + addr->uri.text.n + sizeof("\"\" <>");
}

/* "\"name\" <uri>" of a From or To, without its parameters. uri: where it stands in there. */
static char *put_name_addr(char **p, const struct sip_addr *addr, struct slice *uri)
{
	const struct slice display = addr->display;
	const char *quote = display.n > 0 ? "\"" : "", *space = display.n > 0 ? " " : "";
	char *text = *p;
	int n = format_print(text, name_addr_room(addr), "%s%.*s%s%s<%.*s>", quote,
			     SLICE_FMT(display), quote, space, SLICE_FMT(addr->uri.text));

	/* A folded display name would end the header when it is sent again. */
	for (char *c = text; *c != '\0'; c++)
		if (*c == '\r' || *c == '\n')
			*c = ' ';
	*uri = (struct slice){ text + (size_t)n - 1 - addr->uri.text.n, addr->uri.text.n };
	*p += n + 1;
	return text;
}

int origin_create(struct sip_ua *ua, const struct origin_parts *parts, const struct sip_path *path,
		  struct sip_origin **origin)
{
	struct sip_origin *o =
		calloc(1, sizeof(*o) + parts->call_id.n + parts->local_tag.n + parts->contact.n +
				  parts->request_uri.n + parts->next_hop.n + 5 + CONTACT_MAX +
				  name_addr_room(parts->local) + name_addr_room(parts->remote));
	char *p;

	if (o == NULL)
		return -ENOMEM;
	p = o->text;
	o->ua = ua;
	o->refs = 1;
	o->path = *path;
	o->call_id = put(&p, parts->call_id);
	o->local_tag = put(&p, parts->local_tag);
	o->next_hop = put(&p, parts->next_hop);
	o->request_uri = put(&p, parts->request_uri);
	o->local = put_name_addr(&p, parts->local, &o->local_uri);
	o->remote = put_name_addr(&p, parts->remote, &o->remote_uri);
	/* The last, with room for another one. */
	o->contact = put(&p, parts->contact);
	*origin = o;
	return 0;
}

int origin_contact(const struct sip_ua *ua, struct slice user, bool sips,
		   const struct sip_path *path, char *text, size_t size)
{
	const bool secure = sips && sip_transport_is_secure(path->kind);
	static const char *const params[] = {
		[SIP_UDP] = "",
		[SIP_TCP] = ";transport=tcp",
		[SIP_TLS] = ";transport=tls",
		[SIP_WS] = ";transport=ws",
		[SIP_WSS] = ";transport=ws",
	};
	const struct sip_ua_config *config = &ua->config;
	/* RFC 5630 §3.1.4: transport=tls has no place in a sips URI. */
	int n = format_print(text, size, "<%s:%.*s%s%s%s>", secure ? "sips" : "sip",
			     SLICE_FMT(user), user.n > 0 ? "@" : "",
			     config->contact_host(config->contact_arg, path),
			     secure && path->kind == SIP_TLS ? ""
			     : path->kind <= SIP_WSS         ? params[path->kind]
							     : "");

	return n < 0 || (size_t)n >= size ? -EINVAL : 0;
}

/* RFC 3261 §8.1.1.8 */
static bool is_sips(struct slice uri)
{
	return slice_starts_nocase(uri, SLICE("sips:"));
}

int sip_origin_create(struct sip_ua *ua, const struct sip_origin_start *start,
		      struct sip_origin **origin)
{
	char tag[TAG_TEXT], call_id[CALL_ID_TEXT], contact[CONTACT_MAX];
	struct sip_addr local, remote;
	struct origin_parts parts = { .local = &local, .remote = &remote };
	int rc;

	if (sip_addr_parse(start->from, &local) != 0 ||
	    sip_addr_parse(start->to_header, &remote) != 0 ||
	    origin_contact(ua, start->contact_user, is_sips(start->request_uri), &start->to,
			   contact, sizeof(contact)) != 0)
		return -EINVAL;
	ua_mint(ua, tag, sizeof(tag));
	sip_ua_new_call_id(ua, call_id, sizeof(call_id));
	parts.call_id = start->call_id.n > 0 ? start->call_id : slice_of(call_id);
	parts.local_tag = slice_of(tag);
	parts.contact = slice_of(contact);
	parts.request_uri = start->request_uri;
	parts.next_hop = start->next_hop;
	rc = origin_create(ua, &parts, &start->to, origin);
	if (rc == 0) {
		(*origin)->cseq = start->cseq;
		(*origin)->listeners = start->listeners;
		(*origin)->credentials = start->credentials;
	}
	return rc;
}

void sip_origin_ref(struct sip_origin *origin)
{
	origin->refs++;
}

void sip_origin_unref(struct sip_origin *origin)
{
	if (origin == NULL || --origin->refs > 0)
		return;
	hash_index_remove(&origin->ua->origins, &origin->node);
	free(origin);
}

struct slice sip_origin_call_id(const struct sip_origin *origin)
{
	return slice_of(origin->call_id);
}

struct slice sip_origin_local_tag(const struct sip_origin *origin)
{
	return slice_of(origin->local_tag);
}

uint32_t sip_origin_cseq(const struct sip_origin *origin)
{
	return origin->cseq;
}

const char *sip_origin_contact(const struct sip_origin *origin)
{
	return origin->contact;
}

/* --- requests that come before their dialog --- */

static uint64_t origin_hash(struct slice call_id, struct slice local_tag)
{
	return hash_index_mix(slice_hash(call_id), slice_hash_nocase(local_tag));
}

void sip_origin_on_request(struct sip_origin *origin, sip_origin_request *request, void *arg)
{
	hash_index_remove(&origin->ua->origins, &origin->node);
	origin->request = request;
	origin->arg = arg;
	if (request != NULL)
		hash_index_insert(
			&origin->ua->origins, &origin->node,
			origin_hash(slice_of(origin->call_id), slice_of(origin->local_tag)));
}

struct sip_origin *origin_of_request(const struct sip_ua *ua, const struct sip_msg *request)
{
	const struct slice call_id = sip_msg_value(request, SIP_H_CALL_ID);
	struct hash_node *node;
	struct sip_addr to;

	if (sip_msg_to(request, &to) != 0)
		return NULL;
	node = hash_index_first(&ua->origins, origin_hash(call_id, sip_addr_tag(&to)));
	for (; node != NULL; node = hash_index_next(node)) {
		struct sip_origin *origin =
			(struct sip_origin *)((char *)node - offsetof(struct sip_origin, node));

		if (slice_equal(slice_of(origin->call_id), call_id) &&
		    slice_equal_nocase(slice_of(origin->local_tag), sip_addr_tag(&to)))
			return origin;
	}
	return NULL;
}

/* --- requests outside dialogs --- */

void origin_begin(const struct sip_origin *origin, struct sip_build *b, enum sip_method method,
		  uint32_t max_forwards)
{
	const struct sip_ua *ua = origin->ua;
	const char *text = sip_method_text(method);

	sip_build_init(b, ua->scratch, ua->scratch_size);
	sip_build_request_line(b, slice_of(text), slice_of(origin->request_uri));
	sip_build_header(b, SIP_H_MAX_FORWARDS, "%u",
			 max_forwards != 0 ? max_forwards : MAX_FORWARDS);
	sip_build_header(b, SIP_H_FROM, "%s;tag=%s", origin->local, origin->local_tag);
	sip_build_header(b, SIP_H_TO, "%s", origin->remote);
	sip_build_header(b, SIP_H_CALL_ID, "%s", origin->call_id);
	sip_build_header(b, SIP_H_CSEQ, "%u %s", origin->cseq, text);
	capability_put(ua, b, method, 0);
	sip_build_header(b, SIP_H_USER_AGENT, "%s", ua->product);
}

/* Which way it goes is known now: the dialogs of it go the same, and our Contact is of it. */
static void put_contact(void *arg, const struct sip_path *path, struct sip_build *lines)
{
	struct sip_origin *origin = arg;
	char text[CONTACT_MAX];
	struct sip_addr addr;

	origin->path = *path;
	if (sip_addr_parse(slice_of(origin->contact), &addr) == 0 &&
	    origin_contact(origin->ua, addr.uri.user, is_sips(slice_of(origin->request_uri)), path,
			   text, sizeof(text)) == 0)
		memcpy(origin->contact, text, strlen(text) + 1);
	sip_build_header_slice(lines, SIP_H_CONTACT, slice_of(origin->contact));
}

int sip_origin_send(struct sip_origin *origin, const struct sip_request *request,
		    const struct sip_transaction_user *user, void *arg,
		    struct sip_transaction **client)
{
	const bool moves = origin->next_hop[0] != '\0' && !origin->alone && request->contact;
	const struct sip_destination to = {
		.uri = slice_of(origin->next_hop),
		.listeners = origin->listeners,
		.lines = moves ? put_contact : NULL,
		.lines_arg = origin,
	};
	struct slice message;
	struct sip_build b;
	int rc;

	origin->cseq++;
	origin_begin(origin, &b, request->method, request->max_forwards);
	if (request->contact && !moves)
		sip_build_header(&b, SIP_H_CONTACT, "%s", origin->contact);
	sip_build_lines(&b, request->headers);
	if (origin->credentials != NULL && to.uri.n == 0)
		sip_credentials_bind(origin->credentials, &origin->path.remote);
	challenge_foresee(origin, NULL, request->body, &b);
	rc = sip_build_finish(&b, request->type, request->body, &message);
	if (rc != 0)
		return rc;
	if (to.uri.n > 0)
		return sip_transaction_start_to(origin->ua->transactions, &to, message, user, arg,
						client);
	return sip_transaction_start(origin->ua->transactions, &origin->path, message, user, arg,
				     client);
}

bool sip_origin_challenged(struct sip_origin *origin, struct sip_transaction **client,
			   const struct sip_msg *response, const struct sip_transaction_user *user,
			   void *arg)
{
	return challenge_answer(origin, &origin->cseq, client, response, user, arg);
}

int sip_ua_send(struct sip_ua *ua, const struct sip_origin_start *start,
		const struct sip_request *request, const struct sip_transaction_user *user,
		void *arg, struct sip_transaction **client)
{
	struct sip_origin *origin;
	int rc = sip_origin_create(ua, start, &origin);

	if (rc != 0)
		return rc;
	origin->alone = true;
	rc = sip_origin_send(origin, request, user, arg, client);
	sip_origin_unref(origin);
	return rc;
}
