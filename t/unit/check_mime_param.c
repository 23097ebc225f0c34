#include "milter/mime_param.h"
#include "milter/xmalloc.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

/* "value|name=value|..." */
static char *
show(const struct mime_value *v)
{
	struct str out = { 0 };

	str_adds(&out, v->value);
	for (size_t i = 0; i < v->n; i++) {
		str_addf(&out, "|%s=", v->param[i].name);
		str_add(&out, v->param[i].value, v->param[i].len);
	}
	return str_take(&out);
}

static const struct {
	const char *raw, *expected;
} rows[] = {
	{ "", "" },
	{ "text/plain", "text/plain" },
	{ " text/plain ; charset=utf-8 ", "text/plain|charset=utf-8" },
	{ "TEXT/Plain;\r\n\tCharset=\"utf-8\"", "TEXT/Plain|Charset=utf-8" },
	{ "text/plain (a (b) \\) c); charset=us-ascii (Plain)",
	    "text/plain|charset=us-ascii" },
	{ "text / plain; a=b", "text/plain|a=b" },
	{ "text/plain charset=x", "text/plain|charset=x" },
	{ "text/plain; a = b ; c= \"d\" (e)", "text/plain|a=b|c=d" },
	{ "a/b; x=\"q\\\"u\\\\o;te\"", "a/b|x=q\"u\\o;te" },
	{ "a/b; x=\"no end; y=z", "a/b|x=no end; y=z" },
	{ "a/b; x=\"two\r\n lines\"", "a/b|x=two lines" },
	{ "a/b; x=my file (1).pdf; y=z", "a/b|x=my file|y=z" },
	{ "a/b; x=my  file.pdf", "a/b|x=my file.pdf" },
	{ "a/b; x=y z=w", "a/b|x=y|z=w" },
	{ "a/b; x=1; X=2", "a/b|x=1" },
	{ "a/b;;; ; x=1;", "a/b|x=1" },
	{ "a/b; x", "a/b" },
	{ "a/b; =1; x=2", "a/b|x=2" },
	{ "a/b; x=", "a/b|x=" },
	{ "a/b; x==", "a/b|x==" },
	{ "; x=1", "|x=1" },
	{ "\"base64\"", "base64" },
	{ "(comment without end", "" },
	{ "a/b; \xc3\xbc=1; x=2", "a/b|x=2" },
	/* RFC 2231 */
	{ "a/b; x*=utf-8'en'%C3%BC%20y", "a/b|x=\xc3\xbc y" },
	{ "a/b; x*=iso-8859-1''%FC", "a/b|x=\xc3\xbc" },
	{ "a/b; x*=nonsense''%FC", "a/b|x=\xc3\xbc" },
	{ "a/b; x*=%41", "a/b|x=A" },
	{ "a/b; x*=utf-8''%4", "a/b|x=%4" },
	{ "a/b; x*=utf-8''a%00b%0D%0Ac", "a/b|x=abc" },
	{ "a/b; x*0=a; x*1=b; x*2=c", "a/b|x=abc" },
	{ "a/b; x*2=c; x*0=a; x*1=b", "a/b|x=abc" },
	{ "a/b; x*0=a; x*2=c", "a/b|x=a" },
	{ "a/b; x*1=b", "a/b" },
	{ "a/b; x*0*=utf-8''%C3; x*1*=%BC; x*2=\"%41\"",
	    "a/b|x=\xc3\xbc%41" }, /* a character in two pieces */
	{ "a/b; x=plain; x*=utf-8''better", "a/b|x=better" },
	{ "a/b; x=plain; x*0=pieces", "a/b|x=pieces" },
	{ "a/b; x*y=1", "a/b|x*y=1" },
	{ "a/b; x*99999999999999999999=1", "a/b|x*99999999999999999999=1" },
	/* encoded words, which do not belong there */
	{ "a/b; x=\"=?utf-8?q?=C3=BC?=\"", "a/b|x=\xc3\xbc" },
	{ "a/b; x==?utf-8?q?=C3=BC?=", "a/b|x=\xc3\xbc" },
	/* 8-bit */
	{ "a/b; x=\"\xc3\xbc\"", "a/b|x=\xc3\xbc" },
	{ "a/b; x=\"\xfc\"", "a/b|x=\xc3\xbc" },
};

START_TEST(parse_row)
{
	struct mime_value v;
	char *got;

	mime_value_parse(&v, rows[_i].raw, strlen(rows[_i].raw));
	got = show(&v);
	ck_assert_msg(strcmp(got, rows[_i].expected) == 0,
	    "%s\nexpected %s\ngot      %s", rows[_i].raw, rows[_i].expected,
	    got);
	free(got);
	mime_value_fini(&v);
}
END_TEST

#define X20 "xxxxxxxxxxxxxxxxxxxx"
#define UE10                                                                   \
	"\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc"                             \
	"\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc"

static const struct {
	const char *type, *name, *value, *expected;
} writes[] = {
	{ "a/b", NULL, NULL, "a/b" },
	{ "a/b", "x", "y", "a/b;\r\n\tx=\"y\"" },
	{ "a/b", "x", "", "a/b;\r\n\tx=\"\"" },
	{ "a/b", "x", "q\"u\\o", "a/b;\r\n\tx=\"q\\\"u\\\\o\"" },
	{ "a/b", "x", "\xc3\xbc 'y", "a/b;\r\n\tx*=UTF-8''%C3%BC%20%27y" },
	{ "a/b", "x", "a\r\nBcc: b", "a/b;\r\n\tx*=UTF-8''a%0D%0ABcc%3A%20b" },
	{ "a/b", "x", X20 X20 X20 "yyyyyyyyyyyyyyyyyyyy",
	    "a/b;\r\n\tx*0=\"" X20 X20 X20 "yyyyyyy\";\r\n"
	    "\tx*1=\"yyyyyyyyyyyyy\"" },
	{ "a/b", "boundary", X20 X20 X20 "y y",
	    "a/b;\r\n\tboundary=\"" X20 X20 X20 "y y\"" },
	/* what would end the header or the parameter is left out */
	{ "a/b\r\nX: y;", "x", "z", "a/bXy;\r\n\tx=\"z\"" },
	{ "a/b", "x\r\nX: y", "z", "a/b" },
	{ "a/b", "x*", "z", "a/b" },
	{ "a/b", "\xc3\xbc", "z", "a/b" },
};

START_TEST(write_row)
{
	struct mime_value v = { .value = xstrdup(writes[_i].type) }, again;
	const struct mime_param *p;
	struct str out = { 0 };

	if (writes[_i].name != NULL)
		mime_value_set(&v, writes[_i].name, writes[_i].value,
		    strlen(writes[_i].value));
	mime_value_write(&out, &v);
	ck_assert_str_eq(out.data, writes[_i].expected);
	mime_value_parse(&again, out.data, out.len);
	p = again.n > 0 ? &again.param[0] : NULL;
	if (p != NULL && strpbrk(p->value, "\r\n") == NULL &&
	    strpbrk(writes[_i].value, "\r\n") == NULL)
		ck_assert_str_eq(p->value, writes[_i].value);
	str_fini(&out);
	mime_value_fini(&v);
	mime_value_fini(&again);
}
END_TEST

START_TEST(long_names_come_back)
{
	struct mime_value v = { .value = xstrdup("a/b") }, again;
	struct str name = { 0 }, out = { 0 };

	for (int i = 0; i < 30; i++)
		str_adds(&name, UE10 " ");
	mime_value_set(&v, "filename", name.data, name.len);
	mime_value_write(&out, &v);
	for (const char *p = out.data, *nl; (nl = strchr(p, '\n')) != NULL;
	     p = nl + 1)
		ck_assert_int_le(nl - p, 90);
	mime_value_parse(&again, out.data, out.len);
	ck_assert_uint_eq(again.n, 1);
	ck_assert_str_eq(again.param[0].value, name.data);
	mime_value_fini(&v);
	mime_value_fini(&again);
	str_fini(&name);
	str_fini(&out);
}
END_TEST

START_TEST(a_list)
{
	struct mime_value v = { 0 };

	mime_value_set(&v, "A", "1", 1);
	mime_value_set(&v, "b", "2", 1);
	mime_value_set(&v, "a", "33", 2);
	ck_assert_uint_eq(v.n, 2);
	ck_assert_str_eq(mime_value_get(&v, "a")->value, "33");
	mime_value_remove(&v, "A");
	ck_assert_ptr_null(mime_value_get(&v, "a"));
	ck_assert_str_eq(mime_value_get(&v, "B")->value, "2");
	ck_assert(!mime_value_is(&v, "x"));
	ck_assert(!mime_value_begins(&v, "x"));
	mime_value_fini(&v);
}
END_TEST

START_TEST(there_is_an_end)
{
	struct mime_value v;
	struct str raw = { 0 };

	str_adds(&raw, "a/b");
	for (int i = 0; i < 100000; i++)
		str_addf(&raw, ";p%d*%d=x", i % 300, i);
	mime_value_parse(&v, raw.data, raw.len);
	ck_assert_uint_le(v.n, MIME_PARAM_MAX);
	mime_value_fini(&v);
	str_fini(&raw);
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("mime_param", &tcase);

	tcase_add_loop_test(tcase, parse_row, 0, UNIT_N(rows));
	tcase_add_loop_test(tcase, write_row, 0, UNIT_N(writes));
	tcase_add_test(tcase, long_names_come_back);
	tcase_add_test(tcase, a_list);
	tcase_add_test(tcase, there_is_an_end);
	return s;
}

UNIT_MAIN(suite)
