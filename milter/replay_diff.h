/*
 * replay_diff.h - what would change for one recorded session
 *
 * Two sides, each the answers to the same steps: the recording's own, or what
 * replay_play() gave.  The result, as JSON that is told as it is:
 *   { "session", "begin", "client", "changes": [
 *       { "step": 3, "do": "rcpt", "text": "<b@c>", "kind": "reply",
 *         "was": "accept", "now": "550 5.7.1 no", "by": "rcpt_to new.lua:7" },
 *       { "step": 5, "do": "eom", "kind": "edits", "diff": text },
 *       { ..., "kind": "failed", "was"/"now": "event where" } ],
 *     "follows": 2, "lacks": ["body"], "log": [...] }
 * A step that one side did not come to, because of a change before, is no
 * change of its own: follows counts them.  lacks says what is not in the
 * recording and may be why something differs: "body", "rest" (of what
 * the recorded policy did not look at), "redacted", "cut", "dry_run".
 */
#ifndef KUMILTER_REPLAY_DIFF_H
#define KUMILTER_REPLAY_DIFF_H

#include <jansson.h>
#include <stdint.h>

/* was NULL: the recording itself. */
json_t *replay_diff(
    const json_t *session, const json_t *was, const json_t *now);

/* Each handler that ran: event and ns. */
typedef void replay_time_fn(void *arg, const char *event, int64_t ns);
void replay_times(const json_t *side, replay_time_fn *took, void *arg);

#endif
