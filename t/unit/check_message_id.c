#include "milter/message_id.h"
#include "milter/str.h"
#include "unit.h"

#include <string.h>

static const struct {
	const char *text, *expected; /* ids, each with '|' behind it */
} rows[] = {
	{ "", "" },
	{ "<a@b>", "a@b|" },
	{ " \r\n\t<a@b>\r\n <c@d>(comment)<e>", "a@b|c@d|e|" },
	{ "Your message of Monday <a@b>, thanks", "a@b|" },
	{ "a@b", "" },
	{ "<>", "" },
	{ "<a@b", "" },
	{ "<a b><c@d>", "c@d|" },
	{ "<a\r\n b@c>", "" },
	{ "<a<b@c>", "b@c|" },
	{ "<<<<<", "" },
	{ "<\xc3\xbc@b>", "\xc3\xbc@b|" },
	{ "<a\x7f>", "" },
};

START_TEST(row)
{
	const char *p = rows[_i].text, *end = p + strlen(p), *id;
	struct str out = { 0 };
	size_t len;

	while ((id = message_id_next(&p, end, &len)) != NULL) {
		ck_assert(message_id_is(id, len));
		str_add(&out, id, len);
		str_addc(&out, '|');
	}
	ck_assert_ptr_eq(p, end);
	ck_assert_str_eq(str_c(&out), rows[_i].expected);
	str_fini(&out);
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("message_id", &tcase);

	tcase_add_loop_test(tcase, row, 0, UNIT_N(rows));
	return s;
}

UNIT_MAIN(suite)
