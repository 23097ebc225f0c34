/*
 * test_native.c - what test.lua calls: sessions, clocks, the policy
 */
#include "test_inside.h"

#include "clock.h"
#include "epoch.h"
#include "lua-bindings/bindings.h"
#include "pretend.h"
#include "test_cover.h"
#include "test_json.h"
#include "xmalloc.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIM "kumilter.sim"

/* A session and the texts that its client points to. */
struct box {
	struct sim *sim;
	json_t *spec;
	struct sim_macro *macro;
};

static struct test_host *
host_of(lua_State *L)
{
	return lua_touserdata(L, lua_upvalueindex(1));
}

/* ---- the policy ---------------------------------------------------------- */

static const char *
text_of(const json_t *spec, const char *key)
{
	return json_string_value(json_object_get(spec, key));
}

/* The lines of the policy, and of what is below its folder. */
static void
cover(const struct test_host *h, const char *policy)
{
	char *folder;

	if (!h->o.cover)
		return;
	folder = test_host_folder(policy);
	test_cover_begin(folder);
	free(folder);
}

static struct epoch *
load_policy(struct test_host *h, const json_t *spec, struct err *err)
{
	struct epoch_options o = { .policy = h->o.policy != NULL
						 ? h->o.policy
						 : text_of(spec, "policy"),
		.scriptlets = h->o.scriptlets,
		.n_scriptlets = h->o.n_scriptlets,
		.states = 1,
		.prepare = test_fake_prepare };
	json_t *list = json_object_get(spec, "scriptlets");
	const char **names = xcalloc(json_array_size(list) + 1, sizeof *names);
	struct epoch *e;

	if (json_array_size(list) > 0 && o.n_scriptlets == 0) {
		for (size_t i = 0; i < json_array_size(list); i++)
			names[i] = json_string_value(json_array_get(list, i));
		o.scriptlets = names;
		o.n_scriptlets = (int)json_array_size(list);
	}
	if (h->o.policy == NULL && h->o.n_scriptlets > 0)
		o.policy = NULL;
	cover(h, o.policy != NULL     ? o.policy
		 : o.n_scriptlets > 0 ? o.scriptlets[0]
				      : "");
	test_fake_begin(h, spec);
	e = epoch_load(&o, err);
	free(names);
	return e;
}

/* start(spec) -> true, or nil and what is wrong with the policy */
static int
start(lua_State *L)
{
	struct test_host *h = host_of(L);
	json_t *spec = test_json_at(L, 1);
	struct err err;
	struct epoch *e = load_policy(h, spec, &err);

	json_decref(spec);
	if (e == NULL) {
		lua_pushnil(L);
		lua_pushstring(L, err.msg);
		return 2;
	}
	epoch_set_current(e);
	h->loaded = true;
	lua_pushboolean(L, 1);
	return 1;
}

/* ---- sessions ------------------------------------------------------------ */

static struct box *
box_at(lua_State *L)
{
	struct box *b = luaL_checkudata(L, 1, SIM);

	if (b->sim == NULL)
		luaL_error(L, "the session is over");
	return b;
}

static int
bad_spec(lua_State *L, json_t *spec, const struct err *err)
{
	json_decref(spec);
	return luaL_error(L, "t.session: %s", err->msg);
}

static int
take_address(struct ip *ip, int *port, const char *text, struct err *err)
{
	int given;

	if (text == NULL)
		return 0;
	if (strcmp(text, "unix") == 0) {
		*ip = (struct ip){ 0 };
		return 0;
	}
	if (ip_parse_port(ip, &given, text, err) != 0)
		return -1;
	if (given != IP_NO_PORT)
		*port = given;
	return 0;
}

static void
take_macros(struct box *b, struct sim_client *c, json_t *macros)
{
	const char *name;
	json_t *value;

	b->macro = xcalloc(json_object_size(macros) + 1, sizeof *b->macro);
	json_object_foreach (macros, name, value)
		if (json_is_string(value))
			b->macro[c->n_macros++] = (struct sim_macro){ name,
				json_string_value(value) };
	c->macro = b->macro;
}

static int
client_of(struct sim_client *c, const json_t *spec, struct err *err)
{
	const char *mta = text_of(spec, "mta");

	sim_client_init(c);
	if (text_of(spec, "host") != NULL)
		c->mta_host = text_of(spec, "host");
	c->name = text_of(spec, "name");
	c->ptr = text_of(spec, "ptr");
	if (c->ptr == NULL)
		c->ptr = c->name;
	c->user = text_of(spec, "auth");
	c->tls_version = text_of(spec, "tls");
	c->tls_cipher = text_of(spec, "cipher");
	if ((mta != NULL && mta_parse(mta, &c->mta, err) != 0) ||
	    take_address(&c->ip, &c->port, text_of(spec, "client"), err) != 0)
		return -1;
	return take_address(
	    &c->local, &c->local_port, text_of(spec, "listener"), err);
}

/* open(spec) -> sim */
static int
open_session(lua_State *L)
{
	struct test_host *h = host_of(L);
	json_t *spec = test_json_at(L, 1);
	struct sim_client c;
	struct err err;
	struct box *b;

	must(h->loaded);
	if (client_of(&c, spec, &err) != 0)
		return bad_spec(L, spec, &err);
	b = lua_newuserdata(L, sizeof *b);
	*b = (struct box){ .spec = spec };
	luaL_getmetatable(L, SIM);
	lua_setmetatable(L, -2);
	take_macros(b, &c, json_object_get(spec, "macros"));
	b->sim = transcript_open(&h->t, &c);
	return 1;
}

static int
close_session(lua_State *L)
{
	struct box *b = luaL_checkudata(L, 1, SIM);

	sim_free(b->sim);
	json_decref(b->spec);
	free(b->macro);
	*b = (struct box){ NULL, NULL, NULL };
	return 0;
}

static void
set_flag(lua_State *L, const char *key, bool value)
{
	lua_pushboolean(L, value);
	lua_setfield(L, -2, key);
}

/* { lines =, code =, closes =, by =, stalls =, wants_content = } */
static int
push_answer(lua_State *L, struct sim_answer *a)
{
	const char *p = str_c(&a->text);
	int n = 0;

	lua_newtable(L);
	lua_newtable(L);
	while (*p != '\0') {
		size_t len = strcspn(p, "\n");

		lua_pushlstring(L, p, len);
		lua_rawseti(L, -2, ++n);
		p += len + (p[len] == '\n');
	}
	lua_setfield(L, -2, "lines");
	lua_pushinteger(L, a->code);
	lua_setfield(L, -2, "code");
	lua_pushstring(L, a->by_policy ? "policy" : "mta");
	lua_setfield(L, -2, "by");
	set_flag(L, "closes", a->closed);
	set_flag(L, "stalls", a->stalls);
	set_flag(L, "wants_content", a->wants_content);
	sim_answer_fini(a);
	return 1;
}

static int
greet(lua_State *L)
{
	struct sim_answer a = { 0 };

	transcript_greet(&host_of(L)->t, box_at(L)->sim, &a);
	return push_answer(L, &a);
}

static int
command(lua_State *L)
{
	struct box *b = box_at(L);
	struct sim_answer a = { 0 };

	if (!sim_is_open(b->sim))
		return luaL_error(L, "the server has closed the connection");
	transcript_command(&host_of(L)->t, b->sim, luaL_checkstring(L, 2), &a);
	return push_answer(L, &a);
}

static int
content(lua_State *L)
{
	struct box *b = box_at(L);
	struct sim_answer a = { 0 };
	size_t len;
	const char *text = luaL_checklstring(L, 2, &len);

	if (!sim_is_open(b->sim))
		return luaL_error(L, "the server has closed the connection");
	transcript_content(&host_of(L)->t, b->sim, text, len, &a);
	return push_answer(L, &a);
}

static int
is_open(lua_State *L)
{
	lua_pushboolean(L, sim_is_open(box_at(L)->sim));
	return 1;
}

static int
meta(lua_State *L)
{
	test_json_push(L, sim_meta(box_at(L)->sim));
	return 1;
}

static void
push_rcpts(lua_State *L, const struct sim_mail *m)
{
	lua_newtable(L);
	for (size_t i = 0; i < m->n_rcpts; i++) {
		lua_pushstring(L, m->rcpt[i]);
		lua_rawseti(L, -2, (int)i + 1);
	}
}

static void
push_fields(lua_State *L, const struct sim_mail *m)
{
	lua_newtable(L);
	for (size_t i = 0; i < m->n_fields; i++) {
		const char *raw = m->field[i].raw;

		lua_newtable(L);
		lua_pushstring(L, m->field[i].name);
		lua_rawseti(L, -2, 1);
		lua_pushstring(L, raw[0] == ' ' ? raw + 1 : raw);
		lua_rawseti(L, -2, 2);
		lua_rawseti(L, -2, (int)i + 1);
	}
}

/* What would be delivered, or nil: no message has ended yet. */
static int
result(lua_State *L)
{
	const struct sim_result *r = sim_result(box_at(L)->sim);
	struct str data = { 0 };

	if (r == NULL)
		return 0;
	lua_newtable(L);
	set_flag(L, "taken", r->taken);
	set_flag(L, "discarded", r->discarded);
	lua_pushstring(L, r->after.quarantine);
	lua_setfield(L, -2, "quarantine");
	lua_pushstring(L, r->after.sender);
	lua_setfield(L, -2, "sender");
	push_rcpts(L, &r->after);
	lua_setfield(L, -2, "recipients");
	push_fields(L, &r->after);
	lua_setfield(L, -2, "fields");
	lua_pushlstring(L, str_c(&r->after.body), r->after.body.len);
	lua_setfield(L, -2, "body");
	sim_mail_write(&data, &r->after);
	lua_pushlstring(L, str_c(&data), data.len);
	lua_setfield(L, -2, "data");
	str_fini(&data);
	test_json_push(L, r->meta);
	lua_setfield(L, -2, "meta");
	return 1;
}

/* ---- the rest ------------------------------------------------------------ */

/* items() -> array of what happened so far, see transcript.h */
static int
items(lua_State *L)
{
	test_json_push(L, host_of(L)->items);
	return 1;
}

static int
set_time(lua_State *L)
{
	struct err err;

	if (pretend_time(luaL_checkstring(L, 1), &err) != 0)
		return luaL_error(L, "t.time: %s", err.msg);
	return 0;
}

static int
now(lua_State *L)
{
	lua_pushnumber(
	    L, (lua_Number)(clock_wall() / CLOCK_MS) / (lua_Number)1000);
	return 1;
}

static int
skip(lua_State *L)
{
	clock_skip((int64_t)(luaL_checknumber(L, 1) * (lua_Number)CLOCK_S));
	return 0;
}

static int
seed(lua_State *L)
{
	pretend_seed((int64_t)luaL_checknumber(L, 1));
	return 0;
}

/* scratch() -> a folder for this test, which goes with the run; or nil */
static int
scratch(lua_State *L)
{
	const char *root = host_of(L)->o.scratch;
	char *path;

	if (root == NULL)
		return 0;
	path = xasprintf("%s/%ld", root, (long)getpid());
	mkdir(path, 0700);
	lua_pushstring(L, path);
	free(path);
	return 1;
}

/* json(value) -> text */
static int
json(lua_State *L)
{
	json_t *j = test_json_at(L, 1);
	char *text = json_dumps(j, JSON_ENCODE_ANY | JSON_COMPACT);

	json_decref(j);
	lua_pushstring(L, text);
	free(text);
	return 1;
}

/* part(name) -> one of our own Lua parts, as a function */
static int
part(lua_State *L)
{
	bindings_push_part(L, luaL_checkstring(L, 1));
	return 1;
}

static void
register_all(lua_State *L, struct test_host *h, const luaL_Reg *list)
{
	for (; list->name != NULL; list++) {
		lua_pushlightuserdata(L, h);
		lua_pushcclosure(L, list->func, 1);
		lua_setfield(L, -2, list->name);
	}
}

void
test_native_push(struct test_host *h)
{
	static const luaL_Reg functions[] = { { "start", start },
		{ "open", open_session }, { "items", items },
		{ "time", set_time }, { "now", now }, { "skip", skip },
		{ "seed", seed }, { "part", part }, { "scratch", scratch },
		{ "json", json }, { NULL, NULL } };
	static const luaL_Reg methods[] = { { "greet", greet },
		{ "command", command }, { "content", content },
		{ "is_open", is_open }, { "meta", meta }, { "result", result },
		{ "close", close_session }, { NULL, NULL } };
	lua_State *L = h->L;

	luaL_newmetatable(L, SIM);
	lua_newtable(L);
	register_all(L, h, methods);
	lua_setfield(L, -2, "__index");
	lua_pushcfunction(L, close_session);
	lua_setfield(L, -2, "__gc");
	lua_pop(L, 1);
	lua_newtable(L);
	register_all(L, h, functions);
	/* --policy or --scriptlet: the test need not say */
	set_flag(L, "is_given", h->o.policy != NULL || h->o.n_scriptlets > 0);
}
