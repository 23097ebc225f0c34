/*
 * lb_dkim_verify.c - Message: DKIM signatures, verified: the primitive of
 * dkim_verify.lua
 */
#include "lb.h"
#include "lb_message.h"
#include "lb_open.h"
#include "lb_resolver.h"

#include "milter/clock.h"
#include "milter/co.h"
#include "milter/dkim_verify.h"
#include "milter/hash.h"
#include "milter/message.h"

#define VERIFY "kumo.DkimVerify"

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

/*
 * The question is on its way, and its answer is kept.  Of a list of resolvers
 * the first may tell, and then no other is to be asked.
 */
static void
begin(void *arg, const char *name, struct dns_answer *out)
{
	const struct verify *w = arg;

	if (json_array_size(w->resolver.spec) < 2)
		lb_resolver_ask(&w->resolver, name, DNS_TXT, clock_mono(), out);
}

static void
verify_block(struct wait *wait, int64_t deadline)
{
	struct verify *w = (struct verify *)wait;
	struct dkim_verify q = { .headers = &w->headers,
		.body = w->body,
		.now = clock_wall() / CLOCK_S,
		.kumomta_quirks = w->resolver.settings->kumomta_quirks,
		.ask = ask,
		.begin = begin,
		.arg = w };

	w->until = lb_resolver_end(deadline);
	w->failed = dkim_verify(&q, &w->verdicts, &w->err) != 0;
}

/* { method=, result=, reason=, props= } */
static void
push_verdict(lua_State *L, const struct dkim_verdict *v)
{
	lua_createtable(L, 0, 4);
	lua_pushliteral(L, "dkim");
	lua_setfield(L, -2, "method");
	lua_pushstring(L, dkim_result_text(v->result));
	lua_setfield(L, -2, "result");
	lua_pushstring(L, v->reason); /* NULL: nil */
	lua_setfield(L, -2, "reason");
	lua_createtable(L, 0, (int)v->n_props);
	for (size_t i = 0; i < v->n_props; i++) {
		lua_pushstring(L, v->prop[i].value);
		lua_setfield(L, -2, v->prop[i].name);
	}
	lua_setfield(L, -2, "props");
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
	lb_mark_array(L);
	for (size_t i = 0; i < w->verdicts.n; i++) {
		push_verdict(L, &w->verdicts.verdict[i]);
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

static int
misused(lua_State *L, const char *fmt, const char *what)
{
	lua_pushnil(L);
	lua_pushfstring(L, fmt, what);
	return 2;
}

/* native(message, resolver or nil) -> results; or nil, why */
static int
verify(lua_State *L)
{
	const struct message *m = lb_message_check(L);
	struct lb_resolver resolver;
	struct verify *w;

	lua_settop(L, 2);
	lb_opt_text(L, 2, NULL);
	if (!hash_is_built() || !dns_is_built())
		return misused(L, "built without %s",
		    hash_is_built() ? "libunbound" : "OpenSSL");
	if (lb_resolver_find(L, 2, &resolver) != 0)
		return misused(
		    L, "resolver %s is not defined", lua_tostring(L, 2));
	w = lb_new(L, VERIFY, sizeof *w);
	w->wait =
	    (struct wait){ verify_block, verify_finish, "message:dkim_verify" };
	w->resolver = resolver;
	headers_copy(&w->headers, &m->headers);
	w->body = body_ref(m->body);
	return co_wait(L);
}

/* Behind lb_message.c. */
void
lb_dkim_verify_open(lua_State *L)
{
	static const luaL_Reg meta[] = { { "__gc", verify_gc },
		{ NULL, NULL } };
	static const struct lb_class class = { VERIFY, NULL, NULL, meta };

	lb_class_open(L, &class);
	lb_load_part(L, "dkim_verify.lua");
	lua_pushcfunction(L, verify);
	lua_call(L, 1, 1);
	lb_class_method(L, "kumo.Message", "dkim_verify");
}
