/*
 * plain_file.h - files that a policy reads and writes
 *
 * Only regular files: a FIFO or a device would keep the caller waiting for
 * somebody else, for ever.  Descriptors are close-on-exec and never block.
 */
#ifndef KUMILTER_PLAIN_FILE_H
#define KUMILTER_PLAIN_FILE_H

#include "err.h"
#include "str.h"

#include <sys/types.h>

#define PLAIN_FILE_MAX ((size_t)16 << 20) /* bytes of one reading */

/*
 * flags as open(2): O_RDONLY, O_WRONLY or O_RDWR with O_CREAT, O_EXCL,
 * O_TRUNC, O_APPEND and no others.  A descriptor, or -1.
 */
int plain_file_open(const char *path, int flags, mode_t mode, struct err *err);

/*
 * Add at most max bytes from where fd stands; fewer only at the end.  fd may
 * be of another kind of file: what an administrator names is waited for.
 * -1: errno says it, too.
 */
int plain_file_read(int fd, size_t max, struct str *out, struct err *err);

/* All or nothing is said to be written: -1 where the disk is full. */
int plain_file_write(int fd, const void *p, size_t n, struct err *err);

/* Append all of a file; one of more than PLAIN_FILE_MAX is an error. */
int plain_file_get(const char *path, struct str *out, struct err *err);

#endif
