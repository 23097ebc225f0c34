/*
 * lb_dkim_signer.c - kumo.dkim: signers, for dkim_sign.lua
 *
 * A signer is made in two steps, because its key may have to be waited for;
 * what went wrong is a result, for dkim_sign.lua to raise.
 */
#include "lb.h"
#include "lb_dkim_sign.h"
#include "lb_open.h"

#include "milter/dkim_signers.h"
#include "milter/dns_record.h"
#include "milter/duration.h"
#include "milter/hash.h"
#include "milter/json_text.h"

#include <math.h>
#include <string.h>

#define SIGNER "kumo.DkimSigner"
#define THREADS "kumo.dkim threads"
#define TTL (300 * CLOCK_S)
#define EXPIRATION_MAX 3153600000.0 /* 100 years */

struct box {
	struct dkim_signer *signer;
	struct str id; /* that of its configuration, until it is complete */
	struct str source;
	int64_t ttl;
};

static void
forget_source(struct box *box)
{
	if (box->source.data != NULL)
		explicit_bzero(box->source.data, box->source.len);
	str_fini(&box->source);
}

/* ---- what a policy configures ------------------------------------------- */

/* Push the field; false: it is nil. */
static bool
get(lua_State *L, const char *name)
{
	lua_getfield(L, 1, name);
	return !lua_isnil(L, -1);
}

static int
invalid(struct err *err, const char *field, const char *wanted)
{
	return err_set(
	    err, "deserialize error: %s: %s expected", field, wanted);
}

/* A text that must be there; in UTF-8 it becomes A-labels. */
static int
take_name(lua_State *L, const char *field,
    int (*set)(
	struct dkim_signer *s, const char *name, size_t len, struct err *err),
    struct dkim_signer *s, struct err *err)
{
	struct str name = { 0 };
	const char *text;
	size_t len;
	int rc = 0;

	if (!get(L, field))
		return err_set(
		    err, "deserialize error: missing field `%s`", field);
	if (lua_type(L, -1) != LUA_TSTRING)
		return invalid(err, field, "a string");
	text = lua_tolstring(L, -1, &len);
	for (size_t i = 0; i < len && name.len == 0; i++)
		if ((unsigned char)text[i] >= 0x80)
			rc = dns_name_utf8(&name, text, len, err);
	if (rc == 0 && name.len > 0)
		rc = set(s, name.data, name.len, err);
	else if (rc == 0)
		rc = set(s, text, len, err);
	str_fini(&name);
	lua_pop(L, 1);
	return rc;
}

static int
take_headers(lua_State *L, struct dkim_signer *s, struct err *err)
{
	const char *name;
	size_t len, n;
	int rc = 0;

	if (!get(L, "headers"))
		return err_set(
		    err, "deserialize error: missing field `headers`");
	if (!lua_istable(L, -1))
		return invalid(err, "headers", "an array of strings");
	n = lua_objlen(L, -1);
	for (size_t i = 1; i <= n && rc == 0; i++) {
		lua_rawgeti(L, -1, (int)i);
		if (lua_type(L, -1) != LUA_TSTRING)
			return invalid(err, "headers", "an array of strings");
		name = lua_tolstring(L, -1, &len);
		rc = dkim_signer_sign(s, name, len, err);
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
	return rc;
}

static int
take_canon(
    lua_State *L, const char *field, enum dkim_canon *to, struct err *err)
{
	const char *name;

	if (get(L, field)) {
		name =
		    lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
		if (strcmp(name, "Simple") == 0)
			*to = DKIM_SIMPLE;
		else if (strcmp(name, "Relaxed") == 0)
			*to = DKIM_RELAXED;
		else
			return invalid(err, field, "`Relaxed` or `Simple`");
	}
	lua_pop(L, 1);
	return 0;
}

static int
take_expiration(lua_State *L, struct dkim_signer *s, struct err *err)
{
	double n;

	if (get(L, "expiration")) {
		n = lua_tonumber(L, -1);
		if (lua_type(L, -1) != LUA_TNUMBER || n != floor(n) ||
		    !(n >= 1 && n <= EXPIRATION_MAX))
			return invalid(
			    err, "expiration", "seconds, 1 at the least,");
		s->expiration = (int64_t)n;
	}
	lua_pop(L, 1);
	return 0;
}

static int
take_ttl(lua_State *L, struct box *box, struct err *err)
{
	double n;

	box->ttl = TTL;
	if (get(L, "ttl")) {
		n = lua_tonumber(L, -1);
		if (lua_type(L, -1) == LUA_TSTRING) {
			if (duration_parse(
				lua_tostring(L, -1), &box->ttl, err) != 0)
				return -1;
		} else if (lua_type(L, -1) != LUA_TNUMBER || !(n >= 0)) {
			return invalid(err, "ttl", "a duration");
		} else {
			box->ttl = n < 9e9 ? (int64_t)(n * (double)CLOCK_S)
					   : INT64_MAX;
		}
	}
	lua_pop(L, 1);
	return 0;
}

/* What KumoMTA knows and does not do either. */
static int
refuse_unsupported(lua_State *L, struct err *err)
{
	static const char *const fields[] = { "atps", "atpsh",
		"agent_user_identifier", "body_length", "reporting" };

	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		get(L, fields[i]);
		if (lua_toboolean(L, -1))
			return err_set(
			    err, "%s is not currently supported", fields[i]);
		lua_pop(L, 1);
	}
	return 0;
}

static int
take_config(lua_State *L, struct box *box, struct err *err)
{
	struct dkim_signer *s = box->signer;

	if (take_name(L, "domain", dkim_signer_domain, s, err) != 0 ||
	    take_name(L, "selector", dkim_signer_selector, s, err) != 0 ||
	    take_headers(L, s, err) != 0 ||
	    take_canon(L, "header_canonicalization", &s->header, err) != 0 ||
	    take_canon(L, "body_canonicalization", &s->body, err) != 0 ||
	    take_expiration(L, s, err) != 0 || take_ttl(L, box, err) != 0 ||
	    refuse_unsupported(L, err) != 0)
		return -1;
	get(L, "over_sign");
	s->over_sign = lua_toboolean(L, -1);
	lua_pop(L, 1);
	return 0;
}

/* ---- what tells a configuration from others ----------------------------- */

static void
add_text(struct str *id, const char *text, size_t len)
{
	str_addf(id, "%zu:", len);
	str_add(id, text, len);
}

static int
add_value(lua_State *L, struct str *id, struct err *err)
{
	size_t len;
	const char *text;
	json_t *value;

	if (lua_type(L, -1) == LUA_TSTRING) {
		text = lua_tolstring(L, -1, &len);
		add_text(id, text, len);
		return 0;
	}
	value = lb_tojson(L, lua_gettop(L), NULL, err);
	if (value == NULL)
		return -1;
	json_text_write(id, value, true);
	json_decref(value);
	return 0;
}

static int
add_source(lua_State *L, struct str *id, struct err *err)
{
	static const char *const fields[] = { "key_data", "event_name",
		"event_args", "vault_address", "vault_token", "vault_mount",
		"vault_path", "vault_key" };
	int rc = 0;

	if (!get(L, "key"))
		return err_set(err, "deserialize error: missing field `key`");
	if (lua_type(L, -1) == LUA_TSTRING) {
		rc = add_value(L, id, err);
		lua_pop(L, 1);
		return rc;
	}
	if (!lua_istable(L, -1))
		return invalid(err, "key", "a path or a table");
	for (size_t i = 0; i < sizeof fields / sizeof *fields && rc == 0; i++) {
		lua_getfield(L, -1, fields[i]);
		str_addf(id, "/%s=", fields[i]);
		if (!lua_isnil(L, -1))
			rc = add_value(L, id, err);
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
	return rc;
}

/* A digest: the source may be the key itself.  What may raise has an owner. */
static int
identify(lua_State *L, struct box *box, struct err *err)
{
	const struct dkim_signer *s = box->signer;
	struct str *text = &box->source;
	int rc;

	str_addf(text, "%u %d %d %d %lld %lld ", state_of(L)->epoch_number,
	    s->over_sign, s->header, s->body, (long long)s->expiration,
	    (long long)box->ttl);
	add_text(text, s->domain, strlen(s->domain));
	add_text(text, s->selector, strlen(s->selector));
	for (size_t i = 0; i < s->n; i++)
		add_text(text, s->name[i], strlen(s->name[i]));
	str_addc(text, ' ');
	rc = add_source(L, text, err);
	if (rc == 0)
		rc = hash_digest(
		    &box->id, HASH_SHA256, text->data, text->len, err);
	forget_source(box);
	return rc;
}

/* ---- signers ------------------------------------------------------------ */

struct dkim_signer *
lb_dkim_signer_check(lua_State *L, int i)
{
	const struct box *box = lb_test(L, i, SIGNER);

	if (box == NULL)
		luaL_error(L, "a signer of kumo.dkim expected, got %s",
		    luaL_typename(L, i));
	return box->signer;
}

/*
 * native.signer(config) -> signer, is it ready?; or nil, why
 *   One that is not ready wants its key: complete() or forget().
 */
static int
signer(lua_State *L)
{
	struct dkim_signer *found;
	struct box *box;
	struct err err;

	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	box = lb_new(L, SIGNER, sizeof *box);
	box->signer = dkim_signer_new();
	if (take_config(L, box, &err) != 0 || identify(L, box, &err) != 0) {
		lua_pushnil(L);
		lua_pushstring(L, err.msg);
		return 2;
	}
	found = dkim_signers_find(box->id.data, box->id.len, clock_mono());
	if (found != NULL) {
		dkim_signer_unref(box->signer);
		box->signer = found;
		str_fini(&box->id);
	}
	lua_settop(L, 2);
	lua_pushboolean(L, found != NULL);
	return 2;
}

/* native.complete(signer, key) -> why not, or nothing */
static int
complete(lua_State *L)
{
	struct box *box = lb_check(L, 1, SIGNER);
	struct err err;
	size_t len;
	const char *key = lb_text(L, 2, &len);

	if (dkim_signer_complete(box->signer, key, len, &err) != 0) {
		lua_pushstring(L, err.msg);
		return 1;
	}
	dkim_signers_put(
	    box->id.data, box->id.len, box->signer, box->ttl, clock_mono());
	str_fini(&box->id);
	return 0;
}

/* native.forget(signer): its key cannot be had, neither can the old one */
static int
forget(lua_State *L)
{
	struct box *box = lb_check(L, 1, SIGNER);

	dkim_signers_forget(str_c(&box->id), box->id.len);
	return 0;
}

/* native.handler(event) -> function or nil */
static int
handler(lua_State *L)
{
	lb_push_handler(L, luaL_checkstring(L, 1));
	return 1;
}

/*
 * kumo.dkim.set_signing_threads(n)
 *   Accepted and without an effect: each session signs in a thread of its
 *   own.  Raises where it was called before.  Events: init.  Waits: no.
 *   From: KumoMTA.
 */
static int
set_signing_threads(lua_State *L)
{
	lb_integer(L, 1, 1, 1000000);
	lua_getfield(L, LUA_REGISTRYINDEX, THREADS);
	if (lua_toboolean(L, -1))
		return luaL_error(L, "dkimsign pool is already configured");
	lua_pushboolean(L, 1);
	lua_setfield(L, LUA_REGISTRYINDEX, THREADS);
	lb_notice(L, "kumo.dkim.set_signing_threads",
	    "each session signs in a thread of its own");
	return 0;
}

static int
signer_gc(lua_State *L)
{
	struct box *box = lua_touserdata(L, 1);

	dkim_signer_unref(box->signer);
	str_fini(&box->id);
	forget_source(box);
	*box = (struct box){ 0 };
	return 0;
}

static const luaL_Reg meta[] = {
	{ "__gc", signer_gc },
	{ NULL, NULL },
};

static const struct lb_class class = { SIGNER, NULL, NULL, meta };

static const luaL_Reg primitives[] = {
	{ "signer", signer },
	{ "complete", complete },
	{ "forget", forget },
	{ "handler", handler },
	{ NULL, NULL },
};

static const luaL_Reg functions[] = {
	{ "set_signing_threads", set_signing_threads },
	{ NULL, NULL },
};

void
lb_dkim_signer_open(lua_State *L)
{
	lb_class_open(L, &class);
	luaL_register(L, NULL, primitives);
	lua_pushvalue(L, -2);
	lb_module(L, "dkim", functions);
	lua_pop(L, 1);
}
