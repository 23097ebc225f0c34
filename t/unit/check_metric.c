#include "unit.h"

#include "milter/metric.h"

#include <ctype.h>
#include <string.h>

static const struct {
	enum metric m;
	const char *family, *label, *value;
	bool gauge;
} names[] = {
	{ METRIC_SESSIONS, "sessions", NULL, NULL, false },
	{ METRIC_SESSIONS_OPEN, "sessions_open", NULL, NULL, true },
	{ METRIC_EPOCHS, "epochs", NULL, NULL, true },
	{ METRIC_ERROR_CPU, "errors", "kind", "cpu_limit", false },
	{ METRIC_THROTTLE_PASSED, "throttle", "result", "passed", false },
	{ METRIC_DNS_NO_NAME, "dns", "result", "no_name", false },
};

START_TEST(groups_become_labels)
{
	struct metric_name n = metric_name(names[_i].m);

	ck_assert_str_eq(n.family, names[_i].family);
	ck_assert_int_eq(n.gauge, names[_i].gauge);
	ck_assert_int_eq(n.label != NULL, names[_i].label != NULL);
	if (n.label != NULL) {
		ck_assert_str_eq(n.label, names[_i].label);
		ck_assert_str_eq(n.value, names[_i].value);
	}
}
END_TEST

/* Prometheus allows no others, and `kumilter status` has one on each line. */
START_TEST(names_are_words)
{
	for (int i = 0; i < METRIC_COUNT; i++) {
		const char *name = metric_text((enum metric)i);

		for (const char *p = name; *p != '\0'; p++)
			ck_assert_msg(islower((unsigned char)*p) ||
					  isdigit((unsigned char)*p) ||
					  *p == '_',
			    "%s", name);
		for (int k = 0; k < i; k++)
			ck_assert_str_ne(name, metric_text((enum metric)k));
	}
}
END_TEST

static const struct {
	int code;
	enum metric_answer given, counted;
} replies[] = {
	{ 0, METRIC_ANSWER_CONTINUE, METRIC_ANSWER_CONTINUE },
	{ 0, METRIC_ANSWER_DISCARD, METRIC_ANSWER_DISCARD },
	{ 421, METRIC_ANSWER_4XX, METRIC_ANSWER_421 },
	{ 450, METRIC_ANSWER_4XX, METRIC_ANSWER_4XX },
	{ 599, METRIC_ANSWER_5XX, METRIC_ANSWER_5XX },
	{ 600, METRIC_ANSWER_5XX, METRIC_ANSWER_5XX },
};

START_TEST(replies_by_class_and_code)
{
	int code = replies[_i].code;
	bool has = code >= 400 && code <= 599;
	long before = metric_replies(PHASE_RCPT, replies[_i].counted);
	long codes = has ? metric_code(code) : 0;

	metric_reply(PHASE_RCPT, replies[_i].given, code);
	ck_assert_int_eq(
	    metric_replies(PHASE_RCPT, replies[_i].counted), before + 1);
	ck_assert_int_eq(has ? metric_code(code) : 1, codes + 1);
}
END_TEST

static Suite *
suite(void)
{
	TCase *tc;
	Suite *s = unit_suite("metric", &tc);

	tcase_add_loop_test(tc, groups_become_labels, 0, UNIT_N(names));
	tcase_add_test(tc, names_are_words);
	tcase_add_loop_test(tc, replies_by_class_and_code, 0, UNIT_N(replies));
	return s;
}

UNIT_MAIN(suite)
