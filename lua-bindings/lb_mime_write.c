/*
 * lb_mime_write.c - the value of a header from what a policy gives for it
 *
 * Text must read as what the header is; it goes into the header as it is.
 * Tables are what reading gives (lb_mime_header.c).
 */
#include "lb.h"
#include "lb_mime.h"

#include "milter/header_fold.h"
#include "milter/message_id.h"
#include "milter/mime_param.h"
#include "milter/transfer.h"

#include <string.h>

#define LIST_MAX 10000

static int
invalid(lua_State *L, const char *name, const char *why)
{
	return luaL_error(L, "invalid header %s: %s", name, why);
}

/* The array at -1 has how many entries? */
static int
length(lua_State *L, const char *name)
{
	size_t n;

	if (!lua_istable(L, -1))
		invalid(L, name, "an array expected");
	n = lua_objlen(L, -1);
	if (n == 0 || n > LIST_MAX)
		invalid(L, name, n == 0 ? "an empty array" : "too long");
	return (int)n;
}

/* ---- mailboxes ---------------------------------------------------------- */

static bool
is_atom(const char *p, size_t len, const char *also)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] == '\0' ||
		    ((unsigned char)p[i] <= ' ' &&
			strchr(also, p[i]) == NULL) ||
		    p[i] == 0x7f || strchr("()<>[]:;@\\,\"", p[i]) != NULL ||
		    (p[i] == '.' && strchr(also, '.') == NULL))
			return false;
	return len > 0;
}

static void
add_quoted(struct str *out, const char *p, size_t len)
{
	str_addc(out, '"');
	for (size_t i = 0; i < len; i++) {
		if (p[i] == '"' || p[i] == '\\')
			str_addc(out, '\\');
		str_addc(out,
		    (unsigned char)p[i] < ' ' || p[i] == 0x7f ? ' ' : p[i]);
	}
	str_addc(out, '"');
}

/* also: what beside letters needs no quotes. */
static void
add_name(struct str *out, const char *p, size_t len, const char *also)
{
	struct str words = { 0 };
	bool ascii = true;

	for (size_t i = 0; i < len; i++)
		ascii &= (p[i] & 0x80) == 0;
	if (!ascii) {
		header_fold(&words, p, len);
		transfer_crlf(out, words.data, words.len);
		str_fini(&words);
	} else if (is_atom(p, len, also)) {
		str_add(out, p, len);
	} else {
		add_quoted(out, p, len);
	}
}

/* Field key of the table at -1 as text, left on the stack; or NULL. */
static const char *
get_text(lua_State *L, const char *key, size_t *len, const char *name)
{
	lua_getfield(L, -1, key);
	if (lua_isnil(L, -1))
		return NULL;
	if (lua_type(L, -1) != LUA_TSTRING)
		luaL_error(L, "invalid header %s: %s is no string", name, key);
	return lua_tolstring(L, -1, len);
}

static bool
is_domain(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)p[i] <= ' ' || p[i] == 0x7f ||
		    strchr("()<>;@\\,\"", p[i]) != NULL)
			return false;
	return len > 0;
}

/* The table at -1, which may be { address = {...} }: "<local@domain>" */
static void
add_address(lua_State *L, const char *name, struct str *out)
{
	size_t len = 0, domain_len = 0;
	const char *local, *domain;

	lua_getfield(L, -1, "address");
	if (!lua_istable(L, -1))
		invalid(L, name, "a mailbox without an address");
	local = get_text(L, "local_part", &len, name);
	lua_insert(L, -2);
	domain = get_text(L, "domain", &domain_len, name);
	if (local == NULL || len == 0 || domain == NULL ||
	    !is_domain(domain, domain_len))
		invalid(L, name, "an address without local_part or domain");
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)local[i] < ' ' || local[i] == 0x7f)
			invalid(L, name, "control characters in an address");
	str_addc(out, '<');
	if (is_atom(local, len, ".") && local[0] != '.' &&
	    local[len - 1] != '.' && strstr(local, "..") == NULL)
		str_add(out, local, len);
	else
		add_quoted(out, local, len);
	str_addc(out, '@');
	str_add(out, domain, domain_len);
	str_addc(out, '>');
	lua_pop(L, 3);
}

static void
add_mailbox(lua_State *L, const char *name, struct str *out)
{
	const char *text;
	size_t len;

	if (!lua_istable(L, -1))
		invalid(L, name, "a mailbox that is no table");
	text = get_text(L, "name", &len, name);
	if (text != NULL) {
		add_name(out, text, len, "");
		str_addc(out, ' ');
	}
	lua_pop(L, 1);
	add_address(L, name, out);
}

static void add_list(
    lua_State *L, enum lb_mime_kind kind, const char *name, struct str *out);

static void
add_entry(
    lua_State *L, enum lb_mime_kind kind, const char *name, struct str *out)
{
	const char *text;
	size_t len;

	if (!lua_istable(L, -1))
		invalid(L, name, "a mailbox that is no table");
	lua_getfield(L, -1, "entries");
	if (lua_isnil(L, -1) || kind != LB_MIME_ADDRESS_LIST) {
		lua_pop(L, 1);
		add_mailbox(L, name, out);
		return;
	}
	lua_insert(L, -2);
	text = get_text(L, "name", &len, name);
	if (text == NULL || len == 0)
		invalid(L, name, "a group without a name");
	add_name(out, text, len, " ");
	str_addc(out, ':');
	lua_pop(L, 1);
	lua_insert(L, -2);
	if (lua_istable(L, -1) && lua_objlen(L, -1) > 0)
		add_list(L, LB_MIME_MAILBOX_LIST, name, out);
	str_addc(out, ';');
	lua_pop(L, 1);
}

/* The array at -1. */
static void
add_list(
    lua_State *L, enum lb_mime_kind kind, const char *name, struct str *out)
{
	int n = length(L, name);

	luaL_checkstack(L, 10, "addresses");
	for (int i = 1; i <= n; i++) {
		if (i > 1)
			str_adds(out, ",\r\n\t");
		lua_rawgeti(L, -1, i);
		add_entry(L, kind, name, out);
		lua_pop(L, 1);
	}
}

/* ---- the others --------------------------------------------------------- */

static void
add_ids(lua_State *L, const char *name, struct str *out)
{
	int n = length(L, name);

	for (int i = 1; i <= n; i++) {
		const char *id;
		size_t len;

		lua_rawgeti(L, -1, i);
		id = lua_tolstring(L, -1, &len);
		if (id == NULL || !message_id_is(id, len))
			invalid(L, name, "not a message id");
		str_adds(out, i > 1 ? "\r\n\t<" : "<");
		str_add(out, id, len);
		str_addc(out, '>');
		lua_pop(L, 1);
	}
}

/* The keys of the table at -1, sorted, as an array above it. */
static int
push_sorted_keys(lua_State *L, const char *name)
{
	int n = 0;

	lua_newtable(L);
	for (lua_pushnil(L); lua_next(L, -3); lua_pop(L, 1)) {
		if (lua_type(L, -2) != LUA_TSTRING || !lua_isstring(L, -1))
			invalid(L, name, "parameters are strings by names");
		if (++n > MIME_PARAM_MAX)
			invalid(L, name, "too many parameters");
		lua_pushvalue(L, -2);
		lua_rawseti(L, -4, n);
	}
	/* few: sorted by insertion */
	for (int i = 2; i <= n; i++)
		for (int k = i; k > 1; k--) {
			lua_rawgeti(L, -1, k - 1);
			lua_rawgeti(L, -2, k);
			if (!lua_lessthan(L, -1, -2)) {
				lua_pop(L, 2);
				break;
			}
			lua_rawseti(L, -3, k - 1);
			lua_rawseti(L, -2, k);
		}
	return n;
}

/* "; name=value" for one parameter: one value at a time, to own nothing. */
static void
add_param(struct str *out, const char *name, const char *value, size_t len)
{
	struct mime_param param = { (char *)name, (char *)value, len };
	struct mime_value v = { (char *)"", &param, 1 };

	mime_value_write(out, &v);
}

static void
add_params(lua_State *L, const char *name, struct str *out)
{
	const char *value;
	size_t len;
	int n;

	value = get_text(L, "value", &len, name);
	if (value == NULL || len == 0)
		invalid(L, name, "a table without value");
	for (size_t i = 0; i < len; i++)
		if (!mime_is_token(value[i]) && value[i] != '/')
			invalid(L, name, "value is not type/subtype");
	str_add(out, value, len);
	lua_pop(L, 1);
	lua_getfield(L, -1, "parameters");
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		return;
	}
	if (!lua_istable(L, -1))
		invalid(L, name, "parameters is no table");
	n = push_sorted_keys(L, name);
	for (int i = 1; i <= n; i++) {
		lua_rawgeti(L, -1, i);
		lua_pushvalue(L, -1);
		lua_gettable(L, -4);
		value = lua_tolstring(L, -1, &len);
		add_param(out, lua_tostring(L, -2), value, len);
		lua_pop(L, 2);
	}
	lua_pop(L, 2);
}

/* Text that reads as such: reading raises where it does not. */
static void
add_text(lua_State *L, int i, enum lb_mime_kind kind, const char *name,
    struct str *out)
{
	size_t len;
	const char *text = lb_text(L, i, &len);

	lb_mime_value_push(L, kind, name, text, len);
	lua_pop(L, 1);
	str_add(out, text, len);
}

void
lb_mime_value_write(lua_State *L, int i, enum lb_mime_kind kind,
    const char *name, struct str *out)
{
	if (!lua_istable(L, i)) {
		add_text(L, i, kind, name, out);
		return;
	}
	lua_pushvalue(L, i);
	switch (kind) {
	case LB_MIME_MAILBOX:
		add_mailbox(L, name, out);
		break;
	case LB_MIME_MAILBOX_LIST:
	case LB_MIME_ADDRESS_LIST:
		add_list(L, kind, name, out);
		break;
	case LB_MIME_ID_LIST:
		add_ids(L, name, out);
		break;
	case LB_MIME_PARAMS:
		add_params(L, name, out);
		break;
	default:
		invalid(L, name, "a string expected");
	}
	lua_pop(L, 1);
}
