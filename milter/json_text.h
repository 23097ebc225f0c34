/*
 * json_text.h - JSON as text
 *
 * As KumoMTA writes it: a number as short as it reads back, with a fraction
 * if it is no integer; a string that is not UTF-8 as an array of its bytes.
 * Pretty: an indent of two, keys in the order of their bytes; a compact text
 * has the keys in the order in which they came.
 */
#ifndef KUMILTER_JSON_TEXT_H
#define KUMILTER_JSON_TEXT_H

#include "str.h"

#include <jansson.h>
#include <stdbool.h>

void json_text_write(struct str *out, const json_t *value, bool pretty);

/* The parts of it that other notations write the same way. */
void json_text_real(struct str *out, double d);
void json_text_string(struct str *out, const char *p, size_t n);

#endif
