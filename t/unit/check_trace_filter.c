#include "unit.h"

#include "milter/trace_filter.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *pattern, *address;
	bool fits;
} rows[] = {
	{ "ann@example.com", "<ann@example.com>", true },
	{ "ann@example.com", "ann@example.com", true },
	{ "ann@example.com", "<Ann@EXAMPLE.com>", true },
	{ "ANN@example.com", "<ann@example.com>", true },
	{ "ann@example.com", "<joann@example.com>", false },
	{ "ann@example.com", "<ann@example.com.evil>", false },
	{ "*ann@example.com", "<joann@example.com>", true },
	{ "a?n@example.com", "<aün@example.com>", false }, /* two bytes */
	{ "a??n@example.com", "<aün@example.com>", true },
	{ "*@*.example.com", "<ann@mx.example.com>", true },
	{ "*@*.example.com", "<ann@example.com>", false },
	{ "*@*", "<ann@example.com>", true },
	{ "*@*", "<>", false },
	/* a domain alone */
	{ "example.com", "<ann@example.com>", true },
	{ "example.com", "<ann@Example.Com>", true },
	{ "example.com", "<ann@mx.example.com>", false },
	{ "*.example.com", "<ann@mx.example.com>", true },
	{ "example.com", "<\"a@b\"@example.com>", true },
	{ "example.com", "<@relay.example:ann@example.com>", true },
	{ "*", "<ann@example.com>", true },
	{ "*", "<postmaster>", true },
	{ "*", "<>", true },
	{ "postmaster", "<postmaster>", false },
	{ "example.com", "<>", false },
	/* the empty one */
	{ "<>", "<>", true },
	{ "<>", "", true },
	{ "<>", "<ann@example.com>", false },
	/* odd ones */
	{ "[ab]@x", "<a@x>", false },
	{ "[ab]@x", "<[ab]@x>", true },
	{ "**a**@x", "<bab@x>", true },
	{ "a*@x", "<@x>", false },
	{ "@", "<@>", true },
	{ "<a@x>", "<a@x>", false },
};

START_TEST(patterns)
{
	char text[256];
	struct trace_filter f;
	struct err err;

	snprintf(text, sizeof text, "{\"from\": [\"%s\"], \"rcpt\": []}",
	    rows[_i].pattern);
	ck_assert_int_eq(trace_filter_read(&f, text, &err), 0);
	ck_assert_msg(
	    trace_patterns_fit(&f.from, rows[_i].address) == rows[_i].fits,
	    "%s %s", rows[_i].pattern, rows[_i].address);
	ck_assert(trace_patterns_fit(&f.rcpt, rows[_i].address));
	trace_filter_fini(&f);
}
END_TEST

/* Many stars before what does not fit are no work without end. */
START_TEST(stars)
{
	char text[512] = "{\"rcpt\": [\"", address[1000];
	struct trace_filter f;
	struct err err;

	for (int i = 0; i < 100; i++)
		strcat(text, "*a");
	strcat(text, "b@x\"]}");
	memset(address, 'a', sizeof address);
	address[sizeof address - 1] = '\0';
	ck_assert_int_eq(trace_filter_read(&f, text, &err), 0);
	ck_assert(!trace_patterns_fit(&f.rcpt, address));
	trace_filter_fini(&f);
}
END_TEST

static const struct {
	const char *filter, *client;
	bool fits;
} clients[] = {
	{ "{}", "192.0.2.1", true },
	{ "{}", NULL, true },
	{ "{\"client\": [\"192.0.2.0/24\"]}", "192.0.2.1", true },
	{ "{\"client\": [\"192.0.2.0/24\"]}", "192.0.3.1", false },
	{ "{\"client\": [\"192.0.2.0/24\"]}", "2001:db8::1", false },
	{ "{\"client\": [\"192.0.2.1\", \"2001:db8::/32\"]}", "2001:db8::1",
	    true },
	{ "{\"client\": [\"192.0.2.1\", \"2001:db8::/32\"]}", "192.0.2.1",
	    true },
	{ "{\"client\": [\"any\"]}", "192.0.2.1", true },
	{ "{\"client\": [\"any\"]}", NULL, false },
};

START_TEST(networks)
{
	struct trace_filter f;
	struct ip ip;
	struct err err;

	ck_assert_int_eq(trace_filter_read(&f, clients[_i].filter, &err), 0);
	if (clients[_i].client != NULL)
		ck_assert_int_eq(ip_parse(&ip, clients[_i].client, &err), 0);
	ck_assert_int_eq(
	    trace_filter_client(&f, clients[_i].client != NULL ? &ip : NULL),
	    clients[_i].fits);
	trace_filter_fini(&f);
}
END_TEST

static const struct {
	const char *filter, *why;
} refused[] = {
	{ "", "no filter" },
	{ "[]", "no filter" },
	{ "{\"client\": [], \"client\": []}", "no filter" },
	{ "{\"to\": []}", "unknown filter \"to\"" },
	{ "{\"client\": \"192.0.2.1\"}", "client: a list" },
	{ "{\"from\": [\"a@b\", 7]}", "from: text expected" },
	{ "{\"client\": [\"192.0.2.1/24\"]}", "192.0.2.1/24" },
	{ "{\"client\": [\"mx\"]}", "mx" },
	{ "{\"rcpt\": [\"\"]}", "a pattern of" },
};

START_TEST(what_is_none)
{
	struct trace_filter f;
	struct err err = { "" };

	ck_assert_int_eq(trace_filter_read(&f, refused[_i].filter, &err), -1);
	ck_assert_msg(strstr(err.msg, refused[_i].why) != NULL, "%s", err.msg);
}
END_TEST

static Suite *
trace_filter_suite(void)
{
	TCase *tc;
	Suite *s = unit_suite("trace_filter", &tc);

	tcase_add_loop_test(tc, patterns, 0, UNIT_N(rows));
	tcase_add_test(tc, stars);
	tcase_add_loop_test(tc, networks, 0, UNIT_N(clients));
	tcase_add_loop_test(tc, what_is_none, 0, UNIT_N(refused));
	return s;
}

UNIT_MAIN(trace_filter_suite)
