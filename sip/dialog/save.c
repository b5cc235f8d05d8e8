/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A confirmed dialog as text: key=value with one space between, in any order. In values all but
 * letters, digits and a few marks are %-escaped; routes are escaped each and joined by commas.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "sip/base/decimal.h"
#include "sip/dialog/internal.h"

#define VERSION   2u /* 1: without a session timer */
#define CSEQ_STEP 100u

/* --- writing --- */

struct writer {
	char *p, *end;
	bool overflow;
};

static void put_char(struct writer *w, char c)
{
	if (w->end - w->p < 2) {
		w->overflow = true;
		return;
	}
	*w->p++ = c;
	*w->p = '\0';
}

/* What stands for itself. */
static const bool plain[256] = {
	['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['0' ... '9'] = true, ['-'] = true,
	['.'] = true,         ['_'] = true,         ['~'] = true,         [':'] = true,
	['@'] = true,         ['<'] = true,         ['>'] = true,         [';'] = true,
	['"'] = true,         ['['] = true,         [']'] = true,         ['/'] = true,
	['!'] = true,         ['*'] = true,         ['+'] = true,
};

static void put_bytes(struct writer *w, const char *bytes, size_t n)
{
	if ((size_t)(w->end - w->p) < n + 1) {
		w->overflow = true;
		return;
	}
	memcpy(w->p, bytes, n);
	w->p += n;
	*w->p = '\0';
}

static void put_escaped(struct writer *w, const char *text)
{
	static const char digits[] = "0123456789abcdef";

	for (;; text++) {
		size_t n = 0;

		while (plain[(unsigned char)text[n]])
			n++;
		put_bytes(w, text, n);
		text += n;
		if (*text == '\0')
			return;
		put_char(w, '%');
		put_char(w, digits[(unsigned char)*text >> 4]);
		put_char(w, digits[(unsigned char)*text & 15]);
	}
}

static void put_text(struct writer *w, const char *key, const char *value)
{
	put_char(w, ' ');
	put_bytes(w, key, strlen(key));
	put_char(w, '=');
	put_escaped(w, value);
}

static void put_number(struct writer *w, const char *key, uint32_t value)
{
	char text[DECIMAL_MAX + 1];

	text[decimal_write(text, value)] = '\0';
	put_text(w, key, text);
}

static void put_remote(struct writer *w, const struct remote *remote)
{
	char ip[SIP_ADDRESS_TEXT];

	put_text(w, "target", remote->target);
	put_text(w, "ip", sip_address_ip(&remote->path.remote, ip));
	put_number(w, "port", remote->path.remote.port);
	put_number(w, "kind", remote->path.kind);
	put_number(w, "listener", remote->path.listener);
	put_number(w, "natted", remote->natted);
	if (remote->route_count == 0)
		return;
	put_text(w, "routes", "");
	for (unsigned i = 0; i < remote->route_count; i++) {
		if (i > 0)
			put_char(w, ',');
		put_escaped(w, remote_route(remote, i));
	}
}

static void put_session(struct writer *w, const struct sip_invite *invite)
{
	const struct session *s = &invite->session;

	put_number(w, "update", sip_dialog_allows(invite_dialog(invite), SIP_UPDATE));
	if (s->interval == 0)
		return;
	put_number(w, "session", s->interval);
	put_number(w, "refresher", s->ours);
	if (s->sdp != NULL && !sip_dialog_allows(invite_dialog(invite), SIP_UPDATE))
		put_text(w, "sdp", s->sdp);
	if (s->ours && invite->ua->config.wall_ms != NULL)
		put_number(w, "refreshed", session_refreshed_at(invite));
}

int sip_invite_save(const struct sip_invite *invite, char *text, size_t size)
{
	struct writer w = { text, text + size, size == 0 };
	const struct sip_dialog *dialog = invite_dialog(invite);
	const struct sip_origin *origin = invite->origin;

	if (invite->state != SIP_INVITE_CONFIRMED || dialog == NULL)
		return -EINVAL;
	put_char(&w, 'v');
	put_char(&w, '=');
	put_char(&w, '0' + VERSION);
	put_text(&w, "role", invite->uac ? "uac" : "uas");
	put_text(&w, "call-id", origin->call_id);
	put_text(&w, "local-tag", origin->local_tag);
	put_text(&w, "remote-tag", dialog->remote_tag);
	put_text(&w, "local", origin->local);
	put_text(&w, "remote", origin->remote);
	put_text(&w, "contact", origin->contact);
	put_number(&w, "local-cseq", dialog->local_cseq);
	if (dialog->remote_cseq_known)
		put_number(&w, "remote-cseq", dialog->remote_cseq);
	put_session(&w, invite);
	put_remote(&w, &dialog->remote);
	if (w.overflow && size > 0)
		text[0] = '\0';
	return w.overflow ? -ENOSPC : 0;
}

/* --- reading --- */

/* A text that is read. Keys are asked for in the order in which they are written, so that each
 * search finds what it wants at once; any other order is found too. */
struct reader {
	struct slice text, rest;
};

static bool find_in(struct slice *rest, struct slice key, struct slice *value)
{
	while (rest->n > 0) {
		struct slice field = slice_split(rest, ' ');
		struct slice name = slice_split(&field, '=');

		if (slice_equal(name, key)) {
			*value = field;
			return true;
		}
	}
	return false;
}

/* The value of a key as it stands; false: it is not there. */
static bool find(struct reader *r, const char *key, struct slice *value)
{
	if (find_in(&r->rest, slice_of(key), value))
		return true;
	r->rest = r->text;
	return find_in(&r->rest, slice_of(key), value);
}

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* NULL: malformed, or no memory. */
static char *unescape(struct slice s)
{
	char *text = malloc(s.n + 1), *p = text;

	if (text == NULL)
		return NULL;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '%') {
			*p++ = s.p[i];
			continue;
		}
		int value = i + 2 < s.n && hex(s.p[i + 1]) >= 0 && hex(s.p[i + 2]) >= 0
				    ? hex(s.p[i + 1]) << 4 | hex(s.p[i + 2])
				    : 0;

		if (value == 0) {
			free(text);
			return NULL;
		}
		*p++ = (char)value;
		i += 2;
	}
	*p = '\0';
	return text;
}

static char *get_text(struct reader *text, const char *key)
{
	struct slice value;

	return find(text, key, &value) ? unescape(value) : NULL;
}

static bool get_number(struct reader *text, const char *key, uint32_t max, uint32_t *number)
{
	struct slice value;

	return find(text, key, &value) && slice_to_u32(value, max, number) == 0;
}

static int read_routes(struct remote *remote, struct reader *text)
{
	struct slice rest;

	if (!find(text, "routes", &rest))
		return 0;
	while (rest.n > 0) {
		char *route = unescape(slice_split(&rest, ','));
		int rc = route != NULL ? remote_add_route(remote, slice_of(route), false) : -EINVAL;

		free(route);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int read_path(struct sip_path *path, struct reader *text)
{
	uint32_t port, kind, listener;
	struct slice ip;

	memset(path, 0, sizeof(*path));
	if (!find(text, "ip", &ip) || !get_number(text, "port", UINT16_MAX, &port) ||
	    !get_number(text, "kind", SIP_WSS, &kind) ||
	    !get_number(text, "listener", UINT8_MAX, &listener))
		return -EINVAL;
	path->kind = (uint8_t)kind;
	path->listener = (uint8_t)listener;
	return sip_address_parse(ip, (uint16_t)port, &path->remote);
}

static int read_remote(struct remote *remote, struct reader *text, const struct sip_path *path)
{
	uint32_t natted;

	remote->path = *path;
	remote->target = get_text(text, "target");
	if (remote->target == NULL || !get_number(text, "natted", 1, &natted))
		return -EINVAL;
	remote->natted = natted != 0;
	return read_routes(remote, text);
}

/* The texts of our half. */
struct identity {
	char *call_id, *local_tag, *local, *remote, *contact;
};

static void identity_free(struct identity *id)
{
	free(id->call_id);
	free(id->local_tag);
	free(id->local);
	free(id->remote);
	free(id->contact);
}

static int read_origin(struct sip_ua *ua, struct reader *text, const struct sip_path *path,
		       struct sip_origin **origin)
{
	struct identity id = {
		.call_id = get_text(text, "call-id"),
		.local_tag = get_text(text, "local-tag"),
		.local = get_text(text, "local"),
		.remote = get_text(text, "remote"),
		.contact = get_text(text, "contact"),
	};
	struct sip_addr local, remote;
	struct origin_parts parts = { .local = &local, .remote = &remote };
	int rc = -EINVAL;

	if (id.call_id != NULL && id.local_tag != NULL && id.local != NULL && id.remote != NULL &&
	    id.contact != NULL && sip_addr_parse(slice_of(id.local), &local) == 0 &&
	    sip_addr_parse(slice_of(id.remote), &remote) == 0) {
		parts.call_id = slice_of(id.call_id);
		parts.local_tag = slice_of(id.local_tag);
		parts.contact = slice_of(id.contact);
		rc = origin_create(ua, &parts, path, origin);
	}
	identity_free(&id);
	return rc;
}

static int read_dialog(struct sip_invite *invite, struct reader *text)
{
	char *tag = get_text(text, "remote-tag");
	struct sip_dialog *dialog;
	uint32_t cseq;

	if (tag == NULL || !get_number(text, "local-cseq", INT32_MAX - CSEQ_STEP, &cseq)) {
		free(tag);
		return -EINVAL;
	}
	dialog = dialog_create(invite->origin, slice_of(tag));
	free(tag);
	if (dialog == NULL)
		return -ENOMEM;
	invite->part = invite_add_part(invite, dialog);
	if (invite->part == NULL) {
		sip_dialog_drop(dialog);
		return -ENOMEM;
	}
	invite->part->offer.state = SIP_OFFER_STABLE;
	dialog->local_cseq = cseq + CSEQ_STEP;
	dialog->remote_cseq_known =
		get_number(text, "remote-cseq", UINT32_MAX, &dialog->remote_cseq);
	return read_remote(&dialog->remote, text, &invite->origin->path);
}

static void read_session(struct sip_invite *invite, struct reader *text)
{
	uint32_t interval, ours, update, refreshed;
	char *sdp;

	if (get_number(text, "update", 1, &update) && update != 0)
		invite_dialog(invite)->allows = 1u << SIP_UPDATE;
	if (!get_number(text, "session", SESSION_TIMER_MOST_S, &interval) ||
	    !get_number(text, "refresher", 1, &ours))
		return;
	sdp = get_text(text, "sdp");
	if (sdp != NULL)
		session_keep_sdp(invite, slice_of(sdp));
	free(sdp);
	if (!get_number(text, "refreshed", UINT32_MAX, &refreshed))
		refreshed = 0;
	session_resume(invite, interval, ours != 0, refreshed);
}

int sip_invite_restore(struct sip_ua *ua, const char *saved, const struct sip_invite_user *user,
		       void *arg, struct sip_invite **invite)
{
	struct reader reader = { slice_of(saved), slice_of(saved) }, *text = &reader;
	struct sip_invite *i;
	struct sip_path path;
	struct slice role;
	uint32_t version;
	int rc;

	if (!get_number(text, "v", VERSION, &version) || version == 0 ||
	    !find(text, "role", &role) || read_path(&path, text) != 0)
		return -EINVAL;
	i = invite_create(ua, slice_equal(role, SLICE("uac")));
	if (i == NULL)
		return -ENOMEM;
	rc = read_origin(ua, text, &path, &i->origin);
	if (rc == 0)
		rc = read_dialog(i, text);
	if (rc == 0 && version > 1)
		read_session(i, text);
	if (rc != 0) {
		invite_abandon(i);
		return rc;
	}
	i->state = SIP_INVITE_CONFIRMED;
	i->user = user;
	i->arg = arg;
	*invite = i;
	return 0;
}

void sip_invite_forget(struct sip_invite *invite)
{
	invite_abandon(invite);
}

void sip_invite_set_path(struct sip_invite *invite, const struct sip_path *path)
{
	invite->origin->path = *path;
	invite_dialog(invite)->remote.path = *path;
}
