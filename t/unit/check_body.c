#include "unit.h"

#include "milter/body.h"

#include <dirent.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define PIECE_MAX 65536

static char folder[64];

static void
make_folder(void)
{
	strcpy(folder, "/tmp/check_body-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
}

/* It was empty at the end: nobody else can open what was in the files. */
static void
remove_folder(void)
{
	ck_assert_int_eq(rmdir(folder), 0);
}

static struct str
pattern(size_t len)
{
	struct str s = { 0 };

	str_reserve(&s, len);
	for (size_t i = 0; i < len; i++)
		str_addc(&s, (char)(i * 31 + i / 251));
	return s;
}

static struct body *
filled(const struct str *text, size_t memory, size_t step)
{
	struct body_limits limits = { memory, SIZE_MAX, folder };
	struct body *b = body_new();
	struct err err;

	for (size_t at = 0; at < text->len; at += step) {
		size_t n = text->len - at < step ? text->len - at : step;

		ck_assert_int_eq(
		    body_add(b, text->data + at, n, &limits, &err), 0);
		ck_assert_uint_eq(body_size(b), at + n);
	}
	return b;
}

/* Length, bytes kept in memory, length of what is added at a time. */
static const struct row {
	size_t len, memory, step;
	bool spooled;
} rows[] = {
	{ 0, 0, 1, false },
	{ 1, 0, 1, true },
	{ 1, 1, 1, false },
	{ 100, 99, 7, true },
	{ 100, 100, 7, false }, /* the limit itself still fits */
	{ 100, 100, 100, false },
	{ 100, 99, 100, true },
	{ PIECE_MAX - 1, 1000, 333, true },
	{ PIECE_MAX, PIECE_MAX, PIECE_MAX, false },
	{ PIECE_MAX, 1000, 4096, true },
	{ PIECE_MAX + 1, 1 << 20, 65537, false },
	{ PIECE_MAX + 1, PIECE_MAX, 65536, true },
	{ 5 * PIECE_MAX + 17, 1 << 20, 9999, false },
	{ 5 * PIECE_MAX + 17, 3 * PIECE_MAX, 9999, true },
	{ 5 * PIECE_MAX + 17, 3, 2 * PIECE_MAX, true },
};

struct walk {
	struct str seen;
	size_t pieces, stop_after;
};

static int
take(void *arg, const void *data, size_t len)
{
	struct walk *w = arg;

	ck_assert_uint_gt(len, 0);
	ck_assert_uint_le(len, PIECE_MAX);
	str_add(&w->seen, data, len);
	return ++w->pieces == w->stop_after ? 42 : 0;
}

START_TEST(every_byte_comes_back_in_order)
{
	const struct row *r = &rows[_i];
	struct str text = pattern(r->len), out = { 0 };
	struct body *b = filled(&text, r->memory, r->step);
	struct walk w = { 0 };
	struct err err;

	ck_assert_msg(body_is_spooled(b) == r->spooled, "row %d", _i);
	ck_assert_uint_eq(body_size(b), r->len);
	for (int again = 0; again < 2; again++) {
		str_clear(&w.seen);
		ck_assert_int_eq(body_walk(b, take, &w, &err), 0);
		ck_assert_uint_eq(w.seen.len, text.len);
		ck_assert_mem_eq(str_c(&w.seen), str_c(&text), text.len);
	}
	str_adds(&out, "before");
	ck_assert_int_eq(body_read(b, &out, &err), 0);
	ck_assert_uint_eq(out.len, 6 + text.len);
	ck_assert_mem_eq(out.data, "before", 6);
	ck_assert_mem_eq(out.data + 6, str_c(&text), text.len);
	str_fini(&w.seen);
	str_fini(&out);
	str_fini(&text);
	body_unref(b);
}
END_TEST

START_TEST(reading_does_not_disturb_adding)
{
	struct body_limits limits = { 10, SIZE_MAX, folder };
	struct str text = pattern(1000), out = { 0 };
	struct body *b = body_new();

	for (size_t at = 0; at < text.len; at += 50) {
		ck_assert_int_eq(
		    body_add(b, text.data + at, 50, &limits, NULL), 0);
		ck_assert(body_equals(b, text.data, at + 50));
	}
	ck_assert_int_eq(body_read(b, &out, NULL), 0);
	ck_assert_mem_eq(out.data, text.data, text.len);
	str_fini(&out);
	str_fini(&text);
	body_unref(b);
}
END_TEST

START_TEST(walk_ends_early_with_the_result)
{
	struct str text = pattern(4 * PIECE_MAX);
	struct body *b = filled(&text, _i == 0 ? 0 : text.len, 5000);

	for (size_t stop = 1; stop <= 4; stop++) {
		struct walk w = { .stop_after = stop };

		ck_assert_int_eq(body_walk(b, take, &w, NULL), 42);
		ck_assert_uint_eq(w.pieces, stop);
		str_fini(&w.seen);
	}
	str_fini(&text);
	body_unref(b);
}
END_TEST

START_TEST(equals_looks_at_each_byte)
{
	const struct row *r = &rows[_i];
	struct str text = pattern(r->len);
	struct body *b = filled(&text, r->memory, r->step);
	const size_t places[] = { 0, r->len / 2, PIECE_MAX - 1, PIECE_MAX,
		r->len - 1 };

	ck_assert(body_equals(b, str_c(&text), r->len));
	ck_assert(r->len == 0 || !body_equals(b, text.data, r->len - 1));
	str_addc(&text, 'x');
	ck_assert(!body_equals(b, text.data, r->len + 1));
	for (size_t k = 0; k < UNIT_N(places); k++) {
		if (places[k] >= r->len)
			continue;
		text.data[places[k]] ^= 1;
		ck_assert_msg(!body_equals(b, text.data, r->len),
		    "row %d: byte %zu", _i, places[k]);
		text.data[places[k]] ^= 1;
	}
	str_fini(&text);
	body_unref(b);
}
END_TEST

START_TEST(from_keeps_its_own_copy)
{
	char data[] = "one\0two";
	struct body_limits roomy = { SIZE_MAX, SIZE_MAX, "/tmp" };
	struct body *b = body_from(data, sizeof data, &roomy, NULL);
	struct body *empty = body_from(NULL, 0, &roomy, NULL);

	data[0] = 'X';
	ck_assert(body_equals(b, "one\0two", 8));
	ck_assert(!body_is_spooled(b));
	ck_assert_uint_eq(body_size(empty), 0);
	ck_assert(body_equals(empty, "", 0));
	ck_assert(!body_equals(empty, "x", 1));
	body_unref(b);
	body_unref(empty);
	body_unref(NULL);
}
END_TEST

static size_t
open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

START_TEST(references_share_the_bytes_until_the_last)
{
	struct str text = pattern(1000);
	size_t files = open_files();
	struct body *b = filled(&text, _i == 0 ? 0 : 1000, 100), *other;

	other = body_ref(b);
	ck_assert_uint_eq(open_files(), files + (_i == 0));
	body_unref(b);
	ck_assert(body_equals(other, text.data, text.len));
	ck_assert_uint_eq(open_files(), files + (_i == 0));
	body_unref(other);
	ck_assert_uint_eq(open_files(), files);
	str_fini(&text);
}
END_TEST

START_TEST(one_of_several_is_not_added_to)
{
	struct body_limits limits = { 100, SIZE_MAX, folder };
	struct body *b = body_new();

	body_ref(b);
	body_add(b, "x", 1, &limits, NULL);
}
END_TEST

START_TEST(file_of_one_reference_again_is_added_to)
{
	struct body_limits limits = { 1, SIZE_MAX, folder };
	struct body *b = body_new();

	ck_assert_int_eq(body_add(b, "abc", 3, &limits, NULL), 0);
	body_unref(body_ref(b));
	ck_assert_int_eq(body_add(b, "def", 3, &limits, NULL), 0);
	ck_assert(body_equals(b, "abcdef", 6));
	body_unref(b);
}
END_TEST

START_TEST(missing_folder_is_named)
{
	struct body_limits limits = { 3, SIZE_MAX, "/nonexistent/spool" };
	struct body *b = body_new();
	struct err err;

	ck_assert_int_eq(body_add(b, "abc", 3, &limits, &err), 0);
	ck_assert_int_eq(body_add(b, "d", 1, &limits, &err), -1);
	ck_assert_msg(strstr(err.msg, "/nonexistent/spool: ") != NULL &&
			  strstr(err.msg, "No such file") != NULL,
	    "%s", err.msg);
	ck_assert_int_eq(body_add(b, "d", 1, &limits, NULL), -1);
	/* nothing is lost of what was there */
	ck_assert_uint_eq(body_size(b), 3);
	ck_assert(!body_is_spooled(b));
	ck_assert(body_equals(b, "abc", 3));
	body_unref(b);
}
END_TEST

/* A limit on the size of files stands in for a full disk. */
static void
limit_files(rlim_t to)
{
	struct rlimit r;

	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &r), 0);
	r.rlim_cur = to;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &r), 0);
}

START_TEST(failed_write_is_told)
{
	/* while all of it moves into the file; later; in the midst of one */
	static const size_t steps[] = { 9000, 1000, 1500 };
	struct body_limits limits = { 8192, SIZE_MAX, folder };
	struct str text = pattern(steps[_i] * 12);
	struct body *b = body_new();
	size_t at = 0, step = steps[_i];
	struct err err = { "" };
	struct rlimit was;
	int rc = 0;

	getrlimit(RLIMIT_FSIZE, &was);
	signal(SIGXFSZ, SIG_IGN);
	if (_i == 0)
		limits.memory = 80000;
	limit_files(_i == 0 ? 50000 : 10000);
	while (rc == 0 && at < text.len) {
		rc = body_add(b, text.data + at, step, &limits, &err);
		at += rc == 0 ? step : 0;
	}
	limit_files(was.rlim_cur);
	signal(SIGXFSZ, SIG_DFL);
	ck_assert_int_eq(rc, -1);
	ck_assert_ptr_nonnull(strstr(err.msg, "writing the message's file: "));
	ck_assert_uint_eq(body_size(b), at);
	ck_assert(_i == 0 || body_equals(b, text.data, at));
	str_fini(&text);
	body_unref(b);
}
END_TEST

/* ---- at random ---------------------------------------------------------- */

START_TEST(random_additions)
{
	unsigned seed = (unsigned)_i * 7919 + 1;
	struct str text = pattern(300000);
	struct body_limits limits = { (size_t)rand_r(&seed) % 200000, SIZE_MAX,
		folder };
	struct body *b = body_new();
	size_t at = 0;

	while (at < text.len) {
		size_t n = (size_t)rand_r(&seed) % (_i % 2 ? 70000 : 3000);

		n = n < text.len - at ? n : text.len - at;
		ck_assert_int_eq(
		    body_add(b, text.data + at, n, &limits, NULL), 0);
		at += n;
		ck_assert_int_eq(body_is_spooled(b), at > limits.memory);
	}
	ck_assert(body_equals(b, text.data, text.len));
	str_fini(&text);
	body_unref(b);
}
END_TEST

/* Many middling bodies at once go to files, small ones never do. */
START_TEST(all_together_take_no_more_than_the_total)
{
	struct body_limits limits = { 1 << 20, 256 * 1024, folder };
	struct str text = pattern(100 * 1024), small = pattern(10 * 1024);
	struct body *b[16], *tiny[16], *late = body_new();
	int in_memory = 0;

	for (int i = 0; i < 16; i++) {
		b[i] = body_new();
		tiny[i] = body_new();
		ck_assert_int_eq(
		    body_add(b[i], text.data, text.len, &limits, NULL), 0);
		ck_assert_int_eq(
		    body_add(tiny[i], small.data, small.len, &limits, NULL), 0);
		in_memory += !body_is_spooled(b[i]);
		ck_assert(!body_is_spooled(tiny[i]));
	}
	ck_assert_int_ge(in_memory, 1);
	ck_assert_int_le(in_memory, 2);
	for (int i = 0; i < 16; i++) {
		ck_assert(body_equals(b[i], text.data, text.len));
		body_unref(b[i]);
		body_unref(tiny[i]);
	}
	/* what was given back counts no more */
	ck_assert_int_eq(body_add(late, text.data, text.len, &limits, NULL), 0);
	ck_assert(!body_is_spooled(late));
	body_unref(late);
	str_fini(&text);
	str_fini(&small);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("body", &t);
	const char *fork_mode = getenv("CK_FORK");

	tcase_add_checked_fixture(t, make_folder, remove_folder);
	tcase_add_loop_test(t, every_byte_comes_back_in_order, 0, UNIT_N(rows));
	tcase_add_test(t, reading_does_not_disturb_adding);
	tcase_add_loop_test(t, walk_ends_early_with_the_result, 0, 2);
	tcase_add_loop_test(t, equals_looks_at_each_byte, 0, UNIT_N(rows));
	tcase_add_test(t, from_keeps_its_own_copy);
	tcase_add_loop_test(t, references_share_the_bytes_until_the_last, 0, 2);
	tcase_add_test(t, file_of_one_reference_again_is_added_to);
	tcase_add_test(t, missing_folder_is_named);
	tcase_add_loop_test(t, failed_write_is_told, 0, 3);
	tcase_add_loop_test(t, random_additions, 0, 40);
	tcase_add_test(t, all_together_take_no_more_than_the_total);
	/* a test that dies needs a process of its own */
	if (fork_mode == NULL || strcmp(fork_mode, "no") != 0) {
		TCase *dies = tcase_create("dies");

		tcase_add_test_raise_signal(
		    dies, one_of_several_is_not_added_to, SIGABRT);
		suite_add_tcase(s, dies);
	}
	return s;
}

UNIT_MAIN(suite)
