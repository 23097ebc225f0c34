#include "unit.h"

#include "milter/audit.h"
#include "milter/clock.h"
#include "milter/ip_count.h"

#include <pthread.h>
#include <string.h>

#define S(seconds) ((int64_t)(seconds)*CLOCK_S)

static struct ip
ip(const char *text)
{
	struct ip a;

	ck_assert_int_eq(ip_parse(&a, text, NULL), 0);
	return a;
}

static bool
opened(const char *text)
{
	struct ip a = ip(text);

	return audit_opened(&a, S(600));
}

static void
closed(const char *text)
{
	struct ip a = ip(text);

	audit_closed(&a);
}

static int64_t
sessions(const char *text)
{
	struct cidr net;

	ck_assert_int_eq(ip_count_net(&net, text, NULL, NULL), 0);
	return audit_sessions(&net);
}

static int64_t
sum(int monitor, enum audit_kind kind, const char *text, int first, int last,
    int64_t now)
{
	struct cidr net;

	ck_assert_int_eq(ip_count_net(&net, text, NULL, NULL), 0);
	return audit_sum(monitor, kind, &net, first, last, now);
}

START_TEST(open_sessions_by_network)
{
	audit_begin();
	audit_begin();
	ck_assert(audit_is_on());
	ck_assert_int_eq(sessions("0.0.0.0/0"), 0);
	ck_assert(opened("192.0.2.1"));
	ck_assert(opened("192.0.2.1"));
	ck_assert(opened("192.0.2.2"));
	ck_assert(opened("::ffff:192.0.2.3"));
	ck_assert(opened("2001:db8::1"));
	ck_assert_int_eq(sessions("192.0.2.1"), 2);
	ck_assert_int_eq(sessions("192.0.2.1/24"), 4);
	ck_assert_int_eq(sessions("0.0.0.0/0"), 4);
	ck_assert_int_eq(sessions("2001:db8::/32"), 1);
	closed("192.0.2.1");
	ck_assert_int_eq(sessions("192.0.2.1"), 1);
	closed("192.0.2.1");
	closed("192.0.2.1"); /* one too many is none */
	ck_assert_int_eq(sessions("192.0.2.1"), 0);
	closed("192.0.2.2");
	closed("192.0.2.3");
	closed("2001:db8::1");
	ck_assert_int_eq(sessions("0.0.0.0/0"), 0);
	ck_assert_int_eq(sessions("::/0"), 0);
}
END_TEST

START_TEST(monitors_count_by_window)
{
	struct ip a = ip("192.0.2.1"), b = ip("::ffff:192.0.2.2");
	struct err err;
	bool new;
	int m = audit_monitor("60,2", &new, &err);

	ck_assert_int_ge(m, 0);
	ck_assert(new);
	ck_assert_int_eq(audit_monitor("60,2", &new, &err), m);
	ck_assert(!new);
	audit_opened(&a, S(600));
	audit_count(AUDIT_REJECTIONS, &a, S(600));
	audit_count(AUDIT_RECEPTIONS, &a, S(661));
	audit_count(AUDIT_RECEPTIONS, &b, S(661));
	ck_assert_int_eq(
	    sum(m, AUDIT_CONNECTIONS, "192.0.2.1", 0, 0, S(600)), 1);
	ck_assert_int_eq(
	    sum(m, AUDIT_CONNECTIONS, "192.0.2.1", 0, 0, S(661)), 0);
	ck_assert_int_eq(
	    sum(m, AUDIT_CONNECTIONS, "192.0.2.1", 1, 1, S(661)), 1);
	ck_assert_int_eq(
	    sum(m, AUDIT_REJECTIONS, "192.0.2.1", 0, 2, S(661)), 1);
	ck_assert_int_eq(
	    sum(m, AUDIT_RECEPTIONS, "192.0.2.0/24", 0, 0, S(661)), 2);
	ck_assert_int_eq(
	    sum(m, AUDIT_REJECTIONS, "192.0.2.1", 0, 2, S(999)), 0);
	audit_closed(&a);
}
END_TEST

static const char *const bad[] = { "", "60", "60,", ",1", "x,1", "60,x", "0,1",
	"60,0", "60,1001", "-60,1", "60,-1", "60,1,1", " 60,1", "60, 1",
	"99999999999999999999,1", "31536001,1" };

START_TEST(other_texts_are_refused)
{
	struct err err;
	bool new;

	ck_assert_msg(audit_monitor(bad[_i], &new, &err) == -1, "%s", bad[_i]);
	ck_assert_ptr_nonnull(strstr(err.msg, "\"60,1\""));
}
END_TEST

START_TEST(monitors_are_bounded)
{
	char text[] = "61,1";
	struct err err;
	bool new;
	int rc = 0;

	for (; text[3] < '9' && rc >= 0; text[3]++)
		rc = audit_monitor(text, &new, &err);
	for (text[0] = '7'; text[3] > '0' && rc >= 0; text[3]--)
		rc = audit_monitor(text, &new, &err);
	ck_assert_str_eq(err.msg, "there are 8 monitors already");
}
END_TEST

static void *
work(void *arg)
{
	struct ip a = ip(arg);

	for (int i = 0; i < 5000; i++) {
		audit_opened(&a, S(i % 100));
		audit_count(AUDIT_REJECTIONS, &a, S(i % 100));
		audit_closed(&a);
	}
	return NULL;
}

START_TEST(threads_count_together)
{
	static char addresses[4][16] = { "192.0.2.1", "192.0.2.1", "192.0.2.2",
		"2001:db8::1" };
	pthread_t thread[4];
	struct err err;
	bool new;
	int m = audit_monitor("1000,1", &new, &err);

	for (int i = 0; i < 4; i++)
		pthread_create(&thread[i], NULL, work, addresses[i]);
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	ck_assert_int_eq(sessions("0.0.0.0/0"), 0);
	ck_assert_int_eq(
	    sum(m, AUDIT_REJECTIONS, "192.0.2.0/24", 0, 0, S(1)), 15000);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("audit", &t);

	tcase_set_timeout(t, 60);
	tcase_add_test(t, open_sessions_by_network);
	tcase_add_test(t, monitors_count_by_window);
	tcase_add_loop_test(t, other_texts_are_refused, 0, UNIT_N(bad));
	tcase_add_test(t, threads_count_together);
	tcase_add_test(t, monitors_are_bounded);
	return s;
}

UNIT_MAIN(suite)
