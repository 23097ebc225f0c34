#include "map_file.h"

#include "clock.h"
#include "halt.h"
#include "packed.h"
#include "plain_file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define CHECK_EVERY 256 /* lines between two looks at the clock */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t free; /* of CLOCK_MONOTONIC */
	bool is_made, busy;
	unsigned long readings;
} turn = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- lines -------------------------------------------------------------- */

struct reader {
	const struct map_file_kind *kind;
	const char *path;
	void *build;
	FILE *f;
	struct str line, value;
	unsigned long number;
	size_t n;
	int64_t deadline;
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* 1: a line, without its LF; 0: there are no more. */
static int
next_line(struct reader *r, struct err *err)
{
	int c = getc_unlocked(r->f);

	if (c == EOF)
		return ferror(r->f) ? err_set(err, "%s", strerror(errno)) : 0;
	str_clear(&r->line);
	for (; c != EOF && c != '\n'; c = getc_unlocked(r->f)) {
		if (r->line.len >= MAP_FILE_LINE)
			return err_set(err, "a line of more than %zu bytes",
			    MAP_FILE_LINE);
		if (c == '\0')
			return err_set(err, "a NUL");
		str_addc(&r->line, (char)c);
	}
	return ferror(r->f) ? err_set(err, "%s", strerror(errno)) : 1;
}

static int
add_line(struct reader *r, struct err *err)
{
	const char *key = str_c(&r->line), *end = key + r->line.len, *key_end;
	const char *text;
	json_t *value;

	while (key < end && is_blank(*key))
		key++;
	if (key == end || *key == '#')
		return 0;
	while (is_blank(end[-1]))
		end--;
	for (key_end = key; key_end < end && !is_blank(*key_end);)
		key_end++;
	for (text = key_end; text < end && is_blank(*text);)
		text++;
	if (r->n++ >= MAP_FILE_ENTRIES)
		return err_set(err, "more than %zu entries", MAP_FILE_ENTRIES);
	value = text == end ? json_true()
			    : json_stringn_nocheck(text, (size_t)(end - text));
	r->line.data[key_end - r->line.data] = '\0';
	str_clear(&r->value);
	packed_add(&r->value, value);
	json_decref(value);
	return r->kind->add(r->build, key, (size_t)(key_end - key),
	    str_c(&r->value), r->value.len, err);
}

static int
check_time(const struct reader *r, struct err *err)
{
	if (r->number % CHECK_EVERY != 0)
		return 0;
	if (halt_asked())
		return err_set(err, "the daemon stops");
	return clock_mono() < r->deadline
		   ? 0
		   : err_set(err, "not read to its end in time");
}

static int
add_lines(struct reader *r, struct err *err)
{
	struct err why;
	int rc;

	do {
		r->number++;
		rc = next_line(r, &why);
		if (rc == 1 &&
		    (add_line(r, &why) != 0 || check_time(r, &why) != 0))
			rc = -1;
	} while (rc == 1);
	if (rc != 0)
		err_set(err, "%s:%lu: %s", r->path, r->number, why.msg);
	return rc;
}

/* ---- files -------------------------------------------------------------- */

/* What shows that a file is another than before. */
static struct map_digest
digest_of(
    const char *path, const struct map_file_kind *kind, const struct stat *sb)
{
	static const char files;
	struct map_digest digest = { .kind = &files };
	struct str key = { 0 };
	const int64_t stamp[] = { (int64_t)sb->st_dev, (int64_t)sb->st_ino,
		sb->st_size, sb->st_mtim.tv_sec, sb->st_mtim.tv_nsec,
		sb->st_ctim.tv_sec, sb->st_ctim.tv_nsec };

	str_addf(&key, "%s %s", kind->name, path);
	map_digest_add(
	    &digest, str_c(&key), key.len, (const char *)stamp, sizeof stamp);
	str_fini(&key);
	return digest;
}

static int
stat_open(int fd, const char *path, struct stat *sb, struct err *err)
{
	if (fstat(fd, sb) != 0)
		return err_set(err, "%s: %s", path, strerror(errno));
	if (sb->st_size > (off_t)MAP_FILE_BYTES)
		return err_set(
		    err, "%s: larger than %zu MB", path, MAP_FILE_BYTES >> 20);
	return 0;
}

/* The map of what is in the open file, or NULL. */
static void *
read_map(FILE *f, const char *path, const struct map_file_kind *kind,
    int64_t deadline, struct err *err)
{
	struct reader r = { .kind = kind,
		.path = path,
		.build = kind->begin(),
		.f = f,
		.deadline = deadline };
	int rc = add_lines(&r, err);

	str_fini(&r.line);
	str_fini(&r.value);
	if (rc == 0)
		return kind->done(r.build);
	kind->cancel(r.build);
	return NULL;
}

static struct map_shared *
read_file(FILE *f, const struct map_digest *before, const char *path,
    const struct map_file_kind *kind, int64_t deadline, struct err *err)
{
	void *map = read_map(f, path, kind, deadline, err);
	struct map_digest after;
	struct stat sb;

	if (map == NULL)
		return NULL;
	if (stat_open(fileno(f), path, &sb, err) == 0) {
		after = digest_of(path, kind, &sb);
		if (after.a == before->a && after.b == before->b)
			return map_shared_put(before, map, kind->free_map);
		err_set(err, "%s: changed while it was read", path);
	}
	kind->free_map(map);
	return NULL;
}

/* ---- one at a time ------------------------------------------------------ */

static void
wake(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&turn.lock);
	pthread_cond_broadcast(&turn.free);
	pthread_mutex_unlock(&turn.lock);
}

/* With the lock. */
static void
make_turn(void)
{
	pthread_condattr_t attr;

	if (turn.is_made)
		return;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&turn.free, &attr);
	pthread_condattr_destroy(&attr);
	turn.is_made = true;
}

static int
take_turn(const char *path, int64_t deadline, struct err *err)
{
	struct timespec until = clock_timespec(deadline);
	bool mine;

	pthread_mutex_lock(&turn.lock);
	make_turn();
	pthread_mutex_unlock(&turn.lock);
	halt_watch(wake, NULL);
	pthread_mutex_lock(&turn.lock);
	while (turn.busy && clock_mono() < deadline && !halt_asked())
		pthread_cond_timedwait(&turn.free, &turn.lock, &until);
	mine = !turn.busy;
	turn.busy = true;
	pthread_mutex_unlock(&turn.lock);
	halt_unwatch();
	return mine ? 0
		    : err_set(
			  err, "%s: another file was read all the time", path);
}

static void
give_turn(bool was_read)
{
	pthread_mutex_lock(&turn.lock);
	turn.busy = false;
	turn.readings += was_read;
	pthread_cond_broadcast(&turn.free);
	pthread_mutex_unlock(&turn.lock);
}

static struct map_shared *
get_or_read(FILE *f, const char *path, const struct map_file_kind *kind,
    int64_t deadline, struct err *err)
{
	struct map_digest digest;
	struct map_shared *m;
	struct stat sb;

	if (stat_open(fileno(f), path, &sb, err) != 0)
		return NULL;
	digest = digest_of(path, kind, &sb);
	m = map_shared_get(&digest);
	if (m != NULL || take_turn(path, deadline, err) != 0)
		return m;
	m = map_shared_get(&digest); /* another's, meanwhile */
	if (m != NULL) {
		give_turn(false);
		return m;
	}
	m = read_file(f, &digest, path, kind, deadline, err);
	give_turn(true);
	return m;
}

struct map_shared *
map_file_get(const char *path, const struct map_file_kind *kind,
    int64_t deadline, struct err *err)
{
	int fd = plain_file_open(path, O_RDONLY, 0, err);
	struct map_shared *m;
	FILE *f;

	if (fd < 0)
		return NULL;
	f = fdopen(fd, "r");
	must(f != NULL);
	m = get_or_read(f, path, kind, halt_patience(deadline), err);
	fclose(f);
	return m;
}

unsigned long
map_file_readings(void)
{
	unsigned long n;

	pthread_mutex_lock(&turn.lock);
	n = turn.readings;
	pthread_mutex_unlock(&turn.lock);
	return n;
}
