/*
 * lb_msys_file.c - native.file: plain files
 */
#include "lb.h"
#include "lb_open.h"

#include "milter/plain_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define HANDLE "msys.file handle"

struct handle {
	int fd; /* -1: closed */
};

static int
failed(lua_State *L, const struct err *err)
{
	lua_pushnil(L);
	lua_pushstring(L, err->msg);
	return 2;
}

static int
handle_gc(lua_State *L)
{
	struct handle *h = lua_touserdata(L, 1);

	if (h->fd >= 0)
		close(h->fd);
	h->fd = -1;
	return 0;
}

static int
open_handle(lua_State *L)
{
	struct handle *h = lb_check(L, 1, HANDLE);

	if (h->fd < 0)
		luaL_error(L, "the file is closed");
	return h->fd;
}

/* The path at 1, or NULL where it holds a NUL. */
static const char *
path_at_1(lua_State *L, struct err *err)
{
	size_t len;
	const char *path = luaL_checklstring(L, 1, &len);

	if (strlen(path) == len)
		return path;
	err_set(err, "a path with a NUL in it");
	return NULL;
}

/* file.readfile(path) -> string, or nil, why */
static int
readfile(lua_State *L)
{
	struct str text = { 0 };
	struct err err;
	const char *path = path_at_1(L, &err);

	if (path == NULL || plain_file_get(path, &text, &err) != 0) {
		str_fini(&text);
		return failed(L, &err);
	}
	lb_push_str(L, &text);
	return 1;
}

/* file.open(path, flags, mode) -> handle, or nil, why */
static int
open_file(lua_State *L)
{
	struct err err;
	const char *path = path_at_1(L, &err);
	int flags = (int)luaL_checkinteger(L, 2);
	mode_t mode = (mode_t)luaL_checkinteger(L, 3) & 0777;
	struct handle *h = lb_new(L, HANDLE, sizeof *h);

	h->fd = path == NULL ? -1 : plain_file_open(path, flags, mode, &err);
	return h->fd < 0 ? failed(L, &err) : 1;
}

/* file.read(handle, n) -> at most n bytes, "" at the end; or nil, why */
static int
read_file(lua_State *L)
{
	int fd = open_handle(L);
	lua_Number n = luaL_checknumber(L, 2);
	struct str text = { 0 };
	struct err err;

	luaL_argcheck(L, n >= 0, 2, "a number of bytes expected");
	if (n > (lua_Number)PLAIN_FILE_MAX)
		n = (lua_Number)PLAIN_FILE_MAX;
	if (plain_file_read(fd, (size_t)n, &text, &err) != 0) {
		str_fini(&text);
		return failed(L, &err);
	}
	lb_push_str(L, &text);
	return 1;
}

/* file.write(handle, text) -> true, or nil, why */
static int
write_file(lua_State *L)
{
	int fd = open_handle(L);
	size_t len;
	const char *text = luaL_checklstring(L, 2, &len);
	struct err err;

	if (plain_file_write(fd, text, len, &err) != 0)
		return failed(L, &err);
	lua_pushboolean(L, 1);
	return 1;
}

/* file.seek(handle, whence, offset) -> place, or nil, why */
static int
seek(lua_State *L)
{
	static const int whences[] = { SEEK_SET, SEEK_CUR, SEEK_END };
	static const char *const names[] = { "set", "cur", "end", NULL };
	int fd = open_handle(L);
	int whence = whences[luaL_checkoption(L, 2, "cur", names)];
	off_t at = lseek(fd, (off_t)luaL_checknumber(L, 3), whence);
	struct err err;

	if (at < 0) {
		err_set(&err, "%s", strerror(errno));
		return failed(L, &err);
	}
	lua_pushnumber(L, (lua_Number)at);
	return 1;
}

/* file.close(handle) */
static int
close_file(lua_State *L)
{
	open_handle(L);
	return handle_gc(L);
}

static const luaL_Reg handle_meta[] = {
	{ "__gc", handle_gc },
	{ NULL, NULL },
};
static const struct lb_class handle_class = { HANDLE, NULL, NULL, handle_meta };

static const luaL_Reg functions[] = {
	{ "readfile", readfile },
	{ "open", open_file },
	{ "read", read_file },
	{ "write", write_file },
	{ "seek", seek },
	{ "close", close_file },
	{ NULL, NULL },
};

static const struct {
	const char *name;
	int value;
} flags[] = {
	{ "O_RDONLY", O_RDONLY },
	{ "O_WRONLY", O_WRONLY },
	{ "O_RDWR", O_RDWR },
	{ "O_RDRW", O_RDWR }, /* as a page of Momentum's manual has it */
	{ "O_CREAT", O_CREAT },
	{ "O_EXCL", O_EXCL },
	{ "O_TRUNC", O_TRUNC },
	{ "O_APPEND", O_APPEND },
	{ "O_BINARY", 0 },
};

void
lb_msys_file_open(lua_State *L)
{
	lb_class_open(L, &handle_class);
	lua_newtable(L);
	luaL_register(L, NULL, functions);
	lua_newtable(L);
	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
		lua_pushinteger(L, flags[i].value);
		lua_setfield(L, -2, flags[i].name);
	}
	lua_setfield(L, -2, "flags");
	lua_setfield(L, -2, "file");
}
