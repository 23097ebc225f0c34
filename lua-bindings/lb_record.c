/*
 * lb_record.c - kumo.configure_local_logs
 */
#include "lb.h"
#include "lb_open.h"

#include "milter/draft.h"
#include "milter/record_options.h"

/*
 * kumo.configure_local_logs{ log_dir =, max_file_size =, back_pressure =,
 *                            compression_level =, max_segment_duration =,
 *                            meta = {}, headers = {}, per_record = {},
 *                            filter_event =, min_free_space =,
 *                            min_free_inodes = }
 *   Records of refusals and of messages that pass, as lines of JSON in files
 *   below log_dir; each call describes one log.
 *   Raises on an unknown key and on values that do not fit.
 *   Events: init (or the top level).  Waits: no; nor does what is logged.
 *   From: KumoMTA kumo.configure_local_logs.
 */
static int
configure_local_logs(lua_State *L)
{
	struct state *st = state_of(L);
	struct record_options o;
	struct err err;
	json_t *given;

	luaL_checktype(L, 1, LUA_TTABLE);
	if (!st->loading && st->draft == NULL)
		return luaL_error(L, "kumo.configure_local_logs: call it in "
				     "kumo.on('init', ...)");
	given = lb_tojson(L, 1, NULL, &err);
	if (given == NULL || record_options_read(&o, given, &err) != 0) {
		json_decref(given);
		return luaL_error(L, "kumo.configure_local_logs: %s", err.msg);
	}
	record_options_fini(&o);
	if (st->draft != NULL)
		json_array_append(st->draft->local_logs, given);
	json_decref(given);
	return 0;
}

static const luaL_Reg functions[] = {
	{ "configure_local_logs", configure_local_logs },
	{ NULL, NULL },
};

void
lb_record_open(lua_State *L)
{
	luaL_register(L, NULL, functions);
}
