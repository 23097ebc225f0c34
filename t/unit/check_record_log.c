#include "unit.h"

#include "milter/clock.h"
#include "milter/log.h"
#include "milter/metric.h"
#include "milter/record_log.h"
#include "milter/xmalloc.h"

#include <glob.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/kumilter-record-XXXXXX";

static void
begin(void)
{
	log_open(LOG_SINK_STDERR, LOG_LEVEL_ERROR);
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

static struct record_log *
open_log(const char *more)
{
	char *text = xasprintf("{\"log_dir\": \"%s/log\"%s}", folder, more);
	json_t *options = json_loads(text, 0, NULL);
	struct record_log *log;

	ck_assert_msg(options != NULL, "%s", text);
	log = record_log_open(options, false);
	json_decref(options);
	free(text);
	return log;
}

static void
stop(void)
{
	ck_assert(record_log_stop(clock_mono() + 30 * CLOCK_S));
}

/* Lines in all segments, and how many of these there are. */
static int
lines(int *segments)
{
	char *pattern = xasprintf("%s/log/2*", folder);
	glob_t found;
	int n = 0, c;

	*segments = 0;
	if (glob(pattern, 0, NULL, &found) == 0) {
		*segments = (int)found.gl_pathc;
		for (size_t i = 0; i < found.gl_pathc; i++) {
			FILE *f = fopen(found.gl_pathv[i], "re");

			while ((c = getc(f)) != EOF)
				n += c == '\n';
			fclose(f);
		}
		globfree(&found);
	}
	free(pattern);
	return n;
}

#define THREADS 8
#define EACH 2000

static void *
put_many(void *log)
{
	for (int i = 0; i < EACH; i++)
		record_log_put(log,
		    i % 2 == 0 ? RECORD_RECEPTION : RECORD_REJECTION,
		    i % 3 == 0 ? "{}\n" : "{}", i % 3 == 0 ? 3 : 2);
	return NULL;
}

START_TEST(all_are_written)
{
	struct record_log *log = open_log(", \"max_file_size\": 30000");
	long dropped = metric_get(METRIC_RECORDS_DROPPED);
	long written = metric_get(METRIC_RECORDS);
	pthread_t thread[THREADS];
	int segments;

	for (int i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, put_many, log);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	record_log_close(log);
	stop();
	ck_assert_int_eq(lines(&segments), THREADS * EACH);
	ck_assert_int_eq(segments, 2); /* 48000 bytes */
	ck_assert_int_eq(metric_get(METRIC_RECORDS_DROPPED), dropped);
	ck_assert_int_eq(metric_get(METRIC_RECORDS), written + THREADS * EACH);
}
END_TEST

START_TEST(a_full_queue_drops)
{
	struct record_log *log = open_log(", \"back_pressure\": 1");
	long before = metric_get(METRIC_RECORDS_DROPPED), n = 0;
	size_t large = RECORD_QUEUE_BYTES + 1;
	char *text = xcalloc(large, 1);
	int segments;

	record_log_put(log, RECORD_REJECTION, text, large);
	ck_assert_int_eq(metric_get(METRIC_RECORDS_DROPPED), before + 1);
	before++;
	/* some day the writer is not fast enough */
	for (; metric_get(METRIC_RECORDS_DROPPED) == before; n++)
		record_log_put(log, RECORD_REJECTION, "{}", 2);
	record_log_close(log);
	stop();
	ck_assert_int_eq(lines(&segments), n - 1);
	free(text);
}
END_TEST

START_TEST(equal_options_are_one_log)
{
	struct record_log *a = open_log(""), *b = open_log("");
	struct record_log *c = open_log(", \"meta\": [\"x\"]");
	int segments;

	ck_assert_ptr_eq(a, b);
	ck_assert_ptr_ne(a, c);
	ck_assert_uint_eq(json_array_size(record_log_options(c)->meta), 1);
	record_log_close(a);
	record_log_put(b, RECORD_RECEPTION, "{}", 2);
	record_log_put(c, RECORD_RECEPTION, "{}", 2);
	record_log_close(b);
	record_log_close(c);
	record_log_close(NULL);
	stop();
	ck_assert_int_eq(lines(&segments), 2);
	ck_assert_int_eq(segments, 2);
}
END_TEST

/* Who has it still may go on to put; it is freed with the last one. */
START_TEST(after_the_stop_all_is_dropped)
{
	struct record_log *log = open_log("");
	long before = metric_get(METRIC_RECORDS_DROPPED);
	int segments;

	stop();
	record_log_put(log, RECORD_RECEPTION, "{}", 2);
	ck_assert_int_eq(metric_get(METRIC_RECORDS_DROPPED), before + 1);
	record_log_close(log);
	ck_assert_int_eq(lines(&segments), 0);
	stop();
}
END_TEST

static void
put_until(struct record_log *log, enum metric m)
{
	long before = metric_get(m);

	while (metric_get(m) == before) {
		record_log_put(log, RECORD_RECEPTION, "{}", 2);
		usleep(1000);
	}
}

START_TEST(what_cannot_be_opened_is_tried_again)
{
	char *path = xasprintf("%s/log", folder);
	FILE *f = fopen(path, "we");
	struct record_log *log = open_log("");

	ck_assert_ptr_nonnull(f);
	fclose(f);
	put_until(log, METRIC_RECORDS_DROPPED);
	ck_assert_int_eq(unlink(path), 0);
	put_until(log, METRIC_RECORDS);
	record_log_close(log);
	stop();
	free(path);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("record_log", &t);

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, begin, end);
	tcase_add_test(t, all_are_written);
	tcase_add_test(t, a_full_queue_drops);
	tcase_add_test(t, equal_options_are_one_log);
	tcase_add_test(t, after_the_stop_all_is_dropped);
	tcase_add_test(t, what_cannot_be_opened_is_tried_again);
	return s;
}

UNIT_MAIN(suite)
