/*
 * auth_results_forged.h - Authentication-Results that claim to be our own
 *
 * Who receives mail from strangers and stamps it removes first what they wrote
 * in his name (RFC 8601, 5).
 */
#ifndef KUMILTER_AUTH_RESULTS_FORGED_H
#define KUMILTER_AUTH_RESULTS_FORGED_H

#include "header.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Might a reader of this header take it for serv_id's?  Names are compared
 * without regard to case, a final dot, quotes, comments and folds, U-labels as
 * A-labels.  So is one whose beginning cannot be read: nobody knows what
 * others make of it.
 */
bool auth_results_claims(const char *value, size_t len, const char *serv_id);

/* Remove those.  How many there were. */
size_t auth_results_forged_remove(struct headers *h, const char *serv_id);

#endif
