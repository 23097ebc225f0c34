#include "unit.h"

#include "milter/redis_url.h"
#include "milter/str.h"

#include <stdio.h>
#include <string.h>

#define LONG                                                                   \
	"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" \
	"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

/* name, user, password, db, what else; or !error */
static const struct {
	const char *url, *expected;
} rows[] = {
	{ "redis://127.0.0.1/", "127.0.0.1:6379 - - 0" },
	{ "redis://localhost", "localhost:6379 - - 0" },
	{ "redis://h:1234/7", "h:1234 - - 7" },
	{ "redis://[::1]", "[::1]:6379 - - 0" },
	{ "redis://[2001:db8::1]:17/2", "[2001:db8::1]:17 - - 2" },
	{ "redis://u:p@h", "h:6379 u p 0" },
	{ "redis://:p@h/1", "h:6379 - p 1" },
	{ "redis://u@h", "h:6379 u - 0" },
	{ "redis://u:p%40%2f:x@h:1", "h:1 u p@/:x 0" },
	{ "redis://u:p@x@h", "h:6379 u p@x 0" },
	{ "redis://%41:%7a@h", "h:6379 A z 0" },
	{ "redis://h/?protocol=resp3", "h:6379 - - 0 resp3" },
	{ "redis://h?protocol=3&db=4", "h:6379 - - 4 resp3" },
	{ "redis://h?protocol=resp2&", "h:6379 - - 0" },
	{ "rediss://h", "h:6379 - - 0 tls" },
	{ "rediss://h/#insecure", "h:6379 - - 0 tls insecure" },
	{ "valkeys://h", "h:6379 - - 0 tls" },
	{ "unix:///run/redis.sock", "/run/redis.sock - - 0" },
	{ "redis+unix:///a%20b?db=3&user=u&pass=p", "/a b u p 3" },
	{ "", "!did not parse" },
	{ "h:6379", "!did not parse" },
	{ "http://h", "!did not parse" },
	{ "redis://", "!no host" },
	{ "redis://:p@", "!no host" },
	{ "redis://:17", "!no host" },
	{ "redis://h:", "!bad port" },
	{ "redis://h:0", "!bad port" },
	{ "redis://h:65536", "!bad port" },
	{ "redis://h:99999999999999999999", "!bad port" },
	{ "redis://h:1x", "!bad port" },
	{ "redis://[::1", "!']' is missing" },
	{ "redis://[::1]x", "!bad port" },
	{ "redis://[::1]:", "!bad port" },
	{ "redis://h/x", "!bad db" },
	{ "redis://h/-1", "!bad db" },
	{ "redis://h/1/2", "!bad db" },
	{ "redis://h?db=", "!bad db" },
	{ "redis://h?protocol=4", "!resp2 or resp3" },
	{ "redis://h?x=1", "!are known behind" },
	{ "redis://h#insecure", "!behind a '#'" },
	{ "rediss://h#x", "!behind a '#'" },
	{ "redis://a%2:b@h", "!bad %XX in the user" },
	{ "redis://a:%zz@h", "!bad %XX in the password" },
	{ "redis://h%", "!bad %XX in the host" },
	{ "redis://a%00:b@h", "!NUL" },
	{ "redis://" LONG LONG, "!host is too long" },
	{ "unix:///" LONG, "!path is too long" },
	{ "unix://a", "!absolute path" },
	{ "unix://", "!absolute path" },
};

static void
show(struct str *out, const struct redis_node *n)
{
	char name[REDIS_NAME_MAX];

	redis_node_name(n, name, sizeof name);
	str_addf(out, "%s %s %s %d%s%s%s", name,
	    n->user[0] != '\0' ? n->user : "-",
	    n->password[0] != '\0' ? n->password : "-", n->db,
	    n->tls ? " tls" : "", n->insecure ? " insecure" : "",
	    n->resp3 ? " resp3" : "");
}

START_TEST(url_row)
{
	const char *expected = rows[_i].expected;
	struct redis_node n;
	struct str got = { 0 };
	struct err err;

	if (redis_url_parse(&n, rows[_i].url, &err) == 0)
		show(&got, &n);
	else
		str_addf(&got, "!%s", err.msg);
	if (expected[0] == '!')
		ck_assert_msg(str_c(&got)[0] == '!' &&
				  strstr(str_c(&got), expected + 1) != NULL,
		    "%s: %s", rows[_i].url, str_c(&got));
	else
		ck_assert_msg(strcmp(str_c(&got), expected) == 0, "%s: %s",
		    rows[_i].url, str_c(&got));
	str_fini(&got);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("redis_url", &t);

	tcase_add_loop_test(t, url_row, 0, UNIT_N(rows));
	return s;
}

UNIT_MAIN(suite)
