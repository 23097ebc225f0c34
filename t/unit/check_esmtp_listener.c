#include "unit.h"

#include "milter/esmtp_listener.h"

#include <string.h>

static json_t *
parse(const char *text)
{
	json_error_t why;
	json_t *value = json_loads(text, JSON_DECODE_ANY, &why);

	ck_assert_msg(value != NULL, "%s: %s", text, why.text);
	return value;
}

static const struct {
	const char *params;
	const char *word; /* of the error; NULL: fine */
} checks[] = {
	{ "{}", NULL },
	{ "[]", NULL }, /* what an empty Lua table becomes */
	{ "{\"listen\": \"0.0.0.0:25\", \"hostname\": \"mx\"}", NULL },
	{ "{\"relay_hosts\": [\"127.0.0.1\", \"10.0.0.0/8\", \"::1\"]}", NULL },
	{ "{\"relay_hosts\": []}", NULL },
	{ "{\"relay_hosts\": {}}", NULL },
	{ "{\"meta\": {\"a\": [1, {\"b\": null}]}}", NULL },
	{ "{\"peer\": {\"10.0.0.0/8\": {\"hostname\": \"in\"}}}", NULL },
	{ "{\"via\": {\"192.0.2.1\": {\"meta\": {}}}}", NULL },
	{ "{\"batch_handling\": \"BatchByDomain\"}", NULL },
	{ "{\"max_recipients_per_message\": 0}", NULL },
	{ "{\"banner\": \"hi\", \"tls_certificate\": 1, \"trace_headers\": {}}",
	    NULL },
	{ "[1]", "a table of parameters" },
	{ "\"x\"", "a table of parameters" },
	{ "{\"hostnme\": \"mx\"}", "unknown key \"hostnme\"" },
	{ "{\"hostname\": 1}", "hostname: a string" },
	{ "{\"meta\": \"x\"}", "meta: a table" },
	{ "{\"relay_hosts\": \"10.0.0.0/8\"}", "relay_hosts: an array" },
	{ "{\"relay_hosts\": [1]}", "relay_hosts: entry 1 is no string" },
	{ "{\"relay_hosts\": [\"10.0.0.0/99\"]}", "relay_hosts: " },
	{ "{\"relay_hosts\": [\"10.0.0.1/8\"]}", "relay_hosts: " },
	{ "{\"peer\": [1]}", "peer: a table of networks" },
	{ "{\"peer\": {\"home\": {}}}", "peer: " },
	{ "{\"peer\": {\"::/0\": {\"nope\": 1}}}",
	    "peer: ['::/0']: unknown key \"nope\"" },
	{ "{\"via\": {\"::/0\": 7}}", "via: ['::/0']: a table" },
	{ "{\"batch_handling\": \"Some\"}", "batch_handling: \"Some\"" },
	{ "{\"batch_handling\": 1}", "batch_handling" },
	{ "{\"max_message_size\": -1}", "a whole number from 0" },
	{ "{\"max_message_size\": 1.5}", "a whole number from 0" },
	{ "{\"max_message_size\": \"10MB\"}", "a whole number from 0" },
};

START_TEST(check_says)
{
	json_t *params = parse(checks[_i].params);
	struct err err = { "" };
	int rc = esmtp_listener_check(params, &err);

	if (checks[_i].word == NULL)
		ck_assert_msg(rc == 0, "%s: %s", checks[_i].params, err.msg);
	else
		ck_assert_msg(
		    rc == -1 && strstr(err.msg, checks[_i].word) != NULL,
		    "%s: %s", checks[_i].params, err.msg);
	json_decref(params);
}
END_TEST

static const char profiles[] =
    "[{\"listen\": \"0.0.0.0:25\", \"hostname\": \"first\","
    "  \"meta\": {\"a\": 1, \"b\": 1},"
    "  \"peer\": {\"10.0.0.0/8\": {\"hostname\": \"ten\", \"meta\": {\"b\": "
    "2}},"
    "    \"10.1.0.0/16\": {\"hostname\": \"ten-one\"},"
    "    \"0.0.0.0/0\": {\"max_message_size\": 5}},"
    "  \"via\": {\"192.0.2.9\": {\"hostname\": \"nine\", \"meta\": {\"c\": "
    "3}}}},"
    " {\"listen\": \"192.0.2.2:25\", \"hostname\": \"second\"},"
    " {\"listen\": \"192.0.2.2:587\", \"hostname\": \"submission\"},"
    " {\"listen\": \"[2001:db8::1]:26\", \"hostname\": \"six\"}]";

static const struct {
	const char *local;
	int port;
	const char *peer, *params;
} finds[] = {
	/* the address itself, then any address, then the port, then the first
	 */
	{ "192.0.2.2", 25, NULL, "{\"hostname\": \"second\"}" },
	{ "192.0.2.2", 587, NULL, "{\"hostname\": \"submission\"}" },
	{ "192.0.2.3", 587, NULL, "{\"hostname\": \"submission\"}" },
	{ "192.0.2.3", 25, NULL,
	    "{\"hostname\": \"first\", \"meta\": {\"a\": 1, \"b\": 1}}" },
	{ "192.0.2.3", 2525, NULL,
	    "{\"hostname\": \"first\", \"meta\": {\"a\": 1, \"b\": 1}}" },
	{ "2001:db8::1", 26, NULL, "{\"hostname\": \"six\"}" },
	{ NULL, 0, NULL,
	    "{\"hostname\": \"first\", \"meta\": {\"a\": 1, \"b\": 1}}" },
	/* then the longest network of the client, then the way in */
	{ "192.0.2.3", 25, "10.9.9.9",
	    "{\"hostname\": \"ten\", \"meta\": {\"a\": 1, \"b\": 2}}" },
	{ "192.0.2.3", 25, "10.1.9.9",
	    "{\"hostname\": \"ten-one\", \"meta\": {\"a\": 1, \"b\": 1}}" },
	{ "192.0.2.3", 25, "198.51.100.1",
	    "{\"hostname\": \"first\", \"meta\": {\"a\": 1, \"b\": 1},"
	    " \"max_message_size\": 5}" },
	{ "192.0.2.3", 25, "2001:db8::2",
	    "{\"hostname\": \"first\", \"meta\": {\"a\": 1, \"b\": 1}}" },
	{ "192.0.2.9", 25, "10.1.9.9",
	    "{\"hostname\": \"nine\", \"meta\": {\"a\": 1, \"b\": 1,"
	    " \"c\": 3}}" },
};

START_TEST(params_for_a_session)
{
	json_t *list = parse(profiles), *copy = json_deep_copy(list);
	json_t *want = parse(finds[_i].params), *got;
	struct ip local, peer;
	char *text;

	if (finds[_i].local != NULL)
		ck_assert_int_eq(ip_parse(&local, finds[_i].local, NULL), 0);
	if (finds[_i].peer != NULL)
		ck_assert_int_eq(ip_parse(&peer, finds[_i].peer, NULL), 0);
	got =
	    esmtp_listener_params(list, finds[_i].local != NULL ? &local : NULL,
		finds[_i].port, finds[_i].peer != NULL ? &peer : NULL);
	ck_assert_int_eq(json_object_del(got, "listen"), 0);
	text = json_dumps(got, JSON_SORT_KEYS);
	ck_assert_msg(json_equal(got, want), "%s", text);
	/* it is the session's own: nothing of the profile changed with it */
	json_object_set_new(json_object_get(got, "meta"), "x", json_true());
	ck_assert(json_equal(list, copy));
	free(text);
	json_decref(got);
	json_decref(want);
	json_decref(copy);
	json_decref(list);
}
END_TEST

START_TEST(no_profile)
{
	json_t *none = json_array();
	json_t *params = esmtp_listener_params(none, NULL, 0, NULL);

	ck_assert_uint_eq(json_object_size(params), 0);
	ck_assert_int_eq(esmtp_listener_number(params, "x", 7), 7);
	json_decref(params);
	json_decref(none);
}
END_TEST

START_TEST(override)
{
	json_t *params = parse("{\"hostname\": \"a\", \"meta\": {\"x\": 1,"
			       " \"y\": {\"z\": 1}}, \"relay_hosts\": [1, 2]}");
	json_t *over = parse("{\"hostname\": \"b\", \"meta\": {\"y\": 2},"
			     " \"relay_hosts\": [], \"banner\": \"c\"}");
	json_t *want = parse("{\"hostname\": \"b\", \"meta\": {\"x\": 1,"
			     " \"y\": 2}, \"relay_hosts\": [],"
			     " \"banner\": \"c\"}");

	esmtp_listener_override(params, over);
	ck_assert(json_equal(params, want));
	esmtp_listener_override(params, NULL);
	ck_assert(json_equal(params, want));
	json_decref(params);
	json_decref(over);
	json_decref(want);
}
END_TEST

static const struct {
	const char *params, *peer;
	bool relays;
} relays[] = {
	{ "{}", "127.0.0.1", true },
	{ "{}", "::1", true },
	{ "{}", "127.0.0.2", false },
	{ "{\"relay_hosts\": []}", "127.0.0.1", false },
	{ "{\"relay_hosts\": [\"10.0.0.0/8\"]}", "10.255.0.1", true },
	{ "{\"relay_hosts\": [\"10.0.0.0/8\"]}", "11.0.0.1", false },
	{ "{\"relay_hosts\": [\"192.0.2.1\", \"2001:db8::/32\"]}",
	    "2001:db8:1::1", true },
};

START_TEST(relays_for)
{
	json_t *params = parse(relays[_i].params);
	struct ip peer;

	ck_assert_int_eq(ip_parse(&peer, relays[_i].peer, NULL), 0);
	ck_assert_int_eq(
	    esmtp_listener_relays_for(params, &peer), relays[_i].relays);
	json_decref(params);
}
END_TEST

START_TEST(numbers)
{
	json_t *params = parse("{\"n\": 5, \"f\": 1.5, \"s\": \"5\"}");

	ck_assert_int_eq(esmtp_listener_number(params, "n", -1), 5);
	ck_assert_int_eq(esmtp_listener_number(params, "f", -1), -1);
	ck_assert_int_eq(esmtp_listener_number(params, "s", -1), -1);
	ck_assert_int_eq(esmtp_listener_number(params, "none", -1), -1);
	ck_assert_int_eq(esmtp_listener_number(NULL, "n", -1), -1);
	json_decref(params);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("esmtp_listener", &t);

	tcase_add_loop_test(t, check_says, 0, UNIT_N(checks));
	tcase_add_loop_test(t, params_for_a_session, 0, UNIT_N(finds));
	tcase_add_test(t, no_profile);
	tcase_add_test(t, override);
	tcase_add_loop_test(t, relays_for, 0, UNIT_N(relays));
	tcase_add_test(t, numbers);
	return s;
}

UNIT_MAIN(suite)
