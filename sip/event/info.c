/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/event/info.h"

#include <errno.h>
#include <stdio.h>

#define MESSAGE_MAX 1300 /* RFC 3428 §8 */
#define HEADERS_OF  600  /* what ours has beside its body, and a margin */

static bool is_listed(const char *packages, struct slice name)
{
	struct slice rest = slice_of(packages);

	while (rest.p != NULL) {
		if (slice_equal(slice_trim(slice_split(&rest, ',')), name))
			return true;
	}
	return false;
}

/* The part whose disposition is "info-package", or the only one. */
static int find_body(const struct sip_msg *request, struct sip_part *body)
{
	struct sip_body_walk walk;
	struct sip_part part;
	unsigned parts = 0;
	int rc;

	*body = (struct sip_part){ 0 };
	for (rc = sip_body_first(request, &walk, &part); rc == 0;
	     rc = sip_body_next(&walk, &part)) {
		if (parts++ == 0 || slice_equal_nocase(part.disposition, SLICE("info-package")))
			*body = part;
	}
	return rc == -ENOENT ? 0 : rc;
}

unsigned sip_info_read(const struct sip_msg *request, const char *packages, struct sip_info *info)
{
	const struct slice value = sip_msg_value(request, SIP_H_INFO_PACKAGE);
	struct sip_item item;

	*info = (struct sip_info){ 0 };
	if (find_body(request, &info->body) != 0)
		return 400;
	if (value.p == NULL)
		return 0;
	if (sip_item_parse(value, &item) != 0 ||
	    sip_msg_header(request, SIP_H_INFO_PACKAGE)->next != 0)
		return 400;
	if (!is_listed(packages, item.name))
		return 469;
	info->package = item.name;
	info->params = item.params;
	return 0;
}

int sip_info_recv(const char *packages, char *line, size_t size)
{
	int n = snprintf(line, size, "Recv-Info: %s\r\n", packages != NULL ? packages : "");

	return n < 0 || (size_t)n >= size ? -ENOSPC : 0;
}

bool sip_info_taken(const struct sip_msg *msg, struct slice package)
{
	return sip_msg_has_token(msg, SIP_H_RECV_INFO, package);
}

int sip_info_send(struct sip_dialog *dialog, struct slice package, struct slice type,
		  struct slice body, const struct sip_transaction_user *user, void *arg,
		  struct sip_transaction **client)
{
	char lines[256] = "";
	struct sip_request request = { .method = SIP_INFO, .type = type, .body = body };
	int n = 0;

	if (package.n > 0)
		n = snprintf(lines, sizeof(lines),
			     "Info-Package: %.*s\r\nContent-Disposition: Info-Package\r\n",
			     SLICE_FMT(package));
	if (n < 0 || (size_t)n >= sizeof(lines))
		return -EINVAL;
	request.headers = slice_of(lines);
	return sip_dialog_send(dialog, &request, user, arg, client);
}

int sip_message_send(struct sip_ua *ua, const struct sip_origin_start *start, struct slice type,
		     struct slice body, const struct sip_transaction_user *user, void *arg,
		     struct sip_transaction **client)
{
	const struct sip_request request = { .method = SIP_MESSAGE, .type = type, .body = body };

	if (body.n + HEADERS_OF > MESSAGE_MAX)
		return -EMSGSIZE;
	return sip_ua_send(ua, start, &request, user, arg, client);
}
