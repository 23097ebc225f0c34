/*
 * serve_options.h - the command line of kumilter serve
 */
#ifndef KUMILTER_SERVE_OPTIONS_H
#define KUMILTER_SERVE_OPTIONS_H

#include "listener.h"
#include "log.h"

#include <stdbool.h>
#include <stdint.h>

struct serve_options {
	const char *policy;      /* NULL: scriptlets alone */
	const char **scriptlets; /* n_scriptlets of them */
	int n_scriptlets;
	const char **tests; /* files and folders whose tests must pass */
	int n_tests;
	const char *listen; /* NULL: the policy's, or the default */
	const char *user;
	const char *pidfile;
	const char *metrics; /* NULL: the policy's, or none */
	bool metrics_public;
	const char *control; /* NULL: none */
	bool control_given;
	enum log_sink log;
	enum log_level level;
	int states;
	int64_t drain, load_timeout; /* ns */
	const char *record;          /* a file, or NULL */
	size_t record_max, record_bodies;
	const char *record_redact;
	mode_t socket_mode;
	const char *socket_group;
};

/* 0, or the exit code (also EX_OK + 1000 for --help: already answered). */
#define SERVE_OPTIONS_DONE 1000
int serve_options_parse(struct serve_options *o, int argc, char **argv);

#endif
