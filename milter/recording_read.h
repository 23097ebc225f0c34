/*
 * recording_read.h - the sessions of a recording, one after the other
 *
 * From a file, plain or zstd as its first bytes say, or from standard input;
 * never more than one session is in memory.  What is no session is told with
 * its line, and the next one comes.  A last line without its end was being
 * written: it is no mistake.  Any bytes.
 */
#ifndef KUMILTER_RECORDING_READ_H
#define KUMILTER_RECORDING_READ_H

#include "err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define RECORDING_LINE_MAX ((size_t)128 << 20)

struct recording_reader;

enum recording_got {
	RECORDING_SESSION,
	RECORDING_BAD,  /* *err says what; go on */
	RECORDING_TORN, /* the last line was not whole; that is the end */
	RECORDING_END,
	RECORDING_FAILED, /* *err says why there is no more */
};

/* path "-": standard input.  NULL with *err. */
struct recording_reader *recording_open(const char *path, struct err *err);
/* The same of an open file, which it closes; name: for complaints. */
struct recording_reader *recording_open_fd(int fd, const char *name);
void recording_close(struct recording_reader *r);

/*
 * *session: one that recording_check() let pass, to be json_decref()ed; and its
 * line, which is good until the next call.
 */
enum recording_got recording_next(
    struct recording_reader *r, json_t **session, struct err *err);
const char *recording_line(const struct recording_reader *r, size_t *len);
unsigned long recording_number_of_line(const struct recording_reader *r);

#endif
