#include "unit.h"

#include "milter/cidr_map.h"
#include "milter/clock.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static void
add(struct cidr_build *b, const char *net, const char *value)
{
	struct cidr n;
	struct err err;

	ck_assert_msg(cidr_parse(&n, net, &err) == 0, "%s", err.msg);
	ck_assert_int_eq(cidr_build_add(b, &n, value,
			     value != NULL ? strlen(value) : 0, &err),
	    0);
}

static const char *
find(const struct cidr_map *map, const char *address)
{
	const char *value;
	struct ip ip;
	size_t len;

	ck_assert_int_eq(ip_parse(&ip, address, NULL), 0);
	value = cidr_map_lookup(map, &ip, &len);
	ck_assert(value == NULL || strlen(value) == len);
	return value;
}

static const struct {
	enum cidr_rule rule;
	struct {
		const char *net, *value;
	} add[6];
	const char *ip, *value;
} rows[] = {
	{ 0, { { NULL, NULL } }, "192.0.2.1", NULL },
	{ 0, { { NULL, NULL } }, "::1", NULL },
	{ 0, { { "192.0.2.0/24", "a" } }, "192.0.2.0", "a" },
	{ 0, { { "192.0.2.0/24", "a" } }, "192.0.2.255", "a" },
	{ 0, { { "192.0.2.0/24", "a" } }, "192.0.3.0", NULL },
	{ 0, { { "192.0.2.0/24", "a" } }, "192.0.1.255", NULL },
	{ 0, { { "192.0.2.0/24", "a" } }, "::ffff:192.0.2.0", NULL },
	{ 0, { { "192.0.2.0/24", "" } }, "192.0.2.1", "" },
	{ 0, { { "0.0.0.0", "a" } }, "0.0.0.0", "a" },
	{ 0, { { "0.0.0.0", "a" } }, "0.0.0.1", NULL },
	{ 0, { { "255.255.255.255", "a" } }, "255.255.255.255", "a" },
	{ 0, { { "0.0.0.0/0", "a" } }, "255.255.255.255", "a" },
	{ 0, { { "0.0.0.0/0", "a" } }, "::1", NULL },
	{ 0, { { "any", "a" } }, "::1", "a" },
	{ 0, { { "any", "a" } }, "1.2.3.4", "a" },
	{ 0, { { "::/0", "a" } }, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	    "a" },
	{ 0, { { "2001:db8::/33", "a" } }, "2001:db8:7fff::", "a" },
	{ 0, { { "2001:db8::/33", "a" } }, "2001:db8:8000::", NULL },
	{ 0, { { "2001:db8::1", "a" } }, "2001:db8::1", "a" },
	{ 0, { { "2001:db8::1", "a" } }, "2001:db8::2", NULL },
	{ 0, { { "2001:db8::/65", "a" } }, "2001:db8::7fff:ffff:ffff:ffff",
	    "a" },
	{ 0, { { "2001:db8::/65", "a" } }, "2001:db8::8000:0:0:0", NULL },
	/* the smaller one, whatever comes first */
	{ 0, { { "10.0.0.0/8", "a" }, { "10.1.0.0/16", "b" } }, "10.1.2.3",
	    "b" },
	{ 0, { { "10.1.0.0/16", "b" }, { "10.0.0.0/8", "a" } }, "10.1.2.3",
	    "b" },
	{ 0, { { "10.1.0.0/16", "b" }, { "10.0.0.0/8", "a" } }, "10.2.0.0",
	    "a" },
	{ 0, { { "10.1.0.0/16", "b" }, { "10.0.0.0/8", "a" } }, "10.0.255.255",
	    "a" },
	{ 0, { { "10.0.0.0/8", "a" }, { "10.0.0.0/16", "b" } }, "10.0.0.0",
	    "b" },
	{ 0, { { "10.0.0.0/8", "a" }, { "10.255.255.255", "b" } },
	    "10.255.255.255", "b" },
	{ 0, { { "10.0.0.0/8", "a" }, { "10.255.255.255", "b" } }, "11.0.0.0",
	    NULL },
	{ 0, { { "10.0.0.0/8", "a" }, { "10.0.0.0/8", "b" } }, "10.0.0.1",
	    "b" },
	/* taken out, and in again */
	{ 0,
	    { { "10.0.0.0/8", "a" }, { "10.1.0.0/16", NULL },
		{ "10.1.1.0/24", "c" } },
	    "10.1.0.1", NULL },
	{ 0,
	    { { "10.0.0.0/8", "a" }, { "10.1.0.0/16", NULL },
		{ "10.1.1.0/24", "c" } },
	    "10.1.1.1", "c" },
	{ 0,
	    { { "10.0.0.0/8", "a" }, { "10.1.0.0/16", NULL },
		{ "10.1.1.0/24", "c" } },
	    "10.2.1.1", "a" },
	/* the later one */
	{ CIDR_LATEST, { { "10.1.0.0/16", "b" }, { "10.0.0.0/8", "a" } },
	    "10.1.2.3", "a" },
	{ CIDR_LATEST, { { "10.0.0.0/8", "a" }, { "10.1.0.0/16", "b" } },
	    "10.1.2.3", "b" },
	{ CIDR_LATEST,
	    { { "10.1.1.0/24", "c" }, { "10.0.0.0/8", "a" },
		{ "10.1.0.0/16", "b" } },
	    "10.1.1.1", "b" },
	{ CIDR_LATEST,
	    { { "10.1.0.0/16", "b" }, { "10.1.1.0/24", "c" },
		{ "10.0.0.0/8", "a" } },
	    "10.1.1.1", "a" },
	{ CIDR_LATEST,
	    { { "10.0.0.0/8", "a" }, { "10.1.0.0/16", "b" },
		{ "10.0.0.0/8", "c" } },
	    "10.1.1.1", "c" },
};

START_TEST(the_network_that_counts)
{
	struct cidr_build *b = cidr_build_new(rows[_i].rule, 100);
	struct cidr_map *map;
	const char *value;

	for (int i = 0; i < 6 && rows[_i].add[i].net != NULL; i++)
		add(b, rows[_i].add[i].net, rows[_i].add[i].value);
	map = cidr_build_done(b);
	value = find(map, rows[_i].ip);
	ck_assert_msg((value == NULL) == (rows[_i].value == NULL) &&
			  (value == NULL || strcmp(value, rows[_i].value) == 0),
	    "row %d, %s: %s", _i, rows[_i].ip, value);
	cidr_map_unref(map);
}
END_TEST

static const struct {
	const char *first, *last, *below, *above;
	size_t networks;
} ranges[] = {
	{ "192.0.2.1", "192.0.2.1", "192.0.2.0", "192.0.2.2", 1 },
	{ "192.0.2.0", "192.0.2.255", "192.0.1.255", "192.0.3.0", 1 },
	{ "192.0.2.1", "192.0.2.9", "192.0.2.0", "192.0.2.10", 4 },
	{ "0.0.0.0", "255.255.255.254", "255.255.255.255", "::", 32 },
	{ "0.0.0.1", "255.255.255.255", "0.0.0.0", "::", 32 },
	{ "0.0.0.0", "255.255.255.255", "::", "::1", 1 },
	{ "2001:db8::ffff:ffff:ffff:ffff", "2001:db8:0:1::",
	    "2001:db8::ffff:ffff:ffff:fffe", "2001:db8:0:1::1", 2 },
	{ "::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::", "0.0.0.0",
	    128 },
};

START_TEST(ranges_become_networks)
{
	struct cidr_build *b = cidr_build_new(CIDR_SMALLEST, 1000);
	struct ip first, last;
	struct cidr_map *map;
	struct err err;

	ip_parse(&first, ranges[_i].first, NULL);
	ip_parse(&last, ranges[_i].last, NULL);
	ck_assert_int_eq(
	    cidr_build_add_range(b, &first, &last, "x", 1, &err), 0);
	ck_assert_uint_eq(cidr_build_n(b), ranges[_i].networks);
	if (!ip_equal(&first, &last))
		ck_assert_int_eq(
		    cidr_build_add_range(b, &last, &first, "x", 1, &err), -1);
	map = cidr_build_done(b);
	ck_assert_str_eq(find(map, ranges[_i].first), "x");
	ck_assert_str_eq(find(map, ranges[_i].last), "x");
	ck_assert_ptr_null(find(map, ranges[_i].below));
	ck_assert_ptr_null(find(map, ranges[_i].above));
	cidr_map_unref(map);
}
END_TEST

START_TEST(networks_are_bounded)
{
	struct cidr_build *b = cidr_build_new(CIDR_SMALLEST, 2);
	struct cidr net;
	struct err err;

	add(b, "192.0.2.0/24", "a");
	add(b, "::1", "a");
	cidr_parse(&net, "192.0.3.0/24", NULL);
	ck_assert_int_eq(cidr_build_add(b, &net, "a", 1, &err), -1);
	ck_assert_str_eq(err.msg, "more than 2 networks");
	cidr_build_free(b);
	cidr_build_free(NULL);
	cidr_map_unref(NULL);
}
END_TEST

/* The same, with a plain list beside it. */
#define NETS 200
START_TEST(agrees_with_a_plain_list)
{
	struct cidr_build *b;
	struct cidr net[NETS];
	struct cidr_map *map;
	char value[16];
	size_t len;

	srand((unsigned)_i);
	b = cidr_build_new(_i % 2 ? CIDR_LATEST : CIDR_SMALLEST, NETS);
	for (int i = 0; i < NETS; i++) {
		int bytes = i % 2 ? 4 : 16;

		net[i] =
		    (struct cidr){ .ip.family = i % 2 ? AF_INET : AF_INET6 };
		net[i].prefix = rand() % (8 * bytes + 1);
		for (int k = 0; k < bytes; k++)
			net[i].ip.bytes[k] = (uint8_t)(rand() % 2 * 255);
		snprintf(value, sizeof value, "%d", i);
		cidr_build_add(b, &net[i], value, strlen(value), NULL);
	}
	map = cidr_build_done(b);
	for (int round = 0; round < 20000; round++) {
		struct ip ip = net[rand() % NETS].ip;
		const char *found;
		int best = -1;

		ip.bytes[rand() % 4] ^= (uint8_t)(rand() % 3);
		for (int i = 0; i < NETS; i++)
			if (cidr_contains(&net[i], &ip) &&
			    (best < 0 || _i % 2 ||
				net[i].prefix >= net[best].prefix))
				best = i;
		found = cidr_map_lookup(map, &ip, &len);
		ck_assert_int_eq(best, found != NULL ? atoi(found) : -1);
	}
	cidr_map_unref(map);
}
END_TEST

#define MANY 1000000
START_TEST(a_million_networks_are_compact)
{
	struct cidr_build *b = cidr_build_new(CIDR_SMALLEST, MANY);
	int64_t begin = clock_mono();
	struct cidr net = { { .family = AF_INET }, 32 };
	struct cidr_map *map;
	size_t len;

	for (uint32_t i = 0; i < MANY; i++) {
		uint32_t a = htonl(i * 4093);

		memcpy(net.ip.bytes, &a, 4);
		ck_assert_int_eq(
		    cidr_build_add(
			b, &net, i % 2 ? "127.0.0.2" : "127.0.0.3", 9, NULL),
		    0);
	}
	map = cidr_build_done(b);
	ck_assert_uint_le(cidr_map_size(map), 17 * MANY);
	for (uint32_t i = 0; i < MANY; i++) {
		uint32_t a = htonl(i * 4093);

		memcpy(net.ip.bytes, &a, 4);
		ck_assert_str_eq(cidr_map_lookup(map, &net.ip, &len),
		    i % 2 ? "127.0.0.2" : "127.0.0.3");
	}
	cidr_map_unref(map);
	printf("a million networks, built and asked: %.2f s\n",
	    (double)(clock_mono() - begin) / CLOCK_S);
}
END_TEST

static struct cidr_map *in_force;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void *
ask(void *arg)
{
	(void)arg;
	for (int i = 0; i < 20000; i++) {
		struct cidr_map *map;

		pthread_mutex_lock(&lock);
		map = cidr_map_ref(in_force);
		pthread_mutex_unlock(&lock);
		must(strcmp(find(map, "10.1.2.3"), "x") == 0);
		cidr_map_unref(map);
	}
	return NULL;
}

START_TEST(maps_are_swapped_under_way)
{
	pthread_t thread[3];

	for (int i = 0; i < 300; i++) {
		struct cidr_build *b = cidr_build_new(CIDR_SMALLEST, 1);
		struct cidr_map *map, *old;

		add(b, "10.0.0.0/8", "x");
		map = cidr_build_done(b);
		pthread_mutex_lock(&lock);
		old = in_force;
		in_force = map;
		pthread_mutex_unlock(&lock);
		cidr_map_unref(old);
		for (int t = 0; i == 0 && t < 3; t++)
			pthread_create(&thread[t], NULL, ask, NULL);
	}
	for (int t = 0; t < 3; t++)
		pthread_join(thread[t], NULL);
	cidr_map_unref(in_force);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("cidr_map", &t);

	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, the_network_that_counts, 0, UNIT_N(rows));
	tcase_add_loop_test(t, ranges_become_networks, 0, UNIT_N(ranges));
	tcase_add_test(t, networks_are_bounded);
	tcase_add_loop_test(t, agrees_with_a_plain_list, 0, 6);
	tcase_add_test(t, a_million_networks_are_compact);
	tcase_add_test(t, maps_are_swapped_under_way);
	return s;
}

UNIT_MAIN(suite)
