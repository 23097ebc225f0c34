#include "config_watch.h"

#include "clock.h"
#include "config_epoch.h"
#include "glob_walk.h"
#include "log.h"
#include "lru.h"
#include "tick.h"
#include "xmalloc.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* How long one look may take. */
#define LOOK_TIME (10 * CLOCK_S)

static struct {
	pthread_mutex_t lock;
	json_t *globs; /* NULL: none; for others there are copies */
	unsigned set;  /* how often they were */
	int64_t interval;
	bool known;
	uint64_t seen; /* what the files were, when known */
} all = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- which files -------------------------------------------------------- */

struct paths {
	char **path;
	size_t n, cap;
};

static void
add_path(struct paths *p, const char *path)
{
	struct stat st;
	char *whole = path[0] == '/' ? xstrdup(path) : xasprintf("/%s", path);

	if (stat(whole, &st) != 0 || !S_ISREG(st.st_mode)) {
		free(whole);
		return;
	}
	if (p->n == p->cap) {
		p->cap = p->cap * 2 + 16;
		p->path = xrealloc(p->path, p->cap * sizeof *p->path);
	}
	p->path[p->n++] = whole;
}

static int
by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
take_sorted(struct str *out, struct paths *p)
{
	const char *last = NULL;

	if (p->n > 0)
		qsort(p->path, p->n, sizeof *p->path, by_bytes);
	for (size_t i = 0; i < p->n; i++) {
		if (last == NULL || strcmp(last, p->path[i]) != 0)
			str_add(out, p->path[i], strlen(p->path[i]) + 1);
		last = p->path[i];
	}
	for (size_t i = 0; i < p->n; i++)
		free(p->path[i]);
	free(p->path);
}

int
config_watch_files(
    struct str *out, const json_t *globs, int64_t deadline, struct err *err)
{
	struct paths paths = { 0 };
	struct str found = { 0 };
	struct err why;
	json_t *glob;
	size_t i;
	int rc = 0;

	json_array_foreach (globs, i, glob) {
		const char *pattern = json_string_value(glob);

		str_clear(&found);
		if (glob_walk(&found, pattern, "/", deadline, &why) != 0) {
			rc = err_set(err, "%s: %s", pattern, why.msg);
			break;
		}
		for (const char *p = str_c(&found), *end = p + found.len;
		     p < end; p += strlen(p) + 1)
			add_path(&paths, p);
	}
	str_fini(&found);
	take_sorted(out, &paths);
	return rc;
}

/* ---- looking ------------------------------------------------------------ */

static void
add_time(struct str *s, const struct timespec *t)
{
	str_add(s, &t->tv_sec, sizeof t->tv_sec);
	str_add(s, &t->tv_nsec, sizeof t->tv_nsec);
}

/* What is to be equal as long as nothing has changed. */
static uint64_t
sum_of(const struct str *paths)
{
	struct str sum = { 0 };
	uint64_t hash;

	for (const char *p = str_c(paths), *end = p + paths->len; p < end;
	     p += strlen(p) + 1) {
		struct stat st;

		str_add(&sum, p, strlen(p) + 1);
		if (stat(p, &st) != 0)
			continue;
		str_add(&sum, &st.st_dev, sizeof st.st_dev);
		str_add(&sum, &st.st_ino, sizeof st.st_ino);
		str_add(&sum, &st.st_size, sizeof st.st_size);
		add_time(&sum, &st.st_mtim);
	}
	hash = lru_hash(str_c(&sum), sum.len);
	str_fini(&sum);
	return hash;
}

/* With the lock: note it; has it changed? */
static bool
note(uint64_t sum)
{
	bool changed = all.known && all.seen != sum;

	all.known = true;
	all.seen = sum;
	return changed;
}

/* What they are now; false where that cannot be told. */
static bool
look(const json_t *globs, int64_t deadline, uint64_t *sum)
{
	struct str paths = { 0 };
	struct err err;
	int rc = config_watch_files(&paths, globs, deadline, &err);

	if (rc == 0)
		*sum = sum_of(&paths);
	else if (log_first_time("config_watch"))
		log_error(NULL, "kumo.set_config_monitor_globs: %s (said once)",
		    err.msg);
	str_fini(&paths);
	return rc == 0;
}

static void look_again(struct tick *t);

static enum tick_answer
take(struct tick *t)
{
	(void)t;
	return TICK_RUN;
}

static struct tick tick = { .take = take, .run = look_again };

static void
look_again(struct tick *t)
{
	bool changed = false, known;
	uint64_t sum = 0;
	json_t *globs;
	unsigned set;

	pthread_mutex_lock(&all.lock);
	globs = json_deep_copy(all.globs);
	set = all.set;
	pthread_mutex_unlock(&all.lock);
	known = look(globs, clock_mono() + LOOK_TIME, &sum);
	json_decref(globs);
	pthread_mutex_lock(&all.lock);
	if (set == all.set && all.globs != NULL) {
		changed = known && note(sum);
		tick_put(t, clock_mono() + all.interval);
	}
	pthread_mutex_unlock(&all.lock);
	if (!changed)
		return;
	log_info(NULL, "watched files have changed");
	config_epoch_bump();
}

/* ---- from outside ------------------------------------------------------- */

/* The lock is held. */
static void
watch(json_t *globs, bool known, uint64_t sum)
{
	json_decref(all.globs);
	all.globs = json_deep_copy(globs);
	all.known = known;
	all.seen = sum;
	all.set++;
	tick_cancel(&tick);
	if (globs != NULL)
		tick_put(&tick, clock_mono() + all.interval);
}

void
config_watch_set(json_t *globs, int64_t interval, int64_t deadline)
{
	json_t *old = config_watch_globs();
	bool known = false, same;
	uint64_t sum = 0;

	if (json_array_size(globs) == 0)
		globs = NULL;
	same = globs == old || json_equal(globs, old);
	if (!same && globs != NULL)
		known = look(globs, deadline, &sum);
	pthread_mutex_lock(&all.lock);
	all.interval = interval;
	if (!same)
		watch(globs, known, sum);
	pthread_mutex_unlock(&all.lock);
	json_decref(old);
}

json_t *
config_watch_globs(void)
{
	json_t *globs;

	pthread_mutex_lock(&all.lock);
	globs = json_deep_copy(all.globs);
	pthread_mutex_unlock(&all.lock);
	return globs;
}
