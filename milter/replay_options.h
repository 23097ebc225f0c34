/*
 * replay_options.h - what `kumilter replay` was asked for
 */
#ifndef KUMILTER_REPLAY_OPTIONS_H
#define KUMILTER_REPLAY_OPTIONS_H

#include "replay_pool.h"

enum replay_only { REPLAY_CHANGED, REPLAY_EACH, REPLAY_NONE };

struct replay_options {
	const char *file;
	const char *against; /* a policy, or NULL: the recording */
	struct replay_policy policy;
	int jobs;
	enum replay_only only;
	bool details, json;
};

#define REPLAY_OPTIONS_DONE (-1) /* --help was answered */

/* 0, an exit code after a complaint, or REPLAY_OPTIONS_DONE. */
int replay_options_parse(struct replay_options *o, int argc, char **argv);
void replay_options_fini(struct replay_options *o);

#endif
