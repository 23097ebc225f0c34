#include "dkim_signing.h"
#include "milter/dkim_settle.h"

#ifdef HAVE_OPENSSL

static const struct {
	const char *name, *raw, *settled;
	bool simple, sendmail;
} rows[] = {
	/* only what is signed, and only what would be another signature */
	{ "Cc", " a@b.de,c@d.de", NULL, true, true },
	{ "To", " a@b.de,c@d.de", " a@b.de, c@d.de", false, true },
	{ "To", " a@b.de,c@d.de", NULL, false, false },
	{ "To", " a@b.de,\n\tc@d.de", NULL, false, true },
	{ "to", " a@b.de,\n\tc@d.de", " a@b.de, c@d.de", true, true },
	{ "X-Any", " a@b.de,c@d.de", NULL, true, true },
};

START_TEST(lists)
{
	struct dkim_signer *s = signing_signer("From:To:X-Any", false);
	struct headers h = { 0 };
	const char *raw = rows[_i].raw;

	s->header = rows[_i].simple ? DKIM_SIMPLE : DKIM_RELAXED;
	headers_received(&h, rows[_i].name, raw);
	dkim_settle(&h, s, rows[_i].sendmail);
	if (rows[_i].settled == NULL) {
		ck_assert_str_eq(h.field[0].raw, raw);
		ck_assert(!h.field[0].changed);
	} else {
		ck_assert_str_eq(h.field[0].raw, rows[_i].settled);
		ck_assert(h.field[0].changed);
	}
	headers_fini(&h);
	dkim_signer_unref(s);
}
END_TEST

/* Words of that many bytes, so many of them, with this between and at the
 * ends. */
static const struct {
	int word, n;
	const char *between, *end;
	bool folds;
} lines[] = {
	{ 4, 195, " ", "", false }, /* 980 bytes with the name */
	{ 4, 196, " ", "", true },
	{ 4, 300, " \t ", "", true },
	{ 4, 300, " ", "     ", true },
	{ 100, 12, " ", "", true },
	{ 70, 40, "\n ", "", false },
	{ 4, 300, " ", "\n short line", true },
	{ 1200, 1, " ", "", false }, /* nothing helps */
	{ 1200, 2, " ", "", true },
};

START_TEST(long_lines)
{
	struct dkim_signer *s = signing_signer("From:X", false);
	struct headers h = { 0 };
	struct str raw = { 0 }, back = { 0 };
	size_t column = 2, longest = 0;
	const char *p;

	for (int i = 0; i < lines[_i].n; i++) {
		str_adds(&raw, i > 0 ? lines[_i].between : " ");
		for (int k = 0; k < lines[_i].word; k++)
			str_addc(&raw, 'x');
	}
	str_adds(&raw, lines[_i].end);
	headers_received(&h, "X", str_c(&raw));
	dkim_settle(&h, s, true);
	ck_assert_int_eq(
	    strcmp(h.field[0].raw, str_c(&raw)) != 0, lines[_i].folds);
	/* unfolded it is what it was, and no line is empty */
	for (p = h.field[0].raw; *p != '\0'; p++) {
		column = *p == '\n' ? 0 : column + 1;
		if (column > longest)
			longest = column;
		if (*p != '\n')
			str_addc(&back, *p);
		else
			ck_assert(p[1] == ' ' || p[1] == '\t');
		ck_assert(*p != '\n' || p[1 + strspn(p + 1, " \t")] != '\0');
	}
	str_clear(&raw);
	for (int i = 0; i < lines[_i].n; i++) {
		const char *between = lines[_i].between;

		str_adds(&raw, i > 0 ? between + (*between == '\n') : " ");
		for (int k = 0; k < lines[_i].word; k++)
			str_addc(&raw, 'x');
	}
	str_adds(&raw, lines[_i].end + (*lines[_i].end == '\n'));
	ck_assert_str_eq(str_c(&back), str_c(&raw));
	if (lines[_i].folds && lines[_i].word < 78)
		ck_assert_uint_le(longest, 78 + 5);
	str_fini(&raw);
	str_fini(&back);
	headers_fini(&h);
	dkim_signer_unref(s);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("dkim_settle", &t);

	tcase_add_loop_test(t, lists, 0, UNIT_N(rows));
	tcase_add_loop_test(t, long_lines, 0, UNIT_N(lines));
	return s;
}

#else

static Suite *
suite(void)
{
	return suite_create("dkim_settle");
}

#endif

UNIT_MAIN(suite)
