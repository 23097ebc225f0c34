#include "unit.h"

#include "milter/status_view.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define STATUS(uptime, ehlos)                                                  \
	"{ \"version\": \"1.2\", \"pid\": 7, \"uptime\": " uptime ","          \
	"  \"policy\": \"/p\\u001b[2J\", \"epoch\": 2,"                        \
	"  \"dry_run\": \"10 % of the clients\","                              \
	"  \"states\": [ { \"sessions\": 3, \"memory_bytes\": 2048 } ],"       \
	"  \"process\": { \"resident_bytes\": 12000000, \"threads\": 9 },"     \
	"  \"counters\": { \"sessions\": " ehlos ", \"sessions_open\": 3,"     \
	"     \"errors_lua\": 4, \"errors_timeout\": 0,"                       \
	"     \"dry_run_refused\": 6, \"dry_run_edited\": 0 },"                \
	"  \"rates\": { \"sessions\": { \"10s\": 1.5, \"1m\": 2, \"5m\": 0 } " \
	"},"                                                                   \
	"  \"events\": { \"smtp_server_ehlo\": { \"count\": " ehlos ","        \
	"     \"p50\": 0.00012, \"p90\": 0.25, \"p99\": 3 } },"                \
	"  \"replies\": { \"helo\": { \"continue\": 0, \"5xx\": 0 },"          \
	"     \"mail\": { \"continue\": 20, \"5xx\": 5 } },"                   \
	"  \"codes\": { \"550\": 5 },"                                         \
	"  \"caches\": { \"c d\": { \"hits\": 3, \"misses\": 1 } } }"

static char *
view(bool screen, const char *now, const char *before)
{
	json_t *a = json_loads(now, 0, NULL);
	json_t *b = before != NULL ? json_loads(before, 0, NULL) : NULL;
	struct str out = { 0 };

	ck_assert_ptr_nonnull(a);
	if (screen)
		status_view_screen(&out, a, b);
	else
		status_view(&out, a);
	json_decref(a);
	json_decref(b);
	return str_take(&out);
}

static const char *const in_all[] = {
	"version 1.2\npid 7\n",
	"\ndry_run 10 % of the clients\nepoch 2\nstates 1\nstate 0 sessions 3 "
	"memory_bytes 2048\n",
	"\nsessions_open 3\nerrors_lua 4\nerrors_timeout 0\n",
	"\nsessions          1.5      2.0      0.0\n",
	"smtp_server_ehlo                           25        -    120 us    "
	"250 ms     3.0 s\n",
	"\nREPLIES      continue        5xx\nmail               20          "
	"5\n",
	"\nCODES       550 5\n",
	"         3          1          0          0    75%  c d\n",
	"\ncache c\\x20d hits 3 misses 1\n",
};

START_TEST(tells_all)
{
	char *text = view(false, STATUS("100", "25"), NULL);

	ck_assert_msg(strstr(text, in_all[_i]) != NULL, "no \"%s\" in\n%s",
	    in_all[_i], text);
	ck_assert_ptr_null(strchr(text, '\033'));
	free(text);
}
END_TEST

static const struct {
	const char *before, *has;
} screens[] = {
	{ NULL, "3 open, 1.5/s" },
	{ STATUS("90", "5"), "3 open, 2.0/s" },
	{ STATUS("90", "5"), "smtp_server_ehlo                           25"
			     "      2.0" },
	{ NULL, "errors      lua 4\n" },
	{ NULL, "\ndry run     10 % of the clients\nwould be    refused 6\n" },
	{ NULL, "memory      12 MB, 9 threads" },
	{ NULL, "up 1 min  epoch 2" },
	/* not another process's, and no rate of no time */
	{ STATUS("100", "5"), "3 open, 1.5/s" },
	{ "{ \"pid\": 8, \"uptime\": 1 }", "3 open, 1.5/s" },
};

START_TEST(a_screen)
{
	char *text = view(true, STATUS("100", "25"), screens[_i].before);

	ck_assert_msg(strstr(text, screens[_i].has) != NULL, "no \"%s\" in\n%s",
	    screens[_i].has, text);
	ck_assert_ptr_null(strchr(text, '\033'));
	free(text);
}
END_TEST

START_TEST(of_nothing)
{
	char *text = view(false, "{}", NULL);

	ck_assert_ptr_nonnull(text);
	free(text);
	text = view(true, "{}", "{}");
	ck_assert_ptr_nonnull(text);
	free(text);
}
END_TEST

static Suite *
suite(void)
{
	TCase *tc;
	Suite *s = unit_suite("status_view", &tc);

	tcase_add_loop_test(tc, tells_all, 0, UNIT_N(in_all));
	tcase_add_loop_test(tc, a_screen, 0, UNIT_N(screens));
	tcase_add_test(tc, of_nothing);
	return s;
}

UNIT_MAIN(suite)
