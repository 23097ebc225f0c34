/*
 * task.h - events of a policy that run beside its sessions: kumo.spawn_task
 *
 * A task has a thread and a Lua state of its own, in which it runs one handler
 * once; that may loop for ever and wait, and has no timeout, but cpu_limit
 * between two waits and memory_limit.  What it raises is one line of the log
 * and one counter.
 *
 * Tasks belong to their epoch.  Those that a policy asks for while it loads
 * begin when it serves; all of them are told to stop when another epoch takes
 * its place, or the process ends.  That ends a wait at once (halt.h) and the
 * handler behind it, uncatchably.  A task holds a reference to its epoch.
 *
 * Any thread may call anything.
 */
#ifndef KUMILTER_TASK_H
#define KUMILTER_TASK_H

#include "epoch.h"

#define TASKS_MAX 64 /* in the process at once */

/*
 * Run the event with args, nobody else's, which are taken.  -1: there are
 * TASKS_MAX.  Where the epoch does not serve, nothing happens.
 */
int task_begin(
    struct epoch *e, const char *event, json_t *args, struct err *err);
/* Those of epoch->tasks: it serves from now on. */
void task_begin_all(struct epoch *e);

/* Tell those of this epoch, which does not serve any more, to stop. */
void task_stop(const struct epoch *e);
/* Until none runs, or this clock_mono() time: how many do. */
int task_wait(int64_t deadline);

#endif
