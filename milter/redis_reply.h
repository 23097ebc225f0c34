/*
 * redis_reply.h - what Redis answers
 *
 * Bytes as they arrive become values, by hiredis' parser.  A reply is bounded
 * in bytes, values and depth: one beyond is an error, and nothing more can be
 * read from where it came.  A hiredis before 1.0 knows RESP2 alone, and seven
 * levels of arrays.
 *
 * Without hiredis (HAVE_HIREDIS) there is no reader.
 */
#ifndef KUMILTER_REDIS_REPLY_H
#define KUMILTER_REDIS_REPLY_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REDIS_REPLY_BYTES_MAX ((size_t)16 << 20)
#define REDIS_REPLY_VALUES_MAX 262144
#define REDIS_REPLY_DEPTH_MAX 16

enum redis_kind {
	REDIS_NIL,
	REDIS_INT,
	REDIS_REAL,
	REDIS_BOOL,   /* i */
	REDIS_TEXT,   /* a string of bytes */
	REDIS_STATUS, /* "OK" */
	REDIS_ERROR,  /* "ERR text" */
	REDIS_LIST,   /* an array or a set */
	REDIS_MAP,    /* key, value, key, value */
};

struct redis_value {
	enum redis_kind kind;
	int64_t i;
	double d;
	char *text; /* len bytes and a NUL */
	size_t len;
	struct redis_value **item; /* len of them; NULL is a nil */
};

/* NULL is allowed, here and below, and is a nil. */
void redis_value_free(struct redis_value *v);
/* The first error among a value and what is in it, or NULL. */
const struct redis_value *redis_value_error(const struct redis_value *v);
bool redis_value_is(const struct redis_value *v, const char *text);
/* Item i of a list, or NULL. */
const struct redis_value *redis_value_at(const struct redis_value *v, size_t i);

bool redis_is_built(void);
bool redis_knows_resp3(void);

struct redis_reader;
struct redis_reader *redis_reader_new(void); /* NULL: not built */
void redis_reader_free(struct redis_reader *r);

int redis_reader_feed(
    struct redis_reader *r, const char *p, size_t len, struct err *err);
/* 1: a reply, the caller's; 0: more bytes are needed; -1: it is none. */
int redis_reader_take(
    struct redis_reader *r, struct redis_value **out, struct err *err);
/* There is no part of a reply. */
bool redis_reader_is_idle(const struct redis_reader *r);

#endif
