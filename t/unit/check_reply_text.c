#include "unit.h"

#include "milter/reply.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define PF MTA_POSTFIX
#define SM MTA_SENDMAIL
#define BOTH 2 /* the same on both */

static const struct reply_rules rules_of[] = {
	[PF] = { .mta = PF },
	[SM] = { .mta = SM },
};

static void
join_lines(struct str *out, const struct reply *r)
{
	for (int i = 0; i < r->nlines; i++)
		str_addf(out, "%s%s", i == 0 ? "" : "|", r->line[i]);
}

/* ---- texts --------------------------------------------------------------- */

#define TEXT(s) s, sizeof(s) - 1
#define CTL REPLY_NOTE_CONTROL
#define RAW REPLY_NOTE_NOT_UTF8
#define CHR REPLY_NOTE_NOT_ASCII
#define OWN REPLY_NOTE_NO_TEXT
#define CLS REPLY_NOTE_CLASS
#define ADD REPLY_NOTE_XCODE_ADDED

/* '|' stands between the lines expected */
static const struct {
	int mta, code;
	const char *text;
	size_t len;
	const char *xcode, *lines;
	unsigned notes;
} texts[] = {
	{ BOTH, 421, TEXT("mta.example.com go away!"), "",
	    "mta.example.com go away!", 0 },
	{ BOTH, 550, TEXT("5.7.1 no thank you"), "5.7.1", "no thank you", 0 },
	{ BOTH, 599, TEXT("5.999.999 x"), "5.999.999", "x", 0 },
	{ BOTH, 499, TEXT("4.0.0 x"), "4.0.0", "x", 0 },
	{ BOTH, 550, TEXT("5.7.1  two spaces"), "5.7.1", " two spaces", 0 },
	{ BOTH, 550, TEXT("5.7.1\ttab"), "5.7.1", "tab", 0 },
	{ BOTH, 550, TEXT(" 5.7.1 indented"), "", " 5.7.1 indented", 0 },

	/* classes */
	{ BOTH, 421, TEXT("5.7.1 x"), "4.7.1", "x", CLS },
	{ BOTH, 550, TEXT("4.7.1 x"), "5.7.1", "x", CLS },
	{ BOTH, 451, TEXT("2.0.0 x"), "4.0.0", "x", CLS },
	{ BOTH, 451, TEXT("2.0.0"), "4.0.0", "try again later", OWN | CLS },

	/* not an enhanced code: said as it is, behind one of ours */
	{ BOTH, 451, TEXT("3.7.1 x"), "4.0.0", "3.7.1 x", ADD },
	{ BOTH, 451, TEXT("4.7 x"), "4.0.0", "4.7 x", ADD },
	{ BOTH, 451, TEXT("4.7.1.1 x"), "4.0.0", "4.7.1.1 x", ADD },
	{ BOTH, 451, TEXT("4.1234.1 x"), "4.0.0", "4.1234.1 x", ADD },
	{ BOTH, 451, TEXT("4.1.1234 x"), "4.0.0", "4.1.1234 x", ADD },
	{ BOTH, 451, TEXT("4..1 x"), "4.0.0", "4..1 x", ADD },
	{ BOTH, 451, TEXT("4.7.1x"), "4.0.0", "4.7.1x", ADD },
	{ BOTH, 451, TEXT("44.7.1 x"), "4.0.0", "44.7.1 x", ADD },
	{ BOTH, 451, TEXT("4."), "4.0.0", "4.", ADD },
	{ BOTH, 451, TEXT("4"), "4.0.0", "4", ADD },
	{ BOTH, 451, TEXT("5 things"), "4.0.0", "5 things", ADD },
	{ BOTH, 550, TEXT("421 x"), "5.0.0", "421 x", ADD },
	{ BOTH, 550, TEXT("192.0.2.1 is listed"), "5.0.0",
	    "192.0.2.1 is listed", ADD },

	/* nothing to read */
	{ BOTH, 421, TEXT(""), "", "closing connection, try again later", OWN },
	{ BOTH, 450, TEXT(""), "", "try again later", OWN },
	{ BOTH, 550, TEXT(""), "", "refused by policy", OWN },
	{ BOTH, 550, TEXT(" \r\n\t\0\n"), "", "refused by policy", OWN },
	{ BOTH, 550, TEXT("5.7.1"), "5.7.1", "refused by policy", OWN },
	{ BOTH, 550, TEXT("5.7.1 "), "5.7.1", "refused by policy", OWN },
	{ BOTH, 550, TEXT("5.7.1  \n\n"), "5.7.1", "refused by policy", OWN },

	/* lines */
	{ BOTH, 550, TEXT("one\n"), "", "one", 0 },
	{ BOTH, 550, TEXT("one\r\n"), "", "one", 0 },
	{ BOTH, 550, TEXT("\n\n  \none\n \n"), "", "one", 0 },
	{ BOTH, 550, TEXT("one\ntwo"), "5.0.0", "one|two", ADD },
	{ BOTH, 450, TEXT("one\r\ntwo\r\n"), "4.0.0", "one|two", ADD },
	{ BOTH, 550, TEXT("one\n\ntwo"), "5.0.0", "one||two", ADD },
	{ BOTH, 550, TEXT("5.7.1 one\ntwo"), "5.7.1", "one|two", 0 },
	{ BOTH, 550, TEXT("5.7.1\ntwo"), "5.7.1", "|two", 0 },
	{ BOTH, 550, TEXT("5.7.1 one\n5.7.1 two\n5.7.1"), "5.7.1", "one|two|",
	    0 },
	{ BOTH, 450, TEXT("5.7.1 one\n5.7.1 two"), "4.7.1", "one|two", CLS },
	{ BOTH, 550, TEXT("5.7.1 one\n4.7.1 two"), "5.7.1", "one|4.7.1 two",
	    0 },
	{ BOTH, 550, TEXT("5.7.1 one\n5.7.10 two"), "5.7.1", "one|5.7.10 two",
	    0 },
	{ BOTH, 550, TEXT("one\n5.7.1 two"), "5.0.0", "one|5.7.1 two", ADD },
	{ BOTH, 550, TEXT("one\n250 two"), "5.0.0", "one|250 two", ADD },
	{ BOTH, 550, TEXT("5.7.1 one\n250 ok"), "5.7.1", "one|250 ok", 0 },

	/* bytes */
	{ BOTH, 550, TEXT("a\rb"), "", "a b", CTL },
	{ BOTH, 550, TEXT("a\r"), "", "a ", CTL },
	{ BOTH, 550, TEXT("a\r\r\nb"), "5.0.0", "a |b", CTL | ADD },
	{ BOTH, 550, TEXT("a\n\rb"), "5.0.0", "a| b", CTL | ADD },
	{ BOTH, 550, TEXT("a\0b"), "", "a b", CTL },
	{ BOTH, 550, TEXT("5.7.1\0b"), "5.7.1", "b", 0 },
	{ BOTH, 550, TEXT("a\tb\ac\033[0md\177"), "", "a b c [0md ", CTL },
	{ BOTH, 550, TEXT("a\xc2\x85z"), "", "a z", CTL },
	{ BOTH, 550, TEXT("\xff\xfe"), "", "??", RAW },
	{ BOTH, 550, TEXT("a\xc3"), "", "a?", RAW },
	{ BOTH, 550, TEXT("a\xc3\nb"), "5.0.0", "a?|b", RAW | ADD },
	{ BOTH, 550, TEXT("\xc0\xaf"), "", "??", RAW },      /* overlong */
	{ BOTH, 550, TEXT("\xe0\x80\xaf"), "", "???", RAW }, /* overlong */
	{ BOTH, 550, TEXT("\xed\xa0\x80"), "", "???", RAW }, /* surrogate */
	{ BOTH, 550, TEXT("\xf4\x90\x80\x80"), "", "????", RAW }, /* > 10ffff */
	{ PF, 550, TEXT("h\xc3\xa9llo"), "", "h\xc3\xa9llo", 0 },
	{ SM, 550, TEXT("h\xc3\xa9llo"), "", "h?llo", CHR },
	{ PF, 550, TEXT("\xe2\x82\xac \xf0\x9f\x9a\xab"), "",
	    "\xe2\x82\xac \xf0\x9f\x9a\xab", 0 },
	{ SM, 550, TEXT("\xe2\x82\xac \xf0\x9f\x9a\xab"), "", "? ?", CHR },

	/* '%' */
	{ BOTH, 451, TEXT("100% x"), "4.0.0", "100%% x", ADD },
	{ BOTH, 451, TEXT("%s%n"), "", "%%s%%n", 0 },
	{ BOTH, 451, TEXT("%%"), "", "%%%%", 0 },
	{ BOTH, 451, TEXT("a\n%"), "4.0.0", "a|%%", ADD },
};

static void
check_text(int i, enum mta mta)
{
	struct verdict v = { 0 };
	struct reply r;
	struct str lines = { 0 };
	char code[8];

	verdict_refuse(
	    &v, texts[i].code, DISCONNECT_IF421, texts[i].text, texts[i].len);
	reply_for(&r, &v, PHASE_MAIL, &rules_of[mta]);
	join_lines(&lines, &r);
	snprintf(code, sizeof code, "%d", texts[i].code);
	ck_assert_msg(strcmp(r.code, code) == 0 &&
			  strcmp(r.xcode, texts[i].xcode) == 0 &&
			  strcmp(str_c(&lines), texts[i].lines) == 0,
	    "row %d, %s: \"%s\" gave %s \"%s\" \"%s\"", i, mta_name(mta),
	    texts[i].text, r.code, r.xcode, str_c(&lines));
	ck_assert_msg(r.notes == texts[i].notes,
	    "row %d, %s: \"%s\" gave notes %#x", i, mta_name(mta),
	    texts[i].text, r.notes);
	ck_assert_msg(
	    r.action == (code[0] == '4' ? REPLY_TEMPFAIL : REPLY_REJECT),
	    "row %d: action %d", i, r.action);
	str_fini(&lines);
	reply_fini(&r);
	verdict_clear(&v);
}

START_TEST(text_is_made_safe)
{
	for (int mta = PF; mta <= SM; mta++)
		if (texts[_i].mta == BOTH || texts[_i].mta == mta)
			check_text(_i, (enum mta)mta);
}
END_TEST

/* ---- bounds -------------------------------------------------------------- */

/* unit repeated n times in each of m lines */
static const struct {
	enum mta mta;
	const char *unit;
	int n, m;
	int lines;
	size_t first, last; /* bytes of the first and the last line */
	unsigned notes;
} bounds[] = {
	{ PF, "x", 900, 1, 1, 900, 900, 0 },
	{ PF, "x", 901, 1, 1, 900, 900, REPLY_NOTE_LINE_CUT },
	{ PF, "x", 2048, 1, 1, 900, 900, REPLY_NOTE_LINE_CUT },
	{ PF, "%", 450, 1, 1, 900, 900, 0 },
	{ PF, "%", 451, 1, 1, 900, 900, REPLY_NOTE_LINE_CUT },
	{ PF, "x%", 301, 1, 1, 900, 900, REPLY_NOTE_LINE_CUT },
	{ PF, "\xc3\xa9", 451, 1, 1, 900, 900, REPLY_NOTE_LINE_CUT },
	{ PF, "x\xc3\xa9", 301, 1, 1, 900, 900, REPLY_NOTE_LINE_CUT },
	{ PF, "x\xf0\x9f\x9a\xab", 181, 1, 1, 900, 900, REPLY_NOTE_LINE_CUT },
	{ PF, "xx\xf0\x9f\x9a\xab%", 113, 1, 1, 898, 898, REPLY_NOTE_LINE_CUT },
	{ SM, "\xc3\xa9", 901, 1, 1, 900, 900,
	    REPLY_NOTE_LINE_CUT | REPLY_NOTE_NOT_ASCII },
	{ PF, "x", 1, 32, 32, 1, 1, REPLY_NOTE_XCODE_ADDED },
	{ PF, "x", 1, 33, 32, 1, 1,
	    REPLY_NOTE_LINES_CUT | REPLY_NOTE_XCODE_ADDED },
	{ PF, "x", 1, 40, 32, 1, 1,
	    REPLY_NOTE_LINES_CUT | REPLY_NOTE_XCODE_ADDED },
	/* 16000 bytes as the MTA holds them: 17 lines of 916 */
	{ SM, "x", 900, 17, 17, 900, 900, REPLY_NOTE_XCODE_ADDED },
	{ SM, "x", 900, 18, 17, 900, 900,
	    REPLY_NOTE_LINES_CUT | REPLY_NOTE_XCODE_ADDED },
	{ SM, "x", 2000, 40, 17, 900, 900,
	    REPLY_NOTE_LINES_CUT | REPLY_NOTE_LINE_CUT |
		REPLY_NOTE_XCODE_ADDED },
	{ SM, "x", 483, 32, 32, 483, 483, REPLY_NOTE_XCODE_ADDED },
	{ SM, "x", 484, 32, 31, 484, 484,
	    REPLY_NOTE_LINES_CUT | REPLY_NOTE_XCODE_ADDED },
};

START_TEST(text_is_bounded)
{
	struct str text = { 0 };
	struct verdict v = { 0 };
	struct reply r;

	for (int m = 0; m < bounds[_i].m; m++) {
		for (int n = 0; n < bounds[_i].n; n++)
			str_adds(&text, bounds[_i].unit);
		str_addc(&text, '\n');
	}
	verdict_refuse(&v, 550, DISCONNECT_IF421, text.data, text.len);
	reply_for(&r, &v, PHASE_EOM, &rules_of[bounds[_i].mta]);
	ck_assert_msg(r.nlines == bounds[_i].lines &&
			  strlen(r.line[0]) == bounds[_i].first &&
			  strlen(r.line[r.nlines - 1]) == bounds[_i].last &&
			  r.notes == bounds[_i].notes,
	    "row %d, \"%s\" x %d x %d: %d lines of %zu..%zu bytes, notes %#x",
	    _i, bounds[_i].unit, bounds[_i].n, bounds[_i].m, r.nlines,
	    strlen(r.line[0]), strlen(r.line[r.nlines - 1]), r.notes);
	reply_fini(&r);
	verdict_clear(&v);
	str_fini(&text);
}
END_TEST

/* ---- any bytes ----------------------------------------------------------- */

/* Pieces that have once broken somebody's reply. */
static const struct {
	const char *p;
	size_t n;
} pieces[] = {
	{ TEXT("\n") },
	{ TEXT("\r\n") },
	{ TEXT("\r") },
	{ TEXT("%") },
	{ TEXT("\0") },
	{ TEXT("\xff") },
	{ TEXT("\xc3\xa9") },
	{ TEXT("\xe2\x82") },
	{ TEXT("5.7.1 ") },
	{ TEXT("4.7.1") },
	{ TEXT("250 ok") },
	{ TEXT("421-") },
	{ TEXT(" ") },
	{ TEXT("\t") },
	{ TEXT("word ") },
	{ TEXT("\xc2\x85") },
	{ TEXT("\xf0\x9f\x9a\xab") },
	{ TEXT("0123456789012345678901234567890123456789") },
};

static uint32_t
next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static bool
line_is_safe(const char *line, enum mta mta)
{
	struct str shown = { 0 };
	bool safe = strlen(line) <= REPLY_LINE_MAX;

	for (const char *p = line; *p != '\0'; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			safe = false;
		if ((unsigned char)*p >= 0x80 && mta == MTA_SENDMAIL)
			safe = false;
		if (*p == '%' && *++p != '%')
			return false;
	}
	/* unchanged by this: neither a control nor a byte that is not UTF-8 */
	str_add_printable(&shown, line, strlen(line));
	safe = safe && strcmp(str_c(&shown), line) == 0;
	str_fini(&shown);
	return safe;
}

static bool
reply_is_safe(const struct reply *r, enum mta mta)
{
	size_t total = 0;

	if (r->nlines < 1 || r->nlines > REPLY_LINES)
		return false;
	if (r->xcode[0] != '\0' && r->xcode[0] != r->code[0])
		return false;
	if (r->xcode[0] == '\0' &&
	    (r->nlines != 1 || (*r->line[0] >= '0' && *r->line[0] <= '9')))
		return false;
	for (int i = 0; i < r->nlines; i++) {
		total += strlen(r->line[i]) + strlen("550-5.999.999 \r\n");
		if (!line_is_safe(r->line[i], mta))
			return false;
	}
	return total < REPLY_TEXT_MAX;
}

START_TEST(no_bytes_make_a_reply_unsafe)
{
	uint32_t seed = (uint32_t)_i;
	struct str text = { 0 };
	struct verdict v = { 0 };
	struct reply r;
	unsigned n = next_random(&seed) % 3000;

	for (unsigned i = 0; i < n; i++) {
		unsigned k = next_random(&seed) % UNIT_N(pieces);

		str_add(&text, pieces[k].p, pieces[k].n);
		if (_i % 2 != 0)
			str_addc(&text, (char)next_random(&seed));
	}
	verdict_refuse(&v, _i % 3 == 0 ? 451 : 550, DISCONNECT_FORCE,
	    str_c(&text), text.len);
	for (int mta = PF; mta <= SM; mta++) {
		reply_for(&r, &v, PHASE_RCPT, &rules_of[mta]);
		ck_assert_msg(reply_is_safe(&r, (enum mta)mta),
		    "seed %d, %s: \"%s\"", _i, mta_name((enum mta)mta),
		    r.line[0]);
		reply_fini(&r);
	}
	verdict_clear(&v);
	str_fini(&text);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("reply_text", &t);

	tcase_add_loop_test(t, text_is_made_safe, 0, UNIT_N(texts));
	tcase_add_loop_test(t, text_is_bounded, 0, UNIT_N(bounds));
	tcase_add_loop_test(t, no_bytes_make_a_reply_unsafe, 0, 400);
	return s;
}

UNIT_MAIN(suite)
