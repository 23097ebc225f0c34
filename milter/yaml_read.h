/*
 * yaml_read.h - YAML as JSON
 *
 * Done by libyaml, with the types of YAML 1.2: yes and 0777 are strings.
 * Keys are strings, whatever they look like, and the last of equal ones
 * counts; "<<" is a key like others.  One document; an empty one is null.
 * What aliases stand for is counted again each time, and bounded, as depth
 * (100) is.
 */
#ifndef KUMILTER_YAML_READ_H
#define KUMILTER_YAML_READ_H

#include "err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

bool yaml_is_built(void);
/* A value, or NULL. */
json_t *yaml_read(const char *text, size_t len, struct err *err);

#endif
