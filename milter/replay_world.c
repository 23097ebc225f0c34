#include "replay_world.h"

#include "dns_zone.h"
#include "epoch.h"
#include "lua-bindings/bindings.h"
#include "plain_file.h"
#include "pretend.h"
#include "xmalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <lua.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct {
	bool live;
	json_t *settings; /* test/fake.lua's */
} world;

static int
read_zone(json_t *texts, const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = -1;
	json_t *zones = json_array(), *records = json_array(), *text;
	struct str out = { 0 };
	struct err why;

	if (fd < 0 || plain_file_read(fd, DNS_ZONE_MAX, &out, &why) != 0)
		err_set(
		    err, "%s: %s", path, fd < 0 ? strerror(errno) : why.msg);
	else if (dns_zone_read(zones, records, str_c(&out), out.len, &why) != 0)
		err_set(err, "%s: %s", path, why.msg);
	else if ((text = json_stringn(str_c(&out), out.len)) == NULL)
		err_set(err, "%s: is no text", path);
	else
		rc = json_array_append_new(texts, text);
	if (fd >= 0)
		close(fd);
	json_decref(zones);
	json_decref(records);
	str_fini(&out);
	return rc;
}

int
replay_world_set(const struct replay_world *w, struct err *err)
{
	json_t *texts = json_array();

	world.live = w->live;
	json_decref(world.settings);
	world.settings = json_object();
	if (w->scratch != NULL)
		json_object_set_new(
		    world.settings, "scratch", json_string(w->scratch));
	for (size_t i = 0; i < w->n_zones; i++)
		if (read_zone(texts, w->zone[i], err) != 0) {
			json_decref(texts);
			return -1;
		}
	if (w->n_zones > 0)
		json_object_set(world.settings, "dns", texts);
	json_decref(texts);
	return 0;
}

/* ask(question) -> { error = ... } */
static int
refuse(lua_State *L)
{
	lua_getfield(L, 1, "what");
	lua_newtable(L);
	lua_pushfstring(L, "a replay asks no %s (--live does)",
	    strcmp(lua_tostring(L, -2), "http") == 0 ? "web server" : "Redis");
	lua_setfield(L, -2, "error");
	return 1;
}

int
replay_world_prepare(lua_State *L)
{
	pretend_prepare(L);
	if (world.live)
		return 0;
	bindings_push_part(L, "test/fake.lua");
	lua_pushcfunction(L, refuse);
	bindings_push_json(L, world.settings);
	lua_call(L, 2, 0);
	return 0;
}

void
replay_world_loaded(struct epoch *e)
{
	if (!world.live)
		snprintf(e->settings.submit_command,
		    sizeof e->settings.submit_command, "/bin/true");
}
