#include "recorder_start.h"

#include "recorder.h"

static unsigned
needs_with(size_t body)
{
	return OBSERVE_COMMANDS | OBSERVE_HEADERS |
	       (body > 0 ? OBSERVE_BODY : 0);
}

static void
done(void *arg, const char *line, size_t len, bool cut)
{
	struct recording *r = arg;

	if (line != NULL)
		recording_put(r, line, len, cut);
	recording_unref(r);
}

static void
begins(struct session *s)
{
	struct recording *r = recording_ref();

	if (r == NULL)
		return;
	if (needs_with(recording_body(r)) & ~s->told) { /* it opened before */
		recording_unref(r);
		return;
	}
	observe_join(
	    s, recorder_new(&(struct recorder_options){ .content = true,
		   .body = recording_body(r),
		   .redaction = recording_redaction(r),
		   .done = done,
		   .arg = r }));
}

static void
ended(const struct recording *r)
{
	observe_need_no_more(needs_with(recording_body(r)));
}

int
recorder_start(const struct recording_options *o, unsigned uid, struct err *err)
{
	unsigned needs = needs_with(o->body);

	observe_sessions(begins);
	observe_need(needs);
	if (recording_start(o, uid, ended, err) == 0)
		return 0;
	observe_need_no_more(needs);
	return -1;
}
