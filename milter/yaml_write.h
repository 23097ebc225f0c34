/*
 * yaml_write.h - JSON as YAML
 *
 * In blocks, keys in the order of their bytes; what would be read as
 * something else, or is no plain word, stands in quotes.  Without "---".
 */
#ifndef KUMILTER_YAML_WRITE_H
#define KUMILTER_YAML_WRITE_H

#include "str.h"

#include <jansson.h>

void yaml_write(struct str *out, const json_t *value);

#endif
