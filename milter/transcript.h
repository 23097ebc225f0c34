/*
 * transcript.h - a simulated session as a list of what happened
 *
 * Each item is a JSON object, told as it comes:
 *   {"type": "client", "line": "MAIL FROM:<a@b>"}
 *   {"type": "handler", "event": ..., "where": "init.lua:12", "args": ...,
 *    "ms": 0.1, "waited_ms": 0, "failed": true,
 *    "decided": {"code", "text", "how", "where"}, "meta": {key: value}}
 *   {"type": "log", "level": "info", "text": ...}
 *   {"type": "message", "taken", "discarded", "quarantine", "sender",
 *    "recipients", "edits": [text], "diff": text}
 *   {"type": "server", "lines": [text], "code", "by": "policy" or "mta",
 *    "closes": true, "stalls": true, "ms": 0.2}
 * What has no value is not there.  meta: what the handler set in conn_meta.
 * trace_session.h and trace.h have a few more, of sessions that are real.
 */
#ifndef KUMILTER_TRANSCRIPT_H
#define KUMILTER_TRANSCRIPT_H

#include "observe.h"
#include "sim.h"

struct transcript {
	void (*item)(void *arg, const json_t *item);
	void *arg;
	/* its own: */
	struct observer observer;
	struct sim_watch watch;
	int64_t begin; /* of the line under way */
};

/* Takes the log's lines too, until transcript_end(). */
void transcript_begin(struct transcript *t);
void transcript_end(struct transcript *t);

/* What sim.h has, and told. */
struct sim *transcript_open(struct transcript *t, const struct sim_client *c);
void transcript_greet(
    struct transcript *t, struct sim *sim, struct sim_answer *a);
void transcript_command(struct transcript *t, struct sim *sim, const char *line,
    struct sim_answer *a);
void transcript_content(struct transcript *t, struct sim *sim, const char *data,
    size_t len, struct sim_answer *a);

/* One item as lines for a person; colour: with the codes of a terminal. */
void transcript_text(struct str *out, const json_t *item, bool colour);

#endif
