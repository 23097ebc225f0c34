#include "prometheus.h"

#include "metric.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- the format --------------------------------------------------------- */

/* Backslash, newline and, in a value, the quote. */
static void
add_escaped(struct str *out, const char *text, bool quoted)
{
	for (; *text != '\0'; text++)
		if (*text == '\\')
			str_adds(out, "\\\\");
		else if (*text == '\n')
			str_adds(out, "\\n");
		else if (*text == '"' && quoted)
			str_adds(out, "\\\"");
		else
			str_addc(out, *text);
}

static void
add_number(struct str *out, double d)
{
	if (isinf(d))
		str_adds(out, "+Inf");
	else if (d == floor(d) && fabs(d) < 1e15)
		str_addf(out, "%.0f", d);
	else
		str_addf(out, "%.9g", d);
}

static void
family(struct str *out, const char *name, const char *type, const char *help)
{
	str_addf(out, "# HELP %s ", name);
	add_escaped(out, help, false);
	str_addf(out, "\n# TYPE %s %s\n", name, type);
}

static void
add_label(struct str *out, const char *name, const char *value)
{
	str_addf(out, "%s=\"", name);
	add_escaped(out, value, true);
	str_addc(out, '"');
}

/* One with at most two labels, each NULL or its name and its value. */
static void
sample(
    struct str *out, const char *name, const char *const label[4], double value)
{
	str_adds(out, name);
	if (label != NULL) {
		str_addc(out, '{');
		add_label(out, label[0], label[1]);
		if (label[2] != NULL) {
			str_addc(out, ',');
			add_label(out, label[2], label[3]);
		}
		str_addc(out, '}');
	}
	str_addc(out, ' ');
	add_number(out, value);
	str_addc(out, '\n');
}

#define LABEL(name, value) ((const char *const[4]){ name, value, NULL, NULL })

/* ---- what there is ------------------------------------------------------ */

static double
number(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

static void
one(struct str *out, const char *name, const char *type, const char *help,
    double value)
{
	family(out, name, type, help);
	sample(out, name, NULL, value);
}

static void
print_process(struct str *out, const json_t *status)
{
	const json_t *p = json_object_get(status, "process");

	one(out, "process_cpu_seconds_total", "counter",
	    "CPU time of the process", number(p, "cpu_seconds"));
	one(out, "process_resident_memory_bytes", "gauge",
	    "memory of the process that is in use",
	    number(p, "resident_bytes"));
	one(out, "process_open_fds", "gauge", "descriptors that are open",
	    number(p, "open_fds"));
	one(out, "process_max_fds", "gauge", "how many may be",
	    number(p, "max_fds"));
	one(out, "process_threads", "gauge", "threads", number(p, "threads"));
	one(out, "process_start_time_seconds", "gauge",
	    "when it began, since 1970", number(status, "started"));
}

static void
print_states(struct str *out, const json_t *status, const char *name,
    const char *key, const char *help)
{
	const json_t *list = json_object_get(status, "states"), *state;
	char text[24];
	size_t i;

	family(out, name, "gauge", help);
	json_array_foreach ((json_t *)list, i, state) {
		snprintf(text, sizeof text, "%zu", i);
		sample(out, name, LABEL("state", text), number(state, key));
	}
}

static void
print_policy(struct str *out, const json_t *status)
{
	const char *policy =
	    json_string_value(json_object_get(status, "policy"));
	const char *version =
	    json_string_value(json_object_get(status, "version"));

	family(out, "kumilter_info", "gauge",
	    "1: the program and the policy that it runs");
	sample(out, "kumilter_info",
	    (const char *const[4]){ "version", version != NULL ? version : "",
		"policy", policy != NULL ? policy : "" },
	    1);
	one(out, "kumilter_epoch", "gauge",
	    "number of the policy load in use, from 1",
	    number(status, "epoch"));
	one(out, "kumilter_memory_limit_bytes", "gauge",
	    "memory_limit of a Lua state", number(status, "memory_limit"));
	print_states(out, status, "kumilter_state_memory_bytes", "memory_bytes",
	    "memory of a Lua state");
	print_states(out, status, "kumilter_state_sessions", "sessions",
	    "open sessions of a Lua state");
}

static bool
is_same_family(int a, int b)
{
	return strcmp(metric_name((enum metric)a).family,
		   metric_name((enum metric)b).family) == 0;
}

/* All of one family, of which i is the first; they need not be neighbours. */
static void
print_family(struct str *out, const json_t *counters, int i)
{
	struct metric_name n = metric_name((enum metric)i);
	char name[96];

	snprintf(name, sizeof name, "kumilter_%s%s", n.family,
	    n.gauge ? "" : "_total");
	family(out, name, n.gauge ? "gauge" : "counter", n.help);
	for (int k = i; k < METRIC_COUNT; k++) {
		if (!is_same_family(i, k))
			continue;
		n = metric_name((enum metric)k);
		sample(out, name,
		    n.label != NULL ? LABEL(n.label, n.value) : NULL,
		    number(counters, metric_text((enum metric)k)));
	}
}

static void
print_counters(struct str *out, const json_t *status)
{
	const json_t *counters = json_object_get(status, "counters");

	for (int i = 0; i < METRIC_COUNT; i++) {
		bool first = true;

		for (int k = 0; k < i; k++)
			first = first && !is_same_family(i, k);
		if (first)
			print_family(out, counters, i);
	}
}

static void
print_buckets(struct str *out, const char *name, const char *const label[4],
    const json_t *h, const json_t *bounds)
{
	const json_t *buckets = json_object_get(h, "buckets");
	size_t n = json_array_size(buckets);
	double sum = 0;
	char full[96], le[32];

	snprintf(full, sizeof full, "%s_bucket", name);
	for (size_t i = 0; i < n; i++) {
		const json_t *bound = json_array_get(bounds, i);
		const char *labels[4] = { "le", le, NULL, NULL };

		if (label != NULL) {
			memcpy(labels, label, 2 * sizeof *labels);
			labels[2] = "le";
			labels[3] = le;
		}
		if (bound != NULL)
			snprintf(le, sizeof le, "%g", json_number_value(bound));
		else
			strcpy(le, "+Inf");
		sum += json_number_value(json_array_get(buckets, i));
		sample(out, full, labels, sum);
	}
	snprintf(full, sizeof full, "%s_sum", name);
	sample(out, full, label, number(h, "sum"));
	/* by the buckets, of which one may have grown meanwhile */
	snprintf(full, sizeof full, "%s_count", name);
	sample(out, full, label, sum);
}

static void
print_times(struct str *out, const json_t *status)
{
	const json_t *bounds = json_object_get(status, "bounds"), *h;
	const json_t *times = json_object_get(status, "times");
	const char *event, *name = "kumilter_event_seconds";
	char full[64];

	family(out, name, "histogram",
	    "how long handlers took, waits included, by event");
	json_object_foreach (
	    (json_t *)json_object_get(status, "events"), event, h)
		print_buckets(out, name, LABEL("event", event), h, bounds);
	for (int i = 0; i < METRIC_TIME_COUNT; i++) {
		enum metric_time t = (enum metric_time)i;

		snprintf(full, sizeof full, "kumilter_%s_seconds",
		    metric_time_name(t));
		h = json_object_get(times, metric_time_name(t));
		family(out, full, "histogram", metric_time_help(t));
		if (h != NULL)
			print_buckets(out, full, NULL, h, bounds);
	}
}

static void
print_replies(struct str *out, const json_t *status)
{
	const char *stage, *answer, *code;
	const json_t *answers, *n;

	family(out, "kumilter_replies_total", "counter",
	    "what the MTA was told, by stage and class");
	json_object_foreach (
	    (json_t *)json_object_get(status, "replies"), stage, answers)
		json_object_foreach ((json_t *)answers, answer, n)
			sample(out, "kumilter_replies_total",
			    (const char *const[4]){
				"stage", stage, "answer", answer },
			    json_number_value(n));
	family(out, "kumilter_reply_codes_total", "counter",
	    "refusals by their SMTP code");
	json_object_foreach (
	    (json_t *)json_object_get(status, "codes"), code, n)
		sample(out, "kumilter_reply_codes_total", LABEL("code", code),
		    json_number_value(n));
}

/* Not more series than that, whatever a policy defines. */
#define CACHES_MAX 64

static void
print_caches(struct str *out, const json_t *status)
{
	static const struct {
		const char *key, *name, *type, *help;
	} rows[] = {
		{ "hits", "kumilter_cache_hits_total", "counter",
		    "results of kumo.memoize that were known" },
		{ "misses", "kumilter_cache_misses_total", "counter",
		    "those that had to be found" },
		{ "waits", "kumilter_cache_waits_total", "counter",
		    "calls that waited for another one to find it" },
		{ "failures", "kumilter_cache_failures_total", "counter",
		    "results that could not be found" },
		{ "evicted", "kumilter_cache_evicted_total", "counter",
		    "results pushed out by newer ones" },
		{ "entries", "kumilter_cache_entries", "gauge",
		    "results in the cache" },
		{ "bytes", "kumilter_cache_bytes", "gauge", "their memory" },
	};
	const json_t *caches = json_object_get(status, "caches"), *cache;
	const char *label;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int n = 0;

		family(out, rows[i].name, rows[i].type, rows[i].help);
		json_object_foreach ((json_t *)caches, label, cache)
			if (n++ < CACHES_MAX)
				sample(out, rows[i].name, LABEL("cache", label),
				    number(cache, rows[i].key));
	}
}

void
prometheus_print(struct str *out, const json_t *status)
{
	print_policy(out, status);
	print_counters(out, status);
	print_replies(out, status);
	print_times(out, status);
	print_caches(out, status);
	print_process(out, status);
}
