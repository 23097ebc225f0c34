/*
 * lb_crypto.c - kumo.crypto
 *
 * All: events any; wait no; from KumoMTA's kumo.crypto.
 */
#include "lb.h"
#include "lb_open.h"

#include "milter/aws_sign.h"
#include "milter/cipher.h"
#include "milter/clock.h"
#include "milter/moment.h"

#include <string.h>

/* ---- AES ---------------------------------------------------------------- */

static enum cipher_mode
mode_at_1(lua_State *L)
{
	const char *name = lb_text(L, 1, NULL);

	if (strcmp(name, "Ecb") == 0)
		return CIPHER_ECB;
	if (strcmp(name, "Cbc") != 0)
		luaL_error(L,
		    "deserialize error: unknown variant `%s`, expected `Ecb` "
		    "or `Cbc`, while processing the algorithm",
		    name);
	return CIPHER_CBC;
}

static int
aes(lua_State *L, struct str *out,
    int (*run)(struct str *out, enum cipher_mode mode, const void *key,
	size_t key_len, const void *p, size_t n, struct err *err))
{
	struct err err;
	enum cipher_mode mode;
	const char *p, *key;
	size_t n, key_len;

	lua_settop(L, 3);
	mode = mode_at_1(L);
	p = lb_text(L, 2, &n);
	luaL_checktype(L, 3, LUA_TTABLE);
	lua_getfield(L, 3, "key");
	if (lua_isnil(L, -1))
		return luaL_error(L,
		    "deserialize error: missing field `key`, while processing "
		    "the key's table");
	lb_push_secret(L, lua_gettop(L));
	key = lua_tolstring(L, -1, &key_len);
	if (run(out, mode, key, key_len, p, n, &err) != 0) {
		str_fini(out);
		return luaL_error(L, "kumo.crypto: %s", err.msg);
	}
	return 0;
}

/*
 * kumo.crypto.aes_encrypt_block(algorithm, bytes, { key = source }) -> bytes
 *   algorithm: "Cbc" or "Ecb".  source: a key source (kumo.secrets.load) of
 *   16 or 32 bytes.  Padded; with Cbc 16 random bytes stand before.
 *   Raises on other keys, and where kumilter is built without OpenSSL.
 */
static int
aes_encrypt_block(lua_State *L)
{
	struct str out = { 0 };

	aes(L, &out, cipher_encrypt);
	lb_push_str(L, &out);
	return 1;
}

/*
 * kumo.crypto.aes_decrypt_block(algorithm, bytes, { key = source })
 *   -> BinaryResult
 *   The way back.  Raises also on bytes that were not made so.
 */
static int
aes_decrypt_block(lua_State *L)
{
	struct str out = { 0 };

	aes(L, &out, cipher_decrypt);
	lb_push_str(L, &out);
	lb_push_binary(L, lua_tostring(L, -1), lua_objlen(L, -1));
	return 1;
}

/* ---- Amazon ------------------------------------------------------------- */

/* What is allocated for a call; owned by a userdata. */
struct signing {
	json_t *query, *headers;
	struct aws_signature signature;
};

#define SIGNING "kumo.signing"

static int
signing_gc(lua_State *L)
{
	struct signing *s = lua_touserdata(L, 1);

	json_decref(s->query);
	json_decref(s->headers);
	aws_signature_fini(&s->signature);
	memset(s, 0, sizeof *s);
	return 0;
}

static int
bad_field(lua_State *L, const char *name, const char *why)
{
	return luaL_error(L,
	    "deserialize error: %s: %s, while processing the parameters of "
	    "kumo.crypto.aws_sign_v4",
	    name, why);
}

/* A string of the table at 1, left on the stack; NULL where it may lack. */
static const char *
text_of(lua_State *L, const char *name, size_t *len, bool optional)
{
	size_t n;
	const char *text;

	lua_getfield(L, 1, name);
	if (lua_isnil(L, -1) && optional)
		return NULL;
	if (!lua_isstring(L, -1))
		bad_field(L, name, "a string expected");
	text = lua_tolstring(L, -1, &n);
	if (len == NULL && strlen(text) != n)
		bad_field(L, name, "a NUL in it");
	if (len != NULL)
		*len = n;
	return text;
}

/* A table of strings. */
static json_t *
strings_of(lua_State *L, const char *name)
{
	json_t *object = NULL;
	struct err err;
	const char *key;
	json_t *value;
	bool fine;

	lua_getfield(L, 1, name);
	if (lua_isnil(L, -1))
		return json_object();
	object = lb_tojson(L, -1, NULL, &err);
	fine = object != NULL &&
	       (json_is_object(object) || json_array_size(object) == 0);
	if (fine)
		json_object_foreach (object, key, value)
			fine = fine && json_is_string(value) &&
			       strlen(json_string_value(value)) ==
				   json_string_length(value);
	if (!fine) {
		json_decref(object);
		bad_field(L, name, "a table of strings expected");
	}
	return object;
}

static const char *
secret_of(lua_State *L, const char *name)
{
	size_t len;
	const char *text;

	lua_getfield(L, 1, name);
	if (lua_isnil(L, -1))
		bad_field(L, name, "missing field");
	lb_push_secret(L, lua_gettop(L));
	text = lua_tolstring(L, -1, &len);
	if (strlen(text) != len)
		bad_field(L, name, "a NUL in it");
	return text;
}

static int64_t
timestamp_of(lua_State *L)
{
	const char *text = text_of(L, "timestamp", NULL, true);
	struct moment m;

	if (text == NULL)
		return clock_wall() / CLOCK_S;
	if (moment_parse_rfc3339(&m, text, strlen(text)) != 0)
		bad_field(L, "timestamp", "a date as of RFC 3339 expected");
	return m.s;
}

static void
set(lua_State *L, const char *name, const struct str *value)
{
	lua_pushlstring(L, str_c(value), value->len);
	lua_setfield(L, -2, name);
}

/*
 * kumo.crypto.aws_sign_v4{ access_key = source, secret_key = source,
 *     region = string, service = string, method = string, uri = string,
 *     query_params = table, headers = table, payload = string,
 *     timestamp = string, session_token = string } -> table
 *   The first six must be there, and headers must have "host".  source: a key
 *   source (kumo.secrets.load).  timestamp: RFC 3339; else now.
 *   Result: { authorization, timestamp, signature, canonical_request,
 *   string_to_sign }.  Raises on what does not fit, and where kumilter is
 *   built without OpenSSL.
 */
static int
aws_sign_v4(lua_State *L)
{
	struct aws_request r = { .payload = "" };
	struct signing *s;
	struct err err;
	const char *payload;

	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	luaL_checkstack(L, 40, "aws_sign_v4");
	s = lb_new(L, SIGNING, sizeof *s);
	r.access_key = secret_of(L, "access_key");
	r.secret_key = secret_of(L, "secret_key");
	r.region = text_of(L, "region", NULL, false);
	r.service = text_of(L, "service", NULL, false);
	r.method = text_of(L, "method", NULL, false);
	r.path = text_of(L, "uri", NULL, false);
	r.session_token = text_of(L, "session_token", NULL, true);
	payload = text_of(L, "payload", &r.payload_len, true);
	if (payload != NULL)
		r.payload = payload;
	r.at = timestamp_of(L);
	r.query = s->query = strings_of(L, "query_params");
	r.headers = s->headers = strings_of(L, "headers");
	if (aws_sign(&s->signature, &r, &err) != 0)
		return luaL_error(L, "kumo.crypto.aws_sign_v4: %s", err.msg);
	lua_createtable(L, 0, 5);
	lua_pushstring(L, s->signature.timestamp);
	lua_setfield(L, -2, "timestamp");
	set(L, "authorization", &s->signature.authorization);
	set(L, "signature", &s->signature.signature);
	set(L, "canonical_request", &s->signature.canonical_request);
	set(L, "string_to_sign", &s->signature.string_to_sign);
	return 1;
}

static const luaL_Reg functions[] = {
	{ "aes_encrypt_block", aes_encrypt_block },
	{ "aes_decrypt_block", aes_decrypt_block },
	{ "aws_sign_v4", aws_sign_v4 },
	{ NULL, NULL },
};

static const luaL_Reg meta[] = {
	{ "__gc", signing_gc },
	{ NULL, NULL },
};

static const struct lb_class class = { SIGNING, NULL, NULL, meta };

void
lb_crypto_open(lua_State *L)
{
	lb_class_open(L, &class);
	lb_module(L, "crypto", functions);
}
