/*
 * lb_file_type.c - kumo.file_type: what a file is
 *
 * A FileTypeResult is a table of name, and of the arrays extensions and
 * media_types.  KumoMTA has lists of its own; here libmagic and the system's
 * list of media types answer.
 *
 * All: events any; wait no; from KumoMTA's kumo.file_type.
 */
#include "lb.h"
#include "lb_open.h"

#include "milter/file_magic.h"
#include "milter/media_types.h"

#include <string.h>

static void
push_extensions(lua_State *L, long type)
{
	const char *const *extension;

	lua_newtable(L);
	lb_mark_array(L);
	if (type < 0)
		return;
	extension = media_types_extensions(media_types_system(), (size_t)type);
	for (int n = 1; *extension != NULL; extension++, n++) {
		lua_pushstring(L, *extension);
		lua_rawseti(L, -2, n);
	}
}

/* Those of "jpeg/jpg". */
static void
push_listed(lua_State *L, const char *list)
{
	lua_newtable(L);
	lb_mark_array(L);
	for (int n = 1; *list != '\0'; n++) {
		size_t len = strcspn(list, "/");

		lua_pushlstring(L, list, len);
		lua_rawseti(L, -2, n);
		list += len + (list[len] == '/');
	}
}

/* The extensions are on top. */
static void
push_result(lua_State *L, const char *name, const char *type)
{
	lua_createtable(L, 0, 3);
	lua_insert(L, -2);
	lua_setfield(L, -2, "extensions");
	lua_pushstring(L, name);
	lua_setfield(L, -2, "name");
	lua_createtable(L, 1, 0);
	lb_mark_array(L);
	lua_pushstring(L, type);
	lua_rawseti(L, -2, 1);
	lua_setfield(L, -2, "media_types");
}

/*
 * kumo.file_type.from_bytes(bytes) -> FileTypeResult
 *   By the first 256 KiB.  What nothing is known of is "data", of
 *   application/octet-stream.
 *   Raises where libmagic's data cannot be read, or without libmagic.
 */
static int
from_bytes(lua_State *L)
{
	size_t len;
	const char *bytes = lb_text(L, 1, &len);
	struct file_magic f;
	struct err err;

	if (!file_magic_is_built_in())
		return luaL_error(
		    L, "kumo.file_type.from_bytes: built without libmagic");
	if (file_magic_look(&f, bytes, len, &err) != 0)
		return luaL_error(L, "kumo.file_type.from_bytes: %s", err.msg);
	if (f.extensions[0] != '\0')
		push_listed(L, f.extensions);
	else
		push_extensions(
		    L, media_types_find(media_types_system(), f.type));
	push_result(L, f.name, f.type);
	return 1;
}

static void
push_known(lua_State *L, long type)
{
	const char *name = media_types_name(media_types_system(), (size_t)type);

	push_extensions(L, type);
	push_result(L, name, name);
}

/*
 * kumo.file_type.from_extension(extension) -> array of FileTypeResult
 *   extension: "pdf", without a dot; case is no matter.  One for each media
 *   type that has it, whose name is that of the type.
 */
static int
from_extension(lua_State *L)
{
	const struct media_types *m = media_types_system();
	size_t len;
	const char *extension = lb_text(L, 1, &len);
	int n = 0;

	lua_newtable(L);
	lb_mark_array(L);
	if (strlen(extension) != len) /* no name has a NUL */
		return 1;
	for (long i = -1;
	     (i = media_types_with(m, extension, (size_t)(i + 1))) >= 0;) {
		push_known(L, i);
		lua_rawseti(L, -2, ++n);
	}
	return 1;
}

/*
 * kumo.file_type.from_media_type(type) -> array of FileTypeResult
 *   type: "application/pdf"; case, and parameters, are no matter.
 */
static int
from_media_type(lua_State *L)
{
	size_t len;
	const char *type = lb_text(L, 1, &len);
	long i = strlen(type) == len
		     ? media_types_find(media_types_system(), type)
		     : -1;

	lua_newtable(L);
	lb_mark_array(L);
	if (i >= 0) {
		push_known(L, i);
		lua_rawseti(L, -2, 1);
	}
	return 1;
}

static const luaL_Reg functions[] = {
	{ "from_bytes", from_bytes },
	{ "from_extension", from_extension },
	{ "from_media_type", from_media_type },
	{ NULL, NULL },
};

void
lb_file_type_open(lua_State *L)
{
	lb_module(L, "file_type", functions);
}
