#include "unit.h"

#include "milter/rbldnsd.h"
#include "milter/xmalloc.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[64];

static void
write_file(const char *text, size_t len)
{
	FILE *f;

	snprintf(path, sizeof path, "/tmp/kumilter-rbldnsd-XXXXXX");
	f = fdopen(mkstemp(path), "w");
	ck_assert_ptr_nonnull(f);
	fwrite(text, 1, len, f);
	fclose(f);
}

static struct cidr_map *
load(const char *text, enum rbldnsd_value value, struct str *complaints)
{
	struct cidr_build *b = cidr_build_new(CIDR_SMALLEST, 1000);
	struct err err;

	write_file(text, strlen(text));
	ck_assert_msg(
	    rbldnsd_load(b, path, value, complaints, &err) == 0, "%s", err.msg);
	unlink(path);
	return cidr_build_done(b);
}

#define HEAD                                                                   \
	"# comment\n; comment\n\n$SOA 0 a b 0 1 1 1 1\r\n$TTL 35m\n"           \
	":127.0.0.4:preset $\n"

static const struct {
	const char *text, *ip, *a, *txt; /* a NULL: not listed */
} rows[] = {
	{ "192.0.2.1\n", "192.0.2.1", "127.0.0.2", "" },
	{ "192.0.2.1", "192.0.2.1", "127.0.0.2", "" },
	{ "  192.0.2.1  \r\n", "192.0.2.1", "127.0.0.2", "" },
	{ "192.0.2.1\n", "192.0.2.2", NULL, NULL },
	{ HEAD "192.0.2.1\n", "192.0.2.1", "127.0.0.4", "preset $" },
	{ HEAD "192.0.2.1 spam $ here\n", "192.0.2.1", "127.0.0.4",
	    "spam $ here" },
	{ HEAD "192.0.2.1 :3:spam\n", "192.0.2.1", "127.0.0.3", "spam" },
	{ HEAD "192.0.2.1:3:spam: more\n", "192.0.2.1", "127.0.0.3",
	    "spam: more" },
	{ HEAD "192.0.2.1:127.0.1.9:\n", "192.0.2.1", "127.0.1.9", "" },
	{ HEAD "192.0.2.1:5\n", "192.0.2.1", "127.0.0.5", "preset $" },
	{ HEAD "192.0.2.1 ::only text\n", "192.0.2.1", "127.0.0.4",
	    "only text" },
	{ ":9:first\n192.0.2.1\n:::\n192.0.2.2\n", "192.0.2.1", "127.0.0.9",
	    "first" },
	{ ":9:first\n192.0.2.1\n::second\n192.0.2.2\n", "192.0.2.2",
	    "127.0.0.9", "second" },
	{ "192.0.2.0/25\n", "192.0.2.127", "127.0.0.2", "" },
	{ "192.0.2.0/25\n", "192.0.2.128", NULL, NULL },
	{ "192.0.2\n", "192.0.2.255", "127.0.0.2", "" },
	{ "192.0.2\n", "192.0.3.0", NULL, NULL },
	{ "10/8\n", "10.255.0.1", "127.0.0.2", "" },
	{ "172.16/12\n", "172.31.0.1", "127.0.0.2", "" },
	{ "192.0.2.1-9\n", "192.0.2.9", "127.0.0.2", "" },
	{ "192.0.2.1-9\n", "192.0.2.10", NULL, NULL },
	{ "192.0.2.250-192.0.3.5 :6:r\n", "192.0.3.5", "127.0.0.6", "r" },
	{ "192.0.2.250-192.0.3.5:6:r\n", "192.0.3.6", NULL, NULL },
	{ "192.0.2-3\n", "192.0.3.255", "127.0.0.2", "" },
	{ "192.0.2-3\n", "192.0.4.0", NULL, NULL },
	{ "192.0.2.0/24\n!192.0.2.128/25\n", "192.0.2.200", NULL, NULL },
	{ "192.0.2.0/24\n! 192.0.2.128/25\n", "192.0.2.1", "127.0.0.2", "" },
	{ "!192.0.2.200\n192.0.2.0/24\n", "192.0.2.200", NULL, NULL },
	{ "2001:db8::1\n", "2001:db8::1", "127.0.0.2", "" },
	{ "2001:db8::/32 :3:six\n", "2001:db8:ffff::", "127.0.0.3", "six" },
	{ "2001:db8::/32 just text\n", "2001:db8:ffff::", "127.0.0.2",
	    "just text" },
	{ "1111::0000 :4:x\n", "1111::", "127.0.0.4", "x" },
};

START_TEST(entries_are_read)
{
	struct str complaints = { 0 };
	struct ip ip;
	size_t len;

	ck_assert_int_eq(ip_parse(&ip, rows[_i].ip, NULL), 0);
	for (int txt = 0; txt < 2; txt++) {
		struct cidr_map *map = load(
		    rows[_i].text, txt ? RBLDNSD_TXT : RBLDNSD_A, &complaints);
		const char *got = cidr_map_lookup(map, &ip, &len);
		const char *want = txt ? rows[_i].txt : rows[_i].a;

		ck_assert_msg((got == NULL) == (want == NULL), "row %d", _i);
		if (want != NULL)
			ck_assert_str_eq(got, want);
		if (strstr(rows[_i].text, ":::") == NULL)
			ck_assert_str_eq(str_c(&complaints), "");
		cidr_map_unref(map);
	}
	str_fini(&complaints);
}
END_TEST

static const struct {
	const char *line, *says;
} bad[] = {
	{ "host.example", "no address or network" },
	{ "192.0.2.256", "no IPv4 address" },
	{ "192.0.2.1.5", "no IPv4 address" },
	{ "192.0.2.1/33", "no IPv4 address" },
	{ "192.0.2.1/", "no IPv4 address" },
	{ "192.0.2.1/24/24", "no IPv4 address" },
	{ "192..2", "no IPv4 address" },
	{ "1.2.3.9-1", "a range ends before it begins" },
	{ "192.0.2-192.0.2.1", "no range" },
	{ "192.0.2.1-", "no range" },
	{ "192.0.2.1-2-3", "no range" },
	{ "2001:db8::1/129", "no address" },
	{ "2001:db8::1:127.0.0.3:text", "a blank" },
	{ "2001:db8::1-2001:db8::9", "a blank" },
	{ "192.0.2.1 :300:x", "\":address:text\"" },
	{ "192.0.2.1 :127.0.0.3 x", "\":address:text\"" },
	{ "192.0.2.1 :x:y", "\":address:text\"" },
	{ ":x:y", "\":address:text\"" },
	{ "192.0.2.1 te\x01xt", "control character" },
	{ "/", "no IPv4" },
	{ "-", "no" },
	{ "!", "no address" },
};

START_TEST(bad_lines_are_named)
{
	char *text =
	    xasprintf("# first\n%s\n198.51.100.1 :7:good\n", bad[_i].line);
	struct str complaints = { 0 };
	struct cidr_map *map = load(text, RBLDNSD_A, &complaints);
	char *place = xasprintf("%s:2: ", path);
	struct ip ip;
	size_t len;

	ck_assert_msg(strncmp(str_c(&complaints), place, strlen(place)) == 0,
	    "%s: %s", bad[_i].line, str_c(&complaints));
	ck_assert_msg(strstr(str_c(&complaints), bad[_i].says) != NULL,
	    "%s: %s", bad[_i].line, str_c(&complaints));
	ip_parse(&ip, "198.51.100.1", NULL);
	ck_assert_str_eq(cidr_map_lookup(map, &ip, &len), "127.0.0.7");
	cidr_map_unref(map);
	str_fini(&complaints);
	free(place);
	free(text);
}
END_TEST

START_TEST(complaints_are_bounded)
{
	struct str text = { 0 }, complaints = { 0 };

	for (int i = 0; i < 1000; i++)
		str_adds(&text, "what is this\n");
	cidr_map_unref(load(str_c(&text), RBLDNSD_A, &complaints));
	ck_assert_ptr_nonnull(strstr(str_c(&complaints), ": 980 more lines"));
	ck_assert_uint_lt(complaints.len, 4096);
	str_fini(&complaints);
	str_fini(&text);
}
END_TEST

START_TEST(long_lines_are_left_out)
{
	struct str text = { 0 }, complaints = { 0 };
	struct cidr_map *map;
	struct ip ip;
	size_t len;

	str_adds(&text, "192.0.2.1 ");
	for (int i = 0; i < 20000; i++)
		str_addc(&text, 'x');
	str_adds(&text, "\n192.0.2.2\n");
	map = load(str_c(&text), RBLDNSD_A, &complaints);
	ck_assert_ptr_nonnull(strstr(str_c(&complaints), ":1: a line longer"));
	ip_parse(&ip, "192.0.2.2", NULL);
	ck_assert_ptr_nonnull(cidr_map_lookup(map, &ip, &len));
	cidr_map_unref(map);
	str_fini(&complaints);
	str_fini(&text);
}
END_TEST

START_TEST(only_plain_files)
{
	struct cidr_build *b = cidr_build_new(CIDR_SMALLEST, 3);
	struct str complaints = { 0 };
	struct err err;

	ck_assert_int_eq(
	    rbldnsd_load(b, "/nowhere/x", RBLDNSD_A, &complaints, &err), -1);
	ck_assert_str_eq(err.msg, "/nowhere/x: No such file or directory");
	ck_assert_int_eq(
	    rbldnsd_load(b, "/tmp", RBLDNSD_A, &complaints, &err), -1);
	ck_assert_str_eq(err.msg, "/tmp: not a plain file");
	ck_assert_int_eq(
	    rbldnsd_load(b, "/dev/zero", RBLDNSD_A, &complaints, &err), -1);
	write_file("192.0.2.1-10\n", 13);
	ck_assert_int_eq(
	    rbldnsd_load(b, path, RBLDNSD_A, &complaints, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.msg, ":1: more than 3 networks"));
	unlink(path);
	cidr_build_free(b);
	str_fini(&complaints);
}
END_TEST

START_TEST(any_bytes_are_survived)
{
	static const char alphabet[] = "0123456789abf:./-! $\t;#\n\n\n\0\x80";
	struct str complaints = { 0 };
	char text[4000];
	struct err err;

	srand((unsigned)_i);
	for (int round = 0; round < 50; round++) {
		struct cidr_build *b = cidr_build_new(CIDR_SMALLEST, 100000);

		for (size_t i = 0; i < sizeof text; i++)
			text[i] =
			    alphabet[(size_t)rand() % (sizeof alphabet - 1)];
		write_file(text, sizeof text);
		ck_assert_int_eq(
		    rbldnsd_load(b, path, RBLDNSD_TXT, &complaints, &err), 0);
		unlink(path);
		cidr_map_unref(cidr_build_done(b));
		str_clear(&complaints);
	}
	str_fini(&complaints);
}
END_TEST

START_TEST(dollars_are_replaced)
{
	struct str out = { 0 };
	struct ip ip;

	ip_parse(&ip, "2001:db8::1", NULL);
	rbldnsd_interpolate(&out, "see $?q=$$1$", 12, &ip);
	ck_assert_str_eq(str_c(&out), "see 2001:db8::1?q=$12001:db8::1");
	str_fini(&out);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("rbldnsd", &t);

	tcase_add_loop_test(t, entries_are_read, 0, UNIT_N(rows));
	tcase_add_loop_test(t, bad_lines_are_named, 0, UNIT_N(bad));
	tcase_add_test(t, complaints_are_bounded);
	tcase_add_test(t, long_lines_are_left_out);
	tcase_add_test(t, only_plain_files);
	tcase_add_loop_test(t, any_bytes_are_survived, 1, 4);
	tcase_add_test(t, dollars_are_replaced);
	return s;
}

UNIT_MAIN(suite)
