#include "milter/dkim_tags.h"
#include "unit.h"

#include <string.h>

/* "name=value" of all tags with '|' between; NULL: no list. */
static const struct {
	const char *text, *tags;
} lists[] = {
	{ "v=1", "v=1" },
	{ "v=1;", "v=1" },
	{ "v=1; \r\n\t", "v=1" },
	{ " v = 1 ; a\n\t=\n rsa-sha256\n ;", "v=1|a=rsa-sha256" },
	{ "a=;b=", "a=|b=" },
	{ "a=b=c", "a=b=c" },
	{ "A=1;a=2", "A=1|a=2" },
	{ "x_9=two words ", "x_9=two words" },
	{ "d=b\xc3\xbc.example", "d=b\xc3\xbc.example" },
	{ "", NULL },
	{ " ", NULL },
	{ ";", NULL },
	{ "a=1;;b=2", NULL },
	{ "a=1;;", NULL },
	{ "a", NULL },
	{ "=1", NULL },
	{ "9=1", NULL },
	{ "a b=1", NULL },
	{ "a-b=1", NULL },
	{ "a=1;a=2", NULL },
	{ "a=\x01", NULL },
	{ "a=\x7f", NULL },
};

START_TEST(parse)
{
	const char *text = lists[_i].text;
	struct err err = { "" };
	struct str all = { 0 };
	struct dkim_tags t;
	int rc = dkim_tags_parse(&t, text, strlen(text), &err);

	for (size_t i = 0; rc == 0 && i < t.n; i++) {
		if (i > 0)
			str_addc(&all, '|');
		str_add(&all, t.tag[i].name, t.tag[i].name_len);
		str_addc(&all, '=');
		str_add(&all, t.tag[i].value, t.tag[i].len);
	}
	ck_assert_msg((rc == 0) == (lists[_i].tags != NULL) &&
			  (rc != 0 || strcmp(str_c(&all), lists[_i].tags) == 0),
	    "row %d \"%s\": %d \"%s\" %s", _i, text, rc, str_c(&all), err.msg);
	ck_assert_int_eq(err.msg[0] == '\0', rc == 0);
	str_fini(&all);
}
END_TEST

START_TEST(nul_is_no_value)
{
	struct dkim_tags t;

	ck_assert_int_eq(dkim_tags_parse(&t, "a=\0", 3, NULL), -1);
	ck_assert_int_eq(dkim_tags_parse(&t, NULL, 0, NULL), -1);
}
END_TEST

START_TEST(many)
{
	struct str text = { 0 };
	struct dkim_tags t;

	for (int i = 0; i < DKIM_TAGS_MAX; i++)
		str_addf(&text, "t%d=%d;", i, i);
	ck_assert_int_eq(dkim_tags_parse(&t, str_c(&text), text.len, NULL), 0);
	ck_assert_uint_eq(t.n, DKIM_TAGS_MAX);
	ck_assert(dkim_tag_is(dkim_tags_find(&t, "t63"), "63"));
	ck_assert_ptr_null(dkim_tags_find(&t, "t"));
	ck_assert(!dkim_tag_is(dkim_tags_find(&t, "t"), ""));
	str_adds(&text, "one=more");
	ck_assert_int_eq(dkim_tags_parse(&t, str_c(&text), text.len, NULL), -1);
	str_fini(&text);
}
END_TEST

static const struct {
	const char *value, *items;
} items[] = {
	{ "From", "From," },
	{ "From:To", "From,To," },
	{ " From\r\n :\n To : Cc ", "From,To,Cc," },
	{ "", "," },
	{ ":", ",," },
	{ "a::b", "a,,b," },
};

START_TEST(next)
{
	struct dkim_tag tag = { .value = items[_i].value,
		.len = strlen(items[_i].value) };
	struct str all = { 0 };
	const char *item;
	size_t at = 0, len;

	while (dkim_tag_next(&tag, &at, &item, &len)) {
		str_add(&all, item, len);
		str_addc(&all, ',');
	}
	ck_assert_str_eq(str_c(&all), items[_i].items);
	str_fini(&all);
}
END_TEST

static const struct {
	const char *value, *bytes;
} base64s[] = {
	{ "", "" },
	{ "Zm9vYg==", "foob" },
	{ "Z m9\n\tvY\r\n g==", "foob" },
	{ "Zm9vYg", "foob" },
	{ "Zm9v-", NULL },
	{ "Z", NULL },
	{ "Zm9vYh==", NULL },
};

START_TEST(base64)
{
	struct dkim_tag tag = { .value = base64s[_i].value,
		.len = strlen(base64s[_i].value) };
	struct str out = { 0 };
	int rc = dkim_tag_base64(&out, &tag, NULL);

	ck_assert_int_eq(rc, base64s[_i].bytes != NULL ? 0 : -1);
	ck_assert_str_eq(str_c(&out), rc == 0 ? base64s[_i].bytes : "");
	str_fini(&out);
}
END_TEST

static Suite *
suite(void)
{
	TCase *tc;
	Suite *s = unit_suite("dkim_tags", &tc);

	tcase_add_loop_test(tc, parse, 0, UNIT_N(lists));
	tcase_add_test(tc, nul_is_no_value);
	tcase_add_test(tc, many);
	tcase_add_loop_test(tc, next, 0, UNIT_N(items));
	tcase_add_loop_test(tc, base64, 0, UNIT_N(base64s));
	return s;
}
UNIT_MAIN(suite)
