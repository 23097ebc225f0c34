#include "unit.h"

#include "milter/dns_record.h"
#include "milter/dns_servers.h"
#include "milter/xmalloc.h"

#include <string.h>
#include <unistd.h>

/* Bytes with their length, NULs included. */
#define B(text) text, sizeof text - 1

#define TEN "0123456789"
#define LABEL63 TEN TEN TEN TEN TEN TEN "012"
#define WIRE63 "\x3f" LABEL63

static const struct {
	enum dns_type type;
	const char *data;
	size_t len;
	const char *text; /* NULL: refused */
	int preference;
} records[] = {
	{ DNS_A, B("\xc0\0\x02\x07"), "192.0.2.7", 0 },
	{ DNS_A, B("\xc0\0\x02"), NULL, 0 },
	{ DNS_A, B("\xc0\0\x02\x07\x07"), NULL, 0 },
	{ DNS_A, B(""), NULL, 0 },
	{ DNS_AAAA, B("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"),
	    "2001:db8::1", 0 },
	{ DNS_AAAA, B("\x20\x01"), NULL, 0 },
	{ DNS_MX,
	    B("\0\x0a\x02mx\x07"
	      "example\0"),
	    "mx.example", 10 },
	{ DNS_MX, B("\xff\xff\0"), ".", 65535 },
	{ DNS_MX, B("\0\0\0"), ".", 0 },
	{ DNS_MX, B("\0"), NULL, 0 },
	{ DNS_MX, B("\0\x0a"), NULL, 0 },
	{ DNS_MX, B("\0\x0a\x02mx"), NULL, 0 },
	{ DNS_NS,
	    B("\x02ns\x01"
	      "a\0"),
	    "ns.a", 0 },
	{ DNS_NS,
	    B("\x02ns\x01"
	      "a\0more"),
	    NULL, 0 },
	{ DNS_NS, B("\x02ns\xc0\x0c"), NULL, 0 },
	{ DNS_NS, B("\x05ns\0"), NULL, 0 },
	{ DNS_CNAME,
	    B("\x01"
	      "a\0"),
	    "a", 0 },
	{ DNS_PTR,
	    B("\x03"
	      "a.b\x03"
	      "c\\d\0"),
	    "a\\.b.c\\\\d", 0 },
	{ DNS_PTR,
	    B("\x05"
	      "a\0\r\n\x80\x01"
	      "b\0"),
	    "a\\000\\013\\010\\128.b", 0 },
	{ DNS_PTR,
	    B("\x02"
	      "a \0"),
	    "a\\032", 0 },
	{ DNS_PTR, B(WIRE63 "\0"), LABEL63, 0 },
	{ DNS_PTR, B(WIRE63 WIRE63 WIRE63 WIRE63 "\0"), NULL, 0 },
	{ DNS_PTR, B("\x40" LABEL63 "x\0"), NULL, 0 },
	{ DNS_TXT, B("\x03one"), "one", 0 },
	{ DNS_TXT, B("\x03one\x02, \x03two"), "one, two", 0 },
	{ DNS_TXT, B("\0"), "", 0 },
	{ DNS_TXT, B("\x02\r\n"), "\r\n", 0 },
	{ DNS_TXT, B(""), NULL, 0 },
	{ DNS_TXT, B("\x04one"), NULL, 0 },
	{ DNS_TXT, B("\x03one\x04two"), NULL, 0 },
	{ (enum dns_type)99, B("\x03one"), NULL, 0 },
};

START_TEST(record_reads)
{
	struct dns_record r = { 0 };
	int rc = dns_record_read(
	    &r, records[_i].type, records[_i].data, records[_i].len);

	if (records[_i].text == NULL) {
		ck_assert_int_eq(rc, -1);
		return;
	}
	ck_assert_int_eq(rc, 0);
	ck_assert_str_eq(r.text, records[_i].text);
	ck_assert_uint_eq(r.len, strlen(records[_i].text));
	ck_assert_int_eq(r.preference, records[_i].preference);
	dns_record_fini(&r);
}
END_TEST

START_TEST(text_may_hold_nul)
{
	struct dns_record r;

	ck_assert_int_eq(dns_record_read(&r, DNS_TXT,
			     "\x03"
			     "a\0b",
			     4),
	    0);
	ck_assert_uint_eq(r.len, 3);
	ck_assert_mem_eq(r.text, "a\0b", 4);
	dns_record_fini(&r);
}
END_TEST

static const struct {
	const char *text, *becomes, *wrong;
} names[] = {
	{ "example.com", "example.com", NULL },
	{ "EXAMPLE.com.", "EXAMPLE.com", NULL },
	{ "_dmarc.example.com", "_dmarc.example.com", NULL },
	{ ".", ".", NULL },
	{ "a\\.b.c", "a\\.b.c", NULL },
	{ "a\\\\.c", "a\\\\.c", NULL },
	{ "a\\046b", "a\\.b", NULL },
	{ "a\\ab", "aab", NULL },
	{ "m\xc3\xbcnchen.de", "m\\195\\188nchen.de", NULL },
	{ "a b\r\n", "a\\032b\\013\\010", NULL },
	{ LABEL63 ".com", LABEL63 ".com", NULL },
	{ LABEL63 "x.com", NULL, "63 bytes" },
	{ LABEL63 "." LABEL63 "." LABEL63 "." TEN TEN TEN TEN TEN TEN "0",
	    LABEL63 "." LABEL63 "." LABEL63 "." TEN TEN TEN TEN TEN TEN "0",
	    NULL },
	{ LABEL63 "." LABEL63 "." LABEL63 "." TEN TEN TEN TEN TEN TEN "01",
	    NULL, "255 bytes" },
	{ "", NULL, "nothing" },
	{ "..", NULL, "empty label" },
	{ ".com", NULL, "empty label" },
	{ "a..b", NULL, "empty label" },
	{ "a\\", NULL, "backslash" },
	{ "a\\12", NULL, "backslash" },
	{ "a\\256", NULL, "backslash" },
};

START_TEST(name_is_fit_to_ask)
{
	struct str out = { 0 };
	struct err err;
	int rc = dns_name(&out, names[_i].text, strlen(names[_i].text), &err);

	if (names[_i].becomes != NULL) {
		ck_assert_msg(rc == 0, "%s", err.msg);
		ck_assert_str_eq(str_c(&out), names[_i].becomes);
	} else {
		ck_assert_int_eq(rc, -1);
		ck_assert_uint_eq(out.len, 0);
		ck_assert_ptr_nonnull(strstr(err.msg, names[_i].wrong));
	}
	str_fini(&out);
}
END_TEST

static const struct {
	const char *ip, *name;
} reversed[] = {
	{ "192.0.2.7", "7.2.0.192.in-addr.arpa" },
	{ "2001:db8::f1", "1.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
			  "8.b.d.0.1.0.0.2.ip6.arpa" },
};

START_TEST(address_backwards)
{
	struct str out = { 0 };
	struct ip ip;

	ck_assert_int_eq(ip_parse(&ip, reversed[_i].ip, NULL), 0);
	dns_reverse(&out, &ip);
	ck_assert_str_eq(str_c(&out), reversed[_i].name);
	str_fini(&out);
}
END_TEST

START_TEST(types_in_any_case)
{
	static const char *const texts[] = { "a", "AAAA", "tXt", "mx", "Ptr",
		"ns", "cname" };
	static const char *const wrong[] = { "", "B", "MXX", "any", "A " };
	enum dns_type type;
	struct err err;

	for (size_t i = 0; i < UNIT_N(texts); i++) {
		ck_assert_int_eq(dns_type_parse(&type, texts[i], &err), 0);
		ck_assert_int_eq(strcasecmp(dns_type_text(type), texts[i]), 0);
	}
	for (size_t i = 0; i < UNIT_N(wrong); i++) {
		ck_assert_int_eq(dns_type_parse(&type, wrong[i], &err), -1);
		ck_assert_ptr_nonnull(strstr(err.msg, "AAAA, TXT"));
	}
}
END_TEST

static const struct {
	const char *text, *becomes, *wrong;
} lists[] = {
	{ "192.0.2.1", "192.0.2.1:53", NULL },
	{ "192.0.2.1:5353", "192.0.2.1:5353", NULL },
	{ " 192.0.2.1,::1\t[2001:db8::1]:54 ",
	    "192.0.2.1:53 [::1]:53 [2001:db8::1]:54", NULL },
	{ "fe80::1%2", "[fe80::1%2]:53", NULL },
	{ "resolv.conf", "resolv.conf", NULL },
	{ "", NULL, "no DNS server" },
	{ " , ", NULL, "no DNS server" },
	{ "ns.example.com", NULL, "no IP address" },
	{ "192.0.2.1 resolv.conf", NULL, "no IP address" },
	{ "192.0.2.1:0", NULL, "port 0" },
	{ "192.0.2.1:65536", NULL, "no IP address" },
	{ LABEL63 LABEL63, NULL, "no IP address" },
	{ "::1 ::2 ::3 ::4 ::5 ::6 ::7 ::8 ::9", NULL, "more than 8" },
};

START_TEST(list_of_servers)
{
	struct str out = { 0 };
	struct err err;
	int rc = dns_servers_parse(&out, lists[_i].text, &err);

	if (lists[_i].becomes != NULL) {
		ck_assert_msg(rc == 0, "%s", err.msg);
		ck_assert_str_eq(str_c(&out), lists[_i].becomes);
	} else {
		ck_assert_int_eq(rc, -1);
		ck_assert_uint_eq(out.len, 0);
		ck_assert_ptr_nonnull(strstr(err.msg, lists[_i].wrong));
	}
	str_fini(&out);
}
END_TEST

static const struct {
	const char *file, *servers;
} files[] = {
	{ "# a\nsearch x\nnameserver 192.0.2.1\nnameserver ::1\n",
	    "192.0.2.1:53 [::1]:53" },
	{ "nameserver\t192.0.2.1 # b\nnameserver x\noptions y",
	    "192.0.2.1:53" },
	{ "nameserver 192.0.2.2", "192.0.2.2:53" },
	{ "nameserver\n", "127.0.0.1:53" },
	{ "", "127.0.0.1:53" },
};

START_TEST(resolv_conf)
{
	char path[] = "/tmp/check_dns.XXXXXX";
	int fd = mkstemp(path);
	size_t n = strlen(files[_i].file);
	struct str out = { 0 };

	ck_assert_int_eq(write(fd, files[_i].file, n), (ssize_t)n);
	close(fd);
	dns_servers_read(&out, path);
	unlink(path);
	ck_assert_str_eq(str_c(&out), files[_i].servers);
	str_clear(&out);
	dns_servers_read(&out, path);
	ck_assert_str_eq(str_c(&out), "127.0.0.1:53");
	str_fini(&out);
}
END_TEST

static void
add_to(void *arg, const char *ip, int port)
{
	str_addf(arg, "%s %d;", ip, port);
}

START_TEST(each_server)
{
	struct str out = { 0 };

	dns_servers_each("192.0.2.1:53 [fe80::1%2]:54", add_to, &out);
	ck_assert_str_eq(str_c(&out), "192.0.2.1 53;fe80::1%2 54;");
	str_fini(&out);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("dns_record", &t);

	tcase_add_loop_test(t, record_reads, 0, UNIT_N(records));
	tcase_add_test(t, text_may_hold_nul);
	tcase_add_loop_test(t, name_is_fit_to_ask, 0, UNIT_N(names));
	tcase_add_loop_test(t, address_backwards, 0, UNIT_N(reversed));
	tcase_add_test(t, types_in_any_case);
	tcase_add_loop_test(t, list_of_servers, 0, UNIT_N(lists));
	tcase_add_loop_test(t, resolv_conf, 0, UNIT_N(files));
	tcase_add_test(t, each_server);
	return s;
}

UNIT_MAIN(suite)
