#include "lb_string.h"

#include "lua-bindings/lb_limits.h"
#include "milter/pattern.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define SMALL 512 /* bytes of result kept on the C stack */
#define APART 256 /* bytes of stack that a call from gsub to gsub exceeds */

/*
 * gsubs that are calling a function now, outermost first, by the address of
 * their C frame.  An error may unwind them without a word, so who enters
 * first drops all that cannot be its callers: those of another thread (gsub
 * never gives up the state) and those that are not well above it on the stack.
 */
struct nest {
	const void *thread;
	int depth;
	uintptr_t frame[LB_GSUB_NESTED];
};

/* The first upvalue of every function here. */
struct strings {
	const struct lb_limits *limits;
	struct nest nest;
};

/* Bytes collected: in small, then in a userdata at a place of the stack. */
struct out {
	lua_State *L;
	int slot;
	char *data;
	size_t len, cap;
	char small[SMALL];
};

/* Where a gsub stands. */
struct gsub {
	lua_State *L;
	struct strings *strings;
	struct pattern m;
	struct out out;
	const char *with; /* a replacement string */
	size_t with_len;
	int type;   /* of the replacement */
	bool plain; /* there is no '%' in it */
};

static __thread char this_thread;

static struct strings *
strings_of(lua_State *L)
{
	return lua_touserdata(L, lua_upvalueindex(1));
}

static void
pattern_prepare(lua_State *L, struct pattern *m, const char *p, size_t plen,
    const char *s, size_t slen)
{
	const struct lb_limits *limits = strings_of(L)->limits;

	pattern_init(m, p, plen, s, slen);
	if (limits != NULL) {
		m->over = limits->over;
		m->arg = limits->arg;
	}
}

/* luaL_optinteger, but huge numbers stay huge and keep their sign. */
static lua_Integer
opt_integer(lua_State *L, int i, lua_Integer otherwise)
{
	const lua_Integer huge = (lua_Integer)1 << 53;
	lua_Number n;

	if (lua_isnoneornil(L, i))
		return otherwise;
	n = luaL_checknumber(L, i);
	if (n > (lua_Number)huge)
		return huge;
	return n > -(lua_Number)huge ? (lua_Integer)n : -huge;
}

/* An init as Lua counts it, from 1 or back from the end; gives it from 0. */
static size_t
offset_of(lua_Integer init, size_t len)
{
	if (init > 0)
		return (size_t)init - 1;
	if (init < 0 && 0 - (size_t)init < len)
		return len + (size_t)init;
	return 0;
}

static bool
found(lua_State *L, struct pattern *m, enum pattern_result result)
{
	if (result == PATTERN_ERROR)
		luaL_error(L, "%s", m->error);
	return result == PATTERN_MATCH;
}

static void
push_capture(lua_State *L, struct pattern *m, unsigned i)
{
	const char *text;
	size_t len;

	switch (pattern_capture(m, i, &text, &len)) {
	case PATTERN_CAPTURE_TEXT:
		lua_pushlstring(L, text, len);
		break;
	case PATTERN_CAPTURE_POSITION:
		lua_pushinteger(L, (lua_Integer)len + 1);
		break;
	case PATTERN_CAPTURE_BAD:
		luaL_error(L, "%s", m->error);
	}
}

/* All captures; the whole match where there are none and it is wanted. */
static int
push_captures(lua_State *L, struct pattern *m, bool whole)
{
	unsigned n = m->captures == 0 && whole ? 1 : m->captures;

	luaL_checkstack(L, (int)n, "too many captures");
	for (unsigned i = 0; i < n; i++)
		push_capture(L, m, i);
	return (int)n;
}

/* ---- find, match ----------------------------------------------------- */

static int
push_nothing(lua_State *L)
{
	lua_pushnil(L);
	return 1;
}

static int
push_span(lua_State *L, size_t from, size_t to)
{
	lua_pushinteger(L, (lua_Integer)from + 1);
	lua_pushinteger(L, (lua_Integer)to);
	return 2;
}

static int
find_plain(lua_State *L, const char *s, size_t len, size_t from, const char *p,
    size_t plen)
{
	const char *at = memmem(s + from, len - from, p, plen);

	if (at == NULL)
		return push_nothing(L);
	return push_span(L, (size_t)(at - s), (size_t)(at - s) + plen);
}

static int
find_or_match(lua_State *L, bool find)
{
	size_t len, plen, from;
	const char *s = luaL_checklstring(L, 1, &len);
	const char *p = luaL_checklstring(L, 2, &plen);
	bool anchored = plen > 0 && *p == '^';
	struct pattern m;
	int n = 0;

	from = offset_of(opt_integer(L, 3, 1), len);
	if (from > len)
		return push_nothing(L);
	if (find && (lua_toboolean(L, 4) || pattern_is_plain(p, plen)))
		return find_plain(L, s, len, from, p, plen);
	pattern_prepare(L, &m, p + anchored, plen - anchored, s, len);
	if (!found(L, &m,
		anchored ? pattern_match(&m, from) : pattern_search(&m, from)))
		return push_nothing(L);
	if (find)
		n = push_span(L, (size_t)(m.match - m.subject),
		    (size_t)(m.stop - m.subject));
	return n + push_captures(L, &m, !find);
}

/*
 * string.find(s, pattern [, init [, plain]]) -> first, last, captures... | nil
 *   plain: true takes the pattern for what it is, byte by byte.
 *   Raises on a malformed pattern and, past its limits, "interrupted".
 *   Events: any.  Yields: no.  Stack: [-0, +1..34, raises].
 */
static int
lb_string_find(lua_State *L)
{
	return find_or_match(L, true);
}

/*
 * string.match(s, pattern [, init]) -> captures... | nil
 *   The whole match where the pattern has no captures.
 *   Raises on a malformed pattern and, past its limits, "interrupted".
 *   Events: any.  Yields: no.  Stack: [-0, +1..32, raises].
 */
static int
lb_string_match(lua_State *L)
{
	return find_or_match(L, false);
}

/* ---- gmatch, gsub ---------------------------------------------------- */

/*
 * The next match at from or behind it that is not empty at the end of the
 * last one (last: its offset, or -1).
 */
static bool
next_match(lua_State *L, struct pattern *m, size_t from, ptrdiff_t last)
{
	while (from <= (size_t)(m->limit - m->subject)) {
		if (!found(L, m, pattern_search(m, from)))
			return false;
		if (m->stop - m->subject != last)
			return true;
		from = (size_t)last + 1;
	}
	return false;
}

/*
 * Where a gmatch stands: the second upvalue of its iterator.  The two
 * strings are the third and fourth, so that they live as long.
 */
struct gmatch {
	const char *s, *pattern;
	size_t len, pattern_len, from;
	ptrdiff_t last;
};

static int
lb_gmatch_next(lua_State *L)
{
	struct gmatch *g = lua_touserdata(L, lua_upvalueindex(2));
	struct pattern m;

	pattern_prepare(L, &m, g->pattern, g->pattern_len, g->s, g->len);
	if (!next_match(L, &m, g->from, g->last))
		return 0;
	g->last = m.stop - m.subject;
	g->from = (size_t)g->last;
	return push_captures(L, &m, true);
}

/*
 * string.gmatch(s, pattern [, init]) -> iterator
 *   Each call of the iterator gives the captures of the next match, or the
 *   whole match.  A '^' is an ordinary byte here.
 *   The iterator raises on a malformed pattern and "interrupted".
 *   Events: any.  Yields: no.  Stack: [-0, +1, raises].
 */
static int
lb_string_gmatch(lua_State *L)
{
	size_t len, pattern_len;
	const char *text = luaL_checklstring(L, 1, &len);
	const char *pattern = luaL_checklstring(L, 2, &pattern_len);
	lua_Integer init = opt_integer(L, 3, 1);
	struct gmatch *g;

	lua_pushvalue(L, lua_upvalueindex(1));
	g = lua_newuserdata(L, sizeof(*g));
	*g = (struct gmatch){ text, pattern, len, pattern_len,
		offset_of(init, len), -1 };
	lua_pushvalue(L, 1);
	lua_pushvalue(L, 2);
	lua_pushcclosure(L, lb_gmatch_next, 4);
	return 1;
}

static void
out_init(struct out *out, lua_State *L, int slot)
{
	out->L = L;
	out->slot = slot;
	out->data = out->small;
	out->len = 0;
	out->cap = SMALL;
}

static void
out_grow(struct out *out, size_t more)
{
	size_t cap = out->cap * 2;
	char *data;

	while (cap - out->len < more)
		cap *= 2;
	data = lua_newuserdata(out->L, cap);
	memcpy(data, out->data, out->len);
	lua_replace(out->L, out->slot); /* what was there is garbage now */
	out->data = data;
	out->cap = cap;
}

static inline void
out_add(struct out *out, const void *p, size_t n)
{
	if (out->cap - out->len < n)
		out_grow(out, n);
	memcpy(out->data + out->len, p, n);
	out->len += n;
}

static void
nest_enter(lua_State *L, struct nest *nest)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);

	if (nest->thread != &this_thread)
		nest->depth = 0;
	nest->thread = &this_thread;
	while (nest->depth > 0 && nest->frame[nest->depth - 1] < here + APART)
		nest->depth--;
	if (nest->depth == LB_GSUB_NESTED)
		luaL_error(L, "string.gsub: nested too deeply (%d levels)",
		    LB_GSUB_NESTED);
	nest->frame[nest->depth++] = here;
}

static void
add_capture(struct gsub *g, unsigned i)
{
	char digits[24];
	const char *text;
	size_t len;

	switch (pattern_capture(&g->m, i, &text, &len)) {
	case PATTERN_CAPTURE_TEXT:
		out_add(&g->out, text, len);
		break;
	case PATTERN_CAPTURE_POSITION:
		snprintf(digits, sizeof(digits), "%zu", len + 1);
		out_add(&g->out, digits, strlen(digits));
		break;
	case PATTERN_CAPTURE_BAD:
		luaL_error(g->L, "%s", g->m.error);
	}
}

/* A replacement string, with %0 to %9 filled in. */
static void
add_expanded(struct gsub *g)
{
	const char *p = g->with, *end = g->with + g->with_len, *sign;

	while ((sign = memchr(p, '%', (size_t)(end - p))) != NULL) {
		out_add(&g->out, p, (size_t)(sign - p));
		p = sign + 2;
		if (p > end)
			luaL_error(
			    g->L, "invalid use of '%%' in replacement string");
		if (sign[1] == '0')
			out_add(&g->out, g->m.match,
			    (size_t)(g->m.stop - g->m.match));
		else if (sign[1] > '0' && sign[1] <= '9')
			add_capture(g, (unsigned)(sign[1] - '1'));
		else
			out_add(&g->out, sign + 1, 1);
	}
	out_add(&g->out, p, (size_t)(end - p));
}

/* What a function or table answers for this match; false keeps the match. */
static void
add_answer(struct gsub *g)
{
	lua_State *L = g->L;
	int depth = g->strings->nest.depth;
	const char *text;
	size_t len;

	nest_enter(L, &g->strings->nest);
	if (g->type == LUA_TTABLE) {
		push_capture(L, &g->m, 0);
		lua_gettable(L, 3);
	} else {
		lua_pushvalue(L, 3);
		lua_call(L, push_captures(L, &g->m, true), 1);
	}
	g->strings->nest.depth = depth;
	if (lua_toboolean(L, -1)) {
		if (!lua_isstring(L, -1))
			luaL_error(L, "invalid replacement value (a %s)",
			    luaL_typename(L, -1));
		text = lua_tolstring(L, -1, &len);
	} else {
		text = (const char *)g->m.match;
		len = (size_t)(g->m.stop - g->m.match);
	}
	out_add(&g->out, text, len);
	lua_pop(L, 1);
}

static void
add_replacement(struct gsub *g)
{
	if (g->with == NULL)
		add_answer(g);
	else if (g->plain)
		out_add(&g->out, g->with, g->with_len);
	else
		add_expanded(g);
}

/* Replace up to max matches; gives how many there were. */
static lua_Integer
replace_all(struct gsub *g, lua_Integer max, bool anchored)
{
	const unsigned char *done = g->m.subject;
	ptrdiff_t last = -1;
	lua_Integer n = 0;

	while (n < max) {
		if (anchored ? !found(g->L, &g->m, pattern_match(&g->m, 0))
			     : !next_match(g->L, &g->m,
				   (size_t)(done - g->m.subject), last))
			break;
		n++;
		out_add(&g->out, done, (size_t)(g->m.match - done));
		add_replacement(g);
		done = g->m.stop;
		last = done - g->m.subject;
		if (anchored)
			break;
	}
	if (n > 0)
		out_add(&g->out, done, (size_t)(g->m.limit - done));
	return n;
}

/*
 * string.gsub(s, pattern, repl [, n]) -> result, matches
 *   repl: a string, in which %0 to %9 stand for the match and its captures; a
 *   table, asked for the first capture; or a function, called with all of
 *   them.  What it gives is a string, a number, or false or nil, which leaves
 *   the match as it is.  n: replace no more than so many.
 *   Raises on a malformed pattern, "interrupted" past its limits, what the
 *   function raises, and when nested deeper than LB_GSUB_NESTED.
 *   Events: any.  Yields: no, nor can the function.  Stack: [-0, +2, raises].
 */
static int
lb_string_gsub(lua_State *L)
{
	size_t len, plen;
	const char *s = luaL_checklstring(L, 1, &len);
	const char *p = luaL_checklstring(L, 2, &plen);
	lua_Integer n, max = opt_integer(L, 4, (lua_Integer)len + 1);
	bool anchored = plen > 0 && *p == '^';
	struct gsub g;

	g.type = lua_type(L, 3);
	if (g.type != LUA_TSTRING && g.type != LUA_TNUMBER &&
	    g.type != LUA_TTABLE && g.type != LUA_TFUNCTION)
		return luaL_typerror(L, 3, "string/function/table");
	g.L = L;
	g.strings = strings_of(L);
	g.with = NULL;
	if (g.type == LUA_TSTRING || g.type == LUA_TNUMBER) {
		g.with = lua_tolstring(L, 3, &g.with_len);
		g.plain = memchr(g.with, '%', g.with_len) == NULL;
	}
	lua_settop(L, 4); /* the fourth place is out's from here */
	pattern_prepare(L, &g.m, p + anchored, plen - anchored, s, len);
	out_init(&g.out, L, 4);
	n = replace_all(&g, max, anchored);
	if (n > 0)
		lua_pushlstring(L, g.out.data, g.out.len);
	else
		lua_pushvalue(L, 1);
	lua_pushinteger(L, n);
	return 2;
}

static const luaL_Reg functions[] = {
	{ "find", lb_string_find },
	{ "match", lb_string_match },
	{ "gmatch", lb_string_gmatch },
	{ "gsub", lb_string_gsub },
	{ NULL, NULL },
};

void
lb_string_open(lua_State *L, const struct lb_limits *limits)
{
	struct strings *strings;

	lua_getglobal(L, "string");
	strings = lua_newuserdata(L, sizeof(*strings));
	memset(strings, 0, sizeof(*strings));
	strings->limits = limits;
	luaL_setfuncs(L, functions, 1);
	lua_pop(L, 1);
}
