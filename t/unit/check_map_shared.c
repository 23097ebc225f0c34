#include "milter/domain_map.h"
#include "milter/map_shared.h"
#include "milter/packed.h"
#include "unit.h"

#include <pthread.h>
#include <string.h>

static const char kind, other_kind;

static void
free_map(void *map)
{
	domain_map_free(map);
}

static struct map_digest
digest(const void *of, const char *one, const char *two)
{
	struct map_digest d = { .kind = of };

	map_digest_add(&d, one, strlen(one), "v", 1);
	map_digest_add(&d, two, strlen(two), "v", 1);
	return d;
}

START_TEST(equal_maps_are_one)
{
	struct map_digest d = digest(&kind, "a", "b"),
			  same = digest(&kind, "b", "a");
	struct map_digest others[] = {
		digest(&kind, "a", "c"),
		digest(&other_kind, "a", "b"),
		digest(&kind, "av", "b"),
	};
	struct map_shared *one, *two, *three;

	ck_assert(map_shared_get(&d) == NULL);
	one = map_shared_put(&d, domain_map_new(), free_map);
	two = map_shared_get(&same);
	three = map_shared_put(&same, domain_map_new(), free_map);
	ck_assert(one == two && two == three);
	for (size_t i = 0; i < UNIT_N(others); i++)
		ck_assert(map_shared_get(&others[i]) == NULL);
	ck_assert_uint_eq(map_shared_count(), 1);
	map_shared_unref(one);
	map_shared_unref(two);
	ck_assert_uint_eq(map_shared_count(), 1);
	map_shared_unref(three);
	ck_assert_uint_eq(map_shared_count(), 0);
	ck_assert(map_shared_get(&d) == NULL);
	map_shared_unref(NULL);
}
END_TEST

static void *
take_and_give(void *arg)
{
	(void)arg;
	for (int i = 0; i < 2000; i++) {
		struct map_digest d =
		    digest(&kind, i % 2 != 0 ? "x" : "y", "z");
		struct map_shared *m = map_shared_get(&d);
		size_t len;

		if (m == NULL) {
			struct domain_map *map = domain_map_new();

			must(domain_map_set(map, "z", 1, "v", 1, NULL) == 0);
			m = map_shared_put(&d, map, free_map);
		}
		must(domain_map_lookup(m->map, "z", 1, &len) != NULL);
		map_shared_unref(m);
	}
	return NULL;
}

START_TEST(threads_share)
{
	pthread_t thread[4];

	for (int i = 0; i < 4; i++)
		must(
		    pthread_create(&thread[i], NULL, take_and_give, NULL) == 0);
	for (int i = 0; i < 4; i++)
		must(pthread_join(thread[i], NULL) == 0);
	ck_assert_uint_eq(map_shared_count(), 0);
}
END_TEST

/* ---- packed ------------------------------------------------------------- */

/* As JSON once more. */
static const char *
unpack(struct str *out, const char *p)
{
	struct packed value;

	p = packed_read(p, &value);
	if (value.type == PACKED_NUMBER)
		str_addf(out, "%g", value.number);
	else if (value.type == PACKED_STRING)
		str_addf(out, "\"%.*s\"", (int)value.n, value.text);
	else if (value.type < PACKED_NUMBER)
		str_adds(out, value.type == PACKED_NULL    ? "null"
			      : value.type == PACKED_FALSE ? "false"
							   : "true");
	else
		str_addc(out, value.type == PACKED_ARRAY ? '[' : '{');
	if (value.type < PACKED_ARRAY)
		return p;
	for (size_t i = 0; i < value.n; i++) {
		str_adds(out, i > 0 ? "," : "");
		p = unpack(out, p);
		if (value.type == PACKED_OBJECT) {
			str_addc(out, ':');
			p = unpack(out, p);
		}
	}
	str_addc(out, value.type == PACKED_ARRAY ? ']' : '}');
	return p;
}

static const char *const values[] = {
	"null",
	"true",
	"false",
	"0",
	"-1.5",
	"\"\"",
	"\"text\"",
	"[]",
	"{}",
	"[1,[true,[]],\"x\"]",
	"{\"a\":{\"b\":[null]}}",
};

START_TEST(value_is_read_as_it_was)
{
	json_t *value = json_loads(values[_i], JSON_DECODE_ANY, NULL);
	struct str bytes = { 0 }, text = { 0 };

	ck_assert(value != NULL);
	packed_add(&bytes, value);
	ck_assert(unpack(&text, bytes.data) == bytes.data + bytes.len);
	ck_assert_str_eq(str_c(&text), values[_i]);
	json_decref(value);
	str_fini(&bytes);
	str_fini(&text);
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("map_shared", &tcase);

	tcase_add_test(tcase, equal_maps_are_one);
	tcase_add_test(tcase, threads_share);
	tcase_add_loop_test(tcase, value_is_read_as_it_was, 0, UNIT_N(values));
	return s;
}

UNIT_MAIN(suite)
