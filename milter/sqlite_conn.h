/*
 * sqlite_conn.h - connections that a policy opens for itself
 *
 * Where sqlite_pool.h lends connections query by query, this one stays with
 * who opened it: transactions, temporary tables and a database in memory go on
 * from query to query.  Any thread may call anything here; queries of one
 * connection run one after the other, and wait until their deadline for those
 * before.
 */
#ifndef KUMILTER_SQLITE_CONN_H
#define KUMILTER_SQLITE_CONN_H

#include "sqlite_db.h"

/* Of the process; each has descriptors and a cache. */
#define SQLITE_CONN_MAX 512

struct sqlite_conn;

/* Not open yet.  NULL: there are too many. */
struct sqlite_conn *sqlite_conn_new(void);
/* While nobody runs a query on it; NULL is allowed. */
void sqlite_conn_free(struct sqlite_conn *c);

/* Once; see sqlite_db_open(). */
int sqlite_conn_open(struct sqlite_conn *c, const char *path, int64_t lock_wait,
    struct err *err);
/* A query under way goes on to its end, further ones fail.  May be repeated. */
void sqlite_conn_close(struct sqlite_conn *c);

/* As sqlite_db_run(); -1 with "connection was closed", too. */
int sqlite_conn_run(struct sqlite_conn *c, const struct sqlite_query *q,
    int64_t deadline, struct sqlite_result *r, struct err *err);

#endif
