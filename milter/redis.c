#include "redis.h"

#include "redis_cluster.h"
#include "redis_options.h"
#include "redis_pool.h"
#include "xmalloc.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct redis_client {
	struct redis_client *next;
	char *key;
	int refs;           /* by lock */
	unsigned long used; /* so, too: when it was given back */
	struct redis_options options;
	struct redis_pool *pool; /* or */
	struct redis_cluster *cluster;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct redis_client *clients; /* by lock */
static unsigned long given_back;

static void
client_free(struct redis_client *c)
{
	if (c->pool != NULL)
		redis_pool_free(c->pool);
	if (c->cluster != NULL)
		redis_cluster_free(c->cluster);
	free(c->key);
	free(c);
}

/* Take the one out that nobody has for the longest time; the lock is held. */
static struct redis_client *
take_idle(void)
{
	struct redis_client **oldest = NULL, *c;

	for (struct redis_client **p = &clients; *p != NULL; p = &(*p)->next)
		if ((*p)->refs == 0 &&
		    (oldest == NULL || (*p)->used < (*oldest)->used))
			oldest = p;
	if (oldest == NULL)
		return NULL;
	c = *oldest;
	*oldest = c->next;
	return c;
}

static struct redis_client *
client_new(const json_t *options, struct err *err)
{
	struct redis_client *c = xcalloc(1, sizeof *c);

	if (redis_options_read(&c->options, options, err) != 0) {
		free(c);
		return NULL;
	}
	c->key = redis_options_key(options);
	c->refs = 1;
	if (c->options.cluster)
		c->cluster = redis_cluster_new(&c->options);
	else
		c->pool =
		    redis_pool_new(&c->options.node[0], false, &c->options);
	return c;
}

/* One with this key, or room for another. */
static struct redis_client *
find(const char *key, struct redis_client **old, size_t *n)
{
	struct redis_client *c;

	*n = 0;
	*old = NULL;
	for (c = clients; c != NULL; c = c->next, ++*n)
		if (strcmp(c->key, key) == 0) {
			c->refs++;
			return c;
		}
	if (*n >= REDIS_CLIENTS_MAX)
		*old = take_idle();
	return NULL;
}

struct redis_client *
redis_client_get(const json_t *options, struct err *err)
{
	struct redis_client *c = client_new(options, err), *found, *old;
	size_t n;

	if (c == NULL)
		return NULL;
	pthread_mutex_lock(&lock);
	found = find(c->key, &old, &n);
	if (found == NULL && (n < REDIS_CLIENTS_MAX || old != NULL)) {
		c->next = clients;
		clients = c;
		found = c;
		c = NULL;
	}
	pthread_mutex_unlock(&lock);
	if (c != NULL)
		client_free(c);
	if (old != NULL)
		client_free(old);
	if (found == NULL)
		err_set(err, "more than %d different clients of Redis",
		    REDIS_CLIENTS_MAX);
	return found;
}

struct redis_client *
redis_client_ref(struct redis_client *c)
{
	pthread_mutex_lock(&lock);
	c->refs++;
	pthread_mutex_unlock(&lock);
	return c;
}

void
redis_client_unref(struct redis_client *c)
{
	if (c == NULL)
		return;
	pthread_mutex_lock(&lock);
	must(c->refs > 0);
	c->refs--;
	c->used = ++given_back;
	pthread_mutex_unlock(&lock);
}

int
redis_client_call(struct redis_client *c, const struct redis_command *command,
    int64_t deadline, struct redis_value **out, struct err *err)
{
	if (c->cluster != NULL)
		return redis_cluster_call(
		    c->cluster, command, deadline, out, err);
	return redis_pool_call(c->pool, command, false, deadline, out, err) ==
		       REDIS_DONE
		   ? 0
		   : -1;
}

void
redis_close_idle(void)
{
	struct redis_client *c;

	pthread_mutex_lock(&lock);
	while ((c = take_idle()) != NULL)
		client_free(c);
	pthread_mutex_unlock(&lock);
}
