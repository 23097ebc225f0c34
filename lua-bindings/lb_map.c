/*
 * lb_map.c - kumo.domain_map, kumo.cidr and kumo.regex_set_map
 *
 * Values are what JSON can hold; a table is copied when it is put in and each
 * time it is taken out.  Anything else raises "cannot serialize ...".
 *
 * All: events any; wait no; from KumoMTA's modules of these names.
 */
#include "lb_map.h"

#include "lb.h"
#include "lb_open.h"

#include "milter/cidr_map.h"
#include "milter/cidr_recent.h"
#include "milter/domain_map.h"
#include "milter/regex_set.h"

#include <string.h>

#define DOMAIN_MAP "kumo.DomainMap"
#define CIDR_MAP "kumo.CidrMap"
#define REGEX_SET_MAP "kumo.RegexSetMap"
#define NETWORKS_MAX ((size_t)16 << 20)

static int
push_found(lua_State *L, const char *value)
{
	if (value != NULL)
		lb_map_push(L, value);
	else
		lua_pushnil(L);
	return 1;
}

/* ---- domains ------------------------------------------------------------ */

static void *
domain_begin(void)
{
	return domain_map_new();
}

static int
domain_add(void *build, const char *key, size_t key_len, const char *value,
    size_t len, struct err *err)
{
	return domain_map_set(build, key, key_len, value, len, err);
}

static void *
domain_done(void *build)
{
	return build;
}

static void
domain_free(void *map)
{
	domain_map_free(map);
}

static size_t
domain_size(const void *map)
{
	return domain_map_size(map);
}

static void *
domain_freeze(const struct lb_map *map)
{
	return domain_map_copy(map->own);
}

static const struct lb_map_kind domain_kind = { DOMAIN_MAP,
	"kumo.domain_map.new", domain_begin, domain_add, domain_done,
	domain_free, domain_free, domain_free, domain_size, domain_freeze };

static int
domain_index(lua_State *L)
{
	const struct lb_map *map = lb_check(L, 1, DOMAIN_MAP);
	const struct domain_map *domains = map->own;
	size_t name_len, len;
	const char *name = lb_text(L, 2, &name_len);

	if (domains == NULL && map->shared != NULL)
		domains = map->shared->map;
	if (domains == NULL)
		return push_found(L, NULL);
	return push_found(L, domain_map_lookup(domains, name, name_len, &len));
}

/* From now on this object's map is its own. */
static int
domain_newindex(lua_State *L)
{
	struct lb_map *map = lb_check(L, 1, DOMAIN_MAP);
	size_t name_len, len;
	const char *name = lb_text(L, 2, &name_len);
	const char *value = lb_map_pack(L, 3, &len);
	struct err err;

	if (map->own == NULL && map->shared != NULL)
		map->own = domain_map_copy(map->shared->map);
	else if (map->own == NULL)
		map->own = domain_map_new();
	map_shared_unref(map->shared);
	map->shared = NULL;
	if (domain_map_set(map->own, name, name_len, value, len, &err) != 0)
		return luaL_error(L, "kumo.domain_map: %s", err.msg);
	lb_map_pack_done(L);
	lb_map_charge(L, 1, domain_map_size(map->own));
	return 0;
}

/*
 * kumo.domain_map.new([table]) -> map
 *   map[name] gives the value of that name, of the "*" beside the first label
 *   that is not there, or nil; map[name] = value sets one.  Case counts.
 */
static int
domain_new(lua_State *L)
{
	lb_map_new(L, &domain_kind);
	return 1;
}

static int
domain_gc(lua_State *L)
{
	lb_map_gc(L, &domain_kind);
	return 0;
}

/* ---- networks ----------------------------------------------------------- */

static int
parse_network(
    struct cidr *net, const char *text, const char *whole, struct err *err)
{
	struct err why;

	if (cidr_parse(net, text, &why) == 0)
		return 0;
	return err_set(err, "%s is not a valid CIDR: %s", whole, why.msg);
}

/* Also "192.0.2.1:25", "[192.0.2.1]" and "[::1]:25". */
static int
read_network(struct cidr *net, const char *text, size_t len, struct err *err)
{
	char copy[80];
	const char *colon;
	char *end;

	if (len >= sizeof copy || memchr(text, '\0', len) != NULL)
		return err_set(err, "what is no address or network as key");
	if (cidr_parse(net, text, NULL) == 0)
		return 0;
	strcpy(copy, text);
	end = *copy == '[' ? strchr(copy, ']') : NULL;
	if (end != NULL) {
		*end = '\0';
		return parse_network(net, copy + 1, text, err);
	}
	colon = strrchr(copy, ':');
	if (colon != NULL) {
		copy[colon - copy] = '\0';
		if (cidr_parse(net, copy, NULL) == 0)
			return 0;
	}
	return parse_network(net, text, text, err);
}

static void *
cidr_begin(void)
{
	return cidr_build_new(CIDR_SMALLEST, NETWORKS_MAX);
}

static int
cidr_add(void *build, const char *key, size_t key_len, const char *value,
    size_t len, struct err *err)
{
	struct cidr net;

	if (read_network(&net, key, key_len, err) != 0)
		return -1;
	return cidr_build_add(build, &net, value, len, err);
}

static void *
cidr_done(void *build)
{
	return cidr_build_done(build);
}

static void
cidr_cancel(void *build)
{
	cidr_build_free(build);
}

static void
cidr_free(void *map)
{
	cidr_map_unref(map);
}

static void
cidr_free_own(void *own)
{
	cidr_recent_free(own);
}

static size_t
cidr_size(const void *map)
{
	return cidr_map_size(map);
}

static void *
cidr_freeze(const struct lb_map *map)
{
	return cidr_recent_over(
	    map->own, map->shared != NULL ? map->shared->map : NULL);
}

static const struct lb_map_kind cidr_kind = { CIDR_MAP, "kumo.cidr.make_map",
	cidr_begin, cidr_add, cidr_done, cidr_cancel, cidr_free, cidr_free_own,
	cidr_size, cidr_freeze };

static void
check_network(lua_State *L, struct cidr *net)
{
	size_t len;
	const char *text = lb_text(L, 2, &len);
	struct err err;

	if (read_network(net, text, len, &err) != 0)
		luaL_error(L, "%s", err.msg);
}

/* Of a network its first address is looked up. */
static int
cidr_index(lua_State *L)
{
	const struct lb_map *map = lb_check(L, 1, CIDR_MAP);
	const char *value = NULL;
	struct cidr net;
	size_t len;

	check_network(L, &net);
	if (net.ip.family != 0 && map->own != NULL)
		value = cidr_recent_lookup(map->own, &net.ip, &len);
	if (net.ip.family != 0 && value == NULL && map->shared != NULL)
		value = cidr_map_lookup(map->shared->map, &net.ip, &len);
	return push_found(L, value);
}

/* What is set goes before all that the table had. */
static int
cidr_newindex(lua_State *L)
{
	struct lb_map *map = lb_check(L, 1, CIDR_MAP);
	const char *value;
	struct cidr net;
	struct err err;
	size_t len, size;

	check_network(L, &net);
	value = lb_map_pack(L, 3, &len);
	if (map->own == NULL)
		map->own = cidr_recent_new();
	if (cidr_recent_set(map->own, &net, value, len, &err) != 0)
		return luaL_error(L, "kumo.cidr: %s", err.msg);
	lb_map_pack_done(L);
	size = cidr_recent_size(map->own);
	if (map->shared != NULL)
		size += cidr_map_size(map->shared->map);
	lb_map_charge(L, 1, size);
	return 0;
}

/*
 * kumo.cidr.make_map([table]) -> map
 *   map[address] gives the value of the network that covers it, or nil;
 *   map[network] = value sets one, in place of all that it covers.  In the
 *   table the smaller network counts.  Keys are addresses, networks, "any",
 *   or addresses in brackets or with a port; others raise.
 */
static int
make_map(lua_State *L)
{
	lb_map_new(L, &cidr_kind);
	return 1;
}

static int
cidr_gc(lua_State *L)
{
	lb_map_gc(L, &cidr_kind);
	return 0;
}

/* ---- patterns ----------------------------------------------------------- */

static void *
regex_begin(void)
{
	return regex_set_new();
}

static int
regex_add(void *build, const char *key, size_t key_len, const char *value,
    size_t len, struct err *err)
{
	return regex_set_add(build, key, key_len, value, len, err);
}

static void *
regex_done(void *build)
{
	regex_set_done(build);
	return build;
}

static void
regex_free_set(void *set)
{
	regex_set_free(set);
}

static size_t
regex_set_bytes(const void *set)
{
	return regex_set_size(set);
}

static const struct lb_map_kind regex_kind = { REGEX_SET_MAP,
	"kumo.regex_set_map.new", regex_begin, regex_add, regex_done,
	regex_free_set, regex_free_set, regex_free_set, regex_set_bytes, NULL };

static int
regex_index(lua_State *L)
{
	struct state *st = state_of(L);
	const struct lb_map *map = lb_check(L, 1, REGEX_SET_MAP);
	struct regex_limits limits = { st->limits.over, st->limits.arg,
		st->settings->cpu_limit / 2 };
	size_t text_len, len;
	const char *text = lb_text(L, 2, &text_len);
	const char *value = NULL;
	struct err err;

	if (map->shared != NULL &&
	    regex_set_lookup(map->shared->map, text, text_len, &limits, &value,
		&len, &err) < 0)
		return luaL_error(L, "kumo.regex_set_map: %s", err.msg);
	return push_found(L, value);
}

/*
 * kumo.regex_set_map.new([table]) -> map
 *   Of patterns; map[text] gives the value of one that matches in the text,
 *   the first in the order of their bytes, or nil.  Nothing can be set.
 *   Raises on a pattern that is none; a search raises as those of a Regex do.
 */
static int
regex_set_map_new(lua_State *L)
{
	if (!regex_is_built_in())
		return luaL_error(
		    L, "kumo.regex_set_map.new: built without PCRE2");
	lb_map_new(L, &regex_kind);
	return 1;
}

static int
regex_gc(lua_State *L)
{
	lb_map_gc(L, &regex_kind);
	return 0;
}

static const struct lb_map_kind *const kinds[] = { &domain_kind, &cidr_kind,
	&regex_kind };

const struct lb_map_kind *
lb_map_kind_of(lua_State *L, int i)
{
	for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
		if (lb_test(L, i, kinds[k]->class) != NULL)
			return kinds[k];
	return NULL;
}

const struct lb_map_kind *
lb_map_kind_named(const char *class)
{
	for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
		if (strcmp(class, kinds[k]->class) == 0)
			return kinds[k];
	return NULL;
}

/* ---- opening ------------------------------------------------------------ */

static const luaL_Reg domain_functions[] = {
	{ "new", domain_new },
	{ NULL, NULL },
};
static const luaL_Reg cidr_functions[] = {
	{ "make_map", make_map },
	{ NULL, NULL },
};
static const luaL_Reg regex_functions[] = {
	{ "new", regex_set_map_new },
	{ NULL, NULL },
};

static const struct lb_class classes[] = {
	{ DOMAIN_MAP, NULL, NULL,
	    (const luaL_Reg[]){ { "__gc", domain_gc }, { NULL, NULL } } },
	{ CIDR_MAP, NULL, NULL,
	    (const luaL_Reg[]){ { "__gc", cidr_gc }, { NULL, NULL } } },
	{ REGEX_SET_MAP, NULL, NULL,
	    (const luaL_Reg[]){ { "__gc", regex_gc }, { NULL, NULL } } },
};

/* Keys are all that an object has: no methods, no fields. */
static void
set_index(lua_State *L, const char *class, lua_CFunction index,
    lua_CFunction newindex)
{
	luaL_getmetatable(L, class);
	lua_pushcfunction(L, index);
	lua_setfield(L, -2, "__index");
	if (newindex != NULL) {
		lua_pushcfunction(L, newindex);
		lua_setfield(L, -2, "__newindex");
	}
	lua_pop(L, 1);
}

void
lb_map_open(lua_State *L)
{
	lb_map_build_open(L);
	for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
		lb_class_open(L, &classes[i]);
	set_index(L, DOMAIN_MAP, domain_index, domain_newindex);
	set_index(L, CIDR_MAP, cidr_index, cidr_newindex);
	set_index(L, REGEX_SET_MAP, regex_index, NULL);
	lb_module(L, "domain_map", domain_functions);
	lb_module(L, "cidr", cidr_functions);
	lb_module(L, "regex_set_map", regex_functions);
}
