#include "unit.h"

#include "milter/cidr_named.h"
#include "milter/cidr_query.h"
#include "milter/clock.h"
#include "milter/log.h"

#include <stdio.h>
#include <string.h>

#define DEADLINE (clock_mono() + 30 * CLOCK_S)
#define ROWS                                                                   \
	"select '192.0.2.0/24' as net, 'a' as v, 7 as n union all "            \
	"select '192.0.2.9', null, 8 union all "                               \
	"select '2001:db8::1/32', 'b', 9"

static const struct {
	const char *sql, *cidr, *value, *ip, *got; /* got NULL: none */
	const char *complaint;
} rows[] = {
	{ ROWS, NULL, "v", "192.0.2.1", "a", "" },
	{ ROWS, "net", "v", "192.0.2.1", "a", "" },
	{ ROWS, "1", "3", "192.0.2.1", "7", "" },
	{ ROWS, NULL, "n", "192.0.2.9", "8", "" },
	{ ROWS, NULL, "v", "192.0.2.9", "", "" },
	{ ROWS, NULL, NULL, "192.0.2.1", "", "" },
	{ ROWS, NULL, "v", "2001:db8:ffff::", "b", "" },
	{ ROWS, NULL, "v", "192.0.3.1", NULL, "" },
	{ ROWS, "v", NULL, "192.0.2.1", NULL, "row 1: \"a\" is no IP" },
	{ "select null union all select '/8' union all select '192.0.2.1'",
	    NULL, NULL, "192.0.2.1", "", "row 1: no network\nrow 2: \"/8\"" },
	{ "select 1 where 0", NULL, NULL, "192.0.2.1", NULL, "" },
};

static struct cidr_query
query_of(json_t *uris, const char *sql, const char *cidr, const char *value)
{
	return (struct cidr_query){ .uris = uris,
		.sql = sql,
		.cidr_column = cidr,
		.value_column = value };
}

START_TEST(rows_become_networks)
{
	json_t *uris = json_pack("[s]", "sqlite::memory:");
	struct cidr_query q =
	    query_of(uris, rows[_i].sql, rows[_i].cidr, rows[_i].value);
	struct cidr_build *b = cidr_build_new(CIDR_SMALLEST, 100);
	struct str complaints = { 0 };
	struct cidr_map *map;
	const char *got;
	struct err err;
	struct ip ip;
	size_t len;

	ck_assert_msg(cidr_query_load(b, &q, DEADLINE, &complaints, &err) == 0,
	    "%s", err.msg);
	map = cidr_build_done(b);
	ip_parse(&ip, rows[_i].ip, NULL);
	got = cidr_map_lookup(map, &ip, &len);
	ck_assert_msg((got == NULL) == (rows[_i].got == NULL) &&
			  (got == NULL || strcmp(got, rows[_i].got) == 0),
	    "row %d: %s", _i, got);
	ck_assert_msg(strncmp(str_c(&complaints), rows[_i].complaint,
			  strlen(rows[_i].complaint)) == 0,
	    "%s", str_c(&complaints));
	cidr_map_unref(map);
	str_fini(&complaints);
	json_decref(uris);
}
END_TEST

static const struct {
	const char *uri, *sql, *cidr, *value, *says;
} bad[] = {
	{ "sqlite::memory:", "select", NULL, NULL, "incomplete" },
	{ "sqlite::memory:", "select '::1'", "net", NULL, "no column \"net\"" },
	{ "sqlite::memory:", "select '::1'", "2", NULL, "no column \"2\"" },
	{ "sqlite::memory:", "select '::1'", NULL, "v", "no column \"v\"" },
	{ "mysql:x", "select '::1'", NULL, NULL, "built without mysql" },
	{ "sqlite::memory:",
	    "select '192.0.2.1' union all select '192.0.2.2' union all "
	    "select '192.0.2.3'",
	    NULL, NULL, "more than 2 networks" },
};

START_TEST(failures_are_told)
{
	json_t *uris = json_pack("[s]", bad[_i].uri);
	struct cidr_query q =
	    query_of(uris, bad[_i].sql, bad[_i].cidr, bad[_i].value);
	struct cidr_build *b = cidr_build_new(CIDR_SMALLEST, 2);
	struct str complaints = { 0 };
	struct err err;

	ck_assert_int_eq(
	    cidr_query_load(b, &q, DEADLINE, &complaints, &err), -1);
	ck_assert_msg(
	    strstr(err.msg, bad[_i].says) != NULL, "%d: %s", _i, err.msg);
	cidr_build_free(b);
	str_fini(&complaints);
	json_decref(uris);
}
END_TEST

START_TEST(a_refresh_asks_again)
{
	json_t *query =
	    json_pack("{s:[s], s:s, s:s}", "uris", "sqlite::memory:", "sql",
		"select '192.0.2.1', (select count(*) from n) as v from "
		"(select 1)",
		"value_column", "v");
	struct cidr_terms terms = { .query = query, .refresh = 60 * CLOCK_S };
	struct str out = { 0 };
	struct err err;
	struct ip ip;

	ip_parse(&ip, "192.0.2.1", NULL);
	log_open(LOG_SINK_STDERR, LOG_LEVEL_ERROR);
	ck_assert_int_eq(cidr_named_define("q", &terms, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.msg, "no such table"));
	json_object_set_new(query, "sql",
	    json_string("select '192.0.2.1', 'v' || (random() & 0) as v"));
	ck_assert_int_eq(cidr_named_define("q", &terms, &err), 0);
	ck_assert_int_eq(
	    cidr_named_query("q", &ip, clock_mono() + 61 * CLOCK_S, &out), 1);
	cidr_named_settle();
	ck_assert_int_eq(cidr_named_reload("q", DEADLINE, &err), 0);
	ck_assert_int_eq(cidr_named_query("q", &ip, clock_mono(), &out), 1);
	ck_assert_str_eq(str_c(&out), "v0v0");
	str_fini(&out);
	json_decref(query);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("cidr_query", &t);

#ifdef HAVE_SQLITE3
	tcase_add_loop_test(t, rows_become_networks, 0, UNIT_N(rows));
	tcase_add_loop_test(t, failures_are_told, 0, UNIT_N(bad));
	tcase_add_test(t, a_refresh_asks_again);
#else
	(void)rows_become_networks, (void)failures_are_told;
	(void)a_refresh_asks_again;
	printf("SKIP: built without SQLite\n");
#endif
	return s;
}

UNIT_MAIN(suite)
