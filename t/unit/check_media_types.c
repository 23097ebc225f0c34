#include "unit.h"

#include "milter/err.h"
#include "milter/media_types.h"

#include <stdio.h>
#include <string.h>

static const char text[] = "# a comment\n"
			   "text/plain\t\tasc txt text\n"
			   "\n"
			   "  Text/HTML html HTM # and more\n"
			   "application/x-none\n"
			   "text/html shtml html\n"
			   "no-type x\n"
			   "image/png png\r\n"
			   "application/pgp asc";

/* "type:ext,ext;" for each. */
static void
list(const struct media_types *m, char *out, size_t size)
{
	size_t at = 0;

	for (size_t i = 0; i < media_types_n(m); i++) {
		const char *const *e = media_types_extensions(m, i);

		at += (size_t)snprintf(
		    out + at, size - at, "%s:", media_types_name(m, i));
		for (; *e != NULL; e++)
			at += (size_t)snprintf(out + at, size - at, "%s,", *e);
		at += (size_t)snprintf(out + at, size - at, ";");
	}
}

START_TEST(lines)
{
	struct media_types *m = media_types_read(text, sizeof text - 1);
	char out[512];

	list(m, out, sizeof out);
	ck_assert_str_eq(out,
	    "application/pgp:asc,;application/x-none:;image/png:png,;"
	    "text/html:html,htm,shtml,;text/plain:asc,txt,text,;");
	media_types_free(m);
}
END_TEST

static const struct {
	const char *type, *found;
} types[] = {
	{ "text/html", "text/html" },
	{ "TEXT/html", "text/html" },
	{ " text/html ; charset=x", "text/html" },
	{ "image/png", "image/png" },
	{ "application/pgp", "application/pgp" },
	{ "text/plain", "text/plain" },
	{ "text/htm", NULL },
	{ "text/htmls", NULL },
	{ "", NULL },
	{ ";", NULL },
	{ "zzz", NULL },
	{ "aaa", NULL },
};

START_TEST(finds_types)
{
	struct media_types *m = media_types_read(text, sizeof text - 1);
	long i = media_types_find(m, types[_i].type);

	if (types[_i].found == NULL)
		ck_assert_int_eq(i, -1);
	else
		ck_assert_str_eq(
		    media_types_name(m, (size_t)i), types[_i].found);
	media_types_free(m);
}
END_TEST

START_TEST(finds_extensions)
{
	struct media_types *m = media_types_read(text, sizeof text - 1);
	long i = media_types_with(m, "ASC", 0);

	ck_assert_str_eq(media_types_name(m, (size_t)i), "application/pgp");
	i = media_types_with(m, "asc", (size_t)i + 1);
	ck_assert_str_eq(media_types_name(m, (size_t)i), "text/plain");
	ck_assert_int_eq(media_types_with(m, "asc", (size_t)i + 1), -1);
	ck_assert_int_eq(media_types_with(m, "x", 0), -1);
	ck_assert_int_eq(media_types_with(m, "", 0), -1);
	media_types_free(m);
}
END_TEST

START_TEST(odd_texts)
{
	static const char nul[] = "a/b\0c d\ne/f g";
	struct media_types *m = media_types_read(nul, sizeof nul - 1);
	char out[64];

	list(m, out, sizeof out);
	ck_assert_str_eq(out, "a/b:c,d,;e/f:g,;");
	media_types_free(m);
	m = media_types_read("", 0);
	ck_assert_uint_eq(media_types_n(m), 0);
	ck_assert_int_eq(media_types_find(m, "a/b"), -1);
	media_types_free(m);
}
END_TEST

START_TEST(the_system_knows_some)
{
	const struct media_types *m = media_types_system();

	ck_assert_int_ge(media_types_find(m, "application/pdf"), 0);
	ck_assert_int_ge(media_types_with(m, "pdf", 0), 0);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("media_types", &t);

	tcase_add_test(t, lines);
	tcase_add_loop_test(t, finds_types, 0, UNIT_N(types));
	tcase_add_test(t, finds_extensions);
	tcase_add_test(t, odd_texts);
	tcase_add_test(t, the_system_knows_some);
	return s;
}

UNIT_MAIN(suite)
