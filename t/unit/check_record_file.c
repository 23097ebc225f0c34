#include "unit.h"

#include "milter/clock.h"
#include "milter/record_file.h"
#include "milter/xmalloc.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/kumilter-record-XXXXXX";

static void
begin(void)
{
	strcpy(folder + sizeof folder - 7, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void
end(void)
{
	char *command = xasprintf("chmod -R u+w %s; rm -rf %s", folder, folder);

	ck_assert_int_eq(system(command), 0);
	free(command);
}

static char *
contents(const char *path)
{
	static char text[1 << 16];
	FILE *f = fopen(path, "re");
	size_t n;

	ck_assert_msg(f != NULL, "%s", path);
	n = fread(text, 1, sizeof text - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

static mode_t
mode_of(const char *path)
{
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	return st.st_mode & 0777;
}

START_TEST(a_plain_segment)
{
	struct record_file f;
	struct err err;
	char *path;

	ck_assert_msg(record_file_open(&f, folder, ".jsonl", -1, 7, &err) == 0,
	    "%s", err.msg);
	path = xstrdup(f.path);
	ck_assert_int_eq(strncmp(path, folder, strlen(folder)), 0);
	ck_assert_uint_eq(strlen(path + strlen(folder)),
	    strlen("/20260801-120000.123456789.jsonl"));
	ck_assert_int_eq(f.opened, 7);
	ck_assert_uint_eq(mode_of(path) & 0222, 0200);
	ck_assert_int_eq(record_file_write(&f, "one\n", 4, &err), 0);
	ck_assert_str_eq(contents(path), ""); /* nobody asked for it yet */
	ck_assert_int_eq(record_file_flush(&f, &err), 0);
	ck_assert_str_eq(contents(path), "one\n");
	ck_assert_int_eq(record_file_write(&f, "two\n", 4, &err), 0);
	ck_assert_uint_eq(f.size, 8);
	ck_assert_int_eq(record_file_close(&f, &err), 0);
	ck_assert_int_eq(f.fd, -1);
	ck_assert_str_eq(contents(path), "one\ntwo\n");
	ck_assert_uint_eq(mode_of(path), 0440);
	free(path);
}
END_TEST

/* Two of one moment are two; much of it goes to the file by itself. */
START_TEST(many_at_once)
{
	struct record_file a, b;
	char line[1000], *path;
	struct err err;

	ck_assert_int_eq(record_file_open(&a, folder, "", -1, 0, &err), 0);
	ck_assert_int_eq(record_file_open(&b, folder, "", -1, 0, &err), 0);
	ck_assert_str_ne(a.path, b.path);
	path = xstrdup(b.path);
	memset(line, 'x', sizeof line);
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(
		    record_file_write(&a, line, sizeof line, &err), 0);
	ck_assert_uint_ge(strlen(contents(a.path)), 60000);
	ck_assert_int_eq(record_file_close(&a, &err), 0);
	ck_assert_int_eq(record_file_close(&b, &err), 0);
	ck_assert_str_eq(contents(path), "");
	free(path);
}
END_TEST

START_TEST(folders_are_made)
{
	char *deep = xasprintf("%s/a/b", folder);
	struct record_file f;
	struct err err;

	ck_assert_msg(record_file_open(&f, deep, "/c.x", -1, 0, &err) == 0,
	    "%s", err.msg);
	ck_assert_int_eq(record_file_close(&f, &err), 0);
	free(deep);
	/* not where a file stands in the way */
	deep = xasprintf("%s/a/b/file", folder);
	close(open(deep, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	ck_assert_int_eq(record_file_open(&f, deep, "", -1, 0, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.msg, "Not a directory"));
	ck_assert_int_eq(f.fd, -1);
	free(deep);
}
END_TEST

/* The disk is full: whole lines stay, the rest is told to be lost. */
START_TEST(what_cannot_be_written)
{
	struct record_file f;
	struct err err;
	char *path;
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	if (full < 0)
		return;
	ck_assert_int_eq(record_file_open(&f, folder, "", -1, 0, &err), 0);
	path = xstrdup(f.path);
	ck_assert_int_eq(record_file_write(&f, "one\n", 4, &err), 0);
	ck_assert_int_eq(record_file_flush(&f, &err), 0);
	ck_assert_int_eq(record_file_write(&f, "two\n", 4, &err), 0);
	ck_assert_int_ge(dup2(full, f.fd), 0);
	close(full);
	ck_assert_int_eq(record_file_flush(&f, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.msg, "No space left"));
	ck_assert_ptr_nonnull(strstr(err.msg, path));
	ck_assert_int_eq(f.fd, -1);
	ck_assert_str_eq(contents(path), "one\n");
	free(path);
}
END_TEST

START_TEST(a_compressed_segment)
{
	struct record_file f;
	struct err err;
	char *path;

	if (!record_file_compresses())
		return;
	ck_assert_int_eq(record_file_open(&f, folder, "", 3, 0, &err), 0);
	path = xstrdup(f.path);
	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(record_file_write(&f, "line\n", 5, &err), 0);
	ck_assert_int_eq(record_file_flush(&f, &err), 0);
	ck_assert_int_eq(memcmp(contents(path), "\x28\xb5\x2f\xfd", 4), 0);
	ck_assert_int_eq(record_file_close(&f, &err), 0);
	ck_assert_uint_eq(mode_of(path), 0440);
	free(path);
}
END_TEST

static const struct {
	const char *name;
	mode_t mode, then;
	bool held;
} old[] = {
	{ "20260801-120000.123456789", 0640, 0440, false },
	{ "20260801-120000.123456789_recv", 0644, 0444, false },
	{ "20260801-120000.123456790", 0640, 0640, true },
	{ "20260801-120000.12345678", 0640, 0640, false },
	{ "20260801-120000", 0640, 0640, false },
	{ "x20260801-120000.123456789", 0640, 0640, false },
	{ "readme", 0640, 0640, false },
};

START_TEST(what_the_dead_left)
{
	char *path = xasprintf("%s/%s", folder, old[_i].name);
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fchmod(fd, old[_i].mode), 0);
	if (old[_i].held)
		ck_assert_int_eq(flock(fd, LOCK_EX), 0);
	record_file_end_old(folder);
	ck_assert_msg(mode_of(path) == old[_i].then, "%s: %o", old[_i].name,
	    (unsigned)mode_of(path));
	record_file_end_old("/nonexistent");
	close(fd);
	free(path);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("record_file", &t);

	tcase_add_checked_fixture(t, begin, end);
	tcase_add_test(t, a_plain_segment);
	tcase_add_test(t, many_at_once);
	tcase_add_test(t, folders_are_made);
	tcase_add_test(t, what_cannot_be_written);
	tcase_add_test(t, a_compressed_segment);
	tcase_add_loop_test(t, what_the_dead_left, 0, UNIT_N(old));
	return s;
}

UNIT_MAIN(suite)
