/*
 * trace.h - who watches sessions, and how they are told
 *
 * A watcher is a connection of the control socket that asked for it, with a
 * filter and a queue of its own.  Whoever has something for it puts that into
 * the queue and never waits; one thread writes the queues out.  What a slow
 * watcher has no room for is dropped and counted: a session that begins while
 * the queue is half full is not told of at all, one that runs into its end is
 * told of no further, and the watcher is told how many those were:
 *	{"type": "lost", "sessions": 120, "cut": 3}
 * One that is gone is noticed and let go.  Nothing is known here of sessions;
 * see trace_session.h.  Any thread.
 *
 * On the connection: "0\n", then lines of JSON; the first says
 *	{"type": "trace", "version": text, "pid": number}
 * and where all ends in order the last is {"type": "end"}.
 */
#ifndef KUMILTER_TRACE_H
#define KUMILTER_TRACE_H

#include "trace_filter.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define TRACE_WATCHERS 16
#define TRACE_QUEUE ((size_t)2 << 20) /* bytes of one queue */

struct trace_watcher;

/*
 * control_fn's request to watch: "" or a filter.  CONTROL_KEPT, or an exit
 * code with the reason in *out.
 */
int trace_watch(const char *filter, int fd, struct str *out);

/*
 * No more watchers; those that there are get what is queued, and the end.
 * false: not all of it was written by then, a clock_mono() time.
 */
bool trace_stop(int64_t deadline);

extern atomic_int trace_watching; /* how many there are */

/*
 * Those who want sessions of this client, which has no address where ip is
 * NULL.  Each must be given back with trace_leave(); it may be gone by then.
 */
size_t trace_wanted_by(
    const struct ip *ip, struct trace_watcher *found[TRACE_WATCHERS]);
void trace_leave(struct trace_watcher *w);
const struct trace_filter *trace_filter_of(const struct trace_watcher *w);

/*
 * Lines for this watcher: the first of a session, some more, or its end.
 * false: they were dropped, and of this session only the end is to come.
 */
enum trace_part { TRACE_FIRST, TRACE_MORE, TRACE_LAST };
bool trace_put(struct trace_watcher *w, enum trace_part part, const char *lines,
    size_t len);

#endif
