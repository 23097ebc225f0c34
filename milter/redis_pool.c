#include "redis_pool.h"

#include "clock.h"
#include "xmalloc.h"

#include <pthread.h>
#include <stdlib.h>

/* Idle for less than this, it is not asked whether it lives. */
#define FRESH (500 * CLOCK_MS)

struct idle {
	struct redis_conn *c;
	int64_t since;
};

struct redis_pool {
	struct redis_node node;
	bool replica;
	int64_t connect_timeout, wait_timeout, response_timeout;
	int64_t recycle_timeout;
	pthread_mutex_t lock;
	pthread_cond_t freed;
	int max, in_use, n_idle; /* by lock */
	struct idle *idle;       /* so, too: the freshest is the last */
};

struct redis_pool *
redis_pool_new(const struct redis_node *node, bool replica,
    const struct redis_options *limits)
{
	struct redis_pool *p = xcalloc(1, sizeof *p);
	pthread_condattr_t attr;

	p->node = *node;
	p->replica = replica;
	p->connect_timeout = limits->connect_timeout;
	p->wait_timeout = limits->wait_timeout;
	p->response_timeout = limits->response_timeout;
	p->recycle_timeout = limits->recycle_timeout;
	p->max = limits->pool_size;
	p->idle = xcalloc((size_t)p->max, sizeof *p->idle);
	pthread_mutex_init(&p->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&p->freed, &attr);
	pthread_condattr_destroy(&attr);
	return p;
}

void
redis_pool_free(struct redis_pool *p)
{
	must(p->in_use == 0);
	while (p->n_idle > 0)
		redis_conn_close(p->idle[--p->n_idle].c);
	pthread_cond_destroy(&p->freed);
	pthread_mutex_destroy(&p->lock);
	free(p->idle);
	free(p);
}

static int64_t
sooner(int64_t deadline, int64_t timeout)
{
	int64_t until = clock_mono() + timeout;

	return until < deadline ? until : deadline;
}

/* The right to one connection; that in *idle, if there is one. */
static int
enter(
    struct redis_pool *p, int64_t deadline, struct idle *idle, struct err *err)
{
	int64_t end = sooner(deadline, p->wait_timeout);
	struct timespec until = clock_timespec(end);
	char name[REDIS_NAME_MAX];
	int rc = 0;

	*idle = (struct idle){ NULL, 0 };
	pthread_mutex_lock(&p->lock);
	while (p->in_use >= p->max && clock_mono() < end)
		pthread_cond_timedwait(&p->freed, &p->lock, &until);
	if (p->in_use >= p->max) {
		rc = -1;
	} else {
		p->in_use++;
		if (p->n_idle > 0)
			*idle = p->idle[--p->n_idle];
	}
	pthread_mutex_unlock(&p->lock);
	if (rc == 0)
		return 0;
	redis_node_name(&p->node, name, sizeof name);
	return err_set(
	    err, "Redis at %s: all %d connections are in use", name, p->max);
}

static void
leave(struct redis_pool *p, struct redis_conn *c)
{
	pthread_mutex_lock(&p->lock);
	p->in_use--;
	if (c != NULL)
		p->idle[p->n_idle++] = (struct idle){ c, clock_mono() };
	pthread_cond_signal(&p->freed);
	pthread_mutex_unlock(&p->lock);
}

static bool
ping(struct redis_conn *c, int64_t deadline)
{
	struct redis_command command = { 0 };
	struct redis_value *v;
	bool alive;

	redis_command_words(&command, "PING");
	alive = redis_conn_call(c, &command, deadline, &v, NULL) == 0;
	redis_value_free(v);
	redis_command_fini(&command);
	return alive;
}

/* What was idle, if it lives, or a new one. */
static struct redis_conn *
connection(
    struct redis_pool *p, struct idle *idle, int64_t deadline, struct err *err)
{
	struct redis_conn *c = idle->c;

	if (c != NULL && redis_conn_is_quiet(c) &&
	    (clock_mono() - idle->since < FRESH ||
		ping(c, sooner(deadline, p->recycle_timeout))))
		return c;
	redis_conn_close(c);
	return redis_conn_open(
	    &p->node, p->replica, sooner(deadline, p->connect_timeout), err);
}

static int
call(struct redis_pool *p, struct redis_conn *c,
    const struct redis_command *command, bool asking, int64_t deadline,
    struct redis_value **out, struct err *err)
{
	struct redis_command before = { 0 };
	int64_t until = sooner(deadline, p->response_timeout);
	int rc = 0;

	if (asking) {
		redis_command_words(&before, "ASKING");
		rc = redis_conn_call(c, &before, until, out, err);
		redis_value_free(*out);
		redis_command_fini(&before);
	}
	return rc == 0 ? redis_conn_call(c, command, until, out, err) : rc;
}

enum redis_outcome
redis_pool_call(struct redis_pool *p, const struct redis_command *command,
    bool asking, int64_t deadline, struct redis_value **out, struct err *err)
{
	enum redis_outcome outcome = REDIS_NOT_SENT;
	struct redis_conn *c;
	struct idle idle;

	*out = NULL;
	if (enter(p, deadline, &idle, err) != 0)
		return REDIS_NOT_SENT;
	c = connection(p, &idle, deadline, err);
	if (c != NULL)
		outcome = call(p, c, command, asking, deadline, out, err) == 0
			      ? REDIS_DONE
			      : REDIS_LOST;
	if (outcome == REDIS_LOST) {
		redis_conn_close(c);
		c = NULL;
	}
	leave(p, c);
	return outcome;
}
