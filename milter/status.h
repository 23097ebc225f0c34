/*
 * status.h - how the daemon is, in lines of "name value"
 */
#ifndef KUMILTER_STATUS_H
#define KUMILTER_STATUS_H

#include "str.h"

void status_print(struct str *out);

#endif
