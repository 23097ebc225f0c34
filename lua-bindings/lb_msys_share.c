/*
 * lb_msys_share.c - native.share and native.mutual: values and locks that all
 * Lua states share
 */
#include "lb.h"
#include "lb_open.h"

#include "milter/co.h"
#include "milter/halt.h"
#include "milter/log.h"
#include "milter/mutual.h"
#include "milter/share.h"

#include <stdlib.h>

#define LOCK "msys.mutex"
#define LOCKING "msys.locking"

/* ---- values ------------------------------------------------------------- */

/* share.get(key) -> value or nil */
static int
get(lua_State *L)
{
	size_t len;
	const char *key = lb_text(L, 1, &len);
	struct share_value v = share_get(key, len);
	struct str text = { .data = v.text, .len = v.len, .cap = v.len + 1 };

	switch (v.kind) {
	case SHARE_BOOLEAN:
		lua_pushboolean(L, v.boolean);
		return 1;
	case SHARE_NUMBER:
		lua_pushnumber(L, v.number);
		return 1;
	case SHARE_STRING:
		lb_push_str(L, &text);
		return 1;
	default:
		lua_pushnil(L);
		return 1;
	}
}

/* share.set(key, value) -> was it kept?  nil removes the key. */
static int
set(lua_State *L)
{
	struct share_value v = { 0 };
	const char *key;
	size_t len;

	if (lua_type(L, 1) != LUA_TSTRING && lua_type(L, 1) != LUA_TNUMBER) {
		lua_pushboolean(L, 0);
		return 1;
	}
	key = lua_tolstring(L, 1, &len);
	switch (lua_type(L, 2)) {
	case LUA_TBOOLEAN:
		v.kind = SHARE_BOOLEAN;
		v.boolean = lua_toboolean(L, 2);
		break;
	case LUA_TNUMBER:
		v.kind = SHARE_NUMBER;
		v.number = lua_tonumber(L, 2);
		break;
	case LUA_TSTRING:
		v.kind = SHARE_STRING;
		v.text = (char *)lua_tolstring(L, 2, &v.len);
		break;
	case LUA_TNIL:
	case LUA_TNONE:
		share_unset(key, len);
		lua_pushboolean(L, 1);
		return 1;
	default:
		break; /* a table, a function: of one Lua state alone */
	}
	lua_pushboolean(L, v.kind != SHARE_NONE && share_set(key, len, &v));
	return 1;
}

/* share.unset(key) */
static int
unset(lua_State *L)
{
	size_t len;
	const char *key = lb_text(L, 1, &len);

	share_unset(key, len);
	return 0;
}

/* ---- locks -------------------------------------------------------------- */

/* thread.mutex, and what a name stands for while it is locked */
struct lock {
	struct mutual *m;
	bool recursive;
};

struct locking {
	struct wait wait;
	struct mutual *m; /* with a reference */
	struct mutual_held **held;
	bool recursive;
	enum mutual_result result;
};

static struct mutual_held **
held_by(lua_State *L, const char *what)
{
	struct run *run = state_of(L)->run;

	if (run == NULL)
		luaL_error(L, "%s: no handler runs", what);
	return &run->locks;
}

static void
locking_block(struct wait *w, int64_t deadline)
{
	struct locking *l = (struct locking *)w;

	l->result =
	    mutual_lock(l->m, l->held, l->recursive, halt_patience(deadline));
}

static int
locking_finish(struct wait *w, lua_State *L)
{
	struct locking *l = (struct locking *)w;

	lua_pushboolean(L, l->result == MUTUAL_OK);
	switch (l->result) {
	case MUTUAL_OK:
		return 1;
	case MUTUAL_MINE:
		lua_pushfstring(L,
		    "%s: this handler holds the lock already: it would wait "
		    "for ever",
		    w->what);
		return 2;
	case MUTUAL_TOO_MANY:
		lua_pushfstring(L, "%s: this handler holds %d locks already",
		    w->what, MUTUAL_HELD_MAX);
		return 2;
	default:
		lua_pushfstring(
		    L, "%s: the lock was not free in time", w->what);
		return 2;
	}
}

static int
locking_gc(lua_State *L)
{
	struct locking *l = lua_touserdata(L, 1);

	mutual_unref(l->m);
	l->m = NULL;
	return 0;
}

/* Push what waits; l->m is the caller's to fill in. */
static struct locking *
locking_new(lua_State *L, const char *what, bool recursive)
{
	struct mutual_held **held = held_by(L, what);
	struct locking *l = lb_new(L, LOCKING, sizeof *l);

	l->wait = (struct wait){ locking_block, locking_finish, what };
	l->held = held;
	l->recursive = recursive;
	return l;
}

/* Most locks are free, and that is no wait. */
static int
take(lua_State *L, struct locking *l)
{
	l->result = mutual_lock(l->m, l->held, l->recursive, 0);
	if (l->result != MUTUAL_BUSY)
		return locking_finish(&l->wait, L);
	return co_wait(L);
}

static const char *
lock_name(lua_State *L, size_t *len)
{
	const char *name = lb_text(L, 1, len);

	luaL_argcheck(L, *len <= MUTUAL_NAME_MAX, 1,
	    "a name of at most 1024 bytes expected");
	return name;
}

/* mutual.lock(name) -> true, or false and why */
static int
lock_named(lua_State *L)
{
	size_t len;
	const char *name = lock_name(L, &len);
	struct locking *l = locking_new(L, "msys.lock", false);

	l->m = mutual_named(name, len);
	return take(L, l);
}

static int
unlock(
    lua_State *L, struct mutual *m, struct mutual_held **held, const char *what)
{
	bool was = mutual_unlock(m, held);

	if (!was && log_first_time(what))
		log_warn(lb_session_id(L),
		    "%s: this handler does not hold the lock: no effect (said "
		    "once)",
		    what);
	lua_pushboolean(L, was);
	return 1;
}

/* mutual.unlock(name) -> was it held by this handler? */
static int
unlock_named(lua_State *L)
{
	size_t len;
	const char *name = lock_name(L, &len);
	struct locking *l = locking_new(L, "msys.unlock", false);

	l->m = mutual_named(name, len);
	return unlock(L, l->m, l->held, "msys.unlock");
}

/* mutual.new(recursive) -> mutex */
static int
new_lock(lua_State *L)
{
	bool recursive = lua_toboolean(L, 1);
	struct lock *lock = lb_new(L, LOCK, sizeof *lock);

	lock->m = mutual_new();
	lock->recursive = recursive;
	return 1;
}

/* mutual.take(mutex) -> true, or false and why */
static int
lock_mutex(lua_State *L)
{
	struct lock *lock = lb_check(L, 1, LOCK);
	struct locking *l = locking_new(L, "mutex:lock", lock->recursive);

	l->m = mutual_ref(lock->m);
	return take(L, l);
}

/* mutual.try(mutex) -> was it free? */
static int
try_mutex(lua_State *L)
{
	struct lock *lock = lb_check(L, 1, LOCK);
	struct mutual_held **held = held_by(L, "mutex:trylock");

	lua_pushboolean(
	    L, mutual_lock(lock->m, held, lock->recursive, 0) == MUTUAL_OK);
	return 1;
}

/* mutual.give(mutex) -> was it held by this handler? */
static int
unlock_mutex(lua_State *L)
{
	struct lock *lock = lb_check(L, 1, LOCK);

	return unlock(L, lock->m, held_by(L, "mutex:unlock"), "mutex:unlock");
}

static int
lock_gc(lua_State *L)
{
	struct lock *lock = lua_touserdata(L, 1);

	mutual_unref(lock->m);
	lock->m = NULL;
	return 0;
}

static const luaL_Reg lock_meta[] = {
	{ "__gc", lock_gc },
	{ NULL, NULL },
};

static const luaL_Reg locking_meta[] = {
	{ "__gc", locking_gc },
	{ NULL, NULL },
};

static const struct lb_class lock_class = { LOCK, NULL, NULL, lock_meta };
static const struct lb_class locking_class = { LOCKING, NULL, NULL,
	locking_meta };

static const luaL_Reg share_functions[] = {
	{ "get", get },
	{ "set", set },
	{ "unset", unset },
	{ NULL, NULL },
};

static const luaL_Reg mutual_functions[] = {
	{ "lock", lock_named },
	{ "unlock", unlock_named },
	{ "new", new_lock },
	{ "take", lock_mutex },
	{ "try", try_mutex },
	{ "give", unlock_mutex },
	{ NULL, NULL },
};

void
lb_msys_share_open(lua_State *L)
{
	lb_class_open(L, &lock_class);
	lb_class_open(L, &locking_class);
	lua_newtable(L);
	luaL_register(L, NULL, share_functions);
	lua_setfield(L, -2, "share");
	lua_newtable(L);
	luaL_register(L, NULL, mutual_functions);
	lua_setfield(L, -2, "mutual");
}
