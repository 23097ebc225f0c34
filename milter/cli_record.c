/*
 * cli_record.c - kumilter record: a daemon's recording begun and ended
 */
#include "cli.h"
#include "control.h"
#include "recording.h"
#include "xmalloc.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static const char usage[] =
    "usage: kumilter record start [options] FILE\n"
    "       kumilter record stop | status\n"
    "Has the daemon record its sessions, for kumilter replay.\n"
    "      --max SIZE       until FILE is that large (" RECORDING_MAX_DEFAULT
    ")\n"
    "      --bodies B       of bodies: none, SIZE of each, or all (none)\n"
    "      --redact LIST    addresses, subject, header:NAME\n"
    "      --control PATH   the daemon's control socket\n"
    "                       (" CONTROL_DEFAULT ")\n";

/* The daemon is somewhere else. */
static char *
whole_path(const char *path)
{
	char *here, *whole;

	if (path[0] == '/')
		return xstrdup(path);
	here = getcwd(NULL, 0);
	whole = here != NULL ? xasprintf("%s/%s", here, path) : xstrdup(path);
	free(here);
	return whole;
}

static int
ask(const char *control, const char *request)
{
	struct str out = { 0 };
	struct err err;
	int code = control_ask(control, request, &out, &err);

	if (code < 0) {
		fprintf(stderr, "kumilter record: %s\n", err.msg);
		code = EX_UNAVAILABLE;
	} else {
		fputs(str_c(&out), code == EX_OK ? stdout : stderr);
		if (strstr(str_c(&out), strerror(EACCES)) != NULL ||
		    strstr(str_c(&out), strerror(EROFS)) != NULL)
			fputs("the daemon's user writes it; with the systemd "
			      "unit below /var/lib/kumilter or "
			      "/var/log/kumilter\n",
			    stderr);
	}
	str_fini(&out);
	return code;
}

static int
start(const char *control, const char *path, json_t *options)
{
	char *whole = whole_path(path), *text, *request;
	int code;

	json_object_set_new(options, "file", json_string(whole));
	text = json_dumps(options, JSON_COMPACT);
	request = xasprintf("record start %s", text);
	code = ask(control, request);
	free(request);
	free(text);
	free(whole);
	return code;
}

static int
complain(void)
{
	fputs("try: kumilter record --help\n", stderr);
	return EX_USAGE;
}

static int
run(int argc, char **argv, const char *control, json_t *options)
{
	const char *what = optind < argc ? argv[optind] : "";
	int rest = argc - optind - 1;

	if (strcmp(what, "start") == 0 && rest == 1)
		return start(control, argv[optind + 1], options);
	if (json_object_size(options) == 0 && rest == 0 &&
	    strcmp(what, "stop") == 0)
		return ask(control, "record stop");
	if (json_object_size(options) == 0 && rest == 0 &&
	    strcmp(what, "status") == 0)
		return ask(control, "record status");
	return complain();
}

int
cli_record(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "max", required_argument, NULL, 'm' },
		{ "bodies", required_argument, NULL, 'b' },
		{ "redact", required_argument, NULL, 'r' },
		{ "control", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	static const char *const keys[] = {
		['m'] = "max", ['b'] = "bodies", ['r'] = "redact"
	};
	const char *control = CONTROL_DEFAULT;
	json_t *options = json_object();
	int c, code;

	optind = 1;
	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (c == 'c') {
			control = optarg;
		} else if (c == 'h' || c == '?') {
			json_decref(options);
			if (c == '?')
				return complain();
			fputs(usage, stdout);
			return EX_OK;
		} else {
			json_object_set_new(
			    options, keys[c], json_string(optarg));
		}
	}
	code = run(argc, argv, control, options);
	json_decref(options);
	return code;
}
