/*
 * lb_monitor.c - what policies say of the configuration: native of monitor.lua
 */
#include "lb.h"
#include "lb_open.h"

#include "milter/co.h"
#include "milter/config_epoch.h"
#include "milter/config_watch.h"
#include "milter/draft.h"

#include <string.h>

#define FILES "kumo.config files"
#define SETTING "kumo.config globs"

static bool
is_loading(const struct state *st)
{
	return st->loading || st->draft != NULL;
}

/* native.bump(): nothing while loading */
static int
bump(lua_State *L)
{
	if (!is_loading(state_of(L)))
		config_epoch_bump();
	return 0;
}

/* ---- which files are watched -------------------------------------------- */

struct setting {
	struct wait wait;
	json_t *globs;
	int64_t interval;
};

static void
setting_block(struct wait *w, int64_t deadline)
{
	struct setting *s = (struct setting *)w;

	config_watch_set(s->globs, s->interval, deadline);
}

static int
setting_finish(struct wait *w, lua_State *L)
{
	(void)w;
	(void)L;
	return 0;
}

static int
setting_gc(lua_State *L)
{
	struct setting *s = lua_touserdata(L, 1);

	json_decref(s->globs);
	return 0;
}

/* native.set_globs(array of strings) */
static int
set_globs(lua_State *L)
{
	struct state *st = state_of(L);
	struct setting *s = lb_new(L, SETTING, sizeof *s);
	struct err err;

	s->globs = lb_tojson(L, 1, NULL, &err);
	if (s->globs == NULL)
		return luaL_error(L, "%s", err.msg);
	if (st->draft != NULL) {
		json_decref(st->draft->monitor);
		st->draft->monitor = json_incref(s->globs);
	}
	if (is_loading(st))
		return 0;
	s->wait = (struct wait){ setting_block, setting_finish,
		"kumo.set_config_monitor_globs" };
	s->interval = st->settings->monitor_interval;
	return co_wait(L);
}

struct files {
	struct wait wait;
	json_t *globs;
	struct str paths;
	struct err err;
	int rc;
};

static void
files_block(struct wait *w, int64_t deadline)
{
	struct files *f = (struct files *)w;

	f->rc = config_watch_files(&f->paths, f->globs, deadline, &f->err);
}

static int
files_finish(struct wait *w, lua_State *L)
{
	const struct files *f = (struct files *)w;
	const char *p = str_c(&f->paths), *end = p + f->paths.len;

	if (f->rc != 0) {
		lua_pushnil(L);
		lua_pushstring(L, f->err.msg);
		return 2;
	}
	lua_newtable(L);
	for (int n = 1; p < end; p += strlen(p) + 1, n++) {
		lua_pushstring(L, p);
		lua_rawseti(L, -2, n);
	}
	lb_mark_array(L);
	return 1;
}

static int
files_gc(lua_State *L)
{
	struct files *f = lua_touserdata(L, 1);

	json_decref(f->globs);
	str_fini(&f->paths);
	return 0;
}

/* native.files() -> array of paths; nil and why */
static int
files(lua_State *L)
{
	struct state *st = state_of(L);
	struct files *f = lb_new(L, FILES, sizeof *f);

	f->wait = (struct wait){ files_block, files_finish,
		"kumo.eval_config_monitor_globs" };
	f->globs = st->draft != NULL ? json_incref(st->draft->monitor)
				     : config_watch_globs();
	return co_wait(L);
}

static const luaL_Reg functions[] = {
	{ "bump", bump },
	{ "set_globs", set_globs },
	{ "files", files },
	{ NULL, NULL },
};

void
lb_monitor_open(lua_State *L)
{
	static const luaL_Reg files_meta[] = { { "__gc", files_gc },
		{ NULL, NULL } },
			      setting_meta[] = { { "__gc", setting_gc },
				      { NULL, NULL } };
	static const struct lb_class classes[] = {
		{ FILES, NULL, NULL, files_meta },
		{ SETTING, NULL, NULL, setting_meta },
	};

	lb_class_open(L, &classes[0]);
	lb_class_open(L, &classes[1]);
	lb_load_part(L, "monitor.lua");
	lua_pushvalue(L, -2);
	lua_newtable(L);
	luaL_register(L, NULL, functions);
	lua_call(L, 2, 0);
}
