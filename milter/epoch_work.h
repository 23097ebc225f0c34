/*
 * epoch_work.h - which states may work outside sessions, and for how long
 *
 * Timers run in the epoch that serves new sessions: not before it does, and
 * not when another has taken its place, so that none keeps it alive.  Those
 * that a policy makes while it loads are made in each of its states; they run
 * in the first alone.  A job that a session left behind keeps its state, and
 * with it the epoch, until it has run.
 */
#ifndef KUMILTER_EPOCH_WORK_H
#define KUMILTER_EPOCH_WORK_H

#include "epoch.h"

extern const struct state_owner epoch_work;

#endif
