#include "event_dry.h"

#include "batch.h"
#include "edits.h"
#include "event_call.h"
#include "log.h"
#include "lru.h"
#include "metric.h"
#include "observe.h"
#include "session_learn.h"
#include "str.h"
#include "xmalloc.h"

#include <netinet/in.h>
#include <string.h>

#define EDITS_SHOWN 20

/* 0 to 99, the same for an address each time. */
static int
side_of(const struct ip *ip)
{
	return (int)(lru_hash(ip->bytes, ip->family == AF_INET ? 4 : 8) % 100);
}

void
dry_begin(struct session *s)
{
	const struct settings *set = &s->lua->epoch->settings;
	struct ip ip = { 0 };
	int port;

	s->dry = set->dry_run == DRY_RUN_ALL;
	if (!s->dry && set->dry_run_share > 0) {
		session_peer(s, &ip, &port);
		s->dry = side_of(&ip) < set->dry_run_share;
	}
}

bool
dry_is(const struct session *s, enum event_name event)
{
	return s->dry || s->lua->epoch->settings.dry_run >> event & 1;
}

/* Takes what back to empty. */
static void
tell(const struct session *s, const char *who, struct str *what)
{
	log_info(s->id, "%s: dry run: would be %s", who, str_c(what));
	observe_would(s, who, str_c(what));
	str_fini(what);
}

void
dry_verdict(const struct session *s, enum event_name event, struct verdict *v)
{
	struct str what = { 0 };

	switch (v->kind) {
	case VERDICT_REFUSE:
		str_addf(&what, "%s %d %s",
		    v->how == DISCONNECT_IF421 ? "refused:" : "disconnected:",
		    v->code, v->text);
		tell(s, event_name(event), &what);
		metric_count(METRIC_DRY_REFUSED);
		break;
	case VERDICT_DISCARD:
		str_adds(&what, "discarded");
		tell(s, event_name(event), &what);
		metric_count(METRIC_DRY_DISCARDED);
		break;
	default:
		break;
	}
	verdict_clear(v);
}

/* ---- messages ----------------------------------------------------------- */

struct message *
dry_message(const struct session *s, enum event_name event, struct message *m)
{
	struct message *copy;

	if (s->dry || !dry_is(s, event))
		return m;
	copy = message_copy(m);
	message_take_rcpts(copy, NULL, 0);
	for (size_t i = 0; i < m->n_rcpt; i++)
		message_add_rcpt(copy, &m->rcpt[i]);
	message_set_sender(copy, &m->sender);
	return copy;
}

static bool
same_edit(const struct edit *a, const struct edit *b)
{
	return a->kind == b->kind && a->index == b->index &&
	       strcmp(a->name != NULL ? a->name : "",
		   b->name != NULL ? b->name : "") == 0 &&
	       strcmp(a->raw != NULL ? a->raw : "",
		   b->raw != NULL ? b->raw : "") == 0;
}

static bool
has_edit(const struct edits *list, const struct edit *e)
{
	for (size_t i = 0; i < list->n; i++)
		if (same_edit(&list->edit[i], e))
			return true;
	return false;
}

/* What the list has and the other has not, as text. */
static size_t
describe(struct str *out, const struct edits *list, const struct edits *but)
{
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++) {
		const struct edit *e = &list->edit[i];

		if (has_edit(but, e) || n++ >= EDITS_SHOWN)
			continue;
		str_addf(out, "%s%s%s%s", out->len != 0 ? ", " : "",
		    edit_text(e->kind), e->name != NULL ? " " : "",
		    e->name != NULL ? e->name : "");
	}
	if (n > EDITS_SHOWN)
		str_addf(out, " and %zu more", n - EDITS_SHOWN);
	return n;
}

static void
note_edits(const struct session *s, const char *who, const struct message *m,
    const struct message *but)
{
	struct edits list = { 0 }, others = { 0 };
	struct str text = { 0 };

	edits_of(&list, m);
	if (but != NULL)
		edits_of(&others, but);
	if (describe(&text, &list, &others) != 0) {
		struct str what = { 0 };

		str_addf(&what, "changed: %s", str_c(&text));
		tell(s, who, &what);
		metric_count(METRIC_DRY_EDITED);
	}
	if (m->quarantined && (but == NULL || !but->quarantined))
		metric_count(METRIC_DRY_QUARANTINED);
	str_fini(&text);
	edits_fini(&list);
	edits_fini(&others);
}

/* Is it dropped by it, and was not before? */
static bool
drops(const struct message *copy, const struct message *m)
{
	return batch_is_dropped(copy) && !batch_is_dropped(m);
}

void
dry_message_over(const struct session *s, enum event_name event,
    struct message *m, struct message *copy)
{
	struct verdict v = { .kind = VERDICT_DISCARD };
	json_t *meta;

	if (drops(copy, m)) {
		dry_verdict(s, event, &v);
		return;
	}
	note_edits(s, event_name(event), copy, m);
	meta = copy->meta;
	copy->meta = m->meta;
	m->meta = meta;
}

void
dry_result(const struct session *s, const struct message *m, struct verdict *v)
{
	if (v->kind != VERDICT_CONTINUE)
		dry_verdict(s, EVENT_MESSAGE_RECEIVED, v);
	else if (m != NULL)
		note_edits(s, "end of message", m, NULL);
}
