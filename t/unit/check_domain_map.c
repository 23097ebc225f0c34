#include "milter/atoms.h"
#include "milter/clock.h"
#include "milter/domain_map.h"
#include "unit.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static void
set(struct domain_map *map, const char *name, const char *value)
{
	struct err err;

	ck_assert_int_eq(
	    domain_map_set(map, name, strlen(name), value, strlen(value), &err),
	    0);
}

static bool
has(const struct domain_map *map, const char *name, const char *expected)
{
	size_t len;
	const char *value = domain_map_lookup(map, name, strlen(name), &len);

	if (value == NULL || expected == NULL)
		return value == expected;
	return len == strlen(expected) && memcmp(value, expected, len) == 0;
}

static const struct {
	const char *names[4]; /* each is its own value */
	const char *name, *value;
} rows[] = {
	{ { NULL }, "example.com", NULL },
	{ { NULL }, "", NULL },
	{ { "" }, "", "" },
	{ { "" }, "a", NULL },
	{ { "a" }, "a", "a" },
	{ { "a" }, "b", NULL },
	{ { "a" }, "b.a", NULL },
	{ { "b.a" }, "a", NULL },
	{ { "b.a" }, "b.a", "b.a" },
	{ { "b.a" }, "B.a", NULL },
	{ { "b.a" }, "b.a.", NULL },
	{ { "b.a." }, "b.a.", "b.a." },
	{ { ".a" }, ".a", ".a" },
	{ { ".", ".." }, ".", "." },
	{ { "*" }, "", "*" },
	{ { "*" }, "b.a", "*" },
	{ { "*" }, "*", "*" },
	{ { "*.a" }, "a", NULL },
	{ { "*.a" }, "b.a", "*.a" },
	{ { "*.a" }, "c.b.a", "*.a" },
	{ { "*.a" }, "b", NULL },
	{ { "*.a", "*" }, "b", "*" },
	{ { "*.a", "*" }, "a", NULL },
	{ { "*.a", "a" }, "a", "a" },
	{ { "*.a", "c.b.a" }, "b.a", NULL },
	{ { "*.a", "c.b.a" }, "c.b.a", "c.b.a" },
	{ { "*.a", "c.b.a" }, "d.b.a", NULL },
	{ { "*.a", "c.b.a" }, "d.a", "*.a" },
	{ { "*.*.a" }, "c.b.a", NULL },
	{ { "c.*.a" }, "c.b.a", NULL },
	{ { "c.*.a" }, "c.*.a", "c.*.a" },
	{ { "x*.a" }, "xy.a", NULL },
};

START_TEST(name_is_found)
{
	struct domain_map *map = domain_map_new(), *copy;

	for (int i = 0; rows[_i].names[i] != NULL; i++)
		set(map, rows[_i].names[i], rows[_i].names[i]);
	ck_assert_msg(has(map, rows[_i].name, rows[_i].value), "row %d: \"%s\"",
	    _i, rows[_i].name);
	copy = domain_map_copy(map);
	domain_map_free(map);
	ck_assert_msg(has(copy, rows[_i].name, rows[_i].value),
	    "row %d: \"%s\" in a copy", _i, rows[_i].name);
	set(copy, rows[_i].name, "new");
	ck_assert(has(copy, rows[_i].name, "new"));
	domain_map_free(copy);
}
END_TEST

START_TEST(bytes_are_bytes)
{
	struct domain_map *map = domain_map_new();
	size_t len;

	ck_assert_int_eq(domain_map_set(map, "a\0b.c", 5, "x\0", 2, NULL), 0);
	ck_assert(domain_map_lookup(map, "a", 1, &len) == NULL);
	ck_assert(domain_map_lookup(map, "a\0b.c", 5, &len) != NULL);
	ck_assert_uint_eq(len, 2);
	domain_map_free(map);
}
END_TEST

START_TEST(values_that_go_take_no_room)
{
	struct domain_map *map = domain_map_new();
	char value[32];
	size_t size = 0;

	for (int i = 0; i < 100000; i++) {
		snprintf(value, sizeof value, "value %d", i);
		set(map, i % 2 != 0 ? "a.example" : "b.example", value);
		if (i == 10000)
			size = domain_map_size(map);
	}
	ck_assert_uint_le(domain_map_size(map), size + 4096);
	ck_assert(has(map, "a.example", "value 99999"));
	ck_assert(has(map, "b.example", "value 99998"));
	domain_map_free(map);
}
END_TEST

START_TEST(a_name_of_dots_is_bounded)
{
	struct domain_map *map = domain_map_new();
	size_t len = DOMAIN_MAP_BYTES / 32;
	char *dots = malloc(len);
	struct err err;

	memset(dots, '.', len);
	ck_assert_int_eq(domain_map_set(map, dots, len, "", 0, &err), -1);
	ck_assert_str_eq(err.msg, "a map of more than 1024 MB");
	ck_assert(domain_map_lookup(map, dots, len, &len) == NULL);
	free(dots);
	domain_map_free(map);
}
END_TEST

#define MANY 1000000

START_TEST(a_million_names)
{
	struct domain_map *map = domain_map_new();
	char name[64];
	size_t size;

	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof name, "%sdomain%d.example%d",
		    i % 10 == 0 ? "*." : "", i, i % 100);
		set(map, name, i % 2 != 0 ? "odd" : "even");
	}
	size = domain_map_size(map);
	ck_assert_msg(size < (size_t)MANY * 100, "%zu bytes", size);
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof name, "%sdomain%d.example%d",
		    i % 10 == 0 ? "a.b." : "", i, i % 100);
		must(has(map, name, i % 2 != 0 ? "odd" : "even"));
	}
	ck_assert(has(map, "nobody.example1", NULL));
	domain_map_free(map);
}
END_TEST

static void *
look_up(void *arg)
{
	for (int i = 0; i < 2000; i++) {
		char name[32];

		snprintf(name, sizeof name, "d%d.example", i);
		must(has(arg, name, i < 1000 ? name : "*.example"));
	}
	return NULL;
}

START_TEST(threads_look_up)
{
	struct domain_map *map = domain_map_new();
	pthread_t thread[4];

	set(map, "*.example", "*.example");
	for (int i = 0; i < 1000; i++) {
		char name[32];

		snprintf(name, sizeof name, "d%d.example", i);
		set(map, name, name);
	}
	for (int i = 0; i < 4; i++)
		must(pthread_create(&thread[i], NULL, look_up, map) == 0);
	for (int i = 0; i < 4; i++)
		must(pthread_join(thread[i], NULL) == 0);
	domain_map_free(map);
}
END_TEST

START_TEST(atoms_are_kept_once)
{
	struct atoms a = { 0 }, copy;
	char text[16];
	size_t len;

	ck_assert_uint_eq(atoms_find(&a, "x", 1), ATOM_NONE);
	ck_assert_uint_eq(atoms_add(&a, "", 0), 0);
	for (uint32_t round = 0; round < 2; round++)
		for (uint32_t i = 1; i < 1000; i++) {
			snprintf(text, sizeof text, "%u", i);
			ck_assert_uint_eq(atoms_add(&a, text, strlen(text)), i);
		}
	atoms_copy(&copy, &a);
	atoms_fini(&a);
	ck_assert_uint_eq(atoms_find(&copy, "999", 3), 999);
	ck_assert_uint_eq(atoms_find(&copy, "1000", 4), ATOM_NONE);
	ck_assert_int_eq(memcmp(atoms_get(&copy, 17, &len), "17", 2), 0);
	ck_assert_uint_eq(len, 2);
	atoms_get(&copy, 0, &len);
	ck_assert_uint_eq(len, 0);
	atoms_fini(&copy);
	atoms_copy(&copy, &a);
	ck_assert_uint_eq(atoms_add(&copy, "x", 1), 0);
	atoms_fini(&copy);
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("domain_map", &tcase);

	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, name_is_found, 0, UNIT_N(rows));
	tcase_add_test(tcase, bytes_are_bytes);
	tcase_add_test(tcase, values_that_go_take_no_room);
	tcase_add_test(tcase, a_name_of_dots_is_bounded);
	tcase_add_test(tcase, a_million_names);
	tcase_add_test(tcase, threads_look_up);
	tcase_add_test(tcase, atoms_are_kept_once);
	return s;
}

UNIT_MAIN(suite)
