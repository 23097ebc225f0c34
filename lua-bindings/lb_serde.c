/*
 * lb_serde.c - kumo.serde: JSON, TOML and YAML
 *
 * A parser raises "parsing TEXT as json: why", a loader "reading file PATH:
 * why" or "parsing PATH as json: why"; so do those of toml and yaml.  null is
 * nil, and an array stays one when it is written again.  An encoder raises
 * "cannot serialize ..." on what the format cannot hold.
 *
 * All: events any; wait no; from KumoMTA's kumo.serde.
 */
#include "lb.h"
#include "lb_open.h"

#include "milter/json_read.h"
#include "milter/plain_file.h"
#include "milter/toml.h"
#include "milter/yaml_read.h"
#include "milter/yaml_write.h"

#include <math.h>
#include <string.h>

#define QUOTED_MAX 1000 /* bytes of a text in an error */

/* ---- reading ------------------------------------------------------------ */

/* A TOML_FLOAT is a table on its way; its number replaces it. */
static bool
special_float(lua_State *L, int i, double *d)
{
	const char *text;

	lua_getfield(L, i, TOML_FLOAT);
	text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
	if (text != NULL) {
		*d = strstr(text, "inf") != NULL ? (double)INFINITY
						 : (double)NAN;
		if (text[0] == '-')
			*d = -*d;
	}
	lua_pop(L, 1);
	return text != NULL;
}

/* In the table on top, and all tables in it. */
static void
put_floats(lua_State *L)
{
	int table = lua_gettop(L);
	double d;

	luaL_checkstack(L, 8, "nested too deep");
	lua_pushnil(L);
	while (lua_next(L, table) != 0) {
		if (lua_istable(L, -1) && special_float(L, table + 2, &d)) {
			lua_pushvalue(L, -2);
			lua_pushnumber(L, d);
			lua_rawset(L, table);
		} else if (lua_istable(L, -1)) {
			put_floats(L);
		}
		lua_settop(L, table + 1);
	}
}

struct parsed {
	const json_t *value;
	bool has_float;
};

static int
push_parsed(lua_State *L)
{
	const struct parsed *parsed = lua_touserdata(L, 1);

	lb_pushjson(L, parsed->value);
	if (parsed->has_float)
		put_floats(L);
	return 1;
}

/* Push it and let it go: there may be no room for it. */
static int
give(lua_State *L, json_t *value, bool has_float)
{
	struct parsed parsed = { value, has_float };
	int status;

	lua_pushcfunction(L, push_parsed);
	lua_pushlightuserdata(L, &parsed);
	status = lua_pcall(L, 1, 1, 0);
	json_decref(value);
	return status == 0 ? 1 : lua_error(L);
}

struct format {
	const char *name;
	json_t *(*read)(
	    const char *text, size_t len, bool *has_float, struct err *err);
};

static json_t *
read_json(const char *text, size_t len, bool *has_float, struct err *err)
{
	(void)has_float;
	return json_read(text, len, err);
}

static json_t *
read_yaml(const char *text, size_t len, bool *has_float, struct err *err)
{
	(void)has_float;
	return yaml_read(text, len, err);
}

static const struct format json = { "json", read_json },
			   toml = { "toml", toml_read },
			   yaml = { "yaml", read_yaml };

/* what: the text or the path, at 1. */
static int
parse(lua_State *L, const struct format *format, const char *text, size_t len)
{
	bool has_float = false;
	struct err err;
	json_t *value = format->read(text, len, &has_float, &err);
	size_t n = lua_objlen(L, 1);

	if (value != NULL)
		return give(L, value, has_float);
	luaL_where(L, 1);
	lua_pushliteral(L, "parsing ");
	lua_pushlstring(L, lua_tostring(L, 1), n < QUOTED_MAX ? n : QUOTED_MAX);
	lua_pushfstring(L, "%s as %s: %s", n < QUOTED_MAX ? "" : "...",
	    format->name, err.msg);
	lua_concat(L, 4);
	return lua_error(L);
}

static int
parse_text(lua_State *L, const struct format *format)
{
	size_t len;
	const char *text = lb_text(L, 1, &len);

	return parse(L, format, text, len);
}

static int
load(lua_State *L, const struct format *format)
{
	struct str text = { 0 };
	struct err err;
	size_t len;
	const char *path = lb_text(L, 1, &len);

	if (strlen(path) != len)
		return luaL_error(
		    L, "reading file %s: a path with a NUL in it", path);
	if (plain_file_get(path, &text, &err) != 0) {
		str_fini(&text);
		return luaL_error(L, "reading file %s: %s", path,
		    err.msg + (strncmp(err.msg, path, len) == 0 ? len + 2 : 0));
	}
	lb_push_str(L, &text);
	return parse(L, format, lua_tostring(L, -1), lua_objlen(L, -1));
}

/*
 * kumo.serde.json_parse(text) -> value; also kumo.json_parse
 *   Comments may be in it, as in C or behind a '#'.
 */
static int
json_parse(lua_State *L)
{
	return parse_text(L, &json);
}

/*
 * kumo.serde.json_load(path) -> value; also kumo.json_load
 *   json_parse of what is in the file.
 */
static int
json_load(lua_State *L)
{
	return load(L, &json);
}

/*
 * kumo.serde.toml_parse(text) -> table; also kumo.toml_parse
 *   TOML 1.0.  A date is a table { ["$__toml_private_datetime"] = text }.
 */
static int
toml_parse(lua_State *L)
{
	return parse_text(L, &toml);
}

/*
 * kumo.serde.toml_load(path) -> table; also kumo.toml_load
 *   toml_parse of what is in the file.
 */
static int
toml_load(lua_State *L)
{
	return load(L, &toml);
}

/*
 * kumo.serde.yaml_parse(text) -> value
 *   One document, with the types of YAML 1.2.  Raises where kumilter is built
 *   without libyaml.
 */
static int
yaml_parse(lua_State *L)
{
	return parse_text(L, &yaml);
}

/*
 * kumo.serde.yaml_load(path) -> value
 *   yaml_parse of what is in the file.
 */
static int
yaml_load(lua_State *L)
{
	return load(L, &yaml);
}

/* ---- writing ------------------------------------------------------------ */

/*
 * kumo.serde.json_encode(value) -> string; also kumo.json_encode
 *   On one line.
 */
static int
json_encode(lua_State *L)
{
	luaL_checkany(L, 1);
	lb_push_json_text(L, 1, false);
	return 1;
}

/*
 * kumo.serde.json_encode_pretty(value) -> string; also kumo.json_encode_pretty
 *   An indent of two, keys in order.
 */
static int
json_encode_pretty(lua_State *L)
{
	luaL_checkany(L, 1);
	lb_push_json_text(L, 1, true);
	return 1;
}

static json_t *
value_at_1(lua_State *L)
{
	struct err err;
	json_t *value;

	luaL_checkany(L, 1);
	value = lb_tojson(L, 1, NULL, &err);
	if (value == NULL)
		luaL_error(L, "%s", err.msg);
	return value;
}

static int
write_toml(lua_State *L, enum toml_style style)
{
	json_t *value = value_at_1(L);
	struct str out = { 0 };
	struct err err;
	int rc = toml_write(&out, value, style, &err);

	json_decref(value);
	if (rc != 0) {
		str_fini(&out);
		return luaL_error(L, "cannot serialize as toml: %s", err.msg);
	}
	lb_push_str(L, &out);
	return 1;
}

/*
 * kumo.serde.toml_encode(table) -> string; also kumo.toml_encode
 *   Raises on what is no table, and on inf and nan.
 */
static int
toml_encode(lua_State *L)
{
	return write_toml(L, TOML_PLAIN);
}

/*
 * kumo.serde.toml_encode_pretty(table) -> string
 * kumo.toml_encode_pretty(table) -> string
 *   As toml_encode; longer arrays have a line for each element.
 */
static int
toml_encode_pretty(lua_State *L)
{
	return write_toml(L, TOML_PRETTY);
}

/*
 * kumo.serde.toml_encode_pretty_compact(table) -> string
 *   As toml_encode_pretty; an empty table is "key = {}".
 */
static int
toml_encode_pretty_compact(lua_State *L)
{
	return write_toml(L, TOML_COMPACT);
}

/*
 * kumo.serde.yaml_encode(value) -> string
 *   Needs no libyaml.
 */
static int
yaml_encode(lua_State *L)
{
	json_t *value = value_at_1(L);
	struct str out = { 0 };

	yaml_write(&out, value);
	json_decref(value);
	lb_push_str(L, &out);
	return 1;
}

static const luaL_Reg functions[] = {
	{ "json_parse", json_parse },
	{ "json_load", json_load },
	{ "json_encode", json_encode },
	{ "json_encode_pretty", json_encode_pretty },
	{ "toml_parse", toml_parse },
	{ "toml_load", toml_load },
	{ "toml_encode", toml_encode },
	{ "toml_encode_pretty", toml_encode_pretty },
	{ "toml_encode_pretty_compact", toml_encode_pretty_compact },
	{ "yaml_parse", yaml_parse },
	{ "yaml_load", yaml_load },
	{ "yaml_encode", yaml_encode },
	{ NULL, NULL },
};

/* Their first names, in kumo itself: the first eight. */
#define OLD_NAMES 8

void
lb_serde_open(lua_State *L)
{
	lb_module(L, "serde", functions);
	lua_getfield(L, -1, "serde");
	for (int i = 0; i < OLD_NAMES; i++) {
		lua_getfield(L, -1, functions[i].name);
		lua_setfield(L, -3, functions[i].name);
	}
	lua_pop(L, 1);
}
