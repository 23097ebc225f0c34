/*
 * log.h - one event, one line
 *
 * Lines go to one sink: stderr (for a person or a journal), syslog (facility
 * mail, the PID in each line) or JSON lines on stderr.  A line carries the
 * time (not for syslog, which has its own), the level, the session's id where
 * there is one, and the text.  Text from clients and policies may hold
 * anything: control characters are escaped and newlines become " | ", so one
 * call is one line.  Any thread may log.
 *
 * Leaves do not log; they fill a struct err.  Who knows the session logs.
 */
#ifndef KUMILTER_LOG_H
#define KUMILTER_LOG_H

#include "err.h"

#include <stdbool.h>

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG
};
enum log_sink { LOG_SINK_STDERR, LOG_SINK_SYSLOG, LOG_SINK_JSON };

void log_open(enum log_sink sink, enum log_level level);
int log_sink_parse(const char *text, enum log_sink *sink, struct err *err);
int log_level_parse(const char *text, enum log_level *level, struct err *err);
void log_set_level(enum log_level level);
/*
 * Lines go to take() instead, with their text made printable; NULL ends that.
 * From any thread, one call at a time.
 */
typedef void log_take_fn(
    void *arg, enum log_level level, const char *sid, const char *text);
void log_divert(log_take_fn *take, void *arg);
/* Who else hears each line, in its thread, for the life of the process. */
typedef void log_hear_fn(
    enum log_level level, const char *sid, const char *text);
void log_listen(log_hear_fn *hear);
const char *log_level_name(enum log_level level);
bool log_wants(enum log_level level);

/* sid: the session's id, or NULL. */
void log_line(enum log_level level, const char *sid, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#define log_error(sid, ...) log_line(LOG_LEVEL_ERROR, sid, __VA_ARGS__)
#define log_warn(sid, ...) log_line(LOG_LEVEL_WARN, sid, __VA_ARGS__)
#define log_info(sid, ...) log_line(LOG_LEVEL_INFO, sid, __VA_ARGS__)
#define log_debug(sid, ...)                                                    \
	(log_wants(LOG_LEVEL_DEBUG)                                            \
		? log_line(LOG_LEVEL_DEBUG, sid, __VA_ARGS__)                  \
		: (void)0)

/*
 * Say something once in the life of the process: true for the first caller
 * with this key, false ever after.
 */
bool log_first_time(const char *key);

#endif
