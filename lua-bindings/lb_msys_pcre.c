/*
 * lb_msys_pcre.c - native.pcre: PCRE's patterns for msys.pcre and for what
 * messages match and replace
 *
 * All three take the text first, as Momentum does, and give nil, why, number
 * for a pattern that is none; number is PCRE2's.  They raise where a search
 * passes its limits: a pattern that a sender can make fail must not pass for
 * one that did not match.  What is allocated meanwhile belongs to a userdata.
 */
#include "lb.h"
#include "lb_open.h"

#include "milter/regex_cache.h"
#include "milter/regex_replace.h"

#include <string.h>

#define SEARCH "kumo.RegexSearch"

struct search {
	const char *what;
	struct regex *re;
	struct regex_search *s;
	struct str out;
};

static void
search_end(struct search *x)
{
	regex_search_free(x->s);
	regex_free(x->re);
	str_fini(&x->out);
	memset(x, 0, sizeof *x);
}

static int
search_gc(lua_State *L)
{
	search_end(lb_check(L, 1, SEARCH));
	return 0;
}

static int
fail(lua_State *L, struct search *x, const struct err *err)
{
	char where[160];
	const char *what = x->what;

	search_end(x);
	lb_where(L, where, sizeof where);
	lua_pushfstring(L, "%s%s: %s", where, what, err->msg);
	return lua_error(L);
}

/*
 * Of text at 1 and pattern at 2: pushes the search.  NULL, and nil, why and
 * number pushed, for a pattern that is none.
 */
static struct search *
begin(lua_State *L, const char *what)
{
	struct state *st = state_of(L);
	size_t len, pattern_len;
	const char *text = lb_text(L, 1, &len);
	const char *pattern = lb_text(L, 2, &pattern_len);
	struct search *x;
	struct err err;
	int number;

	if (!regex_is_built_in())
		luaL_error(L, "%s: built without PCRE2", what);
	if (pattern_len == 0) {
		lua_pushnil(L);
		lua_pushliteral(L, "an empty pattern was provided");
		lua_pushinteger(L, 0);
		return NULL;
	}
	x = lb_new(L, SEARCH, sizeof *x);
	x->what = what;
	x->re =
	    regex_cached(pattern, pattern_len, REGEX_LENIENT, &number, &err);
	if (x->re == NULL) {
		lua_pushnil(L);
		lua_pushstring(L, err.msg);
		lua_pushinteger(L, number);
		return NULL;
	}
	/* a search that needs too long is to fail before the event does */
	x->s = regex_search_new(x->re, text, len,
	    &(struct regex_limits){
		st->limits.over, st->limits.arg, st->settings->cpu_limit / 2 });
	return x;
}

/*
 * Groups as PCRE's own functions give them: "" for one without a part in the
 * match, nothing for those behind the last with a part in it.
 */
static void
push_groups(lua_State *L, const struct search *x)
{
	unsigned n = regex_groups(x->s), group;
	const char *text, *name;
	size_t len;

	lua_createtable(L, (int)n, 1);
	for (unsigned i = 0; i < n; i++) {
		if (regex_group(x->s, i, &text, &len))
			lua_pushlstring(L, text, len);
		else
			lua_pushliteral(L, "");
		lua_rawseti(L, -2, (int)i);
	}
	for (unsigned i = 0; (name = regex_name(x->re, i, &group)) != NULL;
	     i++) {
		if (group >= n)
			continue;
		lua_rawgeti(L, -1, (int)group);
		lua_setfield(L, -2, name);
	}
}

/*
 * pcre.match(text, pattern) -> table | nil | nil, why, number
 *   [0] the whole match, [1] and on its groups, and groups by their names.
 */
static int
match(lua_State *L)
{
	struct search *x = begin(L, "msys.pcre.match");
	struct err err;
	int rc;

	if (x == NULL)
		return 3;
	rc = regex_next(x->s, &err);
	if (rc < 0)
		return fail(L, x, &err);
	if (rc == 0)
		lua_pushnil(L);
	else
		push_groups(L, x);
	search_end(x);
	return 1;
}

/* The argument at i, how many at most; -1: no limit. */
static long
limit(lua_State *L, int i)
{
	return luaL_optinteger(L, i, -1);
}

/* pcre.replace(text, pattern, with [, limit]) -> text, how many |
 *   nil, why, number */
static int
replace(lua_State *L)
{
	size_t len;
	const char *with = lb_text(L, 3, &len);
	long max = limit(L, 4);
	struct search *x = begin(L, "msys.pcre.replace");
	struct err err;
	struct str out;
	long n;

	if (x == NULL)
		return 3;
	n = regex_replace(&x->out, x->re, x->s, with, len, max, &err);
	if (n < 0)
		return fail(L, x, &err);
	out = x->out;
	memset(&x->out, 0, sizeof x->out);
	search_end(x);
	lb_push_str(L, &out);
	lua_pushinteger(L, n);
	return 2;
}

/*
 * pcre.matches(text, pattern [, limit]) -> array of { first, last, groups } |
 *   nil, why, number
 *   From 1; last is before first where nothing matched something.
 */
static int
matches(lua_State *L)
{
	long max = limit(L, 3);
	struct search *x = begin(L, "msys.pcre.replace");
	const char *begins, *text;
	struct err err;
	size_t len, all;
	int rc = 0, n = 0;

	if (x == NULL)
		return 3;
	begins = regex_text(x->s, &all);
	lua_newtable(L);
	while (n != max && (rc = regex_next(x->s, &err)) == 1) {
		regex_group(x->s, 0, &text, &len);
		lua_createtable(L, 3, 0);
		lua_pushinteger(L, text - begins + 1);
		lua_rawseti(L, -2, 1);
		lua_pushinteger(L, text - begins + (lua_Integer)len);
		lua_rawseti(L, -2, 2);
		push_groups(L, x);
		lua_rawseti(L, -2, 3);
		lua_rawseti(L, -2, ++n);
	}
	if (rc < 0)
		return fail(L, x, &err);
	search_end(x);
	return 1;
}

/* Empty fields are none. */
static void
add_field(lua_State *L, int *n, const char *from, const char *to)
{
	if (from == to)
		return;
	lua_pushlstring(L, from, (size_t)(to - from));
	lua_rawseti(L, -2, ++*n);
}

/*
 * pcre.split(text, pattern [, limit]) -> array | nil, why, number
 *   What is between the matches, without empty fields; an empty match splits
 *   inside the text only.  limit: of fields, the last has the rest.
 */
static int
split(lua_State *L)
{
	long max = limit(L, 3);
	struct search *x = begin(L, "msys.pcre.split");
	const char *begins, *from, *text;
	struct err err;
	size_t len, all;
	int rc = 0, n = 0;

	if (x == NULL)
		return 3;
	begins = from = regex_text(x->s, &all);
	lua_newtable(L);
	while (n + 1 != max && (rc = regex_next(x->s, &err)) == 1) {
		regex_group(x->s, 0, &text, &len);
		if (len == 0 && (text == from || text == begins + all))
			continue;
		add_field(L, &n, from, text);
		from = text + len;
	}
	if (rc < 0)
		return fail(L, x, &err);
	add_field(L, &n, from, begins + all);
	search_end(x);
	return 1;
}

static const luaL_Reg functions[] = {
	{ "match", match },
	{ "matches", matches },
	{ "replace", replace },
	{ "split", split },
	{ NULL, NULL },
};

static const luaL_Reg meta[] = { { "__gc", search_gc }, { NULL, NULL } };

static const struct lb_class class = { SEARCH, NULL, NULL, meta };

void
lb_msys_pcre_open(lua_State *L)
{
	lb_class_open(L, &class);
	lua_newtable(L);
	luaL_register(L, NULL, functions);
	lua_setfield(L, -2, "pcre");
}
