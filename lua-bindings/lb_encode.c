/*
 * lb_encode.c - kumo.encode: bytes as text, and texts in other charsets
 *
 * For each NAME of base32, base32_nopad, base32hex, base32hex_nopad, base64,
 * base64_nopad, base64url, base64url_nopad and hex:
 *
 * kumo.encode.NAME_encode(bytes) -> string
 *   Raises "parameter must be a string" for anything else, numbers too.
 * kumo.encode.NAME_decode(text) -> bytes
 *   Raises on a symbol or a length that is none, and on white space.  '=' at
 *   the end may be missing or too many where the encoding has padding.
 *
 * All: events any; wait no; from KumoMTA's kumo.encode.
 */
#include "lb.h"
#include "lb_open.h"

#include "milter/charset.h"
#include "milter/charset_strict.h"
#include "milter/encoding.h"

#include <stdio.h>

static enum encoding
chosen(lua_State *L)
{
	return (enum encoding)lua_tointeger(L, lua_upvalueindex(1));
}

static int
encode(lua_State *L)
{
	struct str out = { 0 };
	size_t len;
	const char *p;

	if (lua_type(L, 1) != LUA_TSTRING)
		return luaL_error(L, "parameter must be a string");
	p = lua_tolstring(L, 1, &len);
	encoding_write(&out, chosen(L), p, len);
	lb_push_str(L, &out);
	return 1;
}

static int
decode(lua_State *L)
{
	struct str out = { 0 };
	struct err err;
	size_t len;
	const char *p = lb_text(L, 1, &len);

	if (encoding_read(&out, chosen(L), p, len, &err) != 0) {
		str_fini(&out);
		return luaL_error(L, "kumo.encode.%s_decode: %s",
		    encoding_name(chosen(L)), err.msg);
	}
	lb_push_str(L, &out);
	return 1;
}

/*
 * kumo.encode.charset_decode(charset, bytes) -> string
 *   Raises on a charset that is not known and on bytes that are no text in it.
 */
static int
charset_decode_bytes(lua_State *L)
{
	struct str out = { 0 };
	struct err err;
	size_t name_len, len;
	const char *name = lb_text(L, 1, &name_len);
	const char *p = lb_text(L, 2, &len);

	if (charset_iconv_name(name, name_len) == NULL)
		return luaL_error(L, "unknown charset %s", name);
	if (charset_decode(&out, name, name_len, p, len, &err) != 0) {
		str_fini(&out);
		return luaL_error(L,
		    "input string did not decode from %s bytes: %s", name,
		    err.msg);
	}
	lb_push_str(L, &out);
	return 1;
}

/*
 * kumo.encode.charset_encode(charset, text [, ignore_errors]) -> bytes
 *   What the charset does not have is left out, or raises if ignore_errors is
 *   false.  Raises on a charset that is not known.
 */
static int
charset_encode_text(lua_State *L)
{
	struct str out = { 0 };
	struct err err;
	size_t name_len, len;
	const char *name = lb_text(L, 1, &name_len);
	const char *p = lb_text(L, 2, &len);
	bool leave_out = lua_isnoneornil(L, 3) || lua_toboolean(L, 3);

	if (charset_iconv_name(name, name_len) == NULL)
		return luaL_error(L, "unknown charset %s", name);
	if (charset_encode(&out, name, name_len, p, len, leave_out, &err) !=
	    0) {
		str_fini(&out);
		return luaL_error(L,
		    "input string did not encode into %s bytes: %s", name,
		    err.msg);
	}
	lb_push_str(L, &out);
	return 1;
}

static const luaL_Reg functions[] = {
	{ "charset_decode", charset_decode_bytes },
	{ "charset_encode", charset_encode_text },
	{ NULL, NULL },
};

static void
add(lua_State *L, const char *verb, lua_CFunction f, int e)
{
	char name[48];

	snprintf(
	    name, sizeof name, "%s_%s", encoding_name((enum encoding)e), verb);
	lua_pushinteger(L, e);
	lua_pushcclosure(L, f, 1);
	lua_setfield(L, -2, name);
}

void
lb_encode_open(lua_State *L)
{
	lb_module(L, "encode", functions);
	lua_getfield(L, -1, "encode");
	for (int e = 0; e < ENCODINGS; e++) {
		add(L, "encode", encode, e);
		add(L, "decode", decode, e);
	}
	lua_pop(L, 1);
}
