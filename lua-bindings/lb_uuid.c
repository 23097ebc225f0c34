/*
 * lb_uuid.c - kumo.uuid
 *
 *   uuid.hyphenated, uuid.braced, uuid.urn
 *                     strings in these forms
 *   uuid.simple       without hyphens
 *   uuid.bytes        16 of them
 *   tostring(uuid)    hyphenated
 *
 * All: events any; wait no; from KumoMTA's kumo.uuid.
 */
#include "lb.h"
#include "lb_open.h"

#include "milter/uuid.h"

#define CLASS "kumo.UUID"

static int
push_new(lua_State *L, int version)
{
	uuid_new(lb_new(L, CLASS, sizeof(struct uuid)), version);
	return 1;
}

/* kumo.uuid.new_v1() -> UUID: by the time, and a node made at random */
static int
new_v1(lua_State *L)
{
	return push_new(L, 1);
}

/* kumo.uuid.new_v4() -> UUID: random */
static int
new_v4(lua_State *L)
{
	return push_new(L, 4);
}

/* kumo.uuid.new_v6() -> UUID: as new_v1, but in the order of the time */
static int
new_v6(lua_State *L)
{
	return push_new(L, 6);
}

/* kumo.uuid.new_v7() -> UUID: by the time, the rest random */
static int
new_v7(lua_State *L)
{
	return push_new(L, 7);
}

/* kumo.uuid.parse(text) -> UUID: any form; raises on what is none */
static int
parse(lua_State *L)
{
	size_t len;
	const char *text = lb_text(L, 1, &len);
	struct uuid *id = lb_new(L, CLASS, sizeof *id);
	struct err err;

	if (uuid_parse(id, text, len, &err) != 0)
		return luaL_error(L, "kumo.uuid.parse: %s", err.msg);
	return 1;
}

static const luaL_Reg functions[] = {
	{ "new_v1", new_v1 },
	{ "new_v4", new_v4 },
	{ "new_v6", new_v6 },
	{ "new_v7", new_v7 },
	{ "parse", parse },
	{ NULL, NULL },
};

static int
push_text(lua_State *L, enum uuid_form form)
{
	char text[UUID_TEXT];

	uuid_write(text, lb_check(L, 1, CLASS), form);
	lua_pushstring(L, text);
	return 1;
}

static int
get_hyphenated(lua_State *L)
{
	return push_text(L, UUID_HYPHENATED);
}

static int
get_simple(lua_State *L)
{
	return push_text(L, UUID_SIMPLE);
}

static int
get_braced(lua_State *L)
{
	return push_text(L, UUID_BRACED);
}

static int
get_urn(lua_State *L)
{
	return push_text(L, UUID_URN);
}

static int
get_bytes(lua_State *L)
{
	const struct uuid *id = lb_check(L, 1, CLASS);

	lua_pushlstring(L, (const char *)id->bytes, sizeof id->bytes);
	return 1;
}

static const luaL_Reg fields[] = {
	{ "hyphenated", get_hyphenated },
	{ "simple", get_simple },
	{ "braced", get_braced },
	{ "urn", get_urn },
	{ "bytes", get_bytes },
	{ NULL, NULL },
};

static const luaL_Reg meta[] = {
	{ "__tostring", get_hyphenated },
	{ NULL, NULL },
};

static const struct lb_class class = { CLASS, fields, NULL, meta };

void
lb_uuid_open(lua_State *L)
{
	lb_class_open(L, &class);
	lb_module(L, "uuid", functions);
}
