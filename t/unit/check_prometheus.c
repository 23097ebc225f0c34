#include "unit.h"

#include "milter/prometheus.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char status[] =
    "{ \"version\": \"1\", \"policy\": \"/a\\\\b\\\"c\\nd\", \"epoch\": 3,"
    "  \"memory_limit\": 1000, \"started\": 1.5, \"pid\": 1,"
    "  \"states\": [ { \"sessions\": 1, \"memory_bytes\": 700 },"
    "                { \"sessions\": 0, \"memory_bytes\": 0 } ],"
    "  \"counters\": { \"errors_lua\": 4, \"sessions_open\": 2 },"
    "  \"bounds\": [ 0.00001, 50 ],"
    "  \"events\": { \"smtp_server_ehlo\":"
    "    { \"count\": 6, \"sum\": 0.25, \"buckets\": [ 1, 2, 3 ] } },"
    "  \"times\": { \"wait\":"
    "    { \"count\": 1, \"sum\": 2, \"buckets\": [ 0, 1, 0 ] } },"
    "  \"replies\": { \"mail\": { \"421\": 7 } },"
    "  \"codes\": { \"550\": 9 },"
    "  \"caches\": { \"q\\\"\": { \"hits\": 8 } },"
    "  \"process\": { \"cpu_seconds\": 0.5 } }";

/* Whole lines that must be there. */
static const char *const lines[] = {
	"kumilter_info{version=\"1\",policy=\"/a\\\\b\\\"c\\nd\"} 1",
	"kumilter_epoch 3",
	"# TYPE kumilter_epoch gauge",
	"kumilter_state_memory_bytes{state=\"0\"} 700",
	"kumilter_state_memory_bytes{state=\"1\"} 0",
	"kumilter_errors_total{kind=\"lua\"} 4",
	"kumilter_errors_total{kind=\"timeout\"} 0",
	"# TYPE kumilter_errors_total counter",
	"kumilter_sessions_open 2",
	"# TYPE kumilter_sessions_open gauge",
	"# TYPE kumilter_event_seconds histogram",
	"kumilter_event_seconds_bucket{event=\"smtp_server_ehlo\",le=\"1e-05\"}"
	" "
	"1",
	"kumilter_event_seconds_bucket{event=\"smtp_server_ehlo\",le=\"50\"} 3",
	"kumilter_event_seconds_bucket{event=\"smtp_server_ehlo\",le=\"+Inf\"} "
	"6",
	"kumilter_event_seconds_sum{event=\"smtp_server_ehlo\"} 0.25",
	"kumilter_event_seconds_count{event=\"smtp_server_ehlo\"} 6",
	"kumilter_wait_seconds_bucket{le=\"50\"} 1",
	"kumilter_wait_seconds_count 1",
	"kumilter_replies_total{stage=\"mail\",answer=\"421\"} 7",
	"kumilter_reply_codes_total{code=\"550\"} 9",
	"kumilter_cache_hits_total{cache=\"q\\\"\"} 8",
	"process_cpu_seconds_total 0.5",
	"process_start_time_seconds 1.5",
};

static char *
print(void)
{
	struct str out = { 0 };
	json_t *o = json_loads(status, 0, NULL);

	ck_assert_ptr_nonnull(o);
	prometheus_print(&out, o);
	json_decref(o);
	return str_take(&out);
}

static bool
has_line(const char *text, const char *line)
{
	size_t n = strlen(line);

	for (const char *p = text; (p = strstr(p, line)) != NULL; p++)
		if ((p == text || p[-1] == '\n') && p[n] == '\n')
			return true;
	return false;
}

START_TEST(prints)
{
	char *text = print();

	ck_assert_msg(has_line(text, lines[_i]), "no line \"%s\" in\n%s",
	    lines[_i], text);
	free(text);
}
END_TEST

/* A second HELP of a name ends a scrape. */
START_TEST(each_family_is_told_once)
{
	char *text = print(), name[128], wanted[160];
	int n = 0;

	for (const char *p = text; (p = strstr(p, "# TYPE ")) != NULL; p++) {
		const char *again = strstr(p + 1, "# TYPE ");

		ck_assert_int_eq(sscanf(p, "# TYPE %127s", name), 1);
		snprintf(wanted, sizeof wanted, "# TYPE %s ", name);
		ck_assert_msg(again == NULL || strstr(again, wanted) == NULL,
		    "%s twice", name);
		n++;
	}
	ck_assert_int_gt(n, 20);
	free(text);
}
END_TEST

static Suite *
suite(void)
{
	TCase *tc;
	Suite *s = unit_suite("prometheus", &tc);

	tcase_add_loop_test(tc, prints, 0, UNIT_N(lines));
	tcase_add_test(tc, each_family_is_told_once);
	return s;
}

UNIT_MAIN(suite)
