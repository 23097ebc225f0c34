/*
 * lb_dkim_sign.c - Message: DKIM signatures, the primitives of dkim_sign.lua
 *
 * A job has all that is signed, so that the message may end meanwhile.
 */
#include "lb_dkim_sign.h"
#include "lb.h"
#include "lb_message.h"
#include "lb_open.h"

#include "milter/clock.h"
#include "milter/co.h"
#include "milter/dkim_settle.h"
#include "milter/log.h"
#include "milter/message.h"
#include "milter/session.h"
#include "milter/signatures.h"

#define JOB "kumo.dkim signature"

struct job {
	struct wait wait;
	struct headers headers;
	struct signature signature;
	bool has_body_hash, failed;
	struct err err;
};

static void
job_block(struct wait *wait, int64_t deadline)
{
	struct job *j = (struct job *)wait;

	(void)deadline; /* there is nobody to wait for */
	j->failed = signature_make(&j->signature, &j->headers, j->has_body_hash,
			&j->err) != 0;
}

static int
job_finish(struct wait *wait, lua_State *L)
{
	struct job *j = (struct job *)wait;

	if (!j->failed)
		return 0;
	lua_pushstring(L, j->err.msg);
	return 1;
}

static int
job_gc(lua_State *L)
{
	struct job *j = lua_touserdata(L, 1);

	headers_fini(&j->headers);
	signature_fini(&j->signature);
	return 0;
}

int64_t
lb_dkim_sign_time(struct content *c)
{
	if (c->signed_at == 0)
		c->signed_at = clock_wall() / CLOCK_S;
	return c->signed_at;
}

bool
lb_dkim_sign_sendmail(lua_State *L)
{
	const struct run *run = state_of(L)->run;

	return run != NULL && run->session != NULL &&
	       run->session->mta == MTA_SENDMAIL;
}

/* native.job(message, signer) -> job, or nil: it is not to be signed */
static int
job(lua_State *L)
{
	struct message *m = lb_message_check(L);
	struct dkim_signer *signer = lb_dkim_signer_check(L, 2);
	struct job *j;

	if (!dkim_sign_may(&m->headers)) {
		log_warn(lb_session_id(L),
		    "dkim_sign: the message has no From: and is not signed");
		return 0;
	}
	dkim_settle(&m->headers, signer, lb_dkim_sign_sendmail(L));
	j = lb_new(L, JOB, sizeof *j);
	j->wait = (struct wait){ job_block, job_finish, "message:dkim_sign" };
	headers_copy(&j->headers, &m->headers);
	j->signature = (struct signature){ .signer = dkim_signer_ref(signer),
		.body = body_ref(m->body),
		.at = lb_dkim_sign_time(m->content),
		.kumomta_quirks = state_of(L)->settings->kumomta_quirks };
	j->has_body_hash =
	    signatures_body_hash(m, signer->body, j->signature.body_hash);
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

/* native.put(message, job) */
static int
put(lua_State *L)
{
	struct message *m = lb_message_check(L);
	struct job *j = lb_check(L, 2, JOB);

	signatures_add(m, &j->signature);
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

/* Behind lb_vault.c: keys may be there. */
void
lb_dkim_sign_open(lua_State *L)
{
	lb_class_open(L, &class);
	lb_load_part(L, "dkim_sign.lua");
	lua_pushvalue(L, -2);
	lua_newtable(L);
	lb_dkim_signer_open(L);
	luaL_register(L, NULL, primitives);
	lua_call(L, 2, 1);
	lb_class_method(L, "kumo.Message", "dkim_sign");
}
