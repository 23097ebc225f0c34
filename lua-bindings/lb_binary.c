/*
 * lb_binary.c - BinaryResult: bytes, and how they are written
 *
 *   binary.bytes      them as a string
 *   binary.hex, binary.base32, binary.base32_nopad, binary.base32hex,
 *   binary.base32hex_nopad, binary.base64, binary.base64_nopad,
 *   binary.base64url, binary.base64url_nopad
 *                     these forms of them
 *   tostring(binary)  hex
 *
 * All: events any; wait no; from KumoMTA's BinaryResult.
 */
#include "lb.h"
#include "lb_open.h"

#include "milter/encoding.h"

#include <string.h>

#define CLASS "kumo.BinaryResult"

struct binary {
	size_t len;
	char bytes[];
};

void
lb_push_binary(lua_State *L, const void *p, size_t n)
{
	struct binary *b = lb_new(L, CLASS, sizeof *b + n);

	b->len = n;
	if (n > 0)
		memcpy(b->bytes, p, n);
}

static int
push_form(lua_State *L, enum encoding e)
{
	const struct binary *b = lb_check(L, 1, CLASS);
	struct str out = { 0 };

	encoding_write(&out, e, b->bytes, b->len);
	lb_push_str(L, &out);
	return 1;
}

/* .bytes: them as a string */
static int
get_bytes(lua_State *L)
{
	const struct binary *b = lb_check(L, 1, CLASS);

	lua_pushlstring(L, b->bytes, b->len);
	return 1;
}

#define EACH_FORM(X)                                                           \
	X(base32, BASE32)                                                      \
	X(base32_nopad, BASE32_NOPAD)                                          \
	X(base32hex, BASE32HEX)                                                \
	X(base32hex_nopad, BASE32HEX_NOPAD)                                    \
	X(base64, BASE64)                                                      \
	X(base64_nopad, BASE64_NOPAD)                                          \
	X(base64url, BASE64URL)                                                \
	X(base64url_nopad, BASE64URL_NOPAD)                                    \
	X(hex, HEX)

#define FIELDS(name, form)                                                     \
	static int get_##name(lua_State *L)                                    \
	{                                                                      \
		return push_form(L, ENCODING_##form);                          \
	}
EACH_FORM(FIELDS)

#define ROWS(name, form) { #name, get_##name },

static const luaL_Reg fields[] = {
	{ "bytes", get_bytes },
	EACH_FORM(ROWS){ NULL, NULL },
};

static const luaL_Reg meta[] = {
	{ "__tostring", get_hex },
	{ NULL, NULL },
};

static const struct lb_class class = { CLASS, fields, NULL, meta };

void
lb_binary_open(lua_State *L)
{
	lb_class_open(L, &class);
}
