#include "glob_cache.h"

#include "clock.h"
#include "glob_walk.h"
#include "lru.h"
#include "xmalloc.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define ANSWERS_MAX 32

struct answer {
	int64_t until;
	struct str paths;
	char *why; /* an error's; NULL: there are paths */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct lru cache;
static bool is_made;

static void
drop(void *value)
{
	struct answer *a = value;

	str_fini(&a->paths);
	free(a->why);
}

static void
make(void)
{
	if (!is_made)
		lru_init(
		    &cache, sizeof(struct answer), ANSWERS_MAX, SIZE_MAX, drop);
	is_made = true;
}

/* 1: there is no answer that is still good. */
static int
look_up(struct str *out, const struct str *key, struct err *err)
{
	const struct answer *a;
	int rc = 1;

	pthread_mutex_lock(&lock);
	make();
	a = lru_get(&cache, key->data, key->len);
	if (a != NULL && clock_mono() < a->until) {
		rc = a->why != NULL ? err_set(err, "%s", a->why) : 0;
		str_add(out, str_c(&a->paths), a->paths.len);
	}
	pthread_mutex_unlock(&lock);
	return rc;
}

static void
keep(const struct str *key, const struct str *paths, const char *why,
    int64_t ttl)
{
	struct answer *a;

	pthread_mutex_lock(&lock);
	a = lru_put(&cache, key->data, key->len);
	a->until = clock_mono() + ttl;
	str_clear(&a->paths);
	str_add(&a->paths, str_c(paths), paths->len);
	free(a->why);
	a->why = xstrdup(why);
	pthread_mutex_unlock(&lock);
}

int
glob_cached(struct str *out, const char *pattern, const char *dir, int64_t ttl,
    int64_t deadline, struct err *err)
{
	struct str key = { 0 }, paths = { 0 };
	struct err why;
	int rc;

	str_add(&key, pattern, strlen(pattern) + 1);
	str_adds(&key, dir);
	rc = look_up(out, &key, err);
	if (rc == 1) {
		rc = glob_walk(&paths, pattern, dir, deadline, &why);
		keep(&key, &paths, rc != 0 ? why.msg : NULL, ttl);
		str_add(out, str_c(&paths), paths.len);
		if (rc != 0)
			err_set(err, "%s", why.msg);
	}
	str_fini(&key);
	str_fini(&paths);
	return rc;
}
