/*
 * record_log.h - logs of records, each written by a thread of its own
 *
 * Who logs never waits: a record goes into a queue, and where that is full
 * (back_pressure records, or RECORD_QUEUE_BYTES) or the file system is, it is
 * dropped, counted and, once until it goes on, complained about.  What was
 * written can be read within a second; a segment ends at its size, at its age
 * or with its log.
 *
 * A log is found again by its options: two policies that configure the same
 * have one, so a reload goes on in the same segment.  Any thread.
 */
#ifndef KUMILTER_RECORD_LOG_H
#define KUMILTER_RECORD_LOG_H

#include "record_options.h"

#define RECORD_QUEUE_BYTES ((size_t)64 << 20)

struct record_log;

/*
 * Options that record_options_read() takes; compress: if zstd is built in.
 * To be given back with record_log_close().
 */
struct record_log *record_log_open(const json_t *options, bool compress);
void record_log_close(struct record_log *log); /* NULL is allowed */

const struct record_options *record_log_options(const struct record_log *log);

/* One record; a line break is put behind it where it has none. */
void record_log_put(struct record_log *log, enum record_type type,
    const char *text, size_t len);

/*
 * Write what is queued and end all segments; from now on records are dropped.
 * false: not done by then, a clock_mono() time.
 */
bool record_log_stop(int64_t deadline);

#endif
