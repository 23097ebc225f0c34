/*
 * epoch.h - one loaded policy
 *
 * All Lua states of one version of the policy, compiled and initialised aside
 * before any session sees them.  Sessions take a reference at their begin and
 * keep it: who began with a policy ends with it.  The epoch is freed with its
 * last reference.
 *
 * Any thread may call anything here.
 */
#ifndef KUMILTER_EPOCH_H
#define KUMILTER_EPOCH_H

#include "draft.h"
#include "state.h"

#include <jansson.h>
#include <pthread.h>

struct record_log;

enum epoch_service { EPOCH_NOT_YET, EPOCH_SERVES, EPOCH_RETIRED };

struct epoch {
	atomic_long refs;
	atomic_int service; /* of enum epoch_service */
	unsigned number;    /* 1, 2, ... in this process */
	char *policy;       /* without one, the first scriptlet */
	char
	    *source; /* its text when the epoch was loaded: all states run it */
	size_t source_len;
	uint64_t hash; /* of the source */
	struct settings settings;
	json_t *listeners;
	int (*prepare)(struct lua_State *L);
	json_t *scriptlets, *contexts, *tasks, *monitor; /* as in draft.h */
	char *listen; /* start_milter_listener's, or NULL */
	bool has_handler[EVENT_COUNT];
	bool has_modules;         /* a handler of Momentum's */
	json_t *local_logs;       /* as in draft.h */
	bool records;             /* as in epoch_options */
	struct record_log **logs; /* n_logs, once it serves */
	size_t n_logs;
	bool wants_receptions;        /* one of them does */
	json_t *decision_log;         /* as in draft.h */
	struct record_log *decisions; /* once it serves, or NULL */
	int64_t load_timeout;

	pthread_mutex_t lock;  /* for all below */
	int64_t replace_after; /* clock_mono(): no replacement before */
	bool replacing;        /* a session loads a replacement just now */
	struct state **state;
	int n_states;
	struct state **retired;
	int n_retired;
};

struct epoch_options {
	const char *policy;            /* NULL: scriptlets alone */
	const char *const *scriptlets; /* files, behind the policy's own */
	int n_scriptlets;
	int states;      /* 0: by the policy or the number of CPUs */
	bool validate;   /* `kumilter check`: run validate_config too */
	bool records;    /* write configure_local_logs's; else do not */
	int64_t timeout; /* ns, for the whole of loading; 0: 30 s */
	/* Called in each Lua state before the policy; NULL: nothing. */
	int (*prepare)(struct lua_State *L);
};

/* NULL with *err: "file:line: reason", and a rewrite where one is known. */
struct epoch *epoch_load(const struct epoch_options *o, struct err *err);
struct epoch *epoch_ref(struct epoch *e);
void epoch_unref(struct epoch *e); /* NULL allowed */

/*
 * Serve new sessions with this one; takes the reference.  NULL: with none, and
 * tasks have ended, or a second has passed.
 */
void epoch_set_current(struct epoch *e);
/* The process ends: its tasks, for a second; deinit() of its modules. */
void epoch_end(void);
/* A reference to the epoch in use, or NULL. */
struct epoch *epoch_current(void);

/*
 * The state with the fewest sessions, counted as one of its sessions until
 * epoch_leave_state().  A state that is stuck or full is replaced first.
 */
struct state *epoch_take_state(struct epoch *e);
void epoch_leave_state(struct epoch *e, struct state *st);
/* A state beside those of sessions: it goes when its last timer has run. */
void epoch_retire_state(struct epoch *e, struct state *st);

/* Names of all handlers registered, for `kumilter check`. */
void epoch_each_handler(
    struct epoch *e, void (*found)(void *arg, const char *event), void *arg);
/* Has "kumo.x" a value there?  See bindings_has_name(). */
bool epoch_has_name(struct epoch *e, const char *name, char *near, size_t size);
/* And the callouts of Momentum's modules, in the order of their calls. */
void epoch_each_module(struct epoch *e,
    void (*found)(void *arg, const char *module, const char *callout),
    void *arg);

#endif
