/*
 * packed.h - a JSON value as bytes that can be read without being parsed
 *
 * For values that many Lua states read: the bytes are of this process alone,
 * are never written to a file, and equal values have equal bytes unless they
 * hold objects.  Texts may hold any bytes.
 *
 * A leaf; reading writes nothing, so any number of threads may read at once.
 */
#ifndef KUMILTER_PACKED_H
#define KUMILTER_PACKED_H

#include "str.h"

#include <jansson.h>

void packed_add(struct str *out, const json_t *value);

enum packed_type {
	PACKED_NULL,
	PACKED_FALSE,
	PACKED_TRUE,
	PACKED_NUMBER,
	PACKED_STRING,
	PACKED_ARRAY,  /* n items follow */
	PACKED_OBJECT, /* n times a string and its value follow */
};

struct packed {
	enum packed_type type;
	double number;
	const char *text; /* n bytes */
	size_t n;
};

/* Reads the value at p, or its head; gives what is behind it. */
const char *packed_read(const char *p, struct packed *value);

#endif
