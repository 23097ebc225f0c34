/*
 * api_names.h - the names of KumoMTA's API that this program does not serve
 *
 * Two tables.  Events (api_events.c): all that KumoMTA raises, with what
 * becomes of a handler here.  Functions (api_stubs.c): those that exist in
 * KumoMTA and have no meaning in a milter, or that this version lacks.  A
 * function that gets built loses its row; a real one wins over its row.
 *
 * All is constant; any thread may ask.
 */
#ifndef KUMILTER_API_NAMES_H
#define KUMILTER_API_NAMES_H

#include <stdbool.h>
#include <stddef.h>

enum api_event_kind {
	API_EVENT_FIRES,  /* in a milter, too */
	API_EVENT_NEVER,  /* kumo.on() takes it silently; it is never raised */
	API_EVENT_CUSTOM, /* no event of KumoMTA: the policy's own name */
};

struct api_event {
	const char *name; /* "tsa_*" stands for all that begin so */
	enum api_event_kind kind;
	bool multiple;      /* several handlers, in turn; else one is allowed */
	const char *reason; /* of NEVER: why, as one sentence */
};

/* Never NULL: a name in no row gets the row of all custom names. */
const struct api_event *api_event_find(const char *name);

/*
 * The event that fires and that the policy may have meant, or NULL.  For a
 * name that is an event itself that is always NULL.
 */
const char *api_event_nearest(const char *name);

/*
 * Letters to insert, delete or replace between two names, where a slip of case
 * is none; a number above all others where one is too long to be ours.
 */
size_t api_name_distance(const char *a, const char *b);

/* The rows, in the order of a session; for manuals and tests. */
const struct api_event *api_events(size_t *n);

enum api_stub_result {
	API_STUB_NOTHING,
	API_STUB_NIL,
	API_STUB_TRUE,
	API_STUB_ARGUMENT, /* its first argument */
	API_STUB_OBJECT,   /* has argument 1's fields; methods do nothing */
	API_STUB_MISSING,  /* raises: not in this version */
};

/* name: "kumo.dns.set_mx_timeout"; "tsa.start_http_listener" of module tsa */
struct api_stub {
	const char *name;
	enum api_stub_result result;
	const char *notice; /* why it has no effect; NULL for MISSING */
};

const struct api_stub *api_stubs(size_t *n);
const struct api_stub *api_stub_find(const char *name); /* or NULL */

#endif
