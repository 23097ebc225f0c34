/*
 * The file that sessions go to, and the way they come back out of it.
 */
#include "milter/clock.h"
#include "milter/metric.h"
#include "milter/record_file.h"
#include "milter/recording.h"
#include "milter/recording_read.h"
#include "milter/recording_text.h"
#include "milter/xmalloc.h"
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE                                                                   \
	"{\"kumilter_recording\":1,\"session\":\"%d\",\"steps\":"              \
	"[{\"do\":\"connect\"}]}"

static char folder[] = "/tmp/kumilter-recording-XXXXXX";
static int n_ended;

static void
ended(const struct recording *r)
{
	ck_assert_ptr_nonnull(r);
	n_ended++;
}

static char *
path_of(const char *name)
{
	if (strstr(folder, "XXXXXX") != NULL)
		ck_assert_ptr_nonnull(mkdtemp(folder));
	return xasprintf("%s/%s", folder, name);
}

static void
start(const char *path, size_t max)
{
	struct recording_options o = { .path = path, .max = max };
	struct err err;

	ck_assert_msg(
	    recording_start(&o, (unsigned)-1, ended, &err) == 0, "%s", err.msg);
}

static void
put(int first, int n)
{
	struct recording *r = recording_ref();

	ck_assert_ptr_nonnull(r);
	for (int i = first; i < first + n; i++) {
		char *line = xasprintf(LINE, i);

		recording_put(r, line, strlen(line), false);
		free(line);
	}
	recording_unref(r);
}

static void
stop(void)
{
	ck_assert(recording_stop(clock_mono() + 60 * CLOCK_S));
}

/* "s1 s2 bad3 torn4 end": sessions by their number, others by their line. */
static char *
read_all(struct recording_reader *r)
{
	static const char *const words[] = { [RECORDING_BAD] = "bad",
		[RECORDING_TORN] = "torn",
		[RECORDING_FAILED] = "failed" };
	struct str out = { 0 };
	enum recording_got got;
	json_t *session;
	struct err err;

	while ((got = recording_next(r, &session, &err)) != RECORDING_END) {
		if (got == RECORDING_SESSION)
			str_addf(&out, "s%s ",
			    json_string_value(
				json_object_get(session, "session")));
		else
			str_addf(&out, "%s%lu ", words[got],
			    recording_number_of_line(r));
		json_decref(session);
		if (got == RECORDING_FAILED)
			break;
	}
	recording_close(r);
	str_adds(&out, "end");
	return str_take(&out);
}

static void
expect(const char *path, const char *expected)
{
	struct err err;
	struct recording_reader *r = recording_open(path, &err);
	char *got;

	ck_assert_msg(r != NULL, "%s", err.msg);
	got = read_all(r);
	ck_assert_str_eq(got, expected);
	free(got);
}

static void
append(const char *path, const char *text)
{
	FILE *f = fopen(path, "ae");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static void
written_and_gone_on_with(const char *name)
{
	char *path = path_of(name);
	struct stat st;

	start(path, 0);
	put(1, 3);
	stop();
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	expect(path, "s1 s2 s3 end");
	start(path, 0);
	put(4, 1);
	stop();
	expect(path, "s1 s2 s3 s4 end");
	ck_assert_ptr_null(recording_ref());
	unlink(path);
	free(path);
}

START_TEST(a_file)
{
	n_ended = 0;
	written_and_gone_on_with("plain");
	ck_assert_int_eq(n_ended, 2);
}
END_TEST

START_TEST(a_compressed_file)
{
	if (record_file_compresses())
		written_and_gone_on_with("squeezed.zst");
}
END_TEST

/* What somebody was writing when he died. */
START_TEST(torn_lines)
{
	char *path = path_of("torn");

	start(path, 0);
	put(1, 1);
	stop();
	append(path, "{\"kumilter_rec");
	expect(path, "s1 torn2 end");
	start(path, 0);
	put(2, 1);
	stop();
	expect(path, "s1 bad2 s2 end");
	unlink(path);
	free(path);
}
END_TEST

/* A frame of zstd without its end, and the next one. */
START_TEST(torn_frames)
{
	char *path = path_of("torn.zst");
	struct stat st;

	if (record_file_compresses()) {
		start(path, 0);
		put(1, 3);
		stop();
		ck_assert_int_eq(stat(path, &st), 0);
		ck_assert_int_eq(truncate(path, st.st_size - 4), 0);
		expect(path, "s1 s2 s3 end");
		start(path, 0);
		put(4, 2);
		stop();
		expect(path, "s1 s2 s3 s4 s5 end");
		unlink(path);
	}
	free(path);
}
END_TEST

START_TEST(it_stops_at_its_size)
{
	char *path = path_of("small");
	struct stat st;
	long dropped = metric_get(METRIC_RECORDED_DROPPED);
	long written = metric_get(METRIC_RECORDED);
	struct recording *r;

	n_ended = 0;
	start(path, 2 * sizeof LINE);
	put(1, 5);
	while ((r = recording_ref()) != NULL) { /* the writer ends it */
		recording_unref(r);
		usleep(1000);
	}
	stop();
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_le(st.st_size, 2 * sizeof LINE);
	expect(path, "s1 s2 end");
	ck_assert_int_eq(metric_get(METRIC_RECORDED) - written, 2);
	ck_assert_int_ge(metric_get(METRIC_RECORDED_DROPPED) - dropped, 1);
	ck_assert_int_eq(n_ended, 1);
	unlink(path);
	free(path);
}
END_TEST

START_TEST(not_every_file_will_do)
{
	char *other = path_of("other"), *link_to = path_of("link");
	struct recording_options o = { .path = other };
	struct err err;

	append(other, "root:x:0:0\n");
	ck_assert_int_eq(recording_start(&o, (unsigned)-1, ended, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.msg, "is no recording"));
	expect(other, "bad1 end");
	ck_assert_int_eq(symlink(other, link_to), 0);
	o.path = link_to;
	ck_assert_int_eq(recording_start(&o, (unsigned)-1, ended, &err), -1);
	o.path = folder;
	ck_assert_int_eq(recording_start(&o, (unsigned)-1, ended, &err), -1);
	o.path = "/dev/null";
	ck_assert_int_eq(recording_start(&o, (unsigned)-1, ended, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.msg, "is no file"));
	o = (struct recording_options){ .path = other, .redact = "x" };
	ck_assert_int_eq(recording_start(&o, (unsigned)-1, ended, &err), -1);
	unlink(link_to);
	unlink(other);
	free(link_to);
	free(other);
}
END_TEST

START_TEST(one_at_a_time)
{
	char *path = path_of("first"), *second = path_of("second");
	struct recording_options o = { .path = second };
	struct str out = { 0 };
	struct err err;

	start(path, 0);
	ck_assert_int_eq(recording_start(&o, (unsigned)-1, ended, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.msg, "already"));
	ck_assert_int_eq(access(second, F_OK), -1);
	ck_assert(recording_describe(&out));
	ck_assert_ptr_nonnull(strstr(str_c(&out), path));
	stop();
	str_clear(&out);
	ck_assert(!recording_describe(&out));
	str_fini(&out);
	unlink(path);
	free(path);
	free(second);
}
END_TEST

/* ---- lines that are none ------------------------------------------------- */

#define HEAD "{\"kumilter_recording\":1,"

static const struct {
	const char *line, *says; /* NULL: it is fine */
} lines[] = {
	{ HEAD "\"steps\":[{\"do\":\"helo\",\"text\":\"a\"}]}", NULL },
	{ HEAD "\"steps\":[{\"do\":\"eom\",\"headers\":[[\"A\",\" b\"]],"
	       "\"body\":{\"base64\":\"/wA=\"},\"reply\":{\"code\":550},"
	       "\"edits\":[{\"edit\":\"add header\",\"name\":\"B\"}]}]}",
	    NULL },
	{ "x", "is no JSON" },
	{ "[]", "is no session" },
	{ "{\"kumilter_recording\":2,\"steps\":[]}", "version 2" },
	{ HEAD "\"steps\":[]}", "no steps" },
	{ HEAD "\"client\":[],\"steps\":[{\"do\":\"helo\"}]}", "client" },
	{ HEAD "\"steps\":[{\"do\":\"helo\"},{\"do\":\"no\"}]}",
	    "step 2: \"do\"" },
	{ HEAD "\"steps\":[{\"do\":\"helo\",\"text\":7}]}", "\"text\"" },
	{ HEAD "\"steps\":[{\"do\":\"helo\",\"text\":{\"base64\":\"AA==\"}}]}",
	    "\"text\"" },
	{ HEAD "\"steps\":[{\"do\":\"helo\",\"macros\":{\"j\":1}}]}",
	    "\"macros\"" },
	{ HEAD "\"steps\":[{\"do\":\"eom\",\"headers\":[[\"A\"]]}]}",
	    "\"headers\"" },
	{ HEAD "\"steps\":[{\"do\":\"eom\",\"body\":[]}]}", "\"body\"" },
	{ HEAD "\"steps\":[{\"do\":\"eom\",\"reply\":{}}]}", "\"reply\"" },
	{ HEAD "\"steps\":[{\"do\":\"eom\",\"edits\":[{}]}]}", "\"edits\"" },
	{ HEAD "\"steps\":[{\"do\":\"eom\",\"handlers\":[1]}]}",
	    "\"handlers\"" },
};

START_TEST(lines_are_checked)
{
	json_t *j = json_loads(lines[_i].line, 0, NULL);
	struct err err = { "is no JSON" };
	int rc = j != NULL ? recording_check(j, &err) : -1;

	ck_assert_msg((rc == 0) == (lines[_i].says == NULL), "%s: %s",
	    lines[_i].line, err.msg);
	if (rc != 0)
		ck_assert_msg(strstr(err.msg, lines[_i].says) != NULL, "%s: %s",
		    lines[_i].line, err.msg);
	json_decref(j);
}
END_TEST

/* Any bytes come back as they were. */
START_TEST(text_is_kept)
{
	static const struct {
		const char *text;
		size_t len;
	} rows[] = { { "", 0 }, { "a\r\n\"\\\x01", 6 }, { "\xc3\xa4", 2 },
		{ "\xff\xfe", 2 }, { "a\0b", 3 } };

	for (size_t i = 0; i < UNIT_N(rows); i++) {
		struct str out = { 0 }, back = { 0 };
		json_t *j;

		recording_value(&out, rows[i].text, rows[i].len);
		j = json_loads(str_c(&out), JSON_DECODE_ANY, NULL);
		ck_assert_msg(j != NULL, "%s", str_c(&out));
		ck_assert_int_eq(recording_read(&back, j), 0);
		ck_assert_uint_eq(back.len, rows[i].len);
		ck_assert_mem_eq(str_c(&back), rows[i].text, back.len);
		json_decref(j);
		str_fini(&out);
		str_fini(&back);
	}
}
END_TEST

START_TEST(bodies)
{
	size_t n = 7;
	struct err err;

	ck_assert_int_eq(recording_body_parse("none", &n, &err), 0);
	ck_assert_uint_eq(n, 0);
	ck_assert_int_eq(recording_body_parse("all", &n, &err), 0);
	ck_assert(n == SIZE_MAX);
	ck_assert_int_eq(recording_body_parse("4k", &n, &err), 0);
	ck_assert_uint_eq(n, 4096);
	ck_assert_int_eq(recording_body_parse("some", &n, &err), -1);
}
END_TEST

static Suite *
recording_suite(void)
{
	TCase *tc;
	Suite *s = unit_suite("recording", &tc);

	tcase_add_test(tc, a_file);
	tcase_add_test(tc, a_compressed_file);
	tcase_add_test(tc, torn_lines);
	tcase_add_test(tc, torn_frames);
	tcase_add_test(tc, it_stops_at_its_size);
	tcase_add_test(tc, not_every_file_will_do);
	tcase_add_test(tc, one_at_a_time);
	tcase_add_loop_test(tc, lines_are_checked, 0, (int)UNIT_N(lines));
	tcase_add_test(tc, text_is_kept);
	tcase_add_test(tc, bodies);
	return s;
}

UNIT_MAIN(recording_suite)
