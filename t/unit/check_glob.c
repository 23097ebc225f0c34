#include "milter/clock.h"
#include "milter/glob_cache.h"
#include "milter/glob_walk.h"
#include "milter/xmalloc.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOREVER INT64_MAX

static char folder[64];

static const char *const dirs[] = { "d", "d/e", "d/e/f", ".h", "d/.i" };
static const char *const files[] = { "a.lua", "b.lua", "b.txt", ".x.lua",
	"d/a.lua", "d/e/c.lua", "d/e/f/a.lua", ".h/a.lua", "d/.i/a.lua",
	"*star", "x{y" };

static char *
path_of(const char *name)
{
	return xasprintf("%s/%s", folder, name);
}

static void
setup(void)
{
	snprintf(folder, sizeof folder, "/tmp/kumilter-glob-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	for (size_t i = 0; i < UNIT_N(dirs); i++) {
		char *path = path_of(dirs[i]);

		ck_assert_int_eq(mkdir(path, 0755), 0);
		free(path);
	}
	for (size_t i = 0; i < UNIT_N(files); i++) {
		char *path = path_of(files[i]);
		FILE *f = fopen(path, "we");

		ck_assert_ptr_nonnull(f);
		fclose(f);
		free(path);
	}
}

static void
teardown(void)
{
	for (size_t i = UNIT_N(files); i-- > 0;) {
		char *path = path_of(files[i]);

		unlink(path);
		free(path);
	}
	for (size_t i = UNIT_N(dirs); i-- > 0;) {
		char *path = path_of(dirs[i]);

		rmdir(path);
		free(path);
	}
	rmdir(folder);
}

/* NULs as spaces. */
static const char *
as_words(struct str *paths)
{
	for (size_t i = 0; i + 1 < paths->len; i++)
		if (paths->data[i] == '\0')
			paths->data[i] = ' ';
	return str_c(paths);
}

static const struct {
	const char *pattern, *found; /* NULL: no pattern */
} rows[] = {
	{ "*.lua", "a.lua b.lua" },
	{ "?.lua", "a.lua b.lua" },
	{ "[b-z].lua", "b.lua" },
	{ "[!b-z].lua", "a.lua" },
	{ "a.lua", "a.lua" },
	{ "nothing", "" },
	{ "n*", "" },
	{ ".*.lua", ".x.lua" },
	{ "d/*.lua", "d/a.lua" },
	{ "*/a.lua", "d/a.lua" },
	{ "d//a.lua", "d/a.lua" },
	{ "**/a.lua", "a.lua d/a.lua d/e/f/a.lua" },
	{ "d/**/*.lua", "d/a.lua d/e/c.lua d/e/f/a.lua" },
	{ "d/**", "d/a.lua d/e d/e/c.lua d/e/f d/e/f/a.lua" },
	{ "**/**/c.lua", "d/e/c.lua" },
	{ "d/../a.lua", "d/../a.lua" },
	{ "{a,b}.lua", "a.lua b.lua" },
	{ "b.{lua,txt,c}", "b.lua b.txt" },
	{ "{d/{a,e/c},a}.lua", "a.lua d/a.lua d/e/c.lua" },
	{ "{a.lua,*.lua}", "a.lua b.lua" },
	{ "a{,.lua}", "a.lua" },
	{ "\\*star", "*star" },
	{ "x\\{y", "x{y" },
	{ "a.lua/x", "" },
	{ "", "" },
	{ "{a", NULL },
	{ "x{a,{b}", NULL },
	{ "{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}", NULL },
};

START_TEST(row)
{
	struct str out = { 0 };
	struct err err = { "" };
	int rc = glob_walk(&out, rows[_i].pattern, folder, FOREVER, &err);

	ck_assert_msg((rc == 0) == (rows[_i].found != NULL), "%s: %s",
	    rows[_i].pattern, err.msg);
	ck_assert_str_eq(as_words(&out), rc == 0 ? rows[_i].found : "");
	str_fini(&out);
}
END_TEST

START_TEST(whole_paths)
{
	struct str out = { 0 };
	char *pattern = path_of("b.*"), *expected;

	ck_assert_int_eq(
	    glob_walk(&out, pattern, "/nowhere", FOREVER, NULL), 0);
	expected = xasprintf("%s/b.lua %s/b.txt", folder, folder);
	ck_assert_str_eq(as_words(&out), expected);
	str_clear(&out);
	ck_assert_int_eq(glob_walk(&out, "*", "/nowhere", FOREVER, NULL), 0);
	ck_assert_uint_eq(out.len, 0);
	free(pattern);
	free(expected);
	str_fini(&out);
}
END_TEST

START_TEST(list)
{
	struct str out = { 0 };
	struct err err;
	char *path = path_of("d/e/");

	ck_assert_int_eq(glob_list(&out, path, NULL), 0);
	ck_assert_uint_eq(out.len, 2 * strlen(path) + sizeof "c.lua" + 2);
	ck_assert_ptr_nonnull(strstr(as_words(&out), "d/e/c.lua"));
	ck_assert_int_eq(glob_list(&out, "/nowhere", &err), -1);
	ck_assert_str_eq(err.msg, "/nowhere: No such file or directory");
	free(path);
	str_fini(&out);
}
END_TEST

#define DEEP 40

/* "d/d/d/...", of n parts. */
static char *
deep_path(int n)
{
	struct str out = { 0 };

	str_adds(&out, folder);
	for (int i = 0; i < n; i++)
		str_adds(&out, "/d");
	return str_take(&out);
}

static void
each_deep(int (*change)(const char *path), int from, int to)
{
	for (int n = from; n != to; n += from < to ? 1 : -1) {
		char *path = deep_path(n);

		change(path);
		free(path);
	}
}

static int
make(const char *path)
{
	return mkdir(path, 0755);
}

/* A pattern that would visit each directory over and over ends. */
START_TEST(bounds)
{
	static const char pattern[] = "**/**/**/**/**/**/**/**/**/x";
	struct str out = { 0 };
	struct err err;

	each_deep(make, 1, DEEP);
	ck_assert_int_eq(glob_walk(&out, pattern, folder, FOREVER, &err), -1);
	ck_assert_str_eq(err.msg, "more than 100000 names");
	ck_assert_int_eq(
	    glob_walk(&out, pattern, folder, clock_mono() - 1, &err), -1);
	ck_assert_str_eq(err.msg, "out of time");
	ck_assert_uint_eq(out.len, 0);
	str_fini(&out);
	each_deep(rmdir, DEEP - 1, 1);
}
END_TEST

static void
cached(const char *pattern, int64_t ttl, const char *expected)
{
	struct str out = { 0 };
	int rc = glob_cached(&out, pattern, folder, ttl, FOREVER, NULL);

	ck_assert_int_eq(rc, expected == NULL ? -1 : 0);
	ck_assert_str_eq(as_words(&out), expected == NULL ? "" : expected);
	str_fini(&out);
}

START_TEST(answers_are_kept)
{
	char *path = path_of("b.txt");

	cached("*.txt", 3600 * CLOCK_S, "b.txt");
	cached("[b].txt", 0, "b.txt");
	cached("{", 3600 * CLOCK_S, NULL);
	unlink(path);
	cached("*.txt", 0, "b.txt"); /* the first one's time counts */
	cached("[b].txt", 0, "");
	cached("{", 0, NULL);
	for (int i = 0; i < 40; i++) {
		char pattern[32];

		snprintf(pattern, sizeof pattern, "%d*.txt", i);
		cached(pattern, 3600 * CLOCK_S, "");
	}
	cached("*.txt", 0, ""); /* pushed out */
	free(path);
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("glob", &tcase);

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, row, 0, UNIT_N(rows));
	tcase_add_test(tcase, whole_paths);
	tcase_add_test(tcase, list);
	tcase_add_test(tcase, bounds);
	tcase_add_test(tcase, answers_are_kept);
	return s;
}

UNIT_MAIN(suite)
