#include "milter/public_suffix.h"
#include "unit.h"

#include <string.h>

static const struct {
	const char *domain, *suffix, *registered;
} rows[] = {
	{ "www.example.com", "com", "example.com" },
	{ "example.com", "com", "example.com" },
	{ "com", "com", NULL },
	{ "a.b.example.co.uk", "co.uk", "example.co.uk" },
	{ "co.uk", "co.uk", NULL },
	{ "www.ck", "ck", "www.ck" },                  /* an exception */
	{ "a.b.c.ck", "c.ck", "b.c.ck" },              /* a wildcard */
	{ "mail.example", "example", "mail.example" }, /* not in the list */
	{ "example", "example", NULL },
	{ "", NULL, NULL },
	{ ".com", NULL, NULL },
	{ "a..com", NULL, NULL },
	{ "com.", NULL, NULL },
};

static void
is(const char *domain, const char *got, const char *expected)
{
	if (!public_suffix_is_built())
		expected = NULL;
	if (expected == NULL)
		ck_assert_msg(got == NULL, "%s: %s", domain, got);
	else
		ck_assert_msg(got != NULL && strcmp(got, expected) == 0,
		    "%s: %s", domain, got != NULL ? got : "none");
}

START_TEST(row)
{
	const char *domain = rows[_i].domain;
	size_t len = strlen(domain);

	is(domain, public_suffix_of(domain, len), rows[_i].suffix);
	is(domain, public_suffix_registered(domain, len), rows[_i].registered);
}
END_TEST

START_TEST(a_nul_ends_nothing)
{
	ck_assert_ptr_null(public_suffix_of("a.com\0b", 7));
	ck_assert_ptr_null(public_suffix_registered("a.com\0b", 7));
}
END_TEST

START_TEST(any_bytes)
{
	char domain[40];
	unsigned seed = 7;

	for (int round = 0; round < 20000; round++) {
		size_t n = (size_t)round % (sizeof domain - 1);

		for (size_t i = 0; i < n; i++) {
			seed = seed * 1103515245 + 12345;
			domain[i] =
			    (seed >> 24 & 3) == 0 ? '.' : (char)(seed >> 16);
		}
		domain[n] = '\0';
		public_suffix_of(domain, n);
		public_suffix_registered(domain, n);
	}
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("public_suffix", &tcase);

	tcase_add_loop_test(tcase, row, 0, UNIT_N(rows));
	tcase_add_test(tcase, a_nul_ends_nothing);
	tcase_add_test(tcase, any_bytes);
	return s;
}

UNIT_MAIN(suite)
