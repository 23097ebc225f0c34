#include "unit.h"

#include "milter/ip_count.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

static struct ip
ip(const char *text)
{
	struct ip a;

	ck_assert_msg(ip_parse(&a, text, NULL) == 0, "%s", text);
	return a;
}

static int64_t
sum(const struct ip_count *c, const char *net, int64_t now)
{
	struct cidr n;
	struct err err;

	ck_assert_msg(ip_count_net(&n, net, NULL, &err) == 0, "%s", err.msg);
	return ip_count_sum(c, &n, now, 0, 9);
}

static void
add(struct ip_count *c, const char *address, int64_t now, int64_t delta)
{
	struct ip a = ip(address);

	ip_count_add(c, &a, now, delta);
}

static const struct {
	const char *net;
	int64_t sum;
} nets[] = {
	{ "192.0.2.1", 1 },
	{ "192.0.2.1/32", 1 },
	{ "192.0.2.2", 2 },
	{ "192.0.2.3", 0 },
	{ "192.0.2.0/30", 3 },
	{ "192.0.2.99/24", 7 },
	{ "192.0.2.128/25", 4 },
	{ "192.0.0.0/16", 15 },
	{ "192.0.0.0/8", 15 },
	{ "0.0.0.0/0", 31 },
	{ "128.0.0.0/1", 15 },
	{ "0.0.0.0/1", 16 },
	{ "10.0.0.0/8", 16 },
	{ "11.0.0.0/8", 0 },
	{ "2001:db8::1", 32 },
	{ "2001:db8::/64", 96 },
	{ "2001:db8::/63", 224 },
	{ "::/0", 224 },
	{ "2001:db9::/32", 0 },
};

START_TEST(networks_sum_their_addresses)
{
	struct ip_count c;

	ip_count_init(&c, 2, 100);
	add(&c, "192.0.2.1", 5, 1);
	add(&c, "192.0.2.2", 5, 2);
	add(&c, "192.0.2.200", 5, 4);
	add(&c, "192.0.3.1", 5, 8);
	add(&c, "10.1.2.3", 5, 16);
	add(&c, "2001:db8::1", 5, 32);
	add(&c, "2001:db8::2", 5, 64);
	add(&c, "2001:db8:0:1::", 5, 128);
	ck_assert_msg(sum(&c, nets[_i].net, 5) == nets[_i].sum, "%s: %lld",
	    nets[_i].net, (long long)sum(&c, nets[_i].net, 5));
	ip_count_fini(&c);
}
END_TEST

START_TEST(addresses_are_removed)
{
	struct ip a = ip("192.0.2.2"), six = ip("::1");
	struct ip_count c;

	ip_count_init(&c, 2, 100);
	ck_assert(!ip_count_remove(&c, &a));
	add(&c, "192.0.2.1", 5, 1);
	add(&c, "192.0.2.2", 5, 2);
	add(&c, "192.0.2.2", 6, 2);
	add(&c, "192.0.2.3", 6, 4);
	ck_assert_int_eq(sum(&c, "0.0.0.0/0", 6), 9);
	ck_assert(!ip_count_remove(&c, &six));
	ck_assert(ip_count_remove(&c, &a));
	ck_assert(!ip_count_remove(&c, &a));
	ck_assert_int_eq(sum(&c, "0.0.0.0/0", 6), 5);
	ck_assert_int_eq(sum(&c, "192.0.2.2", 6), 0);
	ck_assert_uint_eq(c.n, 2);
	ip_count_fini(&c);
	ck_assert_ptr_null(c.root[0]);
}
END_TEST

START_TEST(the_oldest_is_pushed_out)
{
	struct ip_count c;

	ip_count_init(&c, 1, 2);
	add(&c, "192.0.2.1", 0, 1);
	add(&c, "192.0.2.2", 0, 2);
	add(&c, "192.0.2.1", 0, 1);
	add(&c, "192.0.2.3", 0, 4);
	ck_assert_int_eq(sum(&c, "192.0.2.2", 0), 0);
	ck_assert_int_eq(sum(&c, "192.0.2.0/24", 0), 6);
	ck_assert_uint_eq(c.evicted, 1);
	ip_count_fini(&c);
}
END_TEST

/* The same, with a plain list beside it. */
#define PLAIN 64
START_TEST(agrees_with_a_plain_list)
{
	struct ip plain[PLAIN];
	int64_t count[PLAIN] = { 0 };
	struct ip_count c;

	srand((unsigned)_i);
	ip_count_init(&c, 1, PLAIN);
	for (int i = 0; i < PLAIN; i++) {
		plain[i] = (struct ip){ .family = i % 2 ? AF_INET : AF_INET6 };
		for (int k = 0; k < (i % 2 ? 4 : 16); k++)
			plain[i].bytes[k] = (uint8_t)(rand() % 3 << 6);
	}
	for (int round = 0; round < 5000; round++) {
		int i = rand() % PLAIN;
		struct cidr net = { plain[i], rand() % (i % 2 ? 33 : 129) };
		int64_t expected = 0;

		if (rand() % 4 == 0) {
			ip_count_remove(&c, &plain[i]);
			for (int k = 0; k < PLAIN; k++)
				if (ip_equal(&plain[k], &plain[i]))
					count[k] = 0;
		} else {
			ip_count_add(&c, &plain[i], 0, round);
			count[i] += round;
		}
		for (int k = 0; k < PLAIN; k++)
			if (cidr_contains(&net, &plain[k]))
				expected += count[k];
		ck_assert_int_eq(ip_count_sum(&c, &net, 0, 0, 0), expected);
	}
	ip_count_fini(&c);
}
END_TEST

static const struct {
	const char *text, *peer, *net; /* net NULL: refused */
} texts[] = {
	{ "/24", "192.0.2.7", "192.0.2.7/24" },
	{ "/32", "192.0.2.7", "192.0.2.7/32" },
	{ "/0", "192.0.2.7", "192.0.2.7/0" },
	{ NULL, "192.0.2.7", "192.0.2.7/32" },
	{ NULL, "2001:db8::7", "2001:db8::7/128" },
	{ "/64", "2001:db8::7", "2001:db8::7/64" },
	{ "/64", "192.0.2.7", NULL },
	{ "192.0.2.9", "192.0.2.7", "192.0.2.9/32" },
	{ "192.0.2.9/24", NULL, "192.0.2.9/24" },
	{ "[2001:db8::1]/48", NULL, "2001:db8::1/48" },
	{ "2001:db8::1", NULL, "2001:db8::1/128" },
	{ "::ffff:192.0.2.1", NULL, "192.0.2.1/32" },
	{ "::ffff:192.0.2.1/120", NULL, "192.0.2.1/24" },
	{ "::ffff:0:0/90", NULL, "::ffff:0.0.0.0/90" },
	{ NULL, NULL, NULL },
	{ "/24", NULL, NULL },
	{ "", "192.0.2.7", NULL },
	{ "/", "192.0.2.7", NULL },
	{ "/33", "192.0.2.7", NULL },
	{ "/-1", "192.0.2.7", NULL },
	{ "/ 1", "192.0.2.7", NULL },
	{ "/24x", "192.0.2.7", NULL },
	{ "localhost/32", "192.0.2.7", "127.0.0.1/32" },
	{ "192.0.2.1:25", NULL, "192.0.2.1/32" },
	{ "[2001:db8::1]:25", NULL, "2001:db8::1/128" },
	{ "mx.example/32", "192.0.2.7", NULL },
	{ "1111111111111111111111111111111111111111111111111111111111111111"
	  "1111111111111111111111/3",
	    NULL, NULL },
};

START_TEST(reads_networks)
{
	struct ip peer = { 0 };
	struct str out = { 0 };
	struct cidr net;
	struct err err;
	int rc;

	if (texts[_i].peer != NULL)
		peer = ip(texts[_i].peer);
	rc = ip_count_net(
	    &net, texts[_i].text, texts[_i].peer != NULL ? &peer : NULL, &err);
	ck_assert_int_eq(rc, texts[_i].net != NULL ? 0 : -1);
	if (rc == 0) {
		ip_format(&out, &net.ip);
		str_addf(&out, "/%d", net.prefix);
		ck_assert_str_eq(str_c(&out), texts[_i].net);
	}
	str_fini(&out);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("ip_count", &t);

	tcase_add_loop_test(t, networks_sum_their_addresses, 0, UNIT_N(nets));
	tcase_add_test(t, addresses_are_removed);
	tcase_add_test(t, the_oldest_is_pushed_out);
	tcase_add_loop_test(t, agrees_with_a_plain_list, 1, 5);
	tcase_add_loop_test(t, reads_networks, 0, UNIT_N(texts));
	return s;
}

UNIT_MAIN(suite)
