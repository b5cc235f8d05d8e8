/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The database under the store: writes in transactions on one connection (the writer thread's),
 * reads on another (any thread). SQLite here; another one would be another database.c.
 */
#ifndef CONTROLPLANE_STORE_DATABASE_H
#define CONTROLPLANE_STORE_DATABASE_H

#include <stdbool.h>

#include "controlplane/store/store.h"

enum write_type { WRITE_CONTACT_PUT, WRITE_CONTACT_DELETE, WRITE_CALL_PUT, WRITE_CDR, WRITE_TYPES };

#define WRITE_NUMBERS_MAX 28
#define WRITE_TEXTS_MAX   9

/* A queued write: what the statements of its type take, numbers before texts. One allocation, the
 * texts behind it. */
struct write {
	struct write *next;
	enum write_type type;
	bool overtaken; /* a later write of the batch makes it pointless: left out */
	uint64_t numbers[WRITE_NUMBERS_MAX];
	const char *texts[WRITE_TEXTS_MAX];
};

/* How many of them a type has. */
unsigned database_write_numbers(enum write_type type);
unsigned database_write_texts(enum write_type type);

struct database;

/* Opens or creates DIR/tandem.db and brings its schema up to date. 0 or -errno with `why`. */
int database_open(const char *dir, struct database **database, char *why, size_t why_size);
void database_close(struct database *database);

/*
 * Carries out the writes of a list, `count` of them, in one transaction. 0: they are on disk.
 * -EIO: none of them is, because of the disk or another process, and trying again may help; `why`
 * says what. A write that by itself is impossible is left out and counted in *skipped.
 */
int database_write(struct database *database, const struct write *list, size_t count,
		   size_t *skipped, char *why, size_t why_size);

int database_contacts(struct database *database,
		      void (*row)(void *arg, const struct store_contact *c), void *arg);
/* On a connection of its own: shards read at the same time. */
int database_calls(struct database *database, unsigned shard, unsigned shards,
		   void (*row)(void *arg, const struct store_call *call), void *arg);
int database_cdrs(struct database *database, unsigned offset, unsigned limit,
		  void (*row)(void *arg, const struct cdr *cdr), void *arg);

#endif
