#include "event_msys.h"

#include "batch.h"
#include "event_dry.h"
#include "event_stand.h"
#include "log.h"
#include "metric.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>

static void
log_refusal(const struct call *c, const struct verdict *v)
{
	const char *module = "?";
	const char *callout = bindings_callout(c->L, c->s, &module);

	log_info(c->s->id, "%s: %s %d %s (module %s)",
	    callout != NULL ? callout : event_name(c->event),
	    v->how == DISCONNECT_IF421 ? "refused" : "disconnects", v->code,
	    v->text, module);
	metric_count(METRIC_REFUSED);
}

/* false: a callout failed; what on_error makes of that is in *v. */
static bool
call_stage(struct session *s, enum event_name stage, const char *line,
    struct message *m, int64_t deadline, struct verdict *v)
{
	struct message *shown = m;
	struct call c;

	if (v->kind != VERDICT_CONTINUE)
		return true;
	if (m != NULL)
		shown = dry_message(s, stage, m);
	if (call_begin(&c, s, stage, deadline)) {
		bindings_push_record(c.L, s);
		lua_pushstring(c.L, line);
		if (m != NULL)
			bindings_push_message(c.L, shown);
		else
			lua_pushnil(c.L);
		call_run(&c, 3);
		if (c.result == RUN_OK) {
			int condemns = bindings_take_code(c.L, 1, v);

			if (condemns != 0 && !dry_is(s, stage))
				stand_condemn(s);
			if (v->kind == VERDICT_REFUSE && !dry_is(s, stage))
				log_refusal(&c, v);
		}
	}
	call_end(&c, v);
	if (shown != m) {
		dry_message_over(s, stage, m, shown);
		call_release_message(s, shown);
	}
	return !c.failed;
}

void
msys_stage(struct session *s, enum event_name stage, const char *line,
    struct verdict *v)
{
	if (call_has(s, stage))
		call_stage(
		    s, stage, line, s->message, call_deadline(s, false), v);
}

void
msys_close(struct session *s)
{
	struct verdict none = { 0 };

	if (s->record_ref != LUA_NOREF && call_has(s, EVENT_VALIDATE_DEALLOC))
		call_stage(s, EVENT_VALIDATE_DEALLOC, NULL, NULL,
		    call_deadline(s, false), &none);
	verdict_clear(&none);
}

/* ---- the end of a message ------------------------------------------------ */

static void
release(struct session *s, struct batches *b)
{
	for (size_t i = 0; i < b->n; i++)
		call_release_message(s, b->m[i]);
	free(b->m);
}

/*
 * The stage for each copy: how many refuse, the first refusal in *first.  All
 * do, at once, where one is to be tried again later (4xx) or a callout fails:
 * there is one reply, and with any other that recipient's mail would be lost.
 */
static size_t
ask_each(struct session *s, struct batches *b, const struct message *whole,
    int64_t deadline, struct verdict *first)
{
	size_t refused = 0;
	bool ends = false;

	for (size_t i = 0; i < b->n; i++) {
		struct verdict one = { 0 };
		bool ok;

		/* a batch of kumo's has the sender of MAIL */
		message_set_sender(b->m[i], &whole->sender);
		ok = call_stage(
		    s, EVENT_VALIDATE_EACH_RCPT, NULL, b->m[i], deadline, &one);
		if (one.kind == VERDICT_CONTINUE)
			continue;
		log_info(s->id, "%s: refused with %d %s", whole->rcpt[i].email,
		    one.code, one.text);
		if (!ok || one.code < 500) {
			verdict_clear(first);
			verdict_move(first, &one);
			return b->n;
		}
		b->m[i]->discarded = true;
		ends = ends || one.how != DISCONNECT_IF421;
		if (refused++ == 0)
			verdict_move(first, &one);
		verdict_clear(&one);
	}
	if (ends && refused < b->n)
		stand_condemn(s);
	return refused;
}

/*
 * One copy for each recipient.  Who is refused is taken off where others are
 * not; there is one reply for all, so it is for those that all refuse.
 */
static void
each_rcpt(
    struct session *s, struct message **m, int64_t deadline, struct verdict *v)
{
	struct verdict first = { 0 };
	struct batches b = { 0 };
	struct message *whole = *m;
	bool unequal;

	batches_make(&b, whole, BATCH_BIFURCATE);
	if (ask_each(s, &b, whole, deadline, &first) == b.n) {
		verdict_move(v, &first);
	} else {
		*m = batches_merge(&b, &unequal);
		if (*m == NULL)
			verdict_set(v, VERDICT_DISCARD);
		if (unequal)
			log_warn(s->id,
			    "validate_data_spool_each_rcpt changed the message "
			    "differently for different recipients; a milter "
			    "has one message for all: the first recipient's "
			    "changes apply");
	}
	verdict_clear(&first);
	release(s, &b);
}

void
msys_message(
    struct session *s, struct message **m, int64_t deadline, struct verdict *v)
{
	call_stage(s, EVENT_VALIDATE_DATA, NULL, *m, deadline, v);
	if (v->kind == VERDICT_CONTINUE &&
	    call_has(s, EVENT_VALIDATE_EACH_RCPT) && !batch_is_dropped(*m)) {
		if ((*m)->n_rcpt > 1)
			each_rcpt(s, m, deadline, v);
		else
			call_stage(
			    s, EVENT_VALIDATE_EACH_RCPT, NULL, *m, deadline, v);
	}
	if (v->kind == VERDICT_CONTINUE && *m != NULL && batch_is_dropped(*m)) {
		verdict_set(v, VERDICT_DISCARD);
		*m = NULL;
	}
}
