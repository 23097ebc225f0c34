#include "milter/cidr_map.h"
#include "milter/cidr_recent.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

static void
set(struct cidr_recent *r, const char *net, const char *value)
{
	struct cidr n;
	struct err err;

	ck_assert_msg(cidr_parse(&n, net, &err) == 0, "%s", err.msg);
	ck_assert_int_eq(cidr_recent_set(r, &n, value, strlen(value), &err), 0);
}

static const char *
find(struct cidr_recent *r, const char *address)
{
	const char *value;
	struct ip ip;
	size_t len;

	ck_assert_int_eq(ip_parse(&ip, address, NULL), 0);
	value = cidr_recent_lookup(r, &ip, &len);
	ck_assert(value == NULL || strlen(value) == len);
	return value != NULL ? value : "none";
}

/* As one map, over another: what was set counts, what it left stays. */
START_TEST(over_another)
{
	struct cidr_recent *r = cidr_recent_new(), *base = cidr_recent_new();
	static const char *const expected[][2] = {
		{ "10.0.0.1", "10.0.0.0/8" },
		{ "10.1.2.255", "10.0.0.0/8" },
		{ "10.1.3.0", "set" },
		{ "10.1.3.255", "set" },
		{ "10.1.4.0", "10.0.0.0/8" },
		{ "9.255.255.255", "none" },
		{ "255.255.255.255", "255.255.255.255" },
		{ "11.0.0.0", "none" },
		{ "2001:db8:1::", "set" },
		{ "2001:db8:0:ffff::", "2001:db8::/32" },
		{ "2001:db8:2::", "2001:db8::/32" },
		{ "ffff::1", "ffff::/16" },
		{ "2001:db7::", "none" },
	};
	struct cidr_map *under, *both;

	set(base, "10.0.0.0/8", "10.0.0.0/8");
	set(base, "255.255.255.255", "255.255.255.255");
	set(base, "2001:db8::/32", "2001:db8::/32");
	set(base, "ffff::/16", "ffff::/16");
	under = cidr_recent_over(base, NULL);
	set(r, "10.1.3.0/24", "set");
	set(r, "2001:db8:1::/48", "set");
	both = cidr_recent_over(r, under);
	cidr_map_unref(under);
	for (size_t i = 0; i < UNIT_N(expected); i++) {
		const char *value;
		struct ip ip;
		size_t len;

		ck_assert_int_eq(ip_parse(&ip, expected[i][0], NULL), 0);
		value = cidr_map_lookup(both, &ip, &len);
		ck_assert_msg(
		    strcmp(value != NULL ? value : "none", expected[i][1]) == 0,
		    "%s: %s", expected[i][0], value);
	}
	cidr_map_unref(both);
	cidr_recent_free(base);
	cidr_recent_free(r);
}
END_TEST

static const struct {
	const char *nets[4]; /* each is its own value */
	const char *ip, *value;
} rows[] = {
	{ { NULL }, "192.0.2.1", "none" },
	{ { "192.0.2.0/24" }, "192.0.2.1", "192.0.2.0/24" },
	{ { "192.0.2.0/24" }, "192.0.3.1", "none" },
	{ { "192.0.2.0/24", "192.0.2.1" }, "192.0.2.1", "192.0.2.1" },
	{ { "192.0.2.1", "192.0.2.0/24" }, "192.0.2.1", "192.0.2.0/24" },
	{ { "any", "::1" }, "::1", "::1" },
	{ { "::1", "any" }, "::1", "any" },
	{ { "::1", "any" }, "1.2.3.4", "any" },
	{ { "10.0.0.0/8" }, "::ffff:10.0.0.1", "none" },
};

/* Others that were set before push them out of the list, or do not. */
START_TEST(last_one_counts)
{
	for (int before = 0; before < 400; before += 70)
		for (int after = 0; after < 400; after += 70) {
			struct cidr_recent *r = cidr_recent_new();
			char net[32];

			for (int i = 0; i < before + after; i++) {
				for (int k = 0; i == before && k < 4; k++)
					if (rows[_i].nets[k] != NULL)
						set(r, rows[_i].nets[k],
						    rows[_i].nets[k]);
				snprintf(net, sizeof net, "172.16.%d.%d",
				    i / 100, i % 100);
				set(r, net, "x");
				if (i % 90 == 0)
					find(r, "9.9.9.9");
			}
			if (after > 0)
				ck_assert_str_eq(
				    find(r, rows[_i].ip), rows[_i].value);
			cidr_recent_free(r);
		}
}
END_TEST

START_TEST(what_is_set_again_takes_no_room)
{
	struct cidr_recent *r = cidr_recent_new();
	size_t size = 0;
	char net[32], value[32];

	for (int i = 0; i < 400000; i++) {
		snprintf(net, sizeof net, "10.0.%d.0/24", i % 200);
		snprintf(value, sizeof value, "%d", i);
		set(r, net, value);
		if (i % 1000 == 0)
			find(r, "10.0.1.1");
		if (i == 100000)
			size = cidr_recent_size(r);
	}
	ck_assert_uint_le(cidr_recent_size(r), 2 * size);
	ck_assert_str_eq(find(r, "10.0.199.1"), "399999");
	cidr_recent_free(r);

	r = cidr_recent_new(); /* and when nobody looks */
	for (int i = 0; i < 400000; i++)
		set(r, "10.0.0.0/8", "x");
	ck_assert_uint_le(cidr_recent_size(r), 20 << 20);
	cidr_recent_free(r);
	cidr_recent_free(NULL);
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("cidr_recent", &tcase);

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, last_one_counts, 0, UNIT_N(rows));
	tcase_add_test(tcase, what_is_set_again_takes_no_room);
	tcase_add_test(tcase, over_another);
	return s;
}

UNIT_MAIN(suite)
