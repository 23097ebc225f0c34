/*
 * cli_replay.c - kumilter replay: recorded sessions against another policy
 */
#include "cli.h"
#include "log.h"
#include "recording_read.h"
#include "replay_diff.h"
#include "replay_options.h"
#include "replay_tally.h"
#include "replay_text.h"
#include "test_files.h"
#include "xmalloc.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define INTERRUPTED 130
#define TELL_EACH 100 /* sessions between two words of progress */

/* A session that is being played. */
struct under_way {
	json_t *session;
	unsigned long line;
};

struct replay {
	const struct replay_options *o;
	struct recording_reader *reader;
	struct replay_policy old;
	struct replay_pool *was, *now; /* was: NULL without --against */
	struct replay_tally *tally;
	struct under_way *slot; /* one for each process */
	FILE *list;             /* what is said of sessions */
	int rc;
	bool told; /* progress */
};

static volatile int interrupted;

static void
on_interrupt(int sig)
{
	(void)sig;
	interrupted = 1;
}

/* ---- one session --------------------------------------------------------- */

static void
put_json(FILE *to, json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT);

	fprintf(to, "%s\n", text);
	free(text);
}

static void
list(struct replay *r, json_t *diff, unsigned long line)
{
	bool changed = json_array_size(json_object_get(diff, "changes")) > 0;
	struct str text = { 0 };

	if (r->o->only == REPLAY_NONE ||
	    (r->o->only == REPLAY_CHANGED && !changed))
		return;
	if (r->o->json) {
		json_object_set_new(
		    diff, "line", json_integer((json_int_t)line));
		put_json(r->list, diff);
		return;
	}
	replay_text_session(&text, diff, line, r->o->details);
	fwrite(str_c(&text), 1, text.len, r->list);
	str_fini(&text);
}

/* Why a side has nothing to show: its policy does not load, or it died. */
static bool
has_failed(struct replay *r, const json_t *side, unsigned long line)
{
	const char *why = json_string_value(json_object_get(side, "error"));

	if (why == NULL)
		return false;
	if (json_object_get(side, "died") != NULL) {
		fprintf(stderr, "%s:%lu: %s\n", r->o->file, line, why);
		replay_tally_lost(r->tally);
	} else {
		fprintf(stderr, "%s\n", why);
		r->rc = EX_DATAERR;
	}
	return true;
}

/* What process i was given is over. */
static void
finish(struct replay *r, int i)
{
	struct under_way *u = &r->slot[i];
	json_t *now, *was = NULL, *diff;

	if (u->session == NULL)
		return;
	now = replay_pool_take(r->now, i, &interrupted);
	if (now != NULL && r->was != NULL)
		was = replay_pool_take(r->was, i, &interrupted);
	if (now != NULL && (r->was == NULL || was != NULL) &&
	    !has_failed(r, now, u->line) && !has_failed(r, was, u->line)) {
		diff = replay_diff(u->session, was, now);
		replay_tally_add(r->tally, diff, u->session, was, now);
		list(r, diff, u->line);
		json_decref(diff);
	}
	json_decref(now);
	json_decref(was);
	json_decref(u->session);
	u->session = NULL;
}

static void
begin(struct replay *r, int i, json_t *session)
{
	size_t len;
	const char *line = recording_line(r->reader, &len);

	r->slot[i] =
	    (struct under_way){ session, recording_number_of_line(r->reader) };
	replay_pool_send(r->now, i, line, len);
	if (r->was != NULL)
		replay_pool_send(r->was, i, line, len);
}

/* ---- all of them --------------------------------------------------------- */

/* false: there is nothing more to read. */
static bool
read_one(struct replay *r, json_t **session)
{
	struct err err;
	enum recording_got got = recording_next(r->reader, session, &err);
	unsigned long line = recording_number_of_line(r->reader);

	switch (got) {
	case RECORDING_SESSION:
		return true;
	case RECORDING_BAD:
		fprintf(stderr, "%s:%lu: %s\n", r->o->file, line, err.msg);
		replay_tally_bad(r->tally);
		return true;
	case RECORDING_TORN:
		fprintf(stderr,
		    "%s:%lu: the last line is not whole, as if it were still "
		    "being written\n",
		    r->o->file, line);
		return false;
	case RECORDING_FAILED:
		fprintf(stderr, "kumilter replay: %s\n", err.msg);
		r->rc = EX_IOERR;
		return false;
	default:
		return false;
	}
}

static void
tell_progress(struct replay *r, unsigned long n)
{
	if (n % TELL_EACH != 0 || !isatty(STDERR_FILENO))
		return;
	r->told = true;
	fprintf(stderr, "\r%lu sessions", n);
}

static void
play_all(struct replay *r)
{
	json_t *session;
	unsigned long n = 0;
	int i = 0;

	while (!interrupted && r->rc == 0 && read_one(r, &session)) {
		if (session == NULL)
			continue;
		finish(r, i);
		if (r->rc != 0) {
			json_decref(session);
			break;
		}
		begin(r, i, session);
		i = (i + 1) % r->o->jobs;
		tell_progress(r, ++n);
	}
	for (int k = 0; k < r->o->jobs; k++, i = (i + 1) % r->o->jobs)
		if (!interrupted && r->rc == 0)
			finish(r, i);
		else
			json_decref(r->slot[i].session);
	if (r->told)
		fputs("\r                    \r", stderr);
}

static void
copy_list(struct replay *r)
{
	char buf[65536];
	size_t n;

	if (r->list == stdout)
		return;
	rewind(r->list);
	while ((n = fread(buf, 1, sizeof buf, r->list)) > 0)
		fwrite(buf, 1, n, stdout);
}

static void
summarise(struct replay *r)
{
	json_t *summary = replay_tally_json(r->tally);
	struct str text = { 0 };

	if (r->o->json) {
		json_object_set_new(summary, "summary", json_true());
		if (interrupted)
			json_object_set_new(
			    summary, "interrupted", json_true());
		put_json(stdout, summary);
	} else {
		replay_text_summary(&text, summary, interrupted != 0);
		fwrite(str_c(&text), 1, text.len, stdout);
		str_fini(&text);
		if (ftell(r->list) > 0)
			putchar('\n');
		copy_list(r);
	}
	json_decref(summary);
}

static int
exit_code(const struct replay *r)
{
	if (r->rc != 0)
		return r->rc;
	if (interrupted)
		return INTERRUPTED;
	if (replay_tally_has_changes(r->tally))
		return 1;
	return EX_OK;
}

/* ---- begin and end ------------------------------------------------------- */

static int
complain(const struct err *err, int code)
{
	fprintf(stderr, "kumilter replay: %s\n", err->msg);
	return code;
}

static int
start_pools(struct replay *r, struct err *err)
{
	const struct replay_options *o = r->o;

	if (o->against != NULL) {
		r->old = o->policy;
		r->old.epoch.policy = o->against;
		r->old.epoch.scriptlets = NULL;
		r->old.epoch.n_scriptlets = 0;
		r->was = replay_pool_new(&r->old, o->jobs, err);
	}
	r->now = replay_pool_new(&o->policy, o->jobs, err);
	return r->now == NULL || (o->against != NULL && r->was == NULL) ? -1
									: 0;
}

static int
run(struct replay_options *o)
{
	struct replay r = { .o = o };
	struct sigaction on = { .sa_handler = on_interrupt };
	struct err err;
	int rc;

	r.reader = recording_open(o->file, &err);
	if (r.reader == NULL)
		return complain(&err, EX_NOINPUT);
	if (start_pools(&r, &err) != 0) {
		rc = complain(&err, EX_OSERR);
	} else {
		r.list = o->json ? stdout : tmpfile();
		if (r.list == NULL)
			r.list = stdout;
		r.tally = replay_tally_new();
		r.slot = xcalloc((size_t)o->jobs, sizeof *r.slot);
		sigaction(SIGINT, &on, NULL);
		play_all(&r);
		if (r.rc == 0)
			summarise(&r);
		rc = exit_code(&r);
		free(r.slot);
		replay_tally_free(r.tally);
		if (r.list != stdout)
			fclose(r.list);
	}
	replay_pool_free(r.now);
	replay_pool_free(r.was);
	recording_close(r.reader);
	return rc;
}

int
cli_replay(int argc, char **argv)
{
	struct replay_options o;
	char *scratch = NULL;
	struct err err;
	int rc = replay_options_parse(&o, argc, argv);

	if (rc == 0 && !o.policy.world.live) {
		scratch = test_files_scratch(&err);
		if (scratch == NULL)
			rc = complain(&err, EX_CANTCREAT);
		o.policy.world.scratch = scratch;
	}
	if (rc == 0)
		rc = run(&o);
	else if (rc == REPLAY_OPTIONS_DONE)
		rc = EX_OK;
	if (scratch != NULL)
		test_files_remove(scratch);
	free(scratch);
	replay_options_fini(&o);
	return rc;
}
