/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "controlplane/store/store.h"

static char dir[64], path[128], why[256];

static void make_dir(void)
{
	strcpy(dir, "/tmp/tandem-store-XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/tandem.db", dir);
}

static void remove_dir(void)
{
	static const char *const names[] = { "tandem.db", "tandem.db-wal", "tandem.db-shm",
					     "tandem.lock" };
	char name[160];

	for (size_t i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "%s/%s", dir, names[i]);
		unlink(name);
	}
	rmdir(dir);
}

TestSuite(store, .init = make_dir, .fini = remove_dir);

static struct store *open_store(void)
{
	struct store *store;

	cr_assert_eq(store_open(dir, &store, why, sizeof(why)), 0, "%s", why);
	return store;
}

/* Rows as lines, in the order they come. */
struct text {
	char all[8192];
	size_t used;
	unsigned rows;
};

static void on_contact(void *arg, const struct store_contact *c)
{
	struct text *t = arg;

	t->rows++;
	t->used += (size_t)snprintf(t->all + t->used, sizeof(t->all) - t->used, "%s %s %s %llu\n",
				    c->aor, c->uri, c->text, (unsigned long long)c->expires_ms);
}

static void on_call(void *arg, const struct store_call *call)
{
	struct text *t = arg;

	t->rows++;
	if (t->used < sizeof(t->all) / 2)
		t->used += (size_t)snprintf(t->all + t->used, sizeof(t->all) - t->used, "%llx %s\n",
					    (unsigned long long)call->id, call->text);
}

static void on_cdr(void *arg, const struct cdr *c)
{
	struct text *t = arg;

	t->rows++;
	t->used += (size_t)snprintf(
		t->all + t->used, sizeof(t->all) - t->used,
		"%llx %s %s %s %s %s %s %llu %llu %llu %llu %u %s %s %s %llu %llu %llu %llu\n",
		(unsigned long long)c->call, c->from, c->to, c->caller_address, c->callee_address,
		c->trunk_in, c->trunk_out, (unsigned long long)c->started_ms,
		(unsigned long long)c->ringing_ms, (unsigned long long)c->answered_ms,
		(unsigned long long)c->ended_ms, c->cause, c->reason, c->ended_by, c->codec,
		(unsigned long long)c->caller.packets, (unsigned long long)c->callee.packets,
		(unsigned long long)c->caller.lost, (unsigned long long)c->callee.lost);
}

static const struct cdr whole = {
	.call = 0xfe00000000000001,
	.from = "alice@tandem.lab",
	.to = "bob@tandem.lab",
	.caller_address = "198.18.0.101:5060",
	.callee_address = "[2001:2::102]:5060",
	.trunk_in = "in",
	.trunk_out = "out",
	.started_ms = 1,
	.ringing_ms = 2,
	.answered_ms = 3,
	.ended_ms = 4,
	.cause = 200,
	.reason = "normal",
	.ended_by = "caller",
	.codec = "PCMU",
	.caller.packets = 5,
	.callee.packets = 6,
	.caller.lost = 7,
	.callee.lost = UINT64_MAX,
};

Test(store, contacts_come_back_replaced_and_deleted_ones_included)
{
	struct store *store = open_store();
	struct text text = { 0 };

	store_contact_put(store, &(struct store_contact){ "a@x", "sip:1", "one", 10 });
	store_contact_put(store, &(struct store_contact){ "a@x", "sip:2", "two", 20 });
	store_contact_put(store, &(struct store_contact){ "b@x", "sip:1", "o'ther\"", 30 });
	store_contact_put(store, &(struct store_contact){ "a@x", "sip:1", "uno", 11 });
	store_contact_delete(store, "a@x", "sip:2");
	store_contact_delete(store, "c@x", "sip:2");
	store_close(store);

	store = open_store();
	cr_expect_eq(store_contacts_load(store, on_contact, &text), 0);
	cr_expect_str_eq(text.all, "a@x sip:1 uno 11\nb@x sip:1 o'ther\" 30\n");
	store_close(store);
}

Test(store, a_cdr_ends_its_call_and_the_first_one_stands)
{
	struct store *store = open_store();
	struct text calls = { 0 }, cdrs = { 0 };
	struct cdr second = whole;

	store_call_put(store, &(struct store_call){ whole.call, "ringing" });
	store_call_put(store, &(struct store_call){ whole.call, "connected" });
	store_call_put(store, &(struct store_call){ 7, "other" });
	store_cdr_put(store, &whole);
	second.reason = "again";
	store_cdr_put(store, &second);
	store_call_put(store, &(struct store_call){ whole.call, "a late record" });
	store_flush(store);

	cr_expect_eq(store_calls_load(store, 0, 1, on_call, &calls), 0);
	cr_expect_str_eq(calls.all, "7 other\n");
	cr_expect_eq(store_cdrs_load(store, 0, 10, on_cdr, &cdrs), 0);
	cr_expect_str_eq(cdrs.all, "fe00000000000001 alice@tandem.lab bob@tandem.lab "
				   "198.18.0.101:5060 [2001:2::102]:5060 in out 1 2 3 4 200 normal "
				   "caller PCMU 5 6 7 18446744073709551615\n");
	store_close(store);
}

Test(store, a_call_put_again_is_replaced)
{
	struct store *store = open_store();
	struct text calls = { 0 };

	store_call_put(store, &(struct store_call){ 1, "ringing" });
	store_call_put(store, &(struct store_call){ 1, "connected" });
	store_flush(store);
	store_calls_load(store, 0, 1, on_call, &calls);
	cr_expect_str_eq(calls.all, "1 connected\n");
	store_close(store);
}

/* given calls of several shards, when each reads its own, then all are read and none twice */
Test(store, what_a_later_write_of_the_batch_overtakes_is_as_if_it_had_been_written)
{
	struct store *store = open_store();
	struct text calls = { 0 }, cdrs = { 0 };
	struct store_stats stats;
	struct cdr cdr = whole;

	/* of an earlier batch, and its CDR of a later one */
	store_call_put(store, &(struct store_call){ 9, "before" });
	store_flush(store);
	cdr.call = 9;
	store_cdr_put(store, &cdr);
	/* a whole call in one batch, and a record that comes too late */
	cdr.call = 1;
	store_call_put(store, &(struct store_call){ 1, "answered" });
	store_call_put(store, &(struct store_call){ 1, "latched" });
	store_cdr_put(store, &cdr);
	store_call_put(store, &(struct store_call){ 1, "late" });
	/* a call that goes on */
	store_call_put(store, &(struct store_call){ 2, "answered" });
	store_call_put(store, &(struct store_call){ 2, "latched" });
	store_close(store);

	store = open_store();
	store_calls_load(store, 0, 1, on_call, &calls);
	cr_expect_str_eq(calls.all, "2 latched\n");
	store_cdrs_load(store, 0, 10, on_cdr, &cdrs);
	cr_expect_eq(cdrs.rows, 2);
	store_stats(store, &stats);
	cr_expect_eq(stats.queued, 0);
	store_close(store);
}

Test(store, writes_gather_in_one_transaction)
{
	struct store *store = open_store();
	struct store_stats stats;

	for (unsigned i = 1; i <= 100; i++)
		store_call_put(store, &(struct store_call){ i, "x" });
	store_flush(store);
	store_stats(store, &stats);
	cr_expect_eq(stats.writes, 100);
	/* one if the machine is not away for longer than they gather */
	cr_expect_leq(stats.transactions, 10);
	store_close(store);
}

Test(store, a_shard_reads_its_calls_alone)
{
	struct store *store = open_store();
	unsigned all = 0;

	for (uint64_t shard = 0; shard < 256; shard += 50)
		store_call_put(store, &(struct store_call){ shard << 56 | 7, "text" });
	store_flush(store);
	for (unsigned shard = 0; shard < 3; shard++) {
		struct text calls = { 0 };

		cr_expect_eq(store_calls_load(store, shard, 3, on_call, &calls), 0);
		all += calls.rows;
		cr_expect_eq(calls.rows, 2, "0 50 100 150 200 250, by 3");
	}
	cr_expect_eq(all, 6);
	store_close(store);
}

Test(store, cdrs_come_latest_first_and_in_pages)
{
	struct store *store = open_store();
	struct text page = { 0 };

	for (unsigned i = 1; i <= 5; i++)
		store_cdr_put(store, &(struct cdr){ .call = i, .reason = "r" });
	store_flush(store);
	cr_expect_eq(store_cdrs_load(store, 1, 2, on_cdr, &page), 0);
	cr_expect_eq(page.rows, 2);
	cr_expect_eq(strncmp(page.all, "4 ", 2), 0, "%s", page.all);
	cr_expect_not_null(strstr(page.all, "\n3 "), "%s", page.all);
	store_close(store);
}

Test(store, what_was_flushed_survives_kill_9)
{
	struct text calls = { 0 };
	struct store *store;
	int status;
	pid_t child = fork();

	if (child == 0) {
		store = open_store();
		for (unsigned i = 1; i <= 1000; i++)
			store_call_put(store, &(struct store_call){ i, "connected" });
		store_flush(store);
		for (unsigned i = 1001; i <= 9000; i++)
			store_call_put(store, &(struct store_call){ i, "connected" });
		kill(getpid(), SIGKILL);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);

	store = open_store();
	cr_expect_eq(store_calls_load(store, 0, 1, on_call, &calls), 0);
	cr_expect(calls.rows >= 1000 && calls.rows <= 9000, "%u rows", calls.rows);
	store_close(store);
}

Test(store, a_damaged_database_is_named)
{
	static const char garbage[] = "this is not a database, and long enough to be looked at: "
				      "0123456789012345678901234567890123456789012345678901234567";
	struct store *store;
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	cr_assert_eq(write(fd, garbage, sizeof(garbage)), (ssize_t)sizeof(garbage));
	close(fd);
	cr_expect_eq(store_open(dir, &store, why, sizeof(why)), -EUCLEAN);
	cr_expect_null(store);
	cr_expect(strncmp(why, path, strlen(path)) == 0 && strstr(why, "damaged"), "%s", why);
}

static void keep_cdr(void *arg, const struct cdr *cdr)
{
	struct cdr *kept = arg;

	kept->caller = cdr->caller;
	kept->callee = cdr->callee;
}

Test(store, each_figure_of_each_side_comes_back_as_it_was)
{
	struct store *store = open_store();
	struct cdr cdr = whole, read = { 0 };
	uint64_t value = 100;

#define X(name)                    \
	cdr.caller.name = value++; \
	cdr.callee.name = value++;
	CDR_MEDIA(X)
#undef X
	store_cdr_put(store, &cdr);
	store_flush(store);
	cr_assert_eq(store_cdrs_load(store, 0, 1, keep_cdr, &read), 0);
	cr_expect_eq(memcmp(&read.caller, &cdr.caller, sizeof(cdr.caller)), 0);
	cr_expect_eq(memcmp(&read.callee, &cdr.callee, sizeof(cdr.callee)), 0);
	store_close(store);
}

/* given a database from before CDRs had quality, when it is opened, then its CDRs are there, with
 * nothing known of their quality, and new ones are written */
Test(store, a_database_of_the_first_schema_is_brought_up_to_date)
{
	static const char first[] =
		"CREATE TABLE contacts (aor TEXT NOT NULL, uri TEXT NOT NULL, text TEXT NOT NULL,"
		"  expires_ms INTEGER NOT NULL, PRIMARY KEY (aor, uri)) WITHOUT ROWID;"
		"CREATE TABLE calls (id INTEGER PRIMARY KEY, text TEXT NOT NULL);"
		"CREATE TABLE cdrs (number INTEGER PRIMARY KEY AUTOINCREMENT, call INTEGER UNIQUE,"
		"  \"from\" TEXT, \"to\" TEXT, caller_address TEXT, callee_address TEXT,"
		"  trunk_in TEXT, trunk_out TEXT, started_ms INTEGER, ringing_ms INTEGER,"
		"  answered_ms INTEGER, ended_ms INTEGER, cause INTEGER, reason TEXT, ended_by TEXT,"
		"  codec TEXT, packets_caller INTEGER, packets_callee INTEGER,"
		"  lost_caller INTEGER, lost_callee INTEGER);"
		"CREATE TABLE migrations (version INTEGER PRIMARY KEY, applied_s INTEGER NOT NULL);"
		"INSERT INTO migrations VALUES (1, 0);"
		"INSERT INTO cdrs VALUES (1, 77, 'a', 'b', '', '', '', '', 1, 2, 3, 4, 200, 'normal',"
		"  'caller', 'PCMU', 5, 6, 7, 8);";
	struct text cdrs = { 0 };
	struct cdr read = { 0 };
	struct store *store;
	sqlite3 *db;

	cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(db, first, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	store = open_store();
	store_cdrs_load(store, 0, 10, on_cdr, &cdrs);
	cr_expect_str_eq(cdrs.all, "4d a b     1 2 3 4 200 normal caller PCMU 5 6 7 8\n");
	store_cdrs_load(store, 0, 1, keep_cdr, &read);
	cr_expect_eq(read.caller.mos, 0);
	store_cdr_put(store, &whole);
	store_flush(store);
	cdrs = (struct text){ 0 };
	store_cdrs_load(store, 0, 10, on_cdr, &cdrs);
	cr_expect_eq(cdrs.rows, 2);
	store_close(store);
}

Test(store, a_database_of_a_newer_program_is_refused)
{
	struct store *store = open_store();
	sqlite3 *db;

	store_close(store);
	cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(db, "INSERT INTO migrations VALUES (99, 0)", NULL, NULL, NULL),
		     SQLITE_OK);
	sqlite3_close(db);
	cr_expect_eq(store_open(dir, &store, why, sizeof(why)), -EPROTO);
	cr_expect_not_null(strstr(why, "newer Tandem (schema 99"), "%s", why);
}

Test(store, a_second_control_plane_is_refused)
{
	struct store *first = open_store(), *second;

	cr_expect_eq(store_open(dir, &second, why, sizeof(why)), -EBUSY);
	cr_expect_not_null(strstr(why, "in use by another control plane"), "%s", why);
	store_close(first);
	first = open_store();
	store_close(first);
}

Test(store, a_directory_that_cannot_be_is_named)
{
	struct store *store;

	cr_expect_eq(store_open("/nonexistent/tandem", &store, why, sizeof(why)), -ENOENT);
	cr_expect_str_eq(why, "/nonexistent/tandem: cannot be created: No such file or directory");
	cr_expect_eq(store_open("/dev/null", &store, why, sizeof(why)), -ENOTDIR);
	cr_expect_not_null(strstr(why, "/dev/null/tandem.lock: Not a directory"), "%s", why);
}

Test(store, the_files_are_private)
{
	struct store *store = open_store();
	struct stat status;

	cr_assert_eq(stat(path, &status), 0);
	cr_expect_eq(status.st_mode & 0777, 0600);
	store_close(store);
}

Test(store, a_full_disk_is_counted_and_nothing_is_lost_when_there_is_room_again)
{
	struct store *store = open_store();
	struct rlimit limit = { 4096, RLIM_INFINITY };
	struct store_stats stats;
	struct text calls = { 0 };

	signal(SIGXFSZ, SIG_IGN); /* so that a write past the limit fails with EFBIG */
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	store_call_put(store, &(struct store_call){ 1, "connected" });
	store_flush(store); /* comes back although nothing could be written */
	store_stats(store, &stats);
	cr_expect_geq(stats.errors, 1);
	cr_expect_eq(stats.writes, 0);
	cr_expect_eq(stats.queued, 1);

	limit.rlim_cur = RLIM_INFINITY;
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	store_close(store);
	store = open_store();
	store_calls_load(store, 0, 1, on_call, &calls);
	cr_expect_str_eq(calls.all, "1 connected\n");
	store_close(store);
}

Test(store, a_full_queue_refuses_and_blocks_nobody)
{
	struct store *store = open_store();
	struct store_stats stats;
	struct text calls = { 0 };
	sqlite3 *other;
	unsigned taken = 0;

	/* another process holds the write lock, so the writer gets nowhere */
	cr_assert_eq(sqlite3_open(path, &other), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	while (taken < 1000000 &&
	       store_call_put(store, &(struct store_call){ taken + 1, "x" }) == 0)
		taken++;
	cr_expect_lt(taken, 1000000);
	cr_expect_eq(store_call_put(store, &(struct store_call){ 1, "x" }), -EAGAIN);
	store_stats(store, &stats);
	cr_expect_eq(stats.refused, 2);
	cr_expect_eq(stats.queued, taken);
	cr_assert_eq(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(other);

	store_close(store);
	store = open_store();
	store_calls_load(store, 0, 1, on_call, &calls);
	cr_expect_eq(calls.rows, taken);
	store_close(store);
}

Test(store, a_record_that_is_too_large_is_refused)
{
	struct store *store = open_store();
	char *text = malloc(70000);

	memset(text, 'x', 69999);
	text[69999] = 0;
	cr_expect_eq(store_call_put(store, &(struct store_call){ 1, text }), -EMSGSIZE);
	free(text);
	store_close(store);
}

static void *put_many(void *arg)
{
	struct store *store = arg;
	static _Atomic unsigned next;

	for (unsigned i = 0; i < 2000; i++)
		cr_assert_eq(store_call_put(store, &(struct store_call){ ++next, "x" }), 0);
	return NULL;
}

Test(store, many_threads_write_and_each_write_is_carried_out_once)
{
	struct store *store = open_store();
	struct store_stats stats;
	struct text calls = { 0 };
	pthread_t threads[4];

	for (unsigned i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, put_many, store);
	for (unsigned i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	store_flush(store);
	store_stats(store, &stats);
	cr_expect_eq(stats.writes, 8000);
	cr_expect_eq(stats.errors, 0);
	cr_expect_eq(stats.queued, 0);
	store_calls_load(store, 0, 1, on_call, &calls);
	cr_expect_eq(calls.rows, 8000);
	store_close(store);
}
