/*
 * record_file.h - one segment of a log of records
 *
 * "20260801-120000.123456789" and the suffix, in a folder that is made where
 * it is missing; zstd or plain.  It can be read by the group and, when it is
 * over, be written by nobody: so who reads segments knows, as with KumoMTA's.
 * A leaf; a file is one thread's.
 */
#ifndef KUMILTER_RECORD_FILE_H
#define KUMILTER_RECORD_FILE_H

#include "err.h"
#include "str.h"

#include <stdbool.h>
#include <stdint.h>

struct record_file {
	int fd; /* -1: not open */
	char *path;
	size_t size; /* bytes before compression */
	int64_t opened;
	struct str out; /* to be written */
	void *zstd;
	long long good; /* a plain file's bytes that hold whole records */
	bool adopted;   /* its mode is its owner's */
};

/* level < 0: plain.  now: clock_mono().  -1: nothing is open. */
int record_file_open(struct record_file *f, const char *folder,
    const char *suffix, int level, int64_t now, struct err *err);

/*
 * The same with an open file, whose mode stays as it is and that f->good says
 * how much there is of; f->out may have what comes first.  -1: fd is still the
 * caller's.
 */
int record_file_adopt(struct record_file *f, int fd, const char *path,
    int level, struct err *err);

/*
 * -1: what was added since the last flush is lost, and the file is closed.
 * Writing goes to the file when there is much of it; flushing, always.
 */
int record_file_write(
    struct record_file *f, const char *text, size_t len, struct err *err);
int record_file_flush(struct record_file *f, struct err *err);
int record_file_close(struct record_file *f, struct err *err);

/*
 * Segments in the folder that some process left when it died: nobody writes
 * them any more.  Who still writes one holds its lock.
 */
void record_file_end_old(const char *folder);

bool record_file_compresses(void); /* is zstd built in? */

#endif
