/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/message/multipart.h"

#include <errno.h>

#include "sip/message/chars.h"

#define BOUNDARY_MAX 70 /* RFC 2046 §5.1.1 */

/* --- delimiters ---------------------------------------------------------------------------------- */

enum found { FOUND_NONE, FOUND_PART, FOUND_LAST };

/*
 * A delimiter is CRLF "--" boundary, "--" after the last part, white space, CRLF (RFC 2046 §5.1.1).
 * Takes what stands before the next one off *rest. At the beginning its CRLF may be missing.
 */
static enum found take_delimiter(struct slice *rest, struct slice boundary, bool first,
				 struct slice *before)
{
	const char *end = rest->p + rest->n, *p = rest->p;

	while (p < end) {
		const char *dash = memchr(p, '-', (size_t)(end - p)), *q;
		enum found found = FOUND_PART;

		if (dash == NULL || (size_t)(end - dash) < 2 + boundary.n)
			return FOUND_NONE;
		p = dash + 1;
		if (dash[1] != '-' || memcmp(dash + 2, boundary.p, boundary.n) != 0)
			continue;
		if (!(first && dash == rest->p) &&
		    (dash - rest->p < 2 || dash[-2] != '\r' || dash[-1] != '\n'))
			continue;
		q = dash + 2 + boundary.n;
		if (end - q >= 2 && q[0] == '-' && q[1] == '-') {
			found = FOUND_LAST;
			q += 2;
		}
		while (q < end && (*q == ' ' || *q == '\t'))
			q++;
		if (end - q >= 2 && q[0] == '\r' && q[1] == '\n')
			q += 2;
		else if (found != FOUND_LAST || q != end)
			continue;
		*before = (struct slice){ rest->p, 0 };
		if (dash - rest->p >= 2)
			before->n = (size_t)(dash - 2 - rest->p);
		*rest = (struct slice){ q, (size_t)(end - q) };
		return found;
	}
	return FOUND_NONE;
}

static int boundary_of(const struct sip_media_type *type, struct slice *boundary)
{
	if (!sip_param_get(type->params, "boundary", boundary) || boundary->n == 0 ||
	    boundary->n > BOUNDARY_MAX || boundary->p[boundary->n - 1] == ' ')
		return -EBADMSG;
	return 0;
}

/* --- headers of a part ---------------------------------------------------------------------------- */

/* The value of a line, with its folds, which *rest then stands behind. false: an empty line. */
static bool take_line(struct slice *rest, struct slice *line)
{
	const char *p = rest->p, *end = rest->p + rest->n;

	for (;;) {
		const char *lf = p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL;

		p = lf != NULL ? lf + 1 : end;
		if (p == end || p == rest->p + 2 || (*p != ' ' && *p != '\t'))
			break;
	}
	*line = slice_trim((struct slice){ rest->p, (size_t)(p - rest->p) });
	*rest = (struct slice){ p, (size_t)(end - p) };
	return line->n > 0;
}

static int take_header(struct slice line, struct sip_part *part)
{
	struct slice value = line, name = slice_trim(slice_split(&value, ':'));
	struct sip_item item;

	if (value.p == NULL || !all_are(name, CHAR_TOKEN))
		return -EBADMSG;
	value = slice_trim(value);
	switch (sip_header_of(name)) {
	case SIP_H_CONTENT_TYPE:
		return sip_media_type_parse(value, &part->type);
	case SIP_H_CONTENT_DISPOSITION:
		if (sip_item_parse(value, &item) != 0)
			return -EBADMSG;
		part->disposition = item.name;
		if (sip_param_get(item.params, "handling", &value))
			part->optional = slice_equal_nocase(value, SLICE("optional"));
		return 0;
	case SIP_H_CONTENT_ID:
		if (value.n > 2 && value.p[0] == '<' && value.p[value.n - 1] == '>')
			part->id = (struct slice){ value.p + 1, value.n - 2 };
		return 0;
	default:
		if (slice_equal_nocase(name, SLICE("Content-Transfer-Encoding")))
			part->encoding = value;
		return 0;
	}
}

static int parse_part(struct slice text, struct sip_part *part)
{
	struct slice line;
	int rc = 0;

	*part = (struct sip_part){ .type = { SLICE("text"), SLICE("plain"), { SLICE_NONE } } };
	while (text.n > 0 && rc == 0 && take_line(&text, &line))
		rc = take_header(line, part);
	part->body = text;
	return rc;
}

/* --- walking --------------------------------------------------------------------------------------- */

/* Into a multipart body: up to its first part, its preamble skipped. */
static int descend(struct sip_body_walk *walk, const struct sip_part *part)
{
	struct slice boundary, rest = part->body, preamble;

	if (walk->depth == SIP_NESTING_MAX || walk->depth >= sip_limits.nesting)
		return -E2BIG;
	if (boundary_of(&part->type, &boundary) != 0 ||
	    take_delimiter(&rest, boundary, true, &preamble) != FOUND_PART)
		return -EBADMSG;
	walk->level[walk->depth].boundary = boundary;
	walk->level[walk->depth].rest = rest;
	walk->depth++;
	return 0;
}

static bool is_multipart(const struct sip_part *part)
{
	return slice_equal_nocase(part->type.type, SLICE("multipart"));
}

int sip_body_next(struct sip_body_walk *walk, struct sip_part *part)
{
	while (walk->depth > 0) {
		const unsigned level = walk->depth - 1;
		struct slice *rest = &walk->level[level].rest, text;
		enum found found;
		int rc;

		if (rest->p == NULL) {
			walk->depth--;
			continue;
		}
		if (++walk->parts > sip_limits.parts)
			return -E2BIG;
		found = take_delimiter(rest, walk->level[level].boundary, true, &text);
		if (found == FOUND_NONE)
			return -EBADMSG;
		if (found == FOUND_LAST)
			*rest = SLICE_NONE;
		rc = parse_part(text, part);
		if (rc != 0)
			return rc;
		if (!is_multipart(part))
			return 0;
		rc = descend(walk, part);
		if (rc != 0)
			return rc;
	}
	return -ENOENT;
}

int sip_body_first(const struct sip_msg *msg, struct sip_body_walk *walk, struct sip_part *part)
{
	struct slice disposition = sip_msg_value(msg, SIP_H_CONTENT_DISPOSITION), handling;
	struct sip_item item;
	int rc;

	walk->depth = walk->parts = 0;
	*part = (struct sip_part){ .body = msg->body };
	rc = sip_msg_content_type(msg, &part->type);
	if (rc != 0)
		return rc;
	if (is_multipart(part)) {
		rc = descend(walk, part);
		return rc != 0 ? rc : sip_body_next(walk, part);
	}
	if (disposition.p != NULL && sip_item_parse(disposition, &item) == 0) {
		part->disposition = item.name;
		if (sip_param_get(item.params, "handling", &handling))
			part->optional = slice_equal_nocase(handling, SLICE("optional"));
	}
	return 0;
}

int sip_body_find(const struct sip_msg *msg, struct slice type, struct sip_part *part)
{
	struct sip_body_walk walk;
	int rc = sip_body_first(msg, &walk, part);

	while (rc == 0 && !sip_media_type_is(&part->type, type))
		rc = sip_body_next(&walk, part);
	return rc;
}
