/*
 * phase.h - where an SMTP session stands
 *
 * One row for each callback that the MTA makes to us, in the order in which a
 * session passes them.  Verdicts, replies, traces and the manual all speak of
 * these.
 */
#ifndef KUMILTER_PHASE_H
#define KUMILTER_PHASE_H

#include "err.h"

#define PHASES(X)                                                              \
	X(CONNECT, "connect")                                                  \
	X(HELO, "helo")                                                        \
	X(MAIL, "mail")                                                        \
	X(RCPT, "rcpt")                                                        \
	X(DATA, "data")                                                        \
	X(EOM, "eom")                                                          \
	X(UNKNOWN, "unknown")                                                  \
	X(ABORT, "abort")                                                      \
	X(CLOSE, "close")

enum phase {
#define X(id, name) PHASE_##id,
	PHASES(X)
#undef X
	    PHASE_COUNT
};

/* The command that is answered: "MAIL FROM:" and "<a@b>".  verb NULL: none. */
struct event_command {
	const char *verb, *argument;
};

const char *phase_name(enum phase phase);
int phase_parse(const char *text, enum phase *phase, struct err *err);

#endif
