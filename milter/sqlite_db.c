#include "sqlite_db.h"

#include "clock.h"
#include "xmalloc.h"

#include <stdlib.h>
#include <string.h>

/* Names and texts of a result: freed together. */
struct sqlite_chunk {
	struct sqlite_chunk *next;
	size_t used, cap;
	char data[];
};

#define CHUNK 4000

void
sqlite_result_fini(struct sqlite_result *r)
{
	while (r->chunk != NULL) {
		struct sqlite_chunk *next = r->chunk->next;

		free(r->chunk);
		r->chunk = next;
	}
	free(r->column);
	free(r->value);
	*r = (struct sqlite_result){ 0 };
}

#ifdef HAVE_SQLITE3

#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>

#define SQL_MAX (1 << 20)
#define KEPT 32    /* statements of a connection */
#define STEPS 1000 /* of SQLite's machine between two looks at the clock */

struct kept {
	sqlite3_stmt *stmt;
	char *sql;
	size_t len;
	uint64_t used; /* the connection's count of queries then */
};

struct sqlite_db {
	sqlite3 *db;
	int64_t lock_wait, deadline;
	int64_t locked_since; /* clock_mono() of the first try, or 0 */
	struct kept kept[KEPT];
	uint64_t queries;
	bool has_file;
	dev_t dev;
	ino_t ino;
};

/* Asked now and then while a statement runs: is it to end? */
static int
is_late(void *arg)
{
	const struct sqlite_db *db = arg;

	return clock_mono() >= db->deadline;
}

/* Somebody holds a lock: 1 is another try. */
static int
wait_for_lock(void *arg, int tries)
{
	struct sqlite_db *db = arg;
	int64_t now = clock_mono(), end = db->deadline;

	if (tries == 0)
		db->locked_since = now;
	if (end > db->locked_since + db->lock_wait)
		end = db->locked_since + db->lock_wait;
	if (now >= end)
		return 0;
	now += tries < 5 ? CLOCK_MS : tries < 20 ? 5 * CLOCK_MS : 25 * CLOCK_MS;
	clock_sleep_until(now < end ? now : end);
	return 1;
}

static void
note_file(struct sqlite_db *db)
{
	const char *name = sqlite3_db_filename(db->db, "main");
	struct stat sb;

	if (name == NULL || name[0] == '\0' || stat(name, &sb) != 0)
		return;
	db->has_file = true;
	db->dev = sb.st_dev;
	db->ino = sb.st_ino;
}

struct sqlite_db *
sqlite_db_open(const char *path, int64_t lock_wait, struct err *err)
{
	struct sqlite_db *db = xcalloc(1, sizeof *db);
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
		    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI;

	must(sqlite3_threadsafe());
	db->lock_wait = lock_wait;
	if (sqlite3_open_v2(path, &db->db, flags, NULL) != SQLITE_OK) {
		err_set(err, "%s: %s", path,
		    db->db != NULL ? sqlite3_errmsg(db->db) : "no memory");
		sqlite_db_close(db);
		return NULL;
	}
	sqlite3_extended_result_codes(db->db, 1);
	sqlite3_limit(db->db, SQLITE_LIMIT_SQL_LENGTH, SQL_MAX);
	sqlite3_limit(db->db, SQLITE_LIMIT_LENGTH, (int)SQLITE_DB_BYTES_MAX);
	sqlite3_progress_handler(db->db, STEPS, is_late, db);
	sqlite3_busy_handler(db->db, wait_for_lock, db);
	note_file(db);
	return db;
}

void
sqlite_db_close(struct sqlite_db *db)
{
	if (db == NULL)
		return;
	for (size_t i = 0; i < KEPT; i++) {
		sqlite3_finalize(db->kept[i].stmt);
		free(db->kept[i].sql);
	}
	sqlite3_close(db->db);
	free(db);
}

bool
sqlite_db_roll_back(struct sqlite_db *db)
{
	if (sqlite3_get_autocommit(db->db))
		return false;
	db->deadline = INT64_MAX;
	sqlite3_exec(db->db, "ROLLBACK", NULL, NULL, NULL);
	return true;
}

bool
sqlite_db_is_current(const struct sqlite_db *db)
{
	struct stat sb;

	return !db->has_file ||
	       (stat(sqlite3_db_filename(db->db, "main"), &sb) == 0 &&
		   sb.st_dev == db->dev && sb.st_ino == db->ino);
}

/* ---- statements --------------------------------------------------------- */

static int
fail(struct sqlite_db *db, struct err *err)
{
	if (sqlite3_errcode(db->db) == SQLITE_INTERRUPT)
		return err_set(err, "the query took too long");
	return err_set(err, "%s", sqlite3_errmsg(db->db));
}

/* Is there more than blanks and comments behind the statement? */
static bool
has_more(struct sqlite_db *db, const char *tail, size_t len)
{
	sqlite3_stmt *stmt;
	bool more;

	while (len > 0 && strchr("; \t\r\n", *tail) != NULL && *tail != '\0')
		tail++, len--;
	if (len == 0)
		return false;
	more = sqlite3_prepare_v2(db->db, tail, (int)len, &stmt, NULL) !=
		   SQLITE_OK ||
	       stmt != NULL;
	sqlite3_finalize(stmt);
	return more;
}

static sqlite3_stmt *
prepare(struct sqlite_db *db, const struct sqlite_query *q, struct err *err)
{
	const char *tail;
	sqlite3_stmt *stmt;

	if (q->len >= SQL_MAX) {
		err_set(err, "a statement of %zu bytes is too long", q->len);
		return NULL;
	}
	if (memchr(q->sql, '\0', q->len) != NULL) {
		err_set(err, "a statement with a NUL in it");
		return NULL;
	}
	if (sqlite3_prepare_v3(db->db, q->sql, (int)q->len,
		SQLITE_PREPARE_PERSISTENT, &stmt, &tail) != SQLITE_OK) {
		fail(db, err);
		return NULL;
	}
	if (stmt == NULL) {
		err_set(err, "a statement expected, got nothing");
		return NULL;
	}
	if (has_more(db, tail, q->len - (size_t)(tail - q->sql))) {
		sqlite3_finalize(stmt);
		err_set(err, "more than one statement");
		return NULL;
	}
	return stmt;
}

/* The statement, from those kept or else in the place of the oldest. */
static sqlite3_stmt *
find_statement(
    struct sqlite_db *db, const struct sqlite_query *q, struct err *err)
{
	struct kept *oldest = &db->kept[0];
	sqlite3_stmt *stmt;

	db->queries++;
	for (size_t i = 0; i < KEPT; i++) {
		struct kept *k = &db->kept[i];

		if (k->sql != NULL && k->len == q->len &&
		    memcmp(k->sql, q->sql, q->len) == 0) {
			k->used = db->queries;
			return k->stmt;
		}
		if (k->used < oldest->used)
			oldest = k;
	}
	stmt = prepare(db, q, err);
	if (stmt == NULL)
		return NULL;
	sqlite3_finalize(oldest->stmt);
	free(oldest->sql);
	*oldest = (struct kept){ stmt, xmemdup0(q->sql, q->len), q->len,
		db->queries };
	return stmt;
}

/* ---- parameters --------------------------------------------------------- */

static const struct sqlite_value *
find_named(const struct sqlite_query *q, const char *name)
{
	for (size_t i = 0; i < q->n_params; i++)
		if (q->param[i].name != NULL &&
		    strcmp(q->param[i].name, name) == 0)
			return &q->param[i].value;
	return NULL;
}

/* The n-th without a name, from 1. */
static const struct sqlite_value *
find_positional(const struct sqlite_query *q, size_t n)
{
	for (size_t i = 0; i < q->n_params; i++)
		if (q->param[i].name == NULL && --n == 0)
			return &q->param[i].value;
	return NULL;
}

static int
bind(sqlite3_stmt *stmt, int at, const struct sqlite_value *v)
{
	if (v == NULL)
		return sqlite3_bind_null(stmt, at);
	switch (v->type) {
	case SQLITE_IS_INT:
		return sqlite3_bind_int64(stmt, at, v->i);
	case SQLITE_IS_REAL:
		return sqlite3_bind_double(stmt, at, v->d);
	case SQLITE_IS_TEXT:
		return sqlite3_bind_text64(
		    stmt, at, v->text, v->len, SQLITE_STATIC, SQLITE_UTF8);
	default:
		return sqlite3_bind_null(stmt, at);
	}
}

/* Names and numbers as SQLite has them. */
static int
bind_strict(struct sqlite_db *db, sqlite3_stmt *stmt,
    const struct sqlite_query *q, struct err *err)
{
	int n = sqlite3_bind_parameter_count(stmt), at = 0;

	for (size_t i = 0; i < q->n_params; i++) {
		const struct sqlite_param *p = &q->param[i];
		char name[80];

		if (p->name != NULL) {
			snprintf(name, sizeof name, ":%s", p->name);
			at = strlen(p->name) < sizeof name - 1
				 ? sqlite3_bind_parameter_index(stmt, name)
				 : 0;
			if (at == 0)
				return err_set(
				    err, "there is no placeholder %s", name);
		} else if (++at > n) {
			return err_set(err, "%zu values for %d placeholders",
			    q->n_params, n);
		}
		if (bind(stmt, at, &p->value) != SQLITE_OK)
			return fail(db, err);
	}
	return 0;
}

/* "?" stands for the next value, "?3" for the third. */
static int
bind_all(struct sqlite_db *db, sqlite3_stmt *stmt, const struct sqlite_query *q,
    struct err *err)
{
	int n = sqlite3_bind_parameter_count(stmt);
	size_t next = 0, most = 0, given = 0;

	if (q->strict)
		return bind_strict(db, stmt, q, err);
	for (int i = 1; i <= n; i++) {
		const char *name = sqlite3_bind_parameter_name(stmt, i);
		const struct sqlite_value *v;
		size_t place = next + 1;

		if (name != NULL && name[0] != '?')
			v = find_named(q, name + 1);
		else {
			if (name != NULL)
				place = strtoul(name + 1, NULL, 10);
			else
				next++;
			if (place > most)
				most = place;
			v = find_positional(q, place);
		}
		if (bind(stmt, i, v) != SQLITE_OK)
			return fail(db, err);
	}
	for (size_t i = 0; i < q->n_params; i++)
		given += q->param[i].name == NULL;
	if (given > most)
		return err_set(
		    err, "%zu values for %zu placeholders", given, most);
	return 0;
}

/* ---- results ------------------------------------------------------------ */

static char *
keep(struct sqlite_result *r, const char *text, size_t len)
{
	struct sqlite_chunk *c = r->chunk;
	char *at;

	if (c == NULL || c->cap - c->used < len + 1) {
		size_t cap = len + 1 > CHUNK ? len + 1 : CHUNK;

		c = xmalloc(sizeof *c + cap);
		*c = (struct sqlite_chunk){ r->chunk, 0, cap };
		r->chunk = c;
	}
	at = c->data + c->used;
	memcpy(at, text, len);
	at[len] = '\0';
	c->used += len + 1;
	r->bytes += len + 1;
	return at;
}

static void
take_columns(sqlite3_stmt *stmt, struct sqlite_result *r)
{
	r->n_columns = (size_t)sqlite3_column_count(stmt);
	r->column = xcalloc(r->n_columns + 1, sizeof *r->column);
	for (size_t i = 0; i < r->n_columns; i++) {
		const char *name = sqlite3_column_name(stmt, (int)i);

		if (name == NULL)
			name = "";
		r->column[i] = keep(r, name, strlen(name));
	}
}

static void
take_value(
    sqlite3_stmt *stmt, int i, struct sqlite_result *r, struct sqlite_value *v)
{
	const char *text;

	*v = (struct sqlite_value){ .type = SQLITE_IS_TEXT };
	switch (sqlite3_column_type(stmt, i)) {
	case SQLITE_NULL:
		v->type = SQLITE_IS_NULL;
		return;
	case SQLITE_INTEGER:
		v->type = SQLITE_IS_INT;
		v->i = sqlite3_column_int64(stmt, i);
		break;
	case SQLITE_FLOAT:
		v->type = SQLITE_IS_REAL;
		v->d = sqlite3_column_double(stmt, i);
		break;
	default:
		break;
	}
	text = (const char *)sqlite3_column_text(stmt, i);
	v->len = text != NULL ? (size_t)sqlite3_column_bytes(stmt, i) : 0;
	v->text = keep(r, text != NULL ? text : "", v->len);
}

static int
take_row(sqlite3_stmt *stmt, struct sqlite_result *r, struct err *err)
{
	size_t n = r->n_columns, have = r->n_rows * n;

	if (r->n_rows >= SQLITE_DB_ROWS_MAX)
		return err_set(err, "more than %d rows", SQLITE_DB_ROWS_MAX);
	if ((r->n_rows & (r->n_rows - 1)) == 0) /* 0, 1, 2, 4, ... */
		r->value =
		    xrealloc(r->value, (r->n_rows == 0 ? 1 : 2 * r->n_rows) *
					   n * sizeof *r->value);
	r->bytes += n * sizeof *r->value;
	for (size_t i = 0; i < n; i++) {
		take_value(stmt, (int)i, r, &r->value[have + i]);
		if (r->bytes > SQLITE_DB_BYTES_MAX)
			return err_set(err, "a result of more than %zu bytes",
			    SQLITE_DB_BYTES_MAX);
	}
	r->n_rows++;
	return 0;
}

static int
step_all(struct sqlite_db *db, sqlite3_stmt *stmt, const struct sqlite_query *q,
    struct sqlite_result *r, struct err *err)
{
	int before = sqlite3_total_changes(db->db), rc;

	if (is_late(db))
		return err_set(err, "the query took too long");
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		/* as it is now: a kept statement learns of a changed table */
		if (r->column == NULL)
			take_columns(stmt, r);
		if (take_row(stmt, r, err) != 0)
			return -1;
		if (q->rows != 0 && r->n_rows >= q->rows)
			break;
		if (is_late(db))
			return err_set(err, "the query took too long");
	}
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return fail(db, err);
	if (r->column == NULL)
		take_columns(stmt, r);
	if (sqlite3_total_changes(db->db) != before)
		r->changes = sqlite3_changes(db->db);
	return 0;
}

int
sqlite_db_run(struct sqlite_db *db, const struct sqlite_query *q,
    int64_t deadline, struct sqlite_result *r, struct err *err)
{
	sqlite3_stmt *stmt;
	int rc;

	*r = (struct sqlite_result){ 0 };
	db->deadline = deadline;
	stmt = find_statement(db, q, err);
	if (stmt == NULL)
		return -1;
	rc = bind_all(db, stmt, q, err);
	if (rc == 0)
		rc = step_all(db, stmt, q, r, err);
	/* what it holds is given back, and nothing borrowed stays */
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	if (rc != 0)
		sqlite_result_fini(r);
	return rc;
}

#else

struct sqlite_db *
sqlite_db_open(const char *path, int64_t lock_wait, struct err *err)
{
	(void)lock_wait;
	err_set(err, "%s: built without SQLite", path);
	return NULL;
}

void
sqlite_db_close(struct sqlite_db *db)
{
	must(db == NULL);
}

int
sqlite_db_run(struct sqlite_db *db, const struct sqlite_query *q,
    int64_t deadline, struct sqlite_result *r, struct err *err)
{
	(void)q;
	(void)deadline;
	(void)r;
	(void)err;
	must(db != NULL && false);
	return -1;
}

bool
sqlite_db_roll_back(struct sqlite_db *db)
{
	must(db != NULL && false);
	return false;
}

bool
sqlite_db_is_current(const struct sqlite_db *db)
{
	must(db != NULL && false);
	return false;
}

#endif
