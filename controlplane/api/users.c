/* SPDX-License-Identifier: BSD-3-Clause */
/* Users that are added, changed and removed while calls go on. */
#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>

#include "controlplane/api/internal.h"
#include "controlplane/registrar/registrar.h"
#include "sip/base/random.h"

#define MADE_CHARS 24u /* of a password that we make: 120 bits */

void users_show(struct client *client)
{
	json_t *rows = json_array();

	registrar_show_users(client->api->config.registrar, rows);
	client_answer(client, STATUS_OK, json_pack("{s:o}", "users", rows));
}

static const char *reason(int error)
{
	switch (error) {
	case -EINVAL:
		return "a name has up to 64 letters, digits and - _ . ! ~ * +; a password up to 128 "
		       "characters";
	case -ENOENT:
		return "no such user, or domain";
	case -EEXIST:
		return "there is such a user";
	case -EPERM:
		return "the configuration has this user: it is changed there";
	case -ENOSPC:
		return "too many users, or no room on the disk";
	default:
		return strerror(-error);
	}
}

static void answer(struct client *client, const char *aor, const char *made)
{
	json_t *user = json_pack("{s:s}", "aor", aor);

	if (made)
		json_object_set_new(user, "password", json_string(made));
	client_answer(client, STATUS_OK, json_pack("{s:o}", "user", user));
}

void users_handle(struct client *client, const struct request *request)
{
	struct registrar *registrar = client->api->config.registrar;
	char aor[REGISTRAR_AOR_MAX] = "", made[MADE_CHARS + 1], why[USER_TEXT + 160];
	const char *password = request->password[0] ? request->password : made;
	int error;

	random_token(made, MADE_CHARS);
	switch (request->command) {
	case COMMAND_USER_ADD:
		error = registrar_add_user(registrar, request->user, password, aor);
		break;
	case COMMAND_USER_ROTATE:
		error = registrar_rotate_user(registrar, request->user, password, aor);
		break;
	default:
		error = registrar_remove_user(registrar, request->user, aor);
		password = NULL;
	}
	if (error) {
		snprintf(why, sizeof(why), "%s: %s", request->user, reason(error));
		client_refuse(client, STATUS_FAILED, why);
	} else {
		answer(client, aor, password == made ? made : NULL);
	}
	OPENSSL_cleanse(made, sizeof(made));
}
