/*
 * lb_msys_dkim.c - native.dkim: signatures for msys/dkim.lua, with more of
 * them than message:dkim_verify tells
 */
#include "lb.h"
#include "lb_message.h"
#include "lb_open.h"
#include "lb_resolver.h"

#include "milter/clock.h"
#include "milter/co.h"
#include "milter/dkim_signature.h"
#include "milter/dkim_verify.h"
#include "milter/hash.h"
#include "milter/message.h"

#define VERIFY "msys.DkimVerify"

/* With all that is looked at: the message may end meanwhile. */
struct verify {
	struct wait wait;
	struct lb_resolver resolver;
	int64_t until; /* no lookup waits longer */
	struct headers headers;
	struct body *body;
	struct dkim_verdicts verdicts;
	bool failed;
	struct err err;
};

static void
ask(void *arg, const char *name, struct dns_answer *out)
{
	const struct verify *w = arg;

	lb_resolver_ask_until(&w->resolver, name, DNS_TXT, w->until, out);
}

static void
verify_block(struct wait *wait, int64_t deadline)
{
	struct verify *w = (struct verify *)wait;
	struct dkim_verify q = { .headers = &w->headers,
		.body = w->body,
		.now = clock_wall() / CLOCK_S,
		.ask = ask,
		.arg = w };

	w->until = lb_resolver_end(deadline);
	w->failed = dkim_verify(&q, &w->verdicts, &w->err) != 0;
}

/* { v = "1", a = "rsa-sha256", ... }, without white space; {}: no list. */
static void
push_tags(lua_State *L, const struct header *h)
{
	struct dkim_tags tags;
	struct str value = { 0 };
	int rc = dkim_tags_parse(&tags, h->raw, h->raw_len, NULL);

	lua_newtable(L);
	for (size_t i = 0; rc == 0 && i < tags.n; i++) {
		str_clear(&value);
		dkim_signature_dense(&value, &tags.tag[i]);
		lua_pushlstring(L, tags.tag[i].name, tags.tag[i].name_len);
		lua_pushlstring(L, str_c(&value), value.len);
		lua_rawset(L, -3);
	}
	str_fini(&value);
}

static void
push_verdict(lua_State *L, const struct verify *w, const struct dkim_verdict *v)
{
	lua_createtable(L, 0, 6);
	lua_pushstring(L, dkim_result_text(v->result));
	lua_setfield(L, -2, "result");
	lua_pushstring(L, v->reason); /* NULL: nil */
	lua_setfield(L, -2, "reason");
	lua_pushinteger(L, v->key_bits);
	lua_setfield(L, -2, "bits");
	lua_pushboolean(L, v->key_testing);
	lua_setfield(L, -2, "testing");
	lua_pushboolean(L, v->key_strict);
	lua_setfield(L, -2, "strict");
	push_tags(L, &w->headers.field[v->at]);
	lua_setfield(L, -2, "tags");
}

static int
verify_finish(struct wait *wait, lua_State *L)
{
	struct verify *w = (struct verify *)wait;

	if (w->failed) {
		lua_pushnil(L);
		lua_pushstring(L, w->err.msg);
		return 2;
	}
	lua_createtable(L, (int)w->verdicts.n, 0);
	for (size_t i = 0; i < w->verdicts.n; i++) {
		push_verdict(L, w, &w->verdicts.verdict[i]);
		lua_rawseti(L, -2, (int)i + 1);
	}
	return 1;
}

static int
verify_gc(lua_State *L)
{
	struct verify *w = lua_touserdata(L, 1);

	headers_fini(&w->headers);
	body_unref(w->body);
	w->body = NULL;
	dkim_verdicts_fini(&w->verdicts);
	return 0;
}

/*
 * dkim.verify(message) -> array of { result =, reason =, tags =, bits =,
 *   testing =, strict = }, or nil, why
 */
static int
verify(lua_State *L)
{
	const struct message *m = lb_message_check(L);
	struct lb_resolver resolver;
	struct verify *w;

	if (!hash_is_built() || !dns_is_built()) {
		lua_pushnil(L);
		lua_pushfstring(L, "built without %s",
		    hash_is_built() ? "libunbound" : "OpenSSL");
		return 2;
	}
	lua_settop(L, 1);
	lua_pushnil(L);
	lb_resolver_find(L, 2, &resolver);
	w = lb_new(L, VERIFY, sizeof *w);
	w->wait = (struct wait){ verify_block, verify_finish,
		"msys.validate.opendkim.verify" };
	w->resolver = resolver;
	headers_copy(&w->headers, &m->headers);
	w->body = body_ref(m->body);
	return co_wait(L);
}

void
lb_msys_dkim_open(lua_State *L)
{
	static const luaL_Reg meta[] = { { "__gc", verify_gc },
		{ NULL, NULL } };
	static const struct lb_class class = { VERIFY, NULL, NULL, meta };

	lb_class_open(L, &class);
	lua_newtable(L);
	lua_pushcfunction(L, verify);
	lua_setfield(L, -2, "verify");
	lua_setfield(L, -2, "dkim");
}
