#include "cli.h"
#include "clock.h"
#include "control.h"
#include "duration.h"
#include "status_view.h"

#include <getopt.h>
#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sysexits.h>
#include <unistd.h>

struct options {
	const char *control;
	bool json, watch;
	int64_t every, patience; /* ns */
};

static int
usage(FILE *to)
{
	fputs("usage: kumilter status [options]\n"
	      "  -w, --watch         again and again, as top does; ^C ends it\n"
	      "      --interval T    so often (2s)\n"
	      "  -j, --json          one JSON object\n"
	      "      --control PATH  the daemon's control socket\n"
	      "                      (" CONTROL_DEFAULT ")\n"
	      "      --timeout TIME  how long to wait for its answer\n"
	      "                      (" CONTROL_PATIENCE ")\n",
	    to);
	return to == stdout ? EX_OK : EX_USAGE;
}

/* The daemon's answer, or NULL and what to exit with. */
static json_t *
ask(const struct options *o, int *code)
{
	struct str out = { 0 };
	struct err err;
	json_error_t where;
	json_t *status = NULL;

	*code =
	    control_ask_within(o->patience, o->control, "status", &out, &err);
	if (*code < 0) {
		fprintf(stderr, "kumilter status: %s\n", err.msg);
		*code = EX_UNAVAILABLE;
	} else if (*code != EX_OK) {
		fputs(str_c(&out), stderr);
	} else {
		status = json_loadb(out.data, out.len, 0, &where);
		if (status == NULL) {
			fprintf(stderr, "kumilter status: the daemon's answer "
					"is none of this version\n");
			*code = EX_PROTOCOL;
		}
	}
	str_fini(&out);
	return status;
}

static int
once(const struct options *o)
{
	struct str out = { 0 };
	int code;
	json_t *status = ask(o, &code);
	char *text;

	if (status == NULL)
		return code;
	if (o->json) {
		text = json_dumps(status, JSON_INDENT(2));
		str_adds(&out, text);
		str_addc(&out, '\n');
		free(text);
	} else {
		status_view(&out, status);
	}
	fputs(str_c(&out), stdout);
	str_fini(&out);
	json_decref(status);
	return EX_OK;
}

/* ---- again and again ---------------------------------------------------- */

static volatile sig_atomic_t ended;

static void
end(int sig)
{
	(void)sig;
	ended = 1;
}

/* On a terminal: over what was there, cut to its size. */
static void
show(const struct str *out, bool terminal)
{
	struct winsize size = { .ws_row = 24, .ws_col = 80 };
	const char *line = str_c(out);

	if (!terminal) {
		printf("%s\n", line);
		fflush(stdout);
		return;
	}
	ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	fputs("\033[H", stdout);
	for (int row = 1; *line != '\0' && row < size.ws_row; row++) {
		int n = (int)strcspn(line, "\n");

		printf("%.*s\033[K\n", n < size.ws_col ? n : size.ws_col, line);
		line += n + (line[n] == '\n');
	}
	fputs("\033[J", stdout);
	fflush(stdout);
}

/* Asleep until then, or until a signal. */
static void
pause_for(int64_t ns)
{
	struct timespec t = { .tv_sec = ns / CLOCK_S,
		.tv_nsec = (long)(ns % CLOCK_S) };

	if (!ended)
		nanosleep(&t, NULL);
}

static int
watch(const struct options *o)
{
	struct sigaction sa = { .sa_handler = end };
	bool terminal = isatty(STDOUT_FILENO);
	json_t *before = NULL, *now;
	int code = EX_OK;

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	if (terminal)
		fputs("\033[?1049h\033[?25l", stdout);
	while (!ended && (now = ask(o, &code)) != NULL) {
		struct str out = { 0 };

		status_view_screen(&out, now, before);
		show(&out, terminal);
		str_fini(&out);
		json_decref(before);
		before = now;
		pause_for(o->every);
	}
	json_decref(before);
	if (terminal)
		fputs("\033[?25h\033[?1049l", stdout);
	return ended ? EX_OK : code;
}

static int
take_time(const char *name, const char *text, int64_t *out)
{
	struct err err;

	if (duration_parse(text, out, &err) == 0 && *out >= 100 * CLOCK_MS)
		return 0;
	fprintf(stderr, "kumilter status: --%s %s: 100ms or more expected\n",
	    name, text);
	return -1;
}

static const struct option longs[] = {
	{ "control", required_argument, NULL, 'c' },
	{ "interval", required_argument, NULL, 'i' },
	{ "timeout", required_argument, NULL, 't' },
	{ "json", no_argument, NULL, 'j' },
	{ "watch", no_argument, NULL, 'w' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

int
cli_status(int argc, char **argv)
{
	struct options o = { .control = CONTROL_DEFAULT };
	const char *every = "2s", *patience = CONTROL_PATIENCE;
	int c;

	optind = 1;
	while ((c = getopt_long(argc, argv, "hjw", longs, NULL)) != -1)
		if (c == 'c')
			o.control = optarg;
		else if (c == 'i')
			every = optarg;
		else if (c == 't')
			patience = optarg;
		else if (c == 'j')
			o.json = true;
		else if (c == 'w')
			o.watch = true;
		else
			return usage(c == 'h' ? stdout : stderr);
	if (optind < argc || (o.json && o.watch))
		return usage(stderr);
	if (take_time("interval", every, &o.every) != 0 ||
	    take_time("timeout", patience, &o.patience) != 0)
		return EX_USAGE;
	return o.watch ? watch(&o) : once(&o);
}
