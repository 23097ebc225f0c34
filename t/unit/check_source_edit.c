#include "unit.h"

#include "milter/source_edit.h"

#include <check.h>
#include <string.h>

START_TEST(edits_are_made_in_their_order)
{
	struct source_edits e = { 0 };
	struct str out = { 0 };

	/* a+~b: inner first */
	source_edits_replace(&e, 2, 1, "not(");
	source_edits_after(&e, 4, ")");
	source_edits_replace(&e, 1, 1, ",");
	source_edits_before(&e, 0, "add(");
	source_edits_after(&e, 4, ")");
	source_edits_before(&e, 0, "(");
	source_edits_after(&e, 4, "]");
	source_edits_apply(&e, "a+~b c", 6, &out);
	ck_assert_str_eq(str_c(&out), "(add(a,not(b))] c");
	str_fini(&out);
	source_edits_fini(&e);
	ck_assert_uint_eq(e.n, 0);
}
END_TEST

START_TEST(what_ends_goes_before_what_begins)
{
	struct source_edits e = { 0 };
	struct str out = { 0 };

	source_edits_replace(&e, 1, 0, "3");
	source_edits_before(&e, 1, "2");
	source_edits_after(&e, 1, "1");
	source_edits_apply(&e, "ab", 2, &out);
	ck_assert_str_eq(str_c(&out), "a123b");
	str_fini(&out);
	source_edits_fini(&e);
}
END_TEST

START_TEST(many_edits)
{
	struct source_edits e = { 0 };
	struct str text = { 0 }, out = { 0 };

	for (size_t i = 0; i < 10000; i++) {
		str_addc(&text, 'a');
		source_edits_replace(&e, 9999 - i, 1, "bc");
	}
	source_edits_apply(&e, text.data, text.len, &out);
	ck_assert_uint_eq(out.len, 20000);
	ck_assert_int_eq(strncmp(out.data, "bcbc", 4), 0);
	str_fini(&text);
	str_fini(&out);
	source_edits_fini(&e);
}
END_TEST

START_TEST(no_edit)
{
	struct source_edits e = { 0 };
	struct str out = { 0 };

	source_edits_apply(&e, "a", 1, &out);
	ck_assert_str_eq(str_c(&out), "a");
	str_fini(&out);
	source_edits_fini(&e);
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("source_edit", &tcase);

	tcase_add_test(tcase, edits_are_made_in_their_order);
	tcase_add_test(tcase, what_ends_goes_before_what_begins);
	tcase_add_test(tcase, many_edits);
	tcase_add_test(tcase, no_edit);
	return s;
}

UNIT_MAIN(suite)
