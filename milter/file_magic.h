/*
 * file_magic.h - what some bytes are, by libmagic
 *
 * Only the beginning of them is looked at.  libmagic's handles are for one
 * thread at a time: there are as many as were needed at once.
 *
 * Any thread.
 */
#ifndef KUMILTER_FILE_MAGIC_H
#define KUMILTER_FILE_MAGIC_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>

#define FILE_MAGIC_BYTES ((size_t)256 << 10) /* looked at */

struct file_magic {
	char name[128];       /* "PNG image data" */
	char type[128];       /* "image/png" */
	char extensions[128]; /* "jpeg/jpg"; "": not known */
};

bool file_magic_is_built_in(void);

/* -1: libmagic's data cannot be read, or it gives up. */
int file_magic_look(
    struct file_magic *f, const void *p, size_t len, struct err *err);

#endif
