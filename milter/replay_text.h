/*
 * replay_text.h - what would change, as text for a person
 */
#ifndef KUMILTER_REPLAY_TEXT_H
#define KUMILTER_REPLAY_TEXT_H

#include "str.h"

#include <jansson.h>
#include <stdbool.h>

/*
 * replay_diff()'s result for the session in this line of the file: one line
 * for a session that is the same, several else.  details: diffs and the log.
 */
void replay_text_session(
    struct str *out, const json_t *diff, unsigned long line, bool details);

/* replay_tally_json()'s result.  interrupted: there were more sessions. */
void replay_text_summary(
    struct str *out, const json_t *summary, bool interrupted);

#endif
