#include "recording.h"

#include "clock.h"
#include "duration.h"
#include "log.h"
#include "metric.h"
#include "record_file.h"
#include "recording_text.h"
#include "xmalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FLUSH_AFTER CLOCK_S
/* The writer wakes up for many lines at once. */
#define GATHER_TIME (100 * CLOCK_MS)
#define GATHER_BYTES ((size_t)1 << 20)
#define ZSTD_LEVEL 3

struct item {
	struct item *next;
	size_t len;
	char text[];
};

struct recording {
	atomic_int refs;
	char *path;
	size_t max, body;
	struct redaction redaction;
	bool compress;
	void (*ended)(const struct recording *r);

	pthread_mutex_t lock; /* for what follows */
	pthread_cond_t more;
	struct item *first, **last;
	size_t queued; /* bytes */
	bool closing, over;
	unsigned long taken, dropped;

	struct record_file file; /* the writer's own */
	atomic_size_t size;      /* of the file */
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t over;
	struct recording *current; /* takes sessions, or is being written */
	atomic_bool on;
} all = { .lock = PTHREAD_MUTEX_INITIALIZER, .over = PTHREAD_COND_INITIALIZER };

int
recording_body_parse(const char *text, size_t *body, struct err *err)
{
	if (strcmp(text, "none") == 0)
		*body = 0;
	else if (strcmp(text, "all") == 0)
		*body = SIZE_MAX;
	else if (size_parse(text, body, NULL) != 0)
		return err_set(
		    err, "\"%s\": none, all or a size expected", text);
	return 0;
}

/* ---- life ---------------------------------------------------------------- */

static void
destroy(struct recording *r)
{
	struct item *next;

	for (struct item *i = r->first; i != NULL; i = next) {
		next = i->next;
		free(i);
	}
	redaction_fini(&r->redaction);
	pthread_cond_destroy(&r->more);
	pthread_mutex_destroy(&r->lock);
	free(r->path);
	free(r);
}

void
recording_unref(struct recording *r)
{
	if (r != NULL && atomic_fetch_sub(&r->refs, 1) == 1)
		destroy(r);
}

struct recording *
recording_ref(void)
{
	struct recording *r;

	if (!atomic_load_explicit(&all.on, memory_order_relaxed))
		return NULL;
	pthread_mutex_lock(&all.lock);
	r = atomic_load(&all.on) ? all.current : NULL;
	if (r != NULL)
		atomic_fetch_add(&r->refs, 1);
	pthread_mutex_unlock(&all.lock);
	return r;
}

size_t
recording_body(const struct recording *r)
{
	return r->body;
}

const struct redaction *
recording_redaction(const struct recording *r)
{
	return redaction_is_any(&r->redaction) ? &r->redaction : NULL;
}

/* No session begins in it any more; those under way come to nothing. */
static void
close_door(struct recording *r)
{
	pthread_mutex_lock(&all.lock);
	if (all.current == r)
		atomic_store(&all.on, false);
	pthread_mutex_unlock(&all.lock);
	pthread_mutex_lock(&r->lock);
	r->closing = true;
	pthread_cond_signal(&r->more);
	pthread_mutex_unlock(&r->lock);
}

/* ---- writing ------------------------------------------------------------- */

/* With the lock, and something in the queue. */
static void
gather(struct recording *r)
{
	struct timespec ts = clock_timespec(clock_mono() + GATHER_TIME);

	while (!r->closing && r->queued < GATHER_BYTES)
		if (pthread_cond_timedwait(&r->more, &r->lock, &ts) != 0)
			break;
}

/* What is in the queue; NULL: nothing came until then. */
static struct item *
take(struct recording *r, int64_t until, bool *closing)
{
	struct timespec ts = clock_timespec(until);
	struct item *first;

	pthread_mutex_lock(&r->lock);
	while (r->first == NULL && !r->closing)
		if (until == INT64_MAX)
			pthread_cond_wait(&r->more, &r->lock);
		else if (pthread_cond_timedwait(&r->more, &r->lock, &ts) != 0)
			break;
	if (r->first != NULL)
		gather(r);
	first = r->first;
	r->first = NULL;
	r->last = &r->first;
	r->queued = 0;
	*closing = r->closing;
	pthread_mutex_unlock(&r->lock);
	return first;
}

static size_t
size_now(const struct recording *r)
{
	return (size_t)r->file.good + r->file.out.len;
}

/* -1: this one, and all that would come, is not written. */
static int
write_one(struct recording *r, const struct item *i, struct err *err)
{
	if (size_now(r) + (r->compress ? 0 : i->len) > r->max)
		return err_set(err, "it is as large as it may be");
	if (record_file_write(&r->file, i->text, i->len, err) != 0)
		return -1;
	metric_count(METRIC_RECORDED);
	atomic_store(&r->size, size_now(r));
	return 0;
}

/* -1: it has ended, and why was said. */
static int
write_all(struct recording *r, struct item *list)
{
	struct item *next;
	struct err err;
	int rc = 0;

	for (; list != NULL; list = next) {
		next = list->next;
		if (rc == 0) {
			rc = write_one(r, list, &err);
			if (rc != 0) {
				log_warn(NULL, "recording to %s stops: %s",
				    r->path, err.msg);
				close_door(r);
			}
		}
		if (rc != 0)
			metric_count(METRIC_RECORDED_DROPPED);
		free(list);
	}
	return rc;
}

static int
flush(struct recording *r)
{
	struct err err;

	if (record_file_flush(&r->file, &err) == 0) {
		atomic_store(&r->size, size_now(r));
		return 0;
	}
	log_warn(NULL, "recording to %s stops: %s", r->path, err.msg);
	close_door(r);
	return -1;
}

static void
finish(struct recording *r)
{
	struct err err;

	if (r->file.fd >= 0 && record_file_close(&r->file, &err) != 0)
		log_warn(NULL, "recording to %s: %s", r->path, err.msg);
	r->ended(r);
	pthread_mutex_lock(&all.lock);
	if (all.current == r) {
		all.current = NULL;
		atomic_store(&all.on, false);
	}
	r->over = true;
	pthread_cond_broadcast(&all.over);
	pthread_mutex_unlock(&all.lock);
	recording_unref(r);
}

static void *
run(void *arg)
{
	struct recording *r = arg;
	int64_t due = INT64_MAX;
	bool closing = false;
	int rc = 0;

	while (rc == 0 && !closing) {
		struct item *list = take(r, due, &closing);
		bool wrote = list != NULL;

		rc = write_all(r, list);
		if (wrote && due == INT64_MAX)
			due = clock_mono() + (r->compress ? FLUSH_AFTER : 0);
		if (rc == 0 && clock_mono() >= due) {
			rc = flush(r);
			due = INT64_MAX;
		}
	}
	finish(r);
	return NULL;
}

/* ---- start and stop ------------------------------------------------------ */

/* An empty file, or a recording: may it be gone on with? */
static int
look_at(struct recording *r, int fd, struct err *err)
{
	static const char magic[] = RECORDING_MAGIC;
	static const unsigned char zstd[] = { 0x28, 0xb5, 0x2f, 0xfd };
	char begin[sizeof magic - 1], last = '\n';
	const void *want = r->compress ? (const void *)zstd : magic;
	size_t n = r->compress ? sizeof zstd : sizeof begin;
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_set(err, "%s: %s", r->path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(err, "%s is no file", r->path);
	r->file.good = st.st_size;
	atomic_store(&r->size, (size_t)st.st_size);
	if (st.st_size == 0)
		return 0;
	if (pread(fd, begin, n, 0) != (ssize_t)n || memcmp(begin, want, n) != 0)
		return err_set(
		    err, "%s is there, and is no recording", r->path);
	if (!r->compress && pread(fd, &last, 1, st.st_size - 1) == 1 &&
	    last != '\n') /* somebody died in mid-line */
		str_addc(&r->file.out, '\n');
	return 0;
}

static int
open_file(struct recording *r, unsigned uid, struct err *err)
{
	int fd = open(r->path,
	    O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK |
		O_NOCTTY,
	    0600);

	if (fd < 0)
		return err_set(err, "%s: %s", r->path, strerror(errno));
	if (look_at(r, fd, err) != 0 ||
	    record_file_adopt(&r->file, fd, r->path,
		r->compress ? ZSTD_LEVEL : -1, err) != 0) {
		str_fini(&r->file.out);
		close(fd);
		return -1;
	}
	if (fchmod(fd, 0600) != 0 ||
	    (uid != (unsigned)-1 && fchown(fd, uid, (gid_t)-1) != 0))
		log_warn(NULL, "%s: %s", r->path, strerror(errno));
	return 0;
}

static struct recording *
make(const struct recording_options *o)
{
	struct recording *r = xcalloc(1, sizeof *r);
	pthread_condattr_t attr;
	size_t n = strlen(o->path);

	r->path = xstrdup(o->path);
	r->max = o->max;
	if (r->max == 0)
		must(size_parse(RECORDING_MAX_DEFAULT, &r->max, NULL) == 0);
	r->body = o->body;
	r->compress = n > 4 && strcmp(o->path + n - 4, ".zst") == 0;
	r->file.fd = -1;
	r->last = &r->first;
	atomic_store(&r->refs, 1); /* the writer's */
	pthread_mutex_init(&r->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&r->more, &attr);
	pthread_condattr_destroy(&attr);
	return r;
}

static int
start_thread(struct recording *r, struct err *err)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, run, r) != 0)
		return err_set(err, "cannot start a thread");
	pthread_detach(thread);
	return 0;
}

int
recording_start(const struct recording_options *o, unsigned uid,
    void (*ended)(const struct recording *r), struct err *err)
{
	struct recording *r = make(o);
	struct err unused;
	int rc = 0;

	r->ended = ended;
	if (r->compress && !record_file_compresses())
		rc = err_set(err, "%s: built without zstd", o->path);
	if (rc == 0 && o->redact != NULL)
		rc = redaction_parse(&r->redaction, o->redact, err);
	pthread_mutex_lock(&all.lock);
	if (rc == 0 && all.current != NULL)
		rc = err_set(err, "sessions are recorded to %s already",
		    all.current->path);
	if (rc == 0)
		rc = open_file(r, uid, err);
	if (rc == 0)
		rc = start_thread(r, err);
	if (rc == 0) {
		all.current = r;
		atomic_store(&all.on, true);
	}
	pthread_mutex_unlock(&all.lock);
	if (rc != 0) {
		if (r->file.fd >= 0)
			record_file_close(&r->file, &unused);
		recording_unref(r);
	}
	return rc;
}

bool
recording_stop(int64_t deadline)
{
	struct recording *r;
	struct timespec until;
	int64_t wall = clock_wall() + deadline - clock_mono();
	bool over;

	pthread_mutex_lock(&all.lock);
	r = all.current;
	if (r != NULL)
		atomic_fetch_add(&r->refs, 1);
	pthread_mutex_unlock(&all.lock);
	if (r == NULL)
		return true;
	close_door(r);
	until = (struct timespec){ wall / CLOCK_S, wall % CLOCK_S };
	pthread_mutex_lock(&all.lock);
	while (!r->over && clock_mono() < deadline)
		pthread_cond_timedwait(&all.over, &all.lock, &until);
	over = r->over;
	pthread_mutex_unlock(&all.lock);
	recording_unref(r);
	return over;
}

bool
recording_describe(struct str *out)
{
	struct recording *r = recording_ref();
	unsigned long taken, dropped;

	if (r == NULL) {
		str_adds(out, "sessions are not recorded\n");
		return false;
	}
	pthread_mutex_lock(&r->lock);
	taken = r->taken;
	dropped = r->dropped;
	pthread_mutex_unlock(&r->lock);
	str_addf(out,
	    "recording to %s: %lu sessions, %lu dropped, %zu of %zu bytes\n",
	    r->path, taken, dropped, atomic_load(&r->size), r->max);
	recording_unref(r);
	return true;
}

/* ---- sessions ------------------------------------------------------------ */

void
recording_put(struct recording *r, const char *line, size_t len, bool cut)
{
	struct item *item = xmalloc(sizeof *item + len + 1);
	bool taken, full;

	*item = (struct item){ .len = len + 1 };
	memcpy(item->text, line, len);
	item->text[len] = '\n';
	pthread_mutex_lock(&r->lock);
	taken = !r->closing && r->queued + item->len <= RECORDING_QUEUE_BYTES;
	if (taken) {
		*r->last = item;
		r->last = &item->next;
		if (r->queued == 0 ||
		    (r->queued < GATHER_BYTES &&
			r->queued + item->len >= GATHER_BYTES))
			pthread_cond_signal(&r->more);
		r->queued += item->len;
		r->taken++;
	}
	full = !taken && !r->closing; /* else its session outlived it */
	r->dropped += full;
	pthread_mutex_unlock(&r->lock);
	if (cut)
		metric_count(METRIC_RECORDED_CUT);
	if (full)
		metric_count(METRIC_RECORDED_DROPPED);
	if (!taken)
		free(item);
}
