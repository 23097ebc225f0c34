#include "doctor.h"

#include "clock.h"
#include "err.h"
#include "str.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is added to a handler's time, for the way there and back. */
#define MARGIN 5

struct look {
	enum mta mta;
	const struct mta_config *c;
	const struct doctor_needs *needs;
	const struct mta_filter *ours;
	doctor_found *found;
	void *arg;
	int n;
};

static void
find(struct look *l, enum doctor_kind kind, const char *parameter, int line,
    const char *what, const char *why, const char *paste)
{
	struct doctor_finding f = { .kind = kind,
		.what = what,
		.file = l->c->file,
		.line = line,
		.parameter = parameter,
		.why = why,
		.paste = paste };

	if (line == 0 && l->mta == MTA_POSTFIX)
		f.line = mta_config_line(l->c, parameter);
	l->found(l->arg, &f);
	l->n++;
}

static int
seconds(int64_t ns)
{
	return (int)((ns + CLOCK_S - 1) / CLOCK_S);
}

static int
at_least(int preset, int64_t ns)
{
	int wanted = seconds(ns) + MARGIN;

	return wanted > preset ? wanted : preset;
}

/* ---- the lines ---------------------------------------------------------- */

/* As the MTA writes the socket that --listen names. */
static void
socket_text(char *out, size_t size, enum mta mta, const char *listen)
{
	static const char chroot[] = "unix:/var/spool/postfix/";
	const char *at;

	if (listen == NULL)
		listen = mta == MTA_POSTFIX
			     ? "unix:/var/spool/postfix/kumilter/milter.sock"
			     : "unix:/run/kumilter-milter.sock";
	at = strchr(listen, '@');
	if (mta == MTA_POSTFIX && strncmp(listen, chroot, strlen(chroot)) == 0)
		snprintf(out, size, "unix:%.400s", listen + strlen(chroot));
	else if (mta == MTA_POSTFIX && strncmp(listen, "inet", 4) == 0) {
		const char *port = strchr(listen, ':') + 1;

		snprintf(out, size, "inet:%.200s:%.*s",
		    at != NULL ? at + 1 : "127.0.0.1", (int)strcspn(port, "@"),
		    port);
	} else {
		snprintf(out, size, "%.400s%s", listen,
		    strncmp(listen, "inet", 4) == 0 && at == NULL ? "@127.0.0.1"
								  : "");
	}
}

static void
sendmail_line(char *out, size_t size, const struct doctor_needs *needs)
{
	int64_t longest = needs->event_timeout > needs->message_timeout
			      ? needs->event_timeout
			      : needs->message_timeout;
	int answer = at_least(90, longest), end = at_least(300, longest);
	char sock[512];

	socket_text(sock, sizeof sock, MTA_SENDMAIL, needs->listen);
	snprintf(out, size,
	    "INPUT_MAIL_FILTER(`kumilter', `S=%s, F=T, "
	    "T=C:30s;S:30s;R:%ds;E:%ds')dnl",
	    sock, answer, end > answer ? end : answer);
}

void
doctor_print_config(
    struct str *out, enum mta mta, const struct doctor_needs *needs)
{
	char text[1024];

	if (mta == MTA_SENDMAIL) {
		sendmail_line(text, sizeof text, needs);
		str_addf(out, "%s\n", text);
		return;
	}
	socket_text(text, sizeof text, mta, needs->listen);
	str_addf(out,
	    "smtpd_milters = %s\n"
	    "milter_default_action = tempfail\n"
	    "milter_protocol = 6\n"
	    "milter_connect_timeout = 30s\n"
	    "milter_command_timeout = %ds\n"
	    "milter_content_timeout = %ds\n",
	    text, at_least(30, needs->event_timeout),
	    at_least(300, needs->message_timeout));
}

/* ---- which of them is this policy's ------------------------------------- */

static const struct mta_filter *
our_filter(
    const struct mta_config *c, const struct doctor_needs *needs, enum mta mta)
{
	const char *path =
	    needs->listen != NULL && strchr(needs->listen, '/') != NULL
		? strchr(needs->listen, '/')
		: NULL;
	char sock[512] = "";

	if (needs->listen != NULL)
		socket_text(sock, sizeof sock, mta, needs->listen);
	for (int i = 0; i < c->n; i++)
		if ((path != NULL && strcmp(c->filter[i].path, path) == 0) ||
		    strcmp(c->filter[i].socket, sock) == 0)
			return &c->filter[i];
	for (int i = 0; i < c->n; i++)
		if (strstr(c->filter[i].socket, "kumilter") != NULL ||
		    strcmp(c->filter[i].name, "kumilter") == 0)
			return &c->filter[i];
	return c->n == 1 && needs->listen == NULL ? &c->filter[0] : NULL;
}

/* ---- the socket --------------------------------------------------------- */

struct person {
	uid_t uid;
	gid_t group[256];
	int n;
};

/* false: there is no such user. */
static bool
person(struct person *p, const char *name)
{
	struct passwd pw, *found = NULL;
	char buf[4096];

	if (getpwnam_r(name, &pw, buf, sizeof buf, &found) != 0 ||
	    found == NULL)
		return false;
	p->uid = pw.pw_uid;
	p->n = 256;
	if (getgrouplist(name, pw.pw_gid, p->group, &p->n) < 0)
		p->n = 256;
	return true;
}

static bool
may(const struct person *p, const struct stat *sb, mode_t bits)
{
	if (p->uid == 0)
		return true;
	if (p->uid == sb->st_uid)
		return (sb->st_mode >> 6 & bits) == bits;
	for (int i = 0; i < p->n; i++)
		if (p->group[i] == sb->st_gid)
			return (sb->st_mode >> 3 & bits) == bits;
	return (sb->st_mode & bits) == bits;
}

/* The first folder of path that p may not enter, into out; false: none. */
static bool
is_locked_out(const struct person *p, const char *path, char *out, size_t size)
{
	struct stat sb;

	for (const char *at = strchr(path + 1, '/'); at != NULL;
	     at = strchr(at + 1, '/')) {
		snprintf(out, size, "%.*s", (int)(at - path), path);
		if (stat(out, &sb) == 0 && !may(p, &sb, 1))
			return true;
	}
	return false;
}

static void
look_at_permissions(struct look *l, const struct stat *sb, const char *key)
{
	const char *user = l->c->user[0] != '\0' ? l->c->user : "root";
	char what[1200], paste[600], folder[512];
	struct person p;

	if (!person(&p, user))
		return;
	if (is_locked_out(&p, l->ours->path, folder, sizeof folder)) {
		snprintf(
		    what, sizeof what, "%s may not enter %s", user, folder);
		snprintf(paste, sizeof paste, "chmod a+x %s", folder);
		find(l, DOCTOR_WRONG, key, l->ours->line, what,
		    "the MTA cannot reach the socket", paste);
	} else if (!may(&p, sb, 2)) {
		snprintf(what, sizeof what, "%s may not write to %s", user,
		    l->ours->path);
		snprintf(paste, sizeof paste,
		    "kumilter serve --socket-group %s --socket-mode 0660",
		    user);
		find(l, DOCTOR_WRONG, key, l->ours->line, what,
		    "connecting to a socket takes the right to write to it",
		    paste);
	}
}

static void
look_at_socket(struct look *l, const char *key)
{
	const struct mta_filter *f = l->ours;
	char what[1200], paste[600];
	struct stat sb;

	if (f->path[0] == '\0')
		return;
	if (stat(f->path, &sb) != 0) {
		snprintf(what, sizeof what, "there is no %s", f->path);
		snprintf(paste, sizeof paste, "kumilter serve --listen unix:%s",
		    f->path);
		find(l, DOCTOR_WRONG, key, f->line, what,
		    "the daemon does not run, or listens elsewhere", paste);
	} else if (!S_ISSOCK(sb.st_mode)) {
		snprintf(what, sizeof what, "%s is no socket", f->path);
		find(l, DOCTOR_WRONG, key, f->line, what,
		    "nothing can listen there while it is in the way", "");
	} else {
		look_at_permissions(l, &sb, key);
	}
}

/* ---- of both MTAs ------------------------------------------------------- */

static void
look_at_order(struct look *l, const char *key)
{
	for (const struct mta_filter *f = l->c->filter; f < l->ours; f++)
		if (strstr(f->socket, "dkim") != NULL ||
		    strstr(f->name, "dkim") != NULL) {
			char what[1200];

			snprintf(what, sizeof what,
			    "%s is asked before this policy", f->socket);
			find(l, DOCTOR_RISKY, key, l->c->list_line, what,
			    "what the policy changes in a message comes after "
			    "the signature, which then fails",
			    "name this policy first");
		}
}

static void
look_for_ours(struct look *l, const char *key)
{
	struct str lines = { 0 };

	doctor_print_config(&lines, l->mta, l->needs);
	find(l, DOCTOR_WRONG, key, l->c->list_line,
	    l->c->n == 0 ? "the MTA asks no milter"
			 : "none of the MTA's milters is this policy's",
	    "mail passes by the policy", str_c(&lines));
	str_fini(&lines);
}

/* ---- Postfix ------------------------------------------------------------ */

static void
look_at_postfix_timeouts(struct look *l)
{
	const struct mta_filter *f = l->ours;
	char what[256], paste[128];

	if (f->command <= l->needs->event_timeout) {
		snprintf(what, sizeof what,
		    "Postfix waits %d s for an answer, a handler may take %d s",
		    seconds(f->command), seconds(l->needs->event_timeout));
		snprintf(paste, sizeof paste, "milter_command_timeout = %ds",
		    at_least(30, l->needs->event_timeout));
		find(l, DOCTOR_WRONG, "milter_command_timeout", 0, what,
		    "Postfix gives up on the rest of the session while the "
		    "policy still works (event_timeout)",
		    paste);
	}
	if (f->content <= l->needs->message_timeout) {
		snprintf(what, sizeof what,
		    "Postfix waits %d s for the end of a message, its handlers "
		    "may take %d s",
		    seconds(f->content), seconds(l->needs->message_timeout));
		snprintf(paste, sizeof paste, "milter_content_timeout = %ds",
		    at_least(300, l->needs->message_timeout));
		find(l, DOCTOR_WRONG, "milter_content_timeout", 0, what,
		    "Postfix gives up on the message while the policy still "
		    "works (message_timeout)",
		    paste);
	}
}

static void
look_at_postfix_action(struct look *l)
{
	const char *key = "milter_default_action";
	const char *paste = "milter_default_action = tempfail";
	int major = 0, minor = 0;

	sscanf(l->c->version, "%d.%d", &major, &minor);
	if (strcmp(l->ours->action, "accept") == 0)
		find(l, DOCTOR_RISKY, key, 0, "the default action is accept",
		    "mail passes unseen while the daemon is away or too slow",
		    paste);
	if (strcmp(l->ours->action, "reject") == 0)
		find(l, DOCTOR_RISKY, key, 0, "the default action is reject",
		    "mail is lost to a 5xx while the daemon is away or too "
		    "slow",
		    paste);
	if (strcmp(l->ours->action, "shutdown") == 0 &&
	    (major < 3 || (major == 3 && minor < 11)))
		find(l, DOCTOR_WRONG, key, 0,
		    "this Postfix does not know the default action shutdown",
		    "clients get 451 4.3.5 Server configuration problem; it "
		    "came with 3.11",
		    paste);
}

static void
look_at_postfix_chroot(struct look *l)
{
	const struct mta_filter *f = l->ours;
	size_t len = strlen(l->c->queue);
	char what[1200], paste[700];

	if (l->c->chrooted[0] == '\0' || f->path[0] == '\0' ||
	    strstr(f->socket, ":/") == NULL)
		return;
	snprintf(what, sizeof what,
	    "service %s runs in the chroot %s, where there is no %s",
	    l->c->chrooted, l->c->queue, f->path);
	snprintf(paste, sizeof paste, "smtpd_milters = unix:%s",
	    strncmp(f->path, l->c->queue, len) == 0 && f->path[len] == '/'
		? f->path + len + 1
		: "kumilter/milter.sock");
	find(l, DOCTOR_WRONG, "smtpd_milters", 0, what,
	    "a path from / is one inside the chroot; one without counts from "
	    "queue_directory, in and out of it",
	    paste);
}

/* Is it one of them, as smtpd_milters lists them? */
static bool
has_socket(const char *list, const char *socket)
{
	static const char around[] = ", \t{}";
	size_t len = strlen(socket);

	for (const char *p = list; (p = strstr(p, socket)) != NULL; p++)
		if ((p == list || strchr(around, p[-1]) != NULL) &&
		    strchr(around, p[len]) != NULL)
			return true;
	return false;
}

static void
look_at_postfix(struct look *l)
{
	const struct mta_config *c = l->c;
	char what[256];

	if (strchr(l->ours->socket, '@') != NULL)
		find(l, DOCTOR_WRONG, "smtpd_milters", 0,
		    "a socket in Sendmail's form: PORT@HOST",
		    "Postfix writes inet:HOST:PORT",
		    "smtpd_milters = inet:127.0.0.1:8891");
	look_at_postfix_chroot(l);
	if (c->chrooted[0] == '\0' || strstr(l->ours->socket, ":/") == NULL)
		look_at_socket(l, "smtpd_milters");
	look_at_postfix_timeouts(l);
	look_at_postfix_action(l);
	if (l->ours->protocol < 6)
		find(l, DOCTOR_WRONG, "milter_protocol", 0,
		    "milter_protocol is below 6",
		    "the policy sees no DATA, no macros that it asks for, and "
		    "cannot change senders",
		    "milter_protocol = 6");
	if (has_socket(c->others, l->ours->socket))
		find(l, DOCTOR_RISKY, "non_smtpd_milters", 0,
		    "mail of this machine is asked about, too",
		    "there is no client: a refusal is a bounce or keeps "
		    "the mail in the queue",
		    "non_smtpd_milters =");
	if (c->unfiltered[0] != '\0') {
		snprintf(what, sizeof what, "service %s asks no milter",
		    c->unfiltered);
		find(l, DOCTOR_RISKY, "smtpd_milters (master.cf)", 0, what,
		    "mail that comes in there passes by the policy",
		    "take \"-o smtpd_milters=\" away, unless it is meant");
	}
	look_at_order(l, "smtpd_milters");
}

/* ---- Sendmail ----------------------------------------------------------- */

static void
look_at_sendmail(struct look *l)
{
	const struct mta_filter *f = l->ours;
	int64_t longest = l->needs->event_timeout > l->needs->message_timeout
			      ? l->needs->event_timeout
			      : l->needs->message_timeout;
	char what[256], line[1024];

	sendmail_line(line, sizeof line, l->needs);
	if (strncmp(f->socket, "inet", 4) == 0)
		find(l, DOCTOR_RISKY, "S=", f->line, "a TCP socket",
		    "Sendmail's side of it costs some 40 ms for each command",
		    "kumilter serve --listen unix:/run/kumilter-milter.sock, "
		    "and S=unix:/run/kumilter-milter.sock");
	look_at_socket(l, "S=");
	if (f->action[0] == '\0')
		find(l, DOCTOR_RISKY, "F=", f->line, "no F=",
		    "mail passes unseen while the daemon is away or too slow",
		    line);
	if (f->action[0] == 'R')
		find(l, DOCTOR_RISKY, "F=", f->line, "F=R",
		    "mail is lost to a 5xx while the daemon is away or too "
		    "slow",
		    line);
	if (f->command <= l->needs->event_timeout) {
		snprintf(what, sizeof what,
		    "Sendmail waits %d s for an answer, a handler may take "
		    "%d s",
		    seconds(f->command), seconds(l->needs->event_timeout));
		find(l, DOCTOR_WRONG, "T=R", f->line, what,
		    "Sendmail gives up on the rest of the session while the "
		    "policy still works (event_timeout)",
		    line);
	}
	if (f->content <= longest) {
		snprintf(what, sizeof what,
		    "Sendmail waits %d s for the end of a message, its "
		    "handlers may take %d s",
		    seconds(f->content), seconds(longest));
		find(l, DOCTOR_WRONG, "T=R, T=E", f->line, what,
		    "R holds for the end of a message, too; Sendmail gives up "
		    "while the policy still works (message_timeout)",
		    line);
	}
	look_at_order(l, "InputMailFilters");
}

int
doctor_look(enum mta mta, const struct mta_config *c,
    const struct doctor_needs *needs, doctor_found *found, void *arg)
{
	struct look l = {
		.mta = mta, .c = c, .needs = needs, .found = found, .arg = arg
	};

	l.ours = our_filter(c, needs, mta);
	if (l.ours == NULL)
		look_for_ours(&l,
		    mta == MTA_POSTFIX ? "smtpd_milters" : "InputMailFilters");
	else if (mta == MTA_POSTFIX)
		look_at_postfix(&l);
	else
		look_at_sendmail(&l);
	return l.n;
}
