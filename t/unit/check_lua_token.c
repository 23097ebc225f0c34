#include "unit.h"

#include "milter/lua_token.h"
#include "milter/str.h"

#include <check.h>
#include <string.h>

/* Kinds: n(ame) 1(number) s(tring) o(perator). */
static const struct {
	const char *text, *tokens;
} texts[] = {
	{ "", "" },
	{ "local x = 1", "n:local n:x o:= 1:1" },
	{ "a.b:c(d)", "n:a o:. n:b o:: n:c o:( n:d o:)" },
	{ "a..b...", "n:a o:.. n:b o:..." },
	{ "a==b~=c<=d>=e", "n:a o:== n:b o:~= n:c o:<= n:d o:>= n:e" },
	{ "a//b<<c>>d::e", "n:a o:// n:b o:<< n:c o:>> n:d o::: n:e" },
	{ "a^^b^c\\d", "n:a o:^^ n:b o:^ n:c o:\\ n:d" },
	{ "a!=b&&c||~d", "n:a o:!= n:b o:&& n:c o:|| o:~ n:d" },
	{ "0x1p-4 0xep-1 1e+3 1e3 .5 5. 1..2", "1:0x1p-4 1:0xep-1 1:1e+3 "
					       "1:1e3 1:.5 1:5. 1:1..2" },
	{ "0x1e-1 3-2", "1:0x1e o:- 1:1 1:3 o:- 1:2" },
	{ "10ULL 1_x", "1:10ULL 1:1_x" },
	{ "'a\\'b' \"c'\"", "s:'a\\'b' s:\"c'\"" },
	{ "'open\nx", "s:'open n:x" },
	{ "'a\\z \n b'c", "s:'a\\z \n b' n:c" },
	{ "[[a]] [=[b]]]=] t[1]", "s:[[a]] s:[=[b]]]=] n:t o:[ 1:1 o:]" },
	{ "[=x", "o:[ o:= n:x" },
	{ "[[open", "s:[[open" },
	{ "a--[[b]]c--d\ne", "n:a n:c n:e" },
	{ "--[==[ ]] ]==]x", "n:x" },
	{ "--[[open", "" },
	{ "#!/bin/x\ny", "n:y" },
	{ "\xef\xbb\xbf#!/bin/x\ny", "n:y" },
	{ "x#y", "n:x o:# n:y" },
	{ "\xc3\xa9 a", "n:\xc3\xa9 n:a" },
	{ "@$", "o:@ o:$" },
};

START_TEST(texts_are_cut_into_tokens)
{
	static const char kinds[] = "?n1so";
	struct str out = { 0 };
	struct lua_reader r;
	struct lua_token t;

	lua_reader_init(&r, texts[_i].text, strlen(texts[_i].text));
	while ((t = lua_reader_next(&r)).kind != LUA_TOKEN_EOF) {
		str_addf(&out, "%s%c:", out.len != 0 ? " " : "", kinds[t.kind]);
		str_add(&out, t.text, t.len);
	}
	ck_assert_str_eq(str_c(&out), texts[_i].tokens);
	str_fini(&out);
}
END_TEST

START_TEST(text_in_quotes_is_no_word)
{
	struct lua_reader r;
	struct lua_token t;

	lua_reader_init(&r, "break 'x'", 9);
	t = lua_reader_next(&r);
	ck_assert(lua_token_is(&t, "break"));
	ck_assert(!lua_token_is(&t, "brea"));
	ck_assert(!lua_token_is(&t, "breaks"));
	t = lua_reader_next(&r);
	ck_assert(!lua_token_is(&t, "'x'"));
}
END_TEST

static const struct {
	const char *escape;
	bool bad;
} escapes[] = {
	{ "\\u{0}", false },
	{ "\\u{D7FF}", false },
	{ "\\u{d800}", true },
	{ "\\u{DFFF}", true },
	{ "\\u{E000}", false },
	{ "\\u{10FFFF}", false },
	{ "\\u{110000}", true },
	{ "\\u{7FFFFFFF}", true },
	{ "\\u{80000000}", false }, /* no Lua takes these */
	{ "\\u{FFFFFFFFFFFFFFFFFFFFFFFF}", false },
	{ "\\u{}", false },
	{ "\\u{x}", false },
	{ "\\u{110000", false },
	{ "\\\\u{110000}", false },
};

START_TEST(escapes_beyond_unicode_are_marked)
{
	struct str text = { 0 };
	struct lua_reader r;

	str_addf(&text, "'%s'", escapes[_i].escape);
	lua_reader_init(&r, text.data, text.len);
	ck_assert_msg(
	    lua_reader_next(&r).bad_escape == escapes[_i].bad, "%s", text.data);
	str_fini(&text);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("lua_token", &t);

	tcase_add_loop_test(t, texts_are_cut_into_tokens, 0, UNIT_N(texts));
	tcase_add_test(t, text_in_quotes_is_no_word);
	tcase_add_loop_test(
	    t, escapes_beyond_unicode_are_marked, 0, UNIT_N(escapes));
	return s;
}

UNIT_MAIN(suite)
