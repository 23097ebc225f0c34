/*
 * try_options.h - what `kumilter try` was asked for
 */
#ifndef KUMILTER_TRY_OPTIONS_H
#define KUMILTER_TRY_OPTIONS_H

#include "epoch.h"
#include "log.h"
#include "sim.h"

struct try_options {
	struct epoch_options epoch;
	struct sim_client client;
	const char *helo, *from;
	const char **rcpt;
	size_t n_rcpts;
	const char *message;  /* a file, "-", or NULL: one of our own */
	const char *dialogue; /* the same, instead of all these */
	bool json, colour;
	enum log_level level;
};

#define TRY_OPTIONS_DONE (-1) /* --help was answered */

/* 0, an exit code after a complaint, or TRY_OPTIONS_DONE. */
int try_options_parse(struct try_options *o, int argc, char **argv);
void try_options_fini(struct try_options *o);

#endif
