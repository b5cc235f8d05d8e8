/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests of ours that are challenged (RFC 3261 §22.2, §22.3): sent once more with credentials,
 * as a transaction of its own with the next CSeq. What is known of challenges from before goes
 * with each request at once.
 */
#include <errno.h>

#include "sip/base/log.h"
#include "sip/dialog/internal.h"

void sip_invite_set_credentials(struct sip_invite *invite, struct sip_credentials *credentials)
{
	invite->origin->credentials = credentials;
}

void challenge_foresee(const struct sip_origin *origin, const struct sip_address *host,
		       struct slice body, struct sip_build *b)
{
	struct slice line = { b->buffer, b->line };
	struct sip_authorized_request request = { .body = body, .host = host };

	if (origin->credentials == NULL)
		return;
	request.method = slice_split(&line, ' ');
	request.uri = slice_split(&line, ' ');
	sip_credentials_write(origin->credentials, &request, b);
}

/* --- the request again -------------------------------------------------------------------------- */

/* Takes the next header line off, with its end. Our own lines are not folded. */
static struct slice take_line(struct slice *rest)
{
	struct slice all = *rest;

	slice_split(rest, '\n');
	return (struct slice){ all.p, all.n - rest->n };
}

/* type: set if it is that of the body. true: the line stays as it is. */
static bool stays(struct slice line, struct slice *type)
{
	struct slice rest = line;
	enum sip_header_id id = sip_header_of(slice_trim(slice_split(&rest, ':')));

	if (id == SIP_H_CONTENT_TYPE)
		*type = slice_trim(rest);
	return id != SIP_H_CSEQ && id != SIP_H_AUTHORIZATION && id != SIP_H_PROXY_AUTHORIZATION &&
	       id != SIP_H_CONTENT_TYPE && id != SIP_H_CONTENT_LENGTH;
}

static int build_again(const struct sip_origin *origin, uint32_t cseq, struct slice first,
		       struct slice rest, struct slice *message)
{
	struct sip_authorized_request request = { .method = slice_split(&first, ' ') };
	struct slice line, type = SLICE_NONE;
	struct sip_build b;

	request.uri = slice_split(&first, ' ');
	sip_build_init(&b, origin->ua->scratch, origin->ua->scratch_size);
	sip_build_request_line(&b, request.method, request.uri);
	while ((line = take_line(&rest)).n > 2)
		if (stays(line, &type))
			sip_build_lines(&b, line);
	request.body = rest;
	sip_build_header(&b, SIP_H_CSEQ, "%u %.*s", cseq, SLICE_FMT(request.method));
	sip_credentials_write(origin->credentials, &request, &b);
	return sip_build_finish(&b, type, rest, message);
}

static int take(struct sip_origin *origin, const struct sip_msg *response,
		const struct sip_path *path, struct sip_challenge_try *attempt)
{
	char text[SIP_ADDRESS_TEXT];
	int rc = sip_credentials_take(origin->credentials, response, &path->remote, attempt);

	if (rc == -EPERM)
		LOG_WARN("auth", 0, "%s asks for the password of another peer: not answered",
			 sip_address_text(&path->remote, text));
	return rc;
}

bool challenge_answer(struct sip_origin *origin, uint32_t *cseq, struct sip_transaction **client,
		      const struct sip_msg *response, const struct sip_transaction_user *user,
		      void *arg)
{
	struct sip_transaction *refused = *client, *again = NULL;
	struct sip_challenge_try attempt;
	struct slice first, rest, message;
	const struct sip_path *path;
	uint16_t mark;

	if (origin->credentials == NULL)
		return false;
	if (response->status != 401 && response->status != 407) {
		if (response->status >= 200 && response->status < 300)
			sip_credentials_note(origin->credentials, response);
		return false;
	}
	path = sip_transaction_path(refused);
	/* Outside dialogs a request goes where its user has said, maybe by a name. */
	if (cseq == &origin->cseq)
		sip_credentials_bind(origin->credentials, &path->remote);
	mark = sip_transaction_mark(refused);
	attempt = (struct sip_challenge_try){ (uint8_t)(mark >> 8), (uint8_t)mark };
	if (!sip_transaction_sent(refused, &first, &rest) ||
	    take(origin, response, path, &attempt) != 0 ||
	    build_again(origin, *cseq + 1, first, rest, &message) != 0 ||
	    sip_transaction_start(origin->ua->transactions, path, message, user, arg, &again) != 0)
		return false;
	++*cseq;
	sip_transaction_set_mark(again, (uint16_t)(attempt.answered << 8 | attempt.again));
	sip_transaction_detach(refused);
	*client = again;
	return true;
}
