#include "epoch_load.h"

#include "clock.h"
#include "dialect.h"
#include "epoch_work.h"
#include "log.h"
#include "lru.h"
#include "memo.h"
#include "mutual.h"
#include "plain_file.h"
#include "session.h"
#include "xmalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <lua.h>
#include <luajit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOAD_MEMORY ((size_t)2048 * 1024 * 1024)
#define POLICY_MAX ((size_t)16 * 1024 * 1024)

/* Does a traceback name any line that is not of our own Lua parts? */
static bool
names_the_policy(const char *trace)
{
	for (const char *line = strchr(trace, '\n'); line != NULL;
	     line = strchr(line + 1, '\n'))
		if (strncmp(line, "\n\t[C]", 5) != 0 &&
		    strncmp(line, "\n\tkumilter:", 11) != 0)
			return true;
	return false;
}

/* Keep the error's text, with the traceback where that tells more. */
static int
on_load_error(lua_State *L)
{
	const char *text = lua_tostring(L, 1);

	if (text == NULL && luaL_callmeta(L, 1, "__tostring"))
		text = lua_tostring(L, -1);
	if (text == NULL)
		text = "(error without text)";
	luaL_traceback(L, L, NULL, 1);
	if (names_the_policy(lua_tostring(L, -1)))
		lua_pushfstring(L, "%s\n%s", text, lua_tostring(L, -1));
	else
		lua_pushstring(L, text);
	return 1;
}

/*
 * Call what is on the stack under load's limits: how many values it returned
 * (they are dropped), or -1.
 */
static int
call(struct state *st, int nargs, const char *event, struct err *err)
{
	lua_State *L = st->L;
	int base = lua_gettop(L) - nargs;
	struct run run = { .event = event,
		.deadline = clock_mono() + st->epoch->load_timeout,
		.may_wait = true };
	enum run_result r;
	int status;

	lua_pushcfunction(L, on_load_error);
	lua_insert(L, base);
	st->run = &run;
	state_enter(st, run.deadline, st->epoch->load_timeout);
	status = lua_pcall(L, nargs, LUA_MULTRET, base);
	r = state_killed(st);
	state_leave(st);
	st->run = NULL;
	mutual_release(&run.locks);
	memo_release(&run.flights);
	lua_remove(L, base);
	if (status == 0) {
		int n = lua_gettop(L) - base + 1;

		lua_settop(L, base - 1);
		if (r == RUN_OK)
			return n;
	}
	if (r != RUN_OK)
		err_set(err, "%s%s %s", st->place,
		    event != NULL ? event : "the policy's top level",
		    r == RUN_MEMORY ? "needs more memory than loading may use"
				    : "did not end within --load-timeout");
	else
		err_set(err, "%s", lua_tostring(L, -1));
	if (status != 0)
		lua_pop(L, 1);
	return -1;
}

struct hint {
	int line;
	struct str *out;
};

static void
add_hint(void *arg, int line, const char *what, const char *rewrite)
{
	struct hint *h = arg;

	/* a break in mid-block is noticed at the token behind it */
	if (line == h->line || line == h->line - 1)
		str_addf(h->out, " (LuaJIT lacks %s: %s)", what, rewrite);
}

static int
read_policy(struct epoch *e, struct err *err)
{
	struct str s = { 0 };
	int fd = open(e->policy, O_RDONLY | O_CLOEXEC), rc;
	struct err why;

	if (fd < 0)
		return err_set(
		    err, "cannot open %s: %s", e->policy, strerror(errno));
	rc = plain_file_read(fd, POLICY_MAX, &s, &why);
	close(fd);
	if (rc != 0 || s.len >= POLICY_MAX) {
		err_set(err, "cannot read %s: %s", e->policy,
		    rc != 0 ? why.msg : strerror(EFBIG));
		str_fini(&s);
		return -1;
	}
	e->source_len = s.len;
	e->source = s.len != 0 ? str_take(&s) : xstrdup("");
	e->hash = lru_hash(e->source, e->source_len);
	return 0;
}

/*
 * A syntax error in the policy, "path:LINE: ...": say what Lua 5.4 has there
 * that LuaJIT lacks.
 */
static void
explain_syntax(struct err *err, const struct epoch *e)
{
	struct str out = { 0 };
	struct hint hint = { 0, &out };
	const char *colon = strchr(err->msg, ':');

	if (colon == NULL)
		return;
	hint.line = atoi(colon + 1);
	str_adds(&out, err->msg);
	dialect_scan(e->source, e->source_len, add_hint, &hint);
	err_set(err, "%s", str_c(&out));
	str_fini(&out);
}

static int
run_policy(struct state *st, struct err *err)
{
	const struct epoch *e = st->epoch;
	lua_State *L = st->L;
	char *name;
	int status;

	if (e->source[0] == LUA_SIGNATURE[0])
		return err_set(
		    err, "%s: is bytecode, not Lua source", e->policy);
	name = xasprintf("@%s", e->policy);
	status = luaL_loadbufferx(L, e->source, e->source_len, name, "t");
	free(name);
	if (status != 0) {
		err_set(err, "%s", lua_tostring(L, -1));
		lua_pop(L, 1);
		explain_syntax(err, e);
		return -1;
	}
	return call(st, 0, NULL, err) < 0 ? -1 : 0;
}

static int
open_bindings(lua_State *L)
{
	bindings_open(L, lua_tostring(L, 1));
	return 0;
}

static int
find_handler(lua_State *L, enum event_name event)
{
	return event_is_msys(event) ? bindings_callouts(L, event_name(event))
				    : bindings_handler(L, event_name(event));
}

static void
find_handlers(struct state *st)
{
	for (int i = 0; i < EVENT_COUNT; i++) {
		luaL_unref(st->L, LUA_REGISTRYINDEX, st->handler[i]);
		st->handler[i] = find_handler(st->L, (enum event_name)i);
	}
	st->loading = false;
}

static int
load_modules_of(lua_State *L)
{
	bindings_load_modules(L, lua_touserdata(L, 1));
	return 0;
}

/* Momentum's scriptlets, behind the policy itself. */
static int
load_modules(
    struct state *st, json_t *scriptlets, json_t *contexts, struct err *err)
{
	struct lb_msys_config config = { scriptlets, contexts };

	st->loading = true;
	lua_pushcfunction(st->L, load_modules_of);
	lua_pushlightuserdata(st->L, &config);
	if (call(st, 1, "scriptlets", err) < 0)
		return -1;
	find_handlers(st);
	return 0;
}

/* `--scriptlet FILE`s come behind those that the policy names. */
static void
add_scriptlets(struct draft *d, const struct epoch_options *o)
{
	for (int i = 0; i < o->n_scriptlets; i++)
		json_array_append_new(
		    d->scriptlets, json_pack("{so}", "file",
				       json_string_nocheck(o->scriptlets[i])));
}

/* Momentum's own words, for who looks for them, behind ours. */
static int
refuse_modules(struct err *err)
{
	struct err why = *err;

	return err_set(err,
	    "%s\nModule 'scriptlet' instance 'scriptlet' initialization failed "
	    "while preparing to commit. Consult your vendor.",
	    why.msg);
}

/* Pretended time, fakes: see epoch_options. */
static int
prepare(struct state *st, struct err *err)
{
	if (st->epoch->prepare == NULL)
		return 0;
	lua_pushcfunction(st->L, st->epoch->prepare);
	return call(st, 0, NULL, err) < 0 ? -1 : 0;
}

static struct state *
load(struct epoch *e, struct draft *d, struct err *err)
{
	struct state *st =
	    state_new(d != NULL ? &d->settings : &e->settings, e);

	st->mem.soft = LOAD_MEMORY;
	st->epoch_number = e->number;
	st->owner = &epoch_work;
	st->loading = true;
	st->draft = d;
	lua_pushcfunction(st->L, open_bindings);
	lua_pushstring(st->L, e->policy);
	if (call(st, 1, NULL, err) < 0 || prepare(st, err) != 0 ||
	    run_policy(st, err) != 0) {
		state_free(st);
		return NULL;
	}
	find_handlers(st);
	return st;
}

/* Multiple events: all handlers in order, until one returns a value. */
static int
run_handlers(struct state *st, enum event_name event, struct err *err)
{
	lua_State *L = st->L;
	int n, values = 0;

	lua_rawgeti(L, LUA_REGISTRYINDEX, st->handler[event]);
	if (lua_isfunction(L, -1))
		return call(st, 0, event_name(event), err) < 0 ? -1 : 0;
	n = lua_istable(L, -1) ? (int)lua_objlen(L, -1) : 0;
	for (int i = 1; i <= n && values == 0; i++) {
		lua_rawgeti(L, -1, i);
		values = call(st, 0, event_name(event), err);
	}
	lua_pop(L, 1);
	return values < 0 ? -1 : 0;
}

struct state *
epoch_load_first(struct epoch *e, const struct epoch_options *o,
    struct draft *d, struct err *err)
{
	struct state *st;
	int rc;

	if (o->policy == NULL)
		e->source = xstrdup("");
	else if (read_policy(e, err) != 0)
		return NULL;
	st = load(e, d, err);
	if (st == NULL)
		return NULL;
	if (o->validate) {
		lua_pushboolean(st->L, 1);
		lua_setglobal(st->L, "_VALIDATING_CONFIG");
	}
	rc = run_handlers(st, EVENT_PRE_INIT, err);
	if (rc == 0)
		rc = run_handlers(st, EVENT_INIT, err);
	if (rc == 0) {
		add_scriptlets(d, o);
		rc = load_modules(st, d->scriptlets, d->contexts, err);
		if (rc != 0 && json_array_size(d->scriptlets) != 0)
			refuse_modules(err);
	}
	if (rc == 0 && o->validate)
		rc = run_handlers(st, EVENT_VALIDATE_CONFIG, err);
	if (rc == 0 && d->validation_failed)
		rc =
		    err_set(err, "%s: validate_config found errors", e->policy);
	if (rc != 0) {
		state_free(st);
		return NULL;
	}
	st->draft = NULL;
	st->settings = &e->settings;
	return st;
}

struct state *
epoch_load_state(struct epoch *e, struct err *err)
{
	struct state *st = load(e, NULL, err);

	if (st != NULL &&
	    load_modules(st, e->scriptlets, e->contexts, err) != 0) {
		state_free(st);
		return NULL;
	}
	return st;
}

void
epoch_end_modules(struct state *st)
{
	struct err err;

	if (st->handler[EVENT_MODULE_DEINIT] == LUA_NOREF)
		return;
	lua_rawgeti(st->L, LUA_REGISTRYINDEX, st->handler[EVENT_MODULE_DEINIT]);
	if (call(st, 0, "deinit", &err) < 0)
		log_error(NULL, "deinit: %s", err.msg);
}

int
epoch_arm(struct epoch *e, struct state *st, struct err *err)
{
	size_t used;

	lua_gc(st->L, LUA_GCCOLLECT, 0);
	used = lmem_used(&st->mem);
	if (used > e->settings.memory_limit / 4 * 3)
		return err_set(err,
		    "%s: the loaded policy uses %zu bytes, more than three "
		    "quarters of memory_limit (%zu): raise it with "
		    "kumo.milter.configure",
		    e->policy, used, e->settings.memory_limit);
	st->mem.soft = e->settings.memory_limit;
	if (e->settings.jit)
		luaJIT_setmode(st->L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_ON);
	return 0;
}

void
epoch_list_handlers(
    struct state *st, void (*found)(void *arg, const char *event), void *arg)
{
	lua_State *L = st->L;

	lua_getfield(L, LUA_REGISTRYINDEX, "kumo.handlers");
	for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1))
		found(arg, lua_tostring(L, -2));
	lua_pop(L, 1);
}
