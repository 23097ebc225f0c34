#include "standing.h"

void
standing_init(struct standing *st)
{
	*st = (struct standing){ .kind = STANDING_FREE };
}

void
standing_fini(struct standing *st)
{
	verdict_clear(&st->held);
	st->kind = STANDING_FREE;
}

void
standing_condemn(struct standing *st)
{
	verdict_clear(&st->held);
	st->kind = STANDING_CONDEMNED;
}

/* Nothing is heard from the MTA there that could be answered. */
static bool
is_end(enum phase phase)
{
	return phase == PHASE_ABORT || phase == PHASE_CLOSE;
}

/*
 * A session refused at connect, or to be disconnected, is over for the policy:
 * no handler sees its HELO and what else comes before the reply is given.  A
 * refused HELO is open to a better one.
 */
static bool
is_over(const struct standing *st, const struct reply_rules *rules)
{
	return st->held_from == PHASE_CONNECT ||
	       reply_plan(&st->held, st->held_from, rules).condemns;
}

static void
give_held(struct standing *st, enum phase phase,
    const struct reply_rules *rules, struct reply *reply)
{
	bool condemns = reply_plan(&st->held, st->held_from, rules).condemns;

	reply_for(reply, &st->held, phase, rules);
	if (condemns)
		standing_condemn(st);
	else if (st->kind == STANDING_HELD_DATA)
		standing_fini(st);
}

static bool
held_answers(struct standing *st, enum phase phase,
    const struct reply_rules *rules, struct reply *reply)
{
	if (phase >= st->held_until && phase <= PHASE_EOM) {
		give_held(st, phase, rules, reply);
		return true;
	}
	if ((phase == PHASE_HELO || phase == PHASE_UNKNOWN) &&
	    !is_over(st, rules))
		return false;
	*reply = (struct reply){ .action = REPLY_CONTINUE };
	return true;
}

bool
standing_answers(struct standing *st, enum phase phase,
    const struct reply_rules *rules, const char *hostname, struct reply *reply)
{
	if (is_end(phase))
		return false;
	/* a new HELO or MAIL: the message is gone, even if nobody said so */
	if (phase < PHASE_RCPT)
		standing_message_over(st);
	switch (st->kind) {
	case STANDING_FREE:
		return false;
	case STANDING_HELD:
	case STANDING_HELD_DATA:
		return held_answers(st, phase, rules, reply);
	case STANDING_CONDEMNED:
		break;
	}
	reply_condemned(reply, hostname, rules);
	return true;
}

static void
hold(struct standing *st, enum phase phase, enum phase until, struct verdict *v)
{
	verdict_move(&st->held, v);
	st->held_from = phase;
	st->held_until = until;
	st->kind = until == PHASE_EOM ? STANDING_HELD_DATA : STANDING_HELD;
}

void
standing_take(struct standing *st, enum phase phase, struct verdict *v,
    const struct reply_rules *rules, struct reply *reply)
{
	struct reply_plan plan = reply_plan(v, phase, rules);

	/* a HELO judged anew: what was held from the last one is forgotten */
	if (phase == PHASE_HELO && st->kind == STANDING_HELD)
		standing_fini(st);
	if (plan.until != phase) {
		/* the 421 of a session condemned meanwhile will come sooner */
		if (st->kind != STANDING_CONDEMNED)
			hold(st, phase, plan.until, v);
		verdict_clear(v);
		*reply = (struct reply){ .action = REPLY_CONTINUE };
		return;
	}
	reply_for(reply, v, phase, rules);
	if (plan.condemns)
		standing_condemn(st);
	verdict_clear(v);
}

void
standing_message_over(struct standing *st)
{
	if (st->kind != STANDING_HELD_DATA)
		return;
	/* what is held from DATA does not close: a disconnect is still due */
	if (st->held.how != DISCONNECT_IF421)
		standing_condemn(st);
	else
		standing_fini(st);
}
