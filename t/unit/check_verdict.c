#include "unit.h"

#include "milter/verdict.h"

#include <signal.h>
#include <string.h>

static const struct {
	const char *text;
	int ret;
	enum disconnect how;
} names[] = {
	{ "If421", 0, DISCONNECT_IF421 },
	{ "FollowWith421", 0, DISCONNECT_FOLLOW421 },
	{ "ForceDisconnect", 0, DISCONNECT_FORCE },
	{ "if421", -1, DISCONNECT_IF421 }, /* KumoMTA's are case-sensitive */
	{ "ForceDisconnect ", -1, DISCONNECT_IF421 },
	{ "", -1, DISCONNECT_IF421 },
};

START_TEST(disconnect_names_are_kumomtas)
{
	enum disconnect how = DISCONNECT_IF421;
	struct err err;
	int ret = disconnect_parse(names[_i].text, &how, &err);

	ck_assert_msg(ret == names[_i].ret && how == names[_i].how,
	    "\"%s\": %d, %d", names[_i].text, ret, how);
	if (ret == 0)
		ck_assert_str_eq(disconnect_name(how), names[_i].text);
	else
		ck_assert_msg(strstr(err.msg, "'If421', 'FollowWith421' or "
					      "'ForceDisconnect'") != NULL,
		    "\"%s\": %s", names[_i].text, err.msg);
}
END_TEST

START_TEST(refusal_keeps_every_byte)
{
	struct verdict v = { 0 };
	char text[] = "a\0b\nc";

	verdict_refuse(&v, 550, DISCONNECT_FOLLOW421, text, 5);
	text[0] = 'z'; /* its own copy */
	ck_assert_int_eq(v.kind, VERDICT_REFUSE);
	ck_assert_int_eq(v.code, 550);
	ck_assert_int_eq(v.how, DISCONNECT_FOLLOW421);
	ck_assert_uint_eq(v.len, 5);
	ck_assert_mem_eq(v.text, "a\0b\nc", 6);
	verdict_clear(&v);
	ck_assert_int_eq(v.kind, VERDICT_CONTINUE);
	ck_assert_ptr_null(v.text);
}
END_TEST

START_TEST(refusal_may_be_made_of_itself)
{
	struct verdict v = { 0 };

	verdict_refuse(&v, 450, DISCONNECT_IF421, "first", 5);
	verdict_refuse(&v, 550, DISCONNECT_FORCE, v.text + 1, 3);
	ck_assert_str_eq(v.text, "irs");
	verdict_clear(&v);
}
END_TEST

START_TEST(empty_text_is_a_text)
{
	struct verdict v = { 0 };

	verdict_refuse(&v, 550, DISCONNECT_IF421, "", 0);
	ck_assert_str_eq(v.text, "");
	ck_assert_uint_eq(v.len, 0);
	verdict_clear(&v);
}
END_TEST

START_TEST(move_empties_the_source)
{
	struct verdict from = { 0 }, to = { 0 };

	verdict_refuse(&to, 450, DISCONNECT_IF421, "old", 3);
	verdict_refuse(&from, 550, DISCONNECT_FORCE, "new", 3);
	verdict_move(&to, &from);
	ck_assert_int_eq(to.code, 550);
	ck_assert_str_eq(to.text, "new");
	ck_assert_int_eq(from.kind, VERDICT_CONTINUE);
	ck_assert_ptr_null(from.text);
	verdict_set(&to, VERDICT_DISCARD); /* frees the text */
	ck_assert_int_eq(to.kind, VERDICT_DISCARD);
	ck_assert_ptr_null(to.text);
	ck_assert_int_eq(to.code, 0);
}
END_TEST

/* Codes that nobody may make a verdict of: our own mistake, so it stops. */
static const int impossible[] = { 0, -1, 250, 399, 600, 65535 };

START_TEST(impossible_code_stops)
{
	struct verdict v = { 0 };

	verdict_refuse(&v, impossible[_i], DISCONNECT_IF421, "x", 1);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("verdict", &t);
	const char *fork_mode = getenv("CK_FORK");

	tcase_add_loop_test(t, disconnect_names_are_kumomtas, 0, UNIT_N(names));
	tcase_add_test(t, refusal_keeps_every_byte);
	tcase_add_test(t, refusal_may_be_made_of_itself);
	tcase_add_test(t, empty_text_is_a_text);
	tcase_add_test(t, move_empties_the_source);
	/* a test that dies needs a process of its own */
	if (fork_mode == NULL || strcmp(fork_mode, "no") != 0)
		tcase_add_loop_test_raise_signal(
		    t, impossible_code_stops, SIGABRT, 0, UNIT_N(impossible));
	return s;
}

UNIT_MAIN(suite)
