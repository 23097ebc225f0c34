/*
 * replay_tally.h - what would change for all recorded sessions together
 *
 * Counts of sessions and of changes by their kind, and how long the handlers
 * of each event took on both sides.  Bounded: of very many kinds some are
 * only "others", and of very many times a part stands for all.
 */
#ifndef KUMILTER_REPLAY_TALLY_H
#define KUMILTER_REPLAY_TALLY_H

#include "str.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct replay_tally;

struct replay_tally *replay_tally_new(void);
void replay_tally_free(struct replay_tally *t);

/* replay_diff()'s result and both sides, as it got them. */
void replay_tally_add(struct replay_tally *t, const json_t *diff,
    const json_t *session, const json_t *was, const json_t *now);
void replay_tally_bad(struct replay_tally *t);  /* a line that is none */
void replay_tally_lost(struct replay_tally *t); /* one that died */
bool replay_tally_has_changes(const struct replay_tally *t);
bool replay_tally_is_empty(const struct replay_tally *t);

/*
 * { "sessions", "same", "changed", "without_body": changed ones whose body is
 *   not all there, "bad", "lost",
 *   "changes": [{ "n", "do", "kind", "was", "now" }], most first,
 *   "times": [{ "event", "was": { "n", "median_ms", "p95_ms" }, "now": ... }] }
 */
json_t *replay_tally_json(const struct replay_tally *t);

#endif
