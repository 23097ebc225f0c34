/*
 * lb_fs.c - kumo.fs: directories, patterns, what is known of a file
 *
 *   metadata.is_file, metadata.is_dir, metadata.is_symlink
 *                     booleans
 *   metadata.readonly
 *                     nobody may write
 *   metadata.len, metadata.size
 *                     octets
 *   metadata.dev, metadata.ino, metadata.mode, metadata.nlink, metadata.uid,
 *   metadata.gid, metadata.rdev, metadata.blksize, metadata.blocks
 *                     numbers, as stat(2) has them
 *   metadata.atime, metadata.mtime, metadata.ctime
 *                     Time
 *
 * All: events any; waits no; from KumoMTA's kumo.fs.
 */
#include "lb.h"
#include "lb_open.h"

#include "milter/clock.h"
#include "milter/co.h"
#include "milter/glob_cache.h"
#include "milter/glob_walk.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

/* ---- directories -------------------------------------------------------- */

static const char *
path_at(lua_State *L, int i)
{
	size_t len;
	const char *path = lb_text(L, i, &len);

	if (strlen(path) != len)
		luaL_argerror(L, i, "a path with a NUL in it");
	return path;
}

/* An array of the paths, each with a NUL behind it. */
static int
push_paths(lua_State *L, struct str *paths)
{
	const char *p, *end;
	int n = 0;

	lb_push_str(L, paths);
	p = lua_tostring(L, -1);
	end = p + lua_objlen(L, -1);
	lua_newtable(L);
	for (; p < end; p += strlen(p) + 1) {
		if (n % 4096 == 0)
			lb_check_limits(L);
		lua_pushstring(L, p);
		lua_rawseti(L, -2, ++n);
	}
	lb_mark_array(L);
	return 1;
}

/*
 * kumo.fs.read_dir(path) -> array of paths; also kumo.read_dir
 *   Of all that is in the directory, in no order.  Raises where it cannot be
 *   read.  Waits: no.
 */
static int
read_dir(lua_State *L)
{
	struct str paths = { 0 };
	struct err err;

	if (glob_list(&paths, path_at(L, 1), &err) != 0) {
		str_fini(&paths);
		return luaL_error(L, "%s", err.msg);
	}
	return push_paths(L, &paths);
}

/* ---- patterns ----------------------------------------------------------- */

#define GLOB "kumo.glob"

struct glob {
	struct wait wait;
	struct str pattern, dir, paths;
	int64_t ttl; /* -1: not kept */
	int rc;
	struct err err;
};

static void
glob_block(struct wait *wait, int64_t deadline)
{
	struct glob *g = (struct glob *)wait;
	const char *pattern = str_c(&g->pattern), *dir = str_c(&g->dir);

	g->rc = g->ttl < 0
		    ? glob_walk(&g->paths, pattern, dir, deadline, &g->err)
		    : glob_cached(
			  &g->paths, pattern, dir, g->ttl, deadline, &g->err);
}

/* The array, or nil and why: nothing here may raise. */
static int
glob_finish(struct wait *wait, lua_State *L)
{
	struct glob *g = (struct glob *)wait;
	const char *p = str_c(&g->paths), *end = p + g->paths.len;

	if (g->rc != 0) {
		lua_pushnil(L);
		lua_pushfstring(L, "glob(%s, %s): %s", str_c(&g->pattern),
		    str_c(&g->dir), g->err.msg);
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
glob_gc(lua_State *L)
{
	struct glob *g = lua_touserdata(L, 1);

	str_fini(&g->pattern);
	str_fini(&g->dir);
	str_fini(&g->paths);
	return 0;
}

static int
wait_for_glob(lua_State *L, int64_t ttl)
{
	const char *pattern = path_at(L, 1);
	const char *dir = lua_isnoneornil(L, 2) ? "." : path_at(L, 2);
	struct glob *g = lb_new(L, GLOB, sizeof *g);

	g->wait = (struct wait){ glob_block, glob_finish, "kumo.fs.glob" };
	g->ttl = ttl;
	str_adds(&g->pattern, pattern);
	str_adds(&g->dir, dir);
	return co_wait(L);
}

/*
 * kumo.fs.glob(pattern [, dir [, ttl]]) -> array of paths; also kumo.glob
 *   Those that fit (glob_walk.h), relative to dir (else "."), in order.  The
 *   answer, an error too, is kept for ttl seconds (60) for all states.
 *   Raises on what is no pattern.  Waits: yes.
 */
static int
glob(lua_State *L)
{
	double ttl = lua_isnoneornil(L, 3) ? 60 : luaL_checknumber(L, 3);

	luaL_argcheck(L, ttl >= 0 && ttl < 1e9, 3, "seconds expected");
	return wait_for_glob(L, (int64_t)(ttl * (double)CLOCK_S));
}

/*
 * kumo.fs.uncached_glob(pattern [, dir]) -> array of paths
 * kumo.uncached_glob(pattern [, dir]) -> array of paths
 *   As kumo.fs.glob, looked for each time.  Waits: yes.
 */
static int
uncached_glob(lua_State *L)
{
	return wait_for_glob(L, -1);
}

/* ---- Metadata ----------------------------------------------------------- */

#define METADATA "kumo.Metadata"

static const struct stat *
check(lua_State *L)
{
	return lb_check(L, 1, METADATA);
}

#define EACH_BOOLEAN(X)                                                        \
	X(is_file, S_ISREG(sb->st_mode))                                       \
	X(is_dir, S_ISDIR(sb->st_mode))                                        \
	X(is_symlink, S_ISLNK(sb->st_mode))                                    \
	X(readonly, (sb->st_mode & 0222) == 0)

#define EACH_NUMBER(X)                                                         \
	X(len, st_size)                                                        \
	X(size, st_size)                                                       \
	X(dev, st_dev)                                                         \
	X(ino, st_ino)                                                         \
	X(mode, st_mode)                                                       \
	X(nlink, st_nlink)                                                     \
	X(uid, st_uid)                                                         \
	X(gid, st_gid)                                                         \
	X(rdev, st_rdev)                                                       \
	X(blksize, st_blksize)                                                 \
	X(blocks, st_blocks)

#define EACH_TIME(X)                                                           \
	X(atime, st_atim)                                                      \
	X(mtime, st_mtim)                                                      \
	X(ctime, st_ctim)

#define BOOLEAN(name, value)                                                   \
	static int get_##name(lua_State *L)                                    \
	{                                                                      \
		const struct stat *sb = check(L);                              \
                                                                               \
		lua_pushboolean(L, value);                                     \
		return 1;                                                      \
	}
#define NUMBER(name, field)                                                    \
	static int get_##name(lua_State *L)                                    \
	{                                                                      \
		lua_pushnumber(L, (lua_Number)check(L)->field);                \
		return 1;                                                      \
	}
#define TIME(name, field)                                                      \
	static int get_##name(lua_State *L)                                    \
	{                                                                      \
		const struct stat *sb = check(L);                              \
                                                                               \
		return lb_push_time(                                           \
		    L, sb->field.tv_sec, (int32_t)sb->field.tv_nsec);          \
	}
EACH_BOOLEAN(BOOLEAN)
EACH_NUMBER(NUMBER)
EACH_TIME(TIME)

#define ROWS(name, unused) { #name, get_##name },

static const luaL_Reg fields[] = {
	EACH_BOOLEAN(ROWS) EACH_NUMBER(ROWS) EACH_TIME(ROWS){ NULL, NULL },
};

static const struct lb_class metadata = { METADATA, fields, NULL, NULL };

static int
push_metadata(lua_State *L, int (*look)(const char *path, struct stat *sb))
{
	const char *path = path_at(L, 1);
	struct stat *sb = lb_new(L, METADATA, sizeof *sb);

	if (look(path, sb) != 0)
		return luaL_error(L, "%s: %s", path, strerror(errno));
	return 1;
}

/*
 * kumo.fs.metadata_for_path(path) -> Metadata
 *   Of what a link leads to.  Raises where there is nothing.  Waits: no.
 */
static int
metadata_for_path(lua_State *L)
{
	return push_metadata(L, stat);
}

/* kumo.fs.symlink_metadata_for_path(path) -> Metadata: of the link itself */
static int
symlink_metadata_for_path(lua_State *L)
{
	return push_metadata(L, lstat);
}

static const luaL_Reg functions[] = {
	{ "read_dir", read_dir },
	{ "glob", glob },
	{ "uncached_glob", uncached_glob },
	{ "metadata_for_path", metadata_for_path },
	{ "symlink_metadata_for_path", symlink_metadata_for_path },
	{ NULL, NULL },
};

/* Their first names, in kumo itself: the first three. */
#define OLD_NAMES 3

static const luaL_Reg glob_meta[] = {
	{ "__gc", glob_gc },
	{ NULL, NULL },
};
static const struct lb_class glob_class = { GLOB, NULL, NULL, glob_meta };

/* What waits cannot raise itself. */
static const char raising[] = "local wait = ... "
			      "return function(pattern, dir, ttl) "
			      "local paths, why = wait(pattern, dir, ttl) "
			      "if not paths then error(why, 2) end "
			      "return paths end";

/* Wrap the function `name` of the table on top. */
static void
make_raise(lua_State *L, const char *name)
{
	if (luaL_loadbuffer(L, raising, sizeof raising - 1, "=kumilter:fs") !=
	    0)
		lua_error(L);
	lua_getfield(L, -2, name);
	lua_call(L, 1, 1);
	lua_setfield(L, -2, name);
}

void
lb_fs_open(lua_State *L)
{
	lb_class_open(L, &glob_class);
	lb_class_open(L, &metadata);
	lb_module(L, "fs", functions);
	lua_getfield(L, -1, "fs");
	make_raise(L, "glob");
	make_raise(L, "uncached_glob");
	for (int i = 0; i < OLD_NAMES; i++) {
		lua_getfield(L, -1, functions[i].name);
		lua_setfield(L, -3, functions[i].name);
	}
	lua_pop(L, 1);
}
