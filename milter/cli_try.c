#include "cli.h"
#include "json_line.h"
#include "plain_file.h"
#include "transcript.h"
#include "try_options.h"
#include "xmalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define TEXT_MAX ((size_t)256 << 20) /* of a message or a dialogue */

struct
try {
	const struct try_options *o;
	struct transcript t;
	struct sim *sim;
	int worst;   /* the highest code that the policy gave */
	bool taken;  /* a message was, and */
	bool failed; /* the last one was not */
};

static void
print_item(void *arg, const json_t *item)
{
	const struct try *try = arg;
	struct str out = { 0 };

	if (try->o->json) {
		json_line_add(&out, item);
		str_addc(&out, '\n');
	} else {
		transcript_text(&out, item, try->o->colour);
	}
	fwrite(str_c(&out), 1, out.len, stdout);
	str_fini(&out);
	fflush(stdout);
}

static int
read_file(struct str *out, const char *path)
{
	bool is_stdin = strcmp(path, "-") == 0;
	int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	bool failed = fd < 0 || plain_file_read(fd, TEXT_MAX, out, NULL) != 0;
	int why = failed ? errno : EFBIG;

	if (fd >= 0 && !is_stdin)
		close(fd);
	if (!failed && out->len < TEXT_MAX)
		return 0;
	fprintf(stderr, "kumilter try: %s: %s\n", path, strerror(why));
	return EX_NOINPUT;
}

/* ---- what came of it ----------------------------------------------------- */

/* The answer's code, and a note for the exit code. */
static int
judge(struct try *try, struct sim_answer *a)
{
	int code = a->code;

	if (a->by_policy && code > try->worst)
		try->worst = code;
	sim_answer_fini(a);
	return code;
}

static int
say(struct try *try, const char *line)
{
	struct sim_answer a = { 0 };

	if (!sim_is_open(try->sim))
		return 0;
	transcript_command(&try->t, try->sim, line, &a);
	return judge(try, &a);
}

static int
say_address(struct try *try, const char *verb, const char *address)
{
	bool bare = address[0] != '<';
	char *line = xasprintf(
	    "%s%s%s%s", verb, bare ? "<" : "", address, bare ? ">" : "");
	int code = say(try, line);

	free(line);
	return code;
}

static void
say_content(struct try *try, const char *text, size_t len)
{
	struct sim_answer a = { 0 };
	int code;

	transcript_content(&try->t, try->sim, text, len, &a);
	code = judge(try, &a);
	try->taken = code >= 200 && code < 300;
	try->failed = !try->taken;
}

static int
exit_code(const struct try *try)
{
	if (try->taken || (!try->failed && try->worst == 0))
		return EX_OK;
	return try->worst >= 500 ? 1 : EX_TEMPFAIL;
}

/* ---- the session of the options ------------------------------------------ */

static void
play_content(struct try *try, const struct str *text)
{
	struct str own = { 0 };

	if (text->len > 0) {
		/* a mailbox has a line of its own in front of a message */
		const char *nl = strncmp(text->data, "From ", 5) == 0
				     ? memchr(text->data, '\n', text->len)
				     : NULL;
		size_t skip = nl != NULL ? (size_t)(nl - text->data) + 1 : 0;

		say_content(try, text->data + skip, text->len - skip);
		return;
	}
	str_addf(&own,
	    "From: %s\r\nTo: %s\r\nSubject: kumilter try\r\n\r\nA test.\r\n",
	    try->o->from, try->o->rcpt[0]);
	say_content(try, own.data, own.len);
	str_fini(&own);
}

static void
play_options(struct try *try, const struct str *text)
{
	const struct try_options *o = try->o;
	char *ehlo = xasprintf("EHLO %s", o->helo);
	size_t accepted = 0;

	say(try, ehlo);
	free(ehlo);
	if (o->from != NULL && sim_is_open(try->sim) &&
	    say_address(try, "MAIL FROM:", o->from) == 250) {
		for (size_t i = 0; i < o->n_rcpts; i++)
			accepted +=
			    say_address(try, "RCPT TO:", o->rcpt[i]) == 250;
		if (accepted > 0 && say(try, "DATA") == 354)
			play_content(try, text);
	}
	say(try, "QUIT");
}

/* ---- a dialogue ---------------------------------------------------------- */

/* Lines up to the one that is a dot; p moves behind it. */
static void
play_dotted(struct try *try, const char **p, const char *end)
{
	struct str text = { 0 };

	while (*p < end) {
		const char *nl = memchr(*p, '\n', (size_t)(end - *p));
		const char *next = nl != NULL ? nl + 1 : end;
		size_t n = (size_t)(next - *p);
		const char *line = *p;

		*p = next;
		if (line[0] == '.' &&
		    (n == 1 || line[1] == '\n' || (line[1] == '\r' && n == 3)))
			break;
		if (line[0] == '.') {
			line++;
			n--;
		}
		str_add(&text, line, n);
	}
	say_content(try, str_c(&text), text.len);
	str_fini(&text);
}

static void
play_dialogue(struct try *try, const struct str *text)
{
	const char *p = str_c(text), *end = p + text->len;

	while (p < end && sim_is_open(try->sim)) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t n = nl != NULL ? (size_t)(nl - p) : (size_t)(end - p);
		char *line = xmemdup0(p, n);
		size_t len = strlen(line);

		p += n + (nl != NULL);
		if (len > 0 && line[len - 1] == '\r')
			line[--len] = '\0';
		if (len > 0 && line[0] != '#' && say(try, line) == 354)
			play_dotted(try, &p, end);
		free(line);
	}
}

/* ---- all of it ----------------------------------------------------------- */

static void
play(struct try *try, const struct str *text)
{
	struct sim_answer a = { 0 };

	try->sim = transcript_open(&try->t, &try->o->client);
	transcript_greet(&try->t, try->sim, &a);
	judge(try, &a);
	if (try->o->dialogue != NULL)
		play_dialogue(try, text);
	else
		play_options(try, text);
	sim_free(try->sim);
}

static int
run(const struct try_options *o)
{
	struct try try = { .o = o, .t = { .item = print_item } };
	const char *path = o->dialogue != NULL ? o->dialogue : o->message;
	struct str text = { 0 };
	struct epoch *e;
	struct err err;
	int rc = path != NULL ? read_file(&text, path) : 0;

	if (rc != 0)
		return rc;
	try.t.arg = &try;
	log_set_level(o->level);
	transcript_begin(&try.t);
	e = epoch_load(&o->epoch, &err);
	if (e == NULL) {
		fprintf(stderr, "%s\n", err.msg);
		rc = EX_DATAERR;
	} else {
		epoch_set_current(e);
		play(&try, &text);
		epoch_end();
		epoch_set_current(NULL);
		rc = exit_code(&try);
	}
	transcript_end(&try.t);
	str_fini(&text);
	return rc;
}

int
cli_try(int argc, char **argv)
{
	struct try_options o;
	int rc = try_options_parse(&o, argc, argv);

	if (rc == 0)
		rc = run(&o);
	else if (rc == TRY_OPTIONS_DONE)
		rc = EX_OK;
	try_options_fini(&o);
	return rc;
}
