#include "unit.h"

#include "milter/str.h"
#include "milter/test_files.h"
#include "milter/xmalloc.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *root;

static void
make(void)
{
	static const char *const folders[] = { "a", "a/b", ".hidden" };
	static const char *const files[] = { "z_test.lua", "a/x_test.lua",
		"a/b/y_test.lua", "a/x.lua", "a/_test.lua",
		".hidden/n_test.lua", "a/test.lua" };
	struct err err;

	root = test_files_scratch(&err);
	ck_assert_msg(root != NULL, "%s", err.msg);
	for (size_t i = 0; i < UNIT_N(folders); i++) {
		char *path = xasprintf("%s/%s", root, folders[i]);

		ck_assert_int_eq(mkdir(path, 0700), 0);
		free(path);
	}
	for (size_t i = 0; i < UNIT_N(files); i++) {
		char *path = xasprintf("%s/%s", root, files[i]);
		FILE *f = fopen(path, "we");

		ck_assert_ptr_nonnull(f);
		fclose(f);
		free(path);
	}
}

static void
clean(void)
{
	test_files_remove(root);
	ck_assert_int_ne(access(root, F_OK), 0);
	free(root);
}

/* Names below the root, and what is found, below it, too. */
static const struct {
	const char *names[3];
	const char *found;
} rows[] = {
	{ { "" }, "/a/b/y_test.lua /a/x_test.lua /z_test.lua " },
	{ { "/a/" }, "/a/b/y_test.lua /a/x_test.lua " },
	{ { "/a/x.lua" }, "/a/x.lua " },
	{ { "/z_test.lua", "", "/a" },
	    "/z_test.lua /a/b/y_test.lua /a/x_test.lua " },
	{ { "/.hidden" }, "/.hidden/n_test.lua " },
	{ { "/a/b", "/nowhere" }, NULL },
};

START_TEST(tests_are_found)
{
	char *names[3] = { NULL };
	struct test_files f;
	struct str out = { 0 };
	struct err err;
	size_t n = 0;
	int rc;

	for (; n < 3 && rows[_i].names[n] != NULL; n++)
		names[n] = xasprintf("%s%s", root, rows[_i].names[n]);
	rc = test_files_find(&f, names, n, &err);
	ck_assert_int_eq(rc, rows[_i].found != NULL ? 0 : -1);
	for (size_t i = 0; i < f.n; i++)
		str_addf(&out, "%s ", f.path[i] + strlen(root));
	if (rc == 0)
		ck_assert_str_eq(str_c(&out), rows[_i].found);
	else
		ck_assert_ptr_nonnull(strstr(err.msg, "/nowhere: No such"));
	test_files_fini(&f);
	str_fini(&out);
	while (n > 0)
		free(names[--n]);
}
END_TEST

static Suite *
test_files_suite(void)
{
	TCase *tc;
	Suite *s = unit_suite("test_files", &tc);

	tcase_add_checked_fixture(tc, make, clean);
	tcase_add_loop_test(tc, tests_are_found, 0, (int)UNIT_N(rows));
	return s;
}

UNIT_MAIN(test_files_suite)
