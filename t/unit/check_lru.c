#include "unit.h"

#include "milter/lru.h"
#include "milter/xmalloc.h"

#include <stdio.h>
#include <string.h>

static int dropped;

static void
drop(void *value)
{
	dropped += *(int *)value;
}

static int *
put(struct lru *l, const char *key)
{
	return lru_put(l, key, strlen(key));
}

static int *
get(struct lru *l, const char *key)
{
	return lru_get(l, key, strlen(key));
}

START_TEST(keeps_values_by_key)
{
	struct lru l;
	size_t len;
	int *a;

	lru_init(&l, sizeof(int), 10, SIZE_MAX, NULL);
	ck_assert_ptr_null(get(&l, "a"));
	a = put(&l, "a");
	ck_assert_int_eq(*a, 0);
	*a = 1;
	*put(&l, "") = 2;
	*(int *)lru_put(&l, "a\0b", 3) = 3;
	ck_assert_ptr_eq(put(&l, "a"), a);
	ck_assert_int_eq(*get(&l, "a"), 1);
	ck_assert_int_eq(*get(&l, ""), 2);
	ck_assert_int_eq(*(int *)lru_get(&l, "a\0b", 3), 3);
	ck_assert_int_eq(memcmp(lru_key(&l, a, &len), "a", 1), 0);
	ck_assert_uint_eq(len, 1);
	ck_assert_uint_eq(l.n, 3);
	lru_remove(&l, a);
	ck_assert_ptr_null(get(&l, "a"));
	ck_assert_uint_eq(l.n, 2);
	lru_fini(&l);
}
END_TEST

START_TEST(the_oldest_makes_room)
{
	struct lru l;

	dropped = 0;
	lru_init(&l, sizeof(int), 2, SIZE_MAX, drop);
	*put(&l, "a") = 1;
	*put(&l, "b") = 2;
	lru_touch(&l, get(&l, "a"));
	ck_assert_ptr_eq(lru_oldest(&l), get(&l, "b"));
	*put(&l, "c") = 4;
	ck_assert_ptr_null(get(&l, "b"));
	ck_assert_int_eq(dropped, 2);
	ck_assert_uint_eq(l.evicted, 1);
	ck_assert_int_eq(*get(&l, "a"), 1);
	lru_fini(&l);
	ck_assert_int_eq(dropped, 7);
}
END_TEST

START_TEST(bytes_are_bounded)
{
	char key[1000] = { 0 };
	struct lru l;

	lru_init(&l, sizeof(int), SIZE_MAX, 10000, NULL);
	for (int i = 0; i < 1000; i++) {
		memcpy(key, &i, sizeof i);
		*(int *)lru_put(&l, key, sizeof key) = i;
		ck_assert_uint_le(l.bytes, 10000);
	}
	ck_assert_uint_ge(l.n, 8);
	ck_assert_uint_eq(l.n + l.evicted, 1000);
	l.max_bytes = 10; /* even then one */
	lru_put(&l, "x", 1);
	ck_assert_uint_eq(l.n, 1);
	lru_fini(&l);
}
END_TEST

START_TEST(many_keys_are_found_again)
{
	char key[32];
	struct lru l;

	lru_init(&l, sizeof(int), 50000, SIZE_MAX, NULL);
	for (int i = 0; i < 100000; i++) {
		snprintf(key, sizeof key, "key %d", i);
		*put(&l, key) = i;
	}
	ck_assert_uint_eq(l.n, 50000);
	for (int i = 0; i < 100000; i++) {
		int *value;

		snprintf(key, sizeof key, "key %d", i);
		value = get(&l, key);
		ck_assert_msg((value != NULL) == (i >= 50000), "%s", key);
		ck_assert(value == NULL || *value == i);
	}
	lru_fini(&l);
}
END_TEST

START_TEST(hashes_differ)
{
	char a[64] = { 0 }, b[64] = { 0 };

	for (size_t len = 0; len < sizeof a; len++) {
		ck_assert(lru_hash(a, len) == lru_hash(b, len));
		ck_assert(len == 0 || lru_hash(a, len) != lru_hash(a, len - 1));
		b[len] = 1;
		ck_assert(lru_hash(a, len + 1) != lru_hash(b, len + 1));
		b[len] = 0;
	}
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("lru", &t);

	tcase_add_test(t, keeps_values_by_key);
	tcase_add_test(t, the_oldest_makes_room);
	tcase_add_test(t, bytes_are_bounded);
	tcase_add_test(t, many_keys_are_found_again);
	tcase_add_test(t, hashes_differ);
	return s;
}

UNIT_MAIN(suite)
