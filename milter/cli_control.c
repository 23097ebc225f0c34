#include "cli.h"
#include "control.h"
#include "duration.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

static int
usage(const char *verb, FILE *to)
{
	fprintf(to,
	    "usage: kumilter %s [--control PATH] [--timeout TIME]\n"
	    "  --control PATH  the daemon's control socket\n"
	    "                  (" CONTROL_DEFAULT ")\n"
	    "  --timeout TIME  how long to wait for its answer "
	    "(" CONTROL_PATIENCE ")\n",
	    verb);
	return to == stdout ? EX_OK : EX_USAGE;
}

static int
ask(int argc, char **argv, const char *request)
{
	static const struct option longs[] = {
		{ "control", required_argument, NULL, 'c' },
		{ "timeout", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *path = CONTROL_DEFAULT, *timeout = CONTROL_PATIENCE;
	struct str out = { 0 };
	int64_t patience;
	struct err err;
	int c, code;

	optind = 1;
	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (c == 'c')
			path = optarg;
		else if (c == 't')
			timeout = optarg;
		else
			return usage(argv[0], c == 'h' ? stdout : stderr);
	}
	if (optind < argc)
		return usage(argv[0], stderr);
	if (duration_parse(timeout, &patience, &err) != 0) {
		fprintf(
		    stderr, "kumilter %s: --timeout: %s\n", argv[0], err.msg);
		return EX_USAGE;
	}
	code = control_ask_within(patience, path, request, &out, &err);
	if (code < 0) {
		fprintf(stderr, "kumilter %s: %s\n", argv[0], err.msg);
		code = EX_UNAVAILABLE;
	} else {
		fputs(str_c(&out), code == EX_OK ? stdout : stderr);
	}
	str_fini(&out);
	return code;
}

int
cli_reload(int argc, char **argv)
{
	return ask(argc, argv, "reload");
}
