/*
 * lb_regex.c - kumo.regex: patterns in the notation of Rust's fancy-regex
 *
 * Texts are UTF-8; what is not in them is read as U+FFFD, which is then in the
 * results, too.  A search that passes its limits raises "too many steps",
 * "too long" or "too much memory" (milter/regex.h): a pattern that a sender
 * can make fail must not pass for one that did not match.
 *
 * All: events any; wait no; from KumoMTA's kumo.regex.
 */
#include "lb.h"
#include "lb_open.h"

#include "milter/regex_cache.h"
#include "milter/regex_rust.h"

#include <string.h>

#define REGEX "kumo.Regex"
#define RUN "kumo.RegexRun"
#define CHECK_EVERY 4096 /* matches between two looks at the limits */
#define PATTERN_SHOWN 200

struct regex_box {
	struct regex *re;
};

struct regex_run {
	struct regex *re;
	struct regex_search *s;
	struct str out;
};

static void
run_end(struct regex_run *run)
{
	regex_search_free(run->s);
	str_fini(&run->out);
	memset(run, 0, sizeof *run);
}

static int
run_gc(lua_State *L)
{
	run_end(lb_check(L, 1, RUN));
	return 0;
}

static int
regex_gc(lua_State *L)
{
	struct regex_box *box = lb_check(L, 1, REGEX);

	regex_free(box->re);
	box->re = NULL;
	return 0;
}

static int
fail(lua_State *L, struct regex_run *run, const struct err *err)
{
	run_end(run);
	return luaL_error(L, "kumo.regex: %s", err->msg);
}

/* Of the regex at 1 and the text at 2: pushes the search. */
static struct regex_run *
begin(lua_State *L)
{
	struct state *st = state_of(L);
	struct regex_box *box = lb_check(L, 1, REGEX);
	struct regex_run *run;
	size_t len;
	const char *text = lb_text(L, 2, &len);

	run = lb_new(L, RUN, sizeof *run);
	run->re = box->re; /* which the argument keeps */
	/* a search that needs too long is to fail before the event does */
	run->s = regex_search_new(box->re, text, len,
	    &(struct regex_limits){
		st->limits.over, st->limits.arg, st->settings->cpu_limit / 2 });
	return run;
}

/* The first match: is there one?  If not, the run is ended and nil pushed. */
static bool
first(lua_State *L, struct regex_run *run)
{
	struct err err;
	int rc = regex_next(run->s, &err);

	if (rc < 0)
		fail(L, run, &err);
	if (rc == 0) {
		run_end(run);
		lua_pushnil(L);
	}
	return rc == 1;
}

static void
push_group(lua_State *L, const struct regex_run *run, unsigned i)
{
	const char *text;
	size_t len;

	if (regex_group(run->s, i, &text, &len))
		lua_pushlstring(L, text, len);
	else
		lua_pushnil(L);
}

/*
 * re:captures(text) -> table or nil
 *   Of the first match: [0] is the whole, [1] and on are the groups, also by
 *   their names.  A group without a part in the match is absent.
 */
static int
captures(lua_State *L)
{
	struct regex_run *run = begin(L);
	unsigned n, group;
	const char *name;

	if (!first(L, run))
		return 1;
	n = regex_groups(run->s);
	lua_createtable(L, (int)n, 1);
	for (unsigned i = 0; i < n; i++) {
		push_group(L, run, i);
		lua_rawseti(L, -2, (int)i);
	}
	for (unsigned i = 0; (name = regex_name(run->re, i, &group)) != NULL;
	     i++) {
		push_group(L, run, group);
		lua_setfield(L, -2, name);
	}
	run_end(run);
	return 1;
}

/* re:is_match(text) -> boolean: anywhere in it */
static int
is_match(lua_State *L)
{
	struct regex_run *run = begin(L);

	lua_pushboolean(L, first(L, run));
	run_end(run); /* once more does no harm */
	return 1;
}

/* re:find(text) -> string or nil: the first match */
static int
find(lua_State *L)
{
	struct regex_run *run = begin(L);

	if (!first(L, run))
		return 1;
	push_group(L, run, 0);
	run_end(run);
	return 1;
}

/* The n-th text of the array on top. */
static void
add(lua_State *L, int n, const char *from, const char *to)
{
	if (n % CHECK_EVERY == 0)
		lb_check_limits(L);
	lua_pushlstring(L, from, (size_t)(to - from));
	lua_rawseti(L, -2, n);
}

/*
 * re:find_all(text) -> array of strings
 *   All matches that do not overlap; an empty one right behind another is
 *   none.
 */
static int
find_all(lua_State *L)
{
	struct regex_run *run = begin(L);
	const char *text;
	struct err err;
	size_t len;
	int rc, n = 0;

	lua_newtable(L);
	while ((rc = regex_next(run->s, &err)) == 1) {
		regex_group(run->s, 0, &text, &len);
		add(L, ++n, text, text + len);
	}
	if (rc < 0)
		return fail(L, run, &err);
	run_end(run);
	lb_mark_array(L);
	return 1;
}

/*
 * re:split(text) -> array of strings
 *   What is before, between and behind the matches: one more than there are,
 *   empty ones included.
 */
static int
split(lua_State *L)
{
	struct regex_run *run = begin(L);
	const char *from, *text, *end;
	struct err err;
	size_t len;
	int rc, n = 0;

	from = regex_text(run->s, &len);
	end = from + len;
	lua_newtable(L);
	while ((rc = regex_next(run->s, &err)) == 1) {
		regex_group(run->s, 0, &text, &len);
		add(L, ++n, from, text);
		from = text + len;
	}
	if (rc < 0)
		return fail(L, run, &err);
	add(L, ++n, from, end);
	run_end(run);
	lb_mark_array(L);
	return 1;
}

/* max < 0: all */
static int
push_replaced(lua_State *L, int with, long max)
{
	size_t len;
	const char *text = lb_text(L, with, &len);
	struct regex_run *run = begin(L);
	struct err err;
	struct str out;
	long n;

	n = regex_replace_as(&run->out, run->re, run->s, regex_rust_expand,
	    text, len, max, &err);
	if (n < 0)
		return fail(L, run, &err);
	out = run->out;
	memset(&run->out, 0, sizeof run->out);
	run_end(run);
	lb_push_str(L, &out);
	return 1;
}

/*
 * re:replace(text, with) -> string
 *   The first match replaced.  In `with` $1, ${1}, $name and ${name} stand for
 *   groups, nothing for one that is not there; $$ is a dollar.
 */
static int
replace(lua_State *L)
{
	return push_replaced(L, 3, 1);
}

/* re:replace_all(text, with) -> string: as replace, all matches */
static int
replace_all(lua_State *L)
{
	return push_replaced(L, 3, -1);
}

/* re:replacen(text, n, with) -> string: as replace, the first n; 0: all */
static int
replacen(lua_State *L)
{
	long n = (long)lb_integer(L, 3, 0, 1LL << 53);

	return push_replaced(L, 4, n == 0 ? -1 : n);
}

/* "pattern: why", of a pattern that may be long. */
static int
refuse(lua_State *L, struct str *pattern, const char *text, struct err *err)
{
	str_clear(pattern);
	str_add_printable(pattern, text, strnlen(text, PATTERN_SHOWN));
	lua_pushfstring(
	    L, "kumo.regex.compile: %s: %s", str_c(pattern), err->msg);
	str_fini(pattern);
	luaL_where(L, 1);
	lua_insert(L, -2);
	lua_concat(L, 2);
	return lua_error(L);
}

/*
 * kumo.regex.compile(pattern) -> regex
 *   Raises on a pattern that is none.  Rust's notation with look-around,
 *   back-references, atomic groups and possessive quantifiers.
 */
static int
compile(lua_State *L)
{
	struct regex_box *box;
	struct str pattern = { 0 };
	struct err err;
	size_t len;
	const char *text = lb_text(L, 1, &len);
	int number;

	if (!regex_is_built_in())
		return luaL_error(L, "kumo.regex.compile: built without PCRE2");
	box = lb_new(L, REGEX, sizeof *box);
	if (regex_rust_pattern(&pattern, text, len, &err) != 0)
		return refuse(L, &pattern, text, &err);
	box->re = regex_cached(
	    str_c(&pattern), pattern.len, REGEX_RUST, &number, &err);
	if (box->re == NULL)
		return refuse(L, &pattern, text, &err);
	str_fini(&pattern);
	return 1;
}

/* kumo.regex.escape(text) -> a pattern that matches this text alone */
static int
escape(lua_State *L)
{
	struct str out = { 0 };
	size_t len;
	const char *text = lb_text(L, 1, &len);

	regex_rust_escape(&out, text, len);
	lb_push_str(L, &out);
	return 1;
}

static const luaL_Reg methods[] = {
	{ "captures", captures },
	{ "is_match", is_match },
	{ "find", find },
	{ "find_all", find_all },
	{ "replace", replace },
	{ "replace_all", replace_all },
	{ "replacen", replacen },
	{ "split", split },
	{ NULL, NULL },
};

static const luaL_Reg functions[] = {
	{ "compile", compile },
	{ "escape", escape },
	{ NULL, NULL },
};

static const luaL_Reg regex_meta[] = { { "__gc", regex_gc }, { NULL, NULL } };
static const luaL_Reg run_meta[] = { { "__gc", run_gc }, { NULL, NULL } };

static const struct lb_class regex_class = { REGEX, NULL, methods, regex_meta };
static const struct lb_class run_class = { RUN, NULL, NULL, run_meta };

void
lb_regex_open(lua_State *L)
{
	lb_class_open(L, &regex_class);
	lb_class_open(L, &run_class);
	lb_module(L, "regex", functions);
}
