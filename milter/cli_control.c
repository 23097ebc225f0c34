#include "cli.h"
#include "control.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

static int
usage(const char *verb, FILE *to)
{
	fprintf(to,
	    "usage: kumilter %s [--control PATH]\n"
	    "  --control PATH  the daemon's control socket\n"
	    "                  (" CONTROL_DEFAULT ")\n",
	    verb);
	return to == stdout ? EX_OK : EX_USAGE;
}

static int
ask(int argc, char **argv, const char *request)
{
	static const struct option longs[] = {
		{ "control", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *path = CONTROL_DEFAULT;
	struct str out = { 0 };
	struct err err;
	int c, code;

	optind = 1;
	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (c != 'c')
			return usage(argv[0], c == 'h' ? stdout : stderr);
		path = optarg;
	}
	if (optind < argc)
		return usage(argv[0], stderr);
	code = control_ask(path, request, &out, &err);
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

int
cli_status(int argc, char **argv)
{
	return ask(argc, argv, "status");
}
