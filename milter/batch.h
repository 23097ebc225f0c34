/*
 * batch.h - one transaction, several messages (kumo-api 1.4)
 *
 * KumoMTA gives each batch of recipients a message of its own; the MTA has
 * one message for all.  batches_make() makes the copies,
 * batches_merge() makes one again of what the policy left of them:
 * recipients are the union of the batches', equal edits apply, of unequal
 * ones the first batch's.  A batch whose metadata says queue = "null" is
 * dropped with its recipients.
 */
#ifndef KUMILTER_BATCH_H
#define KUMILTER_BATCH_H

#include "message.h"
#include "settings.h"

struct batches {
	struct message **m;
	size_t n, cap;
};

/* Start batch number i (from 0, in order) or add to it. */
void batches_add(struct batches *b, const struct message *base, int i,
    const struct address *rcpt);
void batches_make(
    struct batches *b, const struct message *base, enum batch_handling how);

/*
 * The message to go on with, taken out of the batches; NULL when all were
 * dropped.  *unequal: contents differed.
 */
struct message *batches_merge(struct batches *b, bool *unequal);
/* Says its metadata that it is to be dropped? */
bool batch_is_dropped(const struct message *m);
bool batches_quarantined(const struct batches *b);

#endif
