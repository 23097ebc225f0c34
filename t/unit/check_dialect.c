/*
 * The judge is LuaJIT itself: what is reported must be refused by it, and
 * what it compiles must not be reported.
 */
#include "unit.h"

#include "milter/dialect.h"
#include "milter/lua_token.h"
#include "milter/str.h"

#include <check.h>
#include <ftw.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static lua_State *L;

static void
open_state(void)
{
	L = luaL_newstate();
	ck_assert_ptr_nonnull(L);
	/* without, lua_close() crashes after many texts with "1i" or "1LL" */
	luaL_openlibs(L);
}

static void
close_state(void)
{
	lua_close(L);
}

static bool
compiles(const char *text, size_t len)
{
	bool ok = luaL_loadbuffer(L, text, len, "=test") == 0;

	lua_settop(L, 0);
	return ok;
}

/* "2 the operator //; 3 ..." */
static void
note(void *arg, int line, const char *what, const char *rewrite)
{
	struct str *notes = arg;

	ck_assert_ptr_nonnull(rewrite);
	str_addf(notes, "%s%d %s", notes->len != 0 ? "; " : "", line, what);
}

static const struct {
	const char *text, *found;
} reported[] = {
	{ "x = 7 // 2", "1 the operator //" },
	{ "x = a.b//c", "1 the operator //" },
	{ "x = 5//2--[[x]]", "1 the operator //" },
	{ "\n\nx = (1)\n//\n2", "4 the operator //" },
	{ "x = a & b", "1 the operator &" },
	{ "x = a | b", "1 the operator |" },
	{ "x = a ~ b", "1 the operator ~ between two values" },
	{ "x = 1 ~ b", "1 the operator ~ between two values" },
	{ "x = f() ~b", "1 the operator ~ between two values" },
	{ "x = t[1]~b", "1 the operator ~ between two values" },
	{ "x = 'a' ~ b", "1 the operator ~ between two values" },
	{ "x = nil ~ b", "1 the operator ~ between two values" },
	{ "x = ... ~ b", "1 the operator ~ between two values" },
	{ "x = ~b", "1 the operator ~ before a value" },
	{ "return ~b", "1 the operator ~ before a value" },
	{ "x = a and ~b", "1 the operator ~ before a value" },
	{ "f(~b, {~c})", "1 the operator ~ before a value; "
			 "1 the operator ~ before a value" },
	{ "x = a ~ ~b", "1 the operator ~ between two values; "
			"1 the operator ~ before a value" },
	{ "x = 1 << 2", "1 the operator <<" },
	{ "x = 1 >> 2", "1 the operator >>" },
	{ "x = (a // b) & 0xff", "1 the operator //; 1 the operator &" },
	{ "if a != b then end", "1 the operator !=, which is no Lua" },
	{ "if a && b then end", "1 the operator &&, which is no Lua" },
	{ "if a || b then end", "1 the operator ||, which is no Lua" },
	{ "local x <const> = 1", "1 the attribute <const>" },
	{ "local x<const>=1", "1 the attribute <const>" },
	{ "local x <close> = f()", "1 the attribute <close>" },
	{ "local a, x\n<const>, b, c <close> = 1",
	    "2 the attribute <const>; 2 the attribute <close>" },
	{ "while x do break y = 1 end", "1 break before the end of its block" },
	{ "while x do\n break;\n y = 1 end",
	    "2 break before the end of its block" },
	{ "while x do break ::a:: end", "1 break before the end of its block" },
	{ "while x do break local y end",
	    "1 break before the end of its block" },
	{ ";x = 1", "1 an empty statement (;)" },
	{ "x = 1;;", "1 an empty statement (;)" },
	{ "x = 1;\n;y = 2", "2 an empty statement (;)" },
	{ "do ; end", "1 an empty statement (;)" },
	{ "if x then ; else ; end",
	    "1 an empty statement (;); 1 an empty statement (;)" },
	{ "repeat ; until x", "1 an empty statement (;)" },
	{ "function f(a) ; end", "1 an empty statement (;)" },
	{ "while x do break;; end", "1 an empty statement (;)" },
	{ "f\n(x)", "2 a call whose ( begins a line" },
	{ "x = a.b\n(f)()", "2 a call whose ( begins a line" },
	{ "x = a:b\n(f)", "2 a call whose ( begins a line" },
	{ "f()\n(g or h)()", "2 a call whose ( begins a line" },
	{ "f{}\n(g)()", "2 a call whose ( begins a line" },
	{ "f[[\n]]\n(g)()", "3 a call whose ( begins a line" },
	{ "x = (a)\n(f)()", "2 a call whose ( begins a line" },
	{ "x = a[1] --[[\n]] (f)()", "2 a call whose ( begins a line" },
	{ "x = { a = f\n(x) }", "2 a call whose ( begins a line" },
	{ "x = { function() f\n(x) end }", "2 a call whose ( begins a line" },
	{ "x = '\\u{110000}'",
	    "1 \\u{...} above 10FFFF or between D800 and DFFF" },
	{ "x = \"\\u{D800}\"",
	    "1 \\u{...} above 10FFFF or between D800 and DFFF" },
};

START_TEST(reports_what_luajit_refuses)
{
	const char *text = reported[_i].text;
	struct str notes = { 0 };

	dialect_scan(text, strlen(text), note, &notes);
	ck_assert_msg(strcmp(str_c(&notes), reported[_i].found) == 0,
	    "%s: \"%s\", not \"%s\"", text, str_c(&notes), reported[_i].found);
	ck_assert_msg(!compiles(text, strlen(text)), "%s", text);
	str_fini(&notes);
}
END_TEST

/* LuaJIT compiles each of these. */
static const char *const silent[] = {
	"",
	"\n",
	"-- // & |",
	"#!/usr/bin/lua // &\nx = 1",
	"\xef\xbb\xbfx = 1",
	"\xef\xbb\xbf# // \nx = 1",
	/* text and comments */
	"x = '//' .. \"&|~<<>>!=\" .. [[ // ]] .. [==[ ]] // ]=] ]==]",
	"--[[ // ]] x = 1 --[==[ & ]] ]==] y = 2 -- | ~",
	"--[ // ]]\nx = 1",
	"--[=x // \nx = 1",
	"--[[\n//\n]] x = 1",
	"x = 'a\\'// \\\\' y = \"\\\"//\"",
	"x = 'a\\\n// b'",
	"x = 'a\\z  \n\n // b'",
	"x = '\\u{48}\\u{10FFFF}\\x41\\065'",
	"x = t[ [[//]] ]",
	"x = t[a[1]]",
	/* operators that look alike */
	"if a ~= b then end",
	"x = a~=b",
	"x = a < b, c > d",
	"x = a <= b >= c",
	"x = a<b and b>c",
	"x = a <const> b",
	"x = 1 - -1",
	"x = a--1\n",
	"x = a..b, a .. b, 1 ..2",
	"x = a/b/c",
	"x = #t",
	"x = a ^ b % c",
	/* numbers */
	"x = 0x1p4 + 0x.8 + 0x1.8p-1 + 1e-3 + 1E+3 + .5 + 5. + 0xA",
	"x = 0xffffffffffffffff",
	"x = 1e5/2",
	"x = 0xep1",
	/* locals */
	"local x, y = 1, 2",
	"local x local y",
	"local x y = 2",
	"local function f(a, ...) end",
	"local x; local y;",
	"local t = {} t.const, t.close = a < b, c > d",
	/* goto and labels */
	"goto a ::a:: x = 1",
	"do goto a; ::a:: end",
	"goto = 1 x = goto",
	"for i = 1, 2 do goto continue; local x = 1; ::continue:: end",
	"::a::; x = 1",
	"goto a\n(f)()\n::a::",
	"::a::\n(f)()",
	/* break where it may stand */
	"while x do break end",
	"while x do break; end",
	"while x do break -- c\n end",
	"repeat break until x",
	"while x do if y then break else z = 1 end end",
	"while x do if y then break elseif z then break; end end",
	"while x do do break end y = 1 end",
	"while x do if y then break end y = 1 end",
	"while x do f(function() return 1 end) break end",
	/* semicolons */
	"x = 1;",
	"x = 1; y = 2;",
	"return;",
	"do return; end",
	"t = { 1; 2; 3 }",
	"t = { 1; 2; }",
	"f(); g();",
	"local x; do end;",
	/* a ( on a new line that calls nothing, or that LuaJIT takes */
	"local x\n(f or g)()",
	"local a, b\n(f)()",
	"x = 1\n(f)()",
	"x = 'a'\n(f)()",
	"x = [[a]]\n(f)()",
	"x = {}\n(f)()",
	"x = function() end\n(f)()",
	"x = nil\n(f)()",
	"x = ...\n(f)()",
	"function f\n(a) end",
	"local f = function\n(a) end",
	"local function f\n(a) end",
	"function t.a:b\n(c) end",
	"return function(a)\n(f)() end",
	"do f() end\n(g)()",
	"f(\n(x))",
	"f(a\n)(b)",
	"f(a)[\n1](b)",
	"f(\n[[\n]])(x)",
	"x = a +\n(b)",
	"f\n{}",
	"f\n''",
	"f''''",
	"f[[\n]](x)",
	"f'\\\n'(x)",
	"if\n(x) then end",
	"while a and\n(b) do\n(f)() end",
	"repeat\n(f)() until\n(x)",
	"x = not\n(a)",
	"x = f, \n(a)",
	"t = { 1,\n(a) }",
	"t = { f\n(x) }",
	"t = { 1, f\n(x), g\n(x); h\n(x) }",
	"for i = 1,\n(n) do end",
	"f();\n(g or h)()",
	"goto\n(f)()",
	/* a name may be any bytes above 0x7f */
	"\xc3\xa9t\xc3\xa9 = 1",
	"x.\xff = 1",
};

START_TEST(says_nothing_of_valid_text)
{
	const char *text = silent[_i];
	struct str notes = { 0 };

	ck_assert_msg(compiles(text, strlen(text)), "%s", text);
	ck_assert_msg(dialect_scan(text, strlen(text), note, &notes) == 0,
	    "%s: \"%s\"", text, str_c(&notes));
	str_fini(&notes);
}
END_TEST

static const struct {
	const char *text;
	int line;
} ends[] = { { "a\nb", 2 }, { "a\r\nb", 2 }, { "a\n\rb", 2 }, { "a\rb", 2 },
	{ "a\n\nb", 3 }, { "a\r\r\nb", 3 }, { "a [[\r\n\n]] b", 3 },
	{ "a '\\\r\n' b", 2 }, { "--[[\n]]a\n", 2 } };

START_TEST(counts_lines_as_luajit_does)
{
	struct str text = { 0 };
	struct str notes = { 0 };
	char want[64];

	str_addf(&text, "x = %s // 2", ends[_i].text);
	dialect_scan(text.data, text.len, note, &notes);
	snprintf(want, sizeof want, "%d the operator //",
	    ends[_i].line + (strchr("\n", text.data[text.len - 6]) != NULL));
	ck_assert_str_eq(str_c(&notes), want);
	str_fini(&text);
	str_fini(&notes);
}
END_TEST

/* Sources in the tree that LuaJIT compiles, policies of the tests included. */
static const char *const folders[] = { "t/lua", "lua-bindings", "conf" };

static int
look_at(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	size_t n = strlen(path);
	struct str text = { 0 };
	char buf[4096];
	FILE *f;

	(void)st, (void)ftw;
	if (type != FTW_F || n < 4 || strcmp(path + n - 4, ".lua") != 0)
		return 0;
	f = fopen(path, "rb");
	ck_assert_ptr_nonnull(f);
	while ((n = fread(buf, 1, sizeof buf, f)) > 0)
		str_add(&text, buf, n);
	fclose(f);
	if (compiles(str_c(&text), text.len))
		ck_assert_msg(
		    dialect_scan(str_c(&text), text.len, NULL, NULL) == 0, "%s",
		    path);
	str_fini(&text);
	return 0;
}

START_TEST(says_nothing_of_our_files)
{
	ck_assert_msg(nftw(folders[_i], look_at, 16, FTW_PHYS) == 0,
	    "%s: run this from the top of the tree", folders[_i]);
}
END_TEST

static const char *const pieces[] = { "x", "f", "t", "goto", "local",
	"function", "end", "do", "if", "then", "else", "elseif", "while", "for",
	"in", "repeat", "until", "break", "return", "not", "and", "or", "nil",
	"true", "...", "1", "0x1", "'s'", "[[l]]", "f{}", "(", ")", "[", "]",
	"{", "}", "=", "==", "~=", "<", ">", "..", ".", ":", "::", ",", ";",
	";", "+", "-", "*", "/", "#", "\n", "\n", "\n", "-- c\n", "--[[\n]]",
	"()", "\n(", "end\n", "x = 1", "f()", "break end", "while x do",
	"if x then", "function()", "local x", "local a, b", "::l::", "goto l",
	"{ f", "//", "~", "<const>", "return function()" };

/* Where something is reported, LuaJIT refuses, whatever the text. */
START_TEST(a_report_means_refusal)
{
	struct str text = { 0 }, notes = { 0 };
	int valid = 0;

	srand((unsigned)_i);
	for (int round = 0; round < 40000; round++) {
		str_clear(&text);
		str_clear(&notes);
		for (int n = rand() % 12; n >= 0; n--) {
			str_adds(
			    &text, pieces[(size_t)rand() % UNIT_N(pieces)]);
			str_adds(&text, rand() % 4 != 0 ? " " : "");
		}
		if (!compiles(text.data, text.len))
			continue;
		valid++;
		dialect_scan(text.data, text.len, note, &notes);
		ck_assert_msg(
		    notes.len == 0, "%s: \"%s\"", text.data, str_c(&notes));
	}
	ck_assert_int_gt(valid, 100);
	str_fini(&text);
	str_fini(&notes);
}
END_TEST

/* A piece taken out of, or put into, a text that is valid. */
START_TEST(a_report_means_refusal_near_valid_text)
{
	struct str text = { 0 }, notes = { 0 };
	int valid = 0;

	srand((unsigned)_i);
	for (int round = 0; round < 40000; round++) {
		const char *from = silent[(size_t)rand() % UNIT_N(silent)];
		size_t len = strlen(from);
		size_t at = (size_t)rand() % (len + 1);
		size_t cut = at < len ? (size_t)rand() % 2 : 0;

		str_clear(&text);
		str_clear(&notes);
		str_add(&text, from, at);
		if (rand() % 2 == 0)
			str_adds(
			    &text, pieces[(size_t)rand() % UNIT_N(pieces)]);
		str_adds(&text, from + at + cut);
		if (!compiles(text.data, text.len))
			continue;
		valid++;
		dialect_scan(text.data, text.len, note, &notes);
		ck_assert_msg(
		    notes.len == 0, "%s: \"%s\"", text.data, str_c(&notes));
	}
	ck_assert_int_gt(valid, 1000);
	str_fini(&text);
	str_fini(&notes);
}
END_TEST

START_TEST(any_bytes_are_survived)
{
	static const char alphabet[] = "[=]-'\"\\uz{}()~<>/;\n\r \tax0.";
	char text[200];

	srand((unsigned)_i);
	for (int round = 0; round < 20000; round++) {
		size_t n = (size_t)rand() % sizeof text;
		struct lua_reader r;
		struct lua_token t;
		size_t tokens = 0;

		for (size_t i = 0; i < n; i++)
			text[i] =
			    rand() % 8 == 0
				? (char)rand()
				: alphabet[(size_t)rand() % sizeof alphabet];
		(void)dialect_scan(text, n, NULL, NULL);
		lua_reader_init(&r, text, n);
		do {
			t = lua_reader_next(&r);
			ck_assert_uint_le(tokens++, n);
		} while (t.kind != LUA_TOKEN_EOF);
	}
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("dialect", &t);

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, open_state, close_state);
	tcase_add_loop_test(
	    t, reports_what_luajit_refuses, 0, UNIT_N(reported));
	tcase_add_loop_test(t, says_nothing_of_valid_text, 0, UNIT_N(silent));
	tcase_add_loop_test(t, counts_lines_as_luajit_does, 0, UNIT_N(ends));
	tcase_add_loop_test(t, says_nothing_of_our_files, 0, UNIT_N(folders));
	tcase_add_loop_test(t, a_report_means_refusal, 1, 6);
	tcase_add_loop_test(t, a_report_means_refusal_near_valid_text, 1, 6);
	tcase_add_loop_test(t, any_bytes_are_survived, 1, 6);
	return s;
}

UNIT_MAIN(suite)
