/*
 * recorder.h - one session as a line of a recording
 *
 * An observer: it notes what the MTA says, the macros that came with it, what
 * handlers did and took, what was answered and changed, and when.  With the
 * session ends the line, which its owner is given.  The format is
 * kumilter-replay(8)'s.
 *
 * Bounded: a session that is longer than RECORDER_MAX, or that comes when all
 * of them together have RECORDER_ALL, is cut where it is then, and says so.
 */
#ifndef KUMILTER_RECORDER_H
#define KUMILTER_RECORDER_H

#include "observe.h"
#include "redaction.h"
#include "session.h"

#include <stddef.h>

#define RECORDER_MAX ((size_t)48 << 20)  /* bytes of one line, about */
#define RECORDER_ALL ((size_t)256 << 20) /* of all that are not written yet */

struct recorder_options {
	bool content; /* headers and the body: else the edits alone */
	size_t body;  /* bytes that are kept of one */
	const struct redaction *redaction; /* or NULL */
	const long *mark; /* each step has this number as "n"; or NULL */
	/* Called once, with the session's last callback; line NULL: it had
	 * not even begun. */
	void (*done)(void *arg, const char *line, size_t len, bool cut);
	void *arg;
};

/*
 * To be joined or given to a simulator before the session's first command; it
 * frees itself with the session.
 */
struct observer *recorder_new(const struct recorder_options *o);

#endif
