#include "cidr_named.h"

#include "cidr_query.h"
#include "clock.h"
#include "log.h"
#include "xmalloc.h"

#define ASK_TIME (30 * CLOCK_S)

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What shows that a file is another than before. */
struct stamp {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec changed;
};

struct named {
	char *name;
	pthread_mutex_t reading; /* one reads the file at a time */
	/* under all.lock: */
	char *path;
	json_t *query;
	struct cidr_terms terms; /* but for path and query */
	struct cidr_map *map;
	struct stamp stamp;
	int64_t next; /* clock_mono() of the next refresh */
	bool refreshing;
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t settled;
	struct named *named[CIDR_NAMED_MAX];
	size_t n;
	int threads;
} all = { .lock = PTHREAD_MUTEX_INITIALIZER,
	.settled = PTHREAD_COND_INITIALIZER };

static struct named *
find(const char *name)
{
	for (size_t i = 0; i < all.n; i++)
		if (strcmp(all.named[i]->name, name) == 0)
			return all.named[i];
	return NULL;
}

static int
read_stamp(const char *path, struct stamp *stamp, struct err *err)
{
	struct stat st;

	*stamp = (struct stamp){ 0 };
	if (path == NULL)
		return 0;
	if (stat(path, &st) != 0)
		return err_set(err, "%s: %s", path, strerror(errno));
	stamp->dev = st.st_dev;
	stamp->ino = st.st_ino;
	stamp->size = st.st_size;
	stamp->changed = st.st_mtim;
	return 0;
}

static bool
same_stamp(const struct stamp *a, const struct stamp *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       a->changed.tv_sec == b->changed.tv_sec &&
	       a->changed.tv_nsec == b->changed.tv_nsec;
}

static void
log_complaints(const char *name, struct str *complaints)
{
	char *save = NULL;

	if (complaints->len == 0)
		return;
	for (char *line = strtok_r(complaints->data, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save))
		log_warn(NULL, "networks %s: %s", name, line);
}

/* 0 with the networks added, or -1. */
static int
read_networks(struct cidr_build *b, const struct cidr_terms *terms,
    struct str *complaints, struct err *err)
{
	const json_t *query = terms->query;
	struct cidr_query q = { 0 };

	if (terms->path != NULL)
		return rbldnsd_load(
		    b, terms->path, terms->value, complaints, err);
	if (query == NULL)
		return 0;
	q.uris = json_object_get(query, "uris");
	q.sql = json_string_value(json_object_get(query, "sql"));
	q.cidr_column =
	    json_string_value(json_object_get(query, "cidr_column"));
	q.value_column =
	    json_string_value(json_object_get(query, "value_column"));
	return cidr_query_load(b, &q,
	    terms->deadline != 0 ? terms->deadline : clock_mono() + ASK_TIME,
	    complaints, err);
}

static struct cidr_map *
build(const char *name, const struct cidr_terms *terms, struct err *err)
{
	struct cidr_build *b =
	    cidr_build_new(CIDR_SMALLEST, CIDR_NAMED_NETWORKS);
	struct str complaints = { 0 };
	struct cidr_map *map = NULL;

	if (read_networks(b, terms, &complaints, err) == 0)
		map = cidr_build_done(b);
	else
		cidr_build_free(b);
	log_complaints(name, &complaints);
	str_fini(&complaints);
	return map;
}

static bool
same_terms(const struct named *c, const struct cidr_terms *terms)
{
	bool same_path = c->path == NULL || terms->path == NULL
			     ? c->path == terms->path
			     : strcmp(c->path, terms->path) == 0;

	bool same_query = c->query == NULL || terms->query == NULL
			      ? c->query == terms->query
			      : json_equal(c->query, terms->query);

	return c->map != NULL && same_path && same_query &&
	       c->terms.value == terms->value;
}

/* The map of these terms is in force. */
static void
put_in_force(struct named *c, const struct cidr_terms *terms,
    struct cidr_map *map, const struct stamp *stamp)
{
	struct cidr_map *old = NULL;
	char *path = xstrdup(terms->path);
	json_t *query = json_deep_copy(terms->query), *old_query;

	pthread_mutex_lock(&all.lock);
	if (map != NULL) {
		old = c->map;
		c->map = map;
		c->stamp = *stamp;
	}
	free(c->path);
	c->path = path;
	old_query = c->query;
	c->query = query;
	c->terms = *terms;
	c->next =
	    terms->refresh != 0 ? clock_mono() + terms->refresh : INT64_MAX;
	pthread_mutex_unlock(&all.lock);
	cidr_map_unref(old);
	json_decref(old_query);
}

/* always: also where neither the terms nor the file have changed. */
static int
load_locked(struct named *c, const struct cidr_terms *terms, bool always,
    struct err *err)
{
	struct cidr_map *map = NULL;
	struct stamp stamp;
	bool known;

	if (read_stamp(terms->path, &stamp, err) != 0)
		return -1;
	pthread_mutex_lock(&all.lock);
	known = same_terms(c, terms) && same_stamp(&stamp, &c->stamp);
	pthread_mutex_unlock(&all.lock);
	if (always || !known) {
		map = build(c->name, terms, err);
		if (map == NULL)
			return -1;
	}
	put_in_force(c, terms, map, &stamp);
	return 0;
}

static struct named *
find_or_add(const char *name, struct err *err)
{
	struct named *c;

	pthread_mutex_lock(&all.lock);
	c = find(name);
	if (c == NULL && all.n < CIDR_NAMED_MAX) {
		c = xcalloc(1, sizeof *c);
		c->name = xstrdup(name);
		pthread_mutex_init(&c->reading, NULL);
		all.named[all.n++] = c;
	}
	pthread_mutex_unlock(&all.lock);
	if (c == NULL)
		err_set(err, "there are %d of them already", CIDR_NAMED_MAX);
	return c;
}

int
cidr_named_define(
    const char *name, const struct cidr_terms *terms, struct err *err)
{
	struct named *c;
	int rc;

	if (strlen(name) > CIDR_NAMED_NAME_MAX)
		return err_set(
		    err, "a name of more than %d bytes", CIDR_NAMED_NAME_MAX);
	c = find_or_add(name, err);
	if (c == NULL)
		return -1;
	pthread_mutex_lock(&c->reading);
	rc = load_locked(c, terms, false, err);
	pthread_mutex_unlock(&c->reading);
	return rc;
}

/* Load again by the terms in force. */
static int
load_again(struct named *c, bool always, int64_t deadline, struct err *err)
{
	struct cidr_terms terms;
	json_t *query;
	char *path;
	int rc;

	pthread_mutex_lock(&c->reading);
	pthread_mutex_lock(&all.lock);
	terms = c->terms;
	terms.path = path = xstrdup(c->path);
	terms.query = query = json_deep_copy(c->query);
	pthread_mutex_unlock(&all.lock);
	terms.deadline = deadline;
	rc = load_locked(c, &terms, always || query != NULL, err);
	pthread_mutex_unlock(&c->reading);
	json_decref(query);
	free(path);
	return rc;
}

int
cidr_named_reload(const char *name, int64_t deadline, struct err *err)
{
	struct named *c;

	pthread_mutex_lock(&all.lock);
	c = find(name);
	pthread_mutex_unlock(&all.lock);
	if (c == NULL)
		return err_set(err, "no networks \"%s\" are defined", name);
	return load_again(c, true, deadline, err);
}

/* ---- refresh ------------------------------------------------------------ */

static void *
refresh(void *arg)
{
	struct named *c = arg;
	struct err err;

	if (load_again(c, false, 0, &err) != 0)
		log_warn(NULL,
		    "networks %s: %s: what was read before stays in force",
		    c->name, err.msg);
	pthread_mutex_lock(&all.lock);
	c->refreshing = false;
	all.threads--;
	pthread_cond_broadcast(&all.settled);
	pthread_mutex_unlock(&all.lock);
	return NULL;
}

/* all.lock is held. */
static void
begin_refresh(struct named *c, int64_t now)
{
	pthread_attr_t attr;
	pthread_t thread;

	c->next = now + c->terms.refresh; /* also where it fails */
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &attr, refresh, c) == 0) {
		c->refreshing = true;
		all.threads++;
	}
	pthread_attr_destroy(&attr);
}

void
cidr_named_settle(void)
{
	pthread_mutex_lock(&all.lock);
	while (all.threads > 0)
		pthread_cond_wait(&all.settled, &all.lock);
	pthread_mutex_unlock(&all.lock);
}

int
cidr_named_query(
    const char *name, const struct ip *ip, int64_t now, struct str *out)
{
	struct cidr_map *map = NULL;
	bool interpolate = false;
	struct named *c;
	const char *value;
	size_t len;

	pthread_mutex_lock(&all.lock);
	c = find(name);
	if (c != NULL && c->map != NULL) {
		map = cidr_map_ref(c->map);
		interpolate = c->terms.interpolate;
		if (now >= c->next && !c->refreshing)
			begin_refresh(c, now);
	}
	pthread_mutex_unlock(&all.lock);
	if (map == NULL)
		return -1;
	value = cidr_map_lookup(map, ip, &len);
	if (value != NULL && interpolate)
		rbldnsd_interpolate(out, value, len, ip);
	else if (value != NULL)
		str_add(out, value, len);
	cidr_map_unref(map);
	return value != NULL;
}
