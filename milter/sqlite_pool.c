#include "sqlite_pool.h"

#include "clock.h"
#include "xmalloc.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Only configured paths come here, so there are few, and they stay. */
struct pool {
	struct pool *next;
	char *path;
	int max, in_use;
	struct sqlite_db *idle[SQLITE_POOL_MAX];
	int n_idle;
	pthread_cond_t freed;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct pool *pools; /* by lock */

static struct pool *
find_pool(const char *path)
{
	struct pool *p;
	pthread_condattr_t attr;

	for (p = pools; p != NULL; p = p->next)
		if (strcmp(p->path, path) == 0)
			return p;
	p = xcalloc(1, sizeof *p);
	p->path = xstrdup(path);
	p->max = strcmp(path, ":memory:") == 0 ? 1 : SQLITE_POOL_MAX;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&p->freed, &attr);
	pthread_condattr_destroy(&attr);
	p->next = pools;
	pools = p;
	return p;
}

/*
 * The right to one of the pool's connections, in *db or NULL: open one.
 */
static struct pool *
enter(const char *path, int64_t deadline, struct sqlite_db **db)
{
	struct timespec until = clock_timespec(deadline);
	struct pool *p;

	*db = NULL;
	pthread_mutex_lock(&lock);
	p = find_pool(path);
	while (p->in_use >= p->max && clock_mono() < deadline)
		pthread_cond_timedwait(&p->freed, &lock, &until);
	if (p->in_use >= p->max) {
		pthread_mutex_unlock(&lock);
		return NULL;
	}
	p->in_use++;
	if (p->n_idle > 0)
		*db = p->idle[--p->n_idle];
	pthread_mutex_unlock(&lock);
	return p;
}

static void
leave(struct pool *p, struct sqlite_db *db)
{
	pthread_mutex_lock(&lock);
	p->in_use--;
	if (db != NULL)
		p->idle[p->n_idle++] = db;
	pthread_cond_signal(&p->freed);
	pthread_mutex_unlock(&lock);
}

int
sqlite_pool_run(const char *path, const struct sqlite_query *q,
    int64_t deadline, struct sqlite_result *r, struct err *err)
{
	struct sqlite_db *db;
	struct pool *p = enter(path, deadline, &db);
	int rc = 1;

	*r = (struct sqlite_result){ 0 };
	if (p == NULL) {
		err_set(err, "%s: all %d connections are in use", path,
		    SQLITE_POOL_MAX);
		return 1;
	}
	if (db != NULL && !sqlite_db_is_current(db)) {
		sqlite_db_close(db);
		db = NULL;
	}
	if (db == NULL)
		db = sqlite_db_open(path, INT64_MAX / 2, err);
	if (db != NULL) {
		rc = sqlite_db_run(db, q, deadline, r, err);
		if (sqlite_db_roll_back(db) && rc == 0) {
			sqlite_result_fini(r);
			rc = err_set(
			    err, "a transaction cannot go on in another query");
		}
	}
	leave(p, db);
	return rc;
}

void
sqlite_pool_close(void)
{
	pthread_mutex_lock(&lock);
	for (struct pool *p = pools; p != NULL; p = p->next)
		while (p->n_idle > 0)
			sqlite_db_close(p->idle[--p->n_idle]);
	pthread_mutex_unlock(&lock);
}
