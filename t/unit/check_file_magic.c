#include "unit.h"

#include "milter/err.h"
#include "milter/file_magic.h"
#include "milter/xmalloc.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *bytes;
	size_t len;
	const char *name, *type, *extensions;
} rows[] = {
	{ "GIF89a\1\0\1\0\0\0\0", 13, "GIF image data", "image/gif", "gif" },
	{ "%PDF-1.4\n", 9, "PDF document", "application/pdf", "pdf" },
	{ "words\n", 6, "ASCII text", "text/plain", "" },
	{ "\1\2\3\4\5\6", 6, "data", "application/octet-stream", "" },
	{ "", 0, "empty", "application/octet-stream", "" },
};

START_TEST(what_bytes_are)
{
	struct file_magic f;
	struct err err;

	if (!file_magic_is_built_in()) {
		ck_assert_int_eq(file_magic_look(&f, "x", 1, &err), -1);
		return;
	}
	ck_assert_int_eq(
	    file_magic_look(&f, rows[_i].bytes, rows[_i].len, &err), 0);
	ck_assert_str_eq(f.name, rows[_i].name);
	ck_assert_str_eq(f.type, rows[_i].type);
	ck_assert_str_eq(f.extensions, rows[_i].extensions);
}
END_TEST

#define THREADS 8

static void *
look(void *arg)
{
	struct file_magic f;
	struct err err;

	(void)arg;
	for (size_t i = 0; i < 20 * UNIT_N(rows); i++) {
		size_t at = i % UNIT_N(rows);

		must(file_magic_look(&f, rows[at].bytes, rows[at].len, &err) ==
		     0);
		must(strcmp(f.type, rows[at].type) == 0);
	}
	return NULL;
}

START_TEST(many_threads)
{
	pthread_t thread[THREADS];

	if (!file_magic_is_built_in())
		return;
	for (int i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, look, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
}
END_TEST

/* Bytes that begin like something and go on like nothing. */
START_TEST(hostile_bytes)
{
	static const char *const begins[] = { "GIF89a", "%PDF-", "PK\3\4",
		"\x7f"
		"ELF\2\1\1",
		"MZ", "\x89PNG\r\n\x1a\n", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
		"RIFF", "<?xml", "#!/", "From ", "BZh", "\x1f\x8b\x08\x08",
		"ustar", "\xca\xfe\xba\xbe", "" };
	const size_t len = 4 * FILE_MAGIC_BYTES;
	unsigned char *p = xmalloc(len);
	unsigned seed = 1;
	struct file_magic f;
	struct err err;

	for (size_t i = 0; i < UNIT_N(begins); i++)
		for (int fill = 0; fill < 3; fill++) {
			for (size_t k = 0; k < len; k++) {
				seed = seed * 1103515245 + 12345;
				p[k] = fill == 0   ? (unsigned char)(seed >> 16)
				       : fill == 1 ? 0xff
						   : "a(\n"[k % 3];
			}
			memcpy(p, begins[i], strlen(begins[i]));
			file_magic_look(&f, p, len, &err);
			ck_assert_uint_lt(strlen(f.name), sizeof f.name);
		}
	free(p);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("file_magic", &t);

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, what_bytes_are, 0, UNIT_N(rows));
	tcase_add_test(t, many_threads);
	tcase_add_test(t, hostile_bytes);
	return s;
}

UNIT_MAIN(suite)
