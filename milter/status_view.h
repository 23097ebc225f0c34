/*
 * status_view.h - a status as text for a person
 *
 * Pure: from what status_json() gave, at the other end of the control socket.
 * Names that clients or policies chose are made printable.
 */
#ifndef KUMILTER_STATUS_VIEW_H
#define KUMILTER_STATUS_VIEW_H

#include "str.h"

#include <jansson.h>

/* All of it: lines of "name value", then the tables. */
void status_view(struct str *out, const json_t *now);

/*
 * What fits a screen: a few lines and the tables.  Rates are those since
 * before, which is of the same process, or NULL.
 */
void status_view_screen(
    struct str *out, const json_t *now, const json_t *before);

#endif
