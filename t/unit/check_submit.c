#include "unit.h"

#include "milter/clock.h"
#include "milter/submit.h"
#include "milter/xmalloc.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *folder, *script, *record;

static void
setup(void)
{
	folder = xstrdup("/tmp/kumilter-unit-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	script = xasprintf("%s/sendmail", folder);
	record = xasprintf("%s/record", folder);
}

static void
teardown(void)
{
	unlink(script);
	unlink(record);
	ck_assert_int_eq(rmdir(folder), 0);
	free(folder);
	free(script);
	free(record);
}

static void
write_script(const char *body)
{
	FILE *f = fopen(script, "we");

	ck_assert_ptr_nonnull(f);
	fprintf(f, "#!/bin/sh\nR=%s\n%s\n", record, body);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_int_eq(chmod(script, 0755), 0);
}

static char *
read_record(void)
{
	FILE *f = fopen(record, "re");
	struct str s = { 0 };
	char buf[512];
	size_t n;

	ck_assert_ptr_nonnull(f);
	while ((n = fread(buf, 1, sizeof buf, f)) > 0)
		str_add(&s, buf, n);
	fclose(f);
	return s.data != NULL ? s.data : xstrdup("");
}

static int
submit(const char *sender, const char *data, int64_t patience, struct str *said,
    struct err *err)
{
	static const char *const rcpt[] = { "a@x.example", "b;c@y.example" };
	char *command = xasprintf("%s  -i -O x=y ", script);
	struct submission s = { command, sender, rcpt, 2, data, strlen(data) };
	int rc = submit_run(&s, clock_mono() + patience, said, err);

	free(command);
	return rc;
}

#define LONG (60 * CLOCK_S)

static const struct {
	const char *sender, *data, *record;
} sent[] = {
	{ "s@x.example", "A: b\r\n\r\nbody\r\n",
	    "-i|-O|x=y|-f|s@x.example|--|a@x.example|b;c@y.example|"
	    "A: b\n\nbody\n" },
	{ "", "A: b\n\nb\rc\r",
	    "-i|-O|x=y|-f|<>|--|a@x.example|b;c@y.example|A: b\n\nb\rc\r" },
	{ "$(id)@x.example", "",
	    "-i|-O|x=y|-f|$(id)@x.example|--|a@x.example|b;c@y.example|" },
};

START_TEST(what_the_command_gets)
{
	struct str said = { 0 };
	struct err err = { "" };
	char *got;

	write_script("{ printf '%s|' \"$@\"; cat; } > $R");
	ck_assert_msg(
	    submit(sent[_i].sender, sent[_i].data, LONG, &said, &err) == 0,
	    "%s", err.msg);
	got = read_record();
	ck_assert_str_eq(got, sent[_i].record);
	ck_assert_str_eq(str_c(&said), "");
	free(got);
}
END_TEST

/* Nothing of ours: descriptors, signals, environment. */
START_TEST(where_it_runs)
{
	struct str said = { 0 };
	struct err err = { "" };
	int fd = open("/dev/null", O_RDONLY); /* inherited by mistake */
	sigset_t set;
	char *got;

	ck_assert_int_ge(fd, 3);
	ck_assert_int_eq(setenv("LISTEN_FDS", "1", 1), 0);
	ck_assert_int_eq(setenv("MAIL_CONFIG", "/some/where", 1), 0);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	/* 3 is the folder that ls reads; signals 32 and up are glibc's */
	write_script("{ ls /proc/self/fd | tr '\\n' ' '; echo "
		     "\"[$LISTEN_FDS] $MAIL_CONFIG\"; "
		     "sed -nE 's/(Sig(Blk|Ign)).*(.{7})$/\\1 \\3/p' "
		     "/proc/self/status; } > $R");
	ck_assert_msg(submit("", "x", LONG, &said, &err) == 0, "%s", err.msg);
	got = read_record();
	ck_assert_str_eq(got, "0 1 2 3 [] /some/where\n"
			      "SigBlk 0000000\nSigIgn 0000000\n");
	free(got);
	close(fd);
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	unsetenv("MAIL_CONFIG");
	unsetenv("LISTEN_FDS");
}
END_TEST

START_TEST(a_descriptor_does_not_pass)
{
	struct str said = { 0 };
	struct err err = { "" };
	int fd = fcntl(open("/dev/null", O_RDONLY), F_DUPFD, 50);

	ck_assert_int_ge(fd, 50);
	write_script("[ -e /proc/self/fd/50 ] && exit 1\nexit 0");
	ck_assert_msg(submit("", "x", LONG, &said, &err) == 0, "%s", err.msg);
	close(fd);
}
END_TEST

static const struct {
	const char *body, *said, *why;
} failures[] = {
	{ "echo no such user >&2; exit 67", "no such user\n",
	    "SCRIPT  -i -O x=y  ended with status 67" },
	{ "echo out; echo err >&2; kill -9 $$", "out\nerr\n",
	    "SCRIPT  -i -O x=y  was ended by signal 9" },
	{ "exec < /dev/null; exit 1", "",
	    "SCRIPT  -i -O x=y  ended with status 1" },
};

START_TEST(a_command_that_fails)
{
	struct str said = { 0 };
	struct err err = { "" };
	char *big = xmalloc(1000001);
	char *why;

	memset(big, 'x', 1000000);
	big[1000000] = '\0';
	write_script(failures[_i].body);
	ck_assert_int_eq(submit("", big, LONG, &said, &err), -1);
	why = xasprintf("%s%s", script, failures[_i].why + 6);
	ck_assert_str_eq(err.msg, why);
	ck_assert_str_eq(str_c(&said), failures[_i].said);
	str_fini(&said);
	free(big);
	free(why);
}
END_TEST

START_TEST(a_talker_is_heard_in_part)
{
	struct str said = { 0 };
	struct err err = { "" };

	write_script("i=0; while [ $i -lt 5000 ]; do echo 0123456789012345; "
		     "i=$((i+1)); done");
	ck_assert_msg(submit("", "x", LONG, &said, &err) == 0, "%s", err.msg);
	ck_assert_int_eq(said.len, 2000);
	str_fini(&said);
}
END_TEST

START_TEST(it_ends_at_the_deadline)
{
	struct str said = { 0 };
	struct err err = { "" };
	int64_t begin = clock_mono();

	/* children of its own, too: they hold its output open */
	write_script("sleep 300 & sleep 300");
	ck_assert_int_eq(submit("", "x", 30 * CLOCK_MS, &said, &err), -1);
	ck_assert_msg(strstr(err.msg, "took too long") != NULL, "%s", err.msg);
	ck_assert(clock_mono() < begin + LONG);
}
END_TEST

/* Who stays behind and holds the output does not keep us. */
START_TEST(its_children_may_go_on)
{
	struct str said = { 0 };
	struct err err = { "" };
	char *got;

	write_script("sleep 300 & echo $! > $R; echo said");
	ck_assert_msg(submit("", "x", LONG, &said, &err) == 0, "%s", err.msg);
	ck_assert_str_eq(str_c(&said), "said\n");
	str_fini(&said);
	got = read_record();
	kill((pid_t)atoi(got), SIGKILL);
	free(got);
}
END_TEST

START_TEST(no_such_command)
{
	struct str said = { 0 };
	struct err err = { "" };

	ck_assert_int_eq(submit("", "x", LONG, &said, &err), -1);
	ck_assert_msg(strstr(err.msg, "No such file or directory") != NULL,
	    "%s", err.msg);
}
END_TEST

static const struct {
	const char *text, *want; /* NULL: refused */
} addresses[] = {
	{ "a@b.example", "a@b.example" },
	{ " <a@B.Example> ", "a@b.example" },
	{ "<>", "" },
	{ "", "" },
	{ "root", "root" },
	{ "ops+alerts", "ops+alerts" },
	{ "\"a b\"@c.example", "\"a b\"@c.example" },
	{ "-oQ/tmp@c.example", NULL },
	{ "-bs", NULL },
	{ "a b", NULL },
	{ "a,b", NULL },
	{ "|/bin/sh", NULL },
	{ "/etc/passwd", NULL },
	{ ":include:/etc/passwd", NULL },
	{ "a@b.example,c@d.example", NULL },
	{ "a@b.example\n", NULL },
	{ "a\r\n@b.example", NULL },
	{ "\"a\x7f\"@b.example", NULL },
};

START_TEST(address_row)
{
	struct str out = { 0 };
	struct err err = { "" };
	int rc = submit_address(
	    addresses[_i].text, strlen(addresses[_i].text), &out, &err);

	if (addresses[_i].want == NULL)
		ck_assert_msg(rc == -1 && err.msg[0] != '\0', "%s gives %s",
		    addresses[_i].text, str_c(&out));
	else
		ck_assert_str_eq(str_c(&out), addresses[_i].want);
	str_fini(&out);
}
END_TEST

static const struct {
	const char *command;
	bool fits;
} commands[] = {
	{ "/usr/sbin/sendmail -i", true },
	{ "/usr/sbin/sendmail", true },
	{ "sendmail", false },
	{ "", false },
	{ " /usr/sbin/sendmail", false },
	{ "/usr/sbin/sendmail\t-i", false },
	{ "/x 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1",
	    true },
	{ "/x 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2",
	    false },
};

START_TEST(command_row)
{
	struct err err = { "" };

	ck_assert_msg((submit_check_command(commands[_i].command, &err) == 0) ==
			  commands[_i].fits,
	    "%s", commands[_i].command);
	ck_assert((err.msg[0] == '\0') == commands[_i].fits);
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("submit", &tcase);

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, what_the_command_gets, 0, UNIT_N(sent));
	tcase_add_test(tcase, where_it_runs);
	tcase_add_test(tcase, a_descriptor_does_not_pass);
	tcase_add_loop_test(tcase, a_command_that_fails, 0, UNIT_N(failures));
	tcase_add_test(tcase, a_talker_is_heard_in_part);
	tcase_add_test(tcase, it_ends_at_the_deadline);
	tcase_add_test(tcase, its_children_may_go_on);
	tcase_add_test(tcase, no_such_command);
	tcase_add_loop_test(tcase, address_row, 0, UNIT_N(addresses));
	tcase_add_loop_test(tcase, command_row, 0, UNIT_N(commands));
	return s;
}

UNIT_MAIN(suite)
