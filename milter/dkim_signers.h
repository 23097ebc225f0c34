/*
 * dkim_signers.h - signers that were made already, for all Lua states
 *
 * By a key that stands for the whole configuration; each for as long as its
 * policy said.  When that is over the first who asks is to make it anew, and
 * for DKIM_SIGNERS_GRACE the others still get the old one: a key in a vault is
 * asked for once, not by every session at once.  If it cannot be had any more
 * the old one is forgotten.
 *
 * 1024 signers are kept; then the one asked for longest ago is forgotten.
 * Any thread.
 */
#ifndef KUMILTER_DKIM_SIGNERS_H
#define KUMILTER_DKIM_SIGNERS_H

#include "clock.h"
#include "dkim_signer.h"

#define DKIM_SIGNERS_MAX 1024
#define DKIM_SIGNERS_GRACE (10 * CLOCK_S)

/* A reference, or NULL: make it, and then _put() or _forget() it. */
struct dkim_signer *dkim_signers_find(const void *key, size_t len, int64_t now);
/* Takes no reference from the caller.  ttl: ns. */
void dkim_signers_put(const void *key, size_t len, struct dkim_signer *s,
    int64_t ttl, int64_t now);
void dkim_signers_forget(const void *key, size_t len);

#endif
