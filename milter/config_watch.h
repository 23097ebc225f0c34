/*
 * config_watch.h - files that policies read, looked at again and again
 *
 * Which ones, globs say.  When one is written, comes or goes, that is a bump
 * of config_epoch.h.  What they were at first is noted when their globs are
 * set, and stays noted where those are set once more.
 *
 * Files are known by what stat() says of them: their content is not read.
 *
 * Any thread may call anything.
 */
#ifndef KUMILTER_CONFIG_WATCH_H
#define KUMILTER_CONFIG_WATCH_H

#include "err.h"
#include "str.h"

#include <jansson.h>
#include <stdint.h>

#define CONFIG_WATCH_GLOBS 64

/*
 * An array of globs (glob_walk.h), those that are no whole path below "/".  It
 * is copied; NULL, and an empty array, end it.  The first look is taken at
 * once, and to be over at the deadline (clock_mono()).
 */
void config_watch_set(json_t *globs, int64_t interval, int64_t deadline);
/* A copy of them, or NULL. */
json_t *config_watch_globs(void);

/* Append the paths of the files, each with a NUL; sorted, each once. */
int config_watch_files(
    struct str *out, const json_t *globs, int64_t deadline, struct err *err);

#endif
