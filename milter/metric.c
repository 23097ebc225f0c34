#include "metric.h"

#include "err.h"

#include <string.h>

atomic_long metric_values[METRIC_COUNT];
struct histogram metric_events[EVENT_COUNT];
struct histogram metric_times[METRIC_TIME_COUNT];

/* ---- counters ----------------------------------------------------------- */

static const struct {
	const char *name, *help;
} rows[] = {
#define X(id, name, help) [METRIC_##id] = { name, help },
	METRICS(X)
#undef X
};

static const bool is_gauge[METRIC_COUNT] = {
	[METRIC_SESSIONS_OPEN] = true,
	[METRIC_TASKS] = true,
	[METRIC_TRACES] = true,
	[METRIC_EPOCHS] = true,
};

/* Counters that are one family: what stands behind the prefix is the label. */
static const struct {
	const char *prefix, *family, *label, *help;
} groups[] = {
	{ "errors_", "errors", "kind",
	    "handlers that failed or were ended at a limit" },
	{ "throttle_", "throttle", "result",
	    "what throttles of policies answered" },
	{ "dns_", "dns", "result", "lookups in the DNS by their end" },
	{ "dry_run_", "dry_run", "what",
	    "what policies in a dry run would have done" },
	{ "redis_", "redis", "result", "requests to Redis by their end" },
	{ "http_", "http", "result", "requests by HTTP by their end" },
};

const char *
metric_text(enum metric m)
{
	return rows[m].name;
}

struct metric_name
metric_name(enum metric m)
{
	struct metric_name n = { .family = rows[m].name,
		.help = rows[m].help,
		.gauge = is_gauge[m] };

	for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
		size_t len = strlen(groups[i].prefix);

		if (strncmp(rows[m].name, groups[i].prefix, len) != 0)
			continue;
		n.family = groups[i].family;
		n.label = groups[i].label;
		n.value = rows[m].name + len;
		n.help = groups[i].help;
	}
	return n;
}

/* ---- times -------------------------------------------------------------- */

static const struct {
	const char *name, *help;
} times[] = {
#define X(id, name, help) [METRIC_TIME_##id] = { name, help },
	METRIC_TIMES(X)
#undef X
};

const char *
metric_time_name(enum metric_time t)
{
	return times[t].name;
}

const char *
metric_time_help(enum metric_time t)
{
	return times[t].help;
}

/* ---- replies ------------------------------------------------------------ */

#define CODE_MIN 400
#define CODE_MAX 599

static atomic_long replies[PHASE_COUNT][METRIC_ANSWER_COUNT];
static atomic_long codes[CODE_MAX - CODE_MIN + 1];

void
metric_reply(enum phase phase, enum metric_answer answer, int code)
{
	if (code >= CODE_MIN && code <= CODE_MAX) {
		answer = code == 421  ? METRIC_ANSWER_421
			 : code < 500 ? METRIC_ANSWER_4XX
				      : METRIC_ANSWER_5XX;
		atomic_fetch_add_explicit(
		    &codes[code - CODE_MIN], 1, memory_order_relaxed);
	}
	atomic_fetch_add_explicit(
	    &replies[phase][answer], 1, memory_order_relaxed);
}

const char *
metric_answer_name(enum metric_answer a)
{
	static const char *const names[] = {
#define X(id, name) [METRIC_ANSWER_##id] = name,
		METRIC_ANSWERS(X)
#undef X
	};

	return names[a];
}

long
metric_replies(enum phase phase, enum metric_answer a)
{
	return atomic_load_explicit(&replies[phase][a], memory_order_relaxed);
}

long
metric_code(int code)
{
	must(code >= CODE_MIN && code <= CODE_MAX);
	return atomic_load_explicit(
	    &codes[code - CODE_MIN], memory_order_relaxed);
}
