/*
 * fs_space.h - how much room a file system has, asked for not too often
 *
 * statvfs(2) may take long (a server that does not answer), so its last answer
 * for each path is kept for all: fs_space_last() never blocks,
 * fs_space_ask() may.  Any thread may call either.
 */
#ifndef KUMILTER_FS_SPACE_H
#define KUMILTER_FS_SPACE_H

#include "err.h"

#include <stddef.h>
#include <stdint.h>

#define FS_SPACE_PATHS 256
#define FS_SPACE_PATH_MAX 4095

struct fs_space {
	uint64_t kilobytes_available, kilobytes_total;
	uint64_t objects_available, objects_total;
};

/*
 * The last answer, if it came no more than interval ns before now: 1; 0: there
 * is none; -1: it was the error in *err.
 */
int fs_space_last(const char *path, int64_t interval, int64_t now,
    struct fs_space *space, struct err *err);
void fs_space_ask(const char *path, int64_t now);

#endif
