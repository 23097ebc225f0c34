/*
 * lb_msys_codec.c - native.codec: base64, quoted-printable, charsets and
 * internationalised names for Momentum's parts
 *
 * All give nil, why for what cannot be done; the parts in Lua raise or not.
 */
#include "lb.h"
#include "lb_open.h"

#include "milter/address.h"
#include "milter/charset.h"
#include "milter/header_text.h"
#include "milter/transfer.h"

#include <stdlib.h>
#include <string.h>

static int
failed(lua_State *L, const char *why)
{
	lua_pushnil(L);
	lua_pushstring(L, why);
	return 2;
}

static int
give(lua_State *L, struct str *out)
{
	lb_push_str(L, out);
	return 1;
}

/* codec.base64(text [, folded]) -> text; folded: lines of 76, each CRLF */
static int
base64(lua_State *L)
{
	size_t len, n = 0;
	const char *text = lb_text(L, 1, &len);
	struct str out = { 0 };

	transfer_base64(&out, text, len);
	if (!lua_toboolean(L, 2)) {
		for (size_t i = 0; i < out.len; i++)
			if (out.data[i] != '\r' && out.data[i] != '\n')
				out.data[n++] = out.data[i];
		out.len = n;
	}
	return give(L, &out);
}

/* codec.quoted_printable(text) -> text; line ends come out as CRLF */
static int
quoted_printable(lua_State *L)
{
	size_t len;
	const char *text = lb_text(L, 1, &len);
	struct str out = { 0 };

	transfer_quoted_printable(&out, text, len);
	return give(L, &out);
}

/* codec.decode("base64" | "quoted-printable", text) -> text | nil, why */
static int
decode(lua_State *L)
{
	size_t len, name_len;
	const char *name = lb_text(L, 1, &name_len);
	const char *text = lb_text(L, 2, &len);
	enum transfer t = transfer_named(name, name_len);
	struct str out = { 0 };

	if (!transfer_is_strict(t, text, len)) {
		lua_pushnil(L);
		lua_pushfstring(L, "the text is not %s", name);
		return 2;
	}
	transfer_decode(&out, t, text, len);
	return give(L, &out);
}

static int
convert(lua_State *L, bool (*how)(struct str *out, const char *name, size_t len,
			  const char *p, size_t n))
{
	size_t len, name_len;
	const char *text = lb_text(L, 1, &len);
	const char *name = lb_text(L, 2, &name_len);
	struct str out = { 0 };

	if (how(&out, name, name_len, text, len))
		return give(L, &out);
	lua_pushnil(L);
	lua_pushfstring(L, "the charset '%s' is not known", name);
	return 2;
}

/* codec.to_utf8(text, charset) -> text | nil, why */
static int
to_utf8(lua_State *L)
{
	return convert(L, charset_to_utf8);
}

/* codec.from_utf8(text, charset) -> text | nil, why */
static int
from_utf8(lua_State *L)
{
	return convert(L, charset_from_utf8);
}

/* codec.repair(text) -> text with U+FFFD for what is not UTF-8 */
static int
repair(lua_State *L)
{
	size_t len;
	const char *text = lb_text(L, 1, &len);
	struct str out = { 0 };

	if (header_text_is_utf8(text, len)) {
		lua_pushvalue(L, 1);
		return 1;
	}
	charset_repair(&out, text, len);
	return give(L, &out);
}

static int
name_as(lua_State *L, const char *what,
    char *(*how)(const char *text, size_t len, struct err *err))
{
	size_t len;
	const char *text = lb_text(L, 1, &len);
	struct str out = { 0 };
	struct err err;

	if (!address_knows_idn())
		return luaL_error(L, "%s: built without libidn2", what);
	out.data = how(text, len, &err);
	if (out.data == NULL)
		return failed(L, err.msg);
	out.len = strlen(out.data);
	return give(L, &out);
}

/* codec.to_idn(domain) -> with A-labels | nil, why */
static int
to_idn(lua_State *L)
{
	return name_as(L, "msys.idn.to_idn", address_domain);
}

/* codec.from_idn(domain) -> with U-labels | nil, why */
static int
from_idn(lua_State *L)
{
	return name_as(L, "msys.idn.to_utf8", address_domain_utf8);
}

static const luaL_Reg functions[] = {
	{ "base64", base64 },
	{ "quoted_printable", quoted_printable },
	{ "decode", decode },
	{ "to_utf8", to_utf8 },
	{ "from_utf8", from_utf8 },
	{ "repair", repair },
	{ "to_idn", to_idn },
	{ "from_idn", from_idn },
	{ NULL, NULL },
};

void
lb_msys_codec_open(lua_State *L)
{
	lua_newtable(L);
	luaL_register(L, NULL, functions);
	lua_setfield(L, -2, "codec");
}
