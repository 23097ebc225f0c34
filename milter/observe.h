/*
 * observe.h - who is told what a session's handlers do
 *
 * A session with an observer tells it of each handler when that has ended, in
 * the thread that ran it and without the Lua state.  Nothing is spent on a
 * session that has none.
 */
#ifndef KUMILTER_OBSERVE_H
#define KUMILTER_OBSERVE_H

#include "verdict.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct session;

/* One handler, from its call to its end.  Borrowed for the call. */
struct observed {
	const char *event;
	const char *where;    /* "init.lua:12", a module of Momentum's, or "" */
	const char *args;     /* but for conn_meta, as text for a person */
	int64_t took, waited; /* ns; waited is part of took */
	bool failed;
	/* What it decided, or what its failure became; NULL: nothing. */
	const struct verdict *verdict;
	const json_t *meta_before; /* conn_meta when it began; or NULL */
};

struct observer {
	void (*handler)(
	    void *arg, const struct session *s, const struct observed *o);
	void *arg;
	bool details; /* args and meta_before are wanted */
};

#endif
