/*
 * map_file; and kumo.milter.domain_map_file in the states of a policy, which
 * have what was read once.  What lines mean to maps is asserted in
 * t/lua/kumo_map_file.lua.
 */
#include "policy.h"

#include "milter/map_file.h"
#include "milter/packed.h"

#include <pthread.h>

/* ---- a kind that keeps the entries as text ------------------------------ */

static void *
notes_begin(void)
{
	return xcalloc(1, sizeof(struct str));
}

static int
notes_add(void *build, const char *key, size_t key_len, const char *value,
    size_t len, struct err *err)
{
	struct packed p;

	(void)len;
	if (key_len == 3 && memcmp(key, "bad", 3) == 0)
		return err_set(err, "a bad key");
	ck_assert(key[key_len] == '\0');
	packed_read(value, &p);
	str_addf(build, "%.*s=%.*s;", (int)key_len, key,
	    p.type == PACKED_STRING ? (int)p.n : 4,
	    p.type == PACKED_STRING ? p.text : "TRUE");
	return 0;
}

static void *
notes_done(void *build)
{
	return build;
}

static void
notes_free(void *notes)
{
	str_fini(notes);
	free(notes);
}

static const struct map_file_kind notes = { "notes", notes_begin, notes_add,
	notes_done, notes_free, notes_free };
static const struct map_file_kind others = { "others", notes_begin, notes_add,
	notes_done, notes_free, notes_free };

static char *folder, *path;

static void
make_folder(void)
{
	folder = policy_folder();
	path = NULL;
}

static void
remove_folder(void)
{
	if (path != NULL)
		unlink(path);
	rmdir(folder);
	free(path);
	free(folder);
}

/* In place of the file there was. */
static void
write_file(const char *text)
{
	char *new = policy_file(folder, "new", text);

	free(path);
	path = xasprintf("%s/map", folder);
	ck_assert_int_eq(rename(new, path), 0);
	free(new);
}

static int64_t
patience(void)
{
	return clock_mono() + 60 * CLOCK_S;
}

static const struct {
	const char *text, *expected; /* "!": the error that ends so */
} rows[] = {
	{ "", "" },
	{ "\n", "" },
	{ "# a b", "" },
	{ " \t # a", "" },
	{ "a", "a=TRUE;" },
	{ "a\n", "a=TRUE;" },
	{ "a\r\n", "a=TRUE;" },
	{ "a b\r\n\r\nc d\r\n", "a=b;c=d;" },
	{ "a b", "a=b;" },
	{ " a \t b  c\td \t\n", "a=b  c\td;" },
	{ "a#b #c", "a#b=#c;" },
	{ "a true\nb 1", "a=true;b=1;" },
	{ "\xff \xfe", "\xff=\xfe;" },
	{ "a\rb", "a=b;" },
	{ "bad", "!/map:1: a bad key" },
	{ "#\n\na\n bad x\nc", "!/map:4: a bad key" },
};

START_TEST(lines_are_entries)
{
	const char *expected = rows[_i].expected;
	struct map_shared *m;
	struct err err = { "" };
	size_t n;

	write_file(rows[_i].text);
	m = map_file_get(path, &notes, patience(), &err);
	if (*expected == '!') {
		n = strlen(expected + 1);
		ck_assert(m == NULL);
		ck_assert_uint_ge(strlen(err.msg), n);
		ck_assert_str_eq(err.msg + strlen(err.msg) - n, expected + 1);
		return;
	}
	ck_assert_msg(m != NULL, "%s: %s", rows[_i].text, err.msg);
	ck_assert_str_eq(str_c(m->map), expected);
	map_shared_unref(m);
}
END_TEST

START_TEST(a_file_is_read_while_it_is_another)
{
	unsigned long before = map_file_readings();
	struct map_shared *one, *two, *other, *new;
	struct err err;

	write_file("a 1\n");
	one = map_file_get(path, &notes, patience(), &err);
	two = map_file_get(path, &notes, patience(), &err);
	ck_assert(one != NULL && one == two);
	ck_assert_uint_eq(map_file_readings() - before, 1);
	other = map_file_get(path, &others, patience(), &err);
	ck_assert(other != NULL && other != one);
	write_file("a 2\n");
	new = map_file_get(path, &notes, patience(), &err);
	ck_assert_str_eq(str_c(new->map), "a=2;");
	ck_assert_str_eq(str_c(one->map), "a=1;");
	ck_assert_uint_eq(map_file_readings() - before, 3);
	map_shared_unref(one);
	map_shared_unref(two);
	map_shared_unref(other);
	map_shared_unref(new);
	/* nobody has it any more */
	map_shared_unref(map_file_get(path, &notes, patience(), &err));
	ck_assert_uint_eq(map_file_readings() - before, 4);
	ck_assert_uint_eq(map_shared_count(), 0);
}
END_TEST

/* 10^5 entries. */
static void
write_large(void)
{
	struct str text = { 0 };

	for (int i = 0; i < 100000; i++)
		str_addf(&text, "host%d.example value %d\n", i, i);
	write_file(str_c(&text));
	str_fini(&text);
}

START_TEST(deadline_ends_it)
{
	struct err err;

	write_large();
	ck_assert(map_file_get(path, &notes, clock_mono(), &err) == NULL);
	ck_assert_msg(strstr(err.msg, "/map:256: not read to its end") != NULL,
	    "%s", err.msg);
}
END_TEST

START_TEST(too_large_is_not_read)
{
	struct err err;

	write_file("");
	ck_assert_int_eq(truncate(path, (off_t)MAP_FILE_BYTES + 1), 0);
	ck_assert(map_file_get(path, &notes, patience(), &err) == NULL);
	ck_assert_msg(
	    strstr(err.msg, "larger than 1024 MB") != NULL, "%s", err.msg);
}
END_TEST

static pthread_barrier_t barrier;

static void *
get_it(void *arg)
{
	struct err err;

	(void)arg;
	pthread_barrier_wait(&barrier);
	return map_file_get(path, &notes, patience(), &err);
}

START_TEST(threads_read_it_once)
{
	unsigned long before = map_file_readings();
	pthread_t thread[4];
	void *m[4];

	write_large();
	pthread_barrier_init(&barrier, NULL, 4);
	for (int i = 0; i < 4; i++)
		must(pthread_create(&thread[i], NULL, get_it, NULL) == 0);
	for (int i = 0; i < 4; i++)
		must(pthread_join(thread[i], &m[i]) == 0);
	pthread_barrier_destroy(&barrier);
	for (int i = 0; i < 4; i++)
		ck_assert(m[i] != NULL && m[i] == m[0]);
	ck_assert_uint_eq(map_file_readings() - before, 1);
	for (int i = 0; i < 4; i++)
		map_shared_unref(m[i]);
	ck_assert_uint_eq(map_shared_count(), 0);
}
END_TEST

/* ---- in policies -------------------------------------------------------- */

#define ON_MAIL(body)                                                          \
	"kumo.on('smtp_server_mail_from', function(sender) " body " end)"
#define MAIL "C H:a M:<s@host7.example> Q"

static struct epoch *
load(const char *body)
{
	char *text = xasprintf("local kumo = require 'kumo' "
			       "local path = '%s' %s",
	    path, body);
	struct err err;
	struct epoch *e = policy_load(text, 4, &err);

	ck_assert_msg(e != NULL, "%s", err.msg);
	free(text);
	return e;
}

/* Four states, and four more of the policy after it. */
START_TEST(states_and_epochs_share)
{
	const char *body = "map = kumo.milter.domain_map_file(path) " ON_MAIL(
	    "kumo.reject(550, map[sender.domain])");
	unsigned long before = map_file_readings();

	write_large();
	epoch_set_current(load(body));
	ck_assert_uint_eq(map_file_readings() - before, 1);
	ck_assert_uint_eq(map_shared_count(), 1);
	play_expect(MAIL, "C -; H -; M 550 value 7", "first");
	epoch_set_current(load(body));
	ck_assert_uint_eq(map_file_readings() - before, 1);
	write_file("host7.example other\n");
	epoch_set_current(load(body));
	ck_assert_uint_eq(map_file_readings() - before, 2);
	ck_assert_uint_eq(map_shared_count(), 1);
	play_expect(MAIL, "C -; H -; M 550 other", "changed");
	policy_done();
	ck_assert_uint_eq(map_shared_count(), 0);
}
END_TEST

static const struct {
	const char *name, *body, *answer;
} handlers[] = {
	{ "in a handler",
	    ON_MAIL("kumo.reject(550, "
		    "kumo.milter.domain_map_file(path)[sender.domain])"),
	    "C -; H -; M 550 x y" },
	{ "memoized",
	    "local get = kumo.memoize(kumo.milter.domain_map_file, "
	    "{ name = 'map_file', ttl = '1h', capacity = 2 }) " ON_MAIL(
		"get(path) os.remove(path) "
		"kumo.reject(550, get(path)[sender.domain])"),
	    "C -; H -; M 550 x y" },
	{ "an error is caught",
	    ON_MAIL(
		"local ok, why = pcall(kumo.milter.cidr_map_file, path) "
		"kumo.reject(550, tostring(ok) .. why:match('map:2: %S+'))"),
	    "C -; H -; M 550 falsemap:2: host7.example" },
};

START_TEST(handler_waits)
{
	write_file("# one\nhost7.example x y\n");
	epoch_set_current(load(handlers[_i].body));
	play_expect(MAIL, handlers[_i].answer, handlers[_i].name);
	policy_done();
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("map_file", &tcase);

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, make_folder, remove_folder);
	tcase_add_loop_test(tcase, lines_are_entries, 0, UNIT_N(rows));
	tcase_add_test(tcase, a_file_is_read_while_it_is_another);
	tcase_add_test(tcase, deadline_ends_it);
	tcase_add_test(tcase, too_large_is_not_read);
	tcase_add_test(tcase, threads_read_it_once);
	tcase_add_test(tcase, states_and_epochs_share);
	tcase_add_loop_test(tcase, handler_waits, 0, UNIT_N(handlers));
	return s;
}

UNIT_MAIN(suite)
