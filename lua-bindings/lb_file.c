/*
 * lb_file.c - kumo.fs.open and File
 *
 * Regular files only: others may keep a policy waiting.  What is written is
 * in the file at once.
 *
 * All: events any; wait no; from KumoMTA's kumo.fs.
 */
#include "lb.h"
#include "lb_open.h"

#include "milter/plain_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define FILE_CLASS "kumo.File"
#define OFFSET_MAX (1LL << 53)

struct file {
	int fd; /* -1: closed */
};

static const struct {
	const char *name;
	int flags;
} modes[] = {
	{ "r", O_RDONLY },
	{ "w", O_WRONLY | O_CREAT },
	{ "a", O_WRONLY | O_CREAT | O_APPEND },
	{ "r+", O_RDWR | O_CREAT },
	{ "w+", O_RDWR | O_CREAT | O_TRUNC },
	{ "a+", O_RDWR | O_CREAT | O_APPEND },
};

/* A 'b' at the end says nothing. */
static int
flags_of(lua_State *L, const char *mode)
{
	size_t len = strlen(mode);

	if (len > 1 && mode[len - 1] == 'b')
		len--;
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
		if (strlen(modes[i].name) == len &&
		    memcmp(modes[i].name, mode, len) == 0)
			return modes[i].flags;
	return luaL_error(L, "unsupported file mode `%s`", mode);
}

/*
 * kumo.fs.open(path [, mode]) -> File
 *   mode: r (else), w (made where missing, but not emptied), a, r+ (made where
 *   missing), w+ (emptied) or a+; a b may be behind it.  Raises where that
 *   fails, and on what is no regular file.
 */
static int
open_file(lua_State *L)
{
	size_t len;
	const char *path = lb_text(L, 1, &len);
	const char *mode = lua_isnoneornil(L, 2) ? "r" : lb_text(L, 2, NULL);
	int flags = flags_of(L, mode);
	struct err err;
	struct file *f;

	if (strlen(path) != len)
		luaL_argerror(L, 1, "a path with a NUL in it");
	f = lb_new(L, FILE_CLASS, sizeof *f);
	f->fd = plain_file_open(path, flags, 0666, &err);
	if (f->fd < 0)
		return luaL_error(L, "failed to open %s with mode %s: %s", path,
		    mode,
		    err.msg + (strncmp(err.msg, path, len) == 0 ? len + 2 : 0));
	return 1;
}

static int
check_open(lua_State *L, const char *verb)
{
	const struct file *f = lb_check(L, 1, FILE_CLASS);

	if (f->fd < 0)
		luaL_error(L, "attempt to %s a closed file handle", verb);
	return f->fd;
}

/*
 * file:read([n]) -> string
 *   At most n bytes, or all to the end; "" there.  More than 16 MiB at once
 *   raise.
 */
static int
file_read(lua_State *L)
{
	int fd = check_open(L, "read");
	bool all = lua_isnoneornil(L, 2);
	size_t max =
	    all ? PLAIN_FILE_MAX + 1
		: (size_t)lb_integer(L, 2, 0, (long long)PLAIN_FILE_MAX);
	struct str text = { 0 };
	struct err err;

	if (plain_file_read(fd, max, &text, &err) != 0) {
		str_fini(&text);
		return luaL_error(L, "%s", err.msg);
	}
	if (text.len > PLAIN_FILE_MAX) {
		str_fini(&text);
		return luaL_error(
		    L, "more than %d bytes to read", (int)PLAIN_FILE_MAX);
	}
	lb_push_str(L, &text);
	return 1;
}

/* file:write(bytes): raises where that fails */
static int
file_write(lua_State *L)
{
	int fd = check_open(L, "write");
	size_t len;
	const char *p = lb_text(L, 2, &len);
	struct err err;

	if (plain_file_write(fd, p, len, &err) != 0)
		return luaL_error(L, "%s", err.msg);
	return 0;
}

/*
 * file:seek([whence] [, offset]) -> place from the beginning
 *   whence: "set", "cur" (else) or "end".  offset: integer, else 0.
 */
static int
file_seek(lua_State *L)
{
	int fd = check_open(L, "seek"), whence = SEEK_CUR, i = 2;
	long long offset;
	off_t at;

	if (lua_type(L, i) == LUA_TSTRING && !lua_isnumber(L, i)) {
		const char *name = lua_tostring(L, i++);

		if (strcmp(name, "set") == 0)
			whence = SEEK_SET;
		else if (strcmp(name, "end") == 0)
			whence = SEEK_END;
		else if (strcmp(name, "cur") != 0)
			return luaL_error(
			    L, "invalid whence/offset parameters to seek");
	}
	offset = lua_isnoneornil(L, i)
		     ? 0
		     : lb_integer(L, i, -OFFSET_MAX, OFFSET_MAX);
	at = lseek(fd, (off_t)offset, whence);
	if (at < 0)
		return luaL_error(L, "%s", strerror(errno));
	lua_pushnumber(L, (lua_Number)at);
	return 1;
}

/* file:flush(): nothing is held back; raises on a closed one */
static int
file_flush(lua_State *L)
{
	check_open(L, "flush");
	return 0;
}

/* file:close(): a second time is no error; all else is from then on */
static int
file_close(lua_State *L)
{
	struct file *f = lb_check(L, 1, FILE_CLASS);

	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	return 0;
}

static const luaL_Reg methods[] = {
	{ "read", file_read },
	{ "write", file_write },
	{ "seek", file_seek },
	{ "flush", file_flush },
	{ "close", file_close },
	{ NULL, NULL },
};

static const luaL_Reg meta[] = {
	{ "__gc", file_close },
	{ NULL, NULL },
};

static const struct lb_class class = { FILE_CLASS, NULL, methods, meta };

static const luaL_Reg functions[] = {
	{ "open", open_file },
	{ NULL, NULL },
};

void
lb_file_open(lua_State *L)
{
	lb_class_open(L, &class);
	lb_module(L, "fs", functions);
}
