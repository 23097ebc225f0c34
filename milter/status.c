#include "status.h"

#include "clock.h"
#include "epoch.h"
#include "memo.h"
#include "metric.h"
#include "rate.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static int64_t started, started_wall;

void
status_start(void)
{
	started = clock_mono();
	started_wall = clock_wall();
	rate_start();
}

static void
set(json_t *o, const char *key, json_t *value)
{
	json_object_set_new(o, key, value);
}

static void
set_integer(json_t *o, const char *key, long long n)
{
	set(o, key, json_integer(n));
}

/* Bytes of a path or a policy's name that are not UTF-8 become '?'. */
static json_t *
text(const char *s)
{
	json_t *j = json_string(s);
	char *copy;

	if (j != NULL)
		return j;
	copy = strdup(s);
	for (char *p = copy; *p != '\0'; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	j = json_string(copy);
	free(copy);
	return j;
}

/* ---- the process -------------------------------------------------------- */

static double
cpu_seconds(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static long long
resident_bytes(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	long long size, pages = 0;

	if (f == NULL)
		return 0;
	if (fscanf(f, "%lld %lld", &size, &pages) != 2)
		pages = 0;
	fclose(f);
	return pages * sysconf(_SC_PAGESIZE);
}

static int
count_entries(const char *path)
{
	DIR *d = opendir(path);
	int n = 0;

	if (d == NULL)
		return 0;
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n - 2; /* "." and ".." */
}

static json_t *
process(void)
{
	json_t *o = json_object();
	struct rlimit r = { 0, 0 };

	getrlimit(RLIMIT_NOFILE, &r);
	set(o, "cpu_seconds", json_real(cpu_seconds()));
	set_integer(o, "resident_bytes", resident_bytes());
	/* but the one that looks */
	set_integer(o, "open_fds", count_entries("/proc/self/fd") - 1);
	set_integer(o, "max_fds", (long long)r.rlim_cur);
	set_integer(o, "threads", count_entries("/proc/self/task"));
	return o;
}

/* ---- the policy --------------------------------------------------------- */

static json_t *
states(struct epoch *e)
{
	json_t *list = json_array();

	pthread_mutex_lock(&e->lock);
	for (int i = 0; i < e->n_states; i++) {
		json_t *o = json_object();

		set_integer(
		    o, "sessions", atomic_load(&e->state[i]->n_sessions));
		set_integer(
		    o, "memory_bytes", (long long)lmem_used(&e->state[i]->mem));
		json_array_append_new(list, o);
	}
	pthread_mutex_unlock(&e->lock);
	return list;
}

/* As the operator would say it; NULL: the policy is obeyed. */
static json_t *
dry_run(const struct settings *set)
{
	char events[1024], share[64];

	settings_get(set, "dry_run", events, sizeof events);
	if (set->dry_run == DRY_RUN_ALL || set->dry_run_share >= 100)
		return json_string("all");
	snprintf(
	    share, sizeof share, "%d %% of the clients", set->dry_run_share);
	if (set->dry_run == 0)
		return set->dry_run_share > 0 ? json_string(share) : NULL;
	return set->dry_run_share > 0
		   ? json_sprintf("%s, and of %s all", events, share)
		   : json_string(events);
}

static void
set_policy(json_t *o)
{
	struct epoch *e = epoch_current();
	json_t *dry;

	if (e != NULL) {
		set(o, "policy", text(e->policy));
		set_integer(o, "epoch", e->number);
		set_integer(
		    o, "memory_limit", (long long)e->settings.memory_limit);
		set(o, "states", states(e));
		dry = dry_run(&e->settings);
		if (dry != NULL)
			set(o, "dry_run", dry);
	}
	epoch_unref(e);
}

/* ---- what was counted --------------------------------------------------- */

static json_t *
counters(void)
{
	json_t *o = json_object();

	for (int i = 0; i < METRIC_COUNT; i++)
		set_integer(
		    o, metric_text((enum metric)i), metric_get((enum metric)i));
	return o;
}

static json_t *
rates(void)
{
	static const struct {
		const char *name;
		int seconds;
	} spans[] = { { "10s", 10 }, { "1m", 60 }, { "5m", 300 } };
	json_t *all = json_object();
	size_t n;
	const enum metric *m = rate_counters(&n);

	for (size_t i = 0; i < n; i++) {
		json_t *o = json_object();

		for (size_t k = 0; k < sizeof spans / sizeof *spans; k++)
			set(o, spans[k].name,
			    json_real(rate_of(i, spans[k].seconds)));
		set(all, metric_text(m[i]), o);
	}
	return all;
}

static json_t *
seconds(int64_t ns)
{
	return json_real((double)ns / (double)CLOCK_S);
}

static json_t *
bounds(void)
{
	json_t *list = json_array();

	for (int i = 0; i < HISTOGRAM_BOUNDS; i++)
		json_array_append_new(list, seconds(histogram_bound(i)));
	return list;
}

/* Nothing where nothing was counted: most events never come. */
static void
add_times(json_t *all, const char *name, const struct histogram *h)
{
	struct histogram_view v = histogram_read(h);
	json_t *o, *buckets;

	if (v.total == 0)
		return;
	o = json_object();
	buckets = json_array();
	set_integer(o, "count", (long long)v.total);
	set(o, "sum", seconds((int64_t)v.sum));
	set(o, "p50", seconds(histogram_part(&v, 0.50)));
	set(o, "p90", seconds(histogram_part(&v, 0.90)));
	set(o, "p99", seconds(histogram_part(&v, 0.99)));
	for (int i = 0; i < HISTOGRAM_BUCKETS; i++)
		json_array_append_new(
		    buckets, json_integer((json_int_t)v.n[i]));
	set(o, "buckets", buckets);
	set(all, name, o);
}

static json_t *
events(void)
{
	json_t *all = json_object();

	for (int i = 0; i < EVENT_COUNT; i++)
		add_times(
		    all, event_name((enum event_name)i), &metric_events[i]);
	return all;
}

static json_t *
times(void)
{
	json_t *all = json_object();

	for (int i = 0; i < METRIC_TIME_COUNT; i++)
		add_times(all, metric_time_name((enum metric_time)i),
		    &metric_times[i]);
	return all;
}

static json_t *
replies(void)
{
	json_t *all = json_object();

	for (int p = 0; p < PHASE_ABORT; p++) {
		json_t *o = json_object();

		for (int a = 0; a < METRIC_ANSWER_COUNT; a++)
			set_integer(o,
			    metric_answer_name((enum metric_answer)a),
			    metric_replies(
				(enum phase)p, (enum metric_answer)a));
		set(all, phase_name((enum phase)p), o);
	}
	return all;
}

static json_t *
codes(void)
{
	json_t *all = json_object();
	char name[16];

	for (int code = 400; code < 600; code++)
		if (metric_code(code) > 0) {
			snprintf(name, sizeof name, "%d", code);
			set_integer(all, name, metric_code(code));
		}
	return all;
}

static void
add_cache(void *arg, const struct memo_numbers *n)
{
	json_t *o = json_object(), *key = text(n->name);

	set_integer(o, "hits", (long long)n->hits);
	set_integer(o, "misses", (long long)n->misses);
	set_integer(o, "waits", (long long)n->waits);
	set_integer(o, "failures", (long long)n->failures);
	set_integer(o, "evicted", (long long)n->evicted);
	set_integer(o, "entries", (long long)n->entries);
	set_integer(o, "bytes", (long long)n->bytes);
	set(arg, json_string_value(key), o);
	json_decref(key);
}

static json_t *
caches(void)
{
	json_t *all = json_object();

	memo_each(add_cache, all);
	return all;
}

json_t *
status_json(void)
{
	json_t *o = json_object();

	set(o, "version", json_string(KUMILTER_VERSION));
	set_integer(o, "pid", getpid());
	set(o, "started", seconds(started_wall));
	set(o, "uptime", seconds(clock_mono() - started));
	set_policy(o);
	set(o, "process", process());
	set(o, "counters", counters());
	set(o, "rates", rates());
	set(o, "bounds", bounds());
	set(o, "events", events());
	set(o, "times", times());
	set(o, "replies", replies());
	set(o, "codes", codes());
	set(o, "caches", caches());
	return o;
}

void
status_print(struct str *out)
{
	json_t *o = status_json();
	char *dump = json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(9));

	str_adds(out, dump);
	str_addc(out, '\n');
	free(dump);
	json_decref(o);
}
