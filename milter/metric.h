/*
 * metric.h - counters of the process
 *
 * Adding a counter is adding a row.  Names are a contract with who reads
 * `kumilter status`.  Any thread may count.
 */
#ifndef KUMILTER_METRIC_H
#define KUMILTER_METRIC_H

#include "str.h"

#include <stdatomic.h>

#define METRICS(X)                                                             \
	X(SESSIONS, "sessions", "sessions begun since the start")              \
	X(SESSIONS_OPEN, "sessions_open", "sessions open now")                 \
	X(MESSAGES, "messages", "messages that reached their end")             \
	X(EVENTS, "events", "handlers run")                                    \
	X(WAITS, "waits", "times a handler waited (sleep, lookups)")           \
	X(REFUSED, "refused", "refusals by a policy's decision")               \
	X(DISCARDED, "discarded", "messages discarded by a policy")            \
	X(QUARANTINED, "quarantined", "messages quarantined by a policy")      \
	X(CONDEMNED, "condemned", "sessions condemned to a 421")               \
	X(ERROR_LUA, "errors_lua", "handlers ended by an error of theirs")     \
	X(ERROR_CPU, "errors_cpu_limit", "handlers ended by cpu_limit")        \
	X(ERROR_TIME, "errors_timeout", "handlers ended by event_timeout")     \
	X(ERROR_MEMORY, "errors_memory_limit",                                 \
	    "handlers ended by memory_limit")                                  \
	X(ERROR_BUSY, "errors_state_busy",                                     \
	    "events that could not get their Lua state in time")               \
	X(TASKS, "tasks", "tasks of kumo.spawn_task that run now")             \
	X(STATES_REPLACED, "states_replaced",                                  \
	    "Lua states replaced because stuck or full")                       \
	X(KEYS_DROPPED, "keys_dropped",                                        \
	    "keys that policies count or share, pushed out by newer ones")     \
	X(DRY_REFUSED, "dry_run_refused",                                      \
	    "refusals of dry runs: the mail went on")                          \
	X(DRY_DISCARDED, "dry_run_discarded",                                  \
	    "messages that dry runs would have discarded")                     \
	X(DRY_QUARANTINED, "dry_run_quarantined",                              \
	    "messages that dry runs would have quarantined")                   \
	X(DRY_EDITED, "dry_run_edited",                                        \
	    "messages that dry runs would have changed")                       \
	X(RECORDS, "records", "records of kumo.configure_local_logs written")  \
	X(RECORDS_DROPPED, "records_dropped",                                  \
	    "such records lost: the queue or the disk was full")               \
	X(RELOADS, "reloads", "policies loaded and taken into use")            \
	X(RELOADS_REFUSED, "reloads_refused", "policies that did not load")

enum metric {
#define X(id, name, help) METRIC_##id,
	METRICS(X)
#undef X
	    METRIC_COUNT
};

extern atomic_long metric_values[METRIC_COUNT];

static inline void
metric_add(enum metric m, long n)
{
	atomic_fetch_add_explicit(&metric_values[m], n, memory_order_relaxed);
}

static inline long
metric_get(enum metric m)
{
	return atomic_load_explicit(&metric_values[m], memory_order_relaxed);
}

#define metric_count(m) metric_add((m), 1)

/* "name value\n" for each counter */
void metric_print(struct str *out);

#endif
