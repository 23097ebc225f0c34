/*
 * recorder_start.h - sessions of this process, recorded
 *
 * From recorder_start() on each session whose milter connection opens then is
 * watched by a recorder.h whose line goes to recording.h.  Any thread.
 */
#ifndef KUMILTER_RECORDER_START_H
#define KUMILTER_RECORDER_START_H

#include "recording.h"

/* As recording_start(); recording_stop() ends it. */
int recorder_start(
    const struct recording_options *o, unsigned uid, struct err *err);

#endif
