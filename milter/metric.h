/*
 * metric.h - counters of the process
 *
 * Adding a counter is adding a row.  Names are a contract with who reads
 * `kumilter status` and kumilter-metrics(7): a counter "x_y" is there
 * kumilter_x_y_total, and where metric.c has a group "x_" it is
 * kumilter_x_total{...="y"}.  Any thread may count; nothing here takes a lock.
 */
#ifndef KUMILTER_METRIC_H
#define KUMILTER_METRIC_H

#include "event_name.h"
#include "histogram.h"
#include "phase.h"
#include "str.h"

#include <stdatomic.h>
#include <stdbool.h>

#define METRICS(X)                                                             \
	X(SESSIONS, "sessions", "sessions begun since the start")              \
	X(SESSIONS_OPEN, "sessions_open", "sessions open now")                 \
	X(MESSAGES, "messages", "messages that reached their end")             \
	X(EVENTS, "events", "handlers run")                                    \
	X(WAITS, "waits", "times a handler waited (sleep, lookups)")           \
	X(THROTTLES_WITHOUT, "throttles_without",                              \
	    "answers of throttles without the Redis that they are in")         \
	X(REDIS_FAILURES, "redis_failures",                                    \
	    "commands to Redis that no server answered")                       \
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
	X(THROTTLE_PASSED, "throttle_passed", "what throttles let pass")       \
	X(THROTTLE_REFUSED, "throttle_refused", "what they held back")         \
	X(DNS_FOUND, "dns_found", "lookups in the DNS with an answer")         \
	X(DNS_NO_DATA, "dns_no_data", "of names without such records")         \
	X(DNS_NO_NAME, "dns_no_name", "of names that are not there")           \
	X(DNS_SERVFAIL, "dns_servfail", "that the servers could not answer")   \
	X(DNS_TIMEOUT, "dns_timeout", "without an answer in time")             \
	X(DNS_FAILED, "dns_failed", "that could not be asked")                 \
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
	X(RECORDED, "recorded", "sessions written to a recording")             \
	X(RECORDED_DROPPED, "recorded_dropped",                                \
	    "sessions that a recording had no room for")                       \
	X(RECORDED_CUT, "recorded_cut",                                        \
	    "sessions too long for a recording, of which the begin is there")  \
	X(TRACES, "trace_watchers", "who watches sessions now")                \
	X(TRACES_LOST, "trace_sessions_lost",                                  \
	    "sessions that a watcher was too slow for")                        \
	X(EPOCHS, "epochs", "loaded policies that are in memory")              \
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

/* What else is timed besides events. */
#define METRIC_TIMES(X)                                                        \
	X(WAIT, "wait", "waits of handlers (sleep, lookups, others' work)")    \
	X(DNS, "dns_lookup", "lookups in the DNS, from the cache or not")

enum metric_time {
#define X(id, name, help) METRIC_TIME_##id,
	METRIC_TIMES(X)
#undef X
	    METRIC_TIME_COUNT
};

extern struct histogram metric_events[EVENT_COUNT];
extern struct histogram metric_times[METRIC_TIME_COUNT];

/* ns: from the begin of a handler to its end, waits included. */
static inline void
metric_event(enum event_name e, int64_t ns)
{
	histogram_add(&metric_events[e], ns);
}

static inline void
metric_time(enum metric_time t, int64_t ns)
{
	histogram_add(&metric_times[t], ns);
}

/* What the MTA was told: one of these, by stage. */
#define METRIC_ANSWERS(X)                                                      \
	X(CONTINUE, "continue")                                                \
	X(ACCEPT, "accept")                                                    \
	X(DISCARD, "discard")                                                  \
	X(421, "421")                                                          \
	X(4XX, "4xx")                                                          \
	X(5XX, "5xx")

enum metric_answer {
#define X(id, name) METRIC_ANSWER_##id,
	METRIC_ANSWERS(X)
#undef X
	    METRIC_ANSWER_COUNT
};

/* code: of a refusal, 400 to 599, which tells its answer; else 0. */
void metric_reply(enum phase phase, enum metric_answer answer, int code);

/* ---- to read them ------------------------------------------------------- */

/* How a counter is named where counters have labels. */
struct metric_name {
	const char *family;        /* "errors", or its own name */
	const char *label, *value; /* NULL, or "kind" and "lua" */
	const char *help;          /* of the family */
	bool gauge;                /* goes down, too */
};
const char *metric_text(enum metric m); /* the name in `kumilter status` */
struct metric_name metric_name(enum metric m);

const char *metric_time_name(enum metric_time t);
const char *metric_time_help(enum metric_time t);

const char *metric_answer_name(enum metric_answer a);
long metric_replies(enum phase phase, enum metric_answer a);
long metric_code(int code); /* replies with it, 400 to 599 */

#endif
