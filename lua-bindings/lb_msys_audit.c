/*
 * lb_msys_audit.c - native.audit and native.space: what clients do, and the
 * room in file systems
 */
#include "lb.h"
#include "lb_open.h"

#include "milter/audit.h"
#include "milter/clock.h"
#include "milter/co.h"
#include "milter/fs_space.h"
#include "milter/log.h"

#include <string.h>

/* ---- audit -------------------------------------------------------------- */

/* audit.begin(): sessions that open from now on are counted */
static int
begin(lua_State *L)
{
	(void)L;
	audit_begin();
	return 0;
}

/* audit.sessions(network or nil) -> number */
static int
sessions(lua_State *L)
{
	struct cidr net;
	bool counted = lb_network(L, 1, "inbound_session_count", &net);

	lua_pushnumber(L, counted ? (lua_Number)audit_sessions(&net) : 0);
	return 1;
}

/* audit.sum(kind, monitor, network or nil, first, last) -> number */
static int
sum(lua_State *L)
{
	static const char *const kinds[] = { "connections", "receptions",
		"rejections", NULL };
	int kind = luaL_checkoption(L, 1, NULL, kinds), monitor;
	const char *text = luaL_checkstring(L, 2);
	long long first = lb_integer(L, 4, -1000000, 1000000);
	long long last = lb_integer(L, 5, -1000000, 1000000);
	struct cidr net;
	struct err err;
	bool new, counted;

	monitor = audit_monitor(text, &new, &err);
	if (monitor < 0)
		return luaL_error(L, "msys.audit: %s", err.msg);
	if (new)
		log_info(lb_session_id(L),
		    "msys.audit: the monitor \"%s\" counts from now on; "
		    "kumo.milter.configure{ audit = ... } lets it begin "
		    "earlier",
		    text);
	counted = lb_network(L, 3, "msys.audit", &net);
	lua_pushnumber(
	    L, counted ? (lua_Number)audit_sum(monitor, (enum audit_kind)kind,
			     &net, first, last, clock_mono())
		       : 0);
	return 1;
}

static const luaL_Reg audit_functions[] = {
	{ "begin", begin },
	{ "sessions", sessions },
	{ "sum", sum },
	{ NULL, NULL },
};

/* ---- room --------------------------------------------------------------- */

struct asking {
	struct wait wait;
	char path[FS_SPACE_PATH_MAX + 1];
};

static void
asking_block(struct wait *w, int64_t deadline)
{
	struct asking *a = (struct asking *)w;

	(void)deadline; /* the kernel's time-outs are what there is */
	fs_space_ask(a->path, clock_mono());
}

static void
set_number(lua_State *L, const char *key, uint64_t n)
{
	lua_pushnumber(L, (lua_Number)n);
	lua_setfield(L, -2, key);
}

/* A table, or nil and the reason. */
static int
push_answer(lua_State *L, int rc, const struct fs_space *s, const char *why)
{
	if (rc <= 0) {
		lua_pushnil(L);
		lua_pushstring(L, why);
		return 2;
	}
	lua_newtable(L);
	set_number(L, "version", 1);
	set_number(L, "kilobytes_available", s->kilobytes_available);
	set_number(L, "kilobytes_total", s->kilobytes_total);
	set_number(L, "objects_available", s->objects_available);
	set_number(L, "objects_total", s->objects_total);
	return 1;
}

static int
asking_finish(struct wait *w, lua_State *L)
{
	struct asking *a = (struct asking *)w;
	struct err err = { "no answer" };
	struct fs_space space;
	int rc =
	    fs_space_last(a->path, 3600 * CLOCK_S, clock_mono(), &space, &err);

	return push_answer(L, rc, &space, err.msg);
}

/* space.read(path, interval) -> table, or nil, reason */
static int
space_read(lua_State *L)
{
	size_t len;
	const char *path = luaL_checklstring(L, 1, &len);
	double seconds = luaL_checknumber(L, 2);
	struct fs_space space;
	struct asking *a;
	struct err err;
	int64_t interval;
	int rc;

	luaL_argcheck(L, len <= FS_SPACE_PATH_MAX && strlen(path) == len, 1,
	    "a path expected");
	luaL_argcheck(L, seconds >= 0 && seconds <= 3600, 2,
	    "seconds from 0 to 3600 expected");
	interval = (int64_t)(seconds * (double)CLOCK_S);
	rc = fs_space_last(path, interval, clock_mono(), &space, &err);
	if (rc != 0)
		return push_answer(L, rc, &space, err.msg);
	a = lua_newuserdata(L, sizeof *a);
	a->wait = (struct wait){ asking_block, asking_finish,
		"msys.os.statvfs_read" };
	memcpy(a->path, path, len + 1);
	return co_wait(L);
}

static const luaL_Reg space_functions[] = {
	{ "read", space_read },
	{ NULL, NULL },
};

void
lb_msys_audit_open(lua_State *L)
{
	lua_newtable(L);
	luaL_register(L, NULL, audit_functions);
	lua_setfield(L, -2, "audit");
	lua_newtable(L);
	luaL_register(L, NULL, space_functions);
	lua_setfield(L, -2, "space");
}
