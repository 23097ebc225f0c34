#include "unit.h"

#include "milter/http.h"
#include "milter/http_url.h"
#include "milter/xmalloc.h"

#include <string.h>

static const struct {
	const char *text, *url, *origin, *path, *query, *user, *password;
} urls[] = {
	{ "http://www.example.com", "http://www.example.com/",
	    "http://www.example.com", "/", NULL, NULL, NULL },
	{ "HTTPS://www.example.com:443/a/../b?c=d#e",
	    "https://www.example.com/b?c=d", "https://www.example.com", "/b",
	    "c=d", NULL, NULL },
	{ "http://www.example.com:8080/a b",
	    "http://www.example.com:8080/a%20b", "http://www.example.com:8080",
	    "/a%20b", NULL, NULL, NULL },
	{ "http://us%40er:p%3aw@[::1]:81/?", "http://[::1]:81/",
	    "http://[::1]:81", "/", "", "us@er", "p:w" },
	{ "https://only@h/", "https://h/", "https://h", "/", NULL, "only",
	    NULL },
};

static void
equal(const char *what, const char *got, const char *expected, const char *name)
{
	if (expected == NULL)
		ck_assert_msg(got == NULL, "%s: %s is %s", name, what, got);
	else
		ck_assert_msg(got != NULL && strcmp(got, expected) == 0,
		    "%s: %s is %s, expected %s", name, what, got, expected);
}

START_TEST(reads)
{
	const char *text = urls[_i].text;
	struct http_url u;
	struct err err;

	ck_assert_msg(http_url_read(&u, text, strlen(text), &err) == 0,
	    "%s: %s", text, err.msg);
	equal("url", u.url, urls[_i].url, text);
	equal("origin", u.origin, urls[_i].origin, text);
	equal("path", u.path, urls[_i].path, text);
	equal("query", u.query, urls[_i].query, text);
	equal("user", u.user, urls[_i].user, text);
	equal("password", u.password, urls[_i].password, text);
	http_url_fini(&u);
}
END_TEST

static const struct {
	const char *text, *why;
} bad[] = {
	{ "", "invalid URL: it is empty" },
	{ "example.com", "invalid URL: " },
	{ "/path", "invalid URL: " },
	{ "ftp://example.com/", "invalid URL: neither http: nor https:" },
	{ "file:///etc/passwd", "invalid URL: neither http: nor https:" },
	{ "gopher://example.com/", "invalid URL: neither http: nor https:" },
	{ "http://a\r\nX: y/", "invalid URL: a control character in it" },
	{ "http://a/\x7f", "invalid URL: a control character in it" },
	{ "http://a b/", "invalid URL: " },
	{ "http://a:99999/", "invalid URL: " },
	{ "http://", "invalid URL: " },
};

START_TEST(refuses)
{
	const char *text = bad[_i].text;
	struct http_url u;
	struct err err;

	ck_assert_msg(
	    http_url_read(&u, text, strlen(text), &err) == -1, "%s", text);
	ck_assert_msg(strncmp(err.msg, bad[_i].why, strlen(bad[_i].why)) == 0,
	    "%s: %s", text, err.msg);
	ck_assert_ptr_null(u.url);
}
END_TEST

START_TEST(refuses_long_ones)
{
	struct str text = { 0 };
	struct http_url u;
	struct err err;

	str_adds(&text, "http://www.example.com/");
	while (text.len <= HTTP_URL_MAX)
		str_adds(&text, "aaaaaaaaaaaaaaaa");
	ck_assert_int_eq(http_url_read(&u, text.data, text.len, &err), -1);
	ck_assert_str_eq(err.msg, "invalid URL: longer than 65536 bytes");
	str_fini(&text);
}
END_TEST

static const struct {
	const char *base, *query, *url;
} built[] = {
	{ "http://example.com", "a=b", "http://example.com/?a=b" },
	{ "http://example.com/x?a=b", "c=d", "http://example.com/x?a=b&c=d" },
	{ "http://example.com/x?", "c=d", "http://example.com/x?c=d" },
	{ "http://u:p@example.com:80/x#f", "c=d",
	    "http://u:p@example.com/x?c=d#f" },
	{ "http://example.com/x", "", "http://example.com/x?" },
	{ "other://example.com/x", "a=b", "other://example.com/x?a=b" },
	{ "no url", "a=b", NULL },
};

START_TEST(builds)
{
	struct str out = { 0 };
	struct err err;
	const char *base = built[_i].base;
	int rc =
	    http_url_build(&out, base, strlen(base), built[_i].query, &err);

	equal("url", rc == 0 ? str_c(&out) : NULL, built[_i].url, base);
	str_fini(&out);
}
END_TEST

START_TEST(pairs)
{
	static const struct {
		const char *query, *name[3], *value[3];
	} rows[] = {
		{ "", { 0 }, { 0 } },
		{ "a=b", { "a" }, { "b" } },
		{ "a=b&&c=d=e&f", { "a", "c", "f" }, { "b", "d=e", "" } },
		{ "a+b=%26%3d%zz%4", { "a b" }, { "&=%zz%4" } },
		{ "=", { "" }, { "" } },
	};

	for (size_t i = 0; i < UNIT_N(rows); i++) {
		const char *query = rows[i].query;
		size_t n = 0;

		for (;; n++) {
			struct str name = { 0 }, value = { 0 };

			if (!http_url_next_pair(&query, &name, &value))
				break;
			equal("name", str_c(&name), rows[i].name[n],
			    rows[i].query);
			equal("value", str_c(&value), rows[i].value[n],
			    rows[i].query);
			str_fini(&name);
			str_fini(&value);
		}
		ck_assert_msg(n == 3 || rows[i].name[n] == NULL, "%s: %zu",
		    rows[i].query, n);
	}
}
END_TEST

START_TEST(encodes)
{
	struct str out = { 0 };

	http_url_add_pair(&out, "a b", 3, "x&y=\xc3\xa4*-._~", 11);
	http_url_add_pair(&out, "\0", 1, "", 0);
	ck_assert_str_eq(str_c(&out), "a+b=x%26y%3D%C3%A4*-._%7E&%00=");
	str_fini(&out);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("http_url", &t);

	tcase_add_test(t, pairs);
	tcase_add_test(t, encodes);
	if (!http_is_built())
		return s;
	tcase_add_loop_test(t, reads, 0, UNIT_N(urls));
	tcase_add_loop_test(t, refuses, 0, UNIT_N(bad));
	tcase_add_test(t, refuses_long_ones);
	tcase_add_loop_test(t, builds, 0, UNIT_N(built));
	return s;
}

UNIT_MAIN(suite)
