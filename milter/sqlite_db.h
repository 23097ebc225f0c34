/*
 * sqlite_db.h - a connection to an SQLite database
 *
 * Statements are prepared once and kept with their connection.  A query ends
 * at its deadline, whatever it does: a lock is waited for, and a statement
 * runs, until then and no longer.  What it gives is bounded in rows and
 * bytes.
 *
 * A connection is for one thread at a time.  Two queries with one deadline
 * each may run on two connections side by side, on the same file too.
 *
 * Without SQLite (HAVE_SQLITE3) opening fails and says so.
 */
#ifndef KUMILTER_SQLITE_DB_H
#define KUMILTER_SQLITE_DB_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SQLITE_DB_ROWS_MAX 100000
#define SQLITE_DB_BYTES_MAX ((size_t)16 << 20) /* of one result */

enum sqlite_type {
	SQLITE_IS_NULL,
	SQLITE_IS_INT,
	SQLITE_IS_REAL,
	SQLITE_IS_TEXT
};

/* A parameter, or a cell of a result: there text is set for numbers, too. */
struct sqlite_value {
	enum sqlite_type type;
	union {
		int64_t i;
		double d;
	};
	const char *text;
	size_t len;
};

/* name: without its ':', '$' or '@'; NULL: for the next '?'. */
struct sqlite_param {
	const char *name;
	struct sqlite_value value;
};

struct sqlite_query {
	const char *sql; /* one statement */
	size_t len;
	/*
	 * Placeholders without a parameter are NULL, names without a
	 * placeholder are ignored; more values than '?' are an error.
	 */
	const struct sqlite_param *param;
	size_t n_params;
	/*
	 * Each parameter has a placeholder: a name without one is an error,
	 * too, and values count as SQLite does, where ":x" has a number.
	 */
	bool strict;
	size_t rows; /* enough of them; 0: all, if they fit the limits */
};

struct sqlite_result {
	size_t n_columns, n_rows;
	char **column;              /* their names */
	struct sqlite_value *value; /* row after row */
	int64_t changes;            /* rows that the statement changed */
	struct sqlite_chunk *chunk;
	size_t bytes;
};

/* All zero is an empty result; so is what _fini leaves. */
void sqlite_result_fini(struct sqlite_result *r);

struct sqlite_db;

/*
 * path: a file, made if it is not there, ":memory:", or "file:..." with
 * SQLite's options.  lock_wait: how long a lock of others is waited for, in
 * ns; the deadline of a query comes first.
 */
struct sqlite_db *sqlite_db_open(
    const char *path, int64_t lock_wait, struct err *err);
void sqlite_db_close(struct sqlite_db *db); /* NULL is allowed */

/* Run until done or deadline (clock_mono()); *r is empty on failure. */
int sqlite_db_run(struct sqlite_db *db, const struct sqlite_query *q,
    int64_t deadline, struct sqlite_result *r, struct err *err);

/* Is a transaction open?  End it; what it did is undone. */
bool sqlite_db_roll_back(struct sqlite_db *db);

/* Is the file still the one that was opened?  No: it was replaced. */
bool sqlite_db_is_current(const struct sqlite_db *db);

#endif
