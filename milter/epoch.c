#include "epoch.h"

#include "clock.h"
#include "config_watch.h"
#include "epoch_load.h"
#include "log.h"
#include "metric.h"
#include "record_log.h"
#include "task.h"
#include "xmalloc.h"

#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>

/* Each holds its memory, and a stuck one a thread, until its sessions end. */
#define RETIRED_MAX 64
/* For the first look at the files that a policy watches. */
#define LOOK_TIME (10 * CLOCK_S)
/* After a replacement that did not load: not at every new session again. */
#define REPLACE_PAUSE (10 * CLOCK_S)

static int
count_states(const struct epoch_options *o, const struct settings *settings)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (o->states > 0)
		return o->states;
	if (settings->states > 0)
		return settings->states;
	return cpus > 2 ? (int)cpus : 2;
}

static struct epoch *
epoch_new(const char *policy)
{
	static atomic_uint last;
	struct epoch *e = xcalloc(1, sizeof *e);

	metric_count(METRIC_EPOCHS);
	atomic_init(&e->refs, 1);
	e->number = atomic_fetch_add(&last, 1) + 1;
	e->policy = xstrdup(policy);
	pthread_mutex_init(&e->lock, NULL);
	settings_init(&e->settings);
	return e;
}

/* What it writes records to, from now on. */
static void
open_logs(struct epoch *e)
{
	size_t n = json_array_size(e->local_logs);

	if (e->decision_log != NULL && e->decisions == NULL && e->records)
		e->decisions = record_log_open(
		    e->decision_log, e->settings.compress_records);
	if (e->logs != NULL || n == 0 || !e->records)
		return;
	e->logs = xcalloc(n, sizeof *e->logs);
	for (; e->n_logs < n; e->n_logs++) {
		struct record_log *log =
		    record_log_open(json_array_get(e->local_logs, e->n_logs),
			e->settings.compress_records);

		e->logs[e->n_logs] = log;
		if (record_log_options(log)->kind[RECORD_RECEPTION].enable)
			e->wants_receptions = true;
	}
}

static void
close_logs(struct epoch *e)
{
	for (size_t i = 0; i < e->n_logs; i++)
		record_log_close(e->logs[i]);
	free(e->logs);
	json_decref(e->local_logs);
	record_log_close(e->decisions);
	json_decref(e->decision_log);
}

static void
epoch_free(struct epoch *e)
{
	close_logs(e);
	for (int i = 0; i < e->n_states; i++) {
		epoch_end_modules(e->state[i]);
		state_free(e->state[i]);
	}
	for (int i = 0; i < e->n_retired; i++)
		state_free(e->retired[i]);
	free(e->state);
	free(e->retired);
	free(e->policy);
	free(e->source);
	free(e->listen);
	json_decref(e->listeners);
	json_decref(e->scriptlets);
	json_decref(e->settings.datasources);
	json_decref(e->settings.resolvers);
	json_decref(e->contexts);
	json_decref(e->tasks);
	json_decref(e->monitor);
	pthread_mutex_destroy(&e->lock);
	metric_add(METRIC_EPOCHS, -1);
	free(e);
}

static void
take_draft(struct epoch *e, struct draft *d)
{
	e->settings = d->settings;
	json_incref(e->settings.datasources);
	json_incref(e->settings.resolvers);
	e->listeners = json_incref(d->listeners);
	e->local_logs = json_incref(d->local_logs);
	e->decision_log = json_incref(d->decision_log);
	e->scriptlets = json_incref(d->scriptlets);
	e->contexts = json_incref(d->contexts);
	e->tasks = json_incref(d->tasks);
	e->monitor = json_incref(d->monitor);
	e->listen = d->listen;
	d->listen = NULL;
}

static int
load_states(struct epoch *e, const struct epoch_options *o, struct err *err)
{
	struct state *first;
	struct draft draft;
	int n;

	draft_init(&draft);
	e->state = xcalloc(1, sizeof *e->state);
	first = epoch_load_first(e, o, &draft, err);
	if (first == NULL) {
		draft_fini(&draft);
		return -1;
	}
	e->state[0] = first;
	e->n_states = 1;
	take_draft(e, &draft);
	draft_fini(&draft);
	n = count_states(o, &e->settings);
	e->state = xrealloc(e->state, (size_t)n * sizeof *e->state);
	/* what loading one left behind goes before the next wants as much */
	for (int i = 0; i < n; i++) {
		struct state *st = i == 0 ? first : epoch_load_state(e, err);

		if (st == NULL)
			return -1;
		e->state[i] = st;
		e->n_states = i + 1;
		if (epoch_arm(e, st, err) != 0)
			return -1;
		atomic_store(&st->number, i);
	}
	malloc_trim(0); /* ... and then to the system */
	return 0;
}

struct epoch *
epoch_load(const struct epoch_options *o, struct err *err)
{
	struct epoch *e = epoch_new(o->policy != NULL || o->n_scriptlets == 0
					? o->policy
					: o->scriptlets[0]);

	e->prepare = o->prepare;
	e->records = o->records;
	e->load_timeout = o->timeout > 0 ? o->timeout : 30 * CLOCK_S;
	if (load_states(e, o, err) != 0) {
		epoch_free(e);
		return NULL;
	}
	for (int i = 0; i < EVENT_COUNT; i++) {
		e->has_handler[i] = e->state[0]->handler[i] != -2;
		if (e->has_handler[i] && event_is_msys((enum event_name)i))
			e->has_modules = true;
	}
	return e;
}

struct epoch *
epoch_ref(struct epoch *e)
{
	atomic_fetch_add(&e->refs, 1);
	return e;
}

void
epoch_unref(struct epoch *e)
{
	if (e != NULL && atomic_fetch_sub(&e->refs, 1) == 1) {
		log_debug(NULL, "epoch %u: freed", e->number);
		epoch_free(e);
	}
}

/* Written by epoch_set_current() alone: main and the control socket. */
static pthread_mutex_t current_lock = PTHREAD_MUTEX_INITIALIZER;
static struct epoch *current;

void
epoch_set_current(struct epoch *e)
{
	struct epoch *old;

	if (e != NULL)
		open_logs(e);
	pthread_mutex_lock(&current_lock);
	old = current;
	current = e;
	pthread_mutex_unlock(&current_lock);
	if (old != NULL) {
		atomic_store(&old->service, EPOCH_RETIRED);
		task_stop(old);
		if (e == NULL)
			task_wait(clock_mono() + CLOCK_S);
	}
	if (e != NULL) {
		atomic_store(&e->service, EPOCH_SERVES);
		task_begin_all(e);
	}
	config_watch_set(e != NULL ? e->monitor : NULL,
	    e != NULL ? e->settings.monitor_interval : CLOCK_S,
	    clock_mono() + LOOK_TIME);
	tick_stir(); /* timers of the one begin, of the other end */
	epoch_unref(old);
}

struct epoch *
epoch_current(void)
{
	struct epoch *e;

	pthread_mutex_lock(&current_lock);
	e = current != NULL ? epoch_ref(current) : NULL;
	pthread_mutex_unlock(&current_lock);
	return e;
}

static bool
is_bad(const struct state *st)
{
	return atomic_load(&st->watch.stuck) || atomic_load(&st->spoiled);
}

/* A fresh state, or NULL: then the bad one serves on for a while. */
static struct state *
load_replacement(struct epoch *e, const struct state *old)
{
	bool stuck = atomic_load(&old->watch.stuck);
	struct state *fresh;
	struct err err;

	fresh = epoch_load_state(e, &err);
	if (fresh == NULL || epoch_arm(e, fresh, &err) != 0) {
		log_error(NULL, "a Lua state is %s and cannot be replaced: %s",
		    stuck ? "stuck" : "full", err.msg);
		state_free(fresh);
		return NULL;
	}
	log_error(NULL, "a Lua state is %s: %s; new sessions get a fresh one",
	    stuck ? "stuck" : "full",
	    stuck ? "a handler has been inside a call that cannot be "
		    "interrupted for over 10 s past its limit"
		  : "the policy keeps more than three quarters of memory_limit "
		    "in use");
	return fresh;
}

/* With the lock. */
static void
retire(struct epoch *e, struct state *st)
{
	e->retired = xrealloc(
	    e->retired, (size_t)(e->n_retired + 1) * sizeof *e->retired);
	e->retired[e->n_retired++] = st;
	atomic_store(&st->retired, true);
}

/*
 * Put a fresh state in place i; the old one goes with its last session.  The
 * lock is given away while the policy loads: other sessions begin meanwhile,
 * and no second one loads a replacement.
 */
static void
replace(struct epoch *e, int i)
{
	struct state *old = e->state[i], *fresh;

	e->replacing = true;
	pthread_mutex_unlock(&e->lock);
	fresh = load_replacement(e, old);
	pthread_mutex_lock(&e->lock);
	e->replacing = false;
	if (fresh == NULL) {
		e->replace_after = clock_mono() + REPLACE_PAUSE;
		return;
	}
	metric_count(METRIC_STATES_REPLACED);
	retire(e, old);
	e->state[i] = fresh;
	atomic_store(&fresh->number, i);
	tick_stir(); /* its timers begin */
}

static void
free_idle_retired(struct epoch *e)
{
	int kept = 0;

	for (int i = 0; i < e->n_retired; i++)
		if (atomic_load(&e->retired[i]->n_sessions) == 0)
			state_free(e->retired[i]);
		else
			e->retired[kept++] = e->retired[i];
	e->n_retired = kept;
}

/* Is a the better one for a new session? */
static bool
is_better(const struct state *a, const struct state *b)
{
	if (is_bad(a) != is_bad(b))
		return is_bad(b);
	return atomic_load(&a->n_sessions) < atomic_load(&b->n_sessions);
}

struct state *
epoch_take_state(struct epoch *e)
{
	struct state *best = NULL;

	pthread_mutex_lock(&e->lock);
	free_idle_retired(e);
	for (int i = 0; i < e->n_states; i++)
		if (is_bad(e->state[i]) && !e->replacing &&
		    e->n_retired < RETIRED_MAX &&
		    clock_mono() >= e->replace_after)
			replace(e, i);
	for (int i = 0; i < e->n_states; i++)
		if (best == NULL || is_better(e->state[i], best))
			best = e->state[i];
	atomic_fetch_add(&best->n_sessions, 1);
	pthread_mutex_unlock(&e->lock);
	return best;
}

void
epoch_leave_state(struct epoch *e, struct state *st)
{
	(void)e;
	atomic_fetch_sub(&st->n_sessions, 1);
}

void
epoch_retire_state(struct epoch *e, struct state *st)
{
	pthread_mutex_lock(&e->lock);
	retire(e, st);
	free_idle_retired(e);
	pthread_mutex_unlock(&e->lock);
}

void
epoch_each_handler(
    struct epoch *e, void (*found)(void *arg, const char *event), void *arg)
{
	epoch_list_handlers(e->state[0], found, arg);
}

bool
epoch_has_name(struct epoch *e, const char *name, char *near, size_t size)
{
	return bindings_has_name(e->state[0]->L, name, near, size);
}

void
epoch_each_module(struct epoch *e,
    void (*found)(void *arg, const char *module, const char *callout),
    void *arg)
{
	bindings_each_module(e->state[0]->L, found, arg);
}

void
epoch_end(void)
{
	struct epoch *e = epoch_current();

	if (e != NULL) { /* no timers any more */
		atomic_store(&e->service, EPOCH_RETIRED);
		task_stop(e);
		task_wait(clock_mono() + CLOCK_S);
	}
	for (int i = 0; e != NULL && i < e->n_states; i++) {
		struct state *st;

		pthread_mutex_lock(&e->lock);
		st = e->state[i]; /* as a session's, so that it stays */
		atomic_fetch_add(&st->n_sessions, 1);
		pthread_mutex_unlock(&e->lock);
		if (state_lock(st, clock_mono() + CLOCK_S)) {
			epoch_end_modules(st);
			state_unlock(st);
		}
		epoch_leave_state(e, st);
	}
	epoch_unref(e);
}
