/*
 * recording.h - the file that sessions are recorded to
 *
 * One at a time in a process.  Who records never waits: a line goes into a
 * queue, and where that is full the line is dropped and counted.  A thread
 * writes; the file is for its owner alone (0600), plain or, where its name
 * ends in ".zst", zstd.  A file that is there goes on if it is a recording.
 * At its size, and where it cannot be written, the recording stops and the log
 * says so: mail goes on.
 *
 * Any thread.
 */
#ifndef KUMILTER_RECORDING_H
#define KUMILTER_RECORDING_H

#include "err.h"
#include "redaction.h"
#include "str.h"

#include <stdbool.h>
#include <stdint.h>

#define RECORDING_MAX_DEFAULT "256MB"
#define RECORDING_QUEUE_BYTES ((size_t)64 << 20)

struct recording_options {
	const char *path;
	size_t max;         /* bytes of the file; 0: the default */
	size_t body;        /* bytes kept of each body; SIZE_MAX: all */
	const char *redact; /* redaction_parse()'s; NULL: nothing */
};

/* "none", "all" or a size. */
int recording_body_parse(const char *text, size_t *body, struct err *err);

struct recording;

/*
 * The file is given to uid where that is not -1.  ended is called once when it
 * is over, from some thread.  -1: none was begun.
 */
int recording_start(const struct recording_options *o, unsigned uid,
    void (*ended)(const struct recording *r), struct err *err);
/*
 * What is queued is written, by deadline (clock_mono()); false: it was not.
 * Sessions under way are not in it.
 */
bool recording_stop(int64_t deadline);
/* In words, for who asks; true: sessions are recorded. */
bool recording_describe(struct str *out);

/* The one that sessions are recorded to; NULL: none. */
struct recording *recording_ref(void);
void recording_unref(struct recording *r);

size_t recording_body(const struct recording *r);
const struct redaction *recording_redaction(const struct recording *r);
/* One session's line, without its end. */
void recording_put(struct recording *r, const char *line, size_t len, bool cut);

#endif
