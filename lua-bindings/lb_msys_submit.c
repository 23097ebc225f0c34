/*
 * lb_msys_submit.c - native.submit: new mail
 */
#include "lb.h"
#include "lb_open.h"

#include "milter/clock.h"
#include "milter/co.h"
#include "milter/log.h"
#include "milter/seldom.h"
#include "milter/submit.h"

#define ERRAND "msys.submit errand"

struct errand {
	struct wait wait;
	struct submission s; /* what it borrows is in the environment */
	struct str said;
	struct err err;
	int rc;
};

static int
errand_gc(lua_State *L)
{
	struct errand *e = lua_touserdata(L, 1);

	str_fini(&e->said);
	return 0;
}

static void
errand_block(struct wait *w, int64_t deadline)
{
	struct errand *e = (struct errand *)w;

	e->rc = submit_run(&e->s, deadline, &e->said, &e->err);
}

static int
errand_finish(struct wait *w, lua_State *L)
{
	struct errand *e = (struct errand *)w;

	if (e->said.len != 0 || e->rc != 0)
		log_line(e->rc != 0 ? LOG_LEVEL_WARN : LOG_LEVEL_INFO,
		    lb_session_id(L), "submission%s%s%s%s",
		    e->rc != 0 ? ": " : "", e->rc != 0 ? e->err.msg : "",
		    e->said.len != 0 ? ": " : "", str_c(&e->said));
	str_fini(&e->said);
	if (e->rc == 0) {
		lua_pushboolean(L, 1);
		return 1;
	}
	lua_pushnil(L);
	lua_pushstring(L, e->err.msg);
	return 2;
}

/* submit.address(text) -> as the command takes it, or nil, why */
static int
address(lua_State *L)
{
	size_t len;
	const char *text = luaL_checklstring(L, 1, &len);
	struct str out = { 0 };
	struct err err;

	if (submit_address(text, len, &out, &err) == 0) {
		lb_push_str(L, &out);
		return 1;
	}
	str_fini(&out);
	lua_pushnil(L);
	lua_pushstring(L, err.msg);
	return 2;
}

/* Keep the string at i in the table at `kept`. */
static const char *
keep(lua_State *L, int i, int kept)
{
	const char *text;

	if (lua_type(L, i) != LUA_TSTRING)
		luaL_error(L, "an address is a %s", luaL_typename(L, i));
	text = lua_tostring(L, i);
	lua_pushvalue(L, i);
	lua_rawseti(L, kept, (int)lua_objlen(L, kept) + 1);
	return text;
}

static void
keep_rcpts(lua_State *L, int i, int kept, struct submission *s)
{
	size_t n = lua_objlen(L, i);
	const char **rcpt;

	if (n == 0 || n > SUBMIT_RCPTS_MAX)
		luaL_error(L, "%d recipients: 1 to %d expected", (int)n,
		    SUBMIT_RCPTS_MAX);
	rcpt = lua_newuserdata(L, n * sizeof *rcpt);
	lua_rawseti(L, kept, 1);
	for (size_t k = 0; k < n; k++) {
		lua_rawgeti(L, i, (int)k + 1);
		rcpt[k] = keep(L, lua_gettop(L), kept);
		lua_pop(L, 1);
	}
	s->rcpt = rcpt;
	s->n_rcpt = n;
}

/*
 * submit.run(sender, recipients, data) -> true, or nil, why
 *   Addresses as address() gives them.  Events: any.  Waits: yes.
 */
static int
run(lua_State *L)
{
	struct errand *e;
	int kept;

	luaL_checkstring(L, 1);
	luaL_checktype(L, 2, LUA_TTABLE);
	luaL_checkstring(L, 3);
	lua_settop(L, 3);
	e = lb_new(L, ERRAND, sizeof *e);
	lua_newtable(L);
	kept = lua_gettop(L);
	lua_pushvalue(L, kept);
	lua_setfenv(L, kept - 1);
	e->wait = (struct wait){ errand_block, errand_finish, "submission" };
	e->s.command = state_of(L)->settings->submit_command;
	keep_rcpts(L, 2, kept, &e->s);
	e->s.sender = keep(L, 1, kept);
	e->s.data = keep(L, 3, kept);
	e->s.len = lua_objlen(L, 3);
	lua_settop(L, kept - 1);
	return co_wait(L);
}

/* submit.may(name, seconds) -> boolean: not done in the last seconds? */
static int
may(lua_State *L)
{
	size_t len;
	const char *name = luaL_checklstring(L, 1, &len);
	double seconds = luaL_checknumber(L, 2);

	luaL_argcheck(L, seconds >= 0 && seconds <= 1e9, 2, "seconds expected");
	lua_pushboolean(
	    L, seldom_may(name, len, (int64_t)(seconds * (double)CLOCK_S)));
	return 1;
}

static const luaL_Reg errand_meta[] = {
	{ "__gc", errand_gc },
	{ NULL, NULL },
};
static const struct lb_class errand_class = { ERRAND, NULL, NULL, errand_meta };

static const luaL_Reg functions[] = {
	{ "address", address },
	{ "run", run },
	{ "may", may },
	{ NULL, NULL },
};

void
lb_msys_submit_open(lua_State *L)
{
	lb_class_open(L, &errand_class);
	lua_newtable(L);
	luaL_register(L, NULL, functions);
	lua_setfield(L, -2, "submit");
}
