/*
 * lb_arc_seal.c - Message: one more set for its chain of ARC, the primitives
 * of arc_seal.lua
 *
 * A job has all that is verified and sealed, so that the message may end
 * meanwhile.
 */
#include "lb.h"
#include "lb_dkim_sign.h"
#include "lb_message.h"
#include "lb_open.h"
#include "lb_resolver.h"

#include "milter/arc.h"
#include "milter/arc_seal.h"
#include "milter/auth_results.h"
#include "milter/co.h"
#include "milter/message.h"

#include <string.h>

#define JOB "kumo.arc seal"

struct job {
	struct wait wait;
	struct lb_resolver resolver;
	int64_t until; /* no lookup waits longer */
	int64_t now;
	struct dkim_signer *signer;
	struct headers headers;
	struct body *body;
	struct str results;
	struct arc_sealed sealed;
	int rc; /* of arc_seal() */
	struct err err;
};

static void
ask(void *arg, const char *name, struct dns_answer *out)
{
	const struct job *j = arg;

	lb_resolver_ask_until(&j->resolver, name, DNS_TXT, j->until, out);
}

static void
job_block(struct wait *wait, int64_t deadline)
{
	struct job *j = (struct job *)wait;
	bool quirks = j->resolver.settings->kumomta_quirks;
	struct arc_query q = { .headers = &j->headers,
		.body = j->body,
		.now = j->now,
		.kumomta_quirks = quirks,
		.ask = ask,
		.arg = j };
	struct arc_answer chain;

	j->until = lb_resolver_end(deadline);
	arc_verify(&q, &chain);
	j->rc = arc_seal(&j->sealed,
	    &(struct arc_sealing){ .signer = j->signer,
		.headers = &j->headers,
		.body = j->body,
		.status = chain.status,
		.results = str_c(&j->results),
		.now = j->now,
		.kumomta_quirks = quirks },
	    &j->err);
	arc_answer_fini(&chain);
}

static int
job_finish(struct wait *wait, lua_State *L)
{
	struct job *j = (struct job *)wait;

	if (j->rc >= 0)
		return 0;
	lua_pushstring(L, j->err.msg);
	return 1;
}

static int
job_gc(lua_State *L)
{
	struct job *j = lua_touserdata(L, 1);

	dkim_signer_unref(j->signer);
	headers_fini(&j->headers);
	body_unref(j->body);
	str_fini(&j->results);
	arc_sealed_fini(&j->sealed);
	j->signer = NULL;
	j->body = NULL;
	return 0;
}

/* The results at 4, of the host at 3, for ARC-Authentication-Results. */
static void
take_results(lua_State *L, struct job *j)
{
	const char *serv_id = lb_text(L, 3, NULL);
	struct err err;
	json_t *results;
	int rc = -1;

	luaL_checktype(L, 4, LUA_TTABLE);
	results = lb_tojson(L, 4, NULL, &err);
	if (results != NULL)
		rc = auth_results_write(&j->results, serv_id, results, &err);
	json_decref(results);
	if (rc != 0)
		luaL_error(L, "arc_seal: %s", err.msg);
}

/* native.job(message, signer, serv_id, results, resolver) -> job */
static int
job(lua_State *L)
{
	struct message *m = lb_message_check(L);
	struct dkim_signer *signer = lb_dkim_signer_check(L, 2);
	struct lb_resolver resolver;
	struct job *j;

	lua_settop(L, 5);
	if (!dns_is_built())
		return luaL_error(L, "arc_seal: built without libunbound");
	if (lb_resolver_find(L, 5, &resolver) != 0)
		return luaL_error(L, "arc_seal: resolver %s is not defined",
		    lua_tostring(L, 5));
	j = lb_new(L, JOB, sizeof *j);
	*j =
	    (struct job){ .wait = { job_block, job_finish, "message:arc_seal" },
		    .resolver = resolver,
		    .now = lb_dkim_sign_time(m->content),
		    .signer = dkim_signer_ref(signer),
		    .body = body_ref(m->body) };
	headers_copy(&j->headers, &m->headers);
	take_results(L, j);
	return 1;
}

/* native.run(job) -> why not, or nothing; waits */
static int
run(lua_State *L)
{
	lb_check(L, 1, JOB);
	lua_settop(L, 1);
	return co_wait(L);
}

/* native.put(message, job): the fields, where there are any */
static int
put(lua_State *L)
{
	struct message *m = lb_message_check(L);
	struct job *j = lb_check(L, 2, JOB);

	for (int k = 0; j->rc == 1 && k < ARC_FIELDS; k++) {
		const char *name = arc_field_name((enum arc_field)k);
		const struct str *raw = &j->sealed.raw[k];

		/* a value gets its leading space here */
		headers_prepend(&m->headers, name, strlen(name), raw->data + 1,
		    raw->len - 1);
	}
	return 0;
}

static const luaL_Reg meta[] = {
	{ "__gc", job_gc },
	{ NULL, NULL },
};

static const struct lb_class class = { JOB, NULL, NULL, meta };

static const luaL_Reg primitives[] = {
	{ "job", job },
	{ "run", run },
	{ "put", put },
	{ NULL, NULL },
};

void
lb_arc_seal_open(lua_State *L)
{
	lb_class_open(L, &class);
	lb_load_part(L, "arc_seal.lua");
	lua_newtable(L);
	luaL_register(L, NULL, primitives);
	lua_call(L, 1, 1);
	lb_class_method(L, "kumo.Message", "arc_seal");
}
