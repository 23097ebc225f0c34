/*
 * json_line.h - JSON on one line of printable ASCII
 *
 * For streams of many small values: a third of what json_dump_callback()
 * takes, which also looks for values that hold themselves; none may here.
 * Whatever is no printable ASCII is escaped, so a line is safe to show.
 * Bytes that are no UTF-8, which policies can put into values, become U+FFFD.
 * Numbers read back as they were.  Keys are in the order in which they came.
 */
#ifndef KUMILTER_JSON_LINE_H
#define KUMILTER_JSON_LINE_H

#include "str.h"

#include <jansson.h>

/* Without a newline behind it. */
void json_line_add(struct str *out, const json_t *value);

#endif
