#include "unit.h"

#include "milter/line_diff.h"

#include <string.h>

static const struct {
	const char *name, *before, *after, *diff;
} rows[] = {
	{ "equal", "a\nb\n", "a\nb\n", "" },
	{ "both empty", "", "", "" },
	{ "line ends do not count", "a\r\nb\r\n", "a\nb", "" },
	{ "all new", "", "a\n", "@@ -0,0 +1,1 @@\n+a\n" },
	{ "all gone", "a\nb\n", "", "@@ -1,2 +0,0 @@\n-a\n-b\n" },
	{ "one in the middle", "1\n2\n3\n4\n5\n6\n7\n8\n9\n",
	    "1\n2\n3\n4\nV\n6\n7\n8\n9\n",
	    "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+V\n 6\n 7\n 8\n" },
	{ "first and last", "1\n2\n3\n4\n5\n6\n7\n8\n9\n",
	    "A\n2\n3\n4\n5\n6\n7\n8\nZ\n",
	    "@@ -1,4 +1,4 @@\n-1\n+A\n 2\n 3\n 4\n"
	    "@@ -6,4 +6,4 @@\n 6\n 7\n 8\n-9\n+Z\n" },
	{ "near changes are one hunk", "1\n2\n3\n4\n5\n6\n7\n8\n",
	    "A\n2\n3\n4\n5\n6\n7\nZ\n",
	    "@@ -1,8 +1,8 @@\n-1\n+A\n 2\n 3\n 4\n 5\n 6\n 7\n-8\n+Z\n" },
	{ "added at the end", "1\n2\n", "1\n2\n3\n",
	    "@@ -1,2 +1,3 @@\n 1\n 2\n+3\n" },
	{ "moved", "a\nb\nc\n", "b\nc\na\n",
	    "@@ -1,3 +1,3 @@\n-a\n b\n c\n+a\n" },
};

START_TEST(as_diff_u_says)
{
	struct str out = { 0 };

	line_diff(&out, rows[_i].before, strlen(rows[_i].before),
	    rows[_i].after, strlen(rows[_i].after));
	ck_assert_msg(strcmp(str_c(&out), rows[_i].diff) == 0,
	    "%s: expected\n%s, got\n%s", rows[_i].name, rows[_i].diff,
	    str_c(&out));
	str_fini(&out);
}
END_TEST

/* Too much to compare well: all of it, and soon. */
START_TEST(large_texts_end)
{
	struct str a = { 0 }, b = { 0 }, out = { 0 };

	for (int i = 0; i < 20000; i++) {
		str_addf(&a, "a%d\n", i);
		str_addf(&b, "b%d\n", i);
	}
	line_diff(&out, a.data, a.len, b.data, b.len);
	ck_assert(strncmp(out.data, "@@ -1,20000 +1,20000 @@\n-a0\n", 28) == 0);
	str_fini(&a);
	str_fini(&b);
	str_fini(&out);
}
END_TEST

static Suite *
line_diff_suite(void)
{
	TCase *tc;
	Suite *s = unit_suite("line_diff", &tc);

	tcase_add_loop_test(tc, as_diff_u_says, 0, (int)UNIT_N(rows));
	tcase_add_test(tc, large_texts_end);
	return s;
}

UNIT_MAIN(line_diff_suite)
