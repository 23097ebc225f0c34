/*
 * event_seen.h - a handler, told to the session's observers
 *
 * event_call's own: it calls these where the session has one.  All
 * but seen_end() with the state's lock held and the handler on c->L.
 */
#ifndef KUMILTER_EVENT_SEEN_H
#define KUMILTER_EVENT_SEEN_H

#include "event_call.h"

void seen_begin(struct call *c); /* makes c->seen */
void seen_args(struct call *c, int nargs);
/* Which of Momentum's callouts ran last. */
void seen_callout(struct call *c);
/* Tell, and free c->seen. */
void seen_end(struct call *c, const struct verdict *v);

#endif
