#include "status_view.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const json_t *
member(const json_t *o, const char *key)
{
	return o != NULL ? json_object_get(o, key) : NULL;
}

static double
number(const json_t *o, const char *key)
{
	return json_number_value(member(o, key));
}

static void
add_text(struct str *out, const json_t *o, const char *key)
{
	const char *text = json_string_value(member(o, key));

	if (text != NULL)
		str_add_printable(out, text, strlen(text));
}

/* ---- units -------------------------------------------------------------- */

#define CELL 24

static const char *
time_text(char cell[CELL], double s)
{
	if (s < 1e-3)
		snprintf(cell, CELL, "%.0f us", s * 1e6);
	else if (s < 1)
		snprintf(cell, CELL, s < 0.1 ? "%.1f ms" : "%.0f ms", s * 1e3);
	else
		snprintf(cell, CELL, s < 100 ? "%.1f s" : "%.0f s", s);
	return cell;
}

static const char *
bytes_text(char cell[CELL], double n)
{
	static const char *const units[] = { "B", "kB", "MB", "GB" };
	int i = 0;

	for (; n >= 1000 && i < 3; i++)
		n /= 1000;
	snprintf(
	    cell, CELL, n < 10 && i > 0 ? "%.1f %s" : "%.0f %s", n, units[i]);
	return cell;
}

static void
add_span(struct str *out, double s)
{
	long n = (long)s;

	if (n >= 86400)
		str_addf(out, "%ld d %ld h", n / 86400, n / 3600 % 24);
	else if (n >= 3600)
		str_addf(out, "%ld h %ld min", n / 3600, n / 60 % 60);
	else if (n >= 60)
		str_addf(out, "%ld min", n / 60);
	else
		str_addf(out, "%ld s", n);
}

/* ---- rates -------------------------------------------------------------- */

/* How many a second of what o and was count under key; -1: not known. */
static double
rate(const json_t *now, const json_t *before, const json_t *o,
    const json_t *was, const char *key)
{
	double span = number(now, "uptime") - number(before, "uptime");
	double n = number(o, key) - number(was, key);

	if (before == NULL || span <= 0 ||
	    number(now, "pid") != number(before, "pid") || n < 0)
		return -1;
	return n / span;
}

static const char *
rate_text(char cell[CELL], double r)
{
	if (r < 0)
		strcpy(cell, "-");
	else
		snprintf(cell, CELL, r < 100 ? "%.1f" : "%.0f", r);
	return cell;
}

/* Of a counter: since before, or the last ten seconds' by the daemon. */
static const char *
counter_rate(
    char cell[CELL], const json_t *now, const json_t *before, const char *name)
{
	double r = rate(now, before, member(now, "counters"),
	    member(before, "counters"), name);

	if (r < 0)
		r = number(member(member(now, "rates"), name), "10s");
	return rate_text(cell, r);
}

/* ---- tables ------------------------------------------------------------- */

static void
add_times(
    struct str *out, const json_t *now, const json_t *before, const char *group)
{
	const char *name;
	const json_t *h;
	char c[4][CELL];

	json_object_foreach ((json_t *)member(now, group), name, h) {
		const json_t *was = member(member(before, group), name);

		str_addf(out, "%-34s %10.0f %8s %9s %9s %9s\n", name,
		    number(h, "count"),
		    rate_text(c[0], rate(now, before, h, was, "count")),
		    time_text(c[1], number(h, "p50")),
		    time_text(c[2], number(h, "p90")),
		    time_text(c[3], number(h, "p99")));
	}
}

static void
add_events(struct str *out, const json_t *now, const json_t *before)
{
	if (json_object_size(member(now, "events")) == 0)
		return;
	str_addf(out, "\n%-34s %10s %8s %9s %9s %9s\n", "EVENT", "COUNT", "/S",
	    "P50", "P90", "P99");
	add_times(out, now, before, "events");
	add_times(out, now, before, "times");
}

static void
add_replies(struct str *out, const json_t *now)
{
	const char *stage, *answer;
	const json_t *answers, *n;
	bool any = false;

	json_object_foreach ((json_t *)member(now, "replies"), stage, answers) {
		double sum = 0;

		json_object_foreach ((json_t *)answers, answer, n)
			sum += json_number_value(n);
		if (sum == 0)
			continue;
		if (!any) {
			str_addf(out, "\n%-10s", "REPLIES");
			json_object_foreach ((json_t *)answers, answer, n)
				str_addf(out, " %10s", answer);
			str_addc(out, '\n');
		}
		any = true;
		str_addf(out, "%-10s", stage);
		json_object_foreach ((json_t *)answers, answer, n)
			str_addf(out, " %10.0f", json_number_value(n));
		str_addc(out, '\n');
	}
}

static void
add_codes(struct str *out, const json_t *now)
{
	const json_t *codes = member(now, "codes"), *n;
	const char *code;

	if (json_object_size(codes) == 0)
		return;
	str_adds(out, "\nCODES     ");
	json_object_foreach ((json_t *)codes, code, n)
		str_addf(out, "  %s %.0f", code, json_number_value(n));
	str_addc(out, '\n');
}

static void
add_caches(struct str *out, const json_t *now)
{
	const json_t *caches = member(now, "caches"), *cache;
	const char *name;

	if (json_object_size(caches) == 0)
		return;
	str_addf(out, "\n%10s %10s %10s %10s %6s  %s\n", "HITS", "MISSES",
	    "WAITS", "ENTRIES", "RATE", "CACHE");
	json_object_foreach ((json_t *)caches, name, cache) {
		double hits = number(cache, "hits");
		double sum =
		    hits + number(cache, "misses") + number(cache, "waits");

		str_addf(out, "%10.0f %10.0f %10.0f %10.0f %5.0f%%  ", hits,
		    number(cache, "misses"), number(cache, "waits"),
		    number(cache, "entries"), sum > 0 ? hits / sum * 100 : 0);
		str_add_printable(out, name, strlen(name));
		str_addc(out, '\n');
	}
}

static void
add_tables(struct str *out, const json_t *now, const json_t *before)
{
	add_events(out, now, before);
	add_replies(out, now);
	add_codes(out, now);
	add_caches(out, now);
}

/* ---- all of it ---------------------------------------------------------- */

static void
add_rates(struct str *out, const json_t *now)
{
	const json_t *rates = member(now, "rates"), *r;
	const char *name;
	char c[3][CELL];

	str_addf(
	    out, "\n%-12s %8s %8s %8s\n", "A SECOND", "10 S", "1 MIN", "5 MIN");
	json_object_foreach ((json_t *)rates, name, r)
		str_addf(out, "%-12s %8s %8s %8s\n", name,
		    rate_text(c[0], number(r, "10s")),
		    rate_text(c[1], number(r, "1m")),
		    rate_text(c[2], number(r, "5m")));
}

/* "cache NAME hits N ...": a line of words, whatever the name is. */
static void
add_cache_lines(struct str *out, const json_t *now)
{
	const json_t *cache, *n;
	const char *name, *key;

	json_object_foreach ((json_t *)member(now, "caches"), name, cache) {
		str_adds(out, "cache ");
		for (const char *p = name; *p != '\0'; p++)
			if (*p > ' ' && *p < 0x7f && *p != '\\')
				str_addc(out, *p);
			else
				str_addf(out, "\\x%02x", (unsigned char)*p);
		json_object_foreach ((json_t *)cache, key, n)
			str_addf(out, " %s %.0f", key, json_number_value(n));
		str_addc(out, '\n');
	}
}

void
status_view(struct str *out, const json_t *now)
{
	const json_t *states = member(now, "states"), *state, *n;
	const char *name;
	size_t i;

	str_adds(out, "version ");
	add_text(out, now, "version");
	str_addf(out, "\npid %.0f\nuptime_seconds %.0f\n", number(now, "pid"),
	    number(now, "uptime"));
	if (states != NULL) {
		str_adds(out, "policy ");
		add_text(out, now, "policy");
		if (member(now, "dry_run") != NULL)
			str_adds(out, "\ndry_run ");
		add_text(out, now, "dry_run");
		str_addf(out, "\nepoch %.0f\nstates %zu\n",
		    number(now, "epoch"), json_array_size(states));
	}
	json_array_foreach ((json_t *)states, i, state)
		str_addf(out, "state %zu sessions %.0f memory_bytes %.0f\n", i,
		    number(state, "sessions"), number(state, "memory_bytes"));
	json_object_foreach ((json_t *)member(now, "counters"), name, n)
		str_addf(out, "%s %.0f\n", name, json_number_value(n));
	add_cache_lines(out, now);
	add_rates(out, now);
	add_tables(out, now, NULL);
}

/* ---- a screen ----------------------------------------------------------- */

/* Counters of a group that are not 0: "errors_" gives "lua 3  timeout 1". */
static void
add_group(
    struct str *out, const json_t *now, const char *title, const char *prefix)
{
	size_t len = strlen(prefix);
	bool any = false;
	const char *name;
	const json_t *n;

	json_object_foreach ((json_t *)member(now, "counters"), name, n) {
		if (strncmp(name, prefix, len) != 0 ||
		    json_number_value(n) == 0)
			continue;
		if (!any)
			str_addf(out, "%-10s", title);
		any = true;
		str_addf(out, "  %s %.0f", name + len, json_number_value(n));
	}
	if (any)
		str_addc(out, '\n');
}

static void
add_head(struct str *out, const json_t *now, const json_t *before)
{
	const json_t *states = member(now, "states"), *state;
	const json_t *process = member(now, "process");
	char c[4][CELL];
	size_t i;

	str_adds(out, "kumilter ");
	add_text(out, now, "version");
	str_addf(out, "  pid %.0f  up ", number(now, "pid"));
	add_span(out, number(now, "uptime"));
	str_addf(out, "  epoch %.0f  ", number(now, "epoch"));
	add_text(out, now, "policy");
	str_addf(out,
	    "\nsessions    %.0f open, %s/s   handlers %s/s   messages %s/s   "
	    "refusals %s/s\n",
	    number(member(now, "counters"), "sessions_open"),
	    counter_rate(c[0], now, before, "sessions"),
	    counter_rate(c[1], now, before, "events"),
	    counter_rate(c[2], now, before, "messages"),
	    counter_rate(c[3], now, before, "refused"));
	str_addf(out, "memory      %s",
	    bytes_text(c[0], number(process, "resident_bytes")));
	str_addf(out, ", %.0f threads, %.0f of %.0f descriptors\n",
	    number(process, "threads"), number(process, "open_fds"),
	    number(process, "max_fds"));
	str_adds(out, "states      ");
	json_array_foreach ((json_t *)states, i, state) {
		if (i == 8) {
			str_addf(out, " ... (%zu)", json_array_size(states));
			break;
		}
		str_addf(out, "%s%.0f sess. %s", i > 0 ? " | " : "",
		    number(state, "sessions"),
		    bytes_text(c[0], number(state, "memory_bytes")));
	}
	str_addc(out, '\n');
}

void
status_view_screen(struct str *out, const json_t *now, const json_t *before)
{
	add_head(out, now, before);
	if (member(now, "dry_run") != NULL) {
		str_adds(out, "dry run     ");
		add_text(out, now, "dry_run");
		str_addc(out, '\n');
	}
	add_group(out, now, "would be", "dry_run_");
	add_group(out, now, "errors", "errors_");
	add_group(out, now, "throttles", "throttle_");
	add_group(out, now, "dns", "dns_");
	add_group(out, now, "redis", "redis_");
	add_group(out, now, "http", "http_");
	add_group(out, now, "traces", "trace_");
	add_tables(out, now, before);
}
