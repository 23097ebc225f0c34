/*
 * audit.h - what clients do, by address: open sessions, and counts by window
 *
 * Nothing is counted, and a session costs one look at a flag, until a policy
 * asks: audit_begin() for the sessions that are open, audit_monitor() for how
 * many connections, messages and refusals there were in windows of time.  Both
 * go on for as long as the process lives and see what begins after them.
 *
 * IPv4 mapped into IPv6 counts as IPv4.  For each kind of count the addresses
 * are bounded in memory; a new one pushes out the one that was counted longest
 * ago.  now is clock_mono().  Any thread may call anything here.
 */
#ifndef KUMILTER_AUDIT_H
#define KUMILTER_AUDIT_H

#include "ip.h"

#include <stdatomic.h>

#define AUDIT_MONITORS_MAX 8
#define AUDIT_BYTES ((size_t)8 << 20) /* for each kind of count */
#define AUDIT_SESSIONS_MAX ((size_t)100000)

enum audit_kind { AUDIT_CONNECTIONS, AUDIT_RECEPTIONS, AUDIT_REJECTIONS };
#define AUDIT_KINDS 3

extern atomic_bool audit_on;

static inline bool
audit_is_on(void)
{
	return atomic_load_explicit(&audit_on, memory_order_relaxed);
}

void audit_begin(void);

/* A session of this client begins; true where audit_closed() is to be told. */
bool audit_opened(const struct ip *ip, int64_t now);
void audit_closed(const struct ip *ip);
void audit_count(enum audit_kind kind, const struct ip *ip, int64_t now);

/* Sessions open now, of all addresses of the network. */
int64_t audit_sessions(const struct cidr *net);

/*
 * "60,1": windows of 60 seconds, the current one and 1 before.  Its number,
 * which is the same for the same text; *new: it begins to count now.  -1: no
 * such text, or AUDIT_MONITORS_MAX others.
 */
int audit_monitor(const char *text, bool *new, struct err *err);
int64_t audit_sum(int monitor, enum audit_kind kind, const struct cidr *net,
    int64_t first, int64_t last, int64_t now);

#endif
