#include "milter/dkim_canon.h"
#include "unit.h"

#include <string.h>

/* ---- headers ------------------------------------------------------------ */

static const struct {
	const char *name, *raw, *simple, *relaxed;
} headers[] = {
	/* the example of RFC 6376, 3.4.5 */
	{ "A", " X", "A: X\r\n", "a:X\r\n" },
	{ "B ", " Y\t\n\tZ  ", "B : Y\t\r\n\tZ  \r\n", "b:Y Z\r\n" },
	{ "A", "", "A:\r\n", "a:\r\n" },
	{ "A", " \t ", "A: \t \r\n", "a:\r\n" },
	{ "A", "x", "A:x\r\n", "a:x\r\n" },
	{ "SUBJect", " AbC", "SUBJect: AbC\r\n", "subject:AbC\r\n" },
	{ "A", "\n x", "A:\r\n x\r\n", "a:x\r\n" },
	{ "A", " x\n \n y", "A: x\r\n \r\n y\r\n", "a:x y\r\n" },
	{ "A", " x\r\n\ty", "A: x\r\n\ty\r\n", "a:x y\r\n" },
	{ "A", " x\ry", "A: x\ry\r\n", "a:x\ry\r\n" },
	{ "A", " gr\xc3\xbc\xdf  e", "A: gr\xc3\xbc\xdf  e\r\n",
	    "a:gr\xc3\xbc\xdf e\r\n" },
	{ "A", " x:y : z", "A: x:y : z\r\n", "a:x:y : z\r\n" },
	{ "A", " x\vy \f", "A: x\vy \f\r\n", "a:x\vy \f\r\n" },
};

START_TEST(header)
{
	struct headers h = { 0 };
	struct str simple = { 0 }, relaxed = { 0 };

	headers_received(&h, headers[_i].name, headers[_i].raw);
	dkim_canon_header(&simple, DKIM_SIMPLE, h.field);
	dkim_canon_header(&relaxed, DKIM_RELAXED, h.field);
	ck_assert_str_eq(str_c(&simple), headers[_i].simple);
	ck_assert_str_eq(str_c(&relaxed), headers[_i].relaxed);
	str_fini(&simple);
	str_fini(&relaxed);
	headers_fini(&h);
}
END_TEST

/* What stands behind it is not looked at. */
START_TEST(appends)
{
	struct str out = { 0 };

	dkim_canon_field(&out, DKIM_RELAXED, "A", " b", 2);
	dkim_canon_field(&out, DKIM_RELAXED, "C", " d e ", 3);
	dkim_canon_field(&out, DKIM_SIMPLE, "E", " f\r\n g", 3);
	ck_assert_str_eq(str_c(&out), "a:bc:dE: f\r");
	str_fini(&out);
}
END_TEST

/* ---- bodies ------------------------------------------------------------- */

static const struct {
	const char *body, *simple, *relaxed;
} bodies[] = {
	/* the example of RFC 6376, 3.4.5 */
	{ " C \r\nD \t E\r\n\r\n\r\n", " C \r\nD \t E\r\n", " C\r\nD E\r\n" },
	/* nothing, and what is nothing */
	{ "", "\r\n", "" },
	{ "\r\n", "\r\n", "" },
	{ "\r\n\r\n\r\n", "\r\n", "" },
	{ " \r\n", " \r\n", "" },
	{ " \t", " \t\r\n", "" },
	{ "\r\n \r\n\t\r\n", "\r\n \r\n\t\r\n", "" },
	/* the last line's end */
	{ "a", "a\r\n", "a\r\n" },
	{ "a\r\n", "a\r\n", "a\r\n" },
	{ "a \t", "a \t\r\n", "a\r\n" },
	{ "a\r\n\r\n\r\n\r\n", "a\r\n", "a\r\n" },
	{ "a\r\n \r\n", "a\r\n \r\n", "a\r\n" },
	/* lines between */
	{ "\r\n\r\na", "\r\n\r\na\r\n", "\r\n\r\na\r\n" },
	{ "a\r\n \r\n\r\nb", "a\r\n \r\n\r\nb\r\n", "a\r\n\r\n\r\nb\r\n" },
	{ "  a\t\tb  \r\n\tc\r\n", "  a\t\tb  \r\n\tc\r\n", " a b\r\n c\r\n" },
	/* CR and LF alone are bytes */
	{ "a\nb\n", "a\nb\n\r\n", "a\nb\n\r\n" },
	{ "a\rb", "a\rb\r\n", "a\rb\r\n" },
	{ "a\r", "a\r\r\n", "a\r\r\n" },
	{ "\r", "\r\r\n", "\r\r\n" },
	{ "\n", "\n\r\n", "\n\r\n" },
	{ "a\r\r\nb", "a\r\r\nb\r\n", "a\r\r\nb\r\n" },
	{ "a \r b\r\n", "a \r b\r\n", "a \r b\r\n" },
	{ "a \r\r\n\r\n", "a \r\r\n", "a \r\r\n" },
	{ "a\n\r\n \n\r\n", "a\n\r\n \n\r\n", "a\n\r\n \n\r\n" },
	{ "\xff\xfe \xc3", "\xff\xfe \xc3\r\n", "\xff\xfe \xc3\r\n" },
	/* more empty lines than are written at a time */
	{ "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n"
	  "\r\n\r\n\r\na",
	    "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n"
	    "\r\n\r\n\r\na\r\n",
	    "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n"
	    "\r\n\r\n\r\na\r\n" },
};

static void
take(void *arg, const void *data, size_t len)
{
	str_add(arg, data, len);
}

/* In pieces of this size, the first of another one. */
static void
check_body(const char *body, enum dkim_canon canon, size_t first, size_t size,
    const char *expected)
{
	struct dkim_canon_body b;
	struct str out = { 0 };
	size_t len = strlen(body), n = first;

	dkim_canon_body_init(&b, canon, take, &out);
	for (size_t at = 0; at < len; at += n, n = size) {
		if (n > len - at)
			n = len - at;
		dkim_canon_body_add(&b, body + at, n);
		if (n == 0)
			n = size;
	}
	dkim_canon_body_end(&b);
	ck_assert_str_eq(str_c(&out), expected);
	ck_assert_uint_eq(b.size, strlen(expected));
	str_fini(&out);
}

START_TEST(body)
{
	const char *text = bodies[_i].body;

	check_body(text, DKIM_SIMPLE, 1, 1, bodies[_i].simple);
	check_body(text, DKIM_RELAXED, 1, 1, bodies[_i].relaxed);
	for (size_t at = 1; at <= strlen(text); at++) {
		check_body(text, DKIM_SIMPLE, at, 1000, bodies[_i].simple);
		check_body(text, DKIM_RELAXED, at, 1000, bodies[_i].relaxed);
	}
}
END_TEST

/* Five thousand empty lines take no memory, and are all there. */
START_TEST(empty_lines)
{
	struct dkim_canon_body b;
	struct str out = { 0 };

	dkim_canon_body_init(&b, DKIM_RELAXED, take, &out);
	for (int i = 0; i < 5000; i++)
		dkim_canon_body_add(&b, " \r\n", 3);
	ck_assert_uint_eq(out.len, 0);
	dkim_canon_body_add(&b, "a", 1);
	ck_assert_uint_eq(out.len, 10001);
	dkim_canon_body_end(&b);
	ck_assert_uint_eq(b.size, 10003);
	str_fini(&out);
}
END_TEST

static Suite *
suite(void)
{
	TCase *tc;
	Suite *s = unit_suite("dkim_canon", &tc);

	tcase_add_loop_test(tc, header, 0, UNIT_N(headers));
	tcase_add_test(tc, appends);
	tcase_add_loop_test(tc, body, 0, UNIT_N(bodies));
	tcase_add_test(tc, empty_lines);
	return s;
}
UNIT_MAIN(suite)
