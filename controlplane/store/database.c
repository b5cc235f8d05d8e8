/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SQLite. WAL with synchronous=NORMAL: what was committed survives kill -9 of the process always,
 * and a power cut except for the last moments (the WAL is synced at checkpoints); the database is
 * consistent in any case. FULL would cost an fsync for each batch and buy those moments only.
 */
#include "controlplane/store/database.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sip/base/log.h"

#define OPEN_BUSY_MS  1000
#define WRITE_BUSY_MS 5000

/* Each brings the schema from its index to the next version. Never changed, only added to. */
static const char *const migrations[] = {
	"CREATE TABLE contacts (aor TEXT NOT NULL, uri TEXT NOT NULL, text TEXT NOT NULL,"
	"  expires_ms INTEGER NOT NULL, PRIMARY KEY (aor, uri)) WITHOUT ROWID;"
	"CREATE TABLE calls (id INTEGER PRIMARY KEY, text TEXT NOT NULL);"
	"CREATE TABLE cdrs (number INTEGER PRIMARY KEY AUTOINCREMENT, call INTEGER NOT NULL UNIQUE,"
	"  \"from\" TEXT NOT NULL, \"to\" TEXT NOT NULL,"
	"  caller_address TEXT NOT NULL, callee_address TEXT NOT NULL,"
	"  trunk_in TEXT NOT NULL, trunk_out TEXT NOT NULL,"
	"  started_ms INTEGER NOT NULL, ringing_ms INTEGER NOT NULL,"
	"  answered_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL,"
	"  cause INTEGER NOT NULL, reason TEXT NOT NULL, ended_by TEXT NOT NULL,"
	"  codec TEXT NOT NULL, packets_caller INTEGER NOT NULL, packets_callee INTEGER NOT NULL,"
	"  lost_caller INTEGER NOT NULL, lost_callee INTEGER NOT NULL);",
#define ADD(name)                                                                 \
	"ALTER TABLE cdrs ADD COLUMN " name "_caller INTEGER NOT NULL DEFAULT 0;" \
	"ALTER TABLE cdrs ADD COLUMN " name "_callee INTEGER NOT NULL DEFAULT 0;"
	ADD("expected") ADD("late") ADD("mos") ADD("r_factor") ADD("jitter_us")
		ADD("longest_gap_ms") ADD("burst_density") ADD("rtt_us") ADD("alarms"),
#undef ADD
};
#define SCHEMA_VERSION ((int)(sizeof(migrations) / sizeof(*migrations)))

#define STATEMENTS_PER_WRITE 2

#define MEDIA_COLUMN(name) #name "_caller, " #name "_callee, "
#define MEDIA_VALUE(name)  "?, ?, "
#define MEDIA_NUMBER(name) +2
/* The first of them are numbers, the others texts: in the order of store_cdr_put(). */
#define CDR_NUMBERS (6 CDR_MEDIA(MEDIA_NUMBER))
#define CDR_TEXTS   9
#define CDR_COLUMNS                                                               \
	"call, started_ms, ringing_ms, answered_ms, ended_ms, cause, " CDR_MEDIA( \
		MEDIA_COLUMN) "\"from\", \"to\", caller_address, callee_address, trunk_in, trunk_out, reason, ended_by, codec"
static_assert(CDR_NUMBERS <= WRITE_NUMBERS_MAX && CDR_TEXTS <= WRITE_TEXTS_MAX, "room in a write");

static const struct {
	unsigned numbers, texts;
	const char *sql[STATEMENTS_PER_WRITE];
} writes[WRITE_TYPES] = {
	[WRITE_CONTACT_PUT] = { 1,
				3,
				{ "INSERT INTO contacts (expires_ms, aor, uri, text) VALUES (?1, ?2, ?3, ?4)"
				  "  ON CONFLICT (aor, uri) DO UPDATE SET text = ?4, expires_ms = ?1" } },
	[WRITE_CONTACT_DELETE] = { 0, 2, { "DELETE FROM contacts WHERE aor = ?1 AND uri = ?2" } },
	/* A late record of a call that has its CDR does not bring the call back. */
	[WRITE_CALL_PUT] = { 1,
			     1,
			     { "INSERT OR REPLACE INTO calls (id, text) SELECT ?1, ?2"
			       "  WHERE NOT EXISTS (SELECT 1 FROM cdrs WHERE call = ?1)" } },
	[WRITE_CDR] = { CDR_NUMBERS,
			CDR_TEXTS,
			{ "INSERT INTO cdrs (" CDR_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, " CDR_MEDIA(
				  MEDIA_VALUE) "?, ?, ?, ?, ?, ?, ?, ?, ?)"
					       " ON CONFLICT (call) DO NOTHING",
			  "DELETE FROM calls WHERE id = ?1" } },
};

static const char sql_contacts[] = "SELECT aor, uri, text, expires_ms FROM contacts";
/* The shard stands in the highest byte of the id. */
static const char sql_calls[] = "SELECT id, text FROM calls WHERE ((id >> 56) & 255) % ?1 = ?2";
static const char sql_cdrs[] =
	"SELECT " CDR_COLUMNS " FROM cdrs ORDER BY number DESC LIMIT ?1 OFFSET ?2";

struct database {
	int lock; /* DIR/tandem.lock, held as long as it is open */
	sqlite3 *writer;
	sqlite3_stmt *begin, *commit, *rollback;
	sqlite3_stmt *statements[WRITE_TYPES][STATEMENTS_PER_WRITE];
	pthread_mutex_t read_lock;
	sqlite3 *reader;
	char path[512];
};

unsigned database_write_numbers(enum write_type type)
{
	return writes[type].numbers;
}

unsigned database_write_texts(enum write_type type)
{
	return writes[type].texts;
}

/* --- opening ------------------------------------------------------------------------------------ */

static int exec(sqlite3 *db, const char *sql)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

/* One control plane per database: two would take each other's calls for leftovers. */
static int take_lock(struct database *d, const char *dir, char *why, size_t why_size)
{
	char path[512];

	if (mkdir(dir, 0750) < 0 && errno != EEXIST) {
		snprintf(why, why_size, "%s: cannot be created: %s", dir, strerror(errno));
		return -errno;
	}
	snprintf(path, sizeof(path), "%s/tandem.lock", dir);
	d->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (d->lock < 0) {
		snprintf(why, why_size, "%s: %s", path, strerror(errno));
		return -errno;
	}
	if (flock(d->lock, LOCK_EX | LOCK_NB) < 0) {
		snprintf(why, why_size, "%s/tandem.db: in use by another control plane", dir);
		return -EBUSY;
	}
	return 0;
}

/* Nobody asks how much memory SQLite has; counting it takes a lock at each allocation. */
static void configure(void)
{
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

/*
 * No mutex, for each connection is one thread's at a time. What is deleted is not overwritten, as
 * Debian's build does: the file is nobody else's to read, and the pages of calls that have ended
 * would all be written once more. A checkpoint each 16 MB writes a page that changed often once.
 */
static int open_connection(const char *path, sqlite3 **db)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int rc;

	pthread_once(&once, configure);
	rc = sqlite3_open_v2(
		path, db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_busy_timeout(*db, OPEN_BUSY_MS);
	if (rc == SQLITE_OK)
		rc = exec(*db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
			       "PRAGMA journal_size_limit = 16777216;"
			       "PRAGMA wal_autocheckpoint = 4000; PRAGMA secure_delete = OFF;");
	return rc;
}

static int schema_version(sqlite3 *db, int *version)
{
	sqlite3_stmt *statement = NULL;
	int rc = sqlite3_prepare_v2(db, "SELECT coalesce(max(version), 0) FROM migrations", -1,
				    &statement, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(statement);
	if (rc == SQLITE_ROW) {
		*version = sqlite3_column_int(statement, 0);
		rc = SQLITE_OK;
	}
	sqlite3_finalize(statement);
	return rc;
}

/* Each migration with the mark that it was done, in one transaction. */
static int migrate(sqlite3 *db, int *version)
{
	char mark[128];
	int rc = exec(db, "CREATE TABLE IF NOT EXISTS migrations"
			  " (version INTEGER PRIMARY KEY, applied_s INTEGER NOT NULL)");

	if (rc == SQLITE_OK)
		rc = schema_version(db, version);
	while (rc == SQLITE_OK && *version < SCHEMA_VERSION) {
		snprintf(mark, sizeof(mark), "INSERT INTO migrations VALUES (%d, %lld)",
			 *version + 1, (long long)time(NULL));
		rc = exec(db, "BEGIN IMMEDIATE");
		if (rc == SQLITE_OK)
			rc = exec(db, migrations[*version]);
		if (rc == SQLITE_OK)
			rc = exec(db, mark);
		if (rc == SQLITE_OK)
			rc = exec(db, "COMMIT");
		if (rc != SQLITE_OK)
			return rc; /* closing rolls back */
		++*version;
	}
	return rc;
}

static int prepare(struct database *d)
{
	int rc = sqlite3_prepare_v2(d->writer, "BEGIN IMMEDIATE", -1, &d->begin, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(d->writer, "COMMIT", -1, &d->commit, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(d->writer, "ROLLBACK", -1, &d->rollback, NULL);
	for (int t = 0; t < WRITE_TYPES; t++)
		for (int s = 0; s < STATEMENTS_PER_WRITE && writes[t].sql[s]; s++)
			if (rc == SQLITE_OK)
				rc = sqlite3_prepare_v3(d->writer, writes[t].sql[s], -1,
							SQLITE_PREPARE_PERSISTENT,
							&d->statements[t][s], NULL);
	return rc;
}

static int explain(const char *path, int rc, sqlite3 *db, char *why, size_t why_size)
{
	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		snprintf(why, why_size, "%s: locked by another process", path);
		return -EBUSY;
	case SQLITE_NOTADB:
	case SQLITE_CORRUPT:
		snprintf(why, why_size, "%s: damaged (%s); move it away to start with an empty one",
			 path, db ? sqlite3_errmsg(db) : sqlite3_errstr(rc));
		return -EUCLEAN;
	case SQLITE_NOMEM:
		snprintf(why, why_size, "%s: no memory", path);
		return -ENOMEM;
	default:
		snprintf(why, why_size, "%s: %s", path,
			 db ? sqlite3_errmsg(db) : sqlite3_errstr(rc));
		return -EIO;
	}
}

int database_open(const char *dir, struct database **database, char *why, size_t why_size)
{
	struct database *d = calloc(1, sizeof(*d));
	int rc, error, fd, version = 0;
	char *path;

	*database = NULL;
	if (!d) {
		snprintf(why, why_size, "no memory");
		return -ENOMEM;
	}
	d->lock = -1;
	pthread_mutex_init(&d->read_lock, NULL);
	error = take_lock(d, dir, why, why_size);
	if (error)
		goto fail;
	path = d->path;
	snprintf(path, sizeof(d->path), "%s/tandem.db", dir);
	/* CDRs are nobody else's business. SQLite gives its other files the mode of this one. */
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0) {
		error = -errno;
		snprintf(why, why_size, "%s: %s", path, strerror(errno));
		goto fail;
	}
	close(fd);

	rc = open_connection(path, &d->writer);
	if (rc == SQLITE_OK)
		rc = migrate(d->writer, &version);
	if (rc == SQLITE_OK && version > SCHEMA_VERSION) {
		snprintf(why, why_size, "%s: made by a newer Tandem (schema %d, this one knows %d)",
			 path, version, SCHEMA_VERSION);
		error = -EPROTO;
		goto fail;
	}
	if (rc == SQLITE_OK)
		rc = prepare(d);
	if (rc != SQLITE_OK) {
		error = explain(path, rc, d->writer, why, why_size);
		goto fail;
	}
	sqlite3_busy_timeout(d->writer, WRITE_BUSY_MS);
	rc = open_connection(path, &d->reader);
	if (rc != SQLITE_OK) {
		error = explain(path, rc, d->reader, why, why_size);
		goto fail;
	}
	*database = d;
	return 0;
fail:
	database_close(d);
	return error;
}

void database_close(struct database *d)
{
	for (int t = 0; t < WRITE_TYPES; t++)
		for (int s = 0; s < STATEMENTS_PER_WRITE; s++)
			sqlite3_finalize(d->statements[t][s]);
	sqlite3_finalize(d->begin);
	sqlite3_finalize(d->commit);
	sqlite3_finalize(d->rollback);
	sqlite3_close(d->reader);
	sqlite3_close(d->writer);
	pthread_mutex_destroy(&d->read_lock);
	if (d->lock >= 0)
		close(d->lock);
	free(d);
}

/* --- writing ------------------------------------------------------------------------------------ */

static int step(sqlite3_stmt *statement)
{
	int rc = sqlite3_step(statement);

	sqlite3_reset(statement);
	return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

static int run(sqlite3_stmt *statement, const struct write *w)
{
	unsigned numbers = writes[w->type].numbers, texts = writes[w->type].texts;
	unsigned count = (unsigned)sqlite3_bind_parameter_count(statement);
	int rc = SQLITE_OK;

	for (unsigned i = 0; i < numbers + texts && i < count && rc == SQLITE_OK; i++) {
		if (i < numbers)
			rc = sqlite3_bind_int64(statement, (int)i + 1,
						(sqlite3_int64)w->numbers[i]);
		else
			rc = sqlite3_bind_text(statement, (int)i + 1, w->texts[i - numbers], -1,
					       SQLITE_STATIC);
	}
	return rc == SQLITE_OK ? step(statement) : rc;
}

/* Is it this write that cannot be, whatever the disk is like? */
static bool is_hopeless(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
	case SQLITE_TOOBIG:
	case SQLITE_RANGE:
	case SQLITE_MISUSE:
		return true;
	default:
		return false;
	}
}

static int run_all(struct database *d, const struct write *w, size_t *skipped)
{
	for (int s = 0; s < STATEMENTS_PER_WRITE && d->statements[w->type][s]; s++) {
		int rc = run(d->statements[w->type][s], w);
		if (rc != SQLITE_OK && !is_hopeless(rc))
			return rc;
		if (rc == SQLITE_OK)
			continue;
		LOG_ERROR("store", 0, "a write was left out: %s", sqlite3_errmsg(d->writer));
		++*skipped;
		return SQLITE_OK;
	}
	return SQLITE_OK;
}

int database_write(struct database *d, const struct write *list, size_t count, size_t *skipped,
		   char *why, size_t why_size)
{
	int rc = step(d->begin);

	*skipped = 0;
	for (const struct write *w = list; rc == SQLITE_OK && count > 0; count--) {
		if (!w->overtaken)
			rc = run_all(d, w, skipped);
		/* `next` of the last one is being written while others are queued */
		w = count > 1 ? w->next : NULL;
	}
	if (rc == SQLITE_OK)
		rc = step(d->commit);
	if (rc == SQLITE_OK)
		return 0;
	snprintf(why, why_size, "%s", sqlite3_errmsg(d->writer));
	/* Some errors have rolled back already. */
	if (!sqlite3_get_autocommit(d->writer))
		step(d->rollback);
	return -EIO;
}

/* --- reading ------------------------------------------------------------------------------------ */

static const char *text_of(sqlite3_stmt *statement, int column)
{
	const unsigned char *text = sqlite3_column_text(statement, column);

	return text ? (const char *)text : "";
}

static uint64_t number_of(sqlite3_stmt *statement, int column)
{
	return (uint64_t)sqlite3_column_int64(statement, column);
}

struct reading {
	void (*contact)(void *arg, const struct store_contact *contact);
	void (*call)(void *arg, const struct store_call *call);
	void (*cdr)(void *arg, const struct cdr *cdr);
	void *arg;
};

static void hand_out_cdr(const struct reading *r, sqlite3_stmt *s)
{
	struct cdr cdr = { .call = number_of(s, 0),
			   .started_ms = number_of(s, 1),
			   .ringing_ms = number_of(s, 2),
			   .answered_ms = number_of(s, 3),
			   .ended_ms = number_of(s, 4),
			   .cause = (unsigned)number_of(s, 5) };
	int column = 6;

#define X(name)                                   \
	cdr.caller.name = number_of(s, column++); \
	cdr.callee.name = number_of(s, column++);
	CDR_MEDIA(X)
#undef X
	cdr.from = text_of(s, column++);
	cdr.to = text_of(s, column++);
	cdr.caller_address = text_of(s, column++);
	cdr.callee_address = text_of(s, column++);
	cdr.trunk_in = text_of(s, column++);
	cdr.trunk_out = text_of(s, column++);
	cdr.reason = text_of(s, column++);
	cdr.ended_by = text_of(s, column++);
	cdr.codec = text_of(s, column);
	r->cdr(r->arg, &cdr);
}

static void hand_out(const struct reading *r, sqlite3_stmt *s)
{
	if (r->contact) {
		r->contact(r->arg, &(struct store_contact){ .aor = text_of(s, 0),
							    .uri = text_of(s, 1),
							    .text = text_of(s, 2),
							    .expires_ms = number_of(s, 3) });
	} else if (r->call) {
		r->call(r->arg, &(struct store_call){ number_of(s, 0), text_of(s, 1) });
	} else {
		hand_out_cdr(r, s);
	}
}

/* a, b: what the statement takes, if it takes anything. */
static int read_from(sqlite3 *db, const char *sql, unsigned a, unsigned b,
		     const struct reading *reading)
{
	sqlite3_stmt *statement = NULL;
	int rc = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);

	if (rc == SQLITE_OK && sqlite3_bind_parameter_count(statement) == 2) {
		sqlite3_bind_int64(statement, 1, a);
		sqlite3_bind_int64(statement, 2, b);
	}
	while (rc == SQLITE_OK || rc == SQLITE_ROW) {
		rc = sqlite3_step(statement);
		if (rc == SQLITE_ROW)
			hand_out(reading, statement);
	}
	if (rc != SQLITE_DONE)
		LOG_ERROR("store", 0, "reading failed: %s", sqlite3_errmsg(db));
	sqlite3_finalize(statement);
	return rc == SQLITE_DONE ? 0 : -EIO;
}

static int read_rows(struct database *d, const char *sql, unsigned a, unsigned b,
		     const struct reading *reading)
{
	int error;

	pthread_mutex_lock(&d->read_lock);
	error = read_from(d->reader, sql, a, b, reading);
	pthread_mutex_unlock(&d->read_lock);
	return error;
}

int database_contacts(struct database *d, void (*row)(void *arg, const struct store_contact *c),
		      void *arg)
{
	return read_rows(d, sql_contacts, 0, 0, &(struct reading){ .contact = row, .arg = arg });
}

int database_calls(struct database *d, unsigned shard, unsigned shards,
		   void (*row)(void *arg, const struct store_call *call), void *arg)
{
	sqlite3 *db = NULL;
	int error = -EIO;

	if (open_connection(d->path, &db) == SQLITE_OK)
		error = read_from(db, sql_calls, shards, shard,
				  &(struct reading){ .call = row, .arg = arg });
	sqlite3_close(db);
	return error;
}

int database_cdrs(struct database *d, unsigned offset, unsigned limit,
		  void (*row)(void *arg, const struct cdr *cdr), void *arg)
{
	return read_rows(d, sql_cdrs, limit, offset, &(struct reading){ .cdr = row, .arg = arg });
}
