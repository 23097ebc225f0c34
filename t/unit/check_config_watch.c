/*
 * Files that are watched, and what a change of theirs does.
 */
#include "policy.h"

#include "milter/clock.h"
#include "milter/config_epoch.h"
#include "milter/config_watch.h"

#include <stdatomic.h>
#include <sys/stat.h>

static char folder[] = "/tmp/check_config_watch.XXXXXX";
static atomic_int told;

static void
tell(void)
{
	atomic_fetch_add(&told, 1);
}

static char *
path_of(const char *name)
{
	return xasprintf("%s/%s", folder, name);
}

static void
write_file(const char *name, const char *text)
{
	free(policy_file(folder, name, text));
}

static void
remove_file(const char *name)
{
	char *path = path_of(name);

	unlink(path);
	free(path);
}

static void
begin(void)
{
	strcpy(strrchr(folder, '.'), ".XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	write_file("a.lua", "1");
	write_file("b.toml", "1");
	write_file("c.txt", "1");
}

static void
end(void)
{
	static const char *const names[] = { "a.lua", "b.toml", "c.txt",
		"d.lua" };

	config_watch_set(NULL, CLOCK_MS, clock_mono() + 60 * CLOCK_S);
	for (size_t i = 0; i < UNIT_N(names); i++)
		remove_file(names[i]);
	rmdir(folder);
}

static json_t *
globs(const char *one, const char *two)
{
	json_t *array = json_array();
	const char *pattern[] = { one, two };

	for (int i = 0; i < 2 && pattern[i] != NULL; i++) {
		char *path = path_of(pattern[i]);

		json_array_append_new(array, json_string(path));
		free(path);
	}
	return array;
}

/* The names of the files found, in one text. */
static const struct {
	const char *one, *two, *found;
} rows[] = {
	{ "*.lua", NULL, "a.lua " }, { "*.{lua,toml}", NULL, "a.lua b.toml " },
	{ "*.toml", "*", "a.lua b.toml c.txt " },
	{ "**/*.txt", "*.lua", "a.lua c.txt " }, { "none", NULL, "" },
	{ "../*.XXXXXX", "", "" }, /* directories are not watched */
};

START_TEST(files_of_globs)
{
	json_t *array = globs(rows[_i].one, rows[_i].two);
	struct str out = { 0 }, names = { 0 };
	struct err err;

	ck_assert_int_eq(
	    config_watch_files(&out, array, clock_mono() + 60 * CLOCK_S, &err),
	    0);
	for (const char *p = str_c(&out); p < str_c(&out) + out.len;
	     p += strlen(p) + 1) {
		ck_assert_int_eq(strncmp(p, folder, strlen(folder)), 0);
		str_addf(&names, "%s ", p + strlen(folder) + 1);
	}
	ck_assert_str_eq(str_c(&names), rows[_i].found);
	str_fini(&out);
	str_fini(&names);
	json_decref(array);
}
END_TEST

START_TEST(what_is_no_glob)
{
	json_t *array = globs("{a", NULL);
	struct str out = { 0 };
	struct err err;

	ck_assert_int_eq(
	    config_watch_files(&out, array, clock_mono() + CLOCK_S, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.msg, "{a: a brace without its end"));
	json_decref(array);
	str_fini(&out);
}
END_TEST

/* ---- changes ------------------------------------------------------------ */

static void
wait_for_epoch(unsigned long n)
{
	while (config_epoch() < n)
		clock_sleep_until(clock_mono() + CLOCK_MS);
}

static const struct {
	const char *what, *name, *text; /* NULL: it is removed */
} changes[] = {
	{ "another length", "a.lua", "22" },
	{ "another file in its place", "a.lua", "1" },
	{ "one more", "d.lua", "" },
	{ "one less", "a.lua", NULL },
};

/* Written aside and renamed, as editors do: another inode. */
static void
change(const char *name, const char *text)
{
	char *path = path_of(name), *new = path_of("new");

	if (text != NULL) {
		write_file("new", text);
		ck_assert_int_eq(rename(new, path), 0);
	} else {
		unlink(path);
	}
	free(path);
	free(new);
}

START_TEST(changes_are_bumps)
{
	json_t *array = globs("*.lua", NULL);
	unsigned long before;

	config_watch_set(array, CLOCK_MS, clock_mono() + 60 * CLOCK_S);
	before = config_epoch();
	clock_sleep_until(clock_mono() + 20 * CLOCK_MS);
	write_file("c.txt", "not watched");
	config_watch_set(
	    array, CLOCK_MS, clock_mono() + 60 * CLOCK_S); /* no news */
	clock_sleep_until(clock_mono() + 20 * CLOCK_MS);
	ck_assert_uint_eq(config_epoch(), before);
	change(changes[_i].name, changes[_i].text);
	wait_for_epoch(before + 1);
	json_decref(array);
}
END_TEST

/* Who is told is told once for all bumps within the pause. */
START_TEST(bumps_are_told)
{
	unsigned long before = config_epoch();

	config_epoch_on_bump(tell, 3600 * CLOCK_S);
	for (int i = 0; i < 1000; i++)
		config_epoch_bump();
	ck_assert_uint_eq(config_epoch(), before + 1000);
	while (atomic_load(&told) == 0)
		clock_sleep_until(clock_mono() + CLOCK_MS);
	config_epoch_bump();
	clock_sleep_until(clock_mono() + 20 * CLOCK_MS);
	ck_assert_int_eq(atomic_load(&told), 1);
	config_epoch_on_bump(NULL, 0);
}
END_TEST

/* ---- from Lua ----------------------------------------------------------- */

#define MAIL(body)                                                             \
	"kumo.on('smtp_server_mail_from', function(sender) " body " end)\n"

/* FOLDER stands for the folder. */
static const struct {
	const char *policy, *expected;
} policies[] = {
	{ "kumo.on('init', function() "
	  "kumo.set_config_monitor_globs { FOLDER .. '/*.lua' } "
	  "say(files()) end)\n" MAIL("kumo.reject(550, files())"),
	    "550 a.lua" },
	{ MAIL("kumo.reject(550, 'n' .. files())"), "550 n" },
	{ "kumo.set_config_monitor_globs { FOLDER .. '/*.txt' }\n" MAIL(
	      "local was = files() "
	      "kumo.set_config_monitor_globs { FOLDER .. '/*' } "
	      "local all = files() kumo.set_config_monitor_globs {} "
	      "kumo.reject(550, was .. '; ' .. all .. '; ' .. files())"),
	    "550 c.txt; a.lua,b.toml,c.txt; " },
	{ MAIL("kumo.set_config_monitor_globs { '{x' } "
	       "local ok, why = pcall(function() "
	       "kumo.eval_config_monitor_globs() end) "
	       "kumo.set_config_monitor_globs {} "
	       "kumo.reject(550, why:match('init.lua:%d+: (.*)'))"),
	    "550 kumo.eval_config_monitor_globs: {x: a brace without its end" },
	{ MAIL("local function no(...) local ok, why = "
	       "pcall(kumo.set_config_monitor_globs, ...) "
	       "return ok and 'ok' or why:match('globs: (.*)') end "
	       "local many = {} for i = 1, 65 do many[i] = '/x' end "
	       "kumo.reject(550, no() .. '; ' .. no('x') .. '; ' .. "
	       "no { 1 } .. '; ' .. no { '/a', '' } .. '; ' .. no(many))"),
	    "550 an array of strings expected, got nil; an array of strings "
	    "expected, got string; globs[1]: a pattern expected; globs[2]: a "
	    "pattern expected; more than 64 globs" },
};

START_TEST(policies_watch)
{
	char *text = xasprintf(
	    "local kumo = require 'kumo' local FOLDER = '%s' "
	    "local function say(text) assert(text == 'a.lua', text) end "
	    "local function files() local f = kumo.eval_config_monitor_globs() "
	    "for i = 1, #f do f[i] = f[i]:sub(#FOLDER + 2) end "
	    "return table.concat(f, ',') end\n%s",
	    folder, policies[_i].policy);
	char *expected = xasprintf("C -; M %s", policies[_i].expected);
	struct err err;
	struct epoch *e = policy_load(text, 2, &err);

	ck_assert_msg(e != NULL, "%s", err.msg);
	epoch_set_current(e);
	play_expect("C M:<s@a.example> Q", expected, policies[_i].policy);
	epoch_set_current(NULL);
	ck_assert_ptr_null(config_watch_globs());
	free(expected);
	free(text);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("config_watch", &t);

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, begin, end);
	tcase_add_loop_test(t, files_of_globs, 0, UNIT_N(rows));
	tcase_add_test(t, what_is_no_glob);
	tcase_add_loop_test(t, changes_are_bumps, 0, UNIT_N(changes));
	tcase_add_test(t, bumps_are_told);
	tcase_add_loop_test(t, policies_watch, 0, UNIT_N(policies));
	return s;
}

UNIT_MAIN(suite)
