/*
 * replay_play.h - a recorded session, played against a policy
 *
 * The simulator of sim.h gets the session's commands, macros and message, with
 * the clock at the time that each of them had, and a recorder.h notes what
 * comes of it.  The result:
 *   { "played": a session as in a recording, whose steps have "n": which of
 *     the recorded ones they came from,
 *     "answers": [for each recorded step { "code", "text", "policy": true,
 *       "gone": true where the connection was over }],
 *     "log": [{ "level", "text" }] }
 * The clock never goes back: a session that began before the last one was over
 * is played at the end of that.  One thread, in a process of its own.
 */
#ifndef KUMILTER_REPLAY_PLAY_H
#define KUMILTER_REPLAY_PLAY_H

#include "reply.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct sim_mail;

struct replay_how {
	bool has_mta; /* not the session's own */
	enum mta mta;
};

/* When it began, ns since 1970; 0: it does not say. */
int64_t replay_begin(const json_t *session);

/* The policy in force plays.  NULL: nothing came of it. */
json_t *replay_play(const json_t *session, const struct replay_how *how);

/* The message of a step "eom"; what is not there of its body is made up. */
void replay_mail(struct sim_mail *mail, const json_t *step);
/* Is some of the body, or of the headers, not in the recording? */
bool replay_mail_lacks(const json_t *step);

#endif
