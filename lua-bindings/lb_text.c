/*
 * lb_text.c - kumo.string: texts without patterns
 *
 * Texts and separators are plain, UTF-8 where characters count; any bytes are
 * taken.  A number is a text, too; nothing else is.
 *
 * All: events any; wait no; from KumoMTA's kumo.string.
 */
#include "lb.h"
#include "lb_open.h"

#include "milter/public_suffix.h"
#include "milter/text.h"

#include <string.h>

#define COUNT_MAX (1LL << 53)
#define TEXT_MAX ((size_t)64 << 20) /* bytes of one result */
#define CHECK_EVERY 4096            /* rounds of a loop between two checks */

/* ---- replacing ---------------------------------------------------------- */

/* s:replace as the fields between `from`, joined with `to`. */
static void
add_replaced(
    struct str *out, struct text_split split, const char *to, size_t to_len)
{
	const char *field;
	size_t len;

	for (bool first = true; text_split_next(&split, &field, &len);
	     first = false) {
		if (!first)
			str_add(out, to, to_len);
		str_add(out, field, len);
	}
}

static int
push_replaced(lua_State *L, long long limit)
{
	struct text_split split = { .limit = (size_t)limit }, count;
	struct str out = { 0 };
	const char *to, *field;
	size_t to_len, len, n = 0, times = 0;

	split.p = lb_text(L, 1, &split.n);
	split.sep = lb_text(L, 2, &split.sep_len);
	to = lb_text(L, 3, &to_len);
	for (count = split; text_split_next(&count, &field, &len); n += len)
		times++;
	if (n > TEXT_MAX || (to_len > 0 && times - 1 > (TEXT_MAX - n) / to_len))
		return luaL_error(
		    L, "a text of more than %d MiB", (int)(TEXT_MAX >> 20));
	str_reserve(&out, n + (times - 1) * to_len);
	add_replaced(&out, split, to, to_len);
	lb_push_str(L, &out);
	return 1;
}

/*
 * kumo.string.replace(s, from, to) -> string
 *   Every `from` becomes `to`.  An empty `from` is found before, between and
 *   behind all characters.  Raises past 64 MiB.
 */
static int
replace(lua_State *L)
{
	return push_replaced(L, COUNT_MAX);
}

/* kumo.string.replacen(s, from, to, n) -> string: as replace, the first n */
static int
replacen(lua_State *L)
{
	return push_replaced(L, lb_integer(L, 4, 0, COUNT_MAX - 1) + 1);
}

/* ---- cutting ------------------------------------------------------------ */

static void
add_field(lua_State *L, int *n, const char *field, size_t len)
{
	if (*n % CHECK_EVERY == 0)
		lb_check_limits(L);
	lua_pushlstring(L, field, len);
	lua_rawseti(L, -2, ++*n);
}

static int
push_fields(lua_State *L, int sep, long long limit)
{
	struct text_split split = { .limit = (size_t)limit };
	const char *field;
	size_t len;
	int n = 0;

	split.p = lb_text(L, 1, &split.n);
	split.sep = lb_text(L, sep, &split.sep_len);
	lua_newtable(L);
	while (text_split_next(&split, &field, &len))
		add_field(L, &n, field, len);
	lb_mark_array(L);
	return 1;
}

static const char *
push_reversed(lua_State *L, const char *p, size_t n)
{
	char *copy = lua_newuserdata(L, n + 1);

	text_reverse(copy, p, n);
	return copy;
}

/* From the end: what is found in the text reversed, at its place in s. */
static int
push_fields_back(lua_State *L, int sep, long long limit)
{
	struct text_split split = { .limit = (size_t)limit, .reversed = true };
	const char *s, *field, *begin;
	size_t s_len, len;
	int n = 0;

	s = lb_text(L, 1, &s_len);
	split.sep = lb_text(L, sep, &split.sep_len);
	split.p = begin = push_reversed(L, s, s_len);
	split.n = s_len;
	split.sep = push_reversed(L, split.sep, split.sep_len);
	lua_newtable(L);
	while (text_split_next(&split, &field, &len))
		add_field(
		    L, &n, s + (s_len - (size_t)(field - begin) - len), len);
	lb_mark_array(L);
	return 1;
}

/*
 * kumo.string.split(s, separator) -> array
 *   Fields may be empty.  With an empty separator: each character, with an
 *   empty field at either end.
 */
static int
split(lua_State *L)
{
	return push_fields(L, 2, COUNT_MAX);
}

/* kumo.string.splitn(s, n, separator) -> array of n fields at most; the last
 * has the rest */
static int
splitn(lua_State *L)
{
	return push_fields(L, 3, lb_integer(L, 2, 0, COUNT_MAX));
}

/* kumo.string.rsplit(s, separator) -> array: the fields from the end on */
static int
rsplit(lua_State *L)
{
	return push_fields_back(L, 2, COUNT_MAX);
}

/* kumo.string.rsplitn(s, n, separator) -> array: the last has the rest, which
 * is what s begins with */
static int
rsplitn(lua_State *L)
{
	return push_fields_back(L, 3, lb_integer(L, 2, 0, COUNT_MAX));
}

static int
push_words(lua_State *L, bool ascii)
{
	const char *p, *word;
	size_t len, word_len;
	int n = 0;

	p = lb_text(L, 1, &len);
	lua_newtable(L);
	while (text_next_word(&p, &len, ascii, &word, &word_len))
		add_field(L, &n, word, word_len);
	lb_mark_array(L);
	return 1;
}

/* kumo.string.split_whitespace(s) -> array of words; none is empty */
static int
split_whitespace(lua_State *L)
{
	return push_words(L, false);
}

/* kumo.string.split_ascii_whitespace(s) -> array: only space, tab, LF, FF and
 * CR are white space */
static int
split_ascii_whitespace(lua_State *L)
{
	return push_words(L, true);
}

/* ---- the ends ----------------------------------------------------------- */

/* kumo.string.starts_with(s, prefix) -> boolean: byte for byte */
static int
starts_with(lua_State *L)
{
	size_t n, m;
	const char *s = lb_text(L, 1, &n), *prefix = lb_text(L, 2, &m);

	lua_pushboolean(L, m <= n && memcmp(s, prefix, m) == 0);
	return 1;
}

/* kumo.string.ends_with(s, suffix) -> boolean */
static int
ends_with(lua_State *L)
{
	size_t n, m;
	const char *s = lb_text(L, 1, &n), *suffix = lb_text(L, 2, &m);

	lua_pushboolean(L, m <= n && memcmp(s + n - m, suffix, m) == 0);
	return 1;
}

static int
push_trimmed(lua_State *L, bool start, bool end)
{
	size_t n;
	const char *p = lb_text(L, 1, &n);

	text_trim(&p, &n, start, end);
	lua_pushlstring(L, p, n);
	return 1;
}

/* kumo.string.trim(s) -> s without white space (Unicode's) at its ends */
static int
trim(lua_State *L)
{
	return push_trimmed(L, true, true);
}

/* kumo.string.trim_start(s) -> s without white space at its beginning */
static int
trim_start(lua_State *L)
{
	return push_trimmed(L, true, false);
}

/* kumo.string.trim_end(s) -> s without white space at its end */
static int
trim_end(lua_State *L)
{
	return push_trimmed(L, false, true);
}

/*
 * kumo.string.wrap(text [, soft [, hard]]) -> string
 *   soft: 75.  hard: 900.  The words of the text in lines, as headers are
 *   wrapped: CRLF and a tab between two.  Lines stay below soft where they
 *   can; a word of more than hard bytes is cut.
 */
static int
wrap(lua_State *L)
{
	struct str out = { 0 };
	size_t n;
	const char *text = lb_text(L, 1, &n);
	long long soft =
	    lua_isnoneornil(L, 2) ? 75 : lb_integer(L, 2, 0, COUNT_MAX);
	long long hard =
	    lua_isnoneornil(L, 3) ? 900 : lb_integer(L, 3, 0, COUNT_MAX);

	text_wrap(&out, text, n, (size_t)soft, (size_t)hard);
	lb_push_str(L, &out);
	return 1;
}

/* ---- domains ------------------------------------------------------------ */

static int
push_suffix(lua_State *L, const char *name,
    const char *(*look_up)(const char *domain, size_t len))
{
	size_t len;
	const char *domain = lb_text(L, 1, &len), *found;
	char *copy;

	if (!public_suffix_is_built())
		return luaL_error(L, "%s: built without libpsl", name);
	copy = lua_newuserdata(L, len + 1);
	if (len > 0 && domain[len - 1] == '.')
		len--;
	for (size_t i = 0; i < len; i++)
		copy[i] = domain[i] >= 'A' && domain[i] <= 'Z'
			      ? (char)(domain[i] | 0x20)
			      : domain[i];
	copy[len] = '\0';
	found = look_up(copy, len);
	if (found == NULL)
		lua_pushnil(L);
	else
		lua_pushstring(L, found);
	return 1;
}

/*
 * kumo.string.psl_domain(domain) -> string or nil
 *   What was registered: "example.co.uk" of "www.example.co.uk".  In small
 *   letters, without the dot at the end.  nil for a public suffix and for
 *   what is no domain.  Raises where kumilter is built without libpsl.
 */
static int
psl_domain(lua_State *L)
{
	return push_suffix(
	    L, "kumo.string.psl_domain", public_suffix_registered);
}

/* kumo.string.psl_suffix(domain) -> string or nil: "co.uk" of it */
static int
psl_suffix(lua_State *L)
{
	return push_suffix(L, "kumo.string.psl_suffix", public_suffix_of);
}

static const luaL_Reg functions[] = {
	{ "replace", replace },
	{ "replacen", replacen },
	{ "split", split },
	{ "splitn", splitn },
	{ "rsplit", rsplit },
	{ "rsplitn", rsplitn },
	{ "split_whitespace", split_whitespace },
	{ "split_ascii_whitespace", split_ascii_whitespace },
	{ "starts_with", starts_with },
	{ "ends_with", ends_with },
	{ "trim", trim },
	{ "trim_start", trim_start },
	{ "trim_end", trim_end },
	{ "wrap", wrap },
	{ "psl_domain", psl_domain },
	{ "psl_suffix", psl_suffix },
	{ NULL, NULL },
};

void
lb_text_open(lua_State *L)
{
	lb_module(L, "string", functions);
}
