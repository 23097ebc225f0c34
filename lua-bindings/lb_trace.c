/*
 * lb_trace.c - kumo.apply_supplemental_trace_header
 */
#include "lb.h"
#include "lb_message.h"
#include "lb_open.h"

#include "milter/message.h"
#include "milter/transfer.h"

#include <stdlib.h>
#include <string.h>

#define LINE 900

struct trace {
	const char *header; /* its name */
	bool wanted;
};

/* The message's metadata of this name; a final '*' stands for any rest. */
static void
add_meta(json_t *to, json_t *meta, const char *name)
{
	size_t n = strlen(name);
	const char *key;
	json_t *value;

	json_object_foreach (meta, key, value)
		if (strcmp(key, name) == 0 ||
		    (n > 0 && name[n - 1] == '*' &&
			strncmp(key, name, n - 1) == 0))
			json_object_set(to, key, value);
}

static json_t *
recipients(const struct message *m)
{
	json_t *list = json_array(), *one;

	for (size_t i = 0; i < m->n_rcpt; i++)
		json_array_append_new(list, json_string(m->rcpt[i].email));
	if (m->n_rcpt != 1)
		return list;
	one = json_incref(json_array_get(list, 0));
	json_decref(list);
	return one;
}

/* Base64 on one line, folded only where SMTP would not carry it. */
static void
encode(struct str *out, const char *text)
{
	struct str lines = { 0 };
	size_t column = 0;

	transfer_base64(&lines, text, strlen(text));
	for (size_t i = 0; i < lines.len; i++) {
		if (lines.data[i] == '\r' || lines.data[i] == '\n')
			continue;
		if (column++ == LINE) {
			str_adds(out, "\n\t");
			column = 1;
		}
		str_addc(out, lines.data[i]);
	}
	str_fini(&lines);
}

static void
prepend(struct message *m, const char *name, json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT);
	struct str value = { 0 };

	if (text != NULL) /* NULL: metadata that is not UTF-8 */
		encode(&value, text);
	if (value.len > 0)
		headers_prepend(
		    &m->headers, name, strlen(name), value.data, value.len);
	str_fini(&value);
	free(text);
}

static void
take_options(lua_State *L, struct trace *t)
{
	static const char *const known[] = { "supplemental_header",
		"header_name", "include_meta_names", "received_header" };

	luaL_checktype(L, 2, LUA_TTABLE);
	for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1)) {
		bool ok = false;

		for (size_t i = 0; i < sizeof known / sizeof *known; i++)
			ok = ok ||
			     (lua_type(L, -2) == LUA_TSTRING &&
				 strcmp(lua_tostring(L, -2), known[i]) == 0);
		if (!ok)
			luaL_argerror(L, 2,
			    "keys supplemental_header, header_name, "
			    "include_meta_names, received_header");
	}
	lua_getfield(L, 2, "supplemental_header");
	if (!lua_isnil(L, -1))
		t->wanted = lua_toboolean(L, -1);
	lua_getfield(L, 2, "header_name");
	if (!lua_isnil(L, -1))
		t->header = lb_text(L, -1, NULL);
	lua_getfield(L, 2, "include_meta_names");
	if (!lua_isnil(L, -1))
		luaL_checktype(L, lua_gettop(L), LUA_TTABLE);
}

/*
 * kumo.apply_supplemental_trace_header(message [, options])
 *   options: { supplemental_header=true, header_name="X-KumoRef",
 *   include_meta_names={}, received_header= }.  Prepends a header whose value
 *   is base64 of a JSON object with the recipient and the named metadata
 *   (a final '*' takes all that begin so).  received_header is the MTA's.
 *   Raises on unknown options.  Events: those with a message.  Waits: no.
 *   From: KumoMTA.
 */
static int
apply_trace(lua_State *L)
{
	struct message *m = lb_message_check(L);
	struct trace t = { "X-KumoRef", true };
	json_t *object;
	int names;

	lua_settop(L, 2);
	lua_pushnil(L);
	if (!lua_isnil(L, 2))
		take_options(L, &t);
	names = lua_gettop(L); /* include_meta_names, or nil */
	if (!t.wanted)
		return 0;
	object =
	    json_pack("{s:s, s:o}", "_@_", "\\_/", "recipient", recipients(m));
	for (int i = 1; lua_istable(L, names) && i <= (int)lua_objlen(L, names);
	     i++) {
		lua_rawgeti(L, names, i);
		if (lua_type(L, -1) == LUA_TSTRING)
			add_meta(object, m->meta, lua_tostring(L, -1));
		lua_pop(L, 1);
	}
	prepend(m, t.header, object);
	json_decref(object);
	return 0;
}

static const luaL_Reg functions[] = {
	{ "apply_supplemental_trace_header", apply_trace },
	{ NULL, NULL },
};

void
lb_trace_open(lua_State *L)
{
	luaL_register(L, NULL, functions);
}
