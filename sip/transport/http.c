/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/transport/http.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>

#define KEY_TEXT    24u /* 16 bytes in base64 */
#define ACCEPT_TEXT 28u /* 20 */

static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* RFC 6455 §1.3 */

struct request {
	struct slice method, version, upgrade, connection, key, ws_version, protocol, origin;
};

size_t http_request_size(struct slice data)
{
	const char *end = data.n < 4 ? NULL : memmem(data.p, data.n, "\r\n\r\n", 4);

	return end != NULL ? (size_t)(end - data.p) + 4 : 0;
}

static struct slice take_line(struct slice *rest)
{
	struct slice line = slice_split(rest, '\n');

	return slice_trim(line);
}

/* Is the token in a list with commas? */
static bool lists(struct slice list, struct slice token)
{
	while (list.n > 0)
		if (slice_equal_nocase(slice_trim(slice_split(&list, ',')), token))
			return true;
	return false;
}

static void read_request(struct slice text, struct request *r)
{
	const struct {
		const char *name;
		struct slice *value;
	} headers[] = {
		{ "upgrade", &r->upgrade },
		{ "connection", &r->connection },
		{ "sec-websocket-key", &r->key },
		{ "sec-websocket-version", &r->ws_version },
		{ "sec-websocket-protocol", &r->protocol },
		{ "origin", &r->origin },
	};
	struct slice line = take_line(&text);

	*r = (struct request){ .method = slice_split(&line, ' ') };
	slice_split(&line, ' ');
	r->version = line;
	while (text.n > 0) {
		struct slice value = take_line(&text), name = slice_split(&value, ':');

		for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
			if (slice_equal_nocase(slice_trim(name), slice_of(headers[i].name)))
				*headers[i].value = slice_trim(value);
	}
}

static bool origin_is_allowed(struct slice origin, const char *const *origins, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (slice_equal_nocase(origin, slice_of(origins[i])))
			return true;
	return count == 0;
}

static unsigned judge(const struct request *r, const char *const *origins, unsigned count)
{
	if (!slice_equal(r->method, SLICE("GET")) || !slice_equal(r->version, SLICE("HTTP/1.1")))
		return 400;
	if (!lists(r->upgrade, SLICE("websocket")) || !lists(r->connection, SLICE("upgrade")) ||
	    !slice_equal(r->ws_version, SLICE("13")))
		return 426;
	if (r->key.n != KEY_TEXT || !lists(r->protocol, SLICE("sip")))
		return 400;
	return origin_is_allowed(r->origin, origins, count) ? 101 : 403;
}

static void accept_key(struct slice key, char text[ACCEPT_TEXT + 1])
{
	unsigned char digest[SHA_DIGEST_LENGTH];
	char both[KEY_TEXT + sizeof(guid) - 1];
	unsigned size = sizeof(digest);

	memcpy(both, key.p, KEY_TEXT);
	memcpy(both + KEY_TEXT, guid, sizeof(guid) - 1);
	EVP_Digest(both, sizeof(both), digest, &size, EVP_sha1(), NULL);
	EVP_EncodeBlock((unsigned char *)text, digest, (int)size);
}

unsigned http_upgrade(struct slice request, const char *const *origins, unsigned origin_count,
		      char answer[HTTP_ANSWER_MAX])
{
	static const char *const reasons[] = { [0] = "Bad Request", [3] = "Forbidden" };
	char accept[ACCEPT_TEXT + 1];
	struct request r;
	unsigned status;

	read_request(request, &r);
	status = judge(&r, origins, origin_count);
	if (status == 101) {
		accept_key(r.key, accept);
		snprintf(answer, HTTP_ANSWER_MAX,
			 "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
			 "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n"
			 "Sec-WebSocket-Protocol: sip\r\n\r\n",
			 accept);
	} else {
		snprintf(answer, HTTP_ANSWER_MAX,
			 "HTTP/1.1 %u %s\r\n%sContent-Length: 0\r\nConnection: close\r\n\r\n",
			 status, status == 426 ? "Upgrade Required" : reasons[status - 400],
			 status == 426 ? "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
				       : "");
	}
	return status;
}
