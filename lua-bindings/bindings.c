#include "bindings.h"

#include "embed.h"
#include "lb.h"
#include "lb_open.h"
#include "lb_prelude.h"
#include "lb_string.h"

#include <luajit.h>
#include <lualib.h>
#include <string.h>

/* In the order of the calls; stubs last, so that real functions win. */
static void (*const openers[])(lua_State *L) = {
	lb_reject_open,
	lb_address_open,
	lb_address_header_open,
	lb_conn_meta_open,
	lb_message_open,
	lb_log_open,
	lb_kumo_open,
	lb_time_open,
	lb_throttle_open,
	lb_memo_open,
	lb_count_series_open,
	lb_task_open,
	lb_mpsc_open,
	lb_monitor_open,
	lb_milter_open,
	lb_listener_open,
	lb_record_open,
	lb_trace_open,
	lb_mime_open,
	lb_mimepart_open,
	lb_mime_builder_open,
	lb_mime_header_open,
	lb_header_map_open,
	lb_text_open,
	lb_encode_open,
	lb_regex_open,
	lb_map_open,
	lb_map_file_open,
	lb_binary_open,
	lb_secret_open,
	lb_digest_open,
	lb_crypto_open,
	lb_uuid_open,
	lb_serde_open,
	lb_moment_open,
	lb_sqlite_open,
	lb_redis_open,
	lb_dns_open,
	lb_spf_open,
	lb_dkim_verify_open,
	lb_dmarc_open,
	lb_arc_open,
	lb_http_open,
	lb_clamd_open,
	lb_vault_open,
	lb_dkim_sign_open,
	lb_arc_seal_open,
	lb_fs_open,
	lb_file_open,
	lb_file_type_open,
	lb_stub_open,
	lb_msys_open,
};

void
lb_load_part(lua_State *L, const char *name)
{
	const struct embed *part = embed_find(name);
	char chunk[64];

	if (part == NULL)
		luaL_error(L, "there is no part %s", name);
	snprintf(chunk, sizeof chunk, "=kumilter:%s", name);
	if (luaL_loadbuffer(L, part->data, part->len, chunk) != 0)
		lua_error(L);
}

void
bindings_push_part(lua_State *L, const char *name)
{
	lb_load_part(L, name);
}

/* Load one of our own Lua parts and call it with the nargs on top. */
static void
run_part(lua_State *L, const char *name, int nargs, int nresults)
{
	lb_load_part(L, name);
	lua_insert(L, -nargs - 1);
	lua_call(L, nargs, nresults);
}

static void
add_path(lua_State *L, luaL_Buffer *b, const char *folder, size_t len)
{
	(void)L;
	luaL_addlstring(b, folder, len);
	luaL_addstring(b, "/?.lua;");
	luaL_addlstring(b, folder, len);
	luaL_addstring(b, "/?/init.lua;");
}

static void
set_search_path(lua_State *L, const char *policy)
{
	static const char *const folders[] = {
		KUMILTER_SYSCONFDIR "/kumilter/policy",
		KUMILTER_DATADIR,
		"/usr/share/kumilter",
		"/opt/kumomta/share",
		"/opt/kumomta/etc/policy",
	};
	const char *slash = strrchr(policy, '/');
	luaL_Buffer b;

	lua_getglobal(L, "package");
	luaL_buffinit(L, &b);
	if (slash != NULL)
		add_path(L, &b, policy, (size_t)(slash - policy));
	else
		add_path(L, &b, ".", 1);
	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
		add_path(L, &b, folders[i], strlen(folders[i]));
	luaL_addstring(&b, "./?.lua");
	luaL_pushresult(&b);
	lua_setfield(L, -2, "path");
	lua_pop(L, 1);
}

void
bindings_open(lua_State *L, const char *policy)
{
	struct state *st = state_of(L);
	int top;

	luaL_openlibs(L); /* and with jit.* it turns the compiler on */
	luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
	lb_string_open(L, &st->limits);
	lb_coroutine_open(L, &st->coroutines);
	lb_prelude_open(L, lb_log_warn);
	set_search_path(L, policy);

	run_part(L, "objects.lua", 0, 1); /* make_object */
	lua_newtable(L);                  /* kumo */
	top = lua_gettop(L);
	for (size_t i = 0; i < sizeof openers / sizeof *openers; i++) {
		openers[i](L);
		must(lua_gettop(L) == top);
	}
	lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
	lua_pushvalue(L, top);
	lua_setfield(L, -2, "kumo");
	lua_settop(L, top);
	lua_pushvalue(L, top);
	lua_getfield(L, LUA_REGISTRYINDEX, "kumo.notice");
	run_part(L, "config.lua", 2, 0);
	lua_getfield(L, LUA_REGISTRYINDEX, "kumo.notice");
	lua_pushvalue(L, top - 1);
	run_part(L, "kumo.lua", 3, 0);
	lua_pop(L, 1);
	must(lua_gettop(L) == top - 2);
}

void
bindings_push_address(
    lua_State *L, const struct address *a, const json_t *esmtp)
{
	lb_push_command_address(L, a, esmtp);
}

bool
bindings_take_reject(lua_State *L, int i, struct verdict *v)
{
	return lb_reject_take(L, i, v) != 0;
}

void
bindings_push_json(lua_State *L, const json_t *value)
{
	lb_pushjson(L, value);
}

json_t *
bindings_tojson(lua_State *L, int i, struct err *err)
{
	return lb_tojson(L, i, NULL, err);
}

/* One entry of a batch: a string or an address. */
static int
take_address(lua_State *L, struct address *a, int batch, struct err *err)
{
	struct err why;

	if (lua_type(L, -1) == LUA_TUSERDATA &&
	    luaL_getmetafield(L, -1, "__tostring")) {
		lua_pushvalue(L, -2);
		lua_pcall(L, 1, 1, 0); /* an error's text is no address */
		lua_replace(L, -2);
	}
	if (lua_type(L, -1) != LUA_TSTRING)
		return err_set(err,
		    "batch %d holds a %s where an address is expected",
		    batch + 1, luaL_typename(L, -1));
	if (address_parse(a, lua_tostring(L, -1), lua_objlen(L, -1), &why) != 0)
		return err_set(err, "batch %d: %s", batch + 1, why.msg);
	return 0;
}

static int
each_address(lua_State *L, int batch,
    void (*found)(void *arg, int batch, const struct address *a), void *arg,
    struct err *err)
{
	int n = (int)lua_objlen(L, -1);

	for (int i = 1; i <= n; i++) {
		struct address a = { 0 };
		int rc;

		lua_rawgeti(L, -1, i);
		rc = take_address(L, &a, batch, err);
		lua_pop(L, 1);
		if (rc != 0)
			return -1;
		found(arg, batch, &a);
		address_fini(&a);
	}
	return 0;
}

/*
 * KumoMTA reads the outer table as a sequence; the example of its manual has
 * string keys, so those are taken too (in no particular order).
 */
int
bindings_each_batch(lua_State *L, int i,
    void (*found)(void *arg, int batch, const struct address *a), void *arg,
    struct err *err)
{
	int batches = 0;

	if (!lua_istable(L, i))
		return err_set(err,
		    "an array of arrays of addresses expected, got %s",
		    luaL_typename(L, i));
	for (lua_pushnil(L); lua_next(L, i); lua_pop(L, 1)) {
		if (!lua_istable(L, -1)) {
			err_set(err, "batch %d is a %s, not an array",
			    batches + 1, luaL_typename(L, -1));
			lua_pop(L, 2);
			return -1;
		}
		if (each_address(L, batches, found, arg, err) != 0) {
			lua_pop(L, 2);
			return -1;
		}
		batches++;
	}
	return batches;
}
