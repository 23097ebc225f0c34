/*
 * json_read.h - JSON with comments
 *
 * Comments are as in C and C++, or begin with '#'.  Numbers are doubles, any
 * value may stand alone, and the last of equal keys counts.
 */
#ifndef KUMILTER_JSON_READ_H
#define KUMILTER_JSON_READ_H

#include "err.h"

#include <jansson.h>
#include <stddef.h>

json_t *json_read(const char *text, size_t len, struct err *err);

#endif
