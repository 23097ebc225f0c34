/*
 * draft.h - what a policy configures while it loads
 *
 * Bindings called at the policy's top level, in pre_init and in init write
 * here; the epoch takes it over when the load succeeded.  Only the first
 * state of an epoch has a draft: the others run the same top level for their
 * handlers alone.
 */
#ifndef KUMILTER_DRAFT_H
#define KUMILTER_DRAFT_H

#include "settings.h"

#include <jansson.h>
#include <stdbool.h>

struct draft {
	struct settings settings;
	json_t *listeners;    /* array: start_esmtp_listener's parameters */
	json_t *scriptlets;   /* array of { name, source }: Momentum's */
	json_t *local_logs;   /* array: configure_local_logs's options */
	json_t *decision_log; /* the same for decisions, or NULL */
	json_t *contexts;     /* array of { peer, set }: its connection keys */
	json_t *tasks;        /* array of { event_name, args }: task.h */
	json_t *monitor;      /* array of globs, or NULL: config_watch.h */
	char *listen;         /* start_milter_listener's socket, or NULL */
	bool validation_failed;
};

void draft_init(struct draft *d);
void draft_fini(struct draft *d);

/*
 * What kumo.milter.configure{ scriptlets =, contexts = } may be: 0, or -1 with
 * the entry and what is wrong with it.
 */
int draft_check_scriptlets(const json_t *list, struct err *err);
int draft_check_contexts(const json_t *list, struct err *err);
/* And { decision_log = }: of the keys of configure_local_logs some. */
int draft_check_decision_log(const json_t *options, struct err *err);

#endif
