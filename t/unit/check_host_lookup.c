#include "unit.h"

#include "milter/clock.h"
#include "milter/host_lookup.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>

static const char *
text_of(const struct host_addresses *a, size_t i, char *out, size_t size)
{
	const struct sockaddr *addr = (const struct sockaddr *)&a->at[i].addr;
	const void *ip =
	    addr->sa_family == AF_INET
		? (const void *)&((const struct sockaddr_in *)addr)->sin_addr
		: &((const struct sockaddr_in6 *)addr)->sin6_addr;

	return inet_ntop(addr->sa_family, ip, out, (socklen_t)size);
}

START_TEST(an_address_is_its_own_answer)
{
	static const char *const rows[] = { "192.0.2.1", "2001:db8::1" };
	struct host_addresses found;
	char text[64];
	struct err err;

	for (size_t i = 0; i < UNIT_N(rows); i++) {
		/* no time is needed */
		ck_assert_int_eq(host_lookup(rows[i], 25, 0, &found, &err), 0);
		ck_assert_uint_eq(found.n, 1);
		ck_assert_str_eq(
		    text_of(&found, 0, text, sizeof text), rows[i]);
	}
}
END_TEST

static void
expect_localhost(void)
{
	struct host_addresses found;
	char text[64];
	struct err err;

	ck_assert_msg(host_lookup("localhost", 25, clock_mono() + 60 * CLOCK_S,
			  &found, &err) == 0,
	    "%s", err.msg);
	ck_assert_uint_ge(found.n, 1);
	for (size_t i = 0; i < found.n; i++) {
		text_of(&found, i, text, sizeof text);
		ck_assert(
		    strcmp(text, "127.0.0.1") == 0 || strcmp(text, "::1") == 0);
	}
}

static void *
ask(void *arg)
{
	(void)arg;
	for (int i = 0; i < 20; i++)
		expect_localhost();
	return NULL;
}

START_TEST(a_name_of_the_system)
{
	pthread_t thread[8];

	for (int i = 0; i < 8; i++)
		pthread_create(&thread[i], NULL, ask, NULL);
	for (int i = 0; i < 8; i++)
		pthread_join(thread[i], NULL);
}
END_TEST

START_TEST(the_deadline_is_the_end)
{
	struct host_addresses found;
	struct err err;

	ck_assert_int_eq(host_lookup("localhost", 25, 0, &found, &err), -1);
	ck_assert_str_eq(err.msg, "localhost: no answer in time for this name");
	expect_localhost();
}
END_TEST

START_TEST(what_is_no_name)
{
	struct host_addresses found;
	struct err err;

	ck_assert_int_eq(
	    host_lookup("a..b", 25, clock_mono() + 60 * CLOCK_S, &found, &err),
	    -1);
	ck_assert_int_eq(strncmp(err.msg, "a..b: ", 6), 0);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("host_lookup", &t);

	tcase_set_timeout(t, 60);
	tcase_add_test(t, an_address_is_its_own_answer);
	tcase_add_test(t, a_name_of_the_system);
	tcase_add_test(t, the_deadline_is_the_end);
	tcase_add_test(t, what_is_no_name);
	return s;
}

UNIT_MAIN(suite)
