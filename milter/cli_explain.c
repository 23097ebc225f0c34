#include "cli_explain.h"

#include "explain.h"
#include "settings.h"
#include "xmalloc.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static const char usage[] =
    "usage: kumilter explain-reply --mta postfix|sendmail --stage STAGE\n"
    "           [options] CODE TEXT\n"
    "\n"
    "What a client reads, and when, if a policy refuses with CODE and TEXT.\n"
    "In TEXT a newline, or the two characters \\n, begins a further line.\n"
    "\n"
    "  --mta MTA      the MTA that kumilter stands behind\n"
    "  --stage STAGE  where the policy refuses: connect, helo, mail, rcpt,\n"
    "                 data, eom or unknown\n"
    "  --mode MODE    reject for kumo.reject (the default); or what\n"
    "                 kumo.disconnect is given: ForceDisconnect,\n"
    "                 FollowWith421, If421\n"
    "  --host NAME    the MTA's name (default: this machine's)\n"
    "  --address A    of the MAIL or RCPT (default: a@example.org)\n"
    "  --force-disconnect code|drop, --stage-reject mail|rcpt|now,\n"
    "  --data-reject eom|now\n"
    "                 as in kumo.milter.configure{}\n"
    "  --json         one JSON object\n"
    "  --help         this text\n";

struct question {
	struct explain e;
	struct settings settings;
	struct verdict verdict;
	char *host, *address;
	const char *mode;
	bool has_mta, has_stage, json;
};

enum option_id {
	OPT_MTA = 256,
	OPT_STAGE,
	OPT_MODE,
	OPT_HOST,
	OPT_ADDRESS,
	OPT_FORCE,
	OPT_STAGE_REJECT,
	OPT_DATA_REJECT,
	OPT_JSON,
	OPT_HELP,
};

static const struct option options[] = {
	{ "mta", required_argument, NULL, OPT_MTA },
	{ "stage", required_argument, NULL, OPT_STAGE },
	{ "mode", required_argument, NULL, OPT_MODE },
	{ "host", required_argument, NULL, OPT_HOST },
	{ "address", required_argument, NULL, OPT_ADDRESS },
	{ "force-disconnect", required_argument, NULL, OPT_FORCE },
	{ "stage-reject", required_argument, NULL, OPT_STAGE_REJECT },
	{ "data-reject", required_argument, NULL, OPT_DATA_REJECT },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL, 0, NULL, 0 },
};

static int
take_stage(struct question *q, const char *text, struct err *err)
{
	if (phase_parse(text, &q->e.stage, err) != 0)
		return -1;
	if (q->e.stage == PHASE_ABORT || q->e.stage == PHASE_CLOSE)
		return err_set(err, "nothing can be said at %s", text);
	q->has_stage = true;
	return 0;
}

static int
take_mode(struct question *q, const char *text, struct err *err)
{
	struct err inner;

	q->mode = text;
	if (strcmp(text, "reject") == 0)
		q->verdict.how = DISCONNECT_IF421;
	else if (disconnect_parse(text, &q->verdict.how, &inner) != 0)
		return err_set(err, "--mode: reject, or %s", inner.msg);
	return 0;
}

/* "<a@example.org>", as MAIL and RCPT have it */
static void
take_address(struct question *q, const char *text)
{
	free(q->address);
	q->address = text[0] == '<' ? xstrdup(text) : xasprintf("<%s>", text);
}

static int
take_option(struct question *q, int id, const char *arg, struct err *err)
{
	switch (id) {
	case OPT_MTA:
		q->has_mta = true;
		return mta_parse(arg, &q->e.rules.mta, err);
	case OPT_STAGE:
		return take_stage(q, arg, err);
	case OPT_MODE:
		return take_mode(q, arg, err);
	case OPT_HOST:
		free(q->host);
		q->host = xstrdup(arg);
		return 0;
	case OPT_ADDRESS:
		take_address(q, arg);
		return 0;
	case OPT_FORCE:
		return settings_set(
		    &q->settings, "force_disconnect", arg, false, err);
	case OPT_STAGE_REJECT:
		return settings_set(
		    &q->settings, "stage_reject", arg, false, err);
	case OPT_DATA_REJECT:
		return settings_set(
		    &q->settings, "data_reject", arg, false, err);
	case OPT_JSON:
		q->json = true;
		return 0;
	}
	return err_set(err, "unknown option, or one without its value");
}

/* The two characters \n are a newline: easier to type in a shell. */
static void
unescape(struct str *out, const char *text)
{
	for (; *text != '\0'; text++)
		if (text[0] == '\\' && text[1] == 'n') {
			str_addc(out, '\n');
			text++;
		} else {
			str_addc(out, *text);
		}
}

static int
take_refusal(
    struct question *q, const char *code, const char *text, struct err *err)
{
	struct str s = { 0 };
	char *end;
	long n = strtol(code, &end, 10);

	if (end == code || *end != '\0')
		return err_set(err, "\"%s\" is no code: 400 to 599", code);
	if (n < 400 || n > 599)
		return err_set(err,
		    "%s: a refusal's code is 400 to 599; kumilter treats any "
		    "other as an error of the policy",
		    code);
	unescape(&s, text);
	verdict_refuse(&q->verdict, (int)n, q->verdict.how, str_c(&s), s.len);
	str_fini(&s);
	return 0;
}

static void
question_init(struct question *q)
{
	char host[256] = "localhost";

	*q = (struct question){ .mode = "reject" };
	settings_init(&q->settings);
	take_address(q, "a@example.org");
	gethostname(host, sizeof host - 1);
	q->host = xstrdup(host);
}

static void
question_fini(struct question *q)
{
	explain_fini(&q->e);
	verdict_clear(&q->verdict);
	free(q->host);
	free(q->address);
}

/* 0, 1 if help was asked for, or -1. */
static int
question_read(struct question *q, int argc, char **argv, struct err *err)
{
	int id;

	optind = 0; /* getopt may have been used before */
	opterr = 0;
	while ((id = getopt_long(argc, argv, "+:h", options, NULL)) != -1) {
		if (id == 'h' || id == OPT_HELP)
			return 1;
		if (id == '?' || id == ':')
			return err_set(err,
			    id == ':' ? "%s needs a value"
				      : "%s: unknown option",
			    argv[optind - 1]);
		if (take_option(q, id, optarg, err) != 0)
			return -1;
	}
	if (!q->has_mta || !q->has_stage)
		return err_set(err, "--mta and --stage are needed");
	if (argc - optind != 2)
		return err_set(err, "CODE and TEXT are needed, TEXT as one "
				    "argument in quotes");
	return take_refusal(q, argv[optind], argv[optind + 1], err);
}

static void
question_answer(struct question *q)
{
	q->e.verdict = &q->verdict;
	q->e.host = q->host;
	q->e.address = q->address;
	q->e.rules.force_drop = q->settings.force_disconnect != 0;
	q->e.rules.stage_reject = (enum stage_reject)q->settings.stage_reject;
	q->e.rules.data_reject = (enum data_reject)q->settings.data_reject;
	explain(&q->e);
}

/* ---- in words ------------------------------------------------------------ */

static const char *const at[PHASE_COUNT] = {
	[PHASE_CONNECT] = "at connect",
	[PHASE_HELO] = "at HELO",
	[PHASE_MAIL] = "at MAIL",
	[PHASE_RCPT] = "at RCPT",
	[PHASE_DATA] = "at DATA",
	[PHASE_EOM] = "at the end of the message",
	[PHASE_UNKNOWN] = "at an unknown command",
};

static void
print_lines(const struct str *lines)
{
	const char *p = str_c(lines);

	putchar('\n');
	while (*p != '\0') {
		int n = (int)strcspn(p, "\n");

		printf("    %.*s\n", n, p);
		p += n + (p[n] == '\n');
	}
	putchar('\n');
}

static void
print_reply(const struct explain *e)
{
	if (e->seen.len != 0) {
		printf("The client reads, %s%s:\n", at[e->plan.until],
		    e->plan.until == e->stage ? " (at once)" : "");
		print_lines(&e->seen);
	} else {
		printf("The client reads nothing of it %s: that succeeds as "
		       "usual.\n",
		    at[e->plan.until]);
	}
	if (e->at_mail.len != 0) {
		printf("The MTA itself answers the MAIL after that:\n");
		print_lines(&e->at_mail);
	}
}

static void
print_words(const struct question *q)
{
	const struct explain *e = &q->e;
	bool reject = strcmp(q->mode, "reject") == 0;

	printf("%s(%d, ...%s%s%s) %s, in front of %s\n\n",
	    reject ? "kumo.reject" : "kumo.disconnect", q->verdict.code,
	    reject ? "" : ", '", reject ? "" : q->mode, reject ? "" : "'",
	    at[e->stage], e->rules.mta == MTA_POSTFIX ? "Postfix" : "Sendmail");
	print_reply(e);
	if (e->plan.closes) {
		printf("The MTA then closes the connection.\n");
	} else if (e->condemned) {
		printf("The connection stays open, but the session is "
		       "condemned: the next\nHELO, MAIL, RCPT, DATA, end of "
		       "message or unknown command reads this, and\nthe MTA "
		       "closes:\n");
		print_lines(&e->next);
	} else {
		printf("The connection stays open.\n");
	}
	if (e->nremarks != 0)
		printf("%sRemarks:\n", e->condemned ? "" : "\n");
	for (int i = 0; i < e->nremarks; i++)
		printf("  - %s\n", e->remark[i]);
}

/* ---- as JSON ------------------------------------------------------------- */

/* Names from the command line may be any bytes; JSON is UTF-8. */
static json_t *
json_text(const char *text, size_t n)
{
	json_t *value = json_stringn(text, n);
	struct str s = { 0 };

	if (value == NULL) {
		str_add_printable(&s, text, n);
		value = json_string(str_c(&s));
		str_fini(&s);
	}
	return value;
}

static json_t *
json_lines(const struct str *lines)
{
	json_t *list = json_array();
	const char *p = str_c(lines);

	while (*p != '\0') {
		size_t n = strcspn(p, "\n");

		json_array_append_new(list, json_text(p, n));
		p += n + (p[n] == '\n');
	}
	return list;
}

static void
print_json(const struct question *q)
{
	const struct explain *e = &q->e;
	json_t *remarks = json_array(), *all;

	for (int i = 0; i < e->nremarks; i++)
		json_array_append_new(remarks, json_string(e->remark[i]));
	all = json_pack("{ss ss ss si ss so so sb sb so so}", "mta",
	    mta_name(e->rules.mta), "stage", phase_name(e->stage), "mode",
	    q->mode, "code", e->plan.code, "given_at",
	    phase_name(e->plan.until), "lines", json_lines(&e->seen), "at_mail",
	    e->at_mail.len != 0 ? json_lines(&e->at_mail) : json_null(),
	    "closes", e->plan.closes, "condemned", e->condemned, "next",
	    e->condemned ? json_text(str_c(&e->next), e->next.len)
			 : json_null(),
	    "remarks", remarks);
	must(all != NULL);
	json_dumpf(all, stdout, 0);
	putchar('\n');
	json_decref(all);
}

int
cli_explain(int argc, char **argv)
{
	struct question q;
	struct err err;
	int rc, status = 0;

	question_init(&q);
	rc = question_read(&q, argc, argv, &err);
	if (rc == 0) {
		question_answer(&q);
		(q.json ? print_json : print_words)(&q);
	} else if (rc > 0) {
		fputs(usage, stdout);
	} else {
		fprintf(stderr, "kumilter %s: %s\n", argv[0], err.msg);
		status = EX_USAGE;
	}
	question_fini(&q);
	return status;
}
