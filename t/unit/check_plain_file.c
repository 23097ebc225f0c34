#include "unit.h"

#include "milter/plain_file.h"
#include "milter/xmalloc.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *folder, *path;
static struct err err;

static void
setup(void)
{
	folder = xstrdup("/tmp/kumilter-unit-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	path = xasprintf("%s/file", folder);
	err.msg[0] = '\0';
}

static void
teardown(void)
{
	unlink(path);
	ck_assert_int_eq(rmdir(folder), 0);
	free(folder);
	free(path);
}

static int
open_fine(int flags, mode_t mode)
{
	int fd = plain_file_open(path, flags, mode, &err);

	ck_assert_msg(fd >= 0, "%s", err.msg);
	return fd;
}

static void
write_fine(int flags, const char *text)
{
	int fd = open_fine(flags, 0600);

	ck_assert_int_eq(plain_file_write(fd, text, strlen(text), &err), 0);
	close(fd);
}

static void
expect(const char *want)
{
	struct str got = { 0 };

	ck_assert_msg(plain_file_get(path, &got, &err) == 0, "%s", err.msg);
	ck_assert_str_eq(str_c(&got), want);
	str_fini(&got);
}

START_TEST(writes_and_reads)
{
	struct str got = { 0 };
	struct stat sb;
	int fd;

	umask(022);
	close(open_fine(O_WRONLY | O_CREAT | O_EXCL, 0640));
	ck_assert_int_eq(stat(path, &sb), 0);
	ck_assert_int_eq(sb.st_mode & 0777, 0640);
	ck_assert_int_eq(
	    plain_file_open(path, O_WRONLY | O_CREAT | O_EXCL, 0640, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.msg, "file: File exists"));
	expect("");
	write_fine(O_WRONLY, "one\n");
	write_fine(O_WRONLY | O_APPEND, "two\n");
	expect("one\ntwo\n");
	fd = open_fine(O_RDWR, 0);
	ck_assert_int_eq(plain_file_read(fd, 5, &got, &err), 0);
	ck_assert_str_eq(str_c(&got), "one\nt");
	ck_assert_int_eq(plain_file_read(fd, 5, &got, &err), 0);
	ck_assert_str_eq(str_c(&got), "one\ntwo\n");
	ck_assert_int_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	close(fd);
	str_fini(&got);
	write_fine(O_WRONLY | O_TRUNC, "3");
	expect("3");
}
END_TEST

static void
refused(const char *what, int flags, const char *why)
{
	ck_assert_int_eq(plain_file_open(what, flags, 0, &err), -1);
	ck_assert_msg(strstr(err.msg, why) != NULL, "%s: %s", what, err.msg);
}

/* None of these waits for anybody. */
START_TEST(only_plain_files)
{
	refused(path, O_RDONLY, "No such file");
	refused(folder, O_RDONLY, "not a regular file");
	refused("/dev/tty", O_RDWR, "not a regular file");
	refused("/dev/null", O_WRONLY, "not a regular file");
	refused(path, O_RDONLY | O_DIRECTORY, "are known");
	refused(path, O_ACCMODE, "are known");
	refused(path, -1, "are known");
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	refused(path, O_RDONLY, "not a regular file");
	refused(path, O_WRONLY | O_APPEND, "not a regular file");
}
END_TEST

START_TEST(too_large)
{
	struct str got = { 0 };
	int fd = open_fine(O_RDWR | O_CREAT, 0600);

	ck_assert_int_eq(ftruncate(fd, (off_t)PLAIN_FILE_MAX), 0);
	ck_assert_int_eq(plain_file_get(path, &got, &err), 0);
	ck_assert_int_eq(got.len, PLAIN_FILE_MAX);
	str_clear(&got);
	ck_assert_int_eq(ftruncate(fd, (off_t)PLAIN_FILE_MAX + 1), 0);
	ck_assert_int_eq(plain_file_get(path, &got, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.msg, "larger than 16777216 bytes"));
	close(fd);
	str_fini(&got);
}
END_TEST

START_TEST(what_the_system_refuses)
{
	struct str got = { 0 };
	int fd = open_fine(O_WRONLY | O_CREAT, 0600);

	ck_assert_int_eq(plain_file_read(fd, 1, &got, &err), -1);
	ck_assert_str_eq(err.msg, "Bad file descriptor");
	close(fd);
	fd = open_fine(O_RDONLY, 0);
	ck_assert_int_eq(plain_file_write(fd, "x", 1, &err), -1);
	ck_assert_str_eq(err.msg, "Bad file descriptor");
	close(fd);
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("plain_file", &tcase);

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, writes_and_reads);
	tcase_add_test(tcase, only_plain_files);
	tcase_add_test(tcase, too_large);
	tcase_add_test(tcase, what_the_system_refuses);
	return s;
}

UNIT_MAIN(suite)
