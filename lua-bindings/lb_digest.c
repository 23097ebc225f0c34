/*
 * lb_digest.c - kumo.digest
 *
 * For each NAME of sha1, sha224, sha256, sha384, sha512, sha512_256,
 * sha3_256, sha3_384, sha3_512 and crc32:
 *
 * kumo.digest.NAME(...) -> BinaryResult
 *   The digest of all arguments together; what is no string counts as its
 *   JSON.  crc32 gives 4 bytes, the highest first.
 *
 * For each NAME of sha1, sha224, sha256, sha384 and sha512:
 *
 * kumo.digest.hmac_NAME(key, bytes) -> BinaryResult
 *   key: a key source (kumo.secrets.load); a string is the name of a file.
 *
 * All but crc32 raise where kumilter is built without OpenSSL.
 * All: events any; wait no; from KumoMTA's kumo.digest.
 */
#include "lb.h"
#include "lb_open.h"

#include "milter/hash.h"

static const struct {
	const char *name;
	enum hash hash;
} digests[] = {
	{ "sha1", HASH_SHA1 },
	{ "sha224", HASH_SHA224 },
	{ "sha256", HASH_SHA256 },
	{ "sha384", HASH_SHA384 },
	{ "sha512", HASH_SHA512 },
	{ "sha512_256", HASH_SHA512_256 },
	{ "sha3_256", HASH_SHA3_256 },
	{ "sha3_384", HASH_SHA3_384 },
	{ "sha3_512", HASH_SHA3_512 },
}, hmacs[] = {
	{ "hmac_sha1", HASH_SHA1 },
	{ "hmac_sha224", HASH_SHA224 },
	{ "hmac_sha256", HASH_SHA256 },
	{ "hmac_sha384", HASH_SHA384 },
	{ "hmac_sha512", HASH_SHA512 },
};

/* All arguments as one string. */
static const char *
join(lua_State *L, size_t *len)
{
	int n = lua_gettop(L);

	luaL_checkstack(L, 10, "too many arguments");
	for (int i = 1; i <= n; i++)
		if (lua_type(L, i) != LUA_TSTRING) {
			lb_push_json_text(L, i, false);
			lua_replace(L, i);
		}
	lua_concat(L, n);
	return lua_tolstring(L, -1, len);
}

static int
push_digest(lua_State *L, int rc, struct str *bytes, const struct err *err)
{
	char copy[64];
	size_t len = bytes->len;

	if (rc != 0) {
		str_fini(bytes);
		return luaL_error(L, "kumo.digest: %s", err->msg);
	}
	must(len <= sizeof copy);
	for (size_t i = 0; i < len; i++)
		copy[i] = bytes->data[i];
	str_fini(bytes);
	lb_push_binary(L, copy, len);
	return 1;
}

static int
digest(lua_State *L)
{
	enum hash h = (enum hash)lua_tointeger(L, lua_upvalueindex(1));
	struct str out = { 0 };
	struct err err;
	size_t len;
	const char *p = join(L, &len);

	return push_digest(L, hash_digest(&out, h, p, len, &err), &out, &err);
}

static int
hmac(lua_State *L)
{
	enum hash h = (enum hash)lua_tointeger(L, lua_upvalueindex(1));
	struct str out = { 0 };
	struct err err;
	size_t key_len, len;
	const char *p, *key;

	lua_settop(L, 2);
	p = lb_text(L, 2, &len);
	lb_push_secret(L, 1);
	key = lua_tolstring(L, -1, &key_len);
	return push_digest(
	    L, hash_hmac(&out, h, key, key_len, p, len, &err), &out, &err);
}

static int
crc32(lua_State *L)
{
	size_t len;
	const char *p = join(L, &len);
	uint32_t crc = hash_crc32(p, len);
	unsigned char bytes[4] = { (unsigned char)(crc >> 24),
		(unsigned char)(crc >> 16), (unsigned char)(crc >> 8),
		(unsigned char)crc };

	lb_push_binary(L, bytes, sizeof bytes);
	return 1;
}

static const luaL_Reg functions[] = {
	{ "crc32", crc32 },
	{ NULL, NULL },
};

static void
add(lua_State *L, const char *name, lua_CFunction f, enum hash h)
{
	lua_pushinteger(L, (int)h);
	lua_pushcclosure(L, f, 1);
	lua_setfield(L, -2, name);
}

void
lb_digest_open(lua_State *L)
{
	lb_module(L, "digest", functions);
	lua_getfield(L, -1, "digest");
	for (size_t i = 0; i < sizeof digests / sizeof *digests; i++)
		add(L, digests[i].name, digest, digests[i].hash);
	for (size_t i = 0; i < sizeof hmacs / sizeof *hmacs; i++)
		add(L, hmacs[i].name, hmac, hmacs[i].hash);
	lua_pop(L, 1);
}
