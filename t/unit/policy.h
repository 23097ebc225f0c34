/*
 * policy.h - policies as text, and sessions played against them
 *
 * No MTA: a session is a line of words, what the client would read comes back
 * as text.
 *
 *   C        connect from 192.0.2.7:40000 to 192.0.2.1:25, on Postfix;
 *            CS on Sendmail
 *   H:name   HELO           M:addr  MAIL       R:addr  RCPT
 *   D        DATA           h:N=v   a header   b:text  a piece of the body
 *   E        end of message U:cmd   an unknown command
 *   A        abort          Q       the connection closes
 *   @1 @2    go on in session 1 or 2 (it is made by its C)
 *   '_' in a word stands for a space.
 *
 * An answer is "-" (go on), "accept", "discard" or "550 5.7.1 text", with
 * "!" behind it when the MTA closes, lines joined by "|".  What passed the
 * end of a message is "-{edits}": -Name#2 deleted, ~Name#2:value changed,
 * ^Name:value inserted, +Name:value added, >addr recipient added, <addr
 * removed, s:sender, q:reason.  A session still open at the end is closed.
 */
#ifndef KUMILTER_UNIT_POLICY_H
#define KUMILTER_UNIT_POLICY_H

#include "milter/clock.h"
#include "milter/edits.h"
#include "milter/epoch.h"
#include "milter/event.h"
#include "milter/event_call.h"
#include "milter/log.h"
#include "milter/metric.h"
#include "milter/xmalloc.h"
#include "unit.h"

#include <lua.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct play {
	struct session *s[2];
	int at;
	struct str out;
};

/* A folder for one test; name is made in it. */
static inline char *
policy_file(const char *folder, const char *name, const char *text)
{
	char *path = xasprintf("%s/%s", folder, name);
	FILE *f = fopen(path, "we");

	ck_assert_msg(f != NULL, "%s", path);
	fputs(text, f);
	fclose(f);
	return path;
}

static inline char *
policy_folder(void)
{
	char *path = xstrdup("/tmp/kumilter-unit-XXXXXX");

	ck_assert_ptr_nonnull(mkdtemp(path));
	return path;
}

/* Load a policy given whole; NULL with *err. */
static inline struct epoch *
policy_load(const char *text, int states, struct err *err)
{
	char *folder = policy_folder();
	char *path = policy_file(folder, "init.lua", text);
	struct epoch_options o = {
		.policy = path, .states = states, .timeout = 600 * CLOCK_S
	}; /* sanitizers are slow */
	struct epoch *e;

	log_set_level(LOG_LEVEL_ERROR);
	e = epoch_load(&o, err);
	unlink(path);
	rmdir(folder);
	free(path);
	free(folder);
	return e;
}

/*
 * Serve with this policy: config goes into kumo.milter.configure{}, body is
 * from line 2 on; kumo is there.
 */
static inline void
policy_use(const char *config, const char *body)
{
	char *text = xasprintf("local kumo = require 'kumo' "
			       "kumo.on('init', function() "
			       "kumo.milter.configure{states = 1, %s} end)\n%s",
	    config, body);
	struct err err;
	struct epoch *e = policy_load(text, 0, &err);

	ck_assert_msg(e != NULL, "%s", err.msg);
	free(text);
	epoch_set_current(e);
}

static inline void
policy_done(void)
{
	epoch_set_current(NULL);
}

/* ---- sessions ----------------------------------------------------------- */

static inline void
play_add_reply(struct str *out, const struct reply *r)
{
	switch (r->action) {
	case REPLY_CONTINUE:
		str_addc(out, '-');
		return;
	case REPLY_ACCEPT:
		str_adds(out, "accept");
		return;
	case REPLY_DISCARD:
		str_adds(out, "discard");
		return;
	default:
		break;
	}
	ck_assert_int_eq(r->code[0], r->action == REPLY_TEMPFAIL ? '4' : '5');
	str_adds(out, r->code);
	if (r->xcode[0] != '\0')
		str_addf(out, " %s", r->xcode);
	for (int i = 0; i < r->nlines; i++)
		str_addf(out, "%s%s", i == 0 ? " " : "|", r->line[i]);
	if (r->closes)
		str_addc(out, '!');
}

static inline void
play_add_edit(struct str *out, const struct edit *e)
{
	static const char marks[] = { [EDIT_DELETE_HEADER] = '-',
		[EDIT_CHANGE_HEADER] = '~',
		[EDIT_INSERT_HEADER] = '^',
		[EDIT_ADD_HEADER] = '+',
		[EDIT_DELETE_RCPT] = '<',
		[EDIT_ADD_RCPT] = '>',
		[EDIT_SENDER] = 's',
		[EDIT_QUARANTINE] = 'q' };
	const char *name = e->name;
	size_t n = strlen(name);

	if (n > 1 && name[0] == '<' && name[n - 1] == '>') {
		name++;
		n -= 2;
	}
	str_addc(out, marks[e->kind]);
	if (e->kind == EDIT_SENDER || e->kind == EDIT_QUARANTINE)
		str_addc(out, ':');
	str_add(out, name, n);
	if (e->kind == EDIT_DELETE_HEADER || e->kind == EDIT_CHANGE_HEADER)
		str_addf(out, "#%d", e->index);
	if (e->raw != NULL)
		str_addf(out, ":%s", e->raw);
}

static inline void
play_add_edits(struct str *out, const struct message *m)
{
	struct edits list;
	const char *comma = "{";

	edits_of(&list, m);
	for (size_t i = 0; i < list.n; i++) {
		if (list.edit[i].kind == EDIT_BODY)
			continue;
		str_adds(out, comma);
		play_add_edit(out, &list.edit[i]);
		comma = ",";
	}
	if (comma[0] == ',')
		str_addc(out, '}');
	edits_fini(&list);
}

static inline void
play_connect(struct session *s, bool sendmail, struct reply *r)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_port = htons(40000),
		.sin_addr.s_addr = htonl(0xc0000207) };

	session_macros_begin(s, PHASE_CONNECT);
	session_set_macro(s, PHASE_CONNECT, "j", "mx.example.test");
	session_set_macro(
	    s, PHASE_CONNECT, "v", sendmail ? "8.17.1" : "Postfix 3.7.11");
	session_set_macro(s, PHASE_CONNECT, "{daemon_addr}", "192.0.2.1");
	session_set_macro(s, PHASE_CONNECT, "{daemon_port}", "25");
	s->client_name = xstrdup("client.example");
	memcpy(&s->peer, &in, sizeof in);
	event_connect(s, r);
}

static inline void
play_end(struct play *p, struct reply *r)
{
	struct session *s = p->s[p->at];
	struct message *m;

	event_eom(s, r, &m);
	play_add_reply(&p->out, r);
	if (m != NULL) {
		ck_assert(
		    r->action == REPLY_CONTINUE || r->action == REPLY_ACCEPT);
		play_add_edits(&p->out, m);
	}
	event_message_over(s, m);
}

static inline void
play_header(struct session *s, char *arg)
{
	char *eq = strchr(arg, '=');
	char *raw;

	ck_assert_ptr_nonnull(eq);
	*eq = '\0';
	raw = xasprintf(" %s", eq + 1);
	event_header(s, arg, raw);
	free(raw);
}

/* Spaces for '_', and the session that the word is for. */
static inline void
play_prepare(struct play *p, char *word)
{
	for (char *c = word; *c != '\0'; c++)
		if (*c == '_')
			*c = ' ';
	if (word[0] == '@')
		p->at = word[1] - '1';
	if (word[0] == 'C')
		p->s[p->at] = session_new();
}

static inline void
play_word(struct play *p, const char *given)
{
	char *word = xstrdup(given), *arg = word + (word[1] == ':' ? 2 : 1);
	struct reply r = { 0 };
	struct session *s;

	play_prepare(p, word);
	s = p->s[p->at];
	if (strchr("CHMRDEU", word[0]) != NULL)
		str_addf(
		    &p->out, "%s%c ", p->out.len != 0 ? "; " : "", word[0]);
	switch (word[0]) {
	case 'C':
		play_connect(s, word[1] == 'S', &r);
		break;
	case 'H':
		event_helo(s, arg, &r);
		break;
	case 'M':
		event_mail(s, arg, &r);
		break;
	case 'R':
		event_rcpt(s, arg, &r);
		break;
	case 'D':
		event_data(s, &r);
		break;
	case 'U':
		event_unknown(s, arg, &r);
		break;
	case 'h':
		play_header(s, arg);
		break;
	case 'b':
		event_body(s, arg, strlen(arg));
		break;
	case 'E':
		play_end(p, &r);
		break;
	case 'A':
		event_abort(s);
		break;
	case 'Q':
		event_close(s);
		p->s[p->at] = NULL;
		break;
	case '@':
		break;
	default:
		ck_abort_msg("word \"%s\"", given);
	}
	if (strchr("CHMRDU", word[0]) != NULL)
		play_add_reply(&p->out, &r);
	reply_fini(&r);
	free(word);
}

/* Play on; what was said is added to p->out. */
static inline void
play_on(struct play *p, const char *words)
{
	char *copy = xstrdup(words), *rest, *w;

	for (w = strtok_r(copy, " ", &rest); w != NULL;
	     w = strtok_r(NULL, " ", &rest))
		play_word(p, w);
	free(copy);
}

static inline void
play_over(struct play *p)
{
	for (int i = 0; i < 2; i++)
		if (p->s[i] != NULL)
			event_close(p->s[i]);
	str_fini(&p->out);
	memset(p, 0, sizeof *p);
}

/* A whole session and what comes of it. */
static inline void
play_expect(const char *words, const char *expected, const char *name)
{
	struct play p = { 0 };

	play_on(&p, words);
	ck_assert_msg(strcmp(str_c(&p.out), expected) == 0,
	    "%s\nplayed   %s\nexpected %s\ngot      %s", name, words, expected,
	    str_c(&p.out));
	play_over(&p);
}

#endif
