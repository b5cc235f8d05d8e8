/* SPDX-License-Identifier: BSD-3-Clause */
/* Values that name a dialog or an address, and times; what a message has of each. */
#include <errno.h>

#include "sip/message/chars.h"
#include "sip/message/headers.h"
#include "sip/message/internal.h"

/* --- dialogs ------------------------------------------------------------------------------------ */

static int parse_dialog(struct slice value, const char *local, const char *remote,
			struct sip_dialog_id *id)
{
	struct slice rest = slice_trim(value), none;
	struct sip_params params;

	*id = (struct sip_dialog_id){ 0 };
	id->call_id = slice_trim(slice_split(&rest, ';'));
	params.text = rest;
	if (!all_are(id->call_id, CHAR_VISIBLE) || rest.p == NULL ||
	    !sip_params_valid(rest, sip_limits.params, NULL))
		return -EBADMSG;
	if (!sip_param_get(params, local, &id->local_tag) || id->local_tag.n == 0 ||
	    !sip_param_get(params, remote, &id->remote_tag) || id->remote_tag.n == 0)
		return -EBADMSG;
	id->early_only = sip_param_get(params, "early-only", &none);
	return 0;
}

int sip_replaces_parse(struct slice value, struct sip_dialog_id *id)
{
	return parse_dialog(value, "to-tag", "from-tag", id);
}

int sip_target_dialog_parse(struct slice value, struct sip_dialog_id *id)
{
	/* RFC 4538 §7: as its sender sees them. */
	return parse_dialog(value, "remote-tag", "local-tag", id);
}

/* --- addresses ---------------------------------------------------------------------------------- */

int sip_referred_by_parse(struct slice value, struct sip_referred_by *by)
{
	if (sip_addr_parse(value, &by->addr) != 0 || by->addr.star)
		return -EBADMSG;
	sip_param_get(by->addr.params, "cid", &by->cid);
	return 0;
}

/* RFC 7044 §5: "1.2.1" */
static bool is_index(struct slice text)
{
	do {
		uint32_t number;

		if (slice_to_u32(slice_split(&text, '.'), UINT32_MAX, &number) != 0)
			return false;
	} while (text.p != NULL);
	return true;
}

int sip_history_parse(struct slice value, struct sip_history *history)
{
	if (sip_addr_parse(value, &history->addr) != 0 || history->addr.star ||
	    !sip_param_get(history->addr.params, "index", &history->index) ||
	    !is_index(history->index))
		return -EBADMSG;
	return 0;
}

int sip_diversion_parse(struct slice value, struct sip_diversion *diversion)
{
	struct slice counter;

	if (sip_addr_parse(value, &diversion->addr) != 0 || diversion->addr.star)
		return -EBADMSG;
	sip_param_get(diversion->addr.params, "reason", &diversion->reason);
	sip_param_get(diversion->addr.params, "privacy", &diversion->privacy);
	sip_param_get(diversion->addr.params, "screen", &diversion->screen);
	diversion->counter = 1;
	if (sip_param_get(diversion->addr.params, "counter", &counter) &&
	    slice_to_u32(counter, UINT32_MAX, &diversion->counter) != 0)
		return -EBADMSG;
	return 0;
}

bool sip_uri_header_next(struct slice *headers, struct slice *name, struct slice *value)
{
	if (headers->p == NULL)
		return false;
	*value = slice_split(headers, '&');
	*name = slice_split(value, '=');
	return true;
}

int sip_uri_header_get(const struct sip_uri *uri, const char *name, char *dst, size_t size)
{
	struct slice rest = uri->headers, found, value;
	int rc;

	while (sip_uri_header_next(&rest, &found, &value)) {
		if (!slice_equal_nocase(found, slice_of(name)))
			continue;
		rc = sip_uri_unescape(value, dst, size);
		for (size_t i = 0; rc == 0 && dst[i] != '\0'; i++) {
			if ((unsigned char)dst[i] < ' ' || dst[i] == 0x7f) {
				dst[0] = '\0';
				rc = -EBADMSG;
			}
		}
		return rc;
	}
	if (size > 0)
		dst[0] = '\0';
	return -ENOENT;
}

/* --- times -------------------------------------------------------------------------------------- */

static bool take_number(struct slice *rest, unsigned digits, int most, int *number)
{
	uint32_t value;

	if (rest->n < digits ||
	    slice_to_u32((struct slice){ rest->p, digits }, (uint32_t)most, &value) != 0)
		return false;
	rest->p += digits;
	rest->n -= digits;
	*number = (int)value;
	return true;
}

/* One of three-letter names without anything between them; its place, or -1. */
static int take_name(struct slice *rest, const char *names)
{
	for (int i = 0; rest->n >= 3 && names[i * 3] != '\0'; i++) {
		if (slice_same_nocase(rest->p, names + i * 3, 3)) {
			rest->p += 3;
			rest->n -= 3;
			return i;
		}
	}
	return -1;
}

static bool take_text(struct slice *rest, struct slice text)
{
	if (!slice_starts_nocase(*rest, text))
		return false;
	rest->p += text.n;
	rest->n -= text.n;
	return true;
}

int sip_date_parse(struct slice value, time_t *date)
{
	struct slice rest = slice_trim(value);
	struct tm tm = { 0 };
	int year;

	if (take_name(&rest, "MonTueWedThuFriSatSun") < 0 || !take_text(&rest, SLICE(", ")) ||
	    !take_number(&rest, 2, 31, &tm.tm_mday) || !take_text(&rest, SLICE(" ")))
		return -EBADMSG;
	tm.tm_mon = take_name(&rest, "JanFebMarAprMayJunJulAugSepOctNovDec");
	if (tm.tm_mon < 0 || !take_text(&rest, SLICE(" ")) || !take_number(&rest, 4, 9999, &year) ||
	    !take_text(&rest, SLICE(" ")) || !take_number(&rest, 2, 23, &tm.tm_hour) ||
	    !take_text(&rest, SLICE(":")) || !take_number(&rest, 2, 59, &tm.tm_min) ||
	    !take_text(&rest, SLICE(":")) || !take_number(&rest, 2, 60, &tm.tm_sec) ||
	    !take_text(&rest, SLICE(" GMT")) || rest.n != 0 || tm.tm_mday == 0 || year < 1900)
		return -EBADMSG;
	tm.tm_year = year - 1900;
	*date = timegm(&tm);
	return 0;
}

static bool is_decimal(struct slice text)
{
	struct slice fraction = text, whole = slice_split(&fraction, '.');

	for (size_t i = 0; i < fraction.n; i++) {
		if (fraction.p[i] < '0' || fraction.p[i] > '9')
			return false;
	}
	for (size_t i = 0; i < whole.n; i++) {
		if (whole.p[i] < '0' || whole.p[i] > '9')
			return false;
	}
	return whole.n > 0;
}

int sip_timestamp_parse(struct slice value, struct sip_timestamp *timestamp)
{
	struct slice rest = slice_trim(value);

	timestamp->value = take_while(&rest, CHAR_TOKEN);
	skip_space(&rest);
	timestamp->delay = rest.n > 0 ? rest : SLICE_NONE;
	/* A delay may begin with the point. */
	if (!is_decimal(timestamp->value) ||
	    (rest.n > 0 && !is_decimal(rest) &&
	     !(rest.p[0] == '.' && is_decimal((struct slice){ rest.p + 1, rest.n - 1 }))))
		return -EBADMSG;
	return 0;
}

/* --- of a message ------------------------------------------------------------------------------- */

#define SINGLE(name, parser, id, type)                                    \
	int sip_msg_##name(const struct sip_msg *msg, type *value)        \
	{                                                                 \
		const struct slice text = sip_msg_value(msg, SIP_H_##id); \
                                                                          \
		return text.p == NULL ? -ENOENT : parser(text, value);    \
	}
#define X(name, id, type) SINGLE(name, sip_##name##_parse, id, type)
SIP_SINGLE_VALUES(X)
#undef X
SINGLE(join, sip_replaces_parse, JOIN, struct sip_dialog_id)
SINGLE(min_se, sip_session_expires_parse, MIN_SE, struct sip_session_expires)
SINGLE(refer_to, sip_addr_parse, REFER_TO, struct sip_addr)
SINGLE(content_type, sip_media_type_parse, CONTENT_TYPE, struct sip_media_type)
