#include "task.h"

#include "clock.h"
#include "co.h"
#include "epoch_load.h"
#include "failure.h"
#include "halt.h"
#include "log.h"
#include "metric.h"
#include "xmalloc.h"

#include <lauxlib.h>
#include <limits.h>
#include <lua.h>
#include <signal.h>
#include <stdlib.h>

struct task {
	struct task *next, **link;
	struct epoch *e;
	char *event;
	json_t *args;
	struct halt halt;
};

/* The lock is held by who walks the list, and while a task is told to stop. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t fewer;
	bool ready;
	struct task *first;
	int n;
} all = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void
say_failed(struct task *t, enum run_result r, const char *text)
{
	if (r == RUN_STOPPED) {
		log_debug(NULL, "task %s: stopped", t->event);
		return;
	}
	failure_count(r);
	log_error(NULL, "task %s: %s", t->event, text);
}

/* With the state's lock; false: it is not held any more. */
static bool
call(struct task *t, struct state *st)
{
	struct co co = CO_NONE;
	struct run run = { .event = t->event,
		.deadline = HALT_NEVER,
		.may_wait = true,
		.is_task = true };
	int handler = bindings_handler(st->L, t->event);
	enum run_result r;

	if (handler == LUA_NOREF) {
		log_error(NULL, "task %s: there is no handler for this event",
		    t->event);
		return true;
	}
	co_make(st, &co);
	lua_rawgeti(co.L, LUA_REGISTRYINDEX, handler);
	bindings_push_json(co.L, t->args);
	r = co_run(st, &co, 1, &run);
	if (r == RUN_BUSY) {
		say_failed(t, r, run_result_text(r));
		return false;
	}
	if (r != RUN_OK) {
		say_failed(t, r, failure_push(st, co.L, r, &run));
		lua_pop(st->L, 1);
	}
	co_drop(st, &co);
	st->run = NULL;
	return true;
}

/* A fresh state, whose timers run if they are not the policy's own. */
static struct state *
load(struct task *t)
{
	struct state *st;
	struct err err;

	st = epoch_load_state(t->e, &err);
	if (st != NULL && epoch_arm(t->e, st, &err) != 0) {
		state_free(st);
		st = NULL;
	}
	if (st == NULL && !halt_asked())
		log_error(NULL, "task %s: the policy does not load: %s",
		    t->event, err.msg);
	if (st == NULL)
		return NULL;
	atomic_fetch_add(&st->n_sessions, 1);
	atomic_store(&st->number, INT_MAX);
	return st;
}

static void
work(struct task *t)
{
	struct state *st = load(t);

	if (st == NULL)
		return;
	if (state_lock(st, HALT_NEVER) && call(t, st)) {
		epoch_end_modules(st);
		state_unlock(st);
	}
	epoch_leave_state(t->e, st);
	epoch_retire_state(t->e, st);
}

static void
task_free(struct task *t)
{
	epoch_unref(t->e);
	halt_fini(&t->halt);
	json_decref(t->args);
	free(t->event);
	free(t);
}

static void *
run(void *arg)
{
	struct task *t = arg;

	halt_take(&t->halt);
	if (!halt_asked())
		work(t);
	halt_take(NULL);
	pthread_mutex_lock(&all.lock);
	*t->link = t->next;
	if (t->next != NULL)
		t->next->link = t->link;
	pthread_mutex_unlock(&all.lock);
	task_free(t);
	metric_add(METRIC_TASKS, -1);
	pthread_mutex_lock(&all.lock);
	all.n--;
	pthread_cond_broadcast(&all.fewer);
	pthread_mutex_unlock(&all.lock);
	return NULL;
}

/* ---- beginning ---------------------------------------------------------- */

static int
start(struct task *t)
{
	pthread_t thread;
	sigset_t every, old;
	int rc;

	sigfillset(&every);
	pthread_sigmask(SIG_SETMASK, &every, &old);
	rc = pthread_create(&thread, NULL, run, t);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc == 0)
		pthread_detach(thread);
	return rc;
}

static struct task *
task_new(struct epoch *e, const char *event, json_t *args)
{
	struct task *t = xcalloc(1, sizeof *t);

	t->e = epoch_ref(e);
	t->event = xstrdup(event);
	t->args = args;
	halt_init(&t->halt);
	return t;
}

static void
make_ready(void)
{
	pthread_condattr_t attr;

	if (all.ready)
		return;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&all.fewer, &attr);
	pthread_condattr_destroy(&attr);
	all.ready = true;
}

/* The lock is held, so nobody tells the epoch's tasks to stop meanwhile. */
static int
begin(struct task *t, struct err *err)
{
	make_ready();
	if (all.n >= TASKS_MAX)
		return err_set(err, "%d tasks run already", TASKS_MAX);
	t->next = all.first;
	t->link = &all.first;
	if (start(t) != 0)
		return err_set(err, "cannot start a thread");
	if (t->next != NULL)
		t->next->link = &t->next;
	all.first = t;
	all.n++;
	metric_count(METRIC_TASKS);
	return 0;
}

int
task_begin(struct epoch *e, const char *event, json_t *args, struct err *err)
{
	struct task *t = task_new(e, event, args);
	bool begun = false;
	int rc = 0;

	pthread_mutex_lock(&all.lock);
	if (atomic_load(&e->service) == EPOCH_SERVES) {
		rc = begin(t, err);
		begun = rc == 0;
	}
	pthread_mutex_unlock(&all.lock);
	if (!begun)
		task_free(t);
	return rc;
}

void
task_begin_all(struct epoch *e)
{
	json_t *task;
	struct err err;
	size_t i;

	json_array_foreach (e->tasks, i, task) {
		const char *event =
		    json_string_value(json_object_get(task, "event_name"));

		if (task_begin(e, event,
			json_deep_copy(json_object_get(task, "args")),
			&err) != 0)
			log_error(NULL, "task %s: %s", event, err.msg);
	}
}

/* ---- ending ------------------------------------------------------------- */

void
task_stop(const struct epoch *e)
{
	pthread_mutex_lock(&all.lock);
	for (struct task *t = all.first; t != NULL; t = t->next)
		if (t->e == e)
			halt_ask(&t->halt);
	pthread_mutex_unlock(&all.lock);
}

int
task_wait(int64_t deadline)
{
	struct timespec until = clock_timespec(deadline);
	int n;

	pthread_mutex_lock(&all.lock);
	make_ready();
	while (all.n > 0 && clock_mono() < deadline)
		pthread_cond_timedwait(&all.fewer, &all.lock, &until);
	n = all.n;
	pthread_mutex_unlock(&all.lock);
	return n;
}
