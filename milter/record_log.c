#include "record_log.h"

#include "clock.h"
#include "log.h"
#include "metric.h"
#include "record_file.h"
#include "xmalloc.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#define FLUSH_AFTER CLOCK_S
#define RETRY_AFTER CLOCK_S /* a file that cannot be written, a full disk */

struct item {
	struct item *next;
	enum record_type type;
	size_t len;
	char text[];
};

struct queue {
	struct item *first, **last;
	size_t n, bytes;
};

struct record_log {
	struct record_log *next; /* all.lock is for these two */
	long refs;

	struct record_options o;
	bool compress;

	pthread_mutex_t lock; /* for what follows */
	pthread_cond_t more;
	struct queue queue;
	bool closing, over;
	unsigned long full; /* records dropped because the queue was */

	/* the writer's own */
	struct record_file file[RECORD_TYPES];
	int place[RECORD_TYPES]; /* which of them a type is written to */
	unsigned long unsure[RECORD_TYPES]; /* written, but not flushed */
	int64_t retry[RECORD_TYPES], look[RECORD_TYPES], flush;
	bool no_room[RECORD_TYPES];
	unsigned long lost; /* records, since it was said */
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t over; /* some log's writer is done */
	struct record_log *first;
} all = { .lock = PTHREAD_MUTEX_INITIALIZER, .over = PTHREAD_COND_INITIALIZER };

/* ---- trouble ------------------------------------------------------------ */

static void
lose(struct record_log *log, unsigned long n, const char *why)
{
	metric_add(METRIC_RECORDS_DROPPED, (long)n);
	if (log->lost == 0)
		log_error(NULL, "records are dropped: %s", why);
	log->lost += n;
}

static void
recovered(struct record_log *log)
{
	unsigned long full;

	pthread_mutex_lock(&log->lock);
	full = log->full;
	log->full = 0;
	pthread_mutex_unlock(&log->lock);
	if (full > 0)
		log_warn(NULL,
		    "%s: the queue has room again; %lu records were dropped",
		    log->o.kind[0].log_dir, full);
	if (log->lost > 0)
		log_warn(NULL,
		    "%s: records are written again; %lu were dropped",
		    log->o.kind[0].log_dir, log->lost);
	log->lost = 0;
}

/* ---- writing ------------------------------------------------------------ */

static bool
is_below(const struct record_free *least, uint64_t left, uint64_t of)
{
	if (least->percent)
		return of > 0 && left < of / 100 * least->least;
	return left < least->least;
}

/* Of the folder, or of the one that it will be made in. */
static bool
ask_room(const char *folder, struct statvfs *fs)
{
	char *path = xstrdup(folder), *slash;
	int rc;

	while ((rc = statvfs(path, fs)) != 0 && errno == ENOENT &&
	       (slash = strrchr(path, '/')) != NULL && slash != path)
		*slash = '\0';
	free(path);
	return rc == 0;
}

/* Asked once in a while: it may be a network's file system. */
static bool
has_room(struct record_log *log, int i, int64_t now)
{
	struct statvfs fs;
	const struct record_options *o = &log->o;

	if (o->space.least == 0 && o->inodes.least == 0)
		return true;
	if (now < log->look[i])
		return !log->no_room[i];
	log->look[i] = now + RETRY_AFTER;
	log->no_room[i] =
	    ask_room(o->kind[i].log_dir, &fs) &&
	    (is_below(&o->space, (uint64_t)fs.f_bavail * fs.f_frsize,
		 (uint64_t)fs.f_blocks * fs.f_frsize) ||
		is_below(&o->inodes, fs.f_favail, fs.f_files));
	return !log->no_room[i];
}

static void
failed(struct record_log *log, int i, unsigned long more, const struct err *err,
    int64_t now)
{
	log->retry[i] = now + RETRY_AFTER;
	lose(log, log->unsure[i] + more, err->msg);
	log->unsure[i] = 0;
}

static bool
open_file(struct record_log *log, int i, int64_t now)
{
	const struct record_kind *k = &log->o.kind[i];
	struct record_file *f = &log->file[i];
	struct err err;

	if (f->fd >= 0)
		return true;
	if (now < log->retry[i]) {
		lose(log, 1, "");
		return false;
	}
	if (!has_room(log, i, now)) {
		err_set(&err,
		    "%s: less is free than min_free_space or min_free_inodes",
		    k->log_dir);
		failed(log, i, 1, &err, now);
		return false;
	}
	if (record_file_open(f, k->log_dir, k->suffix,
		log->compress ? log->o.compression_level : -1, now,
		&err) != 0) {
		failed(log, i, 1, &err, now);
		return false;
	}
	if (k->segment_header[0] != '\0' &&
	    record_file_write(
		f, k->segment_header, strlen(k->segment_header), &err) != 0) {
		failed(log, i, 1, &err, now);
		return false;
	}
	return true;
}

static void
close_file(struct record_log *log, int i)
{
	struct err err;

	if (log->file[i].fd < 0)
		return;
	if (record_file_close(&log->file[i], &err) != 0)
		failed(log, i, 0, &err, clock_mono());
	log->unsure[i] = 0;
}

static bool
is_due(const struct record_log *log, int i, int64_t now)
{
	const struct record_file *f = &log->file[i];

	return f->fd >= 0 && log->o.max_segment_duration > 0 &&
	       now - f->opened >= log->o.max_segment_duration;
}

/* false: it is lost. */
static bool
write_item(struct record_log *log, const struct item *item, int64_t now)
{
	int i = log->place[item->type];
	struct err err;

	if (is_due(log, i, now))
		close_file(log, i);
	if (log->file[i].fd >= 0 && !has_room(log, i, now))
		close_file(log, i);
	if (!open_file(log, i, now))
		return false;
	if (record_file_write(&log->file[i], item->text, item->len, &err) !=
	    0) {
		failed(log, i, 1, &err, now);
		return false;
	}
	log->unsure[i]++;
	metric_count(METRIC_RECORDS);
	if (log->flush == 0)
		log->flush = now + FLUSH_AFTER;
	if (log->file[i].size >= log->o.max_file_size)
		close_file(log, i);
	return true;
}

static void
flush(struct record_log *log, int64_t now)
{
	struct err err;

	log->flush = 0;
	for (int i = 0; i < RECORD_TYPES; i++) {
		if (log->file[i].fd < 0 || log->unsure[i] == 0)
			continue;
		if (record_file_flush(&log->file[i], &err) == 0)
			log->unsure[i] = 0;
		else
			failed(log, i, 0, &err, now);
	}
}

static void
write_items(struct record_log *log, struct item *item)
{
	int64_t now = clock_mono();
	unsigned long lost = log->lost;
	bool wrote = false;

	while (item != NULL) {
		struct item *next = item->next;

		wrote = write_item(log, item, now) || wrote;
		free(item);
		item = next;
	}
	for (int i = 0; i < RECORD_TYPES; i++)
		if (is_due(log, i, now))
			close_file(log, i);
	if (log->flush != 0 && (now >= log->flush || !log->compress))
		flush(log, now);
	if (wrote && log->lost == lost)
		recovered(log);
}

/* ---- the writer --------------------------------------------------------- */

/* When there is something to do even if no record comes. */
static int64_t
next_time(const struct record_log *log)
{
	int64_t next = log->flush != 0 ? log->flush : INT64_MAX;

	for (int i = 0; i < RECORD_TYPES; i++) {
		int64_t end = log->file[i].opened + log->o.max_segment_duration;

		if (log->file[i].fd >= 0 && log->o.max_segment_duration > 0 &&
		    end < next)
			next = end;
	}
	return next;
}

static struct queue
take_all(struct record_log *log, bool *closing)
{
	int64_t next = next_time(log);
	struct queue taken;

	pthread_mutex_lock(&log->lock);
	while (log->queue.first == NULL && !log->closing && clock_mono() < next)
		if (next == INT64_MAX) {
			pthread_cond_wait(&log->more, &log->lock);
		} else {
			struct timespec until = clock_timespec(next);

			pthread_cond_timedwait(&log->more, &log->lock, &until);
		}
	taken = log->queue;
	log->queue = (struct queue){ .last = &log->queue.first };
	*closing = log->closing;
	pthread_mutex_unlock(&log->lock);
	return taken;
}

static void
log_free(struct record_log *log)
{
	record_options_fini(&log->o);
	pthread_cond_destroy(&log->more);
	pthread_mutex_destroy(&log->lock);
	free(log);
}

/* Out of the list; freed unless somebody still has it. */
static void
leave(struct record_log *log)
{
	struct record_log **at = &all.first;
	bool unused;

	pthread_mutex_lock(&all.lock);
	while (*at != log)
		at = &(*at)->next;
	*at = log->next;
	log->over = true;
	unused = log->refs == 0;
	pthread_cond_broadcast(&all.over);
	pthread_mutex_unlock(&all.lock);
	if (unused)
		log_free(log);
}

static void *
run(void *arg)
{
	struct record_log *log = arg;
	bool closing = false;

	for (int i = 0; i < RECORD_TYPES; i++)
		if (log->o.kind[i].enable && log->place[i] == i)
			record_file_end_old(log->o.kind[i].log_dir);
	while (!closing) {
		struct queue taken = take_all(log, &closing);

		write_items(log, taken.first);
	}
	for (int i = 0; i < RECORD_TYPES; i++)
		close_file(log, i);
	leave(log);
	return NULL;
}

/* ---- from outside ------------------------------------------------------- */

static bool
same_file(const struct record_kind *a, const struct record_kind *b)
{
	return strcmp(a->log_dir, b->log_dir) == 0 &&
	       strcmp(a->suffix, b->suffix) == 0;
}

static struct record_log *
log_new(const json_t *options, bool compress)
{
	struct record_log *log = xcalloc(1, sizeof *log);
	pthread_condattr_t attr;

	must(record_options_read(&log->o, options, NULL) == 0);
	log->compress = compress;
	log->refs = 1;
	log->queue.last = &log->queue.first;
	for (int i = 0; i < RECORD_TYPES; i++) {
		log->file[i].fd = -1;
		log->place[i] =
		    same_file(&log->o.kind[i], &log->o.kind[0]) ? 0 : i;
	}
	pthread_mutex_init(&log->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&log->more, &attr);
	pthread_condattr_destroy(&attr);
	return log;
}

static void
start(struct record_log *log)
{
	pthread_t thread;

	log->next = all.first;
	all.first = log;
	if (pthread_create(&thread, NULL, run, log) == 0) {
		pthread_detach(thread);
		return;
	}
	log_error(NULL, "%s: no thread for it: records are dropped",
	    log->o.kind[0].log_dir);
	all.first = log->next;
	log->closing = log->over = true;
}

struct record_log *
record_log_open(const json_t *options, bool compress)
{
	struct record_log *log;

	compress = compress && record_file_compresses();
	pthread_mutex_lock(&all.lock);
	for (log = all.first; log != NULL; log = log->next)
		if (log->refs > 0 && log->compress == compress &&
		    json_equal(log->o.given, options))
			break;
	if (log != NULL) {
		log->refs++;
	} else {
		log = log_new(options, compress);
		start(log);
	}
	pthread_mutex_unlock(&all.lock);
	return log;
}

static void
begin_closing(struct record_log *log)
{
	pthread_mutex_lock(&log->lock);
	log->closing = true;
	pthread_cond_signal(&log->more);
	pthread_mutex_unlock(&log->lock);
}

void
record_log_close(struct record_log *log)
{
	bool unused;

	if (log == NULL)
		return;
	pthread_mutex_lock(&all.lock);
	if (--log->refs == 0 && !log->over)
		begin_closing(log); /* its thread frees it */
	unused = log->refs == 0 && log->over;
	pthread_mutex_unlock(&all.lock);
	if (unused)
		log_free(log);
}

const struct record_options *
record_log_options(const struct record_log *log)
{
	return &log->o;
}

void
record_log_put(
    struct record_log *log, enum record_type type, const char *text, size_t len)
{
	bool line = len > 0 && text[len - 1] == '\n', first = false;
	struct item *item = xmalloc(sizeof *item + len + 1);
	bool taken;

	*item = (struct item){ .type = type, .len = len + !line };
	memcpy(item->text, text, len);
	if (!line)
		item->text[len] = '\n';
	pthread_mutex_lock(&log->lock);
	taken = !log->closing && log->queue.n < log->o.back_pressure &&
		log->queue.bytes + item->len <= RECORD_QUEUE_BYTES;
	if (taken) {
		*log->queue.last = item;
		log->queue.last = &item->next;
		log->queue.n++;
		log->queue.bytes += item->len;
		if (log->queue.n == 1)
			pthread_cond_signal(&log->more);
	} else {
		first = log->full++ == 0 && !log->closing;
	}
	pthread_mutex_unlock(&log->lock);
	if (taken)
		return;
	free(item);
	metric_count(METRIC_RECORDS_DROPPED);
	if (first)
		log_error(NULL, "records are dropped: %s: the queue is full",
		    log->o.kind[0].log_dir);
}

bool
record_log_stop(int64_t deadline)
{
	struct timespec until;
	int64_t wall = clock_wall() + deadline - clock_mono();
	bool done;

	until = (struct timespec){ wall / CLOCK_S, wall % CLOCK_S };
	pthread_mutex_lock(&all.lock);
	for (struct record_log *l = all.first; l != NULL; l = l->next)
		begin_closing(l);
	while (all.first != NULL && clock_mono() < deadline)
		pthread_cond_timedwait(&all.over, &all.lock, &until);
	done = all.first == NULL;
	pthread_mutex_unlock(&all.lock);
	return done;
}
