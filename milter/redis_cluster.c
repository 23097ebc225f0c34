#include "redis_cluster.h"

#include "clock.h"
#include "redis_slots.h"
#include "xmalloc.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define TRIES 6
#define PAUSE (100 * CLOCK_MS)
/* A server that is asked for the table has this long. */
#define TABLE_TIMEOUT (1 * CLOCK_S)
/* A table of that age is not asked for again. */
#define TABLE_FRESH (200 * CLOCK_MS)

struct redis_cluster {
	const struct redis_options *options;
	pthread_mutex_t lock;
	pthread_cond_t learned;
	/* by lock */
	struct redis_slots slots;
	struct redis_pool *pool[REDIS_MEMBERS_MAX][2]; /* 1: for reading */
	int64_t table_at;                              /* 0: none yet */
	bool learning;
	unsigned turn;
};

struct redis_cluster *
redis_cluster_new(const struct redis_options *o)
{
	struct redis_cluster *c = xcalloc(1, sizeof *c);
	pthread_condattr_t attr;

	c->options = o;
	pthread_mutex_init(&c->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&c->learned, &attr);
	pthread_condattr_destroy(&attr);
	redis_slots_init(&c->slots);
	for (int i = 0; i < o->n_nodes; i++)
		redis_slots_member(&c->slots, o->node[i].host, o->node[i].port);
	return c;
}

void
redis_cluster_free(struct redis_cluster *c)
{
	for (int i = 0; i < REDIS_MEMBERS_MAX; i++)
		for (int r = 0; r < 2; r++)
			if (c->pool[i][r] != NULL)
				redis_pool_free(c->pool[i][r]);
	pthread_cond_destroy(&c->learned);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

/* The lock is held. */
static struct redis_pool *
pool_of(struct redis_cluster *c, int member, bool replica)
{
	struct redis_pool **p = &c->pool[member][replica];
	struct redis_node node = c->options->node[0];

	if (*p == NULL) {
		strcpy(node.host, c->slots.member[member].host);
		node.port = c->slots.member[member].port;
		*p = redis_pool_new(&node, replica, c->options);
	}
	return *p;
}

/* ---- the table ---------------------------------------------------------- */

/* Ask one server; the lock is held, and let go of meanwhile. */
static int
ask_for_table(
    struct redis_cluster *c, int member, int64_t deadline, struct err *err)
{
	struct redis_command command = { 0 };
	struct redis_pool *p = pool_of(c, member, false);
	int64_t until = clock_mono() + TABLE_TIMEOUT;
	struct redis_value *v = NULL;
	int rc = -1;

	pthread_mutex_unlock(&c->lock);
	redis_command_words(&command, "CLUSTER SLOTS");
	if (redis_pool_call(p, &command, false,
		until < deadline ? until : deadline, &v, err) == REDIS_DONE)
		rc = 0;
	pthread_mutex_lock(&c->lock);
	if (rc == 0)
		rc = redis_slots_read(
		    &c->slots, v, c->slots.member[member].host, err);
	redis_value_free(v);
	redis_command_fini(&command);
	return rc;
}

/*
 * A table that is not older than `since`, from the first who has one.  One
 * thread asks, the others wait for it.  The lock is held.
 */
static int
learn(struct redis_cluster *c, int64_t since, int64_t deadline, struct err *err)
{
	struct timespec until = clock_timespec(deadline);
	int rc = -1;

	while (c->learning && clock_mono() < deadline)
		pthread_cond_timedwait(&c->learned, &c->lock, &until);
	if (c->table_at != 0 && c->table_at >= since)
		return 0;
	if (c->learning)
		return err_set(err, "Redis cluster: no answer in time");
	c->learning = true;
	for (int i = 0, n = c->slots.n; i < n && rc != 0; i++) {
		rc = ask_for_table(
		    c, (int)(c->turn % (unsigned)n), deadline, err);
		if (rc != 0)
			c->turn++;
	}
	if (rc == 0)
		c->table_at = clock_mono();
	c->learning = false;
	pthread_cond_broadcast(&c->learned);
	return rc;
}

/* ---- calls -------------------------------------------------------------- */

struct route {
	int slot; /* -1: any server */
	bool reads;
	int member; /* -1: as the table says */
	bool asking;
	int at; /* who was asked at last */
};

/* Whom to ask; NULL with *err.  *replica: it is one.  The lock is held. */
static struct redis_pool *
find(struct redis_cluster *c, struct route *r, bool *replica, int64_t deadline,
    struct err *err)
{
	int member = r->member, slot = r->slot;

	*replica = false;
	if (c->table_at == 0 && learn(c, 1, deadline, err) != 0)
		return NULL;
	if (member < 0 && slot < 0)
		slot = (int)(c->turn++ * 2654435761U % REDIS_SLOTS);
	if (member < 0 && r->reads && c->slots.replica[slot] >= 0) {
		member = c->slots.replica[slot];
		*replica = true;
	}
	if (member < 0)
		member = c->slots.primary[slot];
	if (member < 0) {
		err_set(err, "Redis cluster: nobody has slot %d", slot);
		return NULL;
	}
	r->at = member;
	return pool_of(c, member, *replica);
}

/* After a reply that sends us elsewhere: true to go on. */
static bool
follow(struct redis_cluster *c, struct route *r,
    const struct redis_redirect *where, int64_t deadline)
{
	r->asking = where->kind == REDIRECT_ASK;
	if (where->kind == REDIRECT_LATER) {
		int64_t until = clock_mono() + PAUSE;

		if (until >= deadline)
			return false;
		clock_sleep_until(until);
		r->member = -1;
		return true;
	}
	pthread_mutex_lock(&c->lock);
	r->member = redis_slots_member(&c->slots, where->host, where->port);
	if (where->kind == REDIRECT_MOVED && r->member >= 0) {
		c->slots.primary[where->slot] = (short)r->member;
		c->slots.replica[where->slot] = -1;
		/* others have moved, too: the failure of this is harmless */
		learn(c, clock_mono() - TABLE_FRESH, deadline, NULL);
	}
	pthread_mutex_unlock(&c->lock);
	return r->member >= 0;
}

/* Nobody was there: perhaps another has its slots by now. */
static void
look_again(
    struct redis_cluster *c, struct route *r, bool replica, int64_t deadline)
{
	int64_t now = clock_mono();

	r->member = -1;
	r->asking = false;
	if (replica) {
		r->reads = false;
		return;
	}
	pthread_mutex_lock(&c->lock);
	c->turn++;
	learn(c, now - TABLE_FRESH, deadline, NULL);
	pthread_mutex_unlock(&c->lock);
	now = clock_mono();
	if (now + PAUSE < deadline)
		clock_sleep_until(now + PAUSE);
}

/* One try: 1 to try again, 0 or -1 as redis_cluster_call(). */
static int
try_once(struct redis_cluster *c, struct route *r,
    const struct redis_command *command, int64_t deadline,
    struct redis_value **out, struct err *err)
{
	struct redis_redirect where;
	struct redis_pool *p;
	char host[REDIS_HOST_MAX + 1];
	bool replica;

	pthread_mutex_lock(&c->lock);
	p = find(c, r, &replica, deadline, err);
	if (p != NULL)
		strcpy(host, c->slots.member[r->at].host);
	pthread_mutex_unlock(&c->lock);
	if (p == NULL)
		return -1;
	switch (redis_pool_call(p, command, r->asking, deadline, out, err)) {
	case REDIS_DONE:
		where = redis_redirect_of(*out, host);
		return where.kind != REDIRECT_NONE &&
		       follow(c, r, &where, deadline);
	case REDIS_NOT_SENT:
		look_again(c, r, replica, deadline);
		return clock_mono() < deadline ? 1 : -1;
	default:
		return -1;
	}
}

int
redis_cluster_call(struct redis_cluster *c, const struct redis_command *command,
    int64_t deadline, struct redis_value **out, struct err *err)
{
	struct route r = { .slot = redis_command_slot(command),
		.reads = c->options->read_from_replicas &&
			 redis_command_reads(command),
		.member = -1 };
	int rc = 1;

	*out = NULL;
	for (int i = 0; i < TRIES && rc == 1; i++) {
		redis_value_free(*out);
		rc = try_once(c, &r, command, deadline, out, err);
	}
	return rc == 1 && *out == NULL ? -1 : rc == 1 ? 0 : rc;
}
