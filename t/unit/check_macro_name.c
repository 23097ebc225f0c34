/*
 * The two ways to say which macros each stage brings say the same.
 */
#include "milter/macro_name.h"
#include "milter/xmalloc.h"
#include "unit.h"

#include <string.h>

START_TEST(lists_and_numbers_agree)
{
	for (int phase = 0; phase < PHASE_COUNT; phase++) {
		char *list = xstrdup(macro_names((enum phase)phase)), *at;
		int listed = 0, numbered = 0;

		for (char *name = strtok_r(list, " ", &at); name != NULL;
		     name = strtok_r(NULL, " ", &at)) {
			int n = macro_number(name);

			listed++;
			ck_assert_msg(n >= 0, "%s", name);
			ck_assert_msg(
			    macro_is_of(n, (enum phase)phase), "%s", name);
			ck_assert_str_eq(macro_name(n), name);
		}
		for (int i = 0; i < MACRO_NAMES; i++)
			numbered += macro_is_of(i, (enum phase)phase);
		ck_assert_int_eq(listed, numbered);
		free(list);
	}
	ck_assert_int_eq(macro_number("{nobody}"), -1);
}
END_TEST

static Suite *
macro_name_suite(void)
{
	TCase *tc;
	Suite *s = unit_suite("macro_name", &tc);

	tcase_add_test(tc, lists_and_numbers_agree);
	return s;
}

UNIT_MAIN(macro_name_suite)
