#include "epoch_work.h"

#include "task.h"
#include "timer_run.h"

static bool
try_ref(struct epoch *e)
{
	long n = atomic_load(&e->refs);

	while (n > 0)
		if (atomic_compare_exchange_weak(&e->refs, &n, n + 1))
			return true;
	return false;
}

/*
 * A tick that is in the schedule belongs to a Lua state that was not closed
 * yet, so st and its epoch are there.  The state is counted before it is
 * looked at: who frees a retired one marks it before it looks at the count.
 */
static enum tick_answer
may_work(struct state *st, bool loaded)
{
	struct epoch *e = st->epoch;
	int number = atomic_load(&st->number);

	if (atomic_load(&e->service) == EPOCH_NOT_YET || number < 0)
		return TICK_LATER;
	if (atomic_load(&e->service) == EPOCH_RETIRED ||
	    (loaded && number != 0))
		return TICK_NEVER;
	atomic_fetch_add(&st->n_sessions, 1);
	if (!atomic_load(&st->retired) && try_ref(e))
		return TICK_RUN;
	atomic_fetch_sub(&st->n_sessions, 1);
	return TICK_NEVER;
}

static void
keep(struct state *st)
{
	epoch_ref(st->epoch);
	atomic_fetch_add(&st->n_sessions, 1);
}

static void
leave(struct state *st)
{
	struct epoch *e = st->epoch;

	epoch_leave_state(e, st);
	epoch_unref(e);
}

static int
spawn(struct state *st, const char *event, json_t *args, struct err *err)
{
	return task_begin(st->epoch, event, args, err);
}

const struct state_owner epoch_work = { may_work, keep, leave, timer_run,
	spawn };
