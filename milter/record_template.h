/*
 * record_template.h - a record as a line of another form
 *
 * What a log's options say under `template`: text with {{ name }} in it, for
 * a field of the record, or {{ response.code }} for one inside.  KumoMTA's
 * templates can more (filters, sums, conditions); those are refused, not
 * written wrong.  A leaf.
 */
#ifndef KUMILTER_RECORD_TEMPLATE_H
#define KUMILTER_RECORD_TEMPLATE_H

#include "err.h"
#include "str.h"

#include <jansson.h>

/* -1: it has what this does not know. */
int record_template_check(const char *text, struct err *err);

/*
 * Of a text that was checked.  A text stands as it is, without line breaks;
 * null is "none", what is not there is nothing, the rest is JSON.
 */
void record_template_write(
    struct str *out, const char *text, const json_t *record);

#endif
