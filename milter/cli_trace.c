#include "cli.h"
#include "clock.h"
#include "control.h"
#include "duration.h"
#include "transcript.h"
#include "xmalloc.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#define LINE_MAX_BYTES                                                         \
	((size_t)1 << 20) /* no daemon of ours says that much                  \
			   */
#define TAG 5 /* the end of a session's id: enough to tell them apart */

struct trace {
	const char *control;
	json_t *filter;
	bool json, colour, colour_given;
	long count;       /* sessions to show; 0: no end */
	int64_t deadline; /* clock_mono(); 0: none */
	/* while it runs: */
	char (*shown)[20]; /* with count: the sessions that are */
	long n_shown, n_closed;
	bool answered, ended;
	int code;
};

static int
usage(FILE *to)
{
	fputs("usage: kumilter trace [options]\n"
	      "      --client CIDR     only clients of this network\n"
	      "      --from PATTERN    only such senders\n"
	      "      --rcpt PATTERN    only such recipients\n"
	      "                        (a domain, or an address; * and ?)\n"
	      "  -j, --json            a JSON object on each line\n"
	      "      --no-colour       no colours, also on a terminal\n"
	      "      --count N         so many sessions and no more\n"
	      "      --for TIME        so long and no longer\n"
	      "      --control SOCKET  the daemon's control socket\n"
	      "                        (" CONTROL_DEFAULT ")\n"
	      "--client, --from and --rcpt may be given again: one has to "
	      "fit.\n",
	    to);
	return to == stdout ? EX_OK : EX_USAGE;
}

/* ---- what comes --------------------------------------------------------- */

/* With --count: is it one of the first? */
static bool
counts(struct trace *t, const json_t *item)
{
	const char *id = json_string_value(json_object_get(item, "session"));

	if (t->count == 0 || id == NULL)
		return true;
	for (long i = 0; i < t->n_shown; i++)
		if (strcmp(t->shown[i], id) == 0)
			return true;
	if (t->n_shown == t->count)
		return false;
	t->shown = xrealloc(t->shown, (size_t)(t->n_shown + 1) * 20);
	snprintf(t->shown[t->n_shown++], 20, "%s", id);
	return true;
}

static void
print_text(const struct trace *t, const json_t *item)
{
	const char *id = json_string_value(json_object_get(item, "session"));
	struct str text = { 0 };
	size_t n = id != NULL ? strlen(id) : 0;
	const char *line;

	transcript_text(&text, item, t->colour);
	for (line = str_c(&text); *line != '\0'; line += strcspn(line, "\n")) {
		line += line > text.data;
		if (*line == '\0')
			break;
		printf("%s%.*s%s%s%.*s\n", t->colour ? "\033[2m" : "", TAG,
		    n > TAG ? id + n - TAG : "", t->colour ? "\033[0m" : "",
		    n > 0 ? "  " : "", (int)strcspn(line, "\n"), line);
	}
	str_fini(&text);
}

static void
take_line(struct trace *t, const char *line, size_t len)
{
	json_t *item = json_loadb(line, len, JSON_ALLOW_NUL, NULL);
	const char *type = json_string_value(json_object_get(item, "type"));

	if (type == NULL) {
		fputs("kumilter trace: this daemon is of another version\n",
		    stderr);
		t->code = EX_PROTOCOL;
		t->ended = true;
	} else if (counts(t, item)) {
		if (t->json)
			printf("%.*s\n", (int)len, line);
		else
			print_text(t, item);
		t->n_closed += strcmp(type, "close") == 0;
		t->ended = strcmp(type, "end") == 0 ||
			   (t->count > 0 && t->n_closed == t->count);
	}
	json_decref(item);
}

/* The first line is an exit code; what is behind one that is not 0, why. */
static void
take_answer(struct trace *t, const char *line)
{
	t->answered = true;
	t->code = atoi(line);
	if (t->code == EX_OK && !t->json && isatty(STDERR_FILENO))
		fputs("(^C ends it)\n", stderr);
}

static void
take_text(struct trace *t, struct str *text)
{
	const char *p = text->data, *end = p + text->len, *nl;

	while (!t->ended && t->code == EX_OK && p < end &&
	       (nl = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		if (t->answered)
			take_line(t, p, (size_t)(nl - p));
		else
			take_answer(t, p);
		p = nl + 1;
	}
	text->len = (size_t)(end - p);
	memmove(text->data, p, text->len);
	text->data[text->len] = '\0';
	fflush(stdout);
}

/* ---- until it ends ------------------------------------------------------ */

/* true: something came; false: it is over. */
static bool
wait_for(const struct trace *t, int fd)
{
	/* who reads what we print may be gone before there is more of it */
	struct pollfd p[] = { { .fd = fd, .events = POLLIN },
		{ .fd = STDOUT_FILENO } };
	int ms = -1, n;

	do {
		if (t->deadline != 0) {
			int64_t left = t->deadline - clock_mono();

			if (left <= 0)
				return false;
			ms = left / CLOCK_MS < 3600000
				 ? (int)(left / CLOCK_MS) + 1
				 : 3600000;
		}
		n = poll(p, 2, ms);
	} while (n == 0 || (n < 0 && errno == EINTR));
	return n > 0 && (p[1].revents & (POLLERR | POLLNVAL)) == 0;
}

static int
follow(struct trace *t, int fd)
{
	struct str text = { 0 };
	char buf[65536];

	while (!t->ended && wait_for(t, fd)) {
		ssize_t n = recv(fd, buf, sizeof buf, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n > 0) {
			str_add(&text, buf, (size_t)n);
			take_text(t, &text);
		}
		if (n > 0 && text.len < LINE_MAX_BYTES)
			continue;
		if (t->code == EX_OK && !t->ended) {
			fputs("kumilter trace: the daemon is gone\n", stderr);
			t->code = EX_UNAVAILABLE;
		} else if (t->code != EX_OK) {
			fprintf(stderr, "kumilter trace: %s", str_c(&text));
		}
		break;
	}
	str_fini(&text);
	return t->code;
}

static int
run(struct trace *t)
{
	char *filter = json_dumps(t->filter, JSON_COMPACT);
	char *request = xasprintf("trace %s", filter);
	struct err err;
	int fd = control_open(t->control, request, &err);

	free(request);
	free(filter);
	if (fd < 0) {
		fprintf(stderr, "kumilter trace: %s\n", err.msg);
		return EX_UNAVAILABLE;
	}
	follow(t, fd);
	close(fd);
	return t->code;
}

/* ---- options ------------------------------------------------------------ */

enum { OPT_CLIENT = 256, OPT_FROM, OPT_RCPT, OPT_PLAIN, OPT_COUNT, OPT_FOR };

static const struct option longs[] = {
	{ "client", required_argument, NULL, OPT_CLIENT },
	{ "from", required_argument, NULL, OPT_FROM },
	{ "rcpt", required_argument, NULL, OPT_RCPT },
	{ "json", no_argument, NULL, 'j' },
	{ "no-colour", no_argument, NULL, OPT_PLAIN },
	{ "no-color", no_argument, NULL, OPT_PLAIN },
	{ "count", required_argument, NULL, OPT_COUNT },
	{ "for", required_argument, NULL, OPT_FOR },
	{ "control", required_argument, NULL, 'c' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int
complain(const char *option, const char *text, const char *why)
{
	fprintf(stderr, "kumilter trace: --%s %s: %s\n", option, text, why);
	return EX_USAGE;
}

static int
add_filter(struct trace *t, const char *key, const char *text)
{
	json_t *list = json_object_get(t->filter, key), *one;

	if (list == NULL) {
		list = json_array();
		json_object_set_new(t->filter, key, list);
	}
	one = json_string(text);
	if (one == NULL)
		return complain(key, text, "not UTF-8");
	json_array_append_new(list, one);
	return EX_OK;
}

static int
take(struct trace *t, int c, const char *arg)
{
	char *end;
	int64_t ns;
	struct err err;

	switch (c) {
	case OPT_CLIENT:
		return add_filter(t, "client", arg);
	case OPT_FROM:
		return add_filter(t, "from", arg);
	case OPT_RCPT:
		return add_filter(t, "rcpt", arg);
	case 'j':
		t->json = true;
		return EX_OK;
	case OPT_PLAIN:
		t->colour = false;
		return EX_OK;
	case 'c':
		t->control = arg;
		return EX_OK;
	case OPT_COUNT:
		t->count = strtol(arg, &end, 10);
		return *end == '\0' && t->count >= 1 && t->count <= 1000000
			   ? EX_OK
			   : complain("count", arg,
				 "a number from 1 to 1000000 expected");
	case OPT_FOR:
		if (duration_parse(arg, &ns, &err) != 0)
			return complain("for", arg, err.msg);
		t->deadline = clock_mono() + ns;
		return EX_OK;
	default:
		return usage(stderr);
	}
}

int
cli_trace(int argc, char **argv)
{
	struct trace t = { .control = CONTROL_DEFAULT,
		.filter = json_object(),
		.colour = isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL };
	int c, rc = EX_OK;

	optind = 1;
	while (rc == EX_OK &&
	       (c = getopt_long(argc, argv, "hj", longs, NULL)) != -1) {
		if (c == 'h') {
			json_decref(t.filter);
			return usage(stdout);
		}
		rc = take(&t, c, optarg);
	}
	if (rc == EX_OK && optind < argc)
		rc = usage(stderr);
	if (rc == EX_OK)
		rc = run(&t);
	json_decref(t.filter);
	free(t.shown);
	return rc;
}
