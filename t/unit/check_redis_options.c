#include "unit.h"

#include "milter/clock.h"
#include "milter/redis_options.h"
#include "milter/str.h"
#include "milter/xmalloc.h"

#include <string.h>

/* nodes, how, pool size, times in ms; or !error */
static const struct {
	const char *json, *expected;
} rows[] = {
	{ "{'node': 'redis://h'}", "h:6379 10 3000 3000 5000 1000" },
	{ "{'node': 'redis://u:p@h', 'username': 'v', 'password': 'q'}",
	    "v:q@h:6379 10 3000 3000 5000 1000" },
	{ "{'node': 'redis://h', 'pool_size': 3, 'connect_timeout': '1s', "
	  "'wait_timeout': 2, 'response_timeout': 0.5, 'recycle_timeout': "
	  "'70ms'}",
	    "h:6379 3 1000 2000 500 70" },
	{ "{'node': ['redis://a', 'redis://b:1'], 'username': 'u', "
	  "'read_from_replicas': true}",
	    "u:@a:6379 u:@b:1 cluster replicas 10 3000 3000 5000 1000" },
	{ "{'node': ['redis://a']}", "a:6379 cluster 10 3000 3000 5000 1000" },
	{ "{'node': ['redis://a'], 'cluster': false}",
	    "a:6379 10 3000 3000 5000 1000" },
	{ "{'node': 'redis://a', 'cluster': true}",
	    "a:6379 cluster 10 3000 3000 5000 1000" },
	{ "{}", "!missing field `node`" },
	{ "[]", "!a table with node expected" },
	{ "{'nodes': 'redis://h'}", "!unknown field `nodes`" },
	{ "{'node': 7}", "!a URL or an array" },
	{ "{'node': []}", "!a URL or an array" },
	{ "{'node': [7]}", "!a URL or an array" },
	{ "{'node': 'redis://h\\u0000x'}", "!a URL or an array" },
	{ "{'node': 'h'}", "!did not parse" },
	{ "{'node': ['redis://a', 'redis://b'], 'cluster': false}",
	    "!several are a cluster" },
	{ "{'node': ['redis://a/1']}", "!database 0 alone" },
	{ "{'node': ['unix:///a']}", "!database 0 alone" },
	{ "{'node': 'redis://h', 'pool_size': 0}", "!pool_size: an integer" },
	{ "{'node': 'redis://h', 'pool_size': 1.5}", "!pool_size: an integer" },
	{ "{'node': 'redis://h', 'pool_size': 'x'}", "!pool_size: an integer" },
	{ "{'node': 'redis://h', 'pool_size': 2000}", "!from 1 to 1024" },
	{ "{'node': 'redis://h', 'wait_timeout': 'x'}", "!wait_timeout: " },
	{ "{'node': 'redis://h', 'wait_timeout': 0}", "!1ms to 1day" },
	{ "{'node': 'redis://h', 'wait_timeout': -1}", "!a duration expected" },
	{ "{'node': 'redis://h', 'wait_timeout': 1e300}", "!a duration" },
	{ "{'node': 'redis://h', 'wait_timeout': true}", "!a duration" },
	{ "{'node': 'redis://h', 'cluster': 1}", "!true or false" },
	{ "{'node': 'redis://h', 'username': 1}", "!username: a string" },
	{ "{'node': 'redis://h', 'password': {}}", "!password: a string" },
};

static json_t *
parse(const char *text)
{
	char *copy = xstrdup(text);
	json_t *json;

	for (char *p = copy; *p != '\0'; p++)
		if (*p == '\'')
			*p = '"';
	json = json_loads(copy, JSON_ALLOW_NUL, NULL);
	ck_assert_msg(json != NULL, "%s", text);
	free(copy);
	return json;
}

static void
show(struct str *out, const struct redis_options *o)
{
	char name[REDIS_NAME_MAX];

	for (int i = 0; i < o->n_nodes; i++) {
		const struct redis_node *n = &o->node[i];

		redis_node_name(n, name, sizeof name);
		if (n->user[0] != '\0')
			str_addf(out, "%s:%s@", n->user, n->password);
		str_addf(out, "%s ", name);
	}
	str_addf(out, "%s%s%d %d %d %d %d", o->cluster ? "cluster " : "",
	    o->read_from_replicas ? "replicas " : "", o->pool_size,
	    (int)(o->connect_timeout / CLOCK_MS),
	    (int)(o->wait_timeout / CLOCK_MS),
	    (int)(o->response_timeout / CLOCK_MS),
	    (int)(o->recycle_timeout / CLOCK_MS));
}

START_TEST(options_row)
{
	const char *expected = rows[_i].expected;
	struct redis_options *o = xmalloc(sizeof *o);
	json_t *json = parse(rows[_i].json);
	struct str got = { 0 };
	struct err err;

	if (redis_options_read(o, json, &err) == 0)
		show(&got, o);
	else
		str_addf(&got, "!%s", err.msg);
	if (expected[0] == '!')
		ck_assert_msg(str_c(&got)[0] == '!' &&
				  strstr(str_c(&got), expected + 1) != NULL,
		    "%s: %s", rows[_i].json, str_c(&got));
	else
		ck_assert_msg(strcmp(str_c(&got), expected) == 0, "%s: %s",
		    rows[_i].json, str_c(&got));
	str_fini(&got);
	json_decref(json);
	free(o);
}
END_TEST

START_TEST(too_many_nodes)
{
	struct redis_options *o = xmalloc(sizeof *o);
	json_t *list = json_array(), *json = json_object();
	struct err err;

	for (int i = 0; i <= REDIS_NODES_MAX; i++)
		json_array_append_new(list, json_string("redis://h"));
	json_object_set_new(json, "node", list);
	ck_assert_int_eq(redis_options_read(o, json, &err), -1);
	ck_assert_str_eq(err.msg, "node: more than 32");
	json_decref(json);
	free(o);
}
END_TEST

START_TEST(identical_options_have_one_key)
{
	json_t *a = parse("{'node': 'redis://h', 'pool_size': 3}");
	json_t *b = parse("{'pool_size': 3, 'node': 'redis://h'}");
	json_t *c = parse("{'pool_size': 4, 'node': 'redis://h'}");
	char *ka = redis_options_key(a), *kb = redis_options_key(b);
	char *kc = redis_options_key(c);

	ck_assert_str_eq(ka, kb);
	ck_assert_str_ne(ka, kc);
	free(ka);
	free(kb);
	free(kc);
	json_decref(a);
	json_decref(b);
	json_decref(c);
}
END_TEST

START_TEST(secrets_are_not_shown)
{
	json_t *json = parse("{'node': 'redis://u:secret@h', 'password': "
			     "'secret', 'username': 'secret', 'x': 1}");
	char *text = redis_options_show(json);

	ck_assert_ptr_null(strstr(text, "secret"));
	ck_assert_ptr_nonnull(strstr(text, "\"x\":1"));
	free(text);
	json_decref(json);
	json = json_integer(3);
	text = redis_options_show(json);
	ck_assert_str_eq(text, "3");
	free(text);
	json_decref(json);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("redis_options", &t);

	tcase_add_loop_test(t, options_row, 0, UNIT_N(rows));
	tcase_add_test(t, too_many_nodes);
	tcase_add_test(t, identical_options_have_one_key);
	tcase_add_test(t, secrets_are_not_shown);
	return s;
}

UNIT_MAIN(suite)
