/*
 * toml.h - TOML 1.0 as JSON, and back
 *
 * A date or time becomes { "$__toml_private_datetime": text }, inf and nan
 * { "$__toml_private_float": text }: JSON has neither.  A reader that sees
 * the second gives the number instead.
 *
 * Reading takes TOML 1.0 and nothing else, in linear time, and nests at most
 * 100 deep in brackets and in one key.
 */
#ifndef KUMILTER_TOML_H
#define KUMILTER_TOML_H

#include "err.h"
#include "str.h"

#include <jansson.h>
#include <stdbool.h>

#define TOML_DATETIME "$__toml_private_datetime"
#define TOML_FLOAT "$__toml_private_float"

/*
 * An object, or NULL with *err naming line and column.  *has_float is set
 * where a TOML_FLOAT is in it.
 */
json_t *toml_read(
    const char *text, size_t len, bool *has_float, struct err *err);

enum toml_style {
	TOML_PLAIN,
	TOML_PRETTY,  /* arrays of two or more over several lines */
	TOML_COMPACT, /* plain, but an empty table is "key = {}" */
};

/*
 * Append an object, keys in the order of their bytes.  -1 for what is no
 * object, and for a null in it.
 */
int toml_write(struct str *out, const json_t *object, enum toml_style style,
    struct err *err);

#endif
