/*
 * glue.h - the seam to libmilter
 *
 * glue.c is the one file that includes mfapi.h.  It turns libmilter's
 * callbacks into calls of event.h, replies into smfi_setreply() and edits into
 * the smfi_* calls of the end of a message.
 */
#ifndef KUMILTER_GLUE_H
#define KUMILTER_GLUE_H

#include "err.h"

/* Serve on a listening socket, given as its descriptor. */
int glue_setup(int fd, struct err *err);

/* Serve until glue_stop(); in a thread of its own.  0, or -1. */
int glue_run(void);
void glue_stop(void);

#endif
