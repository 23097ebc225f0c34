/*
 * event_decision.h - why each mail was answered as it was: one line of JSON
 *
 * kumo.milter.configure{ decision_log = { log_dir = ... } }.  A line for each
 * transaction when it is over, and one for a session that was refused before
 * any.  It has who came and what they said, every handler that decided or
 * failed with its place, what each event took, the replies that were not the
 * MTA's own, the edits and the outcome.  Written by record_log, so nothing
 * here waits for a disk.
 *
 * The keys are a contract; kumilter-policy(7) lists them.
 */
#ifndef KUMILTER_EVENT_DECISION_H
#define KUMILTER_EVENT_DECISION_H

#include "session.h"

/* A session begins; it may be one that nothing is noted of. */
void decision_begin(struct session *s);

#endif
