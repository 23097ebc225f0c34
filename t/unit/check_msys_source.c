/*
 * What is changed and what is not, byte for byte, and what the result does in
 * LuaJIT with the operators of lua-bindings/msys/operator.lua.
 */
#include "unit.h"

#include "lua-bindings/embed.h"
#include "lua-bindings/lb_open.h"
#include "milter/msys_source.h"
#include "milter/str.h"

#include <check.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <string.h>

static lua_State *L;

static void
open_operators(void)
{
	const struct embed *e = embed_find("msys/operator.lua");

	ck_assert_ptr_nonnull(e);
	ck_assert_int_eq(luaL_loadbuffer(L, e->data, e->len, e->name), 0);
	lua_newtable(L); /* msys */
	lua_newtable(L); /* native */
	lb_msys_operator_open(L);
	lua_newtable(L); /* host */
	ck_assert_int_eq(lua_pcall(L, 3, 0, 0), 0);
}

static void
open_state(void)
{
	L = luaL_newstate();
	ck_assert_ptr_nonnull(L);
	luaL_openlibs(L);
	open_operators();
	ck_assert_int_eq(lua_gettop(L), 0);
}

static void
close_state(void)
{
	lua_close(L);
}

/* The text as LuaJIT is to get it. */
static void
filter(struct str *out, const char *text, size_t len)
{
	if (!msys_source(text, len, out)) {
		ck_assert_uint_eq(out->len, 0);
		str_add(out, text, len);
	}
}

/* ---- not touched -------------------------------------------------------- */

static const char *const untouched[] = {
	"",
	"\n",
	"#!/usr/bin/lua & | ! 0644\n",
	"#!/bin/x\nreturn 1",
	"\xef\xbb\xbfreturn 1",
	"-- a != b & c | ~d \\ 0644 \"\\@\"\nx = 1",
	"--[[ a != b\n & c ]] x = 1 --[==[ ]] !a ]==]",
	"x = 'a != b & c | 0644'",
	"x = [[ \\@ & != 0644 ]] y = [==[ ]] \\- ]==]",
	"x = '\\a\\b\\f\\n\\r\\t\\v\\\\\\'\\\"\\0\\27\\255\\x4a'",
	"x = 'a\\\nb' y = 'a\\\r\nb'",
	"x = 'a\\z  \n  b'",
	"x = '\\u{e9}'",
	"x = '\\u00e' y = '\\u00e9a' z = '\\u123456a' w = '\\u80000000'",
	"x = 0 y = 0.5 z = 0x10 a = 10 b = 1e05 c = 00.5 d = 0e1 e = 0x010",
	"x = 09 y = 0778 z = 01x",
	"x = a ~= b y = not a",
	"for k, v in pairs(t) do f(k, v) end",
	"for k, v in next, t do f(k, v) end",
	"for l in io.lines 'x' do f(l) end",
	"for l in string.gmatch(x, 'y') do f(l) end",
	"for l in t.f{} do f(l) end",
	"for i = 1, 2 do f(i) end",
	"function f(...) return ... end print(arg)",
	"function f(arg) return arg end function g(...) return (...) end",
	"return a.b.c:d(1, 2)(3)[4], 2 ^ 3 ^ 4, a .. b .. c",
	"goto x; ::x::",
	"\033LJ\2 & !",
	/* not Momentum's: LuaJIT complains */
	"x = a // b",
	"x = a && b",
	"x = a || b",
	"x = a ~ b",
	"x = a &",
	"x = & a",
	"x = a <<= b",
	"& = 1",
};

START_TEST(other_text_stays_as_it_is)
{
	const char *text = untouched[_i];
	struct str out = { 0 };

	ck_assert_msg(!msys_source(text, strlen(text), &out),
	    "\"%s\" became \"%s\"", text, str_c(&out));
	ck_assert_uint_eq(out.len, 0);
}
END_TEST

/* ---- byte for byte ------------------------------------------------------ */

#define LOCAL "local __msys_op=__msys_op; "

static const struct {
	const char *text, *became;
} changed[] = {
	{ "if a != b then end", "if a ~= b then end" },
	{ "if a!=b then end", "if a~=b then end" },
	{ "if !a then end", "if  not a then end" },
	{ "x = a!", "x = a not " },
	{ "x = '\\@'", "x = '@'" },
	{ "x = '%\\-\\.\\%'", "x = '%-.%'" },
	{ "x = \"\\@a\\\\@b\\\"\\@\"", "x = \"@a\\\\@b\\\"@\"" },
	{ "x = '\\z'", "x = 'z'" },
	{ "x = '\\z  a'", "x = 'z  a'" },
	{ "x = '\\@", "x = '@" },
	{ "x = '\\", "x = '\\" },
	{ "x = '\\u00a3'", "x = '\\194\\163'" },
	{ "x = '\\u0041' y = '\\u00411'", "x = '\\065' y = '\\u00411'" },
	{ "x = '\\u0020ac!'", "x = '\\226\\130\\172!'" },
	{ "x = '\\u70008000'", "x = '\\253\\176\\128\\136\\128\\128'" },
	{ "x = '\\u0001F6001'", "x = '\\240\\159\\152\\1281'" },
	{ "x = 0644", "x = 420" },
	{ "x = -010", "x = -8" },
	{ "x = 00", "x = 0" },
	{ "x = a & b", LOCAL "x =  __msys_op.band(a , b)" },
	{ "x=a|b", LOCAL "x= __msys_op.bor(a,b)" },
	{ "\n\nx = ~a", "\n\n" LOCAL "x =  __msys_op.bnot(a)" },
	{ "#!/x & y\nx=~a", "#!/x & y\n" LOCAL "x= __msys_op.bnot(a)" },
	{ "\xef\xbb\xbfx=~a", "\xef\xbb\xbf" LOCAL "x= __msys_op.bnot(a)" },
	{ "return~a", LOCAL "return ( __msys_op.bnot(a))" },
	{ "return\"1\"&2", LOCAL "return ( __msys_op.band(\"1\",2))" },
	{ "return a & b, 1", LOCAL "return  __msys_op.band(a , b), 1" },
	{ "x = a | b | c",
	    LOCAL "x =  __msys_op.bor( __msys_op.bor(a , b) , c)" },
	{ "x = 1 + a & b * c", LOCAL "x =  __msys_op.band(1 + a , b * c)" },
	{ "x = a & b == c", LOCAL "x =  __msys_op.band(a , b) == c" },
	{ "x = not a & b", LOCAL "x =  __msys_op.band(not a , b)" },
	{ "x = !a & !b", LOCAL "x =  __msys_op.band( not a ,  not b)" },
	{ "x = ~a ^ 2", LOCAL "x =  __msys_op.bnot(a ^ 2)" },
	{ "x = ~~a", LOCAL "x =  __msys_op.bnot( __msys_op.bnot(a))" },
	{ "x = a .. b & c", LOCAL "x = a ..  __msys_op.band(b , c)" },
	{ "x = a -- one\r\n & b -- two\r\n",
	    LOCAL "x =  __msys_op.band(a -- one\r\n , b) -- two\r\n" },
	{ "x = 0644 | 01", LOCAL "x =  __msys_op.bor(420 , 1)" },
	{ "for k, v in t do end",
	    LOCAL "for k, v in  __msys_op.iter(t) do end" },
	{ "for v in a.b[c(1)] do end",
	    LOCAL "for v in  __msys_op.iter(a.b[c(1)]) do end" },
	{ "for v in (f(1)) do end",
	    LOCAL "for v in  __msys_op.iter((f(1))) do end" },
	{ "x.__iter = ipairs for v in f(1), 2 do end",
	    LOCAL "x.__iter = ipairs for v in  __msys_op.iter(f(1), 2) do "
		  "end" },
	{ "m = { ['__iter'] = f } for v in f(1) do end",
	    LOCAL "m = { ['__iter'] = f } for v in  __msys_op.iter(f(1)) do "
		  "end" },
	{ "function f(a, ...) return arg[1] end",
	    LOCAL "function f(a, ...) local arg=__msys_op.arg(...); return "
		  "arg[1] end" },
	/* up to the mistake, so that the compiler names its line */
	{ "x = a & b\ny = = c & d\nz = 0644 != 1",
	    LOCAL "x =  __msys_op.band(a , b)\ny = = c & d\nz = 420 ~= 1" },
	{ "x = a & b & )", LOCAL "x =  __msys_op.band(a , b) & )" },
	{ "x = f(a & b", LOCAL "x = f( __msys_op.band(a , b)" },
	{ "x = a || b & c != d", "x = a || b & c ~= d" },
};

START_TEST(momentum_becomes_luajit)
{
	const char *text = changed[_i].text;
	struct str out = { 0 };

	filter(&out, text, strlen(text));
	ck_assert_str_eq(str_c(&out), changed[_i].became);
	str_fini(&out);
}
END_TEST

/* ---- what it does ------------------------------------------------------- */

/* Values that the rows use; log collects words. */
static const char before[] =
    "log = {} "
    "local function say(w, ...) log[#log + 1] = w return ... end "
    "local function two() return 6, 'second' end "
    "local function none() end "
    "local function obj(name) return setmetatable({ name = name }, {"
    "  __metatable = 'hidden',"
    "  __and = function(a, b) return 'and', 2 end,"
    "  __or = function(a, b) return type(a) .. ' or ' .. type(b) end,"
    "  __xor = function(a, b) return 'xor' end,"
    "  __shl = function(a, b) return 'shl' end,"
    "  __shr = function(a, b) return 'shr' end,"
    "  __not = function(a, b) return 'not ' .. tostring(a == b) end,"
    "  __intdiv = function(a, b) return name .. ' intdiv' end,"
    "  __iter = function(t) return ipairs({ 'x', 'y' }) end,"
    "  __call = function(t, a, b) return a & b end }) end "
    "local o, p = obj('o'), obj('p') "
    "local d = setmetatable({}, { __div = function() return 'div' end }) "
    "local nan, huge = 0 / 0, math.huge "
    "local t = { a = 12, b = { c = 10 }, m = function(s, n) return n end } ";

static const struct {
	const char *text, *result;
} values[] = {
	/* the operators */
	{ "return 0x54 | 0x55, 0x54 & 0x66, 0x54 ^^ 0x66", "85 68 50" },
	{ "return 0xF << 4, 0xF0 >> 4, ~0x54, ~0, ~-1", "240 15 -85 -1 0" },
	{ "return 7 \\ 2, -7 \\ 2, 7 \\ -2, 7.5 \\ 2, 6 \\ 3", "3 -4 -4 3 2" },
	{ "return 1 \\ 0, -1 \\ 0, 0.5 \\ 0.25", "inf -inf 2" },
	{ "local x = 0 \\ 0 return x != x", "true" },
	{ "return 5.9 & 7, -5.9 & -1, 5.9 | 0", "5 -5 5" },
	{ "return '12' & '0xa', ' 3 ' | 4, ~'1', '1' << '3', '7' \\ '2'",
	    "8 7 -2 8 3" },
	{ "return -1 & 0xFF, -1 >> 1, -8 >> 2, -1 << 4", "255 -1 -2 -16" },
	{ "return 0xFFFFFFFF & ~1, 1 << 32, 2^40 | 1",
	    "4294967294 4294967296 1099511627777" },
	{ "return 1 << 52, 1 << 62 == 2^62, 1 << 63 == -2^63",
	    "4503599627370496 true true" },
	/* x86-64's: counts by six bits, what does not fit is the least */
	{ "return 1 << 64, 1 << 65, 2 >> 65, 1 << -1 == -2^63", "1 2 1 true" },
	{ "return nan | 0 == -2^63, huge | 0 == -2^63, -huge | 0 == -2^63",
	    "true true true" },
	{ "return 2^63 | 0 == -2^63, -2^63 | 0 == -2^63, -2^64 & 1",
	    "true true 0" },
	/* precedences */
	{ "return 1 + 2 & 3, 1 | 2 + 4, 8 - 4 & 6 - 2", "3 7 2" },
	{ "return 2 * 3 & 7, 1 << 2 + 3, 1 << 2 * 2, 16 >> 1 << 2",
	    "6 7 8 32" },
	{ "return 6 & 3 | 8, 8 | 6 & 3, 1 ^^ 3 & 2, 3 & 2 ^^ 1", "10 2 2 3" },
	{ "return 7 \\ 2 * 2, 2 * 7 \\ 4, 10 % 4 << 1, 10 / 4 \\ 1",
	    "6 3 4 2" },
	{ "return 6 & 2 == 2, 2 == 6 & 2, 1 & 1 < 2, 3 != 1 | 2",
	    "true true true false" },
	{ "return 1 .. 2 | 4, 2 | 4 .. 1, 1 .. 2 .. 3 & 1", "16 61 121" },
	{ "return 2 ^ 3 & 8, 2 & 2 ^ 1, 2 ^ 3 ^ 2 | 1", "8 2 513" },
	{ "return ~2 ^ 2, 2 ^ ~0, -~5, ~-5, - 1 & 255, #'abc' | 8",
	    "-5 0.5 6 4 255 11" },
	{ "return !1 == false, !nil, !!nil, !0 != nil, not !t",
	    "true true false true true" },
	{ "return pcall(function() return not 1 & 2 end)",
	    "false check:1: attempt to perform bitwise operation on a "
	    "boolean value" },
	{ "return nil and 1 & nil, false or 6 & 3, 1 and 6 & 2 or 9",
	    "nil 2 2" },
	{ "return nil or nil and nil & 1, true or nil | 1", "nil true" },
	/* operands of every kind */
	{ "return t.a & t.b.c, t['a'] & 4, (t).a | 1, t.b['c'] ^^ 1",
	    "8 4 13 11" },
	{ "return t:m(3) & 2, t.m(nil, 5) & 4, (t):m(1 | 2) & 3", "2 4 3" },
	{ "return tonumber '6' & 3, #{ 1, 2 & 1, 3 } | 4, #'x' << 3", "2 7 8" },
	{ "return ({ 5, 6 })[1 | 2 - 1] & 4", "4" },
	{ "return ({ [1 | 2] = 7 })[3] & 6, ({ x = 2 | 1; y = 1 }).x & 2",
	    "6 2" },
	{ "return (function(a, b) return a & b end)(6, 3) | 8", "10" },
	{ "return (function(...) return ... & 3 end)(6, 9) << 1", "4" },
	{ "return (function() if 1 & 1 == 1 then return 2 | 1 end return 0 "
	  "end)() & 2",
	    "2" },
	{ "local a, b = 1 | 2, 3 & 1 a, b = b | 4, a & 2 return a, b", "5 2" },
	{ "t.x, t[1 | 2] = 8 >> 1, ~0 return t.x, t[3]", "4 -1" },
	{ "local s = 0 for i = 1 | 2, 1 << 3, 3 & 2 do s = s + i end return s",
	    "15" },
	{ "local n = 0 while n & 4 == 0 do n = n + 1 end repeat local k = n "
	  "<< 1 n = n + 1 until k & 16 != 0 return n",
	    "9" },
	{ "if 1 & 2 != 0 then return 1 elseif 3 & 2 != 0 then return 2 else "
	  "return 3 end",
	    "2" },
	{ "local function f(x) return x & 1 end function t.b.g(x) return "
	  "f(x) | 2 end function t:h(x) return self.a & x end "
	  "return f(3), t.b.g(1), t:h(4)",
	    "1 3 4" },
	{ "do local x = 1 | 2; return x end", "3" },
	{ "local x <\n const", "?" },
	/* one value of a call, as for any operator */
	{ "return 2 & two()", "2" },
	{ "return two() & 2, select('#', two() & 2)", "2 1" },
	{ "return select('#', 1 | two())", "1" },
	{ "return (select('#', 7 & two(), ~two()))", "2" },
	{ "return #{ 1 | two() }, #{ ~two() }, #{ two() \\ two() }", "1 1 1" },
	{ "return o & two(), select('#', o & 1), select('#', ~o)", "and 1 1" },
	{ "return pcall(function() return 1 & none() end)",
	    "false check:1: attempt to perform bitwise operation on a nil "
	    "value" },
	/* left before right, each once */
	{ "local x = say('a', 1) | say('b', 2) & say('c', 3) "
	  "return x, table.concat(log)",
	    "3 abc" },
	{ "return false and say('a', 1) & 1, #log", "false 0" },
	/* lines, comments, white space */
	{ "return 6 -- &\n & -- |\n 3 --[[ \n ]] | 8", "10" },
	{ "return 6\r\n&\r\n3", "2" },
	{ "return 6--[==[ & ]==]&3", "2" },
	{ "local x = 6\n&\n(3) return x", "2" },
	/* metamethods */
	{ "return o & 1, 1 & o, o | p, 1 | o, o | 'x'",
	    "and and table or table number or table table or string" },
	{ "return o ^^ 1, o << 1, 1 >> o, ~o, o \\ 1, 1 \\ p, o \\ p",
	    "xor shl shr not true o intdiv p intdiv o intdiv" },
	{ "return d \\ 1, 1 \\ d", "div div" },
	{ "return o(6, 3)", "2" },
	{ "local c = coroutine.wrap(function() local y = setmetatable({}, { "
	  "__and = function() return coroutine.yield('waits') end }) return "
	  "y & 1 end) return c(), c(5)",
	    "waits 5" },
	/* what is no number */
	{ "return pcall(function() return nil & 1 end)",
	    "false check:1: attempt to perform bitwise operation on a nil "
	    "value" },
	{ "return pcall(function() return 1 | {} end)",
	    "false check:1: attempt to perform bitwise operation on a table "
	    "value" },
	{ "return pcall(function()\nlocal x = 'a'\n  << 1 end)",
	    "false check:2: attempt to perform bitwise operation on a "
	    "string value" },
	{ "return pcall(function() local x\n\nx = ~x end)",
	    "false check:3: attempt to perform bitwise operation on a nil "
	    "value" },
	{ "return pcall(function() local x = 1 \\ true return x end)",
	    "false check:1: attempt to perform arithmetic on a boolean "
	    "value" },
	{ "return pcall(function() return nil \\ 1 end)",
	    "false check:1: attempt to perform arithmetic on a nil value" },
	/* strings and numbers */
	{ "return '\\@ectest', \"\\-\\+\", '\\x41\\065\\\\'",
	    "@ectest -+ AA\\" },
	{ "return '\\u00e9' == '\\195\\169', #'\\u0001F600', #'\\u0000'",
	    "true 4 1" },
	{ "return 0644, 010, 0x10, 0.5, 00, 0, -017", "420 8 16 0.5 0 0 -15" },
	{ "return tonumber('010'), '010' + 0, '010' | 0", "10 10 10" },
	{ "return 0100 | 02 == 66", "true" },
	/* loops */
	{ "local s = '' for i, v in o do s = s .. i .. v end return s",
	    "1x2y" },
	{ "local s = '' for i, v in obj('q') do s = s .. v end return s",
	    "xy" },
	{ "local f, s, c = ipairs({ 5 }) local n = 0 for _, v in f, s, c do "
	  "n = n + v end return n",
	    "5" },
	{ "local n = 0 local function it() n = n + 1 if n < 4 then return n "
	  "end end for v in it do end return n",
	    "4" },
	{ "return pcall(function() local x = {}\nfor v in x do end end)",
	    "false check:2: attempt to call a table value" },
	{ "return math.mod(7, 4), string.gfind('ab', '.')()", "3 a" },
	/* arg */
	{ "local function f(a, ...) return a, arg.n, arg[1], arg[2] end "
	  "return f(1, 2, nil)",
	    "1 2 2 nil" },
	{ "local function f(...) local function g() return arg.n end return "
	  "g() end return f(), f(nil), f(1, 2)",
	    "0 1 2" },
	{ "local function f(...) local arg = { ... } return #arg end return "
	  "f(1, 2)",
	    "2" },
	/* an environment without globals */
	{ "setfenv(1, {}) return 6 & 3", "2" },
};

/* "1 true x": all results, or "?" where it does not compile. */
static void
run(struct str *out, const char *text)
{
	struct str made = { 0 };
	char number[32];

	filter(&made, text, strlen(text));
	if (luaL_loadbuffer(L, str_c(&made), made.len, "=check") != 0)
		str_adds(out, "?");
	else if (lua_pcall(L, 0, LUA_MULTRET, 0) != 0)
		str_adds(out, lua_tostring(L, -1));
	else
		for (int i = 1; i <= lua_gettop(L); i++) {
			lua_getglobal(L, "tostring");
			lua_pushvalue(L, i);
			lua_call(L, 1, 1);
			if (lua_type(L, i) == LUA_TNUMBER) {
				snprintf(number, sizeof number, "%.17g",
				    lua_tonumber(L, i));
				lua_pop(L, 1);
				lua_pushstring(L, number);
			}
			str_addf(
			    out, "%s%s", i > 1 ? " " : "", lua_tostring(L, -1));
			lua_pop(L, 1);
		}
	lua_settop(L, 0);
	str_fini(&made);
}

START_TEST(results_are_those_of_momentum)
{
	struct str text = { 0 }, result = { 0 };

	str_adds(&text, before);
	str_adds(&text, values[_i].text);
	run(&result, str_c(&text));
	ck_assert_msg(strcmp(str_c(&result), values[_i].result) == 0,
	    "%s: expected %s, got %s", values[_i].text, values[_i].result,
	    str_c(&result));
	str_fini(&text);
	str_fini(&result);
}
END_TEST

/* ---- mistakes have their line ------------------------------------------- */

static const struct {
	const char *text, *error;
} mistakes[] = {
	{ "x = a & b\ny = 1 +\nz = = 2", "check:3: unexpected symbol" },
	{ "if a != b then\nx = c | d", "check:2: 'end' expected" },
	{ "x = 1 | 2\n\nreturn a || b", "check:3: '<eof>' expected near '|'" },
	{ "x = 1 | 2\ny = 'open\n", "check:2: unfinished string" },
	{ "x = 1 | 2\ny = \"\\u12\"\n", "check:2: invalid escape sequence" },
	{ "x = 1 | 2\ny = \"\\xg1\"\n", "check:2: invalid escape sequence" },
	{ "x = ~\n", "check:" },
	{ "for k in t & u doo\nx()", "check:" },
};

START_TEST(mistake_has_its_line)
{
	struct str made = { 0 };

	filter(&made, mistakes[_i].text, strlen(mistakes[_i].text));
	ck_assert_int_ne(
	    luaL_loadbuffer(L, str_c(&made), made.len, "=check"), 0);
	ck_assert_msg(strncmp(lua_tostring(L, -1), mistakes[_i].error,
			  strlen(mistakes[_i].error)) == 0,
	    "%s: expected %s, got %s", mistakes[_i].text, mistakes[_i].error,
	    lua_tostring(L, -1));
	lua_settop(L, 0);
	str_fini(&made);
}
END_TEST

/* ---- deep and long ------------------------------------------------------ */

static void
repeat(struct str *s, const char *text, int n)
{
	while (n-- > 0)
		str_adds(s, text);
}

static const struct {
	const char *first, *many, *middle, *closing, *last, *result;
	int n;
} deep[] = {
	{ "return ", "1 | ", "2", "", "", "3", 100 },
	{ "return ", "(1 | ", "2", ")", "", "3", 60 },
	{ "return ", "~", "2", "", "", "2", 100 },
	{ "return ", "~", "2", "", "", "?", 100000 },
	{ "return ", "(", "1 | 2", ")", "", "?", 100000 },
	{ "return ", "{", "1 | 2", "}", "", "?", 100000 },
	{ "return 1 | ", "f{[", "", "", "", "?", 100000 },
	{ "return 1 | ", "function()", "", " end", "", "?", 100000 },
	{ "x = ~1 ", "do ", "", " end", "", "?", 100000 },
	{ "x = ~1 ", "if x then x = 1 | 2 else ", "", "", "", "?", 100000 },
	{ "local x = 0 ", "x = x | 1\n", "", "", "return x", "1", 20000 },
	{ "local x = 0 if x == 1 then ", "elseif x == 1 | 2 then ", "", "",
	    "end return x", "0", 200 },
};

START_TEST(depth_has_an_end)
{
	struct str text = { 0 }, result = { 0 };

	str_adds(&text, deep[_i].first);
	repeat(&text, deep[_i].many, deep[_i].n);
	str_adds(&text, deep[_i].middle);
	repeat(&text, deep[_i].closing, deep[_i].n);
	str_adds(&text, deep[_i].last);
	run(&result, str_c(&text));
	ck_assert_str_eq(str_c(&result), deep[_i].result);
	str_fini(&text);
	str_fini(&result);
}
END_TEST

/* ---- scripts as Momentum's manual has them ------------------------------ */

static const char *const idioms[] = {
	"local mod = {}\n"
	"function mod:validate_mailfrom(str, accept, vctx)\n"
	"  if (str != nil and #str != 0) then\n"
	"    vctx:disconnect(421, \"go away\")\n  end\n"
	"  return msys.core.VALIDATE_CONT\nend\n"
	"msys.registerModule(\"x\", mod)\n",
	"local c, err = msys.counter.open(\"/x\", 0644)\n"
	"if c != nil then c:inc() elseif err != \"\" then print(err) end\n",
	"local f = msys.core.io_wrapper_open(path, msys.core.O_CREAT |\n"
	"  msys.core.O_APPEND | msys.core.O_WRONLY, 0660)\n",
	"msg:get_envelope2(msys.core.EC_MSG_ENV_FROM | "
	"msys.core.EC_MSG_ENV_TO)\n",
	"local from = msg:address_header('Sender')\n"
	"x = { ['i'] = '\\@ectest' .. from[1] }\n",
	"while p.parts and #p.parts != 0 do p = p.parts[1] end\n",
	"for k, v in vctx.list do if !v then print(k) end end\n",
};

START_TEST(idioms_compile)
{
	struct str made = { 0 };

	filter(&made, idioms[_i], strlen(idioms[_i]));
	ck_assert_msg(luaL_loadbuffer(L, str_c(&made), made.len, "=check") == 0,
	    "%s", lua_tostring(L, -1));
	lua_settop(L, 0);
	str_fini(&made);
}
END_TEST

START_TEST(bytes_that_are_no_text)
{
	static const char text[] = "x = '\0\\\0' | 1 \xff & \0 ~";
	struct str out = { 0 };

	filter(&out, text, sizeof text - 1);
	ck_assert_uint_eq(out.len, sizeof text - 1 + 26 + 16);
	str_fini(&out);
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("msys_source", &tcase);

	tcase_add_checked_fixture(tcase, open_state, close_state);
	tcase_add_loop_test(
	    tcase, other_text_stays_as_it_is, 0, UNIT_N(untouched));
	tcase_add_loop_test(tcase, momentum_becomes_luajit, 0, UNIT_N(changed));
	tcase_add_loop_test(
	    tcase, results_are_those_of_momentum, 0, UNIT_N(values));
	tcase_add_loop_test(tcase, mistake_has_its_line, 0, UNIT_N(mistakes));
	tcase_add_loop_test(tcase, depth_has_an_end, 0, UNIT_N(deep));
	tcase_add_loop_test(tcase, idioms_compile, 0, UNIT_N(idioms));
	tcase_add_test(tcase, bytes_that_are_no_text);
	return s;
}

UNIT_MAIN(suite)
