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
#include "milter/dkim_settle.h"
#include "milter/message.h"

#include <string.h>
#include <strings.h>

#define JOB "kumo.arc seal"

struct job {
	struct wait wait;
	struct lb_resolver resolver;
	int64_t until; /* no lookup waits longer */
	int64_t now;
	struct dkim_signer *signer;
	bool sendmail;
	/* whose chain it is, and what is sealed */
	struct headers chain, headers;
	struct body *chain_body, *body;
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
	struct arc_query q = { .headers = &j->chain,
		.body = j->chain_body,
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
	headers_fini(&j->chain);
	headers_fini(&j->headers);
	body_unref(j->chain_body);
	body_unref(j->body);
	str_fini(&j->results);
	arc_sealed_fini(&j->sealed);
	j->signer = NULL;
	j->chain_body = j->body = NULL;
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

static const struct header *
next_field(const struct headers *h, size_t *at)
{
	while (*at < h->n)
		if (arc_is_field(h->field[(*at)++].name))
			return &h->field[*at - 1];
	return NULL;
}

/* Are the fields of ARC the same in both? */
static bool
same_chain(const struct headers *a, const struct headers *b)
{
	const struct header *x, *y;
	size_t i = 0, k = 0;

	do {
		x = next_field(a, &i);
		y = next_field(b, &k);
		if (x == NULL || y == NULL)
			return x == y;
	} while (x->raw_len == y->raw_len &&
		 memcmp(x->raw, y->raw, x->raw_len) == 0 &&
		 strcasecmp(x->name, y->name) == 0);
	return false;
}

/*
 * The chain is that of the message as it came, whatever the policy has made of
 * it since (RFC 8617, 5.1), unless it is the chain that it has changed.
 */
static void
take_chain(struct job *j, const struct message *m)
{
	const struct content *c = m->content;
	bool came = c->headers.n != 0 && same_chain(&c->headers, &m->headers) &&
		    !j->resolver.settings->kumomta_quirks;

	headers_copy(&j->chain, came ? &c->headers : &m->headers);
	j->chain_body = body_ref(came ? c->body : m->body);
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
		    .sendmail = lb_dkim_sign_sendmail(L),
		    .body = body_ref(m->body) };
	take_chain(j, m);
	headers_copy(&j->headers, &m->headers);
	dkim_settle(&j->headers, signer, j->sendmail);
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

	if (j->rc == 1)
		dkim_settle(&m->headers, j->signer, j->sendmail);
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
