#include "event_stand.h"

#include "audit.h"
#include "clock.h"
#include "event_call.h"
#include "event_record.h"
#include "metric.h"
#include "observe.h"
#include "session_learn.h"

#include <stdlib.h>

static struct reply_rules
rules_of(const struct session *s)
{
	const struct settings *set = &s->lua->epoch->settings;

	return (struct reply_rules){ .mta = s->mta,
		.force_drop = set->force_disconnect == 1,
		.stage_reject = (enum stage_reject)set->stage_reject,
		.data_reject = (enum data_reject)set->data_reject };
}

/* Count the session that the standing just condemned. */
static void
count_condemned(const struct session *s, enum standing_kind before)
{
	if (before != STANDING_CONDEMNED &&
	    s->standing.kind == STANDING_CONDEMNED)
		metric_count(METRIC_CONDEMNED);
}

bool
stand_answers(struct session *s, enum phase phase,
    const struct event_command *command, struct reply *reply)
{
	struct reply_rules rules = rules_of(s);
	enum standing_kind before = s->standing.kind;

	if (!standing_answers(&s->standing, phase, &rules,
		s->hostname != NULL ? s->hostname : "localhost", reply))
		return false;
	count_condemned(s, before);
	event_rewrite(s, phase, command, &rules, reply);
	event_record_reply(s, phase, command, reply);
	observe_reply(s, phase, command, reply);
	stand_replied(s, phase, reply);
	return true;
}

void
stand_take(struct session *s, enum phase phase,
    const struct event_command *command, struct verdict *v, struct reply *reply)
{
	struct reply_rules rules = rules_of(s);
	enum standing_kind before = s->standing.kind;

	standing_take(&s->standing, phase, v, &rules, reply);
	count_condemned(s, before);
	event_rewrite(s, phase, command, &rules, reply);
	event_record_reply(s, phase, command, reply);
	observe_reply(s, phase, command, reply);
	stand_replied(s, phase, reply);
}

void
stand_condemn(struct session *s)
{
	enum standing_kind before = s->standing.kind;

	standing_condemn(&s->standing);
	count_condemned(s, before);
}

static void
count_reply(enum phase phase, const struct reply *reply)
{
	static const enum metric_answer answers[] = {
		[REPLY_CONTINUE] = METRIC_ANSWER_CONTINUE,
		[REPLY_ACCEPT] = METRIC_ANSWER_ACCEPT,
		[REPLY_DISCARD] = METRIC_ANSWER_DISCARD,
		[REPLY_TEMPFAIL] = METRIC_ANSWER_4XX,
		[REPLY_REJECT] = METRIC_ANSWER_5XX,
	};
	bool refuses =
	    reply->action == REPLY_TEMPFAIL || reply->action == REPLY_REJECT;

	metric_reply(phase, answers[reply->action],
	    refuses ? (int)strtol(reply->code, NULL, 10) : 0);
}

void
stand_replied(
    const struct session *s, enum phase phase, const struct reply *reply)
{
	struct ip ip;
	int port;

	count_reply(phase, reply);
	if (!s->audited || !session_peer(s, &ip, &port))
		return;
	if (reply->action == REPLY_TEMPFAIL || reply->action == REPLY_REJECT)
		audit_count(AUDIT_REJECTIONS, &ip, clock_mono());
	else if (phase == PHASE_EOM)
		audit_count(AUDIT_RECEPTIONS, &ip, clock_mono());
}

void
stand_audit_opened(struct session *s)
{
	struct ip ip;
	int port;

	if (audit_is_on() && session_peer(s, &ip, &port))
		s->audited = audit_opened(&ip, clock_mono());
}

void
stand_audit_closed(struct session *s)
{
	struct ip ip;
	int port;

	if (s->audited && session_peer(s, &ip, &port))
		audit_closed(&ip);
	s->audited = false;
}
