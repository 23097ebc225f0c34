/*
 * event_msys.h - Momentum's modules, at their stages
 *
 * They run behind kumo's handlers of the same stage, on the same session and
 * message, and only while nothing has been decided; the first verdict that ends
 * the stage wins.  All callouts of a stage are one call into Lua: which module
 * has which is known to lua-bindings/msys alone.
 */
#ifndef KUMILTER_EVENT_MSYS_H
#define KUMILTER_EVENT_MSYS_H

#include "event_call.h"

/*
 * One stage before the content.  line: the command's argument, or NULL.  Where
 * *v already decides, nothing is called.
 */
void msys_stage(struct session *s, enum event_name stage, const char *line,
    struct verdict *v);

/*
 * The end of the message *m, which is what kumo's handlers left of it.  *m
 * becomes what the modules made of it; it is no longer the same where its
 * recipients were treated one by one.
 */
void msys_message(
    struct session *s, struct message **m, int64_t deadline, struct verdict *v);

/* validate_dealloc: the connection is gone. */
void msys_close(struct session *s);

#endif
