#include "replay_diff.h"

#include "edits.h"
#include "line_diff.h"
#include "phase.h"
#include "recording_text.h"
#include "replay_play.h"
#include "sim_mail.h"
#include "xmalloc.h"

#include <stdlib.h>
#include <string.h>

#define LINE_SHOWN 400 /* bytes of a reply or command */

/* One side of one step. */
struct side {
	const json_t *step; /* as in a recording, or NULL */
	struct str outcome; /* "": nothing is answered here */
	bool unreached;     /* for another reason than this step's */
};

/* ---- text ---------------------------------------------------------------- */

/* One line, bounded. */
static void
add_line(struct str *out, const char *text)
{
	size_t n = strlen(text);
	bool cut = n > LINE_SHOWN;

	if (cut)
		for (n = LINE_SHOWN; n > 0 && (text[n] & 0xc0) == 0x80; n--)
			;
	str_add_printable(out, text, n);
	if (cut)
		str_adds(out, "...");
}

static json_t *
line_json(const char *text)
{
	struct str line = { 0 };
	json_t *j;

	add_line(&line, text);
	j = json_string(str_c(&line));
	str_fini(&line);
	return j;
}

static const char *
word(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

/* ---- what came of a step ------------------------------------------------- */

static const json_t *
quarantine_of(const json_t *step)
{
	json_t *edit;
	size_t i;

	json_array_foreach (json_object_get(step, "edits"), i, edit)
		if (strcmp(word(edit, "edit"), edit_text(EDIT_QUARANTINE)) == 0)
			return edit;
	return NULL;
}

static void
add_refusal(struct str *out, const json_t *reply)
{
	char *text = recording_string(json_object_get(reply, "text"));

	str_addf(out, "%d ",
	    (int)json_integer_value(json_object_get(reply, "code")));
	add_line(out, text != NULL ? text : "");
	if (json_is_true(json_object_get(reply, "closes")))
		str_adds(out, " (closes)");
	free(text);
}

static void
add_outcome(struct str *out, const json_t *step)
{
	const json_t *reply = json_object_get(step, "reply"), *held;
	const char *action = json_string_value(reply);

	if (json_is_object(reply)) {
		add_refusal(out, reply);
	} else if (action != NULL && strcmp(action, "continue") != 0) {
		str_addf(out, "%s",
		    strcmp(action, "accept") == 0 ? "accept, and ask no more"
						  : action);
	} else if (action != NULL && (held = quarantine_of(step)) != NULL) {
		char *why = recording_string(json_object_get(held, "name"));

		str_adds(out, "quarantine: ");
		add_line(out, why != NULL ? why : "");
		free(why);
	} else if (action != NULL) {
		str_adds(out, "accept");
	}
}

/* The step that came from number n and says what became of it. */
static const json_t *
find_played(const json_t *played, size_t n, const char *what)
{
	const json_t *found = NULL;
	json_t *step;
	size_t i;

	json_array_foreach (json_object_get(played, "steps"), i, step) {
		const json_t *mark = json_object_get(step, "n");

		if (!json_is_integer(mark) ||
		    (size_t)json_integer_value(mark) != n)
			continue;
		if (strcmp(word(step, "do"), what) == 0)
			return step;
		/* a message that is refused at DATA has no other step */
		if (strcmp(what, "eom") == 0 &&
		    strcmp(word(step, "do"), "data") == 0 &&
		    json_is_object(json_object_get(step, "reply")))
			found = step;
	}
	return found;
}

/* The policy was not asked: what the MTA said by itself. */
static void
add_mta_outcome(struct side *s, const char *what, const json_t *answer)
{
	int code = (int)json_integer_value(json_object_get(answer, "code"));
	const char *text = word(answer, "text");

	if (json_is_true(json_object_get(answer, "gone"))) {
		s->unreached = true;
		str_adds(&s->outcome, "the connection is closed");
	} else if (code >= 400 &&
		   json_is_true(json_object_get(answer, "policy"))) {
		s->unreached = true; /* what it refused before, repeated */
		add_line(&s->outcome, text);
	} else if (code >= 400 && strcmp(what, "unknown") != 0) {
		s->unreached = true;
		str_adds(&s->outcome, "the MTA refuses: ");
		add_line(&s->outcome, text);
	} else {
		str_adds(&s->outcome, "accept");
	}
}

static void
take_side(struct side *s, const json_t *side, size_t n, const json_t *recorded)
{
	const char *what = word(recorded, "do");

	*s = (struct side){ 0 };
	if (side == NULL) {
		s->step = recorded;
		add_outcome(&s->outcome, recorded);
		return;
	}
	if (strcmp(what, "abort") == 0 || strcmp(what, "close") == 0) {
		s->step = find_played(json_object_get(side, "played"), n, what);
		return;
	}
	s->step = find_played(json_object_get(side, "played"), n, what);
	if (s->step != NULL)
		add_outcome(&s->outcome, s->step);
	else
		add_mta_outcome(s, what,
		    json_array_get(json_object_get(side, "answers"), n));
}

/* ---- edits --------------------------------------------------------------- */

static int
kind_of(const json_t *edit)
{
	for (int k = EDIT_DELETE_HEADER; k <= EDIT_QUARANTINE; k++)
		if (strcmp(word(edit, "edit"), edit_text((enum edit_kind)k)) ==
		    0)
			return k;
	return -1;
}

/* A new body of which only the size is known. */
static bool
has_bare_body(const json_t *step)
{
	json_t *edit;
	size_t i;

	json_array_foreach (json_object_get(step, "edits"), i, edit)
		if (kind_of(edit) == EDIT_BODY &&
		    json_object_get(edit, "body") == NULL)
			return true;
	return false;
}

static void
set_body(struct str *body, const json_t *edit, bool bare)
{
	json_int_t size = json_integer_value(json_object_get(edit, "size"));

	str_clear(body);
	if (bare || recording_read(body, json_object_get(edit, "body")) != 0)
		str_addf(body, "(a body of %lld bytes)\r\n", (long long)size);
}

/* The message as these edits leave it, and what they do beside it. */
static void
apply(struct str *out, const json_t *recorded, const json_t *edits, bool bare)
{
	struct sim_mail mail = { 0 };
	json_t *one;
	size_t i;

	replay_mail(&mail, recorded);
	json_array_foreach ((json_t *)edits, i, one) {
		int kind = kind_of(one);
		char *name = recording_string(json_object_get(one, "name"));
		char *raw = recording_string(json_object_get(one, "value"));
		json_int_t index =
		    json_integer_value(json_object_get(one, "index"));
		struct edit e = { .kind = (enum edit_kind)kind,
			.index = index > 0 && index < 1 << 20 ? (int)index : 0,
			.name = name != NULL ? name : "",
			.raw = raw != NULL ? raw : "" };

		if (kind == EDIT_BODY) {
			set_body(&mail.body, one, bare);
		} else if (kind == EDIT_SENDER || kind == EDIT_ADD_RCPT ||
			   kind == EDIT_DELETE_RCPT) {
			str_addf(out, "%s ", edit_text(e.kind));
			add_line(out, e.name);
			str_addc(out, '\n');
		} else if (kind >= 0 && kind != EDIT_QUARANTINE) {
			sim_mail_edit(&mail, &e, NULL);
		}
		free(name);
		free(raw);
	}
	sim_mail_write(out, &mail);
	sim_mail_fini(&mail);
}

static json_t *
diff_json(const json_t *recorded, const json_t *was, const json_t *now)
{
	struct str a = { 0 }, b = { 0 }, diff = { 0 }, safe = { 0 };
	bool bare = has_bare_body(was) || has_bare_body(now);
	const json_t *old = json_object_get(was, "edits");
	const json_t *new = json_object_get(now, "edits");
	json_t *j = NULL;

	if (old == new || json_equal(old, new)) /* most are */
		return NULL;
	apply(&a, recorded, old, bare);
	apply(&b, recorded, new, bare);
	line_diff(&diff, str_c(&a), a.len, str_c(&b), b.len);
	for (size_t at = 0; at < diff.len;) {
		const char *p = diff.data + at;
		const char *nl = memchr(p, '\n', diff.len - at);
		size_t n = nl != NULL ? (size_t)(nl - p) : diff.len - at;

		str_add_printable(&safe, p, n);
		str_addc(&safe, '\n');
		at += n + 1;
	}
	if (safe.len > 0)
		j = json_string(str_c(&safe));
	str_fini(&a);
	str_fini(&b);
	str_fini(&diff);
	str_fini(&safe);
	return j;
}

/* ---- changes ------------------------------------------------------------- */

static json_t *
change_new(json_t *list, size_t n, const json_t *recorded, const char *kind)
{
	json_t *change = json_object();
	char *text = recording_string(json_object_get(recorded, "text"));

	json_object_set_new(change, "step", json_integer((json_int_t)n + 1));
	json_object_set_new(change, "do", json_string(word(recorded, "do")));
	if (text != NULL && text[0] != '\0')
		json_object_set_new(change, "text", line_json(text));
	json_object_set_new(change, "kind", json_string(kind));
	json_array_append(list, change);
	json_decref(change);
	free(text);
	return change;
}

/* The last handler of a step, which decided if any did. */
static void
add_by(json_t *change, const json_t *step)
{
	const json_t *handlers = json_object_get(step, "handlers");
	const json_t *last =
	    json_array_get(handlers, json_array_size(handlers) - 1);
	char *by;

	if (json_array_size(handlers) == 0)
		return;
	by = xasprintf("%s%s%s", word(last, "event"),
	    word(last, "where")[0] != '\0' ? " " : "", word(last, "where"));
	json_object_set_new(change, "by", line_json(by));
	free(by);
}

static bool
fails_in(const json_t *step, const char *event)
{
	json_t *one;
	size_t i;

	json_array_foreach (json_object_get(step, "handlers"), i, one)
		if (json_is_true(json_object_get(one, "failed")) &&
		    strcmp(word(one, "event"), event) == 0)
			return true;
	return false;
}

/* Handlers that fail on one side alone. */
static void
compare_failures(json_t *changes, size_t n, const json_t *recorded,
    const json_t *mine, const json_t *other, const char *key)
{
	json_t *one, *change;
	size_t i;

	json_array_foreach (json_object_get(mine, "handlers"), i, one) {
		char *name;

		if (!json_is_true(json_object_get(one, "failed")) ||
		    fails_in(other, word(one, "event")))
			continue;
		name =
		    xasprintf("%s %s", word(one, "event"), word(one, "where"));
		change = change_new(changes, n, recorded, "failed");
		json_object_set_new(change, key, line_json(name));
		free(name);
	}
}

/* 1: it is of a change before. */
static int
compare_step(json_t *changes, size_t n, const json_t *recorded,
    const json_t *was_side, const json_t *now_side)
{
	struct side was, now;
	json_t *change, *diff;
	int follows = 0;

	take_side(&was, was_side, n, recorded);
	take_side(&now, now_side, n, recorded);
	compare_failures(changes, n, recorded, was.step, now.step, "was");
	compare_failures(changes, n, recorded, now.step, was.step, "now");
	if (was.unreached != now.unreached && json_array_size(changes) > 0) {
		follows = 1;
	} else if (was.outcome.len == 0 || now.outcome.len == 0) {
		follows = 0; /* no answer is expected, or it is not there */
	} else if (strcmp(str_c(&was.outcome), str_c(&now.outcome)) != 0) {
		change = change_new(changes, n, recorded, "reply");
		json_object_set_new(
		    change, "was", json_string(str_c(&was.outcome)));
		json_object_set_new(
		    change, "now", json_string(str_c(&now.outcome)));
		add_by(change, now.step);
	} else if (strcmp(word(recorded, "do"), "eom") == 0 &&
		   (diff = diff_json(recorded, was.step, now.step)) != NULL) {
		change = change_new(changes, n, recorded, "edits");
		json_object_set_new(change, "diff", diff);
	}
	str_fini(&was.outcome);
	str_fini(&now.outcome);
	return follows;
}

/* An answer behind which the MTA asks no more. */
static bool
ends_asking(const json_t *step)
{
	const char *reply = word(step, "reply");

	return strcmp(word(step, "do"), "eom") != 0 &&
	       (strcmp(reply, "accept") == 0 || strcmp(reply, "discard") == 0);
}

static void
add_lacks(json_t *lacks, const json_t *session)
{
	static const char *const flags[] = { "redacted", "cut", "dry_run" };
	bool body = false, rest = false;
	json_t *step;
	size_t i;

	json_array_foreach (json_object_get(session, "steps"), i, step) {
		body = body || (strcmp(word(step, "do"), "eom") == 0 &&
				   replay_mail_lacks(step));
		rest = rest || ends_asking(step);
	}
	if (body)
		json_array_append_new(lacks, json_string("body"));
	if (rest)
		json_array_append_new(lacks, json_string("rest"));
	for (i = 0; i < sizeof flags / sizeof *flags; i++)
		if (json_object_get(session, flags[i]) != NULL)
			json_array_append_new(lacks, json_string(flags[i]));
}

json_t *
replay_diff(const json_t *session, const json_t *was, const json_t *now)
{
	const json_t *client = json_object_get(session, "client");
	json_t *out = json_object(), *changes = json_array(), *step;
	json_t *lacks = json_array();
	json_int_t follows = 0;
	size_t i;

	json_object_set_new(
	    out, "session", line_json(word(session, "session")));
	json_object_set_new(out, "begin", line_json(word(session, "begin")));
	json_object_set_new(out, "client", line_json(word(client, "address")));
	json_array_foreach (json_object_get(session, "steps"), i, step)
		follows += compare_step(changes, i, step, was, now);
	add_lacks(lacks, session);
	json_object_set_new(out, "changes", changes);
	if (follows > 0)
		json_object_set_new(out, "follows", json_integer(follows));
	if (json_array_size(lacks) > 0)
		json_object_set(out, "lacks", lacks);
	if (json_array_size(changes) > 0 &&
	    json_array_size(json_object_get(now, "log")) > 0)
		json_object_set(out, "log", json_object_get(now, "log"));
	json_decref(lacks);
	return out;
}

void
replay_times(const json_t *side, replay_time_fn *took, void *arg)
{
	const json_t *played = json_object_get(side, "played");
	json_t *steps =
	    json_object_get(played != NULL ? played : side, "steps");
	json_t *step, *one;
	size_t i, k;

	json_array_foreach (steps, i, step)
		json_array_foreach (json_object_get(step, "handlers"), k, one)
			took(arg, word(one, "event"),
			    recording_ns(json_object_get(one, "ms")));
}
