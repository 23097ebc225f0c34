#include "unit.h"

#include "milter/address_set.h"
#include "milter/xmalloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
parse(struct address *a, const char *text)
{
	address_parse_lenient(a, text, strlen(text));
}

static bool
has(const struct address_set *s, const char *text)
{
	struct address a;
	bool found;

	parse(&a, text);
	found = address_set_has(s, &a);
	address_fini(&a);
	return found;
}

START_TEST(an_empty_set_has_nothing)
{
	struct address_set s;

	address_set_of(&s, NULL, 0);
	ck_assert(!has(&s, "<a@b.example>"));
	address_set_fini(&s);
}
END_TEST

START_TEST(each_is_there_once)
{
	static const char *const text[] = { "<c@b.example>", "<a@b.example>",
		"<>", "<b@b.example>", "<a@b.example>", "<A@b.example>",
		"<a@B.EXAMPLE>" };
	struct address a[UNIT_N(text)];
	struct address_set s;

	for (size_t i = 0; i < UNIT_N(text); i++)
		parse(&a[i], text[i]);
	address_set_of(&s, a, UNIT_N(text));
	ck_assert_uint_eq(s.n, 5);
	for (size_t i = 0; i < UNIT_N(text); i++) {
		ck_assert_msg(has(&s, text[i]), "%s", text[i]);
		ck_assert_msg(!address_set_add(&s, &a[i]), "%s", text[i]);
	}
	ck_assert(!has(&s, "<a@b.example.org>"));
	ck_assert(!has(&s, "<C@b.example>"));
	address_set_fini(&s);
	for (size_t i = 0; i < UNIT_N(text); i++)
		address_fini(&a[i]);
}
END_TEST

/* In an order that is neither up nor down. */
START_TEST(what_is_added_is_found)
{
	enum { N = 1000 };
	static struct address a[N];
	struct address_set s;
	char text[64];

	address_set_of(&s, NULL, 0);
	for (size_t i = 0; i < N; i++) {
		snprintf(text, sizeof text, "<%zu@b.example>", i * 377 % N);
		parse(&a[i], text);
		ck_assert(!address_set_has(&s, &a[i]));
		ck_assert(address_set_add(&s, &a[i]));
	}
	ck_assert_uint_eq(s.n, N);
	for (size_t i = 0; i < N; i++)
		ck_assert(!address_set_add(&s, &a[i]));
	for (size_t i = 1; i < N; i++)
		ck_assert_int_lt(strcmp(s.email[i - 1], s.email[i]), 0);
	address_set_fini(&s);
	for (size_t i = 0; i < N; i++)
		address_fini(&a[i]);
}
END_TEST

static Suite *
address_set_suite(void)
{
	TCase *tc;
	Suite *s = unit_suite("address_set", &tc);

	tcase_add_test(tc, an_empty_set_has_nothing);
	tcase_add_test(tc, each_is_there_once);
	tcase_add_test(tc, what_is_added_is_found);
	return s;
}

UNIT_MAIN(address_set_suite)
