/*
 * sendmail_list.h - lists of addresses as Sendmail lays them out
 *
 * When Sendmail sends, behind all filters, it writes the fields that hold
 * addresses anew: one space behind each comma, lines of about 78 columns, no
 * empty entries.  A list that looks like that already stays as it is; what an
 * address itself looks like is not looked at here, and is kept as well unless
 * it is malformed.  Measured with Sendmail 8.17.
 *
 * Linear.  Any thread.
 */
#ifndef KUMILTER_SENDMAIL_LIST_H
#define KUMILTER_SENDMAIL_LIST_H

#include "str.h"

#include <stdbool.h>

/* Does Sendmail write fields of this name anew? */
bool sendmail_list_is(const char *name);

/*
 * Append the value as it will be; raw is as header.h has it.  A value whose
 * quotes, brackets or comments do not end is appended as it is.
 */
void sendmail_list_write(
    struct str *out, const char *name, const char *raw, size_t len);

#endif
