#include "sqlite_conn.h"

#include "clock.h"
#include "xmalloc.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct sqlite_conn {
	pthread_mutex_t lock;
	pthread_cond_t freed;
	struct sqlite_db *db; /* NULL: closed, or not yet open */
	bool busy, closed;
};

static atomic_int count;

struct sqlite_conn *
sqlite_conn_new(void)
{
	struct sqlite_conn *c;
	pthread_condattr_t attr;

	if (atomic_fetch_add(&count, 1) >= SQLITE_CONN_MAX) {
		atomic_fetch_sub(&count, 1);
		return NULL;
	}
	c = xcalloc(1, sizeof *c);
	pthread_mutex_init(&c->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&c->freed, &attr);
	pthread_condattr_destroy(&attr);
	return c;
}

void
sqlite_conn_free(struct sqlite_conn *c)
{
	if (c == NULL)
		return;
	must(!c->busy);
	sqlite_db_close(c->db);
	pthread_cond_destroy(&c->freed);
	pthread_mutex_destroy(&c->lock);
	free(c);
	atomic_fetch_sub(&count, 1);
}

int
sqlite_conn_open(
    struct sqlite_conn *c, const char *path, int64_t lock_wait, struct err *err)
{
	struct sqlite_db *db = sqlite_db_open(path, lock_wait, err);

	pthread_mutex_lock(&c->lock);
	c->db = db;
	pthread_mutex_unlock(&c->lock);
	return db != NULL ? 0 : -1;
}

/* The lock is held, and nobody runs a query. */
static void
end(struct sqlite_conn *c)
{
	sqlite_db_close(c->db);
	c->db = NULL;
}

void
sqlite_conn_close(struct sqlite_conn *c)
{
	pthread_mutex_lock(&c->lock);
	c->closed = true;
	if (!c->busy)
		end(c);
	pthread_mutex_unlock(&c->lock);
}

static int
enter(struct sqlite_conn *c, int64_t deadline, struct err *err)
{
	struct timespec until = clock_timespec(deadline);
	int rc = 0;

	pthread_mutex_lock(&c->lock);
	while (c->busy && !c->closed && clock_mono() < deadline)
		pthread_cond_timedwait(&c->freed, &c->lock, &until);
	if (c->closed || c->db == NULL)
		rc = err_set(err, "connection was closed");
	else if (c->busy)
		rc = err_set(err, "the connection is in use");
	else
		c->busy = true;
	pthread_mutex_unlock(&c->lock);
	return rc;
}

static void
leave(struct sqlite_conn *c)
{
	pthread_mutex_lock(&c->lock);
	c->busy = false;
	if (c->closed) {
		end(c);
		pthread_cond_broadcast(&c->freed);
	}
	pthread_cond_signal(&c->freed);
	pthread_mutex_unlock(&c->lock);
}

int
sqlite_conn_run(struct sqlite_conn *c, const struct sqlite_query *q,
    int64_t deadline, struct sqlite_result *r, struct err *err)
{
	int rc;

	*r = (struct sqlite_result){ 0 };
	if (enter(c, deadline, err) != 0)
		return -1;
	rc = sqlite_db_run(c->db, q, deadline, r, err);
	leave(c);
	return rc;
}
