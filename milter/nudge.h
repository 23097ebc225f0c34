/*
 * nudge.h - keep libmilter's worker pool awake
 *
 * libmilter counts the same idle workers for all commands that arrive in one
 * poll round, so handlers that wait can leave other sessions unserved until
 * they return (200 simultaneous 1 s waits take 100 s).  The way round it: the
 * daemon holds a milter connection of its own to its listening socket and
 * writes one small packet on it whenever a handler begins to wait.  The pool
 * starts a worker for that packet, and the worker then takes the next command
 * that is stuck.
 *
 * That packet may itself be among those that are stuck: it came in one round
 * with others, all for the same idle workers.  So while handlers wait, the
 * connection is changed for a new one now and then, which no round knows yet:
 * a worker is started for it.
 *
 * The connection negotiates like an MTA that offers one action, and never
 * sends CONNECT; the glue knows it by that and counts no session.
 */
#ifndef KUMILTER_NUDGE_H
#define KUMILTER_NUDGE_H

#include "err.h"

/*
 * SMFIF_SETSYMLIST alone, which no MTA offers without those before it.  Of an
 * MTA that offers none libmilter says that it offers what version 1 had.
 */
#define NUDGE_ACTIONS 0x100U

/* While handlers wait there is a new connection so often, in ms. */
#define NUDGE_AGAIN 250

/*
 * Where our own listener is: the descriptor it listens on.  Kept by number;
 * nudge_stop() before that number means something else.
 */
void nudge_start(int listen_fd);
void nudge_stop(void);

/*
 * A handler begins to wait, and its wait is over.  Any thread; never blocks;
 * does nothing before nudge_start().
 */
void nudge_begin(void);
void nudge_end(void);

#endif
