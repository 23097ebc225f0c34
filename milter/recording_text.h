/*
 * recording_text.h - values of a recording, as JSON and back
 *
 * A recording has what clients said byte for byte: text that is UTF-8 is a
 * string, any other is {"base64": "..."}.  Members are added to an object that
 * somebody else begins and ends.  kumilter-replay(8) has the whole format.
 */
#ifndef KUMILTER_RECORDING_TEXT_H
#define KUMILTER_RECORDING_TEXT_H

#include "err.h"
#include "str.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define RECORDING_VERSION 1
#define RECORDING_MAGIC "{\"kumilter_recording\":"

/* ---- writing ------------------------------------------------------------- */

/* A value alone. */
void recording_value(struct str *out, const char *p, size_t n);
/* With its comma, where out does not end in '{'. */
void recording_key(struct str *out, const char *key);
void recording_bytes(struct str *out, const char *key, const char *p, size_t n);
/* Nothing where there is no text, or it is empty. */
void recording_text(struct str *out, const char *key, const char *text);
void recording_number(struct str *out, const char *key, long long n);
void recording_true(struct str *out, const char *key, bool is);
void recording_ms(struct str *out, const char *key, int64_t ns);

/* ---- reading ------------------------------------------------------------- */

/* Append what a value stands for; -1: it is no text. */
int recording_read(struct str *out, const json_t *value);
/* The same as a C string to be freed; NULL: none, or with a NUL inside. */
char *recording_string(const json_t *value);
/* ns of a number of milliseconds; 0 where there is none. */
int64_t recording_ns(const json_t *value);

/*
 * Is this a session of a recording?  -1 with *err, which says what is wrong
 * with it; then nothing else may be done with it.
 */
int recording_check(const json_t *session, struct err *err);

#endif
