#include "unit.h"

#include "milter/ip.h"

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const struct {
	const char *text, *ip;
	int port;
} good[] = {
	{ "1.2.3.4", "1.2.3.4", -1 },
	{ "0.0.0.0", "0.0.0.0", -1 },
	{ "255.255.255.255", "255.255.255.255", -1 },
	{ "[1.2.3.4]", "1.2.3.4", -1 },
	{ "1.2.3.4:25", "1.2.3.4", 25 },
	{ "1.2.3.4:0", "1.2.3.4", 0 },
	{ "[1.2.3.4]:65535", "1.2.3.4", 65535 },
	{ "::", "::", -1 },
	{ "::1", "::1", -1 },
	{ "[::1]", "::1", -1 },
	{ "[IPv6:::1]", "::1", -1 },
	{ "[ipv6:2001:DB8::1]", "2001:db8::1", -1 },
	{ "[IPv6:::1]:25", "::1", 25 },
	{ "[2001:db8::1]:25", "2001:db8::1", 25 },
	{ "2001:0DB8:0:0:0:0:0:1", "2001:db8::1", -1 },
	/* RFC 5952: the first of equal runs, none for a single group */
	{ "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1", -1 },
	{ "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1", -1 },
	{ "1:0:0:2:0:0:0:3", "1:0:0:2::3", -1 },
	{ "1::", "1::", -1 },
	{ "0:1:2:3:4:5:6:7", "0:1:2:3:4:5:6:7", -1 },
	{ "::ffff:1.2.3.4", "::ffff:1.2.3.4", -1 },
	{ "::ffff:0:0", "::ffff:0.0.0.0", -1 },
	{ "::1.2.3.4", "::102:304", -1 },
	{ "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
	    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", -1 },
};

static const char *const bad[] = { "", " ", "x", "1", "1.2.3", "1.2.3.4.5",
	"256.1.1.1", "01.2.3.4", "1.2.3.4 ", " 1.2.3.4",
	"1.2.3.4:", "1.2.3.4:x", "1.2.3.4:65536", "1.2.3.4:-1", "1.2.3.4:+1",
	"1:25", "[1.2.3.4", "1.2.3.4]", "[]", "[1.2.3.4]x",
	"[1.2.3.4]:", "[::1]25", "[::1]:x", ":", ":::", "1:2",
	"::1::", "12345::", "g::", "[IPv6:1.2.3.4]", "[tag:x]", "fe80::1%eth0",
	"1.2.3.4%1", "[[::1]]", "host.example", "1.2.3.4/32",
	"0000000000000000000000000000000000000000000000000000000000000000000"
	"00000000000000000000::1" };

START_TEST(reads_addresses)
{
	struct str out = { 0 };
	struct ip ip, again;
	struct err err;
	int port, port_again;

	ck_assert_msg(
	    ip_parse_port(&ip, &port, good[_i].text, &err) == 0, "%s", err.msg);
	ck_assert_msg(
	    port == good[_i].port, "%s: port %d", good[_i].text, port);
	ip_format(&out, &ip);
	ck_assert_str_eq(str_c(&out), good[_i].ip);
	ck_assert_int_eq(ip_parse(&again, str_c(&out), NULL), 0);
	ck_assert(ip_equal(&ip, &again));

	ck_assert_int_eq(ip_parse(&again, good[_i].text, &err),
	    good[_i].port == IP_NO_PORT ? 0 : -1);

	str_clear(&out);
	ip_format_port(&out, &ip, 2525);
	ck_assert_int_eq(
	    ip_parse_port(&again, &port_again, str_c(&out), NULL), 0);
	ck_assert(ip_equal(&ip, &again));
	ck_assert_int_eq(port_again, 2525);
	str_fini(&out);
}
END_TEST

START_TEST(refuses_other_text)
{
	struct ip ip = { .family = AF_INET };
	struct err err = { "" };
	int port = 1;

	ck_assert_msg(
	    ip_parse_port(&ip, &port, bad[_i], &err) == -1, "%s", bad[_i]);
	ck_assert_int_eq(ip.family, 0);
	ck_assert_int_eq(port, IP_NO_PORT);
	ck_assert(strstr(err.msg, "is no IP address") != NULL);
}
END_TEST

START_TEST(writes_socket_addresses)
{
	struct sockaddr_in in4 = { .sin_family = AF_INET,
		.sin_port = htons(25) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
		.sin6_port = htons(25),
		.sin6_scope_id = 2 };
	struct sockaddr none = { .sa_family = AF_UNIX };
	struct str out = { 0 };
	struct ip ip;
	int port;

	inet_pton(AF_INET, "1.2.3.4", &in4.sin_addr);
	ck_assert_int_eq(
	    ip_from_sockaddr(&ip, &port, (struct sockaddr *)&in4), 0);
	ip_format_port(&out, &ip, port);
	ck_assert_str_eq(str_c(&out), "1.2.3.4:25");

	inet_pton(AF_INET6, "fe80::1", &in6.sin6_addr);
	ck_assert_int_eq(
	    ip_from_sockaddr(&ip, &port, (struct sockaddr *)&in6), 0);
	str_clear(&out);
	ip_format_port(&out, &ip, port);
	ck_assert_str_eq(str_c(&out), "[fe80::1%2]:25");
	ck_assert_int_eq(ip_parse_port(&ip, &port, "[fe80::1%2]:25", NULL), 0);
	ck_assert_uint_eq(ip.scope, 2);

	ck_assert_int_eq(ip_from_sockaddr(&ip, &port, &none), -1);
	ck_assert_int_eq(ip_from_sockaddr(&ip, &port, NULL), -1);
	str_fini(&out);
}
END_TEST

static const struct {
	const char *net, *ip;
	bool in;
} lookups[] = {
	{ "192.0.2.0/24", "192.0.2.0", true },
	{ "192.0.2.0/24", "192.0.2.255", true },
	{ "192.0.2.0/24", "192.0.3.0", false },
	{ "192.0.2.0/24", "192.0.1.255", false },
	{ "192.0.2.128/25", "192.0.2.127", false },
	{ "192.0.2.128/25", "192.0.2.128", true },
	{ "192.0.2.6/31", "192.0.2.7", true },
	{ "192.0.2.6/31", "192.0.2.8", false },
	{ "192.0.2.6", "192.0.2.6", true },
	{ "192.0.2.6", "192.0.2.7", false },
	{ "0.0.0.0/0", "255.1.2.3", true },
	{ "128.0.0.0/1", "127.255.255.255", false },
	{ "128.0.0.0/1", "128.0.0.0", true },
	{ "0.0.0.0/0", "2001:db8::1", false }, /* v4's any is not v6's */
	{ "::/0", "1.2.3.4", false },
	{ "::/0", "2001:db8::1", true },
	{ "2001:db8::/32", "2001:db8:ffff::1", true },
	{ "2001:db8::/32", "2001:db9::", false },
	{ "2001:db8::/33", "2001:db8:8000::", false },
	{ "::1", "::1", true },
	{ "::1", "::2", false },
	{ "::ffff:0:0/96", "1.2.3.4", false }, /* mapped is another address */
	{ "1.2.3.4", "::ffff:1.2.3.4", false },
	{ "any", "1.2.3.4", true },
	{ "any", "::1", true },
};

START_TEST(contains_follows_the_prefix)
{
	struct ip_set set = { 0 };
	struct err err;
	struct ip ip;

	ck_assert_int_eq(ip_parse(&ip, lookups[_i].ip, NULL), 0);
	ck_assert(!ip_set_contains(&set, &ip));
	ck_assert_int_eq(ip_set_add(&set, "203.0.113.0/24", &err), 0);
	ck_assert_int_eq(ip_set_add(&set, lookups[_i].net, &err), 0);
	ck_assert_int_eq(ip_set_add(&set, "no", &err), -1);
	ck_assert_uint_eq(set.n, 2);
	ck_assert_msg(ip_set_contains(&set, &ip) == lookups[_i].in,
	    "%s in %s: expected %d", lookups[_i].ip, lookups[_i].net,
	    lookups[_i].in);
	ip_set_fini(&set);
}
END_TEST

static const struct {
	const char *text, *says;
} bad_nets[] = {
	{ "192.0.2.1/24", "192.0.2.1/24 is not a valid CIDR: bits are set "
			  "past /24. Did you mean 192.0.2.0/24?" },
	{ "10.1.2.3/0", "Did you mean 0.0.0.0/0?" },
	{ "10.0.0.255/31", "Did you mean 10.0.0.254/31?" },
	{ "2001:db8::1/32", "Did you mean 2001:db8::/32?" },
	{ "fe80::1/64", "Did you mean fe80::/64?" },
	{ "192.0.2.0/33", "from 0 to 32" },
	{ "::/129", "from 0 to 128" },
	{ "192.0.2.0/", "from 0 to 32" },
	{ "192.0.2.0/x", "from 0 to 32" },
	{ "192.0.2.0/-1", "from 0 to 32" },
	{ "192.0.2.0/24/24", "from 0 to 32" },
	{ "192.0.2.0/255.255.255.0", "from 0 to 32" },
	{ "", "no IP address" },
	{ "/", "no IP address" },
	{ "/8", "no IP address" },
	{ "10/8", "no IP address" },
	{ "192.0.2.1:25", "no IP address" },
	{ "[192.0.2.1]", "no IP address" },
	{ "fe80::%1/64", "no IP address" },
	{ "example.org", "no IP address" },
};

START_TEST(refuses_other_networks)
{
	struct cidr net = { .prefix = 1 };
	struct err err;

	ck_assert_msg(cidr_parse(&net, bad_nets[_i].text, &err) == -1, "%s",
	    bad_nets[_i].text);
	ck_assert_msg(
	    strstr(err.msg, bad_nets[_i].says) != NULL, "%s", err.msg);
	ck_assert_int_eq(net.prefix, 0);
}
END_TEST

static const char *const nets[] = { "any", "192.0.2.0/24", "192.0.2.1",
	"0.0.0.0/0", "2001:db8::/32", "::1", "::/0" };

START_TEST(writes_networks)
{
	struct str out = { 0 };
	struct cidr net;

	ck_assert_int_eq(cidr_parse(&net, nets[_i], NULL), 0);
	cidr_format(&out, &net);
	ck_assert_str_eq(str_c(&out), nets[_i]);
	str_fini(&out);
}
END_TEST

START_TEST(any_bytes_are_survived)
{
	static const char alphabet[] = "0123456789abcdefF::..[]/%IPv6:";
	struct str out = { 0 };
	struct ip ip, again;
	struct cidr net;
	char text[48];
	int port;

	srand((unsigned)_i);
	for (int round = 0; round < 50000; round++) {
		size_t n = (size_t)rand() % sizeof text;

		for (size_t i = 0; i < n; i++)
			text[i] =
			    alphabet[(size_t)rand() % (sizeof alphabet - 1)];
		text[n] = '\0';
		(void)cidr_parse(&net, text, NULL);
		if (ip_parse_port(&ip, &port, text, NULL) != 0)
			for (int i = 0; i < 16; i++)
				ip.bytes[i] = rand() % 2 ? 0 : (uint8_t)rand();
		ip.family = ip.family == AF_INET ? AF_INET : AF_INET6;
		if (ip.family == AF_INET)
			memset(ip.bytes + 4, 0, 12);
		str_clear(&out);
		ip_format(&out, &ip);
		ck_assert_int_eq(ip_parse(&again, str_c(&out), NULL), 0);
		ck_assert_msg(ip_equal(&ip, &again), "%s", str_c(&out));
	}
	str_fini(&out);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("ip", &t);

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, reads_addresses, 0, UNIT_N(good));
	tcase_add_loop_test(t, refuses_other_text, 0, UNIT_N(bad));
	tcase_add_test(t, writes_socket_addresses);
	tcase_add_loop_test(t, contains_follows_the_prefix, 0, UNIT_N(lookups));
	tcase_add_loop_test(t, refuses_other_networks, 0, UNIT_N(bad_nets));
	tcase_add_loop_test(t, writes_networks, 0, UNIT_N(nets));
	tcase_add_loop_test(t, any_bytes_are_survived, 1, 6);
	return s;
}

UNIT_MAIN(suite)
