/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Users that operators add, while calls go on and for good: a file of hashes in the state directory.
 *
 *   # comment
 *   alice@tandem.lab MD5 SHA-256 SHA-512-256 MD5 SHA-256 SHA-512-256
 *
 * A line a user: its address of record, then HA1 (RFC 7616 §3.4.2) in hexadecimal, of each algorithm
 * with "alice" for the name, and with "alice@tandem.lab". Passwords are not kept. The file is made
 * anew next to the old one, mode 0600, and takes its place in one step, so that it is whole whatever
 * happens. It may be written by others too: users_store_reload().
 *
 * All in the main thread.
 */
#ifndef CONTROLPLANE_REGISTRAR_USERS_STORE_H
#define CONTROLPLANE_REGISTRAR_USERS_STORE_H

#include <limits.h>

#include "controlplane/registrar/users.h"

#define USERS_FILE      "users"
#define USERS_ADDED_MAX 200000u

/* One row. The texts hold until it returns. 0 or -errno, which ends the reading. */
#define USERS_WHY (PATH_MAX + 128)
typedef int users_file_row(void *arg, const char *aor, const struct user_keys *keys);
/* -ENOENT: there is no file. -EINVAL, -EIO…: why says where and what. */
int users_file_read(const char *path, users_file_row *row, void *arg, char *why, size_t why_size);

struct users_file;
/* The new file, beside the old one; -errno. */
int users_file_begin(const char *path, struct users_file **file);
void users_file_put(struct users_file *file, const char *aor, const struct user_keys *keys);
/* It takes the old one's place, or (error of any put) that stays. */
int users_file_commit(struct users_file *file);

struct users_store;
/* Reads the file into users. dir: the state directory; NULL: nothing is kept. */
int users_store_open(struct users *users, const char *dir, struct users_store **store, char *why,
		     size_t why_size);
void users_store_close(struct users_store *store);

/*
 * aor: of a domain of ours. -EEXIST: there is such a user; -EPERM: the configuration has it, so it is
 * changed there; -ENOENT; -ENOSPC: too many; -EIO…: of the file, and nothing has changed.
 */
int users_store_add(struct users_store *store, const char *aor, const char *password);
int users_store_rotate(struct users_store *store, const char *aor, const char *password);
int users_store_remove(struct users_store *store, const char *aor);
/* What is in the file now, and no other; gone: told of each who is no user any more, may be NULL. What
 * is wrong in the file changes nothing, and why says what. */
int users_store_reload(struct users_store *store, void (*gone)(void *arg, const char *aor),
		       void *arg, char *why, size_t why_size);

#endif
