/*
 * sqlite_pool.h - the process's connections to SQLite databases
 *
 * A query takes a connection to its database, opened when none is free, and
 * gives it back: statements stay prepared from query to query and sessions do
 * not wait for each other.  At most SQLITE_POOL_MAX connections of one
 * database are in use; further queries wait for one until their deadline.  A
 * database in memory (":memory:") is one connection: all see the same.
 *
 * Each query stands alone: a transaction ends with the query that began it.
 * A file that was replaced by another is opened anew.
 *
 * Any thread may call anything here.
 */
#ifndef KUMILTER_SQLITE_POOL_H
#define KUMILTER_SQLITE_POOL_H

#include "sqlite_db.h"

#define SQLITE_POOL_MAX 16

/*
 * As sqlite_db_run(), on a connection to path.  1 with *err where there is
 * none to be had: another database may be asked.
 */
int sqlite_pool_run(const char *path, const struct sqlite_query *q,
    int64_t deadline, struct sqlite_result *r, struct err *err);

/* Close what is not in use: for tests, and at the end. */
void sqlite_pool_close(void);

#endif
